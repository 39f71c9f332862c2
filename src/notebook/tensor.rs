//! A tensor's face in a cell.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use tch::{Device, Kind, TchError, Tensor};

use super::base64;
use super::bundle::{MimeBundle, Show};
use super::html::{PALE, escape, table};
use crate::viz::{heat_map, picture_of};

/// Values shown of a tensor, from its beginning.
const FIRST_VALUES: i64 = 8;
/// Larger tensors are told without a picture.
const MOST_VALUES: usize = 4_000_000;
/// Side of a picture on the page, in CSS pixels, at most and, for a heat map, at least.
const LARGEST: u32 = 256;
const SMALLEST: u32 = 96;

/// One line about a tensor, shape first and in PyTorch's spelling:
/// `torch.Size([128, 102]) Float Cpu, min -4.2513, max 5.0304, mean 0.0121, first [0.1172, -0.5309, …]`.
///
/// NaN and infinities are counted, and left out of the minimum, the maximum and the mean. An undefined
/// or sparse tensor, for which some of this cannot be had, shows what can.
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
fn head(tensor: &Tensor) -> String {
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
fn statistics(tensor: &Tensor) -> Result<Option<Vec<(&'static str, String)>>, TchError> {
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

/// Four decimals where they say something, scientific where they would not.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || (1e-3..1e6).contains(&size) {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}

impl Show for Tensor {
    /// [`describe`], and on a page a table of the same with a picture: of a picture (3, H, W) itself, of
    /// two dimensions a heat map.
    fn bundle(&self) -> MimeBundle {
        let bundle = MimeBundle::text(describe(self));
        if !self.defined() {
            return bundle;
        }
        let rows: Vec<Vec<String>> = match statistics(self) {
            Ok(Some(told)) => {
                told.into_iter().map(|(name, value)| vec![format!("<b>{name}</b>"), escape(&value)]).collect()
            }
            _ => Vec::new(),
        };
        let facts = if rows.is_empty() { String::new() } else { table(&[], &rows) };
        let picture = if self.numel() <= MOST_VALUES { picture_html(self) } else { None };
        let html = format!(
            "<div><code>{}</code></div><div style=\"display:flex;gap:16px;align-items:flex-start\">{}{facts}</div>",
            escape(&head(self)),
            picture.unwrap_or_default()
        );
        bundle.with_html(html)
    }
}

/// The tensor as a small picture with a line below it, if it can be one.
fn picture_html(tensor: &Tensor) -> Option<String> {
    let (image, told) = match picture_of(tensor) {
        Some(found) => found,
        None => heat_map(tensor)?,
    };
    let (width, height) = shown_size(&image);
    let mut png = Cursor::new(Vec::new());
    RgbImage::write_to(&image, &mut png, ImageFormat::Png).ok()?;
    let data = base64::encode(&png.into_inner());
    Some(format!(
        "<figure style=\"margin:4px 0\"><img src=\"data:image/png;base64,{data}\" width=\"{width}\" height=\"{height}\" \
         alt=\"{0}\" style=\"image-rendering:pixelated\"><figcaption style=\"{PALE};font-size:85%\">{0}</figcaption></figure>",
        escape(&told)
    ))
}

/// Whole multiples of small pictures, so that each value is a square; large ones are made smaller.
fn shown_size(image: &RgbImage) -> (u32, u32) {
    let (width, height) = image.dimensions();
    let longest = width.max(height).max(1);
    if longest > LARGEST {
        let scaled = |side: u32| (side * LARGEST / longest).max(1);
        return (scaled(width), scaled(height));
    }
    let times = (SMALLEST.div_ceil(longest)).clamp(1, 24);
    (width * times, height * times)
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
    fn pictures_and_matrices_are_shown() {
        let html = |tensor: &Tensor| tensor.bundle().get("text/html").unwrap_or_default();
        let float = tch::kind::FLOAT_CPU;
        for (size, shown) in [
            (vec![3, 8, 8], true),
            (vec![1, 3, 8, 8], true),
            (vec![5, 9], true),
            (vec![7], false),
            (vec![2, 2, 2, 2], false),
        ] {
            let page = html(&Tensor::rand(&size, float));
            assert_eq!(page.contains("<img"), shown, "{size:?}");
            assert!(page.contains("<b>mean</b>") && !page.contains("<script"), "{size:?}");
        }
        assert!(html(&Tensor::zeros([0, 4], float)).contains("torch.Size([0, 4])"));
        let weights = Tensor::zeros([1, 1], float).set_requires_grad(true);
        assert!(html(&weights).contains("requires_grad"));
        assert_eq!(Tensor::new().bundle().mime_types(), ["text/plain"]);
        assert_eq!(shown_size(&RgbImage::new(4, 2)), (96, 48));
        assert_eq!(shown_size(&RgbImage::new(1024, 512)), (256, 128));
    }
}
