//! The headers: the markers before the compressed data.

use super::huffman::Table;
use super::idct::Block;

/// From index in zigzag order to index in the block. It has more entries than a block, all pointing to
/// the last coefficient, because a run in a damaged file may lead past the end.
pub(super) const ZIGZAG: [u8; 80] = {
    let order = [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
        6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38,
        31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];
    let mut places = [63; 80];
    let mut i = 0;
    while i < 64 {
        places[i] = order[i];
        i += 1;
    }
    places
};

/// One colour component of a frame.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Samples across and down in each unit of the frame, 1..=4.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Which quantizers.
    pub(super) table: usize,
}

/// A frame's header.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
}

impl Frame {
    pub(super) fn max_h(&self) -> usize {
        self.components.iter().map(|component| component.h).max().unwrap_or(1)
    }

    pub(super) fn max_v(&self) -> usize {
        self.components.iter().map(|component| component.v).max().unwrap_or(1)
    }

    /// Units (MCUs) across and down.
    pub(super) fn units(&self) -> (usize, usize) {
        (self.width.div_ceil(8 * self.max_h()), self.height.div_ceil(8 * self.max_v()))
    }

    /// How many blocks of `component` contain part of the picture, across and down: the number in a
    /// scan of that component alone.
    pub(super) fn blocks(&self, component: &Component) -> (usize, usize) {
        (
            (self.width * component.h).div_ceil(8 * self.max_h()),
            (self.height * component.v).div_ceil(8 * self.max_v()),
        )
    }
}

/// The header of a scan.
#[derive(Debug)]
pub(super) struct Scan {
    /// For each component of the scan: its index in the frame, its DC and its AC table.
    pub(super) components: Vec<(usize, usize, usize)>,
    /// First and last place in the zigzag order.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Successive approximation: the bit positions of the previous scan (Ah) and of this one (Al).
    pub(super) high: u32,
    pub(super) low: u32,
}

/// The tables that are in force.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) quantizers: [Option<Box<Block>>; 4],
    pub(super) dc: [Option<Table>; 4],
    pub(super) ac: [Option<Table>; 4],
    /// Units between restart markers; 0 for none.
    pub(super) restart_interval: usize,
}

impl Tables {
    /// A segment of quantizers (DQT).
    pub(super) fn read_quantizers(&mut self, mut data: &[u8]) -> Result<(), String> {
        while let Some((&first, rest)) = data.split_first() {
            let (wide, index) = (first >> 4, usize::from(first & 15));
            let size = if wide == 0 { 64 } else { 128 };
            if wide > 1 || index > 3 || rest.len() < size {
                return Err("its quantizers are damaged".into());
            }
            let (values, after) = rest.split_at(size);
            let mut block = Box::new([0; 64]);
            for (place, &to) in ZIGZAG[..64].iter().enumerate() {
                block[usize::from(to)] = match wide {
                    0 => i16::from(values[place]),
                    _ => i16::from_be_bytes([values[place * 2], values[place * 2 + 1]]),
                };
            }
            self.quantizers[index] = Some(block);
            data = after;
        }
        Ok(())
    }

    /// A segment of Huffman tables (DHT).
    pub(super) fn read_huffman(&mut self, mut data: &[u8]) -> Result<(), String> {
        while let Some((&first, rest)) = data.split_first() {
            let (class, index) = (first >> 4, usize::from(first & 15));
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else {
                return Err("a Huffman table is cut off".into());
            };
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if class > 1 || index > 3 || total > 256 || rest.len() < total {
                return Err("a Huffman table is damaged".into());
            }
            let (symbols, after) = rest.split_at(total);
            let table = Table::new(counts, symbols)?;
            match class {
                0 if !table.is_for_dc() => return Err("a Huffman table is damaged".into()),
                0 => self.dc[index] = Some(table),
                _ => self.ac[index] = Some(table),
            }
            data = after;
        }
        Ok(())
    }
}

/// The frame's header (SOF).
pub(super) fn read_frame(data: &[u8], progressive: bool) -> Result<Frame, String> {
    let [precision, h1, h0, w1, w0, count, rest @ ..] = data else {
        return Err("its frame header is cut off".into());
    };
    if *precision != 8 {
        return Err(format!("it has {precision} bits a sample, where 8 can be read"));
    }
    let count = usize::from(*count);
    if !matches!(count, 1 | 3 | 4) || rest.len() < count * 3 {
        return Err(format!("it has {count} colour components, where 1, 3 or 4 can be read"));
    }
    let mut components: Vec<Component> = rest
        .as_chunks::<3>()
        .0
        .iter()
        .take(count)
        .map(|&[id, sampling, table]| Component {
            id,
            h: usize::from(sampling >> 4),
            v: usize::from(sampling & 15),
            table: usize::from(table),
        })
        .collect();
    let good = |c: &Component| (1..=4).contains(&c.h) && (1..=4).contains(&c.v) && c.table < 4;
    if !components.iter().all(good) {
        return Err("its frame header is damaged".into());
    }
    // A single component comes block by block, whatever sampling factors it claims.
    if let [only] = components.as_mut_slice() {
        (only.h, only.v) = (1, 1);
    }
    let frame = Frame {
        width: usize::from(u16::from_be_bytes([*w1, *w0])),
        height: usize::from(u16::from_be_bytes([*h1, *h0])),
        progressive,
        components,
    };
    if frame.width == 0 || frame.height == 0 {
        return Err("it claims to have no pixels".into());
    }
    Ok(frame)
}

/// A scan's header (SOS).
pub(super) fn read_scan(data: &[u8], frame: &Frame) -> Result<Scan, String> {
    let damaged = || "a scan header is damaged".to_string();
    let (&count, rest) = data.split_first().ok_or_else(damaged)?;
    let count = usize::from(count);
    if !(1..=4).contains(&count) || rest.len() < count * 2 + 3 {
        return Err(damaged());
    }
    let mut components = Vec::with_capacity(count);
    for &[id, tables] in rest[..count * 2].as_chunks::<2>().0 {
        let index = frame.components.iter().position(|component| component.id == id).ok_or_else(damaged)?;
        let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
        if dc > 3 || ac > 3 || components.iter().any(|&(other, _, _)| other == index) {
            return Err(damaged());
        }
        components.push((index, dc, ac));
    }
    // The standard's bound for the blocks of a unit.
    let blocks: usize =
        components.iter().map(|&(i, _, _)| frame.components[i].h * frame.components[i].v).sum();
    let [start, end, approximation, ..] = rest[count * 2..] else { return Err(damaged()) };
    let scan = Scan {
        components,
        start: usize::from(start),
        end: usize::from(end),
        high: u32::from(approximation >> 4),
        low: u32::from(approximation & 15),
    };
    let good = if frame.progressive {
        let range = if scan.start == 0 { scan.end == 0 } else { scan.start <= scan.end && scan.end < 64 };
        let alone = scan.start == 0 || count == 1;
        range && alone && scan.low <= 13 && (scan.high == 0 || scan.high == scan.low + 1)
    } else {
        scan.start == 0 && scan.end == 63 && scan.high == 0 && scan.low == 0
    };
    if !good || (count > 1 && blocks > 10) {
        return Err(damaged());
    }
    Ok(scan)
}
