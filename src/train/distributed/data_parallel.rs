//! Gradients averaged over the ranks.

use std::any::Any;

use tch::Tensor;

use super::{Group, engine};
use crate::models::layers::BatchNorm2d;
use crate::models::{Mode, Model, Pass, Role, walk};
use crate::{Error, Result};

/// Sizes of what is exchanged together, as PyTorch has them: little at first, so that it begins early.
const FIRST_BUCKET: usize = 1 << 20;
const BUCKET: usize = 25 << 20;

/// Averages the gradients of a training step over all ranks, while the backward pass still computes:
/// [`torch.nn.parallel.DistributedDataParallel`](https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html).
///
/// With equally large batches on all ranks that is the gradient of all batches together. Replicas that began with the
/// same weights and take the same optimizer's steps stay equal to the bit. What batch norms keep is rank 0's before
/// each step.
///
/// It is for the parameters that can learn when it is made: after freezing or unfreezing make another one. Alone it
/// does nothing.
pub struct DistributedDataParallel {
    group: Group,
    reducer: Option<engine::Reducer>,
    buffers: Vec<Tensor>,
}

impl DistributedDataParallel {
    /// For `model`, whose parameters and buffers become those of rank 0 on all ranks.
    ///
    /// # Errors
    /// [`Error::Distributed`] when the ranks' models differ in a shape, or a rank is gone or does not come in time.
    pub fn new(group: &Group, model: &Model) -> Result<DistributedDataParallel> {
        let state = model.state_dict();
        let all: Vec<Tensor> = state.iter().map(|(_, tensor)| tensor.shallow_clone()).collect();
        group.exchange("comparing the models", |ranks| ranks.verify(&all))?;
        group.broadcast_all(&all, 0)?;
        let parameters: Vec<Tensor> =
            model.trainable_parameters().into_iter().map(|parameter| parameter.tensor).collect();
        Self::hooked(group, &parameters, moving_buffers(model))
    }

    /// For tensors that belong to no [`Model`]: leaves that require gradients, all of them reached by every backward pass,
    /// in one order on all ranks. They become those of rank 0.
    ///
    /// # Errors
    /// As [`new`](DistributedDataParallel::new).
    pub fn of_tensors(group: &Group, parameters: &[Tensor]) -> Result<DistributedDataParallel> {
        group.exchange("comparing the models", |ranks| ranks.verify(parameters))?;
        group.broadcast_all(parameters, 0)?;
        Self::hooked(group, parameters, Vec::new())
    }

    fn hooked(group: &Group, parameters: &[Tensor], buffers: Vec<Tensor>) -> Result<DistributedDataParallel> {
        let mut reducer = None;
        group.exchange("preparing the exchange of gradients", |ranks| {
            reducer = Some(engine::Reducer::new(ranks, parameters, FIRST_BUCKET, BUCKET)?);
            Ok(())
        })?;
        Ok(DistributedDataParallel { group: group.clone(), reducer, buffers })
    }

    /// Runs a forward pass whose gradients are to be averaged: of a network alone, or up to the loss. A backward pass
    /// without it only accumulates gradients, as PyTorch's `no_sync()`; the next one that is announced exchanges their sum.
    ///
    /// # Errors
    /// Those of `forward`; [`Error::Distributed`] when a rank is gone or does not come in time.
    pub fn forward<T>(&self, forward: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(reducer) = &self.reducer else { return forward() };
        reducer.before_forward().map_err(|said| self.failure(&said.to_string()))?;
        if !self.buffers.is_empty() {
            self.group.broadcast_all(&self.buffers, 0)?;
        }
        let outcome = forward()?;
        reducer.before_backward().map_err(|said| self.failure(&said.to_string()))?;
        Ok(outcome)
    }

    /// The backward pass of what [`forward`](DistributedDataParallel::forward) computed: `loss.f_backward()`, with an error
    /// that names the rank that was waited for.
    ///
    /// # Errors
    /// libtorch's; [`Error::Distributed`] when a rank is gone or does not come in time.
    pub fn backward(&self, loss: &Tensor) -> Result<()> {
        loss.f_backward().map_err(|error| {
            let error = Error::from(error);
            if self.reducer.is_some() { self.failure(&error.to_string()) } else { error }
        })
    }

    /// Makes what batch norms keep rank 0's on all ranks, as before each step.
    pub(in crate::train) fn synchronize_buffers(&self) -> Result<()> {
        if self.buffers.is_empty() { Ok(()) } else { self.group.broadcast_all(&self.buffers, 0) }
    }

    /// An exchange that failed, or an error of this rank's own.
    fn failure(&self, said: &str) -> Error {
        // Running out of memory, for example, says nothing about another rank.
        let of_exchange = ["gloo", "onnection", "imed out", "imeout", "peer", "ollective"];
        if of_exchange.iter().any(|word| said.contains(word)) {
            self.group.lost("averaging the gradients", said)
        } else {
            Error::Torch(said.to_owned())
        }
    }
}

/// What batch norms keep that move while `model` trains.
fn moving_buffers(model: &Model) -> Vec<Tensor> {
    let pass = Pass::new(Mode::Train, model.batch_norm());
    let mut buffers = Vec::new();
    walk(model.module(), "", &mut |_, module| {
        let norm = (module as &dyn Any).downcast_ref::<BatchNorm2d>();
        if norm.is_some_and(|norm| norm.moves(pass)) {
            let kept = module.tensors().into_iter().filter(|tensor| tensor.role == Role::Buffer);
            buffers.extend(kept.map(|buffer| buffer.tensor.shallow_clone()));
        }
    });
    buffers
}

impl std::fmt::Debug for DistributedDataParallel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DistributedDataParallel({:?})", self.group)
    }
}

crate::notebook::rich_by_debug!(DistributedDataParallel);
