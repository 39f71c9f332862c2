//! The blocks of Inception v3: parallel branches whose outputs are concatenated along the channels.

use tch::Tensor;

use crate::Result;
use crate::models::layers::{BatchNorm2d, Conv2d, ConvOptions, Linear};
use crate::models::{Module, Parts, Pass};

/// A convolution with batch norm and ReLU, `(N, inputs, H, W) -> (N, outputs, H', W')`.
pub(super) struct BasicConv2d {
    parts: Parts,
}

pub(super) fn basic_conv(inputs: i64, outputs: i64, options: ConvOptions) -> Result<BasicConv2d> {
    let parts = Parts::new()
        .with("conv", Conv2d::new(inputs, outputs, options.without_bias())?)
        .with("bn", BatchNorm2d::with(outputs, 0.001, 0.1)?);
    Ok(BasicConv2d { parts })
}

impl Module for BasicConv2d {
    fn kind(&self) -> &'static str {
        "BasicConv2d"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        Ok(self.parts.chain(&["conv", "bn"], input, pass)?.f_relu_()?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

/// A branch's pooling, before its convolutions or instead of them.
#[derive(Clone, Copy)]
enum Pool {
    /// The mean of 3×3 windows, each pixel one.
    Average,
    /// The largest of 3×3 windows, every second pixel one.
    Max,
}

impl Pool {
    fn forward(self, input: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Pool::Average => input.f_avg_pool2d([3, 3], [1, 1], [1, 1], false, true, None)?,
            Pool::Max => input.f_max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false)?,
        })
    }
}

/// One branch: a pooling, a chain of convolutions, and perhaps two at the end that both take the
/// chain's output.
struct Branch {
    pool: Option<Pool>,
    convs: &'static [&'static str],
    fork: &'static [&'static str],
}

const fn branch(convs: &'static [&'static str]) -> Branch {
    Branch { pool: None, convs, fork: &[] }
}

const fn forked(convs: &'static [&'static str], fork: &'static [&'static str]) -> Branch {
    Branch { pool: None, convs, fork }
}

const AVERAGED: Branch = Branch { pool: Some(Pool::Average), convs: &["branch_pool"], fork: &[] };
const POOLED: Branch = Branch { pool: Some(Pool::Max), convs: &[], fork: &[] };

/// Branches side by side.
pub(super) struct Mixed {
    kind: &'static str,
    parts: Parts,
    branches: &'static [Branch],
}

