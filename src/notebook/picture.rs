//! Pictures of the `image` crate as values of a cell.

use std::any::TypeId;
use std::io::Cursor;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, RgbImage, RgbaImage};

use super::{Here, MimeBundle, Show};
use crate::Result;

/// Width at least at which a single picture is shown, in CSS pixels, and at most.
const SHOWN_WIDTH: u32 = 320;
const WIDEST: u32 = 960;
/// Longest side of a single picture's PNG: what a notebook keeps of a photograph.
const MOST_PIXELS: u32 = 1920;

/// A picture's bundle, transparent places on white; in words alone if it has no pixels.
fn bundle(picture: &DynamicImage) -> MimeBundle {
    let alt = format!("a picture of {} x {} pixels", picture.width(), picture.height());
    let (image, (width, height)) = to_page_size(on_white(picture));
    let mut png = Cursor::new(Vec::new());
    match image.write_to(&mut png, ImageFormat::Png) {
        Ok(()) => MimeBundle::text(&alt).with_png(png.into_inner(), width, height).with_alt(&alt),
        Err(_) => MimeBundle::text(alt),
    }
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let mut ground = RgbaImage::from_pixel(picture.width(), picture.height(), image::Rgba([255; 4]));
    imageops::overlay(&mut ground, &picture.to_rgba8(), 0, 0);
    DynamicImage::from(ground).into_rgb8()
}

/// A single picture and the (width, height) in CSS pixels to show it at, neither tiny nor larger than a page: a
/// small one is enlarged by an integer factor, each pixel to a square, and a very large one is shrunk.
pub(crate) fn to_page_size(image: RgbImage) -> (RgbImage, (u32, u32)) {
    let (width, height) = image.dimensions();
    if width > 0 && width < SHOWN_WIDTH {
        let times = SHOWN_WIDTH.div_ceil(width);
        let (width, height) = (width * times, height.saturating_mul(times));
        // A very tall strip is left as it is.
        if height <= MOST_PIXELS {
            return (imageops::resize(&image, width, height, FilterType::Nearest), (width, height));
        }
    }
    let longest = width.max(height);
    let image = if longest > MOST_PIXELS {
        DynamicImage::from(image).resize(MOST_PIXELS, MOST_PIXELS, FilterType::Triangle).into_rgb8()
    } else {
        image
    };
    let shown = width.min(WIDEST);
    let high = (f64::from(height) * f64::from(shown) / f64::from(width.max(1))).round().max(1.0) as u32;
    (image, (shown, high))
}

impl Show<Here> for DynamicImage {
    fn bundle(&self) -> MimeBundle {
        bundle(self)
    }
}

macro_rules! show_as_picture {
    ($($kind:ty),*) => {
        $(impl Show<Here> for $kind {
            fn bundle(&self) -> MimeBundle {
                bundle(&DynamicImage::from(self.clone()))
            }
        })*
    };
}
show_as_picture!(RgbImage, RgbaImage, GrayImage, GrayAlphaImage);

/// The display of a cell's last expression if it is a picture, or the result of reading one.
///
/// [`EvcxrDisplay`](super::EvcxrDisplay) is implemented for every type with `Debug`, so pictures, whose `Debug` lists
/// all their numbers, can only be recognised by their type there.
pub(super) fn seen<T: ?Sized>(value: &T) -> Option<Result<MimeBundle, String>> {
    of_type(typeid::of::<T>(), std::ptr::from_ref(value).cast())
}

/// Not generic, so that it is compiled here once and not in every cell that shows a value.
fn of_type(kind: TypeId, value: *const ()) -> Option<Result<MimeBundle, String>> {
    fn cast<'a, P: 'static>(kind: TypeId, value: *const ()) -> Option<&'a P> {
        // SAFETY: `value` comes from a reference to a value of the type `kind`, which is `P`, and what is made of it is
        // used before `seen`, which holds that reference, returns. `P` is `'static`: it has no lifetimes that two types
        // with one `TypeId` could differ in.
        (kind == TypeId::of::<P>()).then(|| unsafe { &*value.cast::<P>() })
    }
    fn of<P: Show<Here> + 'static>(kind: TypeId, value: *const ()) -> Option<Result<MimeBundle, String>> {
        let read = || cast::<Result<P>>(kind, value);
        let picture = || cast::<P>(kind, value).map(|picture| Ok(picture.bundle()));
        picture().or_else(|| read().map(|read| read.as_ref().map(Show::bundle).map_err(ToString::to_string)))
    }
    let pictures =
        [of::<RgbImage>, of::<DynamicImage>, of::<GrayImage>, of::<RgbaImage>, of::<GrayAlphaImage>];
    pictures.iter().find_map(|of| of(kind, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn pictures_are_told_by_their_types() {
        let rgb = RgbImage::new(64, 48);
        let types = |bundle: Option<Result<MimeBundle, String>>| bundle.unwrap().unwrap().mime_types();
        assert_eq!(types(seen(&rgb)), ["text/plain", "image/png"]);
        assert_eq!(types(seen(&DynamicImage::from(rgb.clone()))), ["text/plain", "image/png"]);
        assert_eq!(types(seen(&GrayImage::new(2, 2))), ["text/plain", "image/png"]);
        assert_eq!(types(seen::<Result<RgbImage>>(&Ok(rgb.clone()))), ["text/plain", "image/png"]);
        let failed = seen::<Result<RgbImage>>(&Err(Error::Argument("no file".into())));
        assert_eq!(failed.unwrap().unwrap_err(), "no file");
        assert_eq!(types(seen(&RgbImage::new(0, 0))), ["text/plain"]);
        assert!(seen(&3).is_none() && seen("text").is_none() && seen(&[rgb][..]).is_none());
    }
}
