//! Convolution of pictures, `(N, C_in, H, W) -> (N, C_out, H', W')` with
//! `H' = (H + 2 padding − dilation (kernel − 1) − 1) / stride + 1`:
//! [`torch.nn.Conv2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html).

use tch::Tensor;

use crate::models::init::{default_bias, default_weight};
use crate::models::{Module, NamedTensor, Pass, fast_path};
use crate::{Error, Result};

/// The settings of a [`Conv2d`], each `(vertical, horizontal)` pair in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvOptions {
    /// The size of the window.
    pub kernel_size: (i64, i64),
    /// The step from one window to the next.
    pub stride: (i64, i64),
    /// Zeros added on each side.
    pub padding: (i64, i64),
    /// The distance between the window's points; 1 is a solid window.
    pub dilation: (i64, i64),
    /// In how many groups the channels are convolved separately.
    pub groups: i64,
    /// Whether a learned number is added to each channel.
    pub bias: bool,
}

impl Default for ConvOptions {
    /// A window of one pixel, step 1, no padding, with a bias.
    fn default() -> Self {
        ConvOptions {
            kernel_size: (1, 1),
            stride: (1, 1),
            padding: (0, 0),
            dilation: (1, 1),
            groups: 1,
            bias: true,
        }
    }
}

impl ConvOptions {
    /// A square window of `size` pixels.
    pub fn kernel(size: i64) -> Self {
        ConvOptions { kernel_size: (size, size), ..ConvOptions::default() }
    }

    /// The same step both ways.
    pub fn stride(self, stride: i64) -> Self {
        ConvOptions { stride: (stride, stride), ..self }
    }

    /// The same padding on all sides.
    pub fn padding(self, padding: i64) -> Self {
        ConvOptions { padding: (padding, padding), ..self }
    }

    /// Without a bias: for a convolution followed by a batch norm, which would cancel it.
    pub fn without_bias(self) -> Self {
        ConvOptions { bias: false, ..self }
    }
}

/// A convolution with weight `(C_out, C_in / groups, kernel height, kernel width)`.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    in_channels: i64,
    out_channels: i64,
    options: ConvOptions,
}

impl Conv2d {
    /// A convolution with PyTorch's default random weights.
    ///
    /// # Errors
    /// [`Error::Argument`] when a size is not positive or the groups do not divide the channels.
    pub fn new(in_channels: i64, out_channels: i64, options: ConvOptions) -> Result<Conv2d> {
        let ConvOptions { kernel_size, stride, dilation, groups, .. } = options;
        let sizes = [
            in_channels,
            out_channels,
            groups,
            kernel_size.0,
            kernel_size.1,
            stride.0,
            stride.1,
            dilation.0,
            dilation.1,
        ];
        if sizes.iter().any(|&size| size < 1) || in_channels % groups != 0 || out_channels % groups != 0 {
            return Err(Error::Argument(format!(
                "Conv2d({in_channels}, {out_channels}, {options:?}): sizes must be positive and groups divide the channels"
            )));
        }
        let shape = [out_channels, in_channels / groups, kernel_size.0, kernel_size.1];
        let weight = default_weight(&shape)?;
        let bias = options.bias.then(|| default_bias(&shape)).transpose()?;
        Ok(Conv2d { weight, bias, in_channels, out_channels, options })
    }

    /// The weight, `(C_out, C_in / groups, kernel height, kernel width)`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, `(C_out,)`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// How many channels come in.
    pub fn in_channels(&self) -> i64 {
        self.in_channels
    }

    /// How many channels go out.
    pub fn out_channels(&self) -> i64 {
        self.out_channels
    }

    /// Window, step, padding and the rest.
    pub fn options(&self) -> ConvOptions {
        self.options
    }
}

impl Module for Conv2d {
    fn kind(&self) -> &'static str {
        "Conv2d"
    }

    fn extra_repr(&self) -> String {
        let ConvOptions { kernel_size, stride, padding, dilation, groups, bias } = self.options;
        let (inputs, outputs) = (self.in_channels, self.out_channels);
        let mut text = format!("{inputs}, {outputs}, kernel_size={kernel_size:?}, stride={stride:?}");
        if padding != (0, 0) {
            text += &format!(", padding={padding:?}");
        }
        if dilation != (1, 1) {
            text += &format!(", dilation={dilation:?}");
        }
        if groups != 1 {
            text += &format!(", groups={groups}");
        }
        if !bias {
            text += ", bias=False";
        }
        text
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        if let Some(output) = fast_path::convolve(&self.weight, self.bias(), &self.options, input)? {
            return Ok(output);
        }
        let ConvOptions { stride, padding, dilation, groups, .. } = self.options;
        let pair = |(vertical, horizontal): (i64, i64)| [vertical, horizontal];
        let output =
            input.f_conv2d(&self.weight, self.bias(), pair(stride), pair(padding), pair(dilation), groups)?;
        fast_path::convolved(&self.weight, self.bias(), &self.options, input, &output);
        Ok(output)
    }

    fn tensors(&self) -> Vec<NamedTensor<'_>> {
        let weight = NamedTensor::parameter("weight", &self.weight);
        [weight].into_iter().chain(self.bias().map(|bias| NamedTensor::parameter("bias", bias))).collect()
    }
}
