//! Pictures that teach. All of them are [`Figure`]s, which show themselves in a cell, save themselves as
//! PNG or SVG, and say in words what they show.
//!
//! | what one wants to see | |
//! |---|---|
//! | what a loader gives; what augmentation does | [`show_batch`], [`im_convert`], [`augmentation_preview`] |
//! | what a data set has | [`plot_class_counts`] |
//! | what the network is | [`plot_network`] |
//! | how training goes | [`History::plot`](crate::train::History::plot), [`plot_phases`], [`LrFind::plot`](crate::train::LrFind::plot), [`plot_learning_rates`] |
//! | what gives how much | [`Comparison::plot`](crate::train::Comparison::plot), [`plot_means`], [`plot_trade_off`] |
//! | what the model says | [`prediction_grid`], [`top_k`] |
//! | what it gets wrong | [`plot_confusion_matrix`], [`most_confused`], [`plot_most_confused`], [`plot_top_losses`], [`plot_accuracy_per_class`] |
//! | what it looks at | [`plot_grad_cam`], [`plot_filters`], [`plot_activations`] |
//! | what it finds alike | [`plot_feature_map`], [`plot_points`] with [`tsne`] or [`pca`] |
//!
//! [`Figure::draw`] is for all else: a learner's own drawing with plotters. [`picture_grid`] sets pictures and figures of
//! any kind beside each other.
//!
//! The pictures of mistakes are drawn from what [`predict_all`](crate::train::predict_all) gives.
//! Charts are plotters', drawn like all else on one canvas of our own, which becomes PNG or SVG.

mod answers;
mod augmentation_preview;
mod batch_pictures;
mod confused_pairs;
mod confusion;
mod confusion_plot;
mod features;
mod grid;
mod insight;
mod labelled;
mod labels;
mod learning_rates;
mod measurement;
mod network;
mod per_class;
mod photograph;
mod prediction_grid;
mod show_batch;
mod top_k;
mod top_losses;
mod trade_off;

pub use answers::{Answered, Answers};
pub use augmentation_preview::{augmentation_preview, transform_panel, transform_steps};
pub use confused_pairs::{PairOptions, plot_most_confused};
pub use confusion::{ConfusedPair, MostConfused, most_confused};
pub use confusion_plot::{Cells, ConfusionOptions, plot_confusion_matrix};
pub use features::{
    FeatureMapOptions, Features, Projection, TsneOptions, pca, plot_feature_map, plot_points, tsne,
};
pub use grid::{Grid, Panel, picture_grid};
pub use insight::{
    GradCam, GradCamOptions, GradCamPlot, HeatScale, grad_cam, plot_activations, plot_filters, plot_grad_cam,
};
pub use learning_rates::plot_learning_rates;
pub use measurement::{Marks, MeansOptions, Measurement, plot_means};
pub use network::plot_network;
pub use per_class::{plot_accuracy_per_class, plot_class_counts};
pub use prediction_grid::{GridOptions, Only, prediction_grid};
pub use show_batch::show_batch;
pub use top_k::top_k;
pub use top_losses::plot_top_losses;
pub use trade_off::{TradeOff, plot_trade_off};

pub use crate::drawing::{CanvasBackend, Figure, im_convert};
pub use crate::train::plot_phases;
