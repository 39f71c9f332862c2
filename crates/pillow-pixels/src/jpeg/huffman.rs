//! Huffman tables.

use super::bits::Bits;

/// How many bits the first look-up sees.
const LOOK: u32 = 10;

/// A lookup table: codes of up to [`LOOK`] bits take one step.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next bits: those of the code and of the coefficient after it together (bits 0..8), those of the
    /// code (8..16), and the symbol (16..24). 0 where the code is longer.
    quick: Box<[u32; 1 << LOOK]>,
    /// By length: the first code that is too large for it, left-aligned in 16 bits.
    ends: [u32; 17],
    /// By length: what to add to a code to find its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

/// A symbol and the coefficient after it.
pub(super) struct Symbol {
    /// Zeros before the coefficient.
    pub(super) run: u32,
    /// Bits of the coefficient.
    pub(super) size: u32,
    pub(super) value: i32,
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
                    let first = (code << (LOOK - length)) as usize;
                    quick[first..first + (1 << (LOOK - length))].fill(entry(length, symbol));
                }
                code += 1;
                index += 1;
            }
            ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(Table { quick, ends, offsets, symbols: symbols[..index].to_vec() })
    }

    /// The next symbol with its coefficient; needs 31 valid bits. `None` if the bits match no code.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits) -> Option<Symbol> {
        let entry = self.quick[bits.peek(LOOK) as usize];
        let entry = if entry == 0 { self.long(bits.peek(16))? } else { entry };
        let (run, size) = (entry >> 20 & 15, entry >> 16 & 15);
        let value = bits.signed_after(entry >> 8 & 31, size);
        bits.skip(entry & 31);
        Some(Symbol { run, size, value })
    }

    /// The entry of a code of more than [`LOOK`] bits, which begins `next`, 16 bits.
    #[cold]
    #[inline(never)]
    fn long(&self, next: u32) -> Option<u32> {
        let length = (LOOK + 1..=16).find(|&length| next < self.ends[length as usize])?;
        let index = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        Some(entry(length, *self.symbols.get(usize::try_from(index).ok()?)?))
    }

    /// Whether a DC table's symbols are sizes that DC differences can have.
    pub(super) fn is_for_dc(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= 15)
    }
}

/// As in [`Table::quick`]: a code of `length` bits for `symbol`.
fn entry(length: u32, symbol: u8) -> u32 {
    (length + u32::from(symbol & 15)) | length << 8 | u32::from(symbol) << 16
}
