//! The Oxford 102 flowers, fetched from their home and laid out as the tutorial has them.
//!
//! The path of the set: `source` says where it is and by what it is known, [`download`](crate::download)
//! fetches its three files, `mat` reads labels and split out of two of them, `split` decides which picture goes
//! where, and `layout` unpacks the third to these places.

mod layout;
mod mat;
mod source;
mod split;

use std::path::{Path, PathBuf};

pub use split::Flowers102Split;

use crate::Result;
use source::RemoteSet;

/// How the set is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flowers102Options {
    /// Which pictures are for what. Default: the official split.
    pub split: Flowers102Split,
}

/// The Oxford 102 flowers (Nilsback and Zisserman 2008) in the folder `dir`, in the tutorial's layout:
/// `train/<label>/image_00001.jpg`, `valid/…`, `test/…` and `cat_to_name.json`, labels 1 to 102.
///
/// What is there and whole is left as it is, and so are files of your own among it. Otherwise 345 MB are fetched from
/// `https://www.robots.ox.ac.uk/~vgg/data/flowers/102/`, or from the folder of a mirror that the environment
/// variable `HERBARIUM_FLOWERS102_URL` names; an interrupted download is resumed. The files are verified by their
/// published checksums, and only the 8,189 pictures are taken from the archive. The folder appears once it is
/// complete.
///
/// The split is the official one: 1,020 pictures to train on, 1,020 to validate on, 6,149 to test. The
/// tutorial's copy has 6,552, 818 and 819; which pictures went where is not published with the set. See
/// [`Flowers102Split`] for as many.
///
/// # Errors
/// [`Error::Download`](crate::Error::Download) when a file cannot be fetched or is not the one that was published,
/// [`Error::Archive`](crate::Error::Archive) when it does not hold what it must,
/// [`Error::DataFolder`](crate::Error::DataFolder) when `dir` has other contents, [`Error::Io`](crate::Error::Io) when
/// it cannot be written, and [`Error::Interrupted`](crate::Error::Interrupted).
pub fn flowers102(dir: impl AsRef<Path>) -> Result<PathBuf> {
    Flowers102Options::default().download(dir)
}

impl Flowers102Options {
    /// [`flowers102`] with these options.
    ///
    /// # Errors
    /// As [`flowers102`].
    pub fn download(self, dir: impl AsRef<Path>) -> Result<PathBuf> {
        self.download_to(dir.as_ref())
    }

    fn download_to(self, dir: &Path) -> Result<PathBuf> {
        let mirror = std::env::var("HERBARIUM_FLOWERS102_URL").ok();
        layout::prepare(dir, &RemoteSet::at(mirror.as_deref()), self.split)
    }
}

#[cfg(test)]
mod tests;
