//! The cache of pictures that a loader keeps between epochs and between notebooks.
//!
//! Decoding and shrinking a photograph takes many times as long as all random transforms after it, and gives the
//! same picture in every epoch. A [`DataLoader`](super::DataLoader) therefore keeps that picture (see
//! [`FixedSteps`](super::FixedSteps)): in memory up to a budget, and in files in the user's cache folder, which the
//! next kernel reads instead of decoding again. Not one bit of a batch changes.
//!
//! | | |
//! |---|---|
//! | where | `$XDG_CACHE_HOME/herbarium/pictures` (`~/.cache/herbarium/pictures`), or [`CacheOptions::folder`] |
//! | how much | see [`CacheOptions`]; beyond it pictures are decoded in every epoch, as without a cache |
//! | a changed picture | is noticed by its size and time of change, each time it is read |
//! | changed transforms | get their own pictures; so does a change in how the crate computes pixels |
//! | a crash, a full disk | every picture has a checksum; if writing fails, pictures are decoded in every epoch, and one line says so |
//! | two kernels at once | each writes its own files and reads the others' |
//! | to see it | [`list`]: one line a data set; `dataloader.cache()`: what one loader does with it |
//! | to be rid of it | [`clear`], or delete the folder, also while it is used |
//!
//! ```no_run
//! # fn main() -> herbarium::Result<()> {
//! use herbarium::prelude::*;
//! use herbarium::data::CacheOptions;
//!
//! println!("{}", data::cache::list()?);
//! println!("{}", data::cache::clear()?);
//! let off = LoaderOptions { batch_size: 128, cache: CacheOptions::off(), ..Default::default() };
//! # Ok(())
//! # }
//! ```

mod folder;
mod id;
mod listing;
mod memory;
mod options;
mod pictures;
mod probe;
mod segment;
mod store;
mod usage;

pub use listing::{Cleared, Listing, Stored, clear, clear_folder, list, list_folder};
pub use options::CacheOptions;
pub(super) use pictures::PictureCache;
pub use usage::CacheUsage;
