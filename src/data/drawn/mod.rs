//! A generated data set, so that the tutorial runs without a download.
//!
//! Twelve species of flowers in the tutorial's layout, 40 pictures of each to train on and 10 to
//! validate on, 256 by 256 pixels. A species is recognisable by the shape, number and arrangement
//! of its petals and by its centre; colour, size, place, rotation, view, light and background vary
//! within it and are shared between species, so that none of them gives the answer away. The same
//! version of the crate paints the same pictures.
//!
//! How a picture is made: `species` lists the kinds, `blooms` their petals, `petal` and `centre`
//! paint them on a `canvas` at a `pose` over a `backdrop`, `picture` composes the result, and
//! `store` keeps the set on disk.

mod backdrop;
mod blooms;
mod canvas;
mod centre;
mod painted_set;
mod palette;
mod petal;
mod picture;
mod plants;
mod pose;
mod species;
mod store;

pub use plants::{PlantOptions, draw_plants};
pub(super) use store::cached_flowers;
pub use store::draw_flowers;
