//! The large set on disk.

use std::path::Path;

use super::garden::garden;
use super::portrait::portrait;
use crate::data::drawn::painted_set::PaintedSet;
use crate::data::drawn::picture::SIDE;
use crate::{Error, Result};

/// What [`draw_plants`] paints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlantOptions {
    /// How many species, 1 to 500: 300. A larger set has the species of a smaller one, and more.
    pub species: usize,
    /// Pictures of each species to train on: 40.
    pub train: usize,
    /// Pictures of each species to validate on, none of which is among those to train on: 5.
    pub valid: usize,
    /// Width and height of the pictures in pixels, 16 to 256: 256.
    pub side: u32,
    /// Which pictures of the species are painted; the species stay the same: 0.
    pub seed: u64,
}

impl Default for PlantOptions {
    fn default() -> Self {
        PlantOptions { species: 300, train: 40, valid: 5, side: SIDE as u32, seed: 0 }
    }
}

impl PlantOptions {
    fn check(&self) -> Result<()> {
        let problem = if !(1..=500).contains(&self.species) {
            format!("species is {}: 1 to 500 can be painted", self.species)
        } else if self.train == 0 || self.valid == 0 {
            "train and valid must be at least 1: a set without pictures cannot be read".into()
        } else if !(16..=SIDE as u32).contains(&self.side) {
            format!("side is {}: pictures are 16 to {SIDE} pixels wide", self.side)
        } else {
            return Ok(());
        };
        Err(Error::Argument(problem))
    }
}

/// Paints plants of many species into a folder, in the layout of [`draw_flowers`](super::super::draw_flowers): the
/// data that the weights in this crate were pretrained on.
///
/// The species differ in the outline, number, rows and order of their petals, in their patterns, middles, leaves and
/// in how many blooms they bear; within a species place, size, view, shade, light and background differ. None equals or
/// resembles one of the twelve of [`flowers`](crate::data::flowers). The same options give the same pictures.
///
/// A folder that holds the whole set is left as it is, and what an interruption left is continued. Returns whether
/// anything had to be painted. A picture takes about 0.02 s on each processor.
///
/// # Errors
/// [`Error::Argument`] for options out of range and for a folder that holds something else; [`Error::Io`] with the
/// file that could not be written.
pub fn draw_plants(folder: impl AsRef<Path>, options: PlantOptions) -> Result<bool> {
    options.check()?;
    let PlantOptions { species, train, valid, side, seed } = options;
    let garden = garden(species);
    let set = PaintedSet {
        // The number changes when the pictures do.
        version: format!(
            "herbarium painted plants 1: {species} species, {train} + {valid} pictures, {side} pixels, seed {seed}"
        ),
        parts: [("train", train), ("valid", valid)],
        names: garden.iter().enumerate().map(|(i, traits)| traits.name(i + 1)).collect(),
        seed,
        paint: &|species, seed| portrait(&garden[species], seed, side),
    };
    set.draw_in_place(folder.as_ref())
}
