//! Which way up a camera was held.

/// The orientation, 1..=8, in an EXIF segment of a JPEG ("Exif", two zeros, then TIFF's structure).
pub(crate) fn orientation(segment: &[u8]) -> Option<u8> {
    const ORIENTATION: u16 = 0x0112;
    let tiff = segment.strip_prefix(b"Exif\0\0")?;
    let big = match tiff.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let two = |at: usize| {
        let bytes = tiff.get(at..)?.first_chunk::<2>()?;
        Some(if big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    };
    let bytes = tiff.get(4..)?.first_chunk::<4>()?;
    let directory = if big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) } as usize;
    let entries = usize::from(two(directory)?);
    (0..entries)
        .map_while(|entry| directory.checked_add(2 + entry * 12))
        .find(|&at| two(at) == Some(ORIENTATION))
        .and_then(|at| two(at.checked_add(8)?))
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (1..=8).contains(value))
}
