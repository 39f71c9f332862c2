//! What a loader keeps between epochs, and between notebooks.
//!
//! Decoding a photograph and making it small takes many times as long as all that chance does to it
//! afterwards, and gives the same picture in every epoch. A [`DataLoader`](super::DataLoader) therefore keeps
//! that picture (see [`FixedSteps`](super::FixedSteps)): in memory up to a budget, and in files in the user's cache
//! folder, from which the next kernel reads instead of decoding anew. Not one bit of a batch changes by it.
//!
//! | | |
//! |---|---|
//! | where | `$XDG_CACHE_HOME/herbarium/pictures` (`~/.cache/herbarium/pictures`), or [`CacheOptions::folder`] |
//! | how much | see [`CacheOptions`]; beyond it pictures are decoded in every epoch, as without a cache |
//! | a changed picture | is noticed by its size and time of change, each time it is read |
//! | changed transforms | have pictures of their own; a change of the crate's own pixels too |
//! | a crash, a full disk | every picture has a checksum; what cannot be written is decoded in every epoch, and one line says so |
//! | two kernels at once | each writes files of its own and reads the others' |
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
