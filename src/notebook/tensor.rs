//! A tensor in words.

use tch::{Device, Kind, TchError, Tensor};

/// Values shown of a tensor, from its beginning.
const FIRST_VALUES: i64 = 8;

/// One line about a tensor, shape first and in PyTorch's spelling:
/// `torch.Size([128, 102]) Float Cpu, min -4.2513, max 5.0304, mean 0.0121, first [0.1172, -0.5309, …]`.
///
/// NaN and infinities are counted, and left out of the minimum, the maximum and the mean. For an
/// undefined or sparse tensor, only the available parts are shown.
pub fn describe(tensor: &Tensor) -> String {
    if !tensor.defined() {
        return "Tensor (undefined)".into();
    }
    let mut text = head(tensor);
    match statistics(tensor) {
        Ok(Some(told)) => {
            for (name, value) in told {
                text += &format!(", {name} {value}");
            }
            text
        }
        Ok(None) => text + ", empty",
        Err(_) => text,
    }
}

/// Shape, kind, device, and whether gradients are kept.
pub(crate) fn head(tensor: &Tensor) -> String {
    let mut text = format!("torch.Size({:?})", tensor.size());
    if let Ok(kind) = tensor.f_kind() {
        text += &format!(" {kind:?}");
    }
    text += &format!(" {:?}", tensor.device());
    if tensor.requires_grad() {
        text += ", requires_grad";
    }
    text
}

/// Minimum, maximum, mean, what is not finite, and first values; `None` for a tensor without elements.
pub(crate) fn statistics(tensor: &Tensor) -> Result<Option<Vec<(&'static str, String)>>, TchError> {
    let count = tensor.numel() as i64;
    if count == 0 {
        return Ok(None);
    }
    let kind = tensor.f_kind()?;
    let whole = matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 | Kind::Bool);
    let write = |value: f64| if whole { format!("{value}") } else { number(value) };
    let flat = tensor.f_detach()?.f_reshape([-1])?.f_to_device(Device::Cpu)?;
    let first = flat.f_narrow(0, 0, count.min(FIRST_VALUES))?.f_to_kind(Kind::Double)?;
    let first: Vec<f64> = Vec::try_from(&first)?;
    let first: Vec<String> = first.into_iter().map(write).collect();
    let more = if count > FIRST_VALUES { ", …" } else { "" };
    if count == 1 {
        return Ok(Some(vec![("value", first.join(""))]));
    }
    let flat = flat.f_to_kind(Kind::Double)?;
    let one = |value: Tensor| f64::try_from(&value);
    let mut told = Vec::new();
    let total = |mask: Tensor| i64::try_from(&mask.f_sum(Kind::Int64)?);
    let (nans, infinite) = (total(flat.f_isnan()?)?, total(flat.f_isinf()?)?);
    let finite = if nans + infinite > 0 { flat.f_masked_select(&flat.f_isfinite()?)? } else { flat };
    if finite.numel() > 0 {
        told.push(("min", write(one(finite.f_min()?)?)));
        told.push(("max", write(one(finite.f_max()?)?)));
        told.push(("mean", number(one(finite.f_mean(Kind::Double)?)?)));
    }
    if nans > 0 {
        told.push(("NaN", format!("{nans} of {count}")));
    }
    if infinite > 0 {
        told.push(("infinite", format!("{infinite} of {count}")));
    }
    told.push(("first", format!("[{}{more}]", first.join(", "))));
    Ok(Some(told))
}

/// Four decimals if they are meaningful, otherwise scientific notation.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || (1e-3..1e6).contains(&size) {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_counted() {
        let values = [1.0f32, f32::NAN, 3.0, f32::INFINITY, f32::NAN];
        let told = describe(&Tensor::from_slice(&values));
        assert!(told.contains("min 1.0000, max 3.0000, mean 2.0000, NaN 2 of 5, infinite 1 of 5"), "{told}");
        let told = describe(&Tensor::from_slice(&[f32::NAN; 3]));
        assert!(told.contains("Cpu, NaN 3 of 3, first [NaN"), "{told}");
    }
}
