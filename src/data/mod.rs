//! TODO
mod drawn;
mod flowers;

pub use drawn::draw_flowers;
pub use flowers::flowers;
