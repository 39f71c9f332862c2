//! What a cell types: `use herbarium::prelude::*;`.

pub use crate::models::{
    BatchNormMode, Mode, Model, Parameters, Predictions, Pretrained, StateDict, Strictness, initialize_model,
    resnet18, resnet34, resnet50, resnet101, resnet152,
};
pub use crate::notebook::{
    self, DisplayHandle, EvcxrDisplay, EvcxrDisplayTensor, MimeBundle, Show, clear_output, display,
    interrupted,
};
pub use crate::train::{
    Adam, AdamOptions, AdamW, AdamWOptions, Checkpoint, CosineAnnealingLr, CrossEntropyLoss, Evaluation,
    ExponentialLr, History, MultiStepLr, Optimizer, ReduceLrOnPlateau, Scheduler, Sgd, SgdOptions, StepLr,
    TrainOptions, evaluate, train_model,
};
