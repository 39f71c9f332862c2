//! One prepared convolution.

use std::fmt;

use tch::{Kind, Tensor};

use crate::Result;
use crate::models::layers::ConvOptions;

/// How values lie in memory while they go through the prepared layers, and of which type they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// oneDNN's own, which no other layer can read, and which saves all rearranging between layers.
    Blocked(Kind),
    /// Channels last: ordinary tensors, for networks with layers that oneDNN has not.
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

/// A batch norm whose statistics stay.
pub(super) struct Norm {
    pub weight: Tensor,
    pub bias: Tensor,
    pub mean: Tensor,
    pub variance: Tensor,
    pub eps: f64,
}

/// A convolution with the batch norm behind it in its weights.
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
