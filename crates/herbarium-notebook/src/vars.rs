//! How large a variable is, for the kernel's `:vars`: the length of a list, the rows of a table.
//!
//! The kernel writes `(&Of(&name)).size()` for each variable. Method resolution chooses between the two
//! traits: [`Known`] where it is implemented, and otherwise [`Unknown`], which needs one more reference.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::bundle::MimeBundle;
use super::html::escape;
use super::message::Message;
use super::numbers::thousands;

/// A variable.
#[derive(Debug)]
pub struct Of<'a, T: ?Sized>(pub &'a T);

/// Values that have a meaningful size.
///
/// `Of` belongs to this crate, so `By` must be a type of the implementing crate, as in [`Show`](super::Show):
/// `impl Known<Here> for Of<'_, Garden>`.
pub trait Known<By = ()> {
    /// The size in words.
    fn size(&self) -> String;
}

/// All other values: their size in bytes, without what they point to.
pub trait Unknown {
    /// The size in words.
    fn size(&self) -> String;
}

impl<T: ?Sized> Unknown for &Of<'_, T> {
    fn size(&self) -> String {
        counted(std::mem::size_of_val(self.0), "byte")
    }
}

/// `1 picture`, `2 pictures`.
pub fn counted(number: usize, what: &str) -> String {
    let what = match (number, what) {
        (1, one) => one.to_owned(),
        (_, "batch") => "batches".to_owned(),
        (_, "entry") => "entries".to_owned(),
        (_, one) => format!("{one}s"),
    };
    format!("{} {what}", thousands(number))
}

impl Known for Of<'_, String> {
    fn size(&self) -> String {
        counted(self.0.chars().count(), "character")
    }
}

impl Known for Of<'_, &str> {
    fn size(&self) -> String {
        counted(self.0.chars().count(), "character")
    }
}

impl<T, const N: usize> Known for Of<'_, [T; N]> {
    fn size(&self) -> String {
        counted(N, "element")
    }
}

macro_rules! known_by_len {
    ($([$($parameters:ident),*] $kind:ty: $what:literal;)*) => {
        $(impl<$($parameters),*> Known for Of<'_, $kind> {
            fn size(&self) -> String {
                counted(self.0.len(), $what)
            }
        })*
    };
}
known_by_len! {
    [T] Vec<T>: "element";
    [T] VecDeque<T>: "element";
    [T, S] HashSet<T, S>: "element";
    [K, V, S] HashMap<K, V, S>: "entry";
    [K, V] BTreeMap<K, V>: "entry";
}

/// Shows the table of the variables: name, type and size of each.
pub fn show(variables: &[(&str, &str, String)]) {
    if variables.is_empty() {
        return;
    }
    let width = |column: fn(&(&str, &str, String)) -> usize| variables.iter().map(column).max().unwrap_or(0);
    let (names, kinds) = (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()));
    let mut text = String::new();
    let mut html = String::from("<table><tr><th>Variable</th><th>Type</th><th>Size or shape</th></tr>");
    for (name, kind, size) in variables {
        text += format!("{name:<names$}  {kind:<kinds$}  {size}\n").as_str();
        html += &format!(
            "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            escape(name),
            escape(kind),
            escape(size)
        );
    }
    html += "</table>";
    Message::Result { bundle: MimeBundle::text(text.trim_end()).with_html(html) }.send();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::needless_borrow, reason = "as the kernel writes it, for any type")]
    fn each_value_says_its_own_size() {
        assert_eq!((&Of(&vec![1, 2])).size(), "2 elements");
        assert_eq!((&Of(&"Ö".to_owned())).size(), "1 character");
        assert_eq!((&Of(&[0u8; 7])).size(), "7 elements");
        assert_eq!((&Of(&1u16)).size(), "2 bytes");
        assert_eq!(counted(11_182_668, "parameter"), "11,182,668 parameters");
        assert_eq!(counted(2, "batch"), "2 batches");
        struct Own(#[expect(dead_code)] u64);
        assert_eq!((&Of(&Own(1))).size(), "8 bytes");
    }
}
