//! Maps on which pictures that look alike to a network lie near each other.

mod map;
mod pca;
mod scatter;
mod tsne;

pub use map::{FeatureMapOptions, Features, Projection, plot_feature_map};
pub use pca::pca;
pub use scatter::plot_points;
pub use tsne::{TsneOptions, tsne};
