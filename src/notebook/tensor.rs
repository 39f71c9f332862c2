//! A tensor's face in a cell.

use tch::{Kind, Tensor};

/// Values shown of a tensor, from its beginning.
const FIRST_VALUES: i64 = 8;

/// One line about a tensor, shape first and in PyTorch's spelling:
/// `torch.Size([128, 102]) Float Cpu, min -4.2513, max 5.0304, mean 0.0121, first [0.1172, -0.5309, …]`.
///
/// An undefined or sparse tensor, for which some of this cannot be had, shows what can.
pub fn describe(tensor: &Tensor) -> String {
    if !tensor.defined() {
        return "Tensor (undefined)".into();
    }
    let mut text = format!("torch.Size({:?})", tensor.size());
    if let Ok(kind) = tensor.f_kind() {
        text += &format!(" {kind:?}");
    }
    text += &format!(" {:?}", tensor.device());
    if tensor.requires_grad() {
        text += ", requires_grad";
    }
    match statistics(tensor) {
        Ok(Some(statistics)) => text + ", " + &statistics,
        Ok(None) => text + ", empty",
        Err(_) => text,
    }
}

/// Minimum, maximum, mean and first values; `None` for a tensor without elements.
fn statistics(tensor: &Tensor) -> Result<Option<String>, tch::TchError> {
    let count = tensor.numel() as i64;
    if count == 0 {
        return Ok(None);
    }
    let kind = tensor.f_kind()?;
    let whole = matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 | Kind::Bool);
    let write = |value: f64| if whole { format!("{value}") } else { number(value) };
    let flat = tensor.f_detach()?.f_reshape([-1])?.f_to_device(tch::Device::Cpu)?;
    let first = flat.f_narrow(0, 0, count.min(FIRST_VALUES))?.f_to_kind(Kind::Double)?;
    let first: Vec<f64> = Vec::try_from(&first)?;
    let first: Vec<String> = first.into_iter().map(write).collect();
    let more = if count > FIRST_VALUES { ", …" } else { "" };
    if count == 1 {
        return Ok(Some(format!("value {}", first.join(""))));
    }
    let flat = flat.f_to_kind(Kind::Double)?;
    let one = |value: Tensor| f64::try_from(&value);
    let (min, max, mean) = (one(flat.f_min()?)?, one(flat.f_max()?)?, one(flat.f_mean(Kind::Double)?)?);
    let (min, max, mean) = (write(min), write(max), number(mean));
    Ok(Some(format!("min {min}, max {max}, mean {mean}, first [{}{more}]", first.join(", "))))
}

/// Four decimals where they say something, scientific where they would not.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || (1e-3..1e6).contains(&size) {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}
