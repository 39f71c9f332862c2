//! How large a variable is, for the kernel's `:vars`: the shape of a tensor, the length of a list, the
//! parameters of a model.
//!
//! The kernel writes `(&Of(&name)).size()` for each variable. Which of the two traits answers is settled
//! by how far the compiler has to look for the method: [`Known`] is found first where it is implemented,
//! and [`Unknown`], one reference further, for all else.

use crate::notebook::html::escape;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tch::Tensor;

use super::bundle::MimeBundle;
use super::message::Message;

/// A variable.
#[derive(Debug)]
pub struct Of<'a, T: ?Sized>(pub &'a T);

/// Values whose size means something to whoever made them.
pub trait Known {
    /// The size in words.
    fn size(&self) -> String;
}

/// All other values: so many bytes, without what they point to.
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
pub(crate) fn counted(number: usize, what: &str) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    let what = match (number, what) {
        (1, one) => one.to_owned(),
        (_, "batch") => "batches".to_owned(),
        (_, "entry") => "entries".to_owned(),
        (_, one) => format!("{one}s"),
    };
    format!("{} {what}", groups.join(","))
}

/// `torch.Size([128, 3, 64, 64]) Float`.
pub(crate) fn shape(tensor: &Tensor) -> String {
    if !tensor.defined() {
        return "undefined".into();
    }
    let kind = tensor.f_kind().map(|kind| format!(" {kind:?}")).unwrap_or_default();
    format!("torch.Size({:?}){kind}", tensor.size())
}

impl Known for Of<'_, Tensor> {
    fn size(&self) -> String {
        shape(self.0)
    }
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

/// [`Known`] for types with a `len`, and what they hold: `known_by_len!([] Predictions: "prediction";)`, beside the type.
macro_rules! known_by_len {
    ($([$($parameters:ident),*] $kind:ty: $what:literal;)*) => {
        $(impl<$($parameters),*> $crate::notebook::vars::Known for $crate::notebook::vars::Of<'_, $kind> {
            fn size(&self) -> String {
                $crate::notebook::vars::counted(self.0.len(), $what)
            }
        })*
    };
}
pub(crate) use known_by_len;

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
    use tch::{Device, Kind};

    #[test]
    #[expect(clippy::needless_borrow, reason = "as the kernel writes it, for any type")]
    fn each_value_says_its_own_size() {
        let tensor = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        assert_eq!((&Of(&tensor)).size(), "torch.Size([2, 3]) Float");
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
