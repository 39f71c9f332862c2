//! The value of a cell's last expression.
//!
//! evcxr turns a trailing expression into `(expression).evcxr_display();` and builds the cell a
//! second time, with `{:?}`, if that does not compile. With these two traits in the prelude it
//! compiles the first time for every value that has `Debug`; an inherent `evcxr_display` of a rich
//! type wins over them.

use std::fmt::Debug;

use super::bundle::MimeBundle;
use super::message::Message;
use super::rich::Rich;

/// The longest text, in characters, shown for a value that has no custom display.
const LONGEST_TEXT: usize = 20_000;
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
/// texts cut.
pub fn text_of(value: &dyn Debug) -> String {
    let compact = format!("{value:?}");
    let text = if compact.starts_with("[\"") { string_list(value).unwrap_or(compact) } else { compact };
    shortened(text)
}

/// `["1",\n "10",\n …]` for a list of more than ten strings. Detected from the `{:#?}` form, which
/// puts each element on its own line, because a blanket implementation cannot see the type.
fn string_list(value: &dyn Debug) -> Option<String> {
    let spread = format!("{value:#?}");
    let elements = spread.strip_prefix("[\n")?.strip_suffix("\n]")?;
    let elements: Vec<&str> =
        elements.lines().map(|line| line.strip_prefix("    ")?.strip_suffix(',')).collect::<Option<_>>()?;
    let strings = elements.iter().all(|text| text.starts_with('"') && text.ends_with('"'));
    (strings && elements.len() > LINE_EACH_ABOVE).then(|| list(elements.iter().map(ToString::to_string)))
}

pub(super) fn list(elements: impl ExactSizeIterator<Item = String>) -> String {
    let count = elements.len();
    if count <= ELIDE_ABOVE {
        return format!("[{}]", elements.collect::<Vec<_>>().join(",\n "));
    }
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    for (index, element) in elements.enumerate() {
        if index < KEPT_AT_ENDS {
            head.push(element);
        } else if index >= count - KEPT_AT_ENDS {
            tail.push(element);
        }
    }
    let left_out = count - 2 * KEPT_AT_ENDS;
    format!("[{},\n … {left_out} more …\n {}]  ({count} in all)", head.join(",\n "), tail.join(",\n "))
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
