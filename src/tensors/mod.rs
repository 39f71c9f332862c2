//! Tensors in words: the shape and type of one, and the report on loading many into a model.

mod load_report;
mod spec;

pub(crate) use load_report::by_layer;
pub use load_report::{Conversion, LoadReport, Mismatch};
pub use spec::TensorSpec;
pub(crate) use spec::{kind_text, shape_text};
