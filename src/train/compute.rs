//! How a network is computed in training.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::memory;
use super::options::Precision;
use crate::data::DataLoader;
use crate::models::fast_path::{self, FastPath};
use crate::models::{Model, Outputs};
use crate::{Result, cuda};

/// The chosen method.
pub(super) enum Compute {
    /// As the layers compute it.
    Plain,
    /// Frozen layers prepared.
    Fast(FastPath),
    /// Convolutions in bfloat16, on the CPU.
    Mixed,
    /// libtorch's automatic mixed precision.
    Autocast(Kind),
}

impl Compute {
    /// Chooses by a rule, not by measuring, so that a seed repeats a training to the bit: the processor
    /// either has instructions for bfloat16 or not.
    ///
    /// # Errors
    /// The model's own, as its forward pass has them;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) when a batch needs more than there is.
    pub fn prepare(model: &Model, loader: &DataLoader, precision: Precision) -> Result<Compute> {
        match precision {
            Precision::Float16 => return Ok(Compute::Autocast(Kind::Half)),
            Precision::BFloat16 if model.device() != Device::Cpu => {
                return Ok(Compute::Autocast(Kind::BFloat16));
            }
            _ if model.device() != Device::Cpu => return Ok(Compute::Plain),
            _ => {}
        }
        let Some(images) = sample(loader)? else { return Ok(Compute::Plain) };
        let one = images.f_narrow(0, 0, 1)?;
        let learns = model.named_parameters().iter().all(|parameter| parameter.tensor.requires_grad());
        if learns {
            // Twice, for the gradients of the kept activations; a frozen network keeps almost
            // nothing.
            let each = fast_path::activations(|| {
                let _guard = tch::no_grad_guard();
                model.forward_in(&one, crate::models::Mode::Eval)
            })?;
            memory::check(model, loader.options().batch_size.min(loader.dataset_len()), 2 * each)?;
        }
        if precision == Precision::BFloat16 {
            return Ok(Compute::Mixed);
        }
        let bfloat16 = precision == Precision::Auto && fast_path::has_fast_bfloat16();
        Ok(FastPath::prepare(model, &images, bfloat16)?.map_or(Compute::Plain, Compute::Fast))
    }

    /// A training pass.
    pub fn forward(&self, model: &Model, images: &Tensor) -> Result<Outputs> {
        match self {
            Compute::Plain => model.forward_train(images),
            // oneDNN's ReLU turns NaN into 0, which would hide bad input.
            Compute::Fast(_) if !images.f_sum(Kind::Float)?.f_double_value(&[])?.is_finite() => {
                model.forward_train(images)
            }
            // A real error also occurs on the plain path, whose message is better.
            Compute::Fast(path) => {
                path.run(|| model.forward_train(images)).or_else(|_| model.forward_train(images))
            }
            Compute::Mixed => fast_path::mixed(|| model.forward_train(images)),
            Compute::Autocast(kind) => {
                let Outputs { logits, aux } =
                    cuda::autocast(model.device(), *kind, || model.forward_train(images))?;
                // Losses are computed in float32, as under autocast.
                let aux = aux.map(|aux| aux.f_to_kind(Kind::Float)).transpose()?;
                Ok(Outputs { logits: logits.f_to_kind(Kind::Float)?, aux })
            }
        }
    }
}

/// Sample pictures from the loader, or `None` if it fails: the pass itself then reports why.
fn sample(loader: &DataLoader) -> Result<Option<Tensor>> {
    let mut rng = fastrand::Rng::with_seed(0);
    let samples = (0..loader.dataset_len().min(4)).map(|index| loader.dataset().get(index, &mut rng));
    let Ok(samples) = samples.collect::<Result<Vec<_>>>() else { return Ok(None) };
    let images: Vec<Tensor> = samples.into_iter().map(|(image, _)| image).collect();
    if images.is_empty() || images.iter().any(|image| image.size() != images[0].size() || image.dim() != 3) {
        return Ok(None);
    }
    let images = Tensor::f_stack(&images, 0)?;
    // A picture with NaN would hide what the fast path does to the others.
    let finite = images.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
    Ok(finite.then_some(images))
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compute::Plain => f.write_str("float32"),
            Compute::Fast(path) => fmt::Display::fmt(path, f),
            Compute::Mixed => f.write_str("convolutions in bfloat16"),
            Compute::Autocast(Kind::Half) => f.write_str("autocast to float16"),
            Compute::Autocast(_) => f.write_str("autocast to bfloat16"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Pretrained, initialize_model};

    #[test]
    fn autocast_gives_float32_logits_and_gradients() {
        crate::seed(0);
        let mut model = initialize_model("squeezenet1_1", 3, Pretrained::No, Device::Cpu).unwrap();
        // Without dropout's chance.
        model.eval();
        let images = Tensor::rand([2, 3, 40, 40], (Kind::Float, Device::Cpu));
        let plain = Compute::Plain.forward(&model, &images).unwrap().logits;
        let compute = Compute::Autocast(Kind::BFloat16);
        let mixed = compute.forward(&model, &images).unwrap().logits;
        assert_eq!((compute.to_string().as_str(), mixed.kind()), ("autocast to bfloat16", Kind::Float));
        let difference = (&mixed - &plain).norm().double_value(&[]);
        assert!(difference > 0.0 && difference < 0.05 * plain.norm().double_value(&[]), "{mixed} {plain}");
        mixed.sum(Kind::Float).backward();
        for parameter in &model.named_parameters() {
            let gradient = parameter.tensor.grad();
            assert!(gradient.kind() == Kind::Float && gradient.isfinite().all().int64_value(&[]) == 1);
        }
    }
}
