//! What notebooks get of a picture: files that look the same and are a fraction of its exact PNG, since a notebook keeps
//! every one of them.

use std::collections::HashMap;

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use png::{BitDepth, Compression, Filter};

/// A JPEG quality that changes neither photographs nor text visibly.
const QUALITY: u8 = 88;

/// A picture with photographs as a JPEG. Its colours have half the resolution, which on a figure drawn for sharp screens is
/// that of the page.
///
/// Its Huffman tables are the usual ones: with optimised ones the encoder writes a scan for each channel, which not every decoder
/// reads well (zune-jpeg 0.5 shows white as green).
///
/// `None` for what JPEG cannot hold: a side of more than 65,535 pixels.
pub(super) fn jpeg(image: &RgbImage) -> Option<Vec<u8>> {
    let sides = (u16::try_from(image.width()).ok()?, u16::try_from(image.height()).ok()?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(image.as_raw(), sides.0, sides.1, ColorType::Rgb).ok()?;
    Some(bytes)
}

/// A drawing as a PNG with a palette, a byte a pixel. Where it has more colours than a palette, those at the edges of
/// letters and lines move by at most [`FARTHEST`].
///
/// `None` where that does not suffice: the picture is not a drawing in few colours.
pub(super) fn png(image: &RgbImage) -> Option<Vec<u8>> {
    let (palette, places) = palette(&colours(image)?)?;
    let mut pixels = Vec::with_capacity(image.width() as usize * image.height() as usize);
    let mut last = (*image.pixels().next()?, 0);
    for pixel in image.pixels() {
        if *pixel != last.0 || pixels.is_empty() {
            last = (*pixel, *places.get(&pixel.0)?);
        }
        pixels.push(last.1);
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width(), image.height());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(Compression::Balanced);
    // Neighbours in a palette are not neighbours in colour: differences between them say nothing.
    encoder.set_filter(Filter::NoFilter);
    encoder.write_header().ok()?.write_image_data(&pixels).ok()?;
    Some(bytes)
}

/// How far a colour may move in each channel, of 255. Areas keep theirs, since the most frequent come first.
const FARTHEST: u8 = 12;
/// What an 8-bit palette holds.
const MOST: usize = 256;
/// A drawing has fewer colours; a photograph of some size more.
const DRAWN: usize = 1 << 14;

type Colour = [u8; 3];

/// The colours, those of most pixels first, and of as many by value, so that a picture gives one file. `None` for too many.
fn colours(image: &RgbImage) -> Option<Vec<Colour>> {
    let mut counts: HashMap<Colour, usize> = HashMap::new();
    let mut pixels = image.pixels().peekable();
    while let Some(pixel) = pixels.next() {
        let mut run = 1;
        while pixels.next_if_eq(&pixel).is_some() {
            run += 1;
        }
        *counts.entry(pixel.0).or_default() += run;
        if counts.len() > DRAWN {
            return None;
        }
    }
    let mut colours: Vec<(Colour, usize)> = counts.into_iter().collect();
    colours.sort_by_key(|&(colour, count)| (std::cmp::Reverse(count), colour));
    Some(colours.into_iter().map(|(colour, _)| colour).collect())
}

/// The colours that are kept as they are, and for each colour the place of the nearest of these.
fn palette(colours: &[Colour]) -> Option<(Vec<Colour>, HashMap<Colour, u8>)> {
    let apart = |a: &Colour, b: &Colour| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max();
    let kept = (0..=FARTHEST).find_map(|farthest| {
        let mut kept: Vec<Colour> = Vec::new();
        for colour in colours {
            if !kept.iter().any(|near| apart(near, colour) <= Some(farthest)) {
                if kept.len() == MOST {
                    return None;
                }
                kept.push(*colour);
            }
        }
        Some(kept)
    })?;
    let nearest = |colour: &Colour| {
        let far = |place: &usize| kept.get(*place).and_then(|near| apart(near, colour));
        (0..kept.len()).min_by_key(far).and_then(|place| u8::try_from(place).ok())
    };
    let places = colours.iter().map(|colour| Some((*colour, nearest(colour)?))).collect::<Option<_>>()?;
    Some((kept, places))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn read(bytes: &[u8]) -> RgbImage {
        image::load_from_memory(bytes).unwrap().into_rgb8()
    }

    #[test]
    fn few_colours_are_kept_exactly() {
        let image = RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8 * 6, 7, y as u8 / 8]));
        let bytes = png(&image).unwrap();
        assert_eq!(read(&bytes), image);
        // The header's colour type: 3 is a palette.
        assert_eq!(bytes[25], 3);
    }

    #[test]
    fn more_colours_than_a_palette_move_unseen_and_the_most_frequent_not_at_all() {
        let shade = |x: u32, y: u32| if y < 8 { Rgb([255; 3]) } else { Rgb([x as u8, y as u8 * 4, 0]) };
        let image = RgbImage::from_fn(256, 20, shade);
        let shown = read(&png(&image).unwrap());
        for (pixel, seen) in image.pixels().zip(shown.pixels()) {
            let far = pixel.0.iter().zip(seen.0).map(|(a, b)| a.abs_diff(b)).max();
            assert!(far <= Some(FARTHEST), "{pixel:?} shows as {seen:?}");
        }
        assert!(shown.rows().take(8).flatten().all(|pixel| pixel.0 == [255; 3]));
    }

    #[test]
    fn what_is_not_drawn_has_no_palette() {
        let mut rng = fastrand::Rng::with_seed(3);
        assert!(png(&RgbImage::from_fn(99, 99, |_, _| Rgb([rng.u8(..), rng.u8(..), rng.u8(..)]))).is_none());
        assert!(png(&RgbImage::new(0, 0)).is_none());
        assert!(jpeg(&RgbImage::new(70_000, 1)).is_none());
    }
}
