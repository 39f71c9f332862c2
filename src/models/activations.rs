//! The outputs of a network's inner layers, by name.

use std::cell::RefCell;
use std::fmt;

use tch::Tensor;

use super::Model;
use super::forward_pass::Mode;
use super::module::Module;
use super::trace::{Trace, Watch};
use crate::tensors::TensorSpec;
use crate::{Error, Result};

/// The outputs of some layers for one batch, in the order in which they were asked for.
pub struct Activations {
    entries: Vec<(String, Tensor)>,
}

impl Activations {
    /// The output of the layer at that path.
    pub fn get(&self, path: &str) -> Option<&Tensor> {
        self.entries.iter().find(|(own, _)| own == path).map(|(_, tensor)| tensor)
    }

    /// The paths, in order.
    pub fn names(&self) -> Vec<String> {
        self.entries.iter().map(|(path, _)| path.clone()).collect()
    }

    /// Paths and outputs, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, Tensor)> {
        self.entries.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a Activations {
    type Item = &'a (String, Tensor);
    type IntoIter = std::slice::Iter<'a, (String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl fmt::Display for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|(path, _)| path.len()).max().unwrap_or(0);
        write!(f, "Activations of {} layers", self.entries.len())?;
        self.iter().try_for_each(|(path, tensor)| write!(f, "\n  {path:width$}  {}", TensorSpec::of(tensor)))
    }
}

impl fmt::Debug for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Model {
    /// What the layer or block at `path` gives for pictures `(N, 3, H, W)`, in eval mode and without
    /// gradients, whatever the current mode, which stays as it is. For a layer that runs several
    /// times in a pass, such as the `relu` of a residual block, the last output.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when there is no such module; [`Error::Argument`] when it does not
    /// work in eval mode (Inception's `AuxLogits`); as [`forward`](Model::forward).
    pub fn activation(&self, path: &str, images: &Tensor) -> Result<Tensor> {
        let mut found = self.activations(&[path], images)?;
        found.entries.pop().map(|(_, tensor)| tensor).ok_or_else(|| self.no_module(path))
    }

    /// What several layers or blocks give for the same pictures, in one pass: see
    /// [`activation`](Model::activation).
    ///
    /// # Errors
    /// As [`activation`](Model::activation).
    pub fn activations(&self, paths: &[&str], images: &Tensor) -> Result<Activations> {
        let _guard = tch::no_grad_guard();
        let images = images.f_to_device(self.device)?;
        Ok(self.capture(&images, paths, Mode::Eval, Gradients::Without)?.1)
    }

    /// The logits, and the output of the layer or block at `path` that they were computed from, in
    /// the current mode and with gradients even if the earlier layers are frozen: what Grad-CAM
    /// needs.
    ///
    /// ```
    /// use herbarium::prelude::*;
    ///
    /// let mut model = initialize_model("resnet18", 12, Pretrained::No, tch::Device::Cpu)?;
    /// model.eval();
    /// let images = Tensor::rand([1, 3, 64, 64], (Kind::Float, tch::Device::Cpu));
    /// let (logits, activation) = model.forward_with(&images, "layer4.1")?;
    /// let score = logits.select(1, 3).sum(Kind::Float);
    /// let gradients = Tensor::f_run_backward(&[score], &[&activation], false, false)?;
    /// assert_eq!(gradients[0].size(), [1, 512, 2, 2]);
    /// # Ok::<(), herbarium::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`activation`](Model::activation).
    pub fn forward_with(&self, images: &Tensor, path: &str) -> Result<(Tensor, Tensor)> {
        let (logits, mut found) = self.forward_with_all(images, &[path])?;
        let activation = found.entries.pop().ok_or_else(|| self.no_module(path))?.1;
        Ok((logits, activation))
    }

    /// The logits, and the outputs of several layers or blocks, as [`forward_with`](Model::forward_with).
    ///
    /// # Errors
    /// As [`activation`](Model::activation).
    pub fn forward_with_all(&self, images: &Tensor, paths: &[&str]) -> Result<(Tensor, Activations)> {
        self.capture(images, paths, self.mode(), Gradients::With)
    }

    /// [`forward_with`](Model::forward_with) in eval mode, whatever the current one.
    pub(crate) fn eval_with(&self, images: &Tensor, path: &str) -> Result<(Tensor, Tensor)> {
        let (logits, mut found) = self.capture(images, &[path], Mode::Eval, Gradients::With)?;
        let activation = found.entries.pop().ok_or_else(|| self.no_module(path))?.1;
        Ok((logits, activation))
    }

    fn capture(
        &self,
        images: &Tensor,
        paths: &[&str],
        mode: Mode,
        gradients: Gradients,
    ) -> Result<(Tensor, Activations)> {
        for path in paths {
            self.part(path)?;
        }
        let capture = Capture { paths, gradients, found: RefCell::default() };
        let logits = self.forward_watched(images, mode, &Trace::new(&capture))?;
        let found = capture.found.into_inner();
        let entries = paths.iter().map(|path| {
            let (path, tensor) = found.iter().find(|(own, _)| own == path).ok_or_else(|| {
                Error::Argument(format!("{path} of {} does not work in {mode:?} mode", self.name()))
            })?;
            Ok((path.clone(), tensor.shallow_clone()))
        });
        let entries = entries.collect::<Result<_>>()?;
        Ok((logits, Activations { entries }))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Gradients {
    With,
    Without,
}

/// Keeps the outputs of some layers.
struct Capture<'a> {
    paths: &'a [&'a str],
    gradients: Gradients,
    found: RefCell<Vec<(String, Tensor)>>,
}

impl Watch for Capture<'_> {
    fn after(&self, path: &str, _: &dyn Module, _: &Tensor, output: Tensor) -> Result<Tensor> {
        if !self.paths.contains(&path) {
            return Ok(output);
        }
        let kept = if self.gradients == Gradients::With && !output.requires_grad() {
            output.f_detach()?.f_set_requires_grad(true)?
        } else {
            output
        };
        // The next layer may overwrite its input, so it gets a copy.
        let mut onward = kept.f_empty_like()?;
        onward.f_copy_(&kept)?;
        let mut found = self.found.borrow_mut();
        found.retain(|(own, _)| own != path);
        found.push((path.to_owned(), kept));
        Ok(onward)
    }
}

crate::notebook::rich_by_debug!(Activations);
