//! Dropping out while training: of single values
//! ([Hinton et al. 2012](https://arxiv.org/abs/1207.0580),
//! [`torch.nn.Dropout`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html)) or of a
//! whole residual branch ([Huang et al. 2016](https://arxiv.org/abs/1603.09382),
//! [`torchvision.ops.StochasticDepth`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.stochastic_depth.html)).

use tch::Tensor;

use super::{python_bool, python_float};
use crate::models::{Module, Pass, fast_path};
use crate::{Error, Result};

/// In train mode each value becomes 0 with probability `p`, and the others grow by `1 / (1 − p)`.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    p: f64,
    inplace: bool,
}

impl Dropout {
    /// With the probability `p`, 0 to 1.
    ///
    /// # Errors
    /// [`Error::Argument`] when `p` is not a probability.
    pub fn new(p: f64) -> Result<Dropout> {
        check_probability("Dropout", p)?;
        Ok(Dropout { p, inplace: false })
    }

    /// The one that overwrites its input.
    ///
    /// # Errors
    /// As [`Dropout::new`].
    pub fn new_inplace(p: f64) -> Result<Dropout> {
        Ok(Dropout { inplace: true, ..Dropout::new(p)? })
    }
}

impl Module for Dropout {
    fn kind(&self) -> &'static str {
        "Dropout"
    }

    fn extra_repr(&self) -> String {
        format!("p={}, inplace={}", python_float(self.p), python_bool(self.inplace))
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let input = if pass.is_training() { &fast_path::readable(input)? } else { input };
        Ok(if self.inplace {
            input.shallow_clone().f_dropout_(self.p, pass.is_training())?
        } else {
            input.f_dropout(self.p, pass.is_training())?
        })
    }
}

/// In train mode all values of a picture become 0 with probability `p`, and those of the others grow
/// by `1 / (1 − p)`. Any shape whose first dimension is the pictures.
#[derive(Debug, Clone, Copy)]
pub struct StochasticDepth {
    p: f64,
}

impl StochasticDepth {
    /// With the probability `p`, 0 to 1.
    ///
    /// # Errors
    /// [`Error::Argument`] when `p` is not a probability.
    pub fn new(p: f64) -> Result<StochasticDepth> {
        check_probability("StochasticDepth", p)?;
        Ok(StochasticDepth { p })
    }
}

impl Module for StochasticDepth {
    fn kind(&self) -> &'static str {
        "StochasticDepth"
    }

    fn extra_repr(&self) -> String {
        format!("p={}, mode=row", python_float(self.p))
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        if !pass.is_training() || self.p == 0.0 {
            return Ok(input.shallow_clone());
        }
        let survival = 1.0 - self.p;
        let mut rows = vec![1; input.dim()];
        rows[0] = input.size()[0];
        let mut noise =
            Tensor::f_empty(&rows, (input.kind(), input.device()))?.f_bernoulli_float_(survival)?;
        if survival > 0.0 {
            noise = noise.f_div_scalar_(survival)?;
        }
        Ok(input.f_mul(&noise)?)
    }
}

fn check_probability(layer: &str, p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        return Ok(());
    }
    Err(Error::Argument(format!("{layer}({p}): a probability is from 0 to 1")))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn whole_pictures_are_dropped_and_the_others_grow() -> Result<()> {
        let input = Tensor::f_ones([4000, 2, 1, 1], (Kind::Float, Device::Cpu))?;
        let layer = StochasticDepth::new(0.2)?;
        assert!(layer.forward(&input, Pass::EVAL)?.equal(&input));
        let output = layer.forward(&input, Pass::default())?;
        let (first, second) = (output.f_select(1, 0)?, output.f_select(1, 1)?);
        assert!(first.equal(&second), "a picture is dropped as a whole");
        let kept = first.f_gt(0.0)?.f_sum(Kind::Double)?.f_double_value(&[])?;
        // Binomial: 3200 ± 25; six deviations.
        assert!((kept - 3200.0).abs() < 152.0, "{kept}");
        assert!((first.max().double_value(&[]) - 1.25).abs() < 1e-6);
        assert_eq!(StochasticDepth::new(1.0)?.forward(&input, Pass::default())?.max().double_value(&[]), 0.0);
        assert!(StochasticDepth::new(1.5).is_err());
        Ok(())
    }

    #[test]
    fn dropout_drops_in_train_mode_alone() -> Result<()> {
        let input = Tensor::f_ones([10_000], (Kind::Float, Device::Cpu))?;
        let layer = Dropout::new(0.5)?;
        assert!(layer.forward(&input, Pass::EVAL)?.equal(&input));
        let kept = layer.forward(&input, Pass::default())?.f_gt(0.0)?.f_sum(Kind::Double)?;
        assert!((kept.double_value(&[]) - 5000.0).abs() < 300.0);
        assert_eq!(input.min().double_value(&[]), 1.0);
        let _ = Dropout::new_inplace(0.5)?.forward(&input, Pass::default())?;
        assert_eq!(input.min().double_value(&[]), 0.0);
        Ok(())
    }
}
