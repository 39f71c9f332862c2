//! What size a picture may have.

/// `height` × `width` as a picture's size, or what is wrong with it.
pub(super) fn checked_size(height: i64, width: i64) -> Result<(u32, u32), String> {
    let size = pillow_pixels::check_size(width, height).map_err(|error| error.to_string())?;
    Ok((size.1, size.0))
}

/// Python's `round`: halves go to the even neighbour.
pub(super) fn round_half_even(value: f64) -> i64 {
    value.round_ties_even() as i64
}
