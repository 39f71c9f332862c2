//! Optimizers: PyTorch's `torch.optim`, with its arithmetic and its state.
//!
//! An optimizer holds handles on the model's own tensors, not copies, and borrows nothing: it may
//! live in a notebook's variable beside the model. Constructors never fail; what PyTorch's would
//! refuse (no parameters, a negative learning rate) is reported by [`Optimizer::validate`], which
//! the first [`Optimizer::step`] and [`train_model`](crate::train::train_model) call. Settings beside the learning
//! rate are methods: `Sgd::new(parameters, 0.1).momentum(0.9).nesterov(true)`.

mod adam;
mod adam_rule;
mod adamw;
mod clip;
mod group;
mod pieces;
pub(super) mod python;
mod rmsprop;
mod rule;
mod sgd;
mod state;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::Tensor;

use crate::Result;
use crate::models::Parameters;

pub use adam::Adam;
pub use adamw::AdamW;
pub use clip::{clip_grad_norm, clip_grad_value};
pub use group::{ParamGroup, ParamGroups};
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
pub use state::OptimizerState;

/// Identifies an optimizer; a scheduler remembers the one it was built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptimizerId(u64);

impl OptimizerId {
    /// An id that no other optimizer of this process has.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        OptimizerId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for OptimizerId {
    fn default() -> Self {
        OptimizerId::new()
    }
}

/// `torch.optim.Optimizer`: parameters in one or several groups ([`ParamGroup`]).
pub trait Optimizer: fmt::Debug {
    /// PyTorch's class: `Adam`.
    fn name(&self) -> &'static str;

    /// Which optimizer this is; the same for its whole life.
    fn id(&self) -> OptimizerId;

    /// The tensors it changes, with their names; those of all groups, in order.
    fn parameters(&self) -> &Parameters;

    /// The current learning rate of each group, `[group['lr'] for group in optimizer.param_groups]`.
    fn lrs(&self) -> Vec<f64>;

    /// Sets the learning rate of each group, in their order, for the next steps.
    fn set_lrs(&mut self, lrs: &[f64]);

    /// The current learning rate of the first group, `optimizer.param_groups[0]['lr']`.
    fn lr(&self) -> f64 {
        self.lrs().first().copied().unwrap_or(0.0)
    }

    /// Sets the learning rate of all groups for the next steps.
    fn set_lr(&mut self, lr: f64) {
        let groups = self.lrs().len();
        self.set_lrs(&vec![lr; groups]);
    }

    /// The learning rates that the groups began with, PyTorch's `group['initial_lr']`: those they had when
    /// the first scheduler was built.
    fn initial_lrs(&self) -> Vec<f64> {
        self.lrs()
    }

    /// The momentum that [`OneCycleLr`](super::OneCycleLr) moves against the learning rate: SGD's own, Adam's
    /// first beta; `None` where there is none to move.
    fn current_momentum(&self) -> Option<f64> {
        None
    }

    /// Sets that momentum for the next steps.
    fn set_momentum(&mut self, _momentum: f64) {}

    /// Refuses what PyTorch's constructor refuses: an empty or repeated list of parameters, a
    /// learning rate or another setting out of its range.
    ///
    /// # Errors
    /// [`Error::Optimizer`](crate::Error::Optimizer) naming the setting.
    fn validate(&self) -> Result<()>;

    /// Changes each parameter by its gradient. A parameter without a gradient stays as it is.
    ///
    /// # Errors
    /// Those of [`validate`](Optimizer::validate), and libtorch's.
    fn step(&mut self) -> Result<()>;

    /// Sets all gradients to zero, to be called before each backward pass, which adds to them. On a GPU there are none
    /// afterwards, as in PyTorch, which spares a kernel for each to clear it and another to add to it; on a CPU their memory
    /// is used again, which is faster there.
    ///
    /// # Errors
    /// libtorch's.
    fn zero_grad(&mut self) -> Result<()> {
        let on_gpu = self.parameters().into_iter().map(|parameter| &parameter.tensor);
        let on_gpu: Vec<_> =
            on_gpu.filter(|tensor| tensor.device().is_cuda()).map(Tensor::shallow_clone).collect();
        torch_accelerator::forget_gradients(&on_gpu)?;
        for parameter in self.parameters() {
            let mut gradient = parameter.tensor.f_grad()?;
            if gradient.defined() {
                let _ = gradient.f_detach_()?.f_zero_()?;
            }
        }
        Ok(())
    }

    /// Everything a later run needs to continue from here; the tensors are copies.
    ///
    /// # Errors
    /// libtorch's, when memory runs out.
    fn state_dict(&self) -> Result<OptimizerState>;

    /// Takes up a state that [`state_dict`](Optimizer::state_dict) gave, learning rate included.
    /// On an error nothing is changed.
    ///
    /// # Errors
    /// [`Error::Optimizer`](crate::Error::Optimizer) when the state is another optimizer's, or of
    /// other parameters.
    fn load_state_dict(&mut self, state: &OptimizerState) -> Result<()>;
}

/// The gradient of a parameter that is to be changed: `None` for one that is frozen or that the
/// loss did not reach, which PyTorch's optimizers skip.
fn gradient(parameter: &Tensor) -> Result<Option<Tensor>> {
    if !parameter.requires_grad() {
        return Ok(None);
    }
    let gradient = parameter.f_grad()?;
    Ok(gradient.defined().then_some(gradient))
}

/// A detached copy of a tensor.
pub(super) fn copy_of(tensor: &Tensor) -> Result<Tensor> {
    let tensor = tensor.f_detach()?;
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(&tensor)?;
    Ok(copy)
}
