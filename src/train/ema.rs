//! Weights averaged over training steps, which are often better than the last ones.

use std::fmt;

use tch::{Tensor, no_grad};

use super::optim::copy_of;
use crate::models::Model;
use crate::{Error, Result};

/// An exponential moving average of a model's parameters, `average ← decay · average + (1 − decay) · now`:
/// PyTorch's `AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))` of
/// [`torch.optim.swa_utils`](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema).
/// As there, the first update copies the parameters, and buffers (running means of batch norms) remain the
/// model's own.
pub struct Ema {
    decay: f64,
    averages: Vec<(String, Tensor)>,
    updates: usize,
}

impl Ema {
    /// For the parameters of `model`; `decay` is mostly 0.9 (a few hundred steps) to 0.9999.
    ///
    /// # Errors
    /// [`Error::Argument`] when `decay` is not from 0 to 1; libtorch's, when memory runs out.
    pub fn new(model: &Model, decay: f64) -> Result<Ema> {
        if !(0.0..=1.0).contains(&decay) {
            return Err(Error::Argument(format!(
                "the decay of the averaged weights is {decay}: it must be from 0 to 1"
            )));
        }
        let own = model.named_parameters();
        let averages = own.iter().map(|parameter| Ok((parameter.name.clone(), copy_of(&parameter.tensor)?)));
        Ok(Ema { decay, averages: averages.collect::<Result<_>>()?, updates: 0 })
    }

    /// Adds the model's current parameters to the average, after an optimizer step.
    ///
    /// # Errors
    /// libtorch's, when the model is another one.
    pub fn update(&mut self, model: &Model) -> Result<()> {
        let weight = if self.updates == 0 { 1.0 } else { 1.0 - self.decay };
        self.updates += 1;
        no_grad(|| {
            for (parameter, (_, average)) in model.named_parameters().iter().zip(&mut self.averages) {
                let _ = average.f_lerp_(&parameter.tensor, weight)?;
            }
            Ok(())
        })
    }

    /// Swaps the model's parameters and the averages: once to use the averages, again to continue.
    ///
    /// # Errors
    /// libtorch's, when the model is another one.
    pub fn swap(&mut self, model: &Model) -> Result<()> {
        no_grad(|| {
            for (parameter, (_, average)) in model.named_parameters().iter().zip(&mut self.averages) {
                let now = copy_of(&parameter.tensor)?;
                parameter.tensor.shallow_clone().f_copy_(average)?;
                average.f_copy_(&now)?;
            }
            Ok(())
        })
    }

    /// How many steps were averaged.
    pub fn updates(&self) -> usize {
        self.updates
    }

    /// The averages by name, and how many updates made them.
    pub(super) fn parts(&self) -> (&[(String, Tensor)], usize) {
        (&self.averages, self.updates)
    }

    /// Takes up what [`parts`](Ema::parts) gave.
    pub(super) fn restore(&mut self, averages: &[(String, Tensor)], updates: usize) -> Result<()> {
        self.updates = updates;
        no_grad(|| {
            for ((_, own), (_, saved)) in self.averages.iter_mut().zip(averages) {
                own.f_copy_(saved)?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for Ema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ema(decay={}, {} tensors, {} updates)", self.decay, self.averages.len(), self.updates)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::models::resnet18;

    #[test]
    fn averages_follow_the_formula() -> Result<()> {
        let model = resnet18(2, Device::Cpu)?;
        let bias = model.named_parameters().get("fc.bias").unwrap().shallow_clone();
        let set = |value: f64| no_grad(|| drop(bias.shallow_clone().fill_(value)));
        let mut ema = Ema::new(&model, 0.9)?;
        set(1.0);
        ema.update(&model)?;
        set(3.0);
        ema.update(&model)?;
        ema.swap(&model)?;
        assert!((bias.double_value(&[0]) - 1.2).abs() < 1e-6);
        ema.swap(&model)?;
        assert_eq!(bias.double_value(&[0]), 3.0);
        assert!(Ema::new(&model, 1.5).is_err());
        Ok(())
    }
}
