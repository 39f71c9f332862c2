//! Gradient clipping.

use tch::{Tensor, no_grad};

use super::gradient;
use crate::models::Parameters;
use crate::{Error, Result};

/// Scales the gradients of `parameters` so that the norm of them all together is at most `max_norm`, and
/// gives the norm they had:
/// [`torch.nn.utils.clip_grad_norm_`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html).
///
/// # Errors
/// [`Error::Argument`] when `max_norm` is not a number above 0; libtorch's.
pub fn clip_grad_norm(parameters: &Parameters, max_norm: f64) -> Result<f64> {
    check("max_norm", max_norm)?;
    no_grad(|| {
        let gradients = gradients(parameters)?;
        if gradients.is_empty() {
            return Ok(0.0);
        }
        let norms = gradients.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
        let total = Tensor::f_stack(&norms, 0)?.f_norm()?;
        let factor = total.f_add_scalar(1e-6)?.f_reciprocal()?.f_mul_scalar(max_norm)?.f_clamp_max(1.0)?;
        for mut gradient in gradients {
            let _ = gradient.f_mul_(&factor)?;
        }
        Ok(total.f_double_value(&[])?)
    })
}

/// Cuts every value of the gradients of `parameters` off at `clip_value` and minus that:
/// [`torch.nn.utils.clip_grad_value_`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html).
///
/// # Errors
/// [`Error::Argument`] when `clip_value` is not a number above 0; libtorch's.
pub fn clip_grad_value(parameters: &Parameters, clip_value: f64) -> Result<()> {
    check("clip_value", clip_value)?;
    no_grad(|| {
        for mut gradient in gradients(parameters)? {
            let _ = gradient.f_clamp_(-clip_value, clip_value)?;
        }
        Ok(())
    })
}

fn check(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Argument(format!("{name} is {value}: it must be a number above 0")))
}

fn gradients(parameters: &Parameters) -> Result<Vec<Tensor>> {
    let found = parameters.iter().map(|parameter| gradient(&parameter.tensor));
    Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    /// Gradients 3 and 4: their norm is 5.
    fn three_and_four() -> Parameters {
        let parameter = |gradient: f64| {
            let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
            (&weight * gradient).sum(Kind::Double).backward();
            weight
        };
        vec![parameter(3.0), parameter(4.0)].into()
    }

    fn values(parameters: &Parameters) -> Vec<f64> {
        parameters.iter().map(|parameter| parameter.tensor.grad().double_value(&[0])).collect()
    }

    #[test]
    fn norms_are_brought_down_and_never_up() {
        let parameters = three_and_four();
        assert!((clip_grad_norm(&parameters, 1.0).unwrap() - 5.0).abs() < 1e-12);
        let factor = 1.0 / (5.0 + 1e-6);
        assert!(values(&parameters).iter().zip([3.0, 4.0]).all(|(a, b)| (a - b * factor).abs() < 1e-12));
        let parameters = three_and_four();
        assert_eq!(clip_grad_norm(&parameters, 10.0).unwrap(), 5.0);
        assert_eq!(values(&parameters), [3.0, 4.0]);
        assert!(clip_grad_norm(&parameters, f64::NAN).unwrap_err().to_string().contains("max_norm is NaN"));
    }

    #[test]
    fn values_are_cut_off() {
        let parameters = three_and_four();
        clip_grad_value(&parameters, 3.5).unwrap();
        assert_eq!(values(&parameters), [3.0, 3.5]);
    }
}
