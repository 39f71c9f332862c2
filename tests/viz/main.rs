//! Pictures from outside, drawn from known data: pixels, SVG, words, and what is wrong with bad input.
//! `HERBARIUM_LOOK=DIR` keeps the pictures that are worth looking at.

mod choices;
mod drawing;
#[path = "../formula/mod.rs"]
mod formula;
mod grids;
mod html;
mod insight;
mod mistakes;
mod networks;
mod plots;
mod support;
