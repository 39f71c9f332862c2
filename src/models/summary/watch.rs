//! Collects the inputs and outputs of the layers.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use tch::Tensor;

use super::{LayerSummary, numel};
use crate::Result;
use crate::models::module::{Module, Role, walk};
use crate::models::trace::Watch;

/// Remembers every call, in the order in which they begin.
pub(super) struct Collect {
    calls: RefCell<Calls>,
}

#[derive(Default)]
struct Calls {
    layers: Vec<LayerSummary>,
    /// The calls that have not ended yet, the innermost last.
    open: Vec<usize>,
    seen: HashSet<String>,
}

impl Collect {
    pub fn new() -> Self {
        Collect { calls: RefCell::default() }
    }

    /// All calls, that of the network itself first, with numbers and what is inside counted.
    pub fn finish(self, root: &dyn Module, input_size: &[i64], output_size: &[i64]) -> Vec<LayerSummary> {
        let mut layers = vec![layer("", root, 0, input_size)];
        layers[0].output_size = output_size.to_vec();
        layers.extend(self.calls.into_inner().layers);
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        for layer in &mut layers {
            let number = numbers.entry(layer.depth).or_default();
            *number += 1;
            layer.index = *number;
        }
        // From the end: inner layers come after their parent, so they are already done.
        for index in (0..layers.len()).rev() {
            if !layers[index].is_leaf {
                let depth = layers[index].depth;
                let inside = || layers[index + 1..].iter().take_while(|layer| layer.depth > depth);
                let told: usize =
                    inside().filter(|layer| !layer.recursive).map(|layer| layer.own_params).sum();
                let work = inside().filter(|layer| layer.is_leaf).map(|layer| layer.mult_adds).sum();
                layers[index].own_params = layers[index].params.saturating_sub(told);
                layers[index].mult_adds = work;
            }
        }
        layers
    }
}

impl Watch for Collect {
    fn before(&self, path: &str, module: &dyn Module, input: &Tensor) {
        let mut calls = self.calls.borrow_mut();
        let mut call = layer(path, module, calls.open.len() + 1, &input.size());
        call.recursive = !calls.seen.insert(path.to_owned());
        let index = calls.layers.len();
        calls.layers.push(call);
        calls.open.push(index);
    }

    fn after(&self, _: &str, module: &dyn Module, _: &Tensor, output: Tensor) -> Result<Tensor> {
        let mut calls = self.calls.borrow_mut();
        if let Some(index) = calls.open.pop() {
            let layer = &mut calls.layers[index];
            layer.output_size = output.size();
            layer.mult_adds = if layer.is_leaf { mult_adds(module, &layer.output_size) } else { 0 };
        }
        Ok(output)
    }
}

fn layer(path: &str, module: &dyn Module, depth: usize, input_size: &[i64]) -> LayerSummary {
    let (mut params, mut trainable_params) = (0, 0);
    walk(module, "", &mut |_, inner| {
        for named in inner.tensors().into_iter().filter(|named| named.role == Role::Parameter) {
            params += named.tensor.numel();
            trainable_params += if named.tensor.requires_grad() { named.tensor.numel() } else { 0 };
        }
    });
    let is_leaf = module.children().is_empty();
    LayerSummary {
        path: path.to_owned(),
        kind: module.kind().to_owned(),
        depth,
        index: 0,
        input_size: input_size.to_vec(),
        output_size: Vec::new(),
        params,
        trainable_params,
        own_params: if is_leaf { params } else { 0 },
        mult_adds: 0,
        is_leaf,
        recursive: false,
    }
}

/// torchinfo's count: each weight and bias of a convolution once for each pixel of the output, those
/// of another layer once for each picture.
fn mult_adds(module: &dyn Module, output_size: &[i64]) -> u64 {
    let weights: usize = module
        .tensors()
        .iter()
        .filter(|named| named.role == Role::Parameter && ["weight", "bias"].contains(&named.name))
        .map(|named| named.tensor.numel())
        .sum();
    let times = match output_size {
        [pictures, _, pixels @ ..] if module.kind().contains("Conv") => numel(&[*pictures]) * numel(pixels),
        [pictures, ..] => numel(&[*pictures]),
        [] => 1,
    };
    weights as u64 * times
}
