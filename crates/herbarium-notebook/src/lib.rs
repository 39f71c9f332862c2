//! How a value is displayed in a notebook cell, and how a long loop learns that it should stop.
//!
//! ```
//! use herbarium_notebook::{MimeBundle, Progress, Show, display};
//!
//! #[derive(Debug)]
//! struct Garden {
//!     beds: Vec<&'static str>,
//! }
//!
//! impl Show for Garden {
//!     fn bundle(&self) -> MimeBundle {
//!         let items: String = self.beds.iter().map(|bed| format!("<li>{bed}</li>")).collect();
//!         MimeBundle::text(format!("{self:?}")).with_html(format!("<ul>{items}</ul>"))
//!     }
//! }
//!
//! impl Garden {
//!     /// What a cell shows whose last expression is a garden.
//!     pub fn evcxr_display(&self) {
//!         herbarium_notebook::result(self);
//!     }
//! }
//!
//! let mut garden = Garden { beds: Vec::new() };
//! let handle = display(&garden);
//! for bed in Progress::over("digging", ["roses", "lilies"]) {
//!     if herbarium_notebook::interrupted() {
//!         break;
//!     }
//!     garden.beds.push(bed);
//!     handle.update(&garden);
//! }
//! ```
//!
//! # The contract
//!
//! A cell runs in a child process of the kernel, and the two share one pipe: the child's standard
//! output. Printed text and displayed values travel through it together, so they keep their order
//! and appear at once. This page is the complete contract.
//!
//! # Under Herbarium's kernel
//!
//! The kernel sets `HERBARIUM_KERNEL=1` in the child. A message is then one line: the byte `0x1E`
//! (record separator), the word `herbarium`, a space, compact JSON, a line feed. It is written to
//! standard output in one locked write. A message begins at any `0x1E`, even after text without a
//! line feed, and the JSON never holds a raw `0x1E` or line feed.
//!
//! | `type` | other fields | meaning |
//! |---|---|---|
//! | `display` | `data`, `metadata`, `display_id` (may be absent) | show this at the current position of the cell's output |
//! | `update` | the same; `display_id` always | replace what was shown under that id |
//! | `result` | `data`, `metadata` | the value of the cell's last expression |
//! | `clear` | `wait` | clear the cell's output; with `wait`, when the next output arrives |
//! | `error` | `ename`, `evalue`, `traceback`, `location`, `frames`, `fails` (the last three may be absent) | a panic, the error of a `?`, or an error that is the cell's value |
//! | `listening` | `heard` | the cell checks for interrupts; it has handled one |
//!
//! `data` maps MIME types to strings; binary types (`image/png`) are base64, text types are text.
//! `metadata` maps MIME types to what Jupyter knows about them, such as a picture's `width` and
//! `height` in CSS pixels; it is an object, perhaps empty. `traceback` is a list of lines.
//! `location` is `{"line", "column"}` in the source that was compiled for the cell, given when the
//! error was raised by that source and not inside a library; then there may be `frames`, the addresses in the cell's
//! library of the calls that led there, as its file has them, the innermost first. An `error` fails the cell if it ends
//! the cell or if `fails` is true; if the cell continues, it is text on stderr.
//!
//! An interrupt is a SIGINT to the child. It sets a flag, which [`interrupted`] reads and
//! [`take_interrupt`] reads and clears; a long loop checks it between two steps. One interrupt ends all such loops of a
//! cell: those that have not started return at once ([`stopping`]). A cell that checks reports it (`listening`), so
//! that the kernel does not end it during a long step. The kernel has each cell call [`end_cell`] last, and calls
//! `herbarium_begin_cell` before each, so that an interrupt never reaches a later cell; and it has [`failed`] called
//! with the error of a `?`. It calls `herbarium_flush` several times a second, so that what is printed without a line
//! feed shows at once.
//!
//! # Under another evcxr kernel
//!
//! evcxr's own blocks: `EVCXR_BEGIN_CONTENT mime`, the content, `EVCXR_END_CONTENT`, one block for
//! each MIME type. evcxr keeps the last block of each type, so an update is simply another block.
//! Clearing does nothing, and an interrupt ends the process, as evcxr intends.
//!
//! # In a plain program
//!
//! The text form is printed. Updates print nothing, so that a log stays readable; clearing does
//! nothing; SIGINT keeps its usual effect.

// Every type that a cell can hold must be nameable: variables are stored by the names of their
// types.
#![deny(unnameable_types)]

mod bundle;
mod display;
mod error;
mod frames;
mod host;
pub mod html;
mod interrupt;
mod last_value;
mod message;
pub mod numbers;
mod panic;
mod progress;
mod rich;
pub mod store;
pub mod vars;

pub use bundle::{MimeBundle, Show};
pub use display::{DisplayHandle, clear_output, display, result, show_error};
pub use error::{Error, Result};
pub use host::is_live;
pub use interrupt::{end_cell, init, interrupted, stopping, take_interrupt};
pub use last_value::{EvcxrDisplay, EvcxrDisplayRich, text_of};
pub use panic::failed;
pub use progress::{Progress, ProgressIter};
pub use rich::Rich;
