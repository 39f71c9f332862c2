//! One scan: the compressed coefficients of some components.

use super::bits::Bits;
use super::header::{Frame, Scan, Tables, ZIGZAG};
use super::huffman::Table;
use super::idct::Block;
use super::planes::{Coefficients, Planes};

fn damaged() -> String {
    "its compressed data is damaged".into()
}

/// One component of a scan, ready for decoding.
struct ScanComponent<'a> {
    index: usize,
    /// Blocks in each unit.
    h: usize,
    v: usize,
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
    /// The last DC coefficient.
    prediction: i32,
}

/// Decodes a scan whose data begins at `position`; returns the position of the marker after it. After each
/// row of units, `row_done` gets the number of rows so far.
///
/// # Errors
/// When a code is invalid, a table is missing, or the data ends too early; and those of `row_done`.
pub(super) fn decode(
    data: &[u8],
    position: usize,
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    planes: &mut Planes,
    row_done: &mut dyn FnMut(&Planes, usize) -> Result<(), String>,
) -> Result<usize, String> {
    let alone = scan.components.len() == 1;
    let mut components: Vec<ScanComponent> = scan
        .components
        .iter()
        .map(|&(index, dc, ac)| {
            let of_frame = &frame.components[index];
            // A scan of one component is not interleaved: its units are single blocks.
            let (h, v) = if alone { (1, 1) } else { (of_frame.h, of_frame.v) };
            ScanComponent {
                index,
                h,
                v,
                dc: tables.dc[dc].as_ref(),
                ac: tables.ac[ac].as_ref(),
                prediction: 0,
            }
        })
        .collect();
    let (needs_dc, needs_ac) = match frame.progressive {
        false => (true, true),
        true => (scan.start == 0 && scan.high == 0, scan.start > 0),
    };
    if components
        .iter()
        .any(|component| needs_dc && component.dc.is_none() || needs_ac && component.ac.is_none())
    {
        return Err("a Huffman table is missing".into());
    }
    let (across, down) =
        if alone { frame.blocks(&frame.components[components[0].index]) } else { frame.units() };

    let mut bits = Bits::new(data, position);
    let mut end_run = 0;
    let mut left = tables.restart_interval;
    for row in 0..down {
        for column in 0..across {
            if tables.restart_interval > 0 {
                if left == 0 {
                    let next = after_restart(data, &bits)?;
                    bits = Bits::new(data, next);
                    end_run = 0;
                    components.iter_mut().for_each(|component| component.prediction = 0);
                    left = tables.restart_interval;
                }
                left -= 1;
            }
            for component in &mut components {
                let plane = &mut planes.planes[component.index];
                for y in 0..component.v {
                    for x in 0..component.h {
                        let x = column * component.h + x;
                        let done = if frame.progressive {
                            let block = plane.block(x, row * component.v + y).ok_or_else(damaged)?;
                            progressive(&mut bits, component, scan, &mut end_run, &mut block.values)
                        } else {
                            sequential(&mut bits, component, plane.block(x, y).ok_or_else(damaged)?)
                        };
                        done.ok_or_else(damaged)?;
                    }
                }
            }
        }
        if bits.overran() {
            return Err("its end is missing, the picture is truncated".into());
        }
        // A block of a sequential frame is complete after its only scan, so one row of coefficients is enough memory:
        // make samples of it now. A progressive frame is transformed when its last scan has been read.
        if !frame.progressive {
            for component in &components {
                planes.planes[component.index].transform(row * component.v, component.v);
            }
        }
        row_done(planes, row + 1)?;
    }
    Ok(bits.end())
}

/// The position after the restart marker that follows the bits read so far. Stray bytes before the
/// marker are skipped.
fn after_restart(data: &[u8], bits: &Bits) -> Result<usize, String> {
    if bits.overran() {
        return Err(damaged());
    }
    let mut position = bits.end();
    loop {
        match data.get(position..position + 2) {
            Some([0xFF, 0xD0..=0xD7]) => return Ok(position + 2),
            Some([0xFF, 0x00 | 0xFF]) => position += 1,
            Some([0xFF, _]) | None => return Err(damaged()),
            Some(_) => position += 1,
        }
    }
}

/// A block of a sequential frame.
#[inline(always)]
fn sequential(all_bits: &mut Bits, component: &mut ScanComponent, block: &mut Coefficients) -> Option<()> {
    // A local copy stays in registers; it is written back when the block is complete.
    let mut bits = *all_bits;
    bits.need(32);
    let symbol = component.dc?.next(&mut bits)?;
    component.prediction = component.prediction.wrapping_add(symbol.value);
    block.values[0] = component.prediction as i16;
    let ac = component.ac?;
    let (mut place, mut last) = (1, 0);
    while place < 64 {
        bits.need(32);
        let symbol = ac.next(&mut bits)?;
        if symbol.size == 0 {
            if symbol.run == 15 {
                place += 16;
                continue;
            }
            break;
        }
        last = place + symbol.run as usize;
        block.values[usize::from(ZIGZAG[last])] = symbol.value as i16;
        place = last + 1;
    }
    block.last = last;
    *all_bits = bits;
    Some(())
}

