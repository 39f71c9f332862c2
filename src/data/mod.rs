//! Photographs on disk, with their labels, in batches: `torchvision.datasets` and
//! `torch.utils.data`.
//!
//! [`ImageFolder`] reads the tutorial's layout (`train/<class>/*.jpg`), [`AnnotationFile`] a text file of
//! `path label` lines or a CSV file, [`ImageList`] paths and labels at hand; all are a [`Dataset`]. [`Splits`]
//! keeps what belongs to training and to validation side by side, [`SplitOptions`] splits one set into both,
//! [`Subset`] takes some samples, `check()` reads everything once and reports problems. [`flowers`] is the
//! folder the tutorial runs on, [`flowers102`] fetches the photographs. A [`DataLoader`] makes [`Batch`]es of
//! a data set, on its own threads, and keeps in the [`cache`] what is the same in every epoch.
//!
//! ```no_run
//! # fn main() -> herbarium::Result<()> {
//! use herbarium::prelude::*;
//!
//! let transform = Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
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
pub mod cache;
mod category_names;
mod class_counts;
mod csv;
mod dataset;
mod decoding;
#[cfg(feature = "painted")]
mod drawn;
#[cfg(not(feature = "painted"))]
#[path = "without_drawn.rs"]
mod drawn;
mod fixed_steps;
mod flowers;
#[cfg(feature = "download")]
mod flowers102;
mod health;
mod image_folder;
mod image_list;
mod loader;
mod picture_set;
mod picture_warning;
mod read_image;
mod split;
mod split_folders;
mod splits;
mod subset;
mod table;
mod walk;

pub use annotation_file::AnnotationFile;
pub use batch::Batch;
pub use cache::{CacheOptions, CacheUsage};
pub use category_names::CategoryNames;
pub use class_counts::ClassCounts;
pub use csv::CsvColumns;
pub use dataset::Dataset;
pub use decoding::Decoding;
#[cfg(feature = "painted")]
pub use drawn::{PlantOptions, draw_flowers, draw_plants};
pub use fixed_steps::{FixedSteps, TwoSteps};
pub use flowers::flowers;
#[cfg(feature = "download")]
pub use flowers102::{Flowers102Options, Flowers102Split, flowers102};
pub use health::{CheckedFile, Health, Problem, SetHealth};
pub use image_folder::ImageFolder;
pub use image_list::ImageList;
pub use loader::{Batches, DataLoader, LoaderOptions, Skipped, Unreadable, WeightedRandomSampler};
pub use read_image::{ReadOptions, decode_image, read_image};
pub use split::SplitOptions;
pub use splits::Splits;
pub use subset::Subset;
pub use walk::IMG_EXTENSIONS;
