//! Observes the parts of a network during a pass, like PyTorch's forward hooks.

use std::cell::RefCell;

use tch::Tensor;

use super::forward_pass::Pass;
use super::module::{Module, join};
use crate::Result;

/// Who looks.
pub(crate) trait Watch {
    /// A part begins to work on `input`.
    fn before(&self, _path: &str, _module: &dyn Module, _input: &Tensor) {}

    /// A part has computed `output` from `input`; the network continues with the tensor that this
    /// returns.
    ///
    /// # Errors
    /// The watcher's own; they end the pass.
    fn after(&self, path: &str, module: &dyn Module, input: &Tensor, output: Tensor) -> Result<Tensor>;
}

/// Where in the tree a watched pass is.
pub(crate) struct Trace<'a> {
    path: RefCell<String>,
    watch: &'a dyn Watch,
}

impl<'a> Trace<'a> {
    pub fn new(watch: &'a dyn Watch) -> Self {
        Trace { path: RefCell::default(), watch }
    }

    /// Runs the part `name` of the module that the pass is in.
    pub fn step(&self, name: &str, module: &dyn Module, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let parent = self.path.borrow().clone();
        let path = join(&parent, name);
        self.path.replace(path.clone());
        self.watch.before(&path, module, input);
        let output = module.forward(input, pass);
        self.path.replace(parent);
        self.watch.after(&path, module, input, output?)
    }
}
