//! The best weights of a training in one file: the tutorial's `{'state_dict', 'best_acc', 'optimizer'}`.

mod file;
mod show;
mod torch;

use std::fmt;
use std::path::{Path, PathBuf};

use super::optim::{Optimizer, OptimizerState};
use crate::models::{Model, StateDict, Strictness};
use crate::weights::{
    Format, LoadReport, is_safetensors, load_safetensors, save_safetensors, tell_not_read, torch_file,
};
use crate::{Error, Result};

/// A model's weights and their metadata, in one file.
///
/// A `.pt` or `.pth` file is the tutorial's own, `{'state_dict', 'best_acc', 'optimizer'}`, for `torch.load`; one
/// that PyTorch wrote in that form is read, too. A `.safetensors` file holds the model's tensors under
/// torchvision's names, so that any reader of safetensors can use it as plain weights; the optimizer's
/// tensors under names that begin with `optimizer.state.`; and the rest as metadata.
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
    /// The number of classes.
    pub num_classes: usize,
    /// The classes' names in the order of the labels, if they were known.
    pub class_names: Vec<String>,
    /// Whether an Inception's input is converted from ImageNet's normalisation, see
    /// [`Model::transform_input`]; [`None`] for other networks, and for files that do not say.
    pub transform_input: Option<bool>,
    /// The library that wrote it: `herbarium 0.1.0, tch 0.26.0`.
    pub written_by: String,
    /// The file it was read from.
    pub path: Option<PathBuf>,
}

/// `herbarium 0.1.0, tch 0.26.0`.
pub(super) fn this_library() -> String {
    file::this_library()
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
            transform_input: model.transform_input(),
            written_by: file::this_library(),
            path: None,
        })
    }

    /// Writes the checkpoint, whole or not at all; the file's name says in which format.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the file is not called `.safetensors`, `.pt` or `.pth`; [`Error::Io`] when it
    /// cannot be written: no such folder, no right, no room. A file that was there before is then untouched.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match check_extension(path)? {
            Format::Torch => {
                let value = torch::to_value(self).map_err(|wrong| wrong.about(path))?;
                torch_file::write(path, &value)
            }
            Format::Safetensors => {
                let (tensors, metadata) = file::pack(self);
                save_safetensors(path, &tensors, &metadata)
            }
        }
    }

    /// Reads a checkpoint, including one that PyTorch wrote in the tutorial's form, under any name
    /// (`model_best.pth.tar`): the content determines the format. Its tensors are on the CPU.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Weights`] when it is damaged or asks for something
    /// that no tensor needs (see [`torch_file`]); [`Error::Checkpoint`] when it is not a checkpoint, or from a
    /// later version of this library.
    pub fn load(path: impl AsRef<Path>) -> Result<Checkpoint> {
        fn load(path: &Path) -> Result<Checkpoint> {
            let refuse = |reason| Error::Checkpoint { path: path.to_owned(), reason };
            let checkpoint = if is_safetensors(path)? {
                let (tensors, metadata) = load_safetensors(path)?;
                file::unpack(tensors, &metadata).map_err(refuse)?
            } else {
                let value = torch_file::read(path)?;
                tell_not_read(path, &value);
                let mut tensors = torch_file::Tensors::of(path);
                torch::from_value(&value, &mut tensors).map_err(|wrong| wrong.about(path))?
            };
            Ok(Checkpoint { path: Some(path.to_owned()), ..checkpoint })
        }
        load(path.as_ref())
    }

    /// Puts the weights into `model`, which must be the same network for as many classes:
    /// `model.load_state_dict`, with both names in its errors.
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
        let report = model.load_state_dict(&self.state_dict, Strictness::Strict)?;
        // The weights were trained with it: without it, the model predicts something else.
        if let (Some(on), Some(_)) = (self.transform_input, model.transform_input()) {
            model.set_transform_input(on)?;
        }
        Ok(report)
    }
}

/// The format of a checkpoint of that name.
pub(super) fn check_extension(path: &Path) -> Result<Format> {
    Format::of(path).ok_or_else(|| {
        // `model_best.pth.tar`, as many scripts of PyTorch's call theirs, is a .pth file.
        let stem = path.with_extension("");
        let instead = match Format::of(&stem) {
            Some(_) => stem,
            None => path.with_extension("safetensors"),
        };
        let reason = format!(
            "checkpoints are .safetensors files, or .pt or .pth for PyTorch: call it {}",
            instead.display()
        );
        Error::Checkpoint { path: path.to_owned(), reason }
    })
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
    use super::{Format, check_extension};

    #[test]
    fn a_name_says_the_format() {
        let format = |path: &str| check_extension(path.as_ref());
        assert_eq!(format("out/best.safetensors").unwrap(), Format::Safetensors);
        assert_eq!(format("best.pt").unwrap(), Format::Torch);
        assert_eq!(format("best.PTH").unwrap(), Format::Torch);
        assert!(format("best").unwrap_err().to_string().contains("call it best.safetensors"));
        assert!(format("best.ckpt").is_err());
        assert!(format("out/best.pth.tar").unwrap_err().to_string().ends_with("call it out/best.pth"));
    }
}
