//! What size a picture may have.

/// The most pixels that a picture may have that is made: Pillow's `Image.MAX_IMAGE_PIXELS`, a quarter of a GiB as
/// RGB. A file of more is read with a warning, one of twice as many is refused before it is decoded (a
/// "decompression bomb").
pub const MAX_IMAGE_PIXELS: u64 = 89_478_485;

/// `height` × `width` as a picture's size, or what is wrong with it.
pub(super) fn checked_size(height: i64, width: i64) -> Result<(u32, u32), String> {
    if height < 1 || width < 1 {
        return Err(format!("size is {height}x{width}: height and width must be at least 1 pixel"));
    }
    match height.checked_mul(width) {
        Some(pixels) if pixels as u64 <= MAX_IMAGE_PIXELS => Ok((height as u32, width as u32)),
        _ => Err(format!("size is {height}x{width}: a picture may have {MAX_IMAGE_PIXELS} pixels at most")),
    }
}

/// Python's `round`: halves go to the even neighbour.
pub(super) fn round_half_even(value: f64) -> i64 {
    value.round_ties_even() as i64
}
