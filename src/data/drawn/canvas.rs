//! A square picture in floating point, on which everything is painted.

use image::RgbImage;

/// Red, green, blue, each 0 to 1 in the display's own scale (sRGB).
pub(super) type Rgb = [f32; 3];

/// Mixes two colours; `t = 0` gives `a`, `t = 1` gives `b`.
pub(super) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

/// Makes a colour lighter (`by > 1`) or darker (`by < 1`).
pub(super) fn scale(colour: Rgb, by: f32) -> Rgb {
    colour.map(|channel| (channel * by).clamp(0.0, 1.0))
}

/// Rises from 0 at `from` to 1 at `to` without corners.
pub(super) fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A square picture; `(0, 0)` is the top left pixel.
pub(super) struct Canvas {
    side: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    pub(super) fn new(side: usize) -> Self {
        Self { side, pixels: vec![[0.0; 3]; side * side] }
    }

    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// Blends a colour over a pixel; `alpha = 1` replaces it.
    pub(super) fn blend(&mut self, x: usize, y: usize, colour: Rgb, alpha: f32) {
        let pixel = &mut self.pixels[y * self.side + x];
        *pixel = mix(*pixel, colour, alpha);
    }

    /// Darkens a pixel, as a shadow does: `by = 0` leaves it, `by = 1` makes it black.
    pub(super) fn shade(&mut self, x: usize, y: usize, by: f32) {
        let pixel = &mut self.pixels[y * self.side + x];
        *pixel = scale(*pixel, 1.0 - by);
    }

    /// Replaces every pixel; `paint` gets the position from 0 to 1 and the current colour.
    pub(super) fn map(&mut self, mut paint: impl FnMut(f32, f32, Rgb) -> Rgb) {
        let side = self.side as f32;
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = ((i % self.side) as f32 / side, (i / self.side) as f32 / side);
            *pixel = paint(x, y, *pixel);
        }
    }

    /// The pixels from `low` to `high`, cut at the picture's edges, as `(columns, rows)`.
    pub(super) fn window(
        &self,
        low: [f32; 2],
        high: [f32; 2],
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let cut = |value: f32| (value.max(0.0) as usize).min(self.side);
        (cut(low[0].floor())..cut(high[0].ceil() + 1.0), cut(low[1].floor())..cut(high[1].ceil() + 1.0))
    }

    /// A round spot with a soft rim of `soft` pixels.
    pub(super) fn spot(&mut self, centre: [f32; 2], radius: f32, soft: f32, colour: Rgb, alpha: f32) {
        let reach = radius + soft;
        let (columns, rows) =
            self.window([centre[0] - reach, centre[1] - reach], [centre[0] + reach, centre[1] + reach]);
        for y in rows {
            for x in columns.clone() {
                let distance = (x as f32 + 0.5 - centre[0]).hypot(y as f32 + 0.5 - centre[1]);
                let cover = ((radius - distance) / soft + 0.5).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.blend(x, y, colour, cover * alpha);
                }
            }
        }
    }

    /// A stroke with round ends, `width` pixels wide at its beginning and `end_width` at its end.
    pub(super) fn stroke(&mut self, from: [f32; 2], to: [f32; 2], width: f32, end_width: f32, colour: Rgb) {
        let reach = width.max(end_width);
        let low = [from[0].min(to[0]) - reach, from[1].min(to[1]) - reach];
        let high = [from[0].max(to[0]) + reach, from[1].max(to[1]) + reach];
        let along = [to[0] - from[0], to[1] - from[1]];
        let length2 = (along[0] * along[0] + along[1] * along[1]).max(1e-6);
        let (columns, rows) = self.window(low, high);
        for y in rows {
            for x in columns.clone() {
                let p = [x as f32 + 0.5 - from[0], y as f32 + 0.5 - from[1]];
                let t = ((p[0] * along[0] + p[1] * along[1]) / length2).clamp(0.0, 1.0);
                let distance = (p[0] - along[0] * t).hypot(p[1] - along[1] * t);
                let half = 0.5 * (width + (end_width - width) * t);
                let cover = (half - distance + 0.5).clamp(0.0, 1.0);
                if cover > 0.0 {
                    // Rounded: lighter along its middle.
                    let round = 1.08 - 0.35 * (distance / half.max(0.5)).powi(2);
                    self.blend(x, y, scale(colour, round), cover);
                }
            }
        }
    }

    /// Blurs the background as a lens does: three box filters in each direction, which together are
    /// close to a Gaussian.
    pub(super) fn blur(&mut self, radius: usize) {
        for _ in 0..3 {
            self.blur_rows(radius);
            self.transpose();
            self.blur_rows(radius);
            self.transpose();
        }
    }

    fn blur_rows(&mut self, radius: usize) {
        let (side, window) = (self.side, (2 * radius + 1) as f32);
        let mut blurred = vec![[0.0; 3]; side];
        for row in self.pixels.chunks_mut(side) {
            let at = |i: isize| row[i.clamp(0, side as isize - 1) as usize];
            let mut sum = [0.0; 3];
            for i in -(radius as isize)..=radius as isize {
                sum = std::array::from_fn(|c| sum[c] + at(i)[c]);
            }
            for (x, out) in blurred.iter_mut().enumerate() {
                *out = sum.map(|channel| channel / window);
                let (enters, leaves) = (at((x + radius + 1) as isize), at(x as isize - radius as isize));
                sum = std::array::from_fn(|c| sum[c] + enters[c] - leaves[c]);
            }
            row.copy_from_slice(&blurred);
        }
    }

    fn transpose(&mut self) {
        for y in 0..self.side {
            for x in 0..y {
                self.pixels.swap(y * self.side + x, x * self.side + y);
            }
        }
    }

    /// The picture in eight bits, rounded to the nearest value.
    pub(super) fn into_image(self) -> RgbImage {
        let side = self.side as u32;
        RgbImage::from_fn(side, side, |x, y| {
            let pixel = self.pixels[y as usize * self.side + x as usize];
            image::Rgb(pixel.map(|channel| (channel.clamp(0.0, 1.0) * 255.0).round() as u8))
        })
    }
}
