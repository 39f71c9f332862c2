//! Weights: where they are looked for, the files they come in (safetensors and PyTorch's own), and how
//! they get into a model without leaving it half loaded.

mod atomic;
mod bundled;
mod catalog;
mod file;
mod find;
mod load;
mod quantized;
mod report;
mod safetensors;
mod spec;
pub mod torch_file;
mod wrappers;

pub(crate) use atomic::write_atomically;
pub(crate) use bundled::bundled;
pub use catalog::{PretrainedWeights, WeightsTable, download, imagenet_classes, list, named};
pub(crate) use catalog::{how_to_get, offline};
pub(crate) use file::{Format, is_safetensors, tell_not_read};
pub use file::{load, save};
pub use find::{find, find_in, search_folders};
pub(crate) use load::{compare, load_into, may_be_missing};
pub use quantized::save_quantized;
pub(crate) use report::by_layer;
pub use report::{Conversion, LoadReport, Mismatch};
pub use safetensors::{Metadata, load_safetensors, save_safetensors};
pub use spec::TensorSpec;
pub(crate) use spec::{kind_text, shape_text};
