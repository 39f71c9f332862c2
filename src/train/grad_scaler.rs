//! Scaled gradients for training in float16.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::optim::Optimizer;
use crate::models::Parameters;
use crate::{Error, Result};

/// The options of a [`GradScaler`], with the names and defaults of `torch.amp.GradScaler`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradScalerOptions {
    /// The first factor: 65536.
    pub init_scale: f64,
    /// What the factor is multiplied by after [`growth_interval`](GradScalerOptions::growth_interval) steps without an
    /// infinite gradient: 2.
    pub growth_factor: f64,
    /// What the factor is multiplied by after a step with an infinite gradient: 0.5.
    pub backoff_factor: f64,
    /// After how many such steps in a row the factor grows: 2000.
    pub growth_interval: i64,
}

impl Default for GradScalerOptions {
    fn default() -> Self {
        GradScalerOptions {
            init_scale: 65536.0,
            growth_factor: 2.0,
            backoff_factor: 0.5,
            growth_interval: 2000,
        }
    }
}

impl GradScalerOptions {
    /// # Errors
    /// [`Error::Argument`] for factors with which the scale would not grow, fall or stay above 0.
    pub(super) fn check(&self) -> Result<()> {
        let GradScalerOptions { init_scale, growth_factor, backoff_factor, growth_interval } = *self;
        let problem = if !(init_scale > 0.0 && init_scale.is_finite()) {
            format!("init_scale is {init_scale}: it must be above 0")
        } else if !(growth_factor > 1.0 && growth_factor.is_finite()) {
            format!("growth_factor is {growth_factor}: it must be above 1")
        } else if !(backoff_factor > 0.0 && backoff_factor < 1.0) {
            format!("backoff_factor is {backoff_factor}: it must be between 0 and 1")
        } else if growth_interval < 1 {
            format!("growth_interval is {growth_interval}: it must be at least 1")
        } else {
            return Ok(());
        };
        Err(Error::Argument(format!("GradScalerOptions: {problem}")))
    }
}

/// Keeps small gradients from becoming 0 in float16: the loss is multiplied by a large factor before the backward pass,
/// and the gradients are divided by it before the step. A step whose gradients are infinite or not a number is skipped, and the
/// factor halved; it doubles after 2000 good steps.
/// [`torch.amp.GradScaler`](https://docs.pytorch.org/docs/stable/amp.html#torch.amp.GradScaler).
///
/// [`train_model`](super::train_model) has its own for [`Precision::Float16`](super::Precision::Float16). In a loop that is written out:
///
/// ```
/// use herbarium::prelude::*;
/// use herbarium::train::{GradScaler, GradScalerOptions};
///
/// # fn main() -> herbarium::Result<()> {
/// # let mut model = initialize_model("squeezenet1_1", 2, Pretrained::No, Device::Cpu)?;
/// # model.freeze_all_but_head();
/// # let mut optimizer = Sgd::new(model.trainable_parameters(), 1e-2);
/// # let (images, labels) = (Tensor::zeros([1, 3, 32, 32], (Kind::Float, Device::Cpu)), Tensor::from_slice(&[1i64]));
/// # let criterion = CrossEntropyLoss::new();
/// let mut scaler = GradScaler::new(GradScalerOptions::default(), model.device())?;
/// optimizer.zero_grad()?;
/// let loss = criterion.forward(&model.forward(&images)?, &labels)?;
/// scaler.scale(&loss)?.f_backward()?;
/// scaler.unscale(optimizer.parameters())?; // gradients may be clipped after this
/// let stepped = scaler.step(&mut optimizer)?;
/// scaler.update()?;
/// assert!(stepped && scaler.get_scale()? == 65536.0);
/// # Ok(())
/// # }
/// ```
pub struct GradScaler {
    options: GradScalerOptions,
    /// float32, a single value.
    scale: Tensor,
    /// int32: how many good steps in a row.
    growth_tracker: Tensor,
    /// float32: 1 if a gradient of this step is not finite.
    found_inf: Tensor,
    is_unscaled: bool,
}

impl GradScaler {
    /// A scaler for gradients on `device`.
    ///
    /// # Errors
    /// [`Error::Argument`] for options out of their ranges.
    pub fn new(options: GradScalerOptions, device: Device) -> Result<GradScaler> {
        options.check()?;
        Ok(GradScaler {
            options,
            scale: Tensor::f_full([], options.init_scale, (Kind::Float, device))?,
            growth_tracker: Tensor::f_zeros([], (Kind::Int, device))?,
            found_inf: Tensor::f_zeros([], (Kind::Float, device))?,
            is_unscaled: false,
        })
    }

    /// The loss, multiplied by the factor.
    ///
    /// # Errors
    /// libtorch's.
    pub fn scale(&self, loss: &Tensor) -> Result<Tensor> {
        Ok(loss.f_mul(&self.scale)?)
    }

