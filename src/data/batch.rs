//! A batch of samples.

use std::fmt;
use std::path::PathBuf;

use tch::Tensor;

use crate::notebook::Here;
use crate::notebook::vars::{Known, Of, shape};

/// Some samples of a data set, put together.
pub struct Batch {
    /// (N, 3, H, W), `f32`.
    pub images: Tensor,
    /// (N,), `i64`: indices into the data set's classes.
    pub labels: Tensor,
    /// The file of each sample (empty where it has none).
    pub paths: Vec<PathBuf>,
}

impl Batch {
    /// How many samples.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there is no sample; a loader gives no such batch.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Batch(images=torch.Size({:?}), labels=torch.Size({:?}), paths={})",
            self.images.size(),
            self.labels.size(),
            self.paths.len()
        )
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(Batch);

impl Known<Here> for Of<'_, Batch> {
    fn size(&self) -> String {
        shape(&self.0.images)
    }
}
