//! [plotters](https://docs.rs/plotters), the drawing library, as notebooks need it.
//!
//! `use plotters::prelude::*;` in a cell is `use herbarium::plotters::prelude::*;`: all of plotters with every
//! series and element and the SVG and bitmap backends. Two things differ from the crate itself:
//!
//! - [`evcxr_figure`](evcxr::evcxr_figure) and the functions beside it return errors: a figure that could not be drawn
//!   fails its cell with plotters' message instead of panicking.
//! - Text needs no fontconfig. It is measured, and on bitmaps drawn, in DejaVu Sans, which ships with this crate,
//!   under the names of the usual families ([`FAMILIES`]); [`register_font`](style::register_font) adds others.
//!
//! [`Figure::draw`](crate::viz::Figure::draw) draws with plotters too, on the canvas that all figures of this crate are
//! drawn on.

pub mod evcxr;

pub use crate::fonts::{FAMILIES, register_fonts};
pub use ::plotters::*;

/// What a drawing uses: plotters' own prelude, with the [functions for notebooks](evcxr).
pub mod prelude {
    pub use super::evcxr::{evcxr_bitmap_figure, evcxr_figure, evcxr_figure_with_saving};
    pub use ::plotters::prelude::*;
}
