//! What a cell types: `use herbarium::prelude::*;`.

pub use crate::data::{
    self, AnnotationFile, Batch, CategoryNames, DataLoader, Dataset, ImageFolder, LoaderOptions, Splits,
    Unreadable, read_image,
};
pub use crate::models::{
    BatchNormMode, Mode, Model, Parameters, Predictions, Pretrained, StateDict, Strictness, initialize_model,
    resnet18, resnet34, resnet50, resnet101, resnet152,
};
pub use crate::notebook::{
    self, DisplayHandle, EvcxrDisplay, EvcxrDisplayRich, MimeBundle, Progress, Show, clear_output, display,
    interrupted,
};
pub use crate::train::{
    Adam, AdamOptions, AdamW, AdamWOptions, Checkpoint, CosineAnnealingLr, CrossEntropyLoss, Evaluation,
    ExponentialLr, History, MultiStepLr, NumEpochs, Optimizer, ReduceLrOnPlateau, Scheduler, Sgd, SgdOptions,
    StepLr, TrainOptions, evaluate, num_epochs, train_model,
};
pub use crate::transforms::{
    self, Compose, IMAGENET_MEAN, IMAGENET_STD, Sample, Transform, center_crop, color_jitter, normalize,
    random_affine, random_crop, random_grayscale, random_horizontal_flip, random_resized_crop,
    random_rotation, random_translation, random_vertical_flip, resize, resize_short, to_tensor,
};
pub use crate::viz::{Figure, Grid, im_convert, im_convert_with, prediction_grid, show_batch};
pub use crate::{Error, Result, seed, weights};
pub use tch::{self, Device, Kind, Tensor};
