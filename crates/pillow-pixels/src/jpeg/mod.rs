//! JPEG pictures, decoded to the pixels that Pillow gives.
//!
//! Pillow decodes with libjpeg-turbo. Its arithmetic is integer throughout, and so is this one's: the
//! "slow" inverse transform ([`idct`]), triangular upsampling of the colours ([`upsample`]), fixed-point
//! colour conversion ([`colour`]). A picture can be decoded at a half, a quarter or an eighth of its
//! size ([`Scale`]), as Pillow's draft mode does, which skips much of the work.
//!
//! Baseline, extended sequential and progressive files with Huffman codes, 8 bits, of 1, 3 or 4
//! components. ITU-T T.81 is the standard; nothing here is read before its length is checked, and
//! memory is taken only for what the size of the file can fill.

mod bits;
mod colour;
mod header;
mod huffman;
mod idct;
mod planes;
mod rows;
mod scan;
mod upsample;

use image::RgbImage;

use colour::Colours;
pub(crate) use colour::Pixel;
use header::{Frame, Tables};
use planes::Planes;
use rows::Rows;

use crate::decoder::Bytes;

/// Limit on the scans of a progressive picture: more than any encoder writes.
const MOST_SCANS: usize = 100;

/// The scale at which a picture is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Whole,
    Half,
    Quarter,
    Eighth,
}

impl Scale {
    /// The scale that Pillow's `draft` chooses for a picture of at least `wanted` (width, height): the
    /// smallest that is still large enough.
    pub(crate) fn for_size((width, height): (usize, usize), wanted: (usize, usize)) -> Self {
        match (width / wanted.0.max(1)).min(height / wanted.1.max(1)) {
            8.. => Scale::Eighth,
            4.. => Scale::Quarter,
            2.. => Scale::Half,
            _ => Scale::Whole,
        }
    }

    /// Samples that a block gives, across and down.
    fn block_size(self) -> usize {
        8 / self.divisor()
    }

    fn divisor(self) -> usize {
        match self {
            Scale::Whole => 1,
            Scale::Half => 2,
            Scale::Quarter => 4,
            Scale::Eighth => 8,
        }
    }
}

/// A JPEG file whose headers were read, up to the first scan.
pub(crate) struct Jpeg<'a> {
    data: Bytes<'a>,
    /// Where the next marker is.
    position: usize,
    frame: Frame,
    tables: Tables,
    jfif: bool,
    /// The colour transform in Adobe's marker.
    adobe: Option<u8>,
    orientation: u8,
}

