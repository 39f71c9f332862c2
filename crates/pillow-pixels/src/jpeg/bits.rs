//! The bits of a scan.

/// Reads bits from entropy-coded data, most significant first, without its stuffed zeros. Never reads
/// past a marker: zeros come from there on, and are counted.
///
/// Loops work on a local copy, and rarely called functions take it by value: so it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next byte to take into `buffer`.
    position: usize,
    /// The next bits, left-aligned.
    buffer: u64,
    /// How many of them are valid.
    count: u32,
    /// How many zero bits were supplied after the data had ended.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], position: usize) -> Self {
        Bits { data, position, buffer: 0, count: 0, made_up: 0 }
    }

    /// Makes sure that there are at least 56 valid bits.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(bytes) = self.data.get(self.position..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*bytes);
            // Whether any byte is 0xFF, by the usual trick on its complement.
            let zero = !word;
            if zero.wrapping_sub(0x0101_0101_0101_0101) & !zero & 0x8080_8080_8080_8080 == 0 {
                // The bits of a partly consumed last byte are or-ed in again, at the same place.
                self.buffer |= word >> self.count;
                self.position += (63 - self.count as usize) >> 3;
                self.count |= 56;
                return;
            }
        }
        *self = self.refilled_bytewise();
    }

    #[cold]
    #[inline(never)]
    fn refilled_bytewise(mut self) -> Self {
        while self.count <= 56 {
            let byte = match self.data.get(self.position) {
                Some(&0xFF) => match self.data.get(self.position + 1) {
                    Some(0) => {
                        self.position += 2;
                        Some(0xFF)
                    }
                    _ => None,
                },
                Some(&byte) => {
                    self.position += 1;
                    Some(byte)
                }
                None => None,
            };
            match byte {
                Some(byte) => self.buffer |= u64::from(byte) << (56 - self.count),
                None => self.made_up = self.made_up.saturating_add(8),
            }
            self.count += 8;
        }
        self
    }

    /// Refills where fewer than `needed` (at most 56) bits are left.
    #[inline(always)]
    pub(super) fn need(&mut self, needed: u32) {
        if self.count < needed {
            self.refill();
        }
    }

    /// The next `bits` (1..=32) bits, not taken yet; there must be as many.
    #[inline(always)]
    pub(super) fn peek(&self, bits: u32) -> u32 {
        (self.buffer >> (64 - bits)) as u32
    }

    /// Takes `bits` (at most 32) bits; there must be as many.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count = self.count.wrapping_sub(bits);
    }

    /// The next `bits` (0..=16) bits as a number; there must be as many.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        // Shifting by 64 is not allowed: in two steps.
        let value = (self.buffer >> 1 >> (63 - bits)) as u32;
        self.skip(bits);
        value
    }

    /// One bit; refills by itself.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        self.need(1);
        self.take(1) == 1
    }

    /// The number of `size` (0..=15) bits in JPEG's signed form that follows `after` (0..=16) bits, not taken;
    /// there must be as many. Branch-free, because signs are unpredictable.
    #[inline(always)]
    pub(super) fn signed_after(&self, after: u32, size: u32) -> i32 {
        let bits = self.buffer << after;
        // All ones where the first bit is 0: then it is a negative number, less one.
        let negative = !(bits as i64 >> 63);
        // Shifting by 64 is not allowed: in two steps.
        let amount = (bits ^ negative as u64) >> 1 >> (63 - size);
        (amount as i32 ^ negative as i32).wrapping_sub(negative as i32)
    }

    /// Whether more bits were taken than the data had.
    pub(super) fn overran(&self) -> bool {
        self.made_up > 0 && self.count < self.made_up
    }

    /// Where the data continues after the bits that were taken: at a marker, if all were.
    pub(super) fn end(&self) -> usize {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_zeros_are_left_out() {
        let data = [0xAB, 0xFF, 0x00, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xFF, 0xD9];
        let mut bits = Bits::new(&data, 0);
        let mut bytes = Vec::new();
        for _ in 0..9 {
            bits.need(8);
            bytes.push(bits.take(8) as u8);
        }
        assert_eq!(bytes, [0xAB, 0xFF, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE]);
        assert!(!bits.overran());
        assert_eq!(bits.end(), 10);
        bits.need(1);
        assert_eq!(bits.take(1), 0);
        assert!(bits.overran());
    }

    /// Expected: table F.1 of the standard.
    #[test]
    fn signed_numbers() {
        let signed = |value: u8, size: u32| {
            let data = [0xA0 | value << (4 - size); 8];
            let mut bits = Bits::new(&data, 0);
            bits.refill();
            bits.signed_after(4, size)
        };
        assert_eq!([0, 1].map(|value| signed(value, 1)), [-1, 1]);
        assert_eq!([0, 1, 2, 3].map(|value| signed(value, 2)), [-3, -2, 2, 3]);
        assert_eq!(signed(0, 0), 0);
    }
}
