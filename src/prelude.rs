//! What a cell types: `use herbarium::prelude::*;`.

pub use crate::models::{
    BatchNormMode, Mode, Model, Parameters, Predictions, Pretrained, StateDict, Strictness, initialize_model,
    resnet18, resnet34, resnet50, resnet101, resnet152,
};
