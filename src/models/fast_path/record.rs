//! What a forward pass did: which convolution saw what, and which batch norm came right behind one.

use std::collections::{HashMap, HashSet};

use tch::{Kind, Tensor};

use super::layer::{FoldedConv, Layout, Norm};
use super::{InForce, Layers, address, with};
use crate::Result;
use crate::models::layers::ConvOptions;

/// Notes of one forward pass, in the order of what happened.
#[derive(Default)]
pub(super) struct Record {
    convolutions: Vec<Convolved>,
    norms: Vec<Normalised>,
    /// Whether a batch norm that is frozen moves in training all the same.
    pub moves: bool,
    /// Bytes of all outputs, which training keeps for the backward pass.
    bytes: u64,
}

/// A convolution's part of a pass.
pub(super) struct Convolved {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
    /// Whether nothing that learns came before it, nor is in it.
    frozen: bool,
    /// Kept, so that no other tensor gets its address.
    output: Tensor,
}

/// A batch norm's part of a pass.
struct Normalised {
    /// The address of what it was given.
    input: usize,
    norm: Norm,
}

/// Runs a forward pass and notes what it does.
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