/// A block's share of a progressive scan.
///
/// A progressive file sends each block's 64 coefficients in several scans: the mean (DC) first, then bands of the others
/// (AC, places `start..=end` in the zigzag order), and of each first the upper bits, then one more bit a scan
/// (successive approximation). T.81, annex G.
fn progressive(
    bits: &mut Bits,
    component: &mut ScanComponent,
    scan: &Scan,
    end_run: &mut u32,
    block: &mut Block,
) -> Option<()> {
    // The four kinds of scans: the DC coefficient or a band of AC ones, each in a first scan or in one that adds a bit.
    match (scan.start, scan.high) {
        (0, 0) => {
            bits.need(32);
            let symbol = component.dc?.next(bits)?;
            component.prediction = component.prediction.wrapping_add(symbol.value);
            block[0] = component.prediction.wrapping_shl(scan.low) as i16;
        }
        (0, _) => {
            if bits.bit() {
                block[0] |= 1 << scan.low;
            }
        }
        (_, 0) => first_pass(bits, component.ac?, scan, end_run, block)?,
        _ => refine(bits, component.ac?, scan, end_run, block)?,
    }
    Some(())
}

/// Reads the length of an end-of-band run, the current block included: this many blocks have no
/// further new coefficients in the scan's band.
fn run_of_ends(bits: &mut Bits, size: u32) -> u32 {
    (1 << size) + bits.take(size)
}

/// The first scan of a band of AC coefficients (T.81, G.1.2.2): the upper bits of each, down to bit `scan.low`.
/// Between blocks, `end_run` counts the blocks that still belong to the current end-of-band run: their rest is zero.
fn first_pass(bits: &mut Bits, ac: &Table, scan: &Scan, end_run: &mut u32, block: &mut Block) -> Option<()> {
    if *end_run > 0 {
        *end_run -= 1;
        return Some(());
    }
    let mut place = scan.start;
    while place <= scan.end {
        bits.need(32);
        let symbol = ac.next(bits)?;
        if symbol.size == 0 {
            if symbol.run == 15 {
                place += 16;
                continue;
            }
            *end_run = run_of_ends(bits, symbol.run) - 1;
            break;
        }
        place += symbol.run as usize;
        block[usize::from(ZIGZAG[place])] = symbol.value.wrapping_shl(scan.low) as i16;
        place += 1;
    }
    Some(())
}

/// A refinement scan of a band (T.81, G.1.2.3): one more bit, `scan.low`, of each coefficient.
///
/// Two kinds of bits are interleaved. A symbol announces a coefficient that becomes non-zero in this scan, always with
/// magnitude 1 at this bit, after a run of coefficients that are still zero. Every coefficient that is already non-zero
/// and is passed on the way has one correction bit in the data, in blocks of an end-of-band run too.
fn refine(bits: &mut Bits, ac: &Table, scan: &Scan, end_run: &mut u32, block: &mut Block) -> Option<()> {
    let step = 1i16 << scan.low;
    let mut place = scan.start;
    while *end_run == 0 && place <= scan.end {
        bits.need(32);
        let symbol = ac.next(bits)?;
        let mut zeros = symbol.run;
        let new = if symbol.size > 0 {
            if symbol.value > 0 { step } else { -step }
        } else if symbol.run == 15 {
            0
        } else {
            *end_run = run_of_ends(bits, symbol.run);
            break;
        };
        // Past that many zeros; what is not 0 gets its next bit on the way.
        while place <= scan.end {
            let coefficient = &mut block[usize::from(ZIGZAG[place])];
            if *coefficient != 0 {
                correct(bits, coefficient, step);
            } else if zeros == 0 {
                *coefficient = new;
                place += 1;
                break;
            } else {
                zeros -= 1;
            }
            place += 1;
        }
    }
    if *end_run > 0 {
        for &place in ZIGZAG.iter().take(scan.end + 1).skip(place) {
            let coefficient = &mut block[usize::from(place)];
            if *coefficient != 0 {
                correct(bits, coefficient, step);
            }
        }
        *end_run -= 1;
    }
    Some(())
}

/// Reads the correction bit of a non-zero coefficient: 1 moves it away from 0 by `step`.
fn correct(bits: &mut Bits, coefficient: &mut i16, step: i16) {
    if bits.bit() && *coefficient & step == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient > 0 { step } else { -step });
    }
}
