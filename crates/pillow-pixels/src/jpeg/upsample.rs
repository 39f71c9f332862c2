//! From a component's samples to one for each pixel, as libjpeg's "fancy upsampling" does.

use super::planes::Plane;

/// A row of one sample for each pixel: borrowed where the plane has as many, else made in `buffers`.
#[inline(always)]
pub(super) fn row<'a>(plane: &'a Plane, y: usize, smooth: bool, buffers: &'a mut RowBuffers) -> &'a [u8] {
    let near = y / plane.down;
    match (plane.across, plane.down) {
        (1, 1) => plane.row(y),
        (2, 1) if smooth && plane.width > 2 => buffers.across(plane.row(near)),
        (2, 2) if smooth && plane.width > 2 => buffers.across_and_down(plane.row(near), beside(plane, y)),
        (1, 2) if smooth => buffers.down(plane.row(near), beside(plane, y), y.is_multiple_of(2)),
        (across, _) => buffers.repeated(plane.row(near), across),
    }
}

/// The second-nearest row of samples to pixel row `y`, at two pixels per sample.
fn beside(plane: &Plane, y: usize) -> &[u8] {
    let near = y / 2;
    plane.row(if y.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 })
}

/// A weighted sum, 3:1. (Samples are bytes, or four times as much: nothing overflows, and `wrapping_…` keeps
/// the loops fast in builds with overflow checks.)
#[inline(always)]
fn three(near: u16, beside: u16) -> u16 {
    near.wrapping_mul(3).wrapping_add(beside)
}

/// Memory for a row, kept from row to row.
#[derive(Default)]
pub(super) struct RowBuffers {
    row: Vec<u8>,
    sums: Vec<u16>,
}

impl RowBuffers {
    /// Interpolates across: the nearest sample and the next nearest, 3:1.
    #[inline(always)]
    fn across(&mut self, near: &[u8]) -> &[u8] {
        let last = near.len() - 1;
        self.row.resize(near.len() * 2, 0);
        let pixels = self.row.as_chunks_mut::<2>().0;
        for (pixel, window) in pixels[1..last].iter_mut().zip(near.windows(3)) {
            let [left, middle, right] = [0, 1, 2].map(|i| u16::from(window[i]));
            let (left, right) = (three(middle, left), three(middle, right));
            *pixel = [(left.wrapping_add(1) >> 2) as u8, (right.wrapping_add(2) >> 2) as u8];
        }
        let wide = |i: usize| u16::from(near[i]);
        pixels[0] = [near[0], ((wide(0) * 3 + wide(1) + 2) >> 2) as u8];
        pixels[last] = [((wide(last) * 3 + wide(last - 1) + 1) >> 2) as u8, near[last]];
        &self.row
    }

    /// The same across and down.
    #[inline(always)]
    fn across_and_down(&mut self, near: &[u8], beside: &[u8]) -> &[u8] {
        let last = near.len() - 1;
        self.sums.clear();
        self.sums.extend(
            near.iter().zip(beside).map(|(&near, &beside)| three(u16::from(near), u16::from(beside))),
        );
        self.row.resize(near.len() * 2, 0);
        let (sums, pixels) = (&self.sums, self.row.as_chunks_mut::<2>().0);
        let (lefts, middles, rights) = (&sums[..last - 1], &sums[1..last], &sums[2..]);
        for (((pixel, left), middle), right) in pixels[1..last].iter_mut().zip(lefts).zip(middles).zip(rights)
        {
            let (left, right) = (three(*middle, *left), three(*middle, *right));
            *pixel = [(left.wrapping_add(8) >> 4) as u8, (right.wrapping_add(7) >> 4) as u8];
        }
        pixels[0] = [((sums[0] * 4 + 8) >> 4) as u8, ((sums[0] * 3 + sums[1] + 7) >> 4) as u8];
        pixels[last] =
            [((sums[last] * 3 + sums[last - 1] + 8) >> 4) as u8, ((sums[last] * 4 + 7) >> 4) as u8];
        &self.row
    }

    /// The same down.
    #[inline(always)]
    fn down(&mut self, near: &[u8], beside: &[u8], upper: bool) -> &[u8] {
        let bias = if upper { 1 } else { 2 };
        self.row.clear();
        self.row.extend(
            near.iter()
                .zip(beside)
                .map(|(&near, &beside)| ((u16::from(near) * 3 + u16::from(beside) + bias) >> 2) as u8),
        );
        &self.row
    }

    /// Each sample `times` times.
    fn repeated(&mut self, near: &[u8], times: usize) -> &[u8] {
        self.row.clear();
        self.row.extend(near.iter().flat_map(|&sample| std::iter::repeat_n(sample, times)));
        &self.row
    }
}
