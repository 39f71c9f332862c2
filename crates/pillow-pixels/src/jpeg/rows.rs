//! Converts the components' samples to rows of pixels.

use super::colour::{self, Colours, Pixel};
use super::planes::Planes;
use super::upsample;
use crate::vectors::wide;

/// Makes the rows of a picture, in order.
pub(super) struct Rows {
    colours: Colours,
    /// Whether subsampled colours are interpolated.
    smooth: bool,
    /// The next row.
    next: usize,
    row: Vec<Pixel>,
    buffers: [upsample::RowBuffers; 4],
}

impl Rows {
    pub(super) fn new(colours: Colours, smooth: bool, width: usize) -> Self {
        Rows { colours, smooth, next: 0, row: vec![[0; 4]; width], buffers: Default::default() }
    }

    /// Gives `each` the rows up to number `end`, exclusive, that were not given before.
    ///
    /// # Errors
    /// When a component is too narrow.
    pub(super) fn make(
        &mut self,
        planes: &Planes,
        end: usize,
        each: &mut dyn FnMut(&[Pixel]),
    ) -> Result<(), String> {
        while self.next < end {
            let whole = wide(
                #[inline(always)]
                || self.make_row(planes),
            );
            whole.ok_or("its colour components have sizes that do not fit")?;
            each(&self.row);
            self.next += 1;
        }
        Ok(())
    }

    #[inline(always)]
    fn make_row(&mut self, planes: &Planes) -> Option<()> {
        let mut components: [&[u8]; 4] = [&[]; 4];
        for ((component, plane), buffers) in components.iter_mut().zip(&planes.planes).zip(&mut self.buffers)
        {
            *component = upsample::row(plane, self.next, self.smooth, buffers);
            if component.len() < self.row.len() {
                return None;
            }
        }
        colour::convert(self.colours, components, &mut self.row);
        Some(())
    }
}
