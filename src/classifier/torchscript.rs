//! Exports the network as a TorchScript file, for programs without this crate: C++, Python, phones.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use tch::{CModule, Device, Kind, Tensor};

use super::{Classifier, copy};
use crate::files::write_atomically;
use crate::models::{Mode, Model};
use crate::{Error, Result};

/// The tolerance between the file's logits and the network's, relative to the largest.
const TOLERANCE: f64 = 1e-4;

impl Classifier {
    /// Writes the network, traced, to a TorchScript file (`.pt`): `torch.jit.load(PATH)` in Python,
    /// `torch::jit::load` in C++ and [`CModule::load`] read it. It takes any number of `(N, 3, H, W)` float32
    /// pictures as [`transforms`](Classifier::transforms) produces them, and returns logits `(N, num_classes)`,
    /// as in eval mode. Class names and transforms are not in it.
    ///
    /// Before the file is put in place, it is read back and compared with the network on other
    /// pictures, in another number.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file is not called `.pt`, or when the traced network computes something
    /// else than the network; [`Error::Io`] when it cannot be written.
    pub fn export_torchscript(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let refuse = |reason: String| Error::Weights { path: path.to_owned(), reason };
        if path.extension().and_then(|ending| ending.to_str()) != Some("pt") {
            let instead = path.with_extension("pt");
            return Err(refuse(format!(
                "a TorchScript file's name ends in .pt: call it {}",
                instead.display()
            )));
        }
        let grey = self.tensor(RgbImage::from_pixel(512, 512, Rgb([128; 3])))?;
        let &[channels, height, width] = grey.size().as_slice() else {
            return Err(refuse("the transforms do not yield a picture".into()));
        };
        let pictures = |count| Tensor::f_randn([count, channels, height, width], (Kind::Float, Device::Cpu));
        // A copy without gradients, which the file cannot hold.
        let mut model = copy(&self.model)?;
        model.to(Device::Cpu)?;
        model.freeze("*")?;

        let scratch = Scratch::new();
        trace(&model, &pictures(2)?)?.save(&scratch.0)?;
        let written = CModule::load(&scratch.0)?;
        for count in [1, 3] {
            let pictures = pictures(count)?;
            let _guard = tch::no_grad_guard();
            let (own, told) = (model.forward_in(&pictures, Mode::Eval)?, written.forward_ts(&[&pictures])?);
            let difference = told.f_sub(&own)?.f_abs()?.f_max()?.f_double_value(&[])?;
            let scale = own.f_abs()?.f_max()?.f_double_value(&[])?;
            if difference.is_nan() || difference > TOLERANCE * scale.max(1.0) {
                return Err(refuse(format!(
                    "{} cannot be traced: the file's logits differ by {difference}; nothing was written",
                    model.name()
                )));
            }
        }
        write_atomically(path, |out| {
            let mut file = fs::File::open(&scratch.0).map_err(Error::io("reading", &scratch.0))?;
            std::io::copy(&mut file, out).map(drop).map_err(Error::io("writing", path))
        })
    }
}

/// The operations that the network does on `pictures`, written down.
fn trace(model: &Model, pictures: &Tensor) -> Result<CModule> {
    let _guard = tch::no_grad_guard();
    // Let errors surface here: inside a trace they could not, as it must always be ended.
    let _ = model.forward_in(pictures, Mode::Eval)?;
    let mut failed = None;
    let mut forward = |inputs: &[Tensor]| match model.forward_in(&inputs[0], Mode::Eval) {
        Ok(logits) => vec![logits],
        Err(error) => {
            failed = Some(error);
            vec![inputs[0].shallow_clone()]
        }
    };
    let traced =
        CModule::create_by_tracing("Classifier", "forward", &[pictures.shallow_clone()], &mut forward)?;
    match failed {
        Some(error) => Err(error),
        None => Ok(traced),
    }
}

/// A temporary file, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let name = format!("herbarium-{}-{:016x}.pt", std::process::id(), fastrand::u64(..));
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
