//! What flows through a pipeline.

use image::RgbImage;
use tch::Tensor;

/// One item on its way through a [`Compose`](super::Compose): a picture until `to_tensor()`, a tensor after.
pub enum Sample {
    /// RGB, 8 bits a channel.
    Picture(RgbImage),
    /// (3, H, W), `f32`.
    Tensor(Tensor),
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Sample::Picture(picture) => write!(f, "<Picture RGB, {}x{}>", picture.width(), picture.height()),
            Sample::Tensor(tensor) => write!(f, "<Tensor {:?}, {:?}>", tensor.size(), tensor.kind()),
        }
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
