//! Transfer learning for image classification, step by step, for notebooks in Rust.
//!
//! The modules follow the tutorial: photographs on disk ([`data`]), their preprocessing
//! ([`transforms`]), the network ([`models`]) and its pretrained [`weights`], the training loop
//! ([`train`]), and the pictures of the result ([`viz`]). [`notebook`] displays values in a cell.
//! `use herbarium::prelude::*;` imports what cells use.
//!
//! Features, all on by default:
//! - `distributed`: training on several processes with libtorch's engine, whose C++ is compiled for it.
//! - `download`: [`download`], and the photographs of the Oxford 102 flowers. Without it nothing is fetched, and TLS is not built.
//! - `painted`: the painted flowers that [`data::flowers`] gives where `HERBARIUM_DATA` is not set.
//!
//! A public function that takes any kind of path calls a non-generic inner function at once:
//! generic code is compiled again in every cell that calls it.

// Every type in a public signature must be nameable in a cell: variables are stored by the names of their
// types.
#![deny(unnameable_types)]

pub mod classifier;
pub mod cuda;
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
/// The file server that the download tests share.
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
