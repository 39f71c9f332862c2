//! Photographs on disk, with their labels, in batches: `torchvision.datasets` and
//! `torch.utils.data`.
//!
//! [`ImageFolder`] reads the tutorial's layout (`train/<class>/*.jpg`), [`AnnotationFile`] a text file of
//! `path label` lines; both are a [`Dataset`]. [`Splits`] keeps what belongs to training and to validation
//! side by side. [`flowers`] is the folder the tutorial runs on. A [`DataLoader`] makes [`Batch`]es of a
//! data set, on threads of its own.
//!
//! ```no_run
//! # fn main() -> herbarium::Result<()> {
//! use herbarium::prelude::*;
//!
//! let transform = Compose::new(vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
//! let transforms = Splits { train: transform.clone(), valid: transform };
//! let image_datasets = ImageFolder::splits(data::flowers()?, &transforms)?;
//! let dataloaders =
//!     image_datasets.loaders(LoaderOptions { batch_size: 128, shuffle: true, ..Default::default() });
//! for batch in &dataloaders.train {
//!     println!("{:?}", batch?.images.size());
//! }
//! # Ok(())
//! # }
//! ```

mod annotation_file;
mod batch;
mod category_names;
mod dataset;
mod drawn;
mod flowers;
mod image_folder;
mod loader;
mod picture_set;
mod read_image;
mod splits;
mod walk;

pub use annotation_file::AnnotationFile;
pub use batch::Batch;
pub use category_names::CategoryNames;
pub use dataset::Dataset;
pub use drawn::draw_flowers;
pub use flowers::flowers;
pub use image_folder::ImageFolder;
pub use loader::{Batches, DataLoader, LoaderOptions, Skipped, Unreadable};
pub use read_image::read_image;
pub use splits::Splits;
pub use walk::IMG_EXTENSIONS;
