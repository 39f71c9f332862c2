//! Text layout in any script: bidirectional order (Unicode's annex 9) and OpenType shaping.

use ab_glyph::{Font, GlyphId};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

use super::script::{Script, joins_the_letter_before};
use super::system::{self, Face};
use super::{Weight, own_face};

/// A shape of a font on a line.
pub(super) struct Placed {
    pub(super) face: &'static Face,
    pub(super) glyph: GlyphId,
    /// From the line's left end and up from its baseline, in pixels.
    pub(super) x: f32,
    pub(super) up: f32,
    /// Whether the font is the computer's: it may have no bold letters.
    pub(super) borrowed: bool,
}

/// A stretch of letters of one font.
struct Stretch {
    range: std::ops::Range<usize>,
    face: &'static Face,
    borrowed: bool,
}

/// The shapes of a line from left to right, and its width.
pub(super) fn shape(text: &str, size: f32, weight: Weight) -> (Vec<Placed>, f32) {
    let (mut placed, mut x) = (Vec::new(), 0.0);
    let bidi = BidiInfo::new(text, Some(Level::ltr()));
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let leftwards = levels.get(run.start).is_some_and(|level| level.is_rtl());
            let mut stretches = stretches(text, run, weight);
            if leftwards {
                stretches.reverse();
            }
            for stretch in stretches {
                x += set(&text[stretch.range.clone()], leftwards, size, x, &stretch, &mut placed);
            }
        }
    }
    (placed, x)
}

/// Cuts a run where the font changes.
fn stretches(text: &str, run: std::ops::Range<usize>, weight: Weight) -> Vec<Stretch> {
    let script = Script::of(text);
    let mut found: Vec<Stretch> = Vec::new();
    for (place, letter) in text[run.clone()].char_indices() {
        let (start, end) = (run.start + place, run.start + place + letter.len_utf8());
        let last = found.last_mut();
        // Marks and spaces stay with the letter before, so that words are shaped whole.
        let stays = last.as_ref().is_some_and(|last| {
            joins_the_letter_before(letter) || (letter.is_whitespace() && last.face.has(letter))
        });
        let face = match last {
            Some(last)
                if stays || (last.borrowed && letter.is_ascii_punctuation() && last.face.has(letter)) =>
            {
                last.range.end = end;
                continue;
            }
            _ => face_for(letter, script, weight),
        };
        let Some((face, borrowed)) = face else { continue };
        match found.last_mut() {
            Some(last) if std::ptr::eq(last.face, face) && last.range.end == start => last.range.end = end,
            _ => found.push(Stretch { range: start..end, face, borrowed }),
        }
    }
    found
}

/// The crate's own font if it has the letter, or one of the computer's.
fn face_for(letter: char, script: Script, weight: Weight) -> Option<(&'static Face, bool)> {
    if let Some(own) = own_face(weight).filter(|own| own.has(letter)) {
        return Some((own, false));
    }
    system::face_for(letter, script).map(|face| (face, true))
}

/// Whether every letter has a font.
pub(super) fn covers(text: &str) -> bool {
    let script = Script::of(text);
    text.chars()
        .all(|letter| joins_the_letter_before(letter) || face_for(letter, script, Weight::Bold).is_some())
}

/// Shapes one stretch from `x` on; returns its width.
fn set(text: &str, leftwards: bool, size: f32, x: f32, stretch: &Stretch, placed: &mut Vec<Placed>) -> f32 {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if leftwards { Direction::RightToLeft } else { Direction::LeftToRight });
    let shaped = rustybuzz::shape(&stretch.face.shaper, &[], buffer);
    let unit = size / stretch.face.outlines.units_per_em().unwrap_or(1000.0).max(1.0);
    let mut at = 0.0;
    for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
        if let (Ok(glyph), true) = (u16::try_from(info.glyph_id), info.glyph_id != 0) {
            placed.push(Placed {
                face: stretch.face,
                glyph: GlyphId(glyph),
                x: x + at + position.x_offset as f32 * unit,
                up: position.y_offset as f32 * unit,
                borrowed: stretch.borrowed,
            });
        }
        at += position.x_advance as f32 * unit;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An e with a combining accent becomes the one letter é: as wide, and drawn with one shape.
    #[test]
    fn accents_join_their_letter() {
        let (apart, wide) = shape("caf\u{65}\u{301}", 100.0, Weight::Regular);
        let (joined, same) = shape("café", 100.0, Weight::Regular);
        assert_eq!(apart.len(), 4);
        assert_eq!(wide, same);
        assert_eq!(apart[3].glyph, joined[3].glyph);
    }

    /// In Arabic the first letter is on the right, and letters join: their shapes differ from the
    /// isolated ones.
    #[test]
    fn arabic_runs_to_the_left_and_joins() {
        if !covers("ورد بنت") {
            println!("skipped: no font on this computer has Arabic letters");
            return;
        }
        let (word, _) = shape("بنت", 100.0, Weight::Regular);
        assert_eq!(word.len(), 3);
        assert!(word.windows(2).all(|pair| pair[0].x < pair[1].x), "given from left to right");
        let alone = |letter: &str| shape(letter, 100.0, Weight::Regular).0[0].glyph;
        assert_ne!(word[2].glyph, alone("ب"), "the first letter, at the right, joins the next");
        let (mixed, _) = shape("rose بنت", 100.0, Weight::Regular);
        assert!(!mixed[0].borrowed && mixed[4..].iter().any(|placed| placed.borrowed));
    }

    #[test]
    fn letters_of_no_font_are_left_out() {
        let (placed, width) = shape("a\u{10ffff}b", 100.0, Weight::Regular);
        assert!(!covers("\u{10ffff}"));
        assert_eq!(placed.len(), 2);
        assert!(width > 0.0);
        assert_eq!(shape("", 10.0, Weight::Bold).1, 0.0);
    }
}
