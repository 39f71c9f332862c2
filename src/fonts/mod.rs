//! The crate's own font, and plotters' registry of it under the names that drawings give.

use std::sync::Once;

use ::plotters::style::{FontStyle, register_font};

/// DejaVu Sans, cut down to Latin, Greek, Cyrillic, arrows and marks, as OpenType files.
pub(crate) const REGULAR: &[u8] = include_bytes!("DejaVuSans.ttf");
pub(crate) const BOLD: &[u8] = include_bytes!("DejaVuSans-Bold.ttf");

/// The font families that plotters finds: CSS's generic ones, and those most common in examples. All of them are
/// DejaVu Sans; an SVG names the family that was asked for, and a browser shows it where it has it.
pub const FAMILIES: [&str; 32] = [
    "sans-serif",
    "serif",
    "monospace",
    "cursive",
    "fantasy",
    "system-ui",
    "sans",
    "Sans",
    "Arial",
    "arial",
    "Calibri",
    "calibri",
    "Cambria",
    "Comic Sans MS",
    "Consolas",
    "Courier",
    "Courier New",
    "DejaVu Sans",
    "DejaVu Sans Mono",
    "Fira Code",
    "Georgia",
    "Helvetica",
    "helvetica",
    "Helvetica Neue",
    "Inter",
    "Noto Sans",
    "Roboto",
    "Segoe UI",
    "Tahoma",
    "Times New Roman",
    "Ubuntu",
    "Verdana",
];

/// Gives plotters a font for each of [`FAMILIES`]. A kernel does it before the first cell, and the functions of this
/// crate that draw do it themselves; a program that draws on a backend of plotters' own calls it once. Calling it again
/// is harmless, and a family that was registered since is left as it is.
pub fn register_fonts() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        for family in FAMILIES {
            for (style, file) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
                // The files are the crate's own, and a test reads them.
                let _ = register_font(family, style, file);
            }
        }
    });
}

/// What went wrong in a drawing, with what to do where it is a font.
pub(crate) fn explained(reason: &dyn std::fmt::Display) -> String {
    let reason = reason.to_string();
    if !reason.contains("FontUnavailable") {
        return reason;
    }
    format!(
        "plotters has no font of a family that is used ({reason}): use \"sans-serif\" or another of \
         plotters::FAMILIES, or give it the font's file with plotters::style::register_font"
    )
}

#[cfg(test)]
mod tests {
    use ::plotters::style::{FontFamily, IntoFont};

    use super::*;

    /// The advance of "M" in DejaVu Sans is 1767 of 2048 units; ab_glyph's size is from the highest to the lowest point,
    /// 2384 units.
    #[test]
    fn every_family_has_letters() {
        register_fonts();
        for family in FAMILIES {
            let (width, _) = (family, 2384.0).into_font().box_size("M").unwrap();
            assert!(width.abs_diff(1767) <= 1, "{family}: {width}");
            let bold = (family, 2384.0, FontStyle::Bold).into_font().box_size("M").unwrap();
            assert!(bold.0 > width, "{family}: {bold:?}");
        }
        let generic = (FontFamily::SansSerif, 20.0).into_font().box_size("rose");
        assert!(generic.is_ok());
    }

    #[test]
    fn an_unknown_family_is_explained() {
        register_fonts();
        let reason = ("Fraktur", 20.0).into_font().box_size("rose").unwrap_err();
        let told = explained(&reason);
        assert!(told.contains("register_font") && told.contains("sans-serif"), "{told}");
        assert_eq!(explained(&"out of paper"), "out of paper");
    }
}
