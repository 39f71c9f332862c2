//! The value of a cell's last expression.
//!
//! evcxr turns a trailing expression into `(expression).evcxr_display();` and builds the cell a
//! second time, with `{:?}`, if that does not compile. With these two traits in the prelude it
//! compiles the first time for every value that has `Debug`; an inherent `evcxr_display` of a rich
//! type wins over them.

use std::fmt::{self, Debug, Write};
use std::ops::Range;

use super::bundle::MimeBundle;
use super::message::Message;
use super::rich::Rich;

/// The longest text, in characters, shown for a value that has no custom display.
const LONGEST_TEXT: usize = 20_000;
/// A value's text is written up to this many bytes: the whole text of a large value may not fit into memory.
const MOST_WRITTEN: usize = 4_000_000;
/// A list of more strings than this is printed one per line, as IPython does.
const LINE_EACH_ABOVE: usize = 10;
/// A list of more strings than this is cut in the middle.
const ELIDE_ABOVE: usize = 100;
/// Lines kept at each end of a list that is cut.
const KEPT_AT_ENDS: usize = 25;

/// Shows any value that has `Debug`, and nothing for `()`.
///
/// The bound `Sync` keeps out what is [`Rich`], such as tensors, whose handles are not `Sync`: with both traits in
/// scope exactly one applies.
pub trait EvcxrDisplay {
    /// Sends the value as the cell's result.
    fn evcxr_display(&self);
}

impl<T: Debug + Sync + ?Sized> EvcxrDisplay for T {
    fn evcxr_display(&self) {
        show_text_of(&self);
    }
}

/// Not generic, so that it is compiled here once and not in every cell that shows a value.
fn show_text_of(value: &dyn Debug) {
    show_text(text_of(value));
}

/// Shows what is [`Rich`]; see [`EvcxrDisplay`].
pub trait EvcxrDisplayRich<By = ()> {
    /// Sends the value as the cell's result.
    fn evcxr_display(&self);
}

impl<T: Rich<By> + ?Sized, By> EvcxrDisplayRich<By> for T {
    fn evcxr_display(&self) {
        self.show();
    }
}

pub(super) fn show_text(text: String) {
    if text != "()" {
        Message::Result { bundle: MimeBundle::text(text) }.send();
    }
}

/// The text of a value: its `Debug` form, with long lists of strings one per line and very long
/// texts cut. Of texts longer than a few megabytes, only the beginning is shown.
pub fn text_of(value: &dyn Debug) -> String {
    let mut compact = Beginning::default();
    // An error comes from the limit or from the value itself; either way, what is written so far is shown.
    let _ = write!(compact, "{value:?}");
    let Beginning { text, cut } = compact;
    if cut {
        let head: String = text.chars().take(LONGEST_TEXT).collect();
        return format!("{head}\n… and more: over {} MB in all …", MOST_WRITTEN / 1_000_000);
    }
    let text = if text.starts_with("[\"") { string_list(value).unwrap_or(text) } else { text };
    shortened(text)
}

/// The beginning of a text, at most [`MOST_WRITTEN`] bytes. It refuses the rest, so that a `Debug` stops writing.
#[derive(Default)]
struct Beginning {
    text: String,
    cut: bool,
}

impl Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = MOST_WRITTEN - self.text.len();
        if part.len() <= room {
            self.text.push_str(part);
            return Ok(());
        }
        self.text.push_str(&part[..part.floor_char_boundary(room)]);
        self.cut = true;
        Err(fmt::Error)
    }
}

/// `["1",\n "10",\n …]` for a list of more than ten strings. Detected from the `{:#?}` form, which
/// puts each element on its own line, because a blanket implementation cannot see the type.
fn string_list(value: &dyn Debug) -> Option<String> {
    let spread = format!("{value:#?}");
    let elements = spread.strip_prefix("[\n")?.strip_suffix("\n]")?;
    let elements: Vec<&str> =
        elements.lines().map(|line| line.strip_prefix("    ")?.strip_suffix(',')).collect::<Option<_>>()?;
    let strings = elements.iter().all(|text| text.starts_with('"') && text.ends_with('"'));
    (strings && elements.len() > LINE_EACH_ABOVE)
        .then(|| list(elements.len(), |index| elements[index].into()))
}

/// A list with one element per line, cut in the middle if it is long. `element` gives the text at an index, and is
/// called only for the elements that are shown.
pub(super) fn list(count: usize, element: impl Fn(usize) -> String) -> String {
    let lines = |indices: Range<usize>| indices.map(&element).collect::<Vec<_>>().join(",\n ");
    if count <= ELIDE_ABOVE {
        return format!("[{}]", lines(0..count));
    }
    let left_out = count - 2 * KEPT_AT_ENDS;
    let (head, tail) = (lines(0..KEPT_AT_ENDS), lines(count - KEPT_AT_ENDS..count));
    format!("[{head},\n … {left_out} more …\n {tail}]  ({count} in all)")
}

fn shortened(text: String) -> String {
    let count = text.chars().count();
    if count <= LONGEST_TEXT {
        return text;
    }
    let half = LONGEST_TEXT / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head}\n… {} of {count} characters left out …\n{tail}", count - 2 * half)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A list of 1e9 numbers that counts those it writes.
    struct Billion(Cell<usize>);

    impl Debug for Billion {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for number in 0..1_000_000_000 {
                self.0.set(self.0.get() + 1);
                write!(f, "{number}, ")?;
            }
            Ok(())
        }
    }

    #[test]
    fn the_text_of_a_large_value_is_not_written_whole() {
        let value = Billion(Cell::new(0));
        let text = text_of(&value);
        assert!(text.starts_with("0, 1, 2, ") && text.ends_with("\n… and more: over 4 MB in all …"));
        assert!(text.chars().count() < LONGEST_TEXT + 100);
        assert!(value.0.get() < MOST_WRITTEN);
        // One long part is cut between two characters: é has two bytes, and a quotation mark stands before them.
        let text = text_of(&"é".repeat(MOST_WRITTEN));
        assert!(text.starts_with("\"éé") && text.contains("and more"));
    }
}
