//! Huffman tables.

use super::bits::{Bits, extend};

/// How many bits the first look-up sees.
const LOOK: u32 = 10;

/// A table made for looking up: codes of up to [`LOOK`] bits in one step, together with the coefficient
/// that follows where that fits too.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next bits: how many to skip (bits 0..5), the symbol's size (5..9) and run (9..13), whether the
    /// coefficient is within (bit 13), and the coefficient (the upper half). 0 where the code is longer.
    quick: Box<[u32; 1 << LOOK]>,
    /// By length: the first code that is too large for it, left-aligned in 16 bits.
    ends: [u32; 17],
    /// By length: what to add to a code to find its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

const WITHIN: u32 = 1 << 13;

/// What a look-up gave.
pub(super) struct Symbol {
    /// Zeros before the coefficient.
    pub(super) run: u32,
    /// Bits of the coefficient that are still to be read.
    pub(super) size: u32,
    /// The coefficient, where `size` is 0 and it was found at once.
    pub(super) value: i32,
    /// Whether the coefficient was found at once.
    pub(super) whole: bool,
}

impl Table {
    /// The table with `counts` codes of each length 1..=16.
    ///
    /// # Errors
    /// When there are more codes than the lengths allow.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, String> {
        let mut quick = Box::new([0; 1 << LOOK]);
        let (mut ends, mut offsets) = ([0; 17], [0; 17]);
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = u32::from(counts[length as usize - 1]);
            if code + count > 1 << length {
                return Err("a Huffman table has too many codes".into());
            }
            offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(index).ok_or("a Huffman table is cut off")?;
                if length <= LOOK {
                    fill(&mut quick[..], code, length, symbol);
                }
                code += 1;
                index += 1;
            }
            ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(Table { quick, ends, offsets, symbols: symbols[..index].to_vec() })
    }

    /// The next symbol; there must be 31 bits. `None` where no code is like these.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits) -> Option<Symbol> {
        let entry = self.quick[bits.peek(LOOK) as usize];
        if entry == 0 {
            let (symbol, rest) = self.long(*bits)?;
            *bits = rest;
            return Some(symbol);
        }
        bits.skip(entry & 31);
        Some(Symbol {
            run: entry >> 9 & 15,
            size: entry >> 5 & 15,
            value: entry as i32 >> 16,
            whole: entry & WITHIN != 0,
        })
    }

    /// A code of more than [`LOOK`] bits, and what comes after it.
    #[cold]
    #[inline(never)]
    fn long<'a>(&self, mut bits: Bits<'a>) -> Option<(Symbol, Bits<'a>)> {
        let next = bits.peek(16);
        let length = (LOOK + 1..=16).find(|&length| next < self.ends[length as usize])?;
        let index = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        let symbol = *self.symbols.get(usize::try_from(index).ok()?)?;
        bits.skip(length);
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        Some((Symbol { run, size, value: 0, whole: false }, bits))
    }

    /// Whether a DC table's symbols are sizes that DC differences can have.
    pub(super) fn is_for_dc(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= 15)
    }
}

/// Writes all entries that begin with `code`.
fn fill(quick: &mut [u32], code: u32, length: u32, symbol: u8) {
    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    let rest = LOOK - length;
    let first = (code << rest) as usize;
    for (below, entry) in quick[first..first + (1 << rest)].iter_mut().enumerate() {
        *entry = if size > 0 && size <= rest {
            let value = extend(below as u32 >> (rest - size), size);
            (length + size) | run << 9 | WITHIN | (value as u32) << 16
        } else {
            length | size << 5 | run << 9
        };
    }
}