impl Module for Mixed {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let mut outputs = Vec::new();
        for Branch { pool, convs, fork } in self.branches {
            let pooled = pool.map(|pool| pool.forward(input)).transpose()?;
            let output = self.parts.chain(convs, pooled.as_ref().unwrap_or(input), pass)?;
            for last in *fork {
                outputs.push(self.parts.call(last, &output, pass)?);
            }
            if fork.is_empty() {
                outputs.push(output);
            }
        }
        Ok(Tensor::f_cat(&outputs, 1)?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

/// A window of `height` × `width` that keeps the size.
fn window(height: i64, width: i64) -> ConvOptions {
    ConvOptions {
        kernel_size: (height, width),
        padding: ((height - 1) / 2, (width - 1) / 2),
        ..ConvOptions::default()
    }
}

fn halving() -> ConvOptions {
    ConvOptions::kernel(3).stride(2)
}

/// Figure 5 of the paper: `(N, inputs, H, W) -> (N, 224 + pooled, H, W)`.
pub(super) fn mixed_5(inputs: i64, pooled: i64) -> Result<Mixed> {
    const BRANCHES: &[Branch] = &[
        branch(&["branch1x1"]),
        branch(&["branch5x5_1", "branch5x5_2"]),
        branch(&["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]),
        AVERAGED,
    ];
    let parts = Parts::new()
        .with("branch1x1", basic_conv(inputs, 64, window(1, 1))?)
        .with("branch5x5_1", basic_conv(inputs, 48, window(1, 1))?)
        .with("branch5x5_2", basic_conv(48, 64, window(5, 5))?)
        .with("branch3x3dbl_1", basic_conv(inputs, 64, window(1, 1))?)
        .with("branch3x3dbl_2", basic_conv(64, 96, window(3, 3))?)
        .with("branch3x3dbl_3", basic_conv(96, 96, window(3, 3))?)
        .with("branch_pool", basic_conv(inputs, pooled, window(1, 1))?);
    Ok(Mixed { kind: "InceptionA", parts, branches: BRANCHES })
}

/// Figure 10: `(N, inputs, H, W) -> (N, 480 + inputs, H / 2, W / 2)`.
pub(super) fn mixed_6a(inputs: i64) -> Result<Mixed> {
    const BRANCHES: &[Branch] =
        &[branch(&["branch3x3"]), branch(&["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]), POOLED];
    let parts = Parts::new()
        .with("branch3x3", basic_conv(inputs, 384, halving())?)
        .with("branch3x3dbl_1", basic_conv(inputs, 64, window(1, 1))?)
        .with("branch3x3dbl_2", basic_conv(64, 96, window(3, 3))?)
        .with("branch3x3dbl_3", basic_conv(96, 96, halving())?);
    Ok(Mixed { kind: "InceptionB", parts, branches: BRANCHES })
}

/// Figure 6, of 7×1 and 1×7 windows with `inner` channels between: `(N, inputs, H, W) -> (N, 768, H, W)`.
pub(super) fn mixed_6(inputs: i64, inner: i64) -> Result<Mixed> {
    const BRANCHES: &[Branch] = &[
        branch(&["branch1x1"]),
        branch(&["branch7x7_1", "branch7x7_2", "branch7x7_3"]),
        branch(&["branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"]),
        AVERAGED,
    ];
    let parts = Parts::new()
        .with("branch1x1", basic_conv(inputs, 192, window(1, 1))?)
        .with("branch7x7_1", basic_conv(inputs, inner, window(1, 1))?)
        .with("branch7x7_2", basic_conv(inner, inner, window(1, 7))?)
        .with("branch7x7_3", basic_conv(inner, 192, window(7, 1))?)
        .with("branch7x7dbl_1", basic_conv(inputs, inner, window(1, 1))?)
        .with("branch7x7dbl_2", basic_conv(inner, inner, window(7, 1))?)
        .with("branch7x7dbl_3", basic_conv(inner, inner, window(1, 7))?)
        .with("branch7x7dbl_4", basic_conv(inner, inner, window(7, 1))?)
        .with("branch7x7dbl_5", basic_conv(inner, 192, window(1, 7))?)
        .with("branch_pool", basic_conv(inputs, 192, window(1, 1))?);
    Ok(Mixed { kind: "InceptionC", parts, branches: BRANCHES })
}

/// `(N, inputs, H, W) -> (N, 512 + inputs, H / 2, W / 2)`.
pub(super) fn mixed_7a(inputs: i64) -> Result<Mixed> {
    const BRANCHES: &[Branch] = &[
        branch(&["branch3x3_1", "branch3x3_2"]),
        branch(&["branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"]),
        POOLED,
    ];
    let parts = Parts::new()
        .with("branch3x3_1", basic_conv(inputs, 192, window(1, 1))?)
        .with("branch3x3_2", basic_conv(192, 320, halving())?)
        .with("branch7x7x3_1", basic_conv(inputs, 192, window(1, 1))?)
        .with("branch7x7x3_2", basic_conv(192, 192, window(1, 7))?)
        .with("branch7x7x3_3", basic_conv(192, 192, window(7, 1))?)
        .with("branch7x7x3_4", basic_conv(192, 192, halving())?);
    Ok(Mixed { kind: "InceptionD", parts, branches: BRANCHES })
}

/// Figure 7: `(N, inputs, H, W) -> (N, 2048, H, W)`.
pub(super) fn mixed_7(inputs: i64) -> Result<Mixed> {
    const BRANCHES: &[Branch] = &[
        branch(&["branch1x1"]),
        forked(&["branch3x3_1"], &["branch3x3_2a", "branch3x3_2b"]),
        forked(&["branch3x3dbl_1", "branch3x3dbl_2"], &["branch3x3dbl_3a", "branch3x3dbl_3b"]),
        AVERAGED,
    ];
    let parts = Parts::new()
        .with("branch1x1", basic_conv(inputs, 320, window(1, 1))?)
        .with("branch3x3_1", basic_conv(inputs, 384, window(1, 1))?)
        .with("branch3x3_2a", basic_conv(384, 384, window(1, 3))?)
        .with("branch3x3_2b", basic_conv(384, 384, window(3, 1))?)
        .with("branch3x3dbl_1", basic_conv(inputs, 448, window(1, 1))?)
        .with("branch3x3dbl_2", basic_conv(448, 384, window(3, 3))?)
        .with("branch3x3dbl_3a", basic_conv(384, 384, window(1, 3))?)
        .with("branch3x3dbl_3b", basic_conv(384, 384, window(3, 1))?)
        .with("branch_pool", basic_conv(inputs, 192, window(1, 1))?);
    Ok(Mixed { kind: "InceptionE", parts, branches: BRANCHES })
}

/// The auxiliary head: `(N, inputs, H, W) -> (N, num_classes)`, for 17 × 17 and larger.
pub(super) struct InceptionAux {
    parts: Parts,
}

pub(super) fn aux_head(inputs: i64, num_classes: i64) -> Result<InceptionAux> {
    let parts = Parts::new()
        .with("conv0", basic_conv(inputs, 128, window(1, 1))?)
        .with("conv1", basic_conv(128, 768, ConvOptions::kernel(5))?)
        .with("fc", Linear::new(768, num_classes)?);
    Ok(InceptionAux { parts })
}

impl Module for InceptionAux {
    fn kind(&self) -> &'static str {
        "InceptionAux"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let pooled = input.f_avg_pool2d([5, 5], [3, 3], [0, 0], false, true, None)?;
        let features = self.parts.chain(&["conv0", "conv1"], &pooled, pass)?;
        self.parts.call("fc", &features.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}
