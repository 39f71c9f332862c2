//! A finished picture with its description.

use std::cell::Cell;
use std::fmt;
use std::io::Cursor;
use std::marker::PhantomData;
use std::path::Path;

use image::{ImageFormat, RgbImage};

use crate::notebook::{MimeBundle, Show, result};
use crate::weights::write_atomically;
use crate::{Error, Result};

/// A picture as it is shown in a cell: a PNG, the size to show it at, and the same in words.
///
/// As the last expression of a cell it shows itself, also inside a `Result`: the functions that
/// draw need no `?` there. Printed, it says in words what it shows.
#[derive(Clone)]
pub struct Figure {
    png: Vec<u8>,
    width: u32,
    height: u32,
    alt: String,
    /// Makes the type `!Sync`, by which the prelude's traits know that `Result<Figure>` is to be
    /// shown as a picture (see [`crate::notebook::EvcxrDisplay`]).
    rich: PhantomData<Cell<()>>,
}

impl Figure {
    /// Encodes a picture that is shown `width` by `height` CSS pixels large; `alt` says in words
    /// what it shows.
    ///
    /// # Errors
    /// [`Error::Argument`] if the picture has no pixels.
    pub fn new(image: &RgbImage, width: u32, height: u32, alt: impl Into<String>) -> Result<Self> {
        let mut png = Cursor::new(Vec::new());
        image
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|error| Error::Argument(format!("a picture cannot be encoded: {error}")))?;
        Ok(Self { png: png.into_inner(), width, height, alt: alt.into(), rich: PhantomData })
    }

    /// The picture as a PNG file's bytes.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// Width at which it is shown, in CSS pixels; the PNG may have more, for sharp screens.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height at which it is shown, in CSS pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// What it shows, in words.
    pub fn alt(&self) -> &str {
        &self.alt
    }

    /// Writes the PNG to a file, whole or not at all; folders on the way are made.
    ///
    /// # Errors
    /// [`Error::Io`] with the file that could not be written, and [`Error::Argument`] if its name
    /// does not end in `.png`.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        if !is_png {
            let told = format!("{}: a figure is saved as PNG, give a name that ends in .png", path.display());
            return Err(Error::Argument(told));
        }
        write_atomically(path, |file| file.write_all(&self.png).map_err(Error::io("writing", path)))
    }

    /// Shows the figure as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for Figure {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.alt.as_str()).with_png(self.png.as_slice(), self.width, self.height)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.alt)
    }
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Figure({} x {}): {}", self.width, self.height, self.alt)
    }
}
