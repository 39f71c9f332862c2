//! Pictures of the `image` crate as values of a cell.

use std::any::TypeId;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

use super::bundle::{MimeBundle, Show};
use crate::Result;
use crate::viz::show_image;

/// A picture's bundle; in words alone if it has no pixels.
fn bundle(picture: &DynamicImage) -> MimeBundle {
    match show_image(picture) {
        Ok(figure) => figure.bundle(),
        Err(_) => MimeBundle::text(format!("a picture of {} x {} pixels", picture.width(), picture.height())),
    }
}

impl Show for DynamicImage {
    fn bundle(&self) -> MimeBundle {
        bundle(self)
    }
}

macro_rules! show_as_picture {
    ($($kind:ty),*) => {
        $(impl Show for $kind {
            fn bundle(&self) -> MimeBundle {
                bundle(&DynamicImage::from(self.clone()))
            }
        })*
    };
}
show_as_picture!(RgbImage, RgbaImage, GrayImage, GrayAlphaImage);

/// What the last expression of a cell shows if it is a picture, or the result of reading one.
///
/// [`EvcxrDisplay`](super::EvcxrDisplay) is implemented for every type with `Debug`, so pictures, whose `Debug` is all
/// their numbers, can only be told by their type there.
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
    fn of<P: Show + 'static>(kind: TypeId, value: *const ()) -> Option<Result<MimeBundle, String>> {
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
