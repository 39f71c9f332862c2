//! Which parts of a model training changes.

use super::module::{Role, is_under, join, walk};
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

    /// Freezes a layer, a block or a single tensor by its path: `layer1`, `layer1.0.conv1`, `fc.bias`.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when the path names nothing; the message lists what there is.
    /// [`Error::Argument`] when what it names has no parameters, as `relu`.
    pub fn freeze(&mut self, path: &str) -> Result<()> {
        self.set_trainable(path, false)
    }

    /// Lets training change a layer, a block or a single tensor again.
    ///
    /// # Errors
    /// As [`freeze`](Model::freeze).
    pub fn unfreeze(&mut self, path: &str) -> Result<()> {
        self.set_trainable(path, true)
    }

    fn set_trainable(&mut self, path: &str, trainable: bool) -> Result<()> {
        self.check_path(path)?;
        if !self.named_parameters().iter().any(|parameter| is_under(&parameter.name, path)) {
            return Err(Error::Argument(format!(
                "{path} of {} learns nothing: it has no parameters",
                self.name()
            )));
        }
        self.require_grad(|_, name, now| if is_under(name, path) { trainable } else { now });
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

    /// Fails unless `path` names a module or a tensor, listing what the last known part of it holds.
    pub(super) fn check_path(&self, path: &str) -> Result<()> {
        let mut nodes: Vec<(String, Vec<String>)> = Vec::new();
        walk(&*self.root, "", &mut |at, module| {
            let children = module.children().into_iter().map(|(name, _)| name.to_owned());
            let own = module.tensors().into_iter().map(|slot| slot.name.to_owned());
            nodes.push((at.to_owned(), children.chain(own).collect()));
        });
        let known = |wanted: &str| {
            nodes
                .iter()
                .any(|(at, inside)| at == wanted || inside.iter().any(|name| join(at, name) == wanted))
        };
        if !path.is_empty() && known(path) {
            return Ok(());
        }
        let parent = nodes
            .iter()
            .rev()
            .find(|(at, inside)| !inside.is_empty() && (at.is_empty() || is_under(path, at)));
        let (parent, children) = parent.cloned().unwrap_or_default();
        let parent = if parent.is_empty() { self.name().to_owned() } else { parent };
        Err(Error::UnknownLayer { model: self.name().to_owned(), path: path.to_owned(), parent, children })
    }
}
