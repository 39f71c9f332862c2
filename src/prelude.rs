//! What a cell types: `use herbarium::prelude::*;`.
//!
//! The modules, and of each what most notebooks name. All else is reached by its module, `train::LrFindOptions` or
//! `transforms::random_erasing(0.5)`, as Python writes `transforms.RandomErasing(0.5)`.

pub use crate::classifier::Classifier;
pub use crate::data::{
    self, AnnotationFile, Batch, CategoryNames, DataLoader, Dataset, ImageFolder, ImageList, LoaderOptions,
    SplitOptions, Splits, WeightedRandomSampler, read_image,
};
pub use crate::models::{self, BatchNormMode, Model, Pretrained, Strictness, initialize_model};
// The two traits show a cell's last value; nobody names them.
pub use crate::notebook::{self, EvcxrDisplay as _, EvcxrDisplayRich as _};
pub use crate::notebook::{Progress, Show, clear_output, display, interrupted};
pub use crate::train::{
    self, Adam, AdamW, Checkpoint, CosineAnnealingLr, CrossEntropyLoss, FineTuneOptions, History, OneCycleLr,
    Optimizer, ParamGroup, ReduceLrOnPlateau, Scheduler, SchedulerStep, Sgd, StepLr, TrainOptions, compare,
    evaluate, fine_tune, lr_find, num_epochs, predict_all, train_model,
};
pub use crate::transforms::{
    self, Compose, IMAGENET_MEAN, IMAGENET_STD, Interpolation, center_crop, color_jitter, normalize,
    random_crop, random_grayscale, random_horizontal_flip, random_resized_crop, random_rotation,
    random_vertical_flip, resize, to_tensor,
};
pub use crate::viz::{
    self, Figure, Grid, Measurement, augmentation_preview, im_convert, plot_accuracy_per_class,
    plot_activations, plot_class_counts, plot_confusion_matrix, plot_feature_map, plot_filters,
    plot_grad_cam, plot_learning_rates, plot_means, plot_most_confused, plot_network, plot_phases,
    plot_top_losses, prediction_grid, show_batch,
};
pub use crate::{Error, Result, image, plotters, seed, serde_json, weights};
pub use tch::{self, Device, Kind, Tensor};
