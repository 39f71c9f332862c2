//! What a cell types: `use herbarium::prelude::*;`.
pub use tch;
pub use tch::{Device, Kind, Tensor};
