//! One prepared convolution.

use std::fmt;

use tch::{Kind, Tensor};

use crate::Result;
use crate::models::layers::ConvOptions;

/// The memory layout and type of the values inside the prepared layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// oneDNN's own layout: no other layer can read it, but nothing is rearranged between layers.
    Blocked(Kind),
    /// Channels last: ordinary tensors, for networks with layers that oneDNN lacks.
    ChannelsLast(Kind),
}

impl Layout {
    pub fn kind(self) -> Kind {
        match self {
            Layout::Blocked(kind) | Layout::ChannelsLast(kind) => kind,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Blocked(_) => "oneDNN's layout",
            Layout::ChannelsLast(_) => "channels last",
        })
    }
}

/// A batch norm with fixed statistics.
pub(super) struct Norm {
    pub weight: Tensor,
    pub bias: Tensor,
    pub mean: Tensor,
    pub variance: Tensor,
    pub eps: f64,
}

/// A convolution whose weights include the batch norm after it.
pub(super) struct FoldedConv {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
    layout: Layout,
}

impl FoldedConv {
    pub fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &ConvOptions,
        norm: Option<&Norm>,
        layout: Layout,
    ) -> Result<FoldedConv> {
        let (weight, bias) = match norm {
            Some(norm) => fold(weight, bias, norm)?,
            None => (weight.f_detach()?, bias.map(Tensor::f_detach).transpose()?),
        };
        let ConvOptions { stride, padding, dilation, groups, .. } = *options;
        let (weight, bias) = match layout {
            Layout::Blocked(kind) => {
                let packed = weight.f_contiguous()?.f_to_mkldnn(kind)?.f_mkldnn_reorder_conv2d_weight(
                    pair(padding),
                    pair(stride),
                    pair(dilation),
                    groups,
                    None::<&[i64]>,
                )?;
                (packed, bias.map(|bias| bias.f_to_mkldnn(None)).transpose()?)
            }
            Layout::ChannelsLast(kind) => {
                // The same shape and values, but with the channels innermost in memory.
                let rows = weight.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?;
                (rows.f_to_kind(kind)?, bias.map(|bias| bias.f_to_kind(kind)).transpose()?)
            }
        };
        Ok(FoldedConv { weight, bias, options: *options, layout })
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let ConvOptions { stride, padding, dilation, groups, .. } = self.options;
        match self.layout {
            Layout::Blocked(kind) => {
                let blocked;
                let input = if input.is_mkldnn() {
                    input
                } else {
                    blocked = input.f_contiguous()?.f_to_mkldnn(kind)?;
                    &blocked
                };
                Ok(input.f_mkldnn_convolution(
                    &self.weight,
                    self.bias.as_ref(),
                    pair(padding),
                    pair(stride),
                    pair(dilation),
                    groups,
                )?)
            }
            Layout::ChannelsLast(kind) => {
                plain(&self.weight, self.bias.as_ref(), &self.options, &input.f_to_kind(kind)?)
            }
        }
    }
}

/// The convolution as libtorch computes it.
pub(super) fn plain(
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
    input: &Tensor,
) -> Result<Tensor> {
    let ConvOptions { stride, padding, dilation, groups, .. } = *options;
    Ok(input.f_conv2d(weight, bias, pair(stride), pair(padding), pair(dilation), groups)?)
}

/// `(conv(x) + b − mean) · w / √(variance + eps) + bias` as one convolution.
fn fold(weight: &Tensor, bias: Option<&Tensor>, norm: &Norm) -> Result<(Tensor, Option<Tensor>)> {
    // With s = w / √(variance + eps) the formula is s · conv(x) + (b − mean) · s + bias: convolution is linear, so s
    // scales the filters of each output channel and the rest becomes the new bias. In float64, so that folding costs no
    // precision.
    let double = |tensor: &Tensor| tensor.f_detach()?.f_to_kind(Kind::Double);
    let scale = double(&norm.weight)?.f_div(&double(&norm.variance)?.f_add_scalar(norm.eps)?.f_sqrt()?)?;
    let before = match bias {
        Some(bias) => double(bias)?.f_sub(&double(&norm.mean)?)?,
        None => double(&norm.mean)?.f_neg()?,
    };
    let shift = before.f_mul(&scale)?.f_add(&double(&norm.bias)?)?;
    let weight = double(weight)?.f_mul(&scale.f_view([-1, 1, 1, 1])?)?;
    Ok((weight.f_to_kind(Kind::Float)?, Some(shift.f_to_kind(Kind::Float)?)))
}

fn pair((vertical, horizontal): (i64, i64)) -> [i64; 2] {
    [vertical, horizontal]
}
