//! The samples of each component, before they are brought to one size.

use super::Scale;
use super::header::{Frame, Tables};
use super::idct::{self, Block};
use super::scan::Sink;

/// One component's samples.
pub(super) struct Plane {
    pub(super) samples: Vec<u8>,
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
    rows: usize,
    quantizers: Option<Box<Block>>,
    /// A progressive frame's coefficients.
    coefficients: Vec<Block>,
}

/// All components of a frame.
pub(super) struct Planes {
    pub(super) planes: Vec<Plane>,
}

impl Planes {
    /// Room for the samples of `frame` at `scale`.
    ///
    /// # Errors
    /// When the components' sizes do not go into one another.
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
                return Err("its colour components have sizes that do not go into one another".into());
            }
            let (columns, rows) = (units_across * component.h, units_down * component.v);
            planes.push(Plane {
                samples: vec![0; columns * rows * size * size],
                stride: columns * size,
                width: (frame.width * h).div_ceil(max_h * 8),
                height: (frame.height * v).div_ceil(max_v * 8),
                across: max_h * least / h,
                down: max_v * least / v,
                size,
                columns,
                rows,
                quantizers: None,
                coefficients: if frame.progressive { vec![[0; 64]; columns * rows] } else { Vec::new() },
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

    /// Transforms the coefficients of a progressive frame.
    ///
    /// # Errors
    /// When a component never came.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        for plane in &mut self.planes {
            if plane.quantizers.is_none() {
                return Err("a colour component is missing".into());
            }
            let coefficients = std::mem::take(&mut plane.coefficients);
            for (place, block) in coefficients.iter().enumerate() {
                let last = if block[1..].iter().all(|&value| value == 0) { 0 } else { 63 };
                plane.transform(place % plane.columns, place / plane.columns, block, last);
            }
        }
        Ok(())
    }
}

impl Plane {
    /// Row `y`, the last one where that is beyond.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y.min(self.height - 1) * self.stride..][..self.width]
    }

    #[inline(always)]
    fn transform(&mut self, column: usize, row: usize, block: &Block, last: usize) {
        let start = row * self.size * self.stride + column * self.size;
        let (Some(out), Some(quantizers)) = (self.samples.get_mut(start..), &self.quantizers) else { return };
        match (last, self.size) {
            (0, size) | (_, size @ 1) => idct::flat(block, quantizers, out, self.stride, size),
            (_, 8) => idct::full(block, quantizers, out, self.stride),
            (_, 4) => idct::half(block, quantizers, out, self.stride),
            _ => idct::quarter(block, quantizers, out, self.stride),
        }
    }
}

impl Sink for Planes {
    #[inline(always)]
    fn block(&mut self, component: usize, column: usize, row: usize, block: &Block, last: usize) {
        self.planes[component].transform(column, row, block, last);
    }

    fn coefficients(&mut self, component: usize, column: usize, row: usize) -> Option<&mut Block> {
        let plane = &mut self.planes[component];
        if column >= plane.columns || row >= plane.rows {
            return None;
        }
        plane.coefficients.get_mut(row * plane.columns + column)
    }
}
