//! The [safetensors](https://github.com/huggingface/safetensors#format) format: eight bytes with the
//! length of a JSON header, the header with each tensor's type, shape and place, then the values,
//! little-endian and without gaps.
//!
//! Written here, and not with the crate of that name: of the header that one (0.3.3, which tch has) keeps a map without
//! order, and a state dict is an ordered thing; it wants the whole file in memory, and its errors do not name the
//! tensor that is wrong.

mod read;
mod write;

use std::collections::BTreeMap;

use tch::Kind;

use crate::notebook::{Here, Rich};
use crate::weights::StateDict;

pub use read::load_safetensors;
pub use write::save_safetensors;

/// The free texts of a safetensors file, by name.
pub type Metadata = BTreeMap<String, String>;

const METADATA: &str = "__metadata__";

/// Types by their names in the header.
const DTYPES: [(&str, Kind); 10] = [
    ("BOOL", Kind::Bool),
    ("U8", Kind::Uint8),
    ("I8", Kind::Int8),
    ("I16", Kind::Int16),
    ("I32", Kind::Int),
    ("I64", Kind::Int64),
    ("F16", Kind::Half),
    ("BF16", Kind::BFloat16),
    ("F32", Kind::Float),
    ("F64", Kind::Double),
];

/// What [`load_safetensors`] gives.
impl Rich<Here> for (StateDict, Metadata) {
    fn text(&self) -> String {
        format!("({},\n {:?})", self.0.text(), self.1)
    }
}
