//! Weights: where they are looked for, the files they come in (safetensors and PyTorch's own), and how
//! they get into a model without leaving it half loaded.

mod bundled;
mod catalog;
mod file;
mod find;
mod load;
mod quantized;
mod safetensors;
mod state_dict;
pub mod torch_file;
mod wrappers;

pub(crate) use bundled::bundled;
pub use catalog::{PretrainedWeights, WeightsTable, download, imagenet_classes, list, named};
pub(crate) use catalog::{how_to_get, offline};
pub(crate) use file::{Format, is_safetensors, tell_not_read};
pub use file::{load, save};
pub use find::{find, find_in, search_folders};
pub(crate) use load::{compare, load_into, may_be_missing};
pub use quantized::save_quantized;
pub use safetensors::{Metadata, load_safetensors, save_safetensors};
pub use state_dict::{StateDict, Strictness};
pub(crate) use wrappers::without_wrappers;

pub use crate::tensors::{Conversion, LoadReport, Mismatch, TensorSpec};
