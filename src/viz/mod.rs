//! Pictures: a batch, its predictions, the course of a training.
//!
//! All of them are [`Figure`]s, which show themselves in a cell, save themselves as PNG or SVG, and say in
//! words what they show.

#[allow(dead_code, reason = "shared by pictures still to come")]
mod axis;
#[allow(dead_code, reason = "shared by pictures still to come")]
mod bars;
mod batch_pictures;
#[allow(dead_code, reason = "shared by pictures still to come")]
mod canvas;
mod figure;
mod font;
mod grid;
mod history;
mod im_convert;
mod labels;
#[allow(dead_code, reason = "shared by pictures still to come")]
mod palette;
#[allow(dead_code, reason = "shared by pictures still to come")]
mod plot;
mod prediction_grid;
mod show_batch;

pub use figure::Figure;
pub use grid::Grid;
pub use im_convert::{im_convert, im_convert_with};
pub use prediction_grid::prediction_grid;
pub use show_batch::show_batch;
