//! The layers that networks are made of, one file each, as in
//! [`torch.nn`](https://docs.pytorch.org/docs/stable/nn.html).

mod activation;
mod batch_norm;
mod conv;
mod dropout;
mod linear;
mod pooling;
mod sequential;

pub use activation::{ReLU, ReLU6};
pub use batch_norm::BatchNorm2d;
pub use conv::{Conv2d, ConvOptions};
pub use dropout::Dropout;
pub use linear::Linear;
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use sequential::Sequential;

/// A bool as Python prints it.
fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}
