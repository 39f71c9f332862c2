//! Freezing: which parts of a model training changes.

use std::any::Any;

use super::forward_pass::BatchNormMode;
use super::layers::BatchNorm2d;
use super::module::{Role, is_under, walk_mut};
use super::patterns::{self, matches};
use super::{Model, Parameter, ParameterCount, Parameters, ParamsToLearn};
use crate::{Error, Result};

impl Model {
    /// All learned tensors, in PyTorch's order (`named_parameters`).
    pub fn named_parameters(&self) -> Parameters {
        self.owned()
            .into_iter()
            .filter(|(_, _, role)| *role == Role::Parameter)
            .map(|(name, tensor, _)| Parameter { name, tensor })
            .collect()
    }

    /// The learned tensors that are not frozen: what an optimizer is made with.
    pub fn trainable_parameters(&self) -> Parameters {
        self.named_parameters().into_iter().filter(|parameter| parameter.tensor.requires_grad()).collect()
    }

    /// The names of [`trainable_parameters`](Model::trainable_parameters), as the tutorial prints them.
    pub fn params_to_learn(&self) -> ParamsToLearn {
        ParamsToLearn { names: self.trainable_parameters().names() }
    }

    /// How many single values the network has, and how many of them training changes.
    pub fn parameter_count(&self) -> ParameterCount {
        ParameterCount {
            total: self.named_parameters().numel(),
            trainable: self.trainable_parameters().numel(),
        }
    }

    /// Freezes all but the head: no gradients are computed for the rest and no optimizer made
    /// afterwards changes it. Its batch norms still move in train mode, as in the tutorial, unless
    /// [`set_batch_norm`](Model::set_batch_norm) says otherwise.
    pub fn freeze_all_but_head(&mut self) {
        self.require_grad(|model, name, _| model.in_head(name));
    }

    /// Lets training change every parameter again.
    pub fn unfreeze_all(&mut self) {
        self.require_grad(|_, _, _| true);
    }

    /// Freezes the layers, blocks or single tensors that a path or pattern names: `layer1`,
    /// `layer1.0.conv1`, `fc.bias`, `features.*`, `layer[12]`, `*.bn?`. A path stands for all that is
    /// inside; in a pattern `*` stands for any letters, dots among them, `?` for one, `[abc]` for one
    /// of these.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when it names nothing; the message lists the existing names and the
    /// most similar ones. [`Error::Argument`] when what it names has no parameters, as `relu`.
    pub fn freeze(&mut self, pattern: &str) -> Result<()> {
        self.set_trainable(pattern, false)
    }

    /// Lets training change what a path or pattern names again.
    ///
    /// # Errors
    /// As [`freeze`](Model::freeze).
    pub fn unfreeze(&mut self, pattern: &str) -> Result<()> {
        self.set_trainable(pattern, true)
    }

    /// The learned tensors, frozen or not, that a path or pattern names: see [`freeze`](Model::freeze).
    /// With its own learning rate, such a part becomes a parameter group of an optimizer.
    ///
    /// # Errors
    /// As [`freeze`](Model::freeze).
    pub fn parameters_of(&self, pattern: &str) -> Result<Parameters> {
        self.check_path(pattern)?;
        let found = self.named_parameters().matching(pattern);
        if found.is_empty() {
            return Err(Error::Argument(format!(
                "{pattern} of {} learns nothing: it has no parameters",
                self.name()
            )));
        }
        Ok(found)
    }

    /// Sets what the batch norms that a path or pattern names do in train mode: see
    /// [`freeze`](Model::freeze). A batch norm's statistics are fixed if this or the setting of the
    /// whole model, [`set_batch_norm`](Model::set_batch_norm), says so.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when it names nothing; [`Error::Argument`] when no batch norm is there.
    pub fn set_batch_norm_of(&mut self, pattern: &str, mode: BatchNormMode) -> Result<()> {
        self.check_path(pattern)?;
        let mut found = 0;
        walk_mut(&mut *self.root, "", &mut |path, module| {
            if let Some(layer) = (module as &mut dyn Any).downcast_mut::<BatchNorm2d>()
                && matches(pattern, path)
            {
                layer.set_mode(mode);
                found += 1;
            }
        });
        if found == 0 {
            return Err(Error::Argument(format!("{pattern} of {} has no batch norms", self.name())));
        }
        Ok(())
    }

    fn set_trainable(&mut self, pattern: &str, trainable: bool) -> Result<()> {
        self.parameters_of(pattern)?;
        self.require_grad(|_, name, now| if matches(pattern, name) { trainable } else { now });
        Ok(())
    }

    /// Asks `wanted` for each parameter, with its name and whether it is trainable now.
    fn require_grad(&mut self, wanted: impl Fn(&Model, &str, bool) -> bool) {
        for Parameter { name, tensor } in self.named_parameters() {
            // Only integer tensors refuse, and parameters are floating.
            let _ = tensor.set_requires_grad(wanted(self, &name, tensor.requires_grad()));
        }
    }

    pub(crate) fn in_head(&self, name: &str) -> bool {
        self.head().iter().any(|path| is_under(name, path))
    }

    /// Fails unless `pattern` names a module or a tensor.
    pub(super) fn check_path(&self, pattern: &str) -> Result<()> {
        patterns::check(self.name(), self.module(), pattern)
    }
}
