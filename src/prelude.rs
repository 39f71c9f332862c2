//! What a cell types: `use herbarium::prelude::*;`.

pub use crate::notebook::{
    self, DisplayHandle, EvcxrDisplay, EvcxrDisplayTensor, MimeBundle, Show, clear_output, display,
    interrupted,
};
