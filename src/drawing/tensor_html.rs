//! How a tensor shows itself in a cell.

use std::io::Cursor;

use base64::prelude::{BASE64_STANDARD, Engine};
use image::{ImageFormat, RgbImage};
use tch::Tensor;

use super::tensor_picture::{heat_map, picture_of};
use crate::notebook::html::{PALE, escape, table};
use crate::notebook::tensor::{head, sentence, statistics};
use crate::notebook::{Here, MimeBundle, Rich, Show, describe, result};

/// Larger tensors are shown without a picture.
const MOST_VALUES: usize = 4_000_000;
/// Side of a picture on the page, in CSS pixels, at most and, for a heat map, at least.
const LARGEST: u32 = 256;
const SMALLEST: u32 = 96;

impl Show<Here> for Tensor {
    /// [`describe`], and on a page a table of the same with a picture: of a picture (3, H, W) itself, of
    /// two dimensions a heat map.
    fn bundle(&self) -> MimeBundle {
        if !self.defined() {
            return MimeBundle::text(describe(self));
        }
        let found = statistics(self);
        let bundle = MimeBundle::text(sentence(self, &found));
        let rows: Vec<Vec<String>> = match found {
            Ok(Some(facts)) => facts
                .into_iter()
                .map(|(name, value)| vec![format!("<b>{name}</b>"), escape(&value)])
                .collect(),
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

impl Rich<Here> for Tensor {
    fn text(&self) -> String {
        describe(self)
    }

    fn show(&self) {
        result(self);
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
    let data = BASE64_STANDARD.encode(png.into_inner());
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
