//! What a cell types: `use herbarium::prelude::*;`.
