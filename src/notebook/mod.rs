//! How a value is displayed in a cell, and how a long loop learns that it should stop.
//!
//! Everything except tensors and pictures is in the crate [`herbarium_notebook`], whose page is the contract between a
//! cell and its kernel.

mod last_value;
mod picture;
mod rich;
pub(crate) mod tensor;
pub mod vars;

pub use herbarium_notebook::{
    DisplayHandle, EvcxrDisplayRich, MimeBundle, Progress, ProgressIter, Rich, Show, clear_output, display,
    end_cell, failed, interrupted, result, stopping, store, take_interrupt,
};
pub(crate) use herbarium_notebook::{html, is_live, numbers, show_error, text_of};
pub use last_value::EvcxrDisplay;
pub(crate) use picture::to_page_size;
pub(crate) use rich::{rich_by_debug, rich_by_show};
pub use tensor::describe;

use crate::{Error, Result};

/// The marker with which this crate implements the display of another crate's type: `impl Show<Here> for
/// Tensor`.
#[derive(Debug)]
pub struct Here;

/// Prepares this process for Herbarium's kernel ([`herbarium_notebook::init`]), and gives plotters its fonts
/// ([`register_fonts`](crate::plotters::register_fonts)).
///
/// The kernel calls it once when it starts; calling it again is harmless. In any other process it
/// only registers the fonts.
///
/// # Errors
/// [`Error::Interrupt`] if the operating system refuses the signal handler.
pub fn init() -> Result<()> {
    crate::fonts::register_fonts();
    herbarium_notebook::init().map_err(Error::Interrupt)
}
