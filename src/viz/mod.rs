//! Pictures: a batch, its predictions, the course of a training.
//!
//! All of them are [`Figure`]s, which show themselves in a cell, save themselves as PNG, and say in
//! words what they show.

mod axis;
mod batch_pictures;
mod figure;
mod font;
mod grid;
mod history;
mod im_convert;
mod labels;
mod pen;
mod prediction_grid;
mod show_batch;

pub use figure::Figure;
pub use grid::Grid;
pub use im_convert::{im_convert, im_convert_with};
pub use prediction_grid::prediction_grid;
pub use show_batch::show_batch;
