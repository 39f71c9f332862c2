//! The settings of a forward pass.

use std::fmt;

use super::trace::Trace;

/// Whether a network is being trained, as `model.train()` and `model.eval()` set it in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Dropout drops and batch norms follow their [`BatchNormMode`]. A new model starts here.
    #[default]
    Train,
    /// Dropout does nothing and batch norms use their running statistics.
    Eval,
}

/// What batch norms do in [`Mode::Train`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchNormMode {
    /// As in PyTorch: normalise by the batch's statistics and update the running ones.
    #[default]
    Moving,
    /// Normalise by the running statistics and leave them alone, as in eval mode. For a frozen
    /// trunk: its features then remain those of the pretrained network.
    Still,
    /// [`Still`](BatchNormMode::Still) for the batch norms whose own weight is frozen,
    /// [`Moving`](BatchNormMode::Moving) for the others: so frozen parts do not change at all.
    StillWhereFrozen,
}

/// The settings of one forward pass.
#[derive(Clone, Copy, Default)]
pub struct Pass<'a> {
    /// Training or not.
    pub mode: Mode,
    /// What batch norms do when training.
    pub batch_norm: BatchNormMode,
    /// Observes the outputs of the parts, if set.
    pub(crate) trace: Option<&'a Trace<'a>>,
}

impl<'a> Pass<'a> {
    /// The pass of a network in eval mode.
    pub const EVAL: Pass<'static> = Pass::new(Mode::Eval, BatchNormMode::Still);

    /// A pass without an observer.
    pub const fn new(mode: Mode, batch_norm: BatchNormMode) -> Pass<'static> {
        Pass { mode, batch_norm, trace: None }
    }

    /// The same pass, observed.
    pub(crate) fn watched(self, trace: &'a Trace<'a>) -> Pass<'a> {
        Pass { trace: Some(trace), ..self }
    }

    /// Whether dropout drops.
    pub fn is_training(self) -> bool {
        self.mode == Mode::Train
    }

    /// Whether a batch norm uses, and moves with, the statistics of the batch; `frozen` says whether
    /// its own weight is.
    pub fn batch_norm_moves(self, frozen: bool) -> bool {
        self.is_training()
            && match self.batch_norm {
                BatchNormMode::Moving => true,
                BatchNormMode::Still => false,
                BatchNormMode::StillWhereFrozen => !frozen,
            }
    }
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watched = if self.trace.is_some() { ", watched" } else { "" };
        write!(f, "Pass({:?}, batch norms {:?}{watched})", self.mode, self.batch_norm)
    }
}
