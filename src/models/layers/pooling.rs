//! Pooling of pictures, `(N, C, H, W) -> (N, C, H', W')`:
//! [`torch.nn.MaxPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html),
//! [`torch.nn.AvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html),
//! [`torch.nn.AdaptiveAvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html).

use tch::Tensor;

use super::python_bool;
use crate::Result;
use crate::models::{Module, Pass};

/// The largest value of each square window.
#[derive(Debug, Clone, Copy)]
pub struct MaxPool2d {
    /// The window's side in pixels.
    pub kernel_size: i64,
    /// The step from one window to the next.
    pub stride: i64,
    /// Pixels added on each side; they are never the largest.
    pub padding: i64,
    /// Whether a window that reaches over the edge counts.
    pub ceil_mode: bool,
}

impl Module for MaxPool2d {
    fn kind(&self) -> &'static str {
        "MaxPool2d"
    }

    fn extra_repr(&self) -> String {
        let MaxPool2d { kernel_size, stride, padding, ceil_mode } = self;
        let ceil_mode = python_bool(*ceil_mode);
        format!(
            "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation=1, ceil_mode={ceil_mode}"
        )
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        let MaxPool2d { kernel_size, stride, padding, ceil_mode } = *self;
        Ok(input.f_max_pool2d([kernel_size; 2], [stride; 2], [padding; 2], [1, 1], ceil_mode)?)
    }
}

/// The mean of each square window.
#[derive(Debug, Clone, Copy)]
pub struct AvgPool2d {
    /// The window's side in pixels.
    pub kernel_size: i64,
    /// The step from one window to the next.
    pub stride: i64,
    /// Zeros added on each side; they count in the mean.
    pub padding: i64,
}

impl Module for AvgPool2d {
    fn kind(&self) -> &'static str {
        "AvgPool2d"
    }

    fn extra_repr(&self) -> String {
        format!("kernel_size={}, stride={}, padding={}", self.kernel_size, self.stride, self.padding)
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        let AvgPool2d { kernel_size, stride, padding } = *self;
        Ok(input.f_avg_pool2d([kernel_size; 2], [stride; 2], [padding; 2], false, true, None)?)
    }
}

/// The means of windows chosen so that the output has a fixed size, whatever the input's.
#[derive(Debug, Clone, Copy)]
pub struct AdaptiveAvgPool2d {
    /// The height and width of the output.
    pub output_size: (i64, i64),
    /// Whether Python was given one number for both, which it then prints.
    square: bool,
}

impl AdaptiveAvgPool2d {
    /// Python's `AdaptiveAvgPool2d(1)`: the mean of the whole picture.
    pub const ONE: AdaptiveAvgPool2d = AdaptiveAvgPool2d { output_size: (1, 1), square: true };

    /// Python's `AdaptiveAvgPool2d((height, width))`.
    pub const fn new(height: i64, width: i64) -> Self {
        AdaptiveAvgPool2d { output_size: (height, width), square: false }
    }
}

impl Module for AdaptiveAvgPool2d {
    fn kind(&self) -> &'static str {
        "AdaptiveAvgPool2d"
    }

    fn extra_repr(&self) -> String {
        match self.square {
            true => format!("output_size={}", self.output_size.0),
            false => format!("output_size={:?}", self.output_size),
        }
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        let (height, width) = self.output_size;
        Ok(input.f_adaptive_avg_pool2d([height, width])?)
    }
}
