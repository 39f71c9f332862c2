//! A tensor as a small picture.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use super::im_convert::to_image;
use super::palette::{blue_red, viridis};
use crate::transforms::{IMAGENET_MEAN, IMAGENET_STD};

/// Longest side of a picture, and of a heat map in cells.
const LARGEST: i64 = 512;
const MOST_CELLS: i64 = 96;
/// Normalised values lie within this many standard deviations.
const NORMALISED: f64 = 4.0;

/// The picture in a tensor (3, H, W) or (1, 3, H, W), and how it was read: bytes, values of 0 to 1, or
/// normalised ones. `None` for other shapes and values.
pub(crate) fn picture_of(tensor: &Tensor) -> Option<(RgbImage, String)> {
    let tensor = match tensor.size()[..] {
        [3, height, width] if height > 1 && width > 1 => tensor.shallow_clone(),
        [1, 3, height, width] if height > 1 && width > 1 => tensor.f_squeeze_dim(0).ok()?,
        _ => return None,
    };
    let (height, width) = (tensor.size()[1], tensor.size()[2]);
    if height.max(width) > LARGEST {
        return None;
    }
    let kind = tensor.f_kind().ok()?;
    let values = tensor.f_detach().ok()?.f_to_device(Device::Cpu).ok()?.f_to_kind(Kind::Float).ok()?;
    let (low, high) = extent(&values)?;
    let (mean, std, told) = if kind == Kind::Uint8 || (low >= 0.0 && high > 2.0 && high <= 255.0) {
        ([0.0; 3], [1.0 / 255.0; 3], "as bytes")
    } else if low >= 0.0 && high <= 1.0 {
        ([0.0; 3], [1.0; 3], "as values of 0 to 1")
    } else if low >= -NORMALISED && high <= NORMALISED {
        (IMAGENET_MEAN, IMAGENET_STD, "with ImageNet's normalisation undone")
    } else {
        return None;
    };
    let image = to_image(&values, mean, std).ok()?;
    Some((image, format!("a picture of {width} x {height} pixels, {told}")))
}

/// A tensor of two dimensions, or of one before them, as a heat map: around 0 from blue over white to
/// red, else from dark to yellow; NaN is grey. Large ones are averaged.
pub(crate) fn heat_map(tensor: &Tensor) -> Option<(RgbImage, String)> {
    let size = tensor.size();
    let (rows, columns) = match size[..] {
        [rows, columns] | [1, rows, columns] | [1, 1, rows, columns] if rows > 0 && columns > 0 => {
            (rows, columns)
        }
        _ => return None,
    };
    let values = tensor.f_detach().ok()?.f_to_device(Device::Cpu).ok()?.f_to_kind(Kind::Float).ok()?;
    let mut values = values.f_reshape([1, 1, rows, columns]).ok()?;
    let (height, width) = (rows.min(MOST_CELLS), columns.min(MOST_CELLS));
    let averaged = (height, width) != (rows, columns);
    if averaged {
        values = values.f_adaptive_avg_pool2d([height, width]).ok()?;
    }
    let (low, high) = extent(&values)?;
    let cells = Vec::<f32>::try_from(&values.f_contiguous().ok()?.f_reshape([-1]).ok()?).ok()?;
    let most = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
    let range = (high - low).max(f64::MIN_POSITIVE);
    let signed = low < 0.0 && high > 0.0;
    let colour = |value: f64| -> Rgb<u8> {
        if signed { blue_red(0.5 + 0.5 * value / most) } else { viridis((value - low) / range) }
    };
    let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        colour(f64::from(cells[y as usize * width as usize + x as usize]))
    });
    let scale = if signed {
        format!("blue {:.3} to red {most:.3}", -most)
    } else {
        format!("dark {low:.3} to yellow {high:.3}")
    };
    let note = if averaged { ", averaged" } else { "" };
    Some((image, format!("{rows} x {columns}, {scale}{note}")))
}

/// Least and greatest of the finite values.
fn extent(values: &Tensor) -> Option<(f64, f64)> {
    let finite = values.f_masked_select(&values.f_isfinite().ok()?).ok()?;
    if finite.numel() == 0 {
        return None;
    }
    Some((f64::try_from(finite.f_min().ok()?).ok()?, f64::try_from(finite.f_max().ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_colours_of_their_values() {
        let signed = Tensor::from_slice2(&[[-2.0f32, 0.0], [1.0, f32::NAN]]);
        let (image, told) = heat_map(&signed).unwrap();
        assert_eq!(told, "2 x 2, blue -2.000 to red 2.000");
        assert_eq!(image.get_pixel(0, 0), &blue_red(0.0));
        assert_eq!(image.get_pixel(1, 0), &blue_red(0.5));
        assert_eq!(image.get_pixel(0, 1), &blue_red(0.75));
        assert_eq!(image.get_pixel(1, 1).0, [190; 3], "NaN");
        let (image, told) = heat_map(&Tensor::ones([300, 2], tch::kind::FLOAT_CPU)).unwrap();
        assert_eq!(
            (image.dimensions(), told.as_str()),
            ((2, 96), "300 x 2, dark 1.000 to yellow 1.000, averaged")
        );
        assert!(heat_map(&Tensor::from_slice2(&[[f32::NAN]])).is_none());
    }

    #[test]
    fn pictures_are_read_as_what_they_are() {
        let told = |tensor: &Tensor| {
            picture_of(tensor).map(|(_, told)| told.split(", ").nth(1).unwrap().to_string())
        };
        let grey = |value: f64| Tensor::full([3, 4, 4], value, tch::kind::FLOAT_CPU);
        assert_eq!(told(&grey(0.5)).as_deref(), Some("as values of 0 to 1"));
        assert_eq!(told(&grey(200.0)).as_deref(), Some("as bytes"));
        assert_eq!(told(&grey(-1.5)).as_deref(), Some("with ImageNet's normalisation undone"));
        assert_eq!(told(&grey(1e6)), None);
        let (image, _) = picture_of(&Tensor::full([1, 3, 2, 2], 7, (Kind::Uint8, Device::Cpu))).unwrap();
        assert_eq!(image.get_pixel(0, 0).0, [7; 3]);
    }
}
