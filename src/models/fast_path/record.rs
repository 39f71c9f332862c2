//! A trace of a forward pass: the convolutions, and the batch norms that directly follow one.

use std::collections::{HashMap, HashSet};

use tch::{Kind, Tensor};

use super::layer::{FoldedConv, Layout, Norm};
use super::{InForce, Layers, address, with};
use crate::Result;
use crate::models::layers::ConvOptions;

/// A trace of one forward pass, in order.
#[derive(Default)]
pub(super) struct Record {
    convolutions: Vec<Convolved>,
    norms: Vec<Normalised>,
    /// Whether some frozen batch norm still updates its statistics in training.
    pub moves: bool,
    /// Bytes of all outputs, which training keeps for the backward pass.
    bytes: u64,
}

/// One call of a convolution.
pub(super) struct Convolved {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
    /// Whether neither it nor anything before it learns.
    frozen: bool,
    /// Kept, so that no other tensor gets its address.
    output: Tensor,
}

/// One call of a batch norm.
struct Normalised {
    /// The address of its input.
    input: usize,
    norm: Norm,
}

/// Runs a forward pass and records it.
pub(super) fn record(forward: impl FnOnce() -> Result<Tensor>) -> Result<(Tensor, Record)> {
    let (result, state) = with(InForce::Recording(Record::default()), forward);
    let record = match state {
        InForce::Recording(record) => record,
        _ => Record::default(),
    };
    Ok((result?, record))
}

/// About how many bytes of memory one forward pass takes that keeps everything for its backward pass.
///
/// # Errors
/// Those of the pass.
pub(crate) fn activations(forward: impl FnOnce() -> Result<Tensor>) -> Result<u64> {
    Ok(record(forward)?.1.bytes)
}

impl Record {
    pub fn convolved(
        &mut self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &ConvOptions,
        input: &Tensor,
        output: &Tensor,
    ) {
        self.bytes += bytes(output);
        let learns =
            input.requires_grad() || weight.requires_grad() || bias.is_some_and(|bias| bias.requires_grad());
        self.convolutions.push(Convolved {
            weight: weight.shallow_clone(),
            bias: bias.map(Tensor::shallow_clone),
            options: *options,
            frozen: !learns && weight.kind() == Kind::Float,
            output: output.detach(),
        });
    }

    pub fn normalised(&mut self, input: &Tensor, norm: [&Tensor; 4], eps: f64, still: bool) {
        self.bytes += bytes(input);
        let learns = norm.iter().any(|tensor| tensor.requires_grad());
        self.moves |= !still && !learns;
        if still && !learns && !input.requires_grad() {
            let [weight, bias, mean, variance] = norm.map(Tensor::shallow_clone);
            let norm = Norm { weight, bias, mean, variance, eps };
            self.norms.push(Normalised { input: address(input), norm });
        }
    }

    /// The convolutions that may be prepared.
    pub fn frozen(&self) -> impl Iterator<Item = &Convolved> {
        self.convolutions.iter().filter(|convolved| convolved.frozen)
    }

    /// Prepares them, with the batch norms behind them.
    ///
    /// # Errors
    /// libtorch's, where the layout cannot be had.
    pub fn prepare(&self, layout: Layout) -> Result<Layers> {
        let _guard = tch::no_grad_guard();
        let mut layers = Layers { convolutions: HashMap::new(), folded_norms: HashSet::new() };
        for convolved in self.frozen() {
            let output = address(&convolved.output);
            // Only a norm that reads exactly this output can be folded. Tensors are compared by address, which is safe
            // because the record keeps the output alive.
            let norm = self.norms.iter().find(|normalised| normalised.input == output);
            let norm = norm.map(|normalised| &normalised.norm);
            if let Some(norm) = norm {
                layers.folded_norms.insert(address(&norm.weight));
            }
            let Convolved { weight, bias, options, .. } = convolved;
            let folded = FoldedConv::new(weight, bias.as_ref(), options, norm, layout)?;
            layers.convolutions.insert(address(weight), folded);
        }
        Ok(layers)
    }
}

fn bytes(tensor: &Tensor) -> u64 {
    (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64
}
