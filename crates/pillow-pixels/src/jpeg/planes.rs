//! The samples of each component, before they are brought to one size.

use super::Scale;
use super::header::{Frame, Tables};
use super::idct::{self, Block};
use crate::scratch::Scratch;
use crate::vectors::wide;

/// One component's samples.
pub(super) struct Plane {
    /// Arbitrary where a picture is damaged, and outside the picture.
    pub(super) samples: Scratch,
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    /// How many columns and rows hold picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// How many output pixels each sample covers, across and down.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Samples that a block gives, across and down: 8, or fewer at reduced scale.
    size: usize,
    /// Blocks in a row of the plane.
    columns: usize,
    quantizers: Option<Box<Block>>,
    /// The coefficients of the whole plane (progressive) or of one row of units (sequential); zero where
    /// none has been read.
    blocks: Vec<Coefficients>,
}

/// The coefficients of a block.
#[derive(Clone)]
pub(super) struct Coefficients {
    pub(super) values: Block,
    /// All coefficients after this index in zigzag order are 0.
    pub(super) last: usize,
}

impl Coefficients {
    const NONE: Coefficients = Coefficients { values: [0; 64], last: 0 };
}

/// All components of a frame.
pub(super) struct Planes {
    pub(super) planes: Vec<Plane>,
}

impl Planes {
    /// Room for the samples of `frame` at `scale`.
    ///
    /// # Errors
    /// When one component's size is not a multiple of another's.
    pub(super) fn new(frame: &Frame, scale: Scale) -> Result<Self, String> {
        let (units_across, units_down) = frame.units();
        let (max_h, max_v, least) = (frame.max_h(), frame.max_v(), scale.block_size());
        let mut planes = Vec::with_capacity(frame.components.len());
        for component in &frame.components {
            // As libjpeg: a component that is stored small is reduced less instead of being enlarged again.
            let mut size = least;
            while size < 8
                && (max_h * least).is_multiple_of(component.h * size * 2)
                && (max_v * least).is_multiple_of(component.v * size * 2)
            {
                size *= 2;
            }
            let (h, v) = (component.h * size, component.v * size);
            if !(max_h * least).is_multiple_of(h) || !(max_v * least).is_multiple_of(v) {
                return Err("its colour components have sizes that are not multiples of each other".into());
            }
            let (columns, rows) = (units_across * component.h, units_down * component.v);
            let kept = columns * if frame.progressive { rows } else { component.v };
            planes.push(Plane {
                samples: Scratch::new(columns * rows * size * size),
                stride: columns * size,
                width: (frame.width * h).div_ceil(max_h * 8),
                height: (frame.height * v).div_ceil(max_v * 8),
                across: max_h * least / h,
                down: max_v * least / v,
                size,
                columns,
                quantizers: None,
                blocks: vec![Coefficients::NONE; kept],
            });
        }
        Ok(Planes { planes })
    }

    /// Keeps the quantizers that are in force when a component is first seen.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn begin(&mut self, component: usize, table: usize, tables: &Tables) -> Result<(), String> {
        let plane = &mut self.planes[component];
        if plane.quantizers.is_none() {
            plane.quantizers = tables.quantizers[table].clone();
        }
        plane.quantizers.is_some().then_some(()).ok_or_else(|| "its quantizers are missing".into())
    }

    /// Checks that every component came, and transforms the coefficients of a progressive frame.
    ///
    /// # Errors
    /// When a component never came.
    pub(super) fn finish(&mut self, progressive: bool) -> Result<(), String> {
        for plane in &mut self.planes {
            if plane.quantizers.is_none() {
                return Err("a colour component is missing".into());
            }
            if progressive {
                for block in &mut plane.blocks {
                    block.last = if block.values[1..].iter().all(|&value| value == 0) { 0 } else { 63 };
                }
                plane.transform(0, plane.blocks.len() / plane.columns);
            }
        }
        Ok(())
    }

    /// How many rows of the picture can be made once `units` rows of units of `frame` are there: each takes the
    /// row of samples below its own, too.
    pub(super) fn ready(&self, frame: &Frame, units: usize) -> usize {
        let rows = self.planes.iter().zip(&frame.components).map(|(plane, component)| {
            let samples = units * component.v * plane.size;
            if samples >= plane.height { usize::MAX } else { samples.saturating_sub(1) * plane.down }
        });
        rows.min().unwrap_or(0)
    }
}

impl Plane {
    /// Row `y`, the last one where that is beyond.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y.min(self.height - 1) * self.stride..][..self.width]
    }

    /// The block at `column` of row `row` of those that are kept.
    #[inline(always)]
    pub(super) fn block(&mut self, column: usize, row: usize) -> Option<&mut Coefficients> {
        self.blocks.get_mut(row * self.columns + column)
    }

    /// Makes samples of the first `count` rows of blocks that are kept, which are those from row `first` of
    /// the plane on, and zeros of their coefficients.
    pub(super) fn transform(&mut self, first: usize, count: usize) {
        let Some(quantizers) = &self.quantizers else { return };
        let (size, stride, height) = (self.size, self.stride, self.size * self.stride);
        let blocks = self.blocks.chunks_exact_mut(self.columns).take(count);
        for (blocks, samples) in blocks.zip(self.samples[first * height..].chunks_exact_mut(height)) {
            wide(
                #[inline(always)]
                || transform_row(blocks, quantizers, samples, stride, size),
            );
        }
    }
}

#[inline(always)]
fn transform_row(
    blocks: &mut [Coefficients],
    quantizers: &Block,
    samples: &mut [u8],
    stride: usize,
    size: usize,
) {
    if size == 2 {
        quarter_row(blocks, quantizers, samples, stride);
    } else {
        for (column, block) in blocks.iter().enumerate() {
            let (values, out) = (&block.values, &mut samples[column * size..]);
            match (block.last, size) {
                (0, size) | (_, size @ 1) => idct::flat(values, quantizers, out, stride, size),
                (_, 8) => idct::full(values, quantizers, out, stride),
                _ => idct::half(values, quantizers, out, stride),
            }
        }
    }
    blocks.fill(Coefficients::NONE);
}

/// First the columns of several blocks, then their rows. The buffer in between lets the compiler vectorise
/// both.
#[inline(always)]
fn quarter_row(blocks: &[Coefficients], quantizers: &Block, samples: &mut [u8], stride: usize) {
    const TOGETHER: usize = 16;
    let mut columns = [idct::Halves::default(); TOGETHER];
    let (upper, lower) = samples.split_at_mut(stride);
    let lines = upper.chunks_mut(TOGETHER * 2).zip(lower.chunks_mut(TOGETHER * 2));
    for (blocks, (upper, lower)) in blocks.chunks(TOGETHER).zip(lines) {
        for (block, columns) in blocks.iter().zip(&mut columns) {
            idct::quarter_columns(&block.values, quantizers, columns);
        }
        let (mut first, mut second) = ([[0; 2]; TOGETHER], [[0; 2]; TOGETHER]);
        idct::quarter_rows(&columns, [&mut first, &mut second]);
        upper.copy_from_slice(&first.as_flattened()[..upper.len()]);
        lower.copy_from_slice(&second.as_flattened()[..lower.len()]);
    }
}
