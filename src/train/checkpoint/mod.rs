//! The best weights of a training in one file: the tutorial's `{'state_dict', 'best_acc', 'optimizer'}`.

mod file;

use std::fmt;
use std::path::{Path, PathBuf};

use super::optim::{Optimizer, OptimizerState};
use crate::models::{Model, StateDict, Strictness};
use crate::weights::{LoadReport, load_safetensors, save_safetensors};
use crate::{Error, Result};

/// A model's weights with what is known about them, kept as one safetensors file.
///
/// The file holds the model's tensors under torchvision's names, so that any reader of safetensors
/// can use it as plain weights; the optimizer's tensors under names that begin with
/// `optimizer.state.`; and the rest as metadata.
pub struct Checkpoint {
    /// The model's tensors, on the CPU when the checkpoint was read from a file.
    pub state_dict: StateDict,
    /// The validation accuracy of these weights, 0 to 1.
    pub best_acc: f64,
    /// The epoch after which they were kept, from 0.
    pub epoch: usize,
    /// The state of the optimizer at that time.
    pub optimizer: OptimizerState,
    /// The network's name: `resnet18`.
    pub model: String,
    /// How many classes it tells apart.
    pub num_classes: usize,
    /// The classes' names in the order of the labels, if they were known.
    pub class_names: Vec<String>,
    /// The library that wrote it: `herbarium 0.1.0, tch 0.26.0`.
    pub written_by: String,
    /// The file it was read from.
    pub path: Option<PathBuf>,
}

impl Checkpoint {
    /// A copy of a model's and an optimizer's state as they are now.
    ///
    /// # Errors
    /// libtorch's, when memory runs out.
    pub fn of(model: &Model, optimizer: &dyn Optimizer, best_acc: f64, epoch: usize) -> Result<Checkpoint> {
        Checkpoint::with(model.state_dict().deep_copy()?, model, optimizer, best_acc, epoch)
    }

    /// With weights of `model` that were copied already.
    pub(super) fn with(
        state_dict: StateDict,
        model: &Model,
        optimizer: &dyn Optimizer,
        best_acc: f64,
        epoch: usize,
    ) -> Result<Checkpoint> {
        Ok(Checkpoint {
            state_dict,
            best_acc,
            epoch,
            optimizer: optimizer.state_dict()?,
            model: model.name().to_owned(),
            num_classes: model.num_classes(),
            class_names: Vec::new(),
            written_by: file::this_library(),
            path: None,
        })
    }

    /// Writes the checkpoint to a `.safetensors` file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the file is not called `.safetensors`; [`Error::Io`] when it cannot
    /// be written: no such folder, no right, no room. A file that was there before is then untouched.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        check_extension(path)?;
        let (tensors, metadata) = file::pack(self);
        save_safetensors(path, &tensors, &metadata)
    }

    /// Reads a checkpoint; its tensors are on the CPU.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Weights`] when it is damaged;
    /// [`Error::Checkpoint`] when it is no checkpoint, or of a later version of this library.
    pub fn load(path: impl AsRef<Path>) -> Result<Checkpoint> {
        let path = path.as_ref();
        check_extension(path)?;
        let (tensors, metadata) = load_safetensors(path)?;
        let refuse = |reason| Error::Checkpoint { path: path.to_owned(), reason };
        let mut checkpoint = file::unpack(tensors, &metadata).map_err(refuse)?;
        checkpoint.path = Some(path.to_owned());
        Ok(checkpoint)
    }

    /// Puts the weights into `model`, which must be the same network for as many classes:
    /// `model.load_state_dict` with the names of both in its refusals.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the network or its number of classes is another one;
    /// [`Error::StateDict`] when tensors do not fit. The model is then as it was.
    pub fn load_into(&self, model: &mut Model) -> Result<LoadReport> {
        let path = || self.path.clone().unwrap_or_else(|| "in memory".into());
        if !self.model.is_empty() && self.model != model.name() {
            let reason =
                format!("it is of a {}, the model is a {}; nothing was loaded", self.model, model.name());
            return Err(Error::Checkpoint { path: path(), reason });
        }
        if self.num_classes != model.num_classes() {
            let (given, own) = (self.num_classes, model.num_classes());
            let reason = format!(
                "it is for {given} classes, the model for {own}; nothing was loaded: make the model with \
                 `initialize_model(\"{}\", {given}, …)`",
                model.name()
            );
            return Err(Error::Checkpoint { path: path(), reason });
        }
        model.load_state_dict(&self.state_dict, Strictness::Strict)
    }
}

/// Checkpoints are written in one format, and a name that says another would mislead.
pub(super) fn check_extension(path: &Path) -> Result<()> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let instead = path.with_extension("safetensors");
    let instead = instead.display();
    let reason = match extension.to_ascii_lowercase().as_str() {
        "safetensors" => return Ok(()),
        "pt" | "pth" | "bin" | "ckpt" => format!(
            ".{extension} is PyTorch's own format (a Python pickle), checkpoints are .safetensors files: \
             call it {instead}"
        ),
        _ => format!("checkpoints are .safetensors files: call it {instead}"),
    };
    Err(Error::Checkpoint { path: path.to_owned(), reason })
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => writeln!(f, "Checkpoint {}", path.display())?,
            None => writeln!(f, "Checkpoint")?,
        }
        write!(f, "  model      {} for {} classes", self.model, self.num_classes)?;
        if let (Some(first), Some(last)) = (self.class_names.first(), self.class_names.last()) {
            write!(f, " ({first} … {last})")?;
        }
        let values: usize = self.state_dict.iter().map(|(_, tensor)| tensor.numel()).sum();
        writeln!(f, ", {} tensors, {values} values", self.state_dict.len())?;
        writeln!(f, "  best_acc   {:.4} in epoch {}", self.best_acc, self.epoch)?;
        writeln!(f, "  optimizer  {}", self.optimizer)?;
        write!(f, "  written by {}", self.written_by)
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::check_extension;

    #[test]
    fn names_that_say_another_format_are_refused() {
        let refusal = |path: &str| check_extension(path.as_ref()).unwrap_err().to_string();
        assert!(check_extension("out/best.safetensors".as_ref()).is_ok());
        assert!(refusal("out/best.pt").contains("out/best.safetensors"));
        assert!(refusal("best.PTH").contains("PyTorch's own format"));
        assert!(refusal("best").contains("call it best.safetensors"));
    }
}