impl<'a> Jpeg<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// In words, what is wrong or cannot be read.
    pub(crate) fn new(data: Bytes<'a>) -> Result<Self, String> {
        let mut reader = Markers { data: &data, position: 2 };
        let (mut frame, mut tables) = (None, Tables::default());
        let (mut jfif, mut adobe, mut orientation) = (false, None, 1);
        loop {
            let start = reader.position;
            let (marker, segment) = reader.next()?;
            match marker {
                0xC0..=0xC2 if frame.is_none() => frame = Some(header::read_frame(segment, marker == 0xC2)?),
                0xC0..=0xC2 => return Err("it has two frame headers".into()),
                0xC4 => tables.read_huffman(segment)?,
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    let problem = "it is compressed in a way that is hardly ever used (lossless, hierarchical or \
                                   arithmetic)";
                    return Err(problem.into());
                }
                0xDB => tables.read_quantizers(segment)?,
                0xDD => tables.restart_interval = restart_interval(segment)?,
                0xE0 => jfif |= segment.starts_with(b"JFIF\0"),
                0xE1 => orientation = crate::exif::orientation(segment).unwrap_or(orientation),
                0xEE if segment.starts_with(b"Adobe") => adobe = segment.get(11).copied().or(adobe),
                0xDA => {
                    let frame = frame.ok_or("its frame header is missing")?;
                    return Ok(Jpeg { data, position: start, frame, tables, jfif, adobe, orientation });
                }
                0xD9 => return Err("it has no compressed data".into()),
                _ => {}
            }
        }
    }

    /// (width, height) as stored.
    pub(crate) fn dimensions(&self) -> (usize, usize) {
        (self.frame.width, self.frame.height)
    }

    /// EXIF's orientation, 1..=8; 1 where there is none.
    pub(crate) fn orientation(&self) -> u8 {
        self.orientation
    }

    /// (width, height) as decoded at `scale`.
    pub(crate) fn dimensions_at(&self, scale: Scale) -> (usize, usize) {
        (self.frame.width.div_ceil(scale.divisor()), self.frame.height.div_ceil(scale.divisor()))
    }

    /// Decodes the pixels.
    ///
    /// # Errors
    /// In words, what is wrong.
    pub(crate) fn decode(self, scale: Scale) -> Result<RgbImage, String> {
        let (width, height) = self.dimensions_at(scale);
        self.check_length()?;
        let mut pixels = vec![0; width * height * 3];
        let mut left = pixels.chunks_exact_mut(width * 3);
        self.decode_rows(scale, &mut |row| {
            if let Some(out) = left.next() {
                colour::pack(row, out);
            }
        })?;
        RgbImage::from_raw(width as u32, height as u32, pixels).ok_or_else(|| "it is too large".into())
    }

    /// Decodes the pixels and passes them to `each` row by row, as soon as a row is ready.
    ///
    /// # Errors
    /// In words, what is wrong; some rows may have been given by then.
    pub(crate) fn decode_rows(mut self, scale: Scale, each: &mut dyn FnMut(&[Pixel])) -> Result<(), String> {
        self.check_length()?;
        let (width, height) = self.dimensions_at(scale);
        let mut planes = Planes::new(&self.frame, scale)?;
        let mut rows = Rows::new(self.colours(), scale != Scale::Eighth, width);
        let data: &[u8] = &self.data;
        let mut reader = Markers { data, position: self.position };
        let mut scans = 0;
        loop {
            let (marker, segment) = reader.next()?;
            match marker {
                0xDA => {
                    scans += 1;
                    if scans > MOST_SCANS {
                        return Err(format!("it has more than {MOST_SCANS} scans"));
                    }
                    let (frame, tables) = (&self.frame, &self.tables);
                    let scan = header::read_scan(segment, frame)?;
                    for &(index, _, _) in &scan.components {
                        planes.begin(index, frame.components[index].table, tables)?;
                    }
                    let whole = !frame.progressive && scan.components.len() == frame.components.len();
                    let mut row_done = |planes: &Planes, units| match whole {
                        true => rows.make(planes, planes.ready(frame, units).min(height), each),
                        false => Ok(()),
                    };
                    let start = reader.position;
                    reader.position =
                        scan::decode(data, start, frame, &scan, tables, &mut planes, &mut row_done)?;
                }
                0xC4 => self.tables.read_huffman(segment)?,
                0xDB => self.tables.read_quantizers(segment)?,
                0xDD => self.tables.restart_interval = restart_interval(segment)?,
                0xD9 => break,
                _ => {}
            }
        }
        planes.finish(self.frame.progressive)?;
        rows.make(&planes, height, each)
    }

    /// Whether the file is long enough for the size that it claims: a picture needs at least a bit for each
    /// block, in a progressive file too.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn check_length(&self) -> Result<(), String> {
        let blocks: usize = self
            .frame
            .components
            .iter()
            .map(|component| self.frame.blocks(component))
            .map(|(columns, rows)| columns * rows)
            .sum();
        if blocks / 8 > self.data.len() {
            let (width, height) = self.dimensions();
            return Err(format!(
                "it claims {width}x{height} pixels, but is too short for them: it is damaged or truncated"
            ));
        }
        Ok(())
    }

    fn colours(&self) -> Colours {
        let ids: Vec<u8> = self.frame.components.iter().map(|component| component.id).collect();
        match (ids.as_slice(), self.adobe) {
            ([_], _) => Colours::Grey,
            ([_, _, _], _) if self.jfif => Colours::YCbCr,
            ([_, _, _], Some(0)) => Colours::Rgb,
            ([_, _, _], Some(_)) => Colours::YCbCr,
            (b"RGB", None) => Colours::Rgb,
            ([_, _, _], None) => Colours::YCbCr,
            (_, Some(2)) => Colours::Ycck,
            _ => Colours::Cmyk,
        }
    }
}

fn restart_interval(segment: &[u8]) -> Result<usize, String> {
    match segment {
        [high, low, ..] => Ok(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => Err("a restart interval is cut off".into()),
    }
}

/// Goes from marker to marker.
struct Markers<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Markers<'a> {
    /// The next marker and its segment, which is empty for those that have none. Stray bytes before
    /// it are skipped, as libjpeg does.
    fn next(&mut self) -> Result<(u8, &'a [u8]), String> {
        let cut = || "its end is missing, the picture is truncated".to_string();
        loop {
            let rest = self.data.get(self.position..).ok_or_else(cut)?;
            let skipped = rest.iter().position(|&byte| byte == 0xFF).ok_or_else(cut)?;
            self.position += skipped + 1;
            match self.data.get(self.position).ok_or_else(cut)? {
                // A stuffed or a filling byte.
                0x00 => self.position += 1,
                0xFF => {}
                &marker @ (0x01 | 0xD0..=0xD9) => {
                    self.position += 1;
                    return Ok((marker, &[]));
                }
                &marker => {
                    let length = self.data.get(self.position + 1..self.position + 3).ok_or_else(cut)?;
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    let start = self.position + 3;
                    let end = self.position + 1 + length;
                    let segment = self.data.get(start..end.max(start)).ok_or_else(cut)?;
                    if length < 2 {
                        return Err("a segment's length is damaged".into());
                    }
                    self.position = end;
                    return Ok((marker, segment));
                }
            }
        }
    }
}
