//! The drawing tools: a canvas that becomes PNG or SVG, text in any script, charts, and tensors as pictures.
//!
//! Each picture is drawn in the module of its subject: the course of a training in [`train`](crate::train), most
//! else in [`viz`](crate::viz), which has the public names of this module too.

pub(crate) mod axis;
pub(crate) mod bars;
pub(crate) mod canvas;
mod encoded;
mod figure;
pub(crate) mod font;
mod im_convert;
pub(crate) mod legend;
pub(crate) mod palette;
pub(crate) mod plot;
mod tensor_html;
mod tensor_picture;

pub use canvas::CanvasBackend;
pub use figure::Figure;
pub use im_convert::im_convert;
pub(crate) use im_convert::to_image;
