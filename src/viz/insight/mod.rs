//! Looking into a network: its first filters, what its layers give, what it looks at.

mod activations;
mod filters;
mod grad_cam;
mod layer;

pub use activations::plot_activations;
pub use filters::plot_filters;
pub use grad_cam::{GradCam, GradCamOptions, GradCamPlot, HeatScale, grad_cam, plot_grad_cam};
pub(crate) use layer::last_map;
