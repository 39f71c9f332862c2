//! Buffers that a thread reuses from one picture to the next.
//!
//! Allocations as large as a photograph return to the system when freed, and are zeroed page by page
//! when allocated again: that took a third of the decoding time.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// The most buffers, and the most bytes in each, that a thread keeps.
const KEPT: usize = 8;
const KEPT_BYTES: usize = 4 << 20;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A work buffer. Its initial contents are arbitrary: zeros, or what an earlier use left.
#[derive(Default)]
pub(crate) struct Scratch {
    bytes: Vec<u8>,
}

impl Scratch {
    /// `length` bytes.
    pub(crate) fn new(length: usize) -> Self {
        let mut scratch = Scratch { bytes: spare(length) };
        scratch.bytes.resize(length, 0);
        scratch
    }

    /// No bytes yet, but probably room for `length`.
    pub(crate) fn empty(length: usize) -> Self {
        let mut scratch = Scratch { bytes: spare(length) };
        scratch.bytes.clear();
        scratch
    }

    /// The buffer as a vector that can grow.
    pub(crate) fn as_vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

/// The smallest spare buffer that has room for `length` bytes, or else any.
fn spare(length: usize) -> Vec<u8> {
    let taken = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let fitting = |buffer: &Vec<u8>| (buffer.capacity() < length, buffer.capacity());
        let place = (0..spare.len()).min_by_key(|&place| fitting(&spare[place]))?;
        Some(spare.swap_remove(place))
    });
    taken.ok().flatten().unwrap_or_default()
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() == 0 || bytes.capacity() > KEPT_BYTES {
            return;
        }
        // If the thread is ending, it is freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(bytes);
            }
        });
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fitting_buffer_comes_back() {
        let place = |scratch: &Scratch| scratch.as_ptr();
        let (small, large) = (Scratch::new(1000), Scratch::new(100_000));
        let (small_place, large_place) = (place(&small), place(&large));
        drop((small, large));
        let again = Scratch::new(900);
        assert_eq!((place(&again), again.len()), (small_place, 900));
        let other = Scratch::new(50_000);
        assert_eq!((place(&other), other.len()), (large_place, 50_000));
        drop(Scratch::new(KEPT_BYTES + 1));
        assert!(SPARE.with(|spare| spare.borrow().iter().all(|buffer| buffer.capacity() <= KEPT_BYTES)));
        assert!(Scratch::empty(10).is_empty());
    }
}
