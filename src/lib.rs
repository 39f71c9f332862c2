//! Transfer learning for image classification, step by step, for notebooks in Rust.
//!
//! The modules follow the path of the tutorial: photographs on disk ([`data`]), what is done to
//! each of them ([`transforms`]), the network ([`models`]) and its pretrained [`weights`], the
//! training loop ([`train`]), and the pictures of the result ([`viz`]). [`notebook`] is how a
//! value shows itself in a cell. `use herbarium::prelude::*;` brings in what a cell types.
//!
//! A public function that takes a path in any form hands over at once to one inside it that is not
//! generic: what is generic is compiled anew in every cell that calls it.

// What a public function takes or returns, a cell can name: variables are kept by the names of their types.
#![deny(unnameable_types)]

pub mod classifier;
pub mod data;
pub mod download;
mod drawing;
mod error;
mod files;
mod fonts;
pub mod models;
pub mod notebook;
pub mod plotters;
pub mod prelude;
mod seed;
/// The server of files that the tests of downloads share.
#[cfg(test)]
#[path = "../tests/weights/server.rs"]
#[allow(dead_code)]
mod server;
mod tensors;
pub mod train;
pub mod transforms;
pub mod viz;
pub mod weights;

pub use error::{Error, Result};
pub use seed::seed;
pub use {image, serde_json};