    /// Divides the gradients by the factor and looks whether all are finite. Does nothing when called again before
    /// [`update`](GradScaler::update).
    ///
    /// # Errors
    /// libtorch's.
    pub fn unscale(&mut self, parameters: &Parameters) -> Result<()> {
        if std::mem::replace(&mut self.is_unscaled, true) {
            return Ok(());
        }
        let _ = self.found_inf.f_zero_()?;
        let inverse = self.scale.f_to_kind(Kind::Double)?.f_reciprocal()?.f_to_kind(Kind::Float)?;
        let mut gradients = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let gradient = parameter.tensor.f_grad()?;
            if gradient.defined() {
                gradients.push(gradient.f_detach()?);
            }
        }
        torch_accelerator::unscale(&gradients, &self.found_inf, &inverse)?;
        Ok(())
    }

    /// Takes the optimizer's step, after [`unscale`](GradScaler::unscale) if that was not called; or none if a gradient is not
    /// finite. Returns whether it did.
    ///
    /// # Errors
    /// The optimizer's.
    pub fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<bool> {
        self.unscale(optimizer.parameters())?;
        if self.found_inf.f_double_value(&[])? != 0.0 {
            return Ok(false);
        }
        optimizer.step()?;
        Ok(true)
    }

    /// Adapts the factor after a step.
    ///
    /// # Errors
    /// libtorch's.
    pub fn update(&mut self) -> Result<()> {
        let GradScalerOptions { growth_factor, backoff_factor, growth_interval, .. } = self.options;
        let _ = self.scale.f_internal_amp_update_scale_(
            &self.growth_tracker,
            &self.found_inf,
            growth_factor,
            backoff_factor,
            growth_interval,
        )?;
        self.is_unscaled = false;
        Ok(())
    }

    /// The factor.
    ///
    /// # Errors
    /// libtorch's.
    pub fn get_scale(&self) -> Result<f64> {
        Ok(self.scale.f_double_value(&[])?)
    }

    /// The factor, and how many good steps in a row there were, as `state_dict()` has them.
    pub(super) fn state(&self) -> Result<(f64, i64)> {
        Ok((self.get_scale()?, self.growth_tracker.f_int64_value(&[])?))
    }

    pub(super) fn restore(&mut self, (scale, growth_tracker): (f64, i64)) -> Result<()> {
        let _ = self.scale.f_fill_(scale)?;
        let _ = self.growth_tracker.f_fill_(growth_tracker)?;
        Ok(())
    }
}

impl fmt::Display for GradScaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GradScaler(scale={})", self.get_scale().map_or(f64::NAN, |scale| scale))
    }
}

impl fmt::Debug for GradScaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Parameter;
    use crate::train::Sgd;

    fn weight() -> (Tensor, Sgd) {
        let tensor = Tensor::from_slice(&[1.0f32, 2.0]).set_requires_grad(true);
        let parameters: Parameters =
            [Parameter { name: "weight".into(), tensor: tensor.shallow_clone() }].into_iter().collect();
        (tensor, Sgd::new(parameters, 0.5))
    }

    #[test]
    fn a_step_is_that_without_a_scaler_and_an_infinite_gradient_takes_none() {
        let options = GradScalerOptions { growth_interval: 2, ..Default::default() };
        let mut scaler = GradScaler::new(options, Device::Cpu).unwrap();
        let (weight, mut optimizer) = weight();
        // As PyTorch's: 65536, halved by the infinite one, doubled after two good ones.
        for (factor, stepped, scale, values) in [
            (1.0, true, 65536.0, [0.5, 1.5]),
            (f64::INFINITY, false, 32768.0, [0.5, 1.5]),
            (1.0, true, 32768.0, [0.0, 1.0]),
            (1.0, true, 65536.0, [-0.5, 0.5]),
            (f64::NAN, false, 32768.0, [-0.5, 0.5]),
        ] {
            optimizer.zero_grad().unwrap();
            let loss = (&weight * factor).sum(Kind::Float);
            scaler.scale(&loss).unwrap().backward();
            scaler.unscale(optimizer.parameters()).unwrap();
            assert_eq!(scaler.step(&mut optimizer).unwrap(), stepped);
            scaler.update().unwrap();
            assert_eq!(scaler.get_scale().unwrap(), scale);
            assert_eq!(Vec::<f32>::try_from(weight.detach()).unwrap(), values);
        }
        assert_eq!(scaler.to_string(), "GradScaler(scale=32768)");
        let mut other = GradScaler::new(options, Device::Cpu).unwrap();
        other.restore((8.0, 1)).unwrap();
        other.update().unwrap();
        assert_eq!(other.state().unwrap(), (16.0, 0));
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        for (options, named) in [
            (GradScalerOptions { init_scale: 0.0, ..Default::default() }, "init_scale is 0"),
            (GradScalerOptions { growth_factor: 1.0, ..Default::default() }, "growth_factor is 1"),
            (GradScalerOptions { backoff_factor: 1.0, ..Default::default() }, "backoff_factor is 1"),
            (GradScalerOptions { growth_interval: 0, ..Default::default() }, "growth_interval is 0"),
        ] {
            let told = GradScaler::new(options, Device::Cpu).unwrap_err().to_string();
            assert!(told.contains(named), "{told}");
        }
    }
}
