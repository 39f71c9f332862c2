//! Principal components: the directions in which features differ most.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The first `components` principal components of `features` (N, D) as (N, components), float32 on the
/// CPU: scikit-learn's `PCA(components).fit_transform`, with the sign of each component chosen so that
/// its largest loading is positive. Components beyond what N or D can give are 0.
///
/// # Errors
/// [`Error::Argument`] if the features are not (N, D), have values that are not finite, or no
/// components are asked for.
pub fn pca(features: &Tensor, components: usize) -> Result<Tensor> {
    let x = checked(features)?;
    let (count, components) = (x.size()[0], i64::try_from(components).unwrap_or(i64::MAX));
    if components == 0 || components > 10_000 {
        return Err(Error::Argument(format!("{components} components: give 1 to 10000")));
    }
    let out = Tensor::f_zeros([count, components], (Kind::Float, Device::Cpu))?;
    if count == 0 || x.size()[1] == 0 {
        return Ok(out);
    }
    let centred = x.f_subtract(&x.f_mean_dim(0, true, Kind::Double)?)?;
    let (u, s, v) = centred.f_svd(true, true)?;
    let kept = components.min(s.size()[0]);
    let largest = v.f_abs()?.f_argmax(0, true)?;
    let signs = v.f_gather(0, &largest, false)?.f_reshape([-1])?.f_sign()?;
    let scores = u.f_multiply(&s)?.f_multiply(&signs)?.f_narrow(1, 0, kept)?;
    out.f_narrow(1, 0, kept)?.f_copy_(&scores)?;
    Ok(out)
}

/// The features as float64 on the CPU.
pub(super) fn checked(features: &Tensor) -> Result<Tensor> {
    if features.dim() != 2 {
        let told = format!("features must be (N, D), got {:?}: flatten(1, -1) makes rows", features.size());
        return Err(Error::Argument(told));
    }
    let x = features.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
    if x.numel() > 0 && !bool::try_from(x.f_isfinite()?.f_all()?)? {
        return Err(Error::Argument("some features are not finite: NaN or an infinity is among them".into()));
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn: `PCA(2).fit_transform(X)` for its documentation's own example, whose
    /// `singular_values_` are 6.30061232 and 0.54980396.
    #[test]
    fn as_scikit_learn() -> Result<()> {
        let x = Tensor::from_slice2(&[
            [-1.0, -1.0],
            [-2.0, -1.0],
            [-3.0, -2.0],
            [1.0, 1.0],
            [2.0, 1.0],
            [3.0, 2.0],
        ]);
        let scores = pca(&x, 2)?;
        let length = |column: i64| f64::try_from(scores.f_select(1, column)?.f_norm()?);
        assert!((length(0)? - 6.300_612_32).abs() < 1e-5 && (length(1)? - 0.549_803_96).abs() < 1e-5);
        let first = Vec::<f32>::try_from(scores.f_select(1, 0)?)?;
        // (−1, −1) · (0.83849224, 0.54491354)
        assert!((first[0] + 1.383_405_8).abs() < 1e-5, "{first:?}");
        Ok(())
    }

    #[test]
    fn fewer_values_than_components_and_none() -> Result<()> {
        for size in [[1, 5], [3, 1], [0, 4], [4, 0]] {
            assert_eq!(pca(&Tensor::ones(size, (Kind::Float, Device::Cpu)), 2)?.size(), [size[0], 2]);
        }
        let told = |tensor: &Tensor| pca(tensor, 2).unwrap_err().to_string();
        assert!(told(&Tensor::from_slice(&[1f32])).contains("(N, D)"));
        assert!(told(&Tensor::from_slice2(&[[f32::NAN]])).contains("not finite"));
        Ok(())
    }
}
