//! What a cell types: `use herbarium::prelude::*;`.

pub use crate::classifier::Classifier;
pub use crate::data::{
    self, AnnotationFile, Batch, CacheOptions, CategoryNames, ClassCounts, CsvColumns, DataLoader, Dataset,
    Decoding, ImageFolder, ImageList, LoaderOptions, ReadOptions, SplitOptions, Splits, Subset, Unreadable,
    WeightedRandomSampler, read_image, read_image_with,
};
pub use crate::models::{
    self, Activations, BatchNormMode, Mode, Model, Outputs, Parameters, Predictions, Pretrained, StateDict,
    Strictness, Summary, get_model, initialize_model, known_models, resnet18, resnet34, resnet50, resnet101,
    resnet152,
};
pub use crate::notebook::{
    self, DisplayHandle, EvcxrDisplay, EvcxrDisplayRich, MimeBundle, Progress, Show, clear_output, display,
    interrupted,
};
pub use crate::train::{
    Adam, AdamOptions, AdamW, AdamWOptions, ChainedScheduler, Checkpoint, Comparison, CosineAnnealingLr,
    CrossEntropyLoss, Ema, Evaluation, ExponentialLr, FineTuneOptions, History, LinearLr, LrFind,
    LrFindOptions, Metrics, Mix, MultiStepLr, NumEpochs, OneCycleLr, OneCycleOptions, Optimizer, ParamGroup,
    Precision, ReduceLrOnPlateau, Resume, RmsProp, RmsPropOptions, Scheduler, SchedulerStep, SequentialLr,
    Sgd, SgdOptions, StepLr, TrainOptions, compare, evaluate, fine_tune, lr_find, num_epochs, predict_all,
    predict_augmented, train_model,
};
pub use crate::transforms::{
    self, Compose, IMAGENET_MEAN, IMAGENET_STD, Interpolation, PaddingMode, Sample, Transform, auto_augment,
    center_crop, color_jitter, five_crop, gaussian_blur, grayscale, inverse_normalize, normalize, pad,
    rand_augment, random_adjust_sharpness, random_affine, random_apply, random_autocontrast, random_choice,
    random_crop, random_equalize, random_erasing, random_grayscale, random_horizontal_flip, random_invert,
    random_order, random_perspective, random_posterize, random_resized_crop, random_rotation,
    random_solarize, random_vertical_flip, resize, ten_crop, to_tensor, trivial_augment_wide,
};
pub use crate::viz::{
    Answered, Answers, CanvasBackend, Cells, ConfusedPair, ConfusionOptions, FeatureMapOptions, Features,
    Figure, GradCam, GradCamOptions, GradCamPlot, Grid, GridOptions, HeatScale, Marks, MeansOptions,
    Measurement, MostConfused, Only, PairOptions, Panel, Projection, TradeOff, TsneOptions,
    augmentation_preview, grad_cam, im_convert, im_convert_with, most_confused, pca, picture_grid,
    plot_accuracy_per_class, plot_activations, plot_class_counts, plot_confusion_matrix, plot_feature_map,
    plot_filters, plot_grad_cam, plot_learning_rates, plot_means, plot_most_confused, plot_network,
    plot_phases, plot_points, plot_top_losses, plot_trade_off, prediction_grid, show_batch, transform_panel,
    transform_steps, tsne,
};
pub use crate::{Error, Result, image, plotters, seed, serde_json, weights};
pub use tch::{self, Device, Kind, Tensor};
