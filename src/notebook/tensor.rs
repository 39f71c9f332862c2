//! A tensor in words.

use tch::{Device, Kind, TchError, Tensor};

/// Values shown of a tensor, from its beginning.
const FIRST_VALUES: i64 = 8;
/// Elements converted at a time, so that describing a large tensor takes little memory beside it.
const PIECE: i64 = 1 << 22;

/// Names and values of a tensor's [`statistics`].
pub(crate) type Facts = Vec<(&'static str, String)>;

/// One line about a tensor, shape first and in PyTorch's spelling:
/// `torch.Size([128, 102]) Float Cpu, min -4.2513, max 5.0304, mean 0.0121, first [0.1172, -0.5309, …]`.
///
/// NaN and infinities are counted, and left out of the minimum, the maximum and the mean. For an
/// undefined or sparse tensor, only the available parts are shown.
pub fn describe(tensor: &Tensor) -> String {
    if !tensor.defined() {
        return "Tensor (undefined)".into();
    }
    sentence(tensor, &statistics(tensor))
}

/// [`describe`] for a tensor that is defined and whose statistics are known.
pub(crate) fn sentence(tensor: &Tensor, statistics: &Result<Option<Facts>, TchError>) -> String {
    let mut text = head(tensor);
    match statistics {
        Ok(Some(facts)) => {
            for (name, value) in facts {
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
pub(crate) fn statistics(tensor: &Tensor) -> Result<Option<Facts>, TchError> {
    let count = tensor.numel() as i64;
    if count == 0 {
        return Ok(None);
    }
    let kind = tensor.f_kind()?;
    let whole = matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 | Kind::Bool);
    let write = |value: f64| if whole { format!("{value}") } else { number(value) };
    let tensor = tensor.f_detach()?;
    let first: Vec<String> = first_values(&tensor)?.into_iter().map(write).collect();
    let more = if count > FIRST_VALUES { ", …" } else { "" };
    if count == 1 {
        return Ok(Some(vec![("value", first.join(""))]));
    }
    let (tensor, repeats) = without_repeats(tensor)?;
    let mut totals = Totals::default();
    totals.add(&tensor)?;
    let mut facts = Vec::new();
    if totals.finite > 0 {
        facts.push(("min", write(totals.min)));
        facts.push(("max", write(totals.max)));
        facts.push(("mean", number(totals.sum / totals.finite as f64)));
    }
    if totals.nans > 0 {
        facts.push(("NaN", format!("{} of {count}", totals.nans * repeats)));
    }
    if totals.infinite > 0 {
        facts.push(("infinite", format!("{} of {count}", totals.infinite * repeats)));
    }
    facts.push(("first", format!("[{}{more}]", first.join(", "))));
    Ok(Some(facts))
}

/// The first values in row-major order; only they are copied.
fn first_values(tensor: &Tensor) -> Result<Vec<f64>, TchError> {
    let mut part = tensor.f_detach()?;
    let sizes = tensor.size();
    for (dim, size) in sizes.iter().enumerate() {
        let inner: i64 = sizes[dim + 1..].iter().product();
        let needed = 1 + (FIRST_VALUES - 1) / inner;
        part = part.f_narrow(dim as i64, 0, needed.min(*size))?;
    }
    let flat = part.f_reshape([-1])?;
    let first = flat.f_narrow(0, 0, FIRST_VALUES.min(flat.numel() as i64))?;
    Vec::<f64>::try_from(&first.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?)
}

/// The tensor without the copies that `expand` only pretends, and how many times each element counts.
fn without_repeats(mut tensor: Tensor) -> Result<(Tensor, i64), TchError> {
    let mut repeats = 1;
    for (dim, (size, stride)) in tensor.size().into_iter().zip(tensor.stride()).enumerate() {
        if stride == 0 && size > 1 {
            repeats *= size;
            tensor = tensor.f_narrow(dim as i64, 0, 1)?;
        }
    }
    Ok((tensor, repeats))
}

/// What the statistics are computed from. Minimum, maximum and sum are those of the finite elements.
struct Totals {
    min: f64,
    max: f64,
    sum: f64,
    finite: i64,
    nans: i64,
    infinite: i64,
}

impl Default for Totals {
    fn default() -> Self {
        Totals { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, finite: 0, nans: 0, infinite: 0 }
    }
}

impl Totals {
    /// Adds a tensor in pieces, cut along its first dimension that has more than one element.
    fn add(&mut self, tensor: &Tensor) -> Result<(), TchError> {
        let sizes = tensor.size();
        match sizes.iter().position(|size| *size > 1) {
            Some(dim) if tensor.numel() as i64 > PIECE => {
                let inner: i64 = sizes[dim + 1..].iter().product();
                let length = (PIECE / inner).max(1);
                for start in (0..sizes[dim]).step_by(length as usize) {
                    let length = length.min(sizes[dim] - start);
                    self.add(&tensor.f_narrow(dim as i64, start, length)?)?;
                }
                Ok(())
            }
            _ => self.add_piece(tensor),
        }
    }

    fn add_piece(&mut self, piece: &Tensor) -> Result<(), TchError> {
        let values = piece.f_reshape([-1])?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let one = |value: Tensor| f64::try_from(&value);
        let total = |mask: Tensor| i64::try_from(&mask.f_sum(Kind::Int64)?);
        let (nans, infinite) = (total(values.f_isnan()?)?, total(values.f_isinf()?)?);
        self.nans += nans;
        self.infinite += infinite;
        let finite =
            if nans + infinite > 0 { values.f_masked_select(&values.f_isfinite()?)? } else { values };
        if finite.numel() > 0 {
            self.finite += finite.numel() as i64;
            self.min = self.min.min(one(finite.f_min()?)?);
            self.max = self.max.max(one(finite.f_max()?)?);
            self.sum += one(finite.f_sum(Kind::Double)?)?;
        }
        Ok(())
    }
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

    #[test]
    fn pieces_have_the_statistics_of_the_whole() {
        let count = PIECE + 1000;
        let values = Tensor::arange(count, (Kind::Double, Device::Cpu));
        let _ = values.narrow(0, PIECE - 2, 4).fill_(f64::NAN);
        let _ = values.narrow(0, 0, 3).fill_(f64::INFINITY);
        let finite = values.masked_select(&values.isfinite());
        let one = |value: Tensor| number(f64::try_from(&value).unwrap());
        let expected = [
            ("min", one(finite.min())),
            ("max", one(finite.max())),
            ("mean", one(finite.mean(Kind::Double))),
            ("NaN", format!("4 of {count}")),
            ("infinite", format!("3 of {count}")),
        ];
        let columns = values.reshape([-1, 8]).transpose(0, 1);
        for (tensor, first) in [
            (&values, "[inf, inf, inf, 3.0000, 4.0000, 5.0000, 6.0000, 7.0000, …]"),
            (&columns, "[inf, 8.0000, 16.0000, 24.0000, 32.0000, 40.0000, 48.0000, 56.0000, …]"),
        ] {
            let facts = statistics(tensor).unwrap().unwrap();
            assert_eq!(facts[..5], expected);
            assert_eq!(facts[5..], [("first", first.to_string())]);
        }
    }

    /// Two values that are expanded to terabytes are still two values.
    #[test]
    fn expanded_tensors_are_not_written_out() {
        let expanded = Tensor::from_slice(&[1.0f32, f32::NAN]).expand([1_000_000, 1_000_000, 2], false);
        let text = describe(&expanded);
        assert!(
            text.contains("mean 1.0000, NaN 1000000000000 of 2000000000000, first [1.0000, NaN, 1"),
            "{text}"
        );
    }
}
