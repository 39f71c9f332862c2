//! The data that flows through a pipeline.

use image::RgbImage;
use tch::Tensor;

/// One item on its way through a [`Compose`](super::Compose): a picture until `to_tensor()`, a tensor after.
pub enum Sample {
    /// RGB, 8 bits a channel.
    Picture(RgbImage),
    /// The crops that [`five_crop`](super::five_crop) and [`ten_crop`](super::ten_crop) make of one picture,
    /// all of one size; `to_tensor()` stacks them.
    Pictures(Vec<RgbImage>),
    /// (3, H, W), `f32`; (crops, 3, H, W) where there were several.
    Tensor(Tensor),
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Sample::Picture(picture) => write!(f, "<Picture RGB, {}x{}>", picture.width(), picture.height()),
            Sample::Pictures(crops) => match crops.first() {
                Some(crop) => {
                    write!(f, "<{} pictures RGB, {}x{}>", crops.len(), crop.width(), crop.height())
                }
                None => f.write_str("<0 pictures>"),
            },
            Sample::Tensor(tensor) => write!(f, "<Tensor {:?}, {:?}>", tensor.size(), tensor.kind()),
        }
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(Sample);
