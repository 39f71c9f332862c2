//! Damage that fits any file.

use fastrand::Rng;

/// Longest file that is made.
const LONGEST: usize = 1 << 16;
/// Numbers at which sizes go wrong.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Damages `bytes` in one place, often, or in up to eight.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.usize(..8) * usize::from(rng.bool()) {
        once(bytes, rng);
    }
    bytes.truncate(LONGEST);
}

fn once(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(rng.u8(..));
        return;
    }
    let at = rng.usize(..bytes.len());
    let length = 1 + rng.usize(..32.min(bytes.len() - at));
    match rng.u8(..10) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes[at] = rng.u8(..),
        2 => bytes[at] = bytes[at].wrapping_add(if rng.bool() { 1 } else { 255 }),
        3 => bytes.insert(at, rng.u8(..)),
        4 => drop(bytes.drain(at..at + length)),
        5 => {
            let copy = bytes[at..at + length].to_vec();
            let to = rng.usize(..=bytes.len());
            bytes.splice(to..to, copy);
        }
        6 => {
            let copy = bytes[at..at + length].to_vec();
            let to = rng.usize(..=bytes.len() - length);
            bytes[to..to + length].copy_from_slice(&copy);
        }
        7 => {
            let edge = EDGES[rng.usize(..EDGES.len())];
            let edge = if rng.bool() { edge.to_le_bytes() } else { edge.to_be_bytes() };
            let width = [1, 2, 4, 8][rng.usize(..4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&edge[..width]);
        }
        8 if rng.u8(..4) == 0 => bytes.truncate(at),
        _ => bytes[at..at + length].fill(rng.u8(..)),
    }
}

/// The front of one file and the back of another.
pub fn splice(left: &[u8], right: &[u8], rng: &mut Rng) -> Vec<u8> {
    let front = &left[..rng.usize(..=left.len())];
    [front, &right[rng.usize(..=right.len())..]].concat()
}
