//! The network as a TorchScript file, for programs that know nothing of this crate: C++, Python, phones.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use tch::{CModule, Device, Kind, Tensor};

use super::{Classifier, copy};
use crate::files::write_atomically;
use crate::models::{Mode, Model};
use crate::{Error, Result};

/// How far the file's logits may be from the network's, of the largest one.
const TOLERANCE: f64 = 1e-4;

impl Classifier {
    /// Writes the network, traced, to a TorchScript file (`.pt`): `torch.jit.load(PATH)` in Python,
    /// `torch::jit::load` in C++ and [`CModule::load`] read it. It takes `(N, 3, H, W)` float32 pictures to which
    /// [`transforms`](Classifier::transforms) was done, of the size that these give, any number of them, and
    /// gives logits `(N, num_classes)`, as in eval mode. Class names and transforms are not in it.
    ///
    /// What was written is read again and compared with the network, with other pictures and another
    /// number of them, before the file is put in its place.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file is not called `.pt`, or when the traced network does not do what the
    /// network does; [`Error::Io`] when it cannot be written.
    pub fn export_torchscript(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let refuse = |reason: String| Error::Weights { path: path.to_owned(), reason };
        if path.extension().and_then(|ending| ending.to_str()) != Some("pt") {
            let instead = path.with_extension("pt");
            return Err(refuse(format!("a TorchScript file is called .pt: call it {}", instead.display())));
        }
        let grey = self.tensor(RgbImage::from_pixel(512, 512, Rgb([128; 3])))?;
        let &[channels, height, width] = grey.size().as_slice() else {
            return Err(refuse("the transforms give no picture".into()));
        };
        let pictures = |count| Tensor::f_randn([count, channels, height, width], (Kind::Float, Device::Cpu));
        // A copy: gradients would not go into the file.
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
    // What fails is to fail here: a trace must be ended whatever happens.
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

/// A file in the system's folder for such, which goes in the end.
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
