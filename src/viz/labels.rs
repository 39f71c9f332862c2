//! What a class is called in a picture: index, folder label, name.

use crate::data::CategoryNames;
use crate::drawing::font;
use crate::{Error, Result};

/// The ways to name one class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    /// The name, as it is in the file.
    pub(super) name: String,
    /// The name, if a font has its letters, or else the best that can be drawn.
    pub(super) drawn: String,
}

/// The names of all classes, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// As they are in the file.
    pub(super) full: Vec<String>,
    /// As they can be drawn.
    pub(super) drawn: Vec<String>,
}

impl Names {
    /// Looks every class up, by way of its folder label.
    pub(super) fn of(class_names: &[String], cat_to_name: &CategoryNames) -> Result<Names> {
        let mut names = Names::default();
        for (index, label) in class_names.iter().enumerate() {
            let name = one_line(cat_to_name.name(label)?);
            names.drawn.push(drawable(&name, label, index));
            names.full.push(name);
        }
        Ok(names)
    }
}

/// Names the class with an index, by way of its folder label.
///
/// The index is the network's: it counts the labels in the order in which they sort as text (1, 10,
/// 100, 2…), so it is looked up in `class_names` first and the label it gives in `cat_to_name`.
pub(super) fn name_of(
    index: usize,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    what: &str,
) -> Result<Named> {
    let label = class_names.get(index).ok_or_else(|| {
        let count = class_names.len();
        Error::Argument(format!(
            "{what} is class {index}, but class_names has {count} (0 to {}): give the class_names of the data \
             set that the model was trained on",
            count as i64 - 1
        ))
    })?;
    let name = one_line(cat_to_name.name(label)?);
    let drawn = drawable(&name, label, index);
    Ok(Named { name, drawn })
}

/// The name, the folder label or the class number: the first for which the font has the letters.
fn drawable(name: &str, label: &str, index: usize) -> String {
    let label = one_line(label);
    [name, &label]
        .into_iter()
        .find(|text| !text.is_empty() && font::covers(text))
        .map_or_else(|| format!("class {index}"), ToString::to_string)
}

/// Line breaks and other control characters become spaces.
fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_control()).collect::<Vec<_>>().join(" ").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_font_lacks_is_named_by_label_or_number() {
        assert_eq!(drawable("rose", "12", 3), "rose");
        assert_eq!(drawable("\u{10fffd}", "12", 3), "12");
        assert_eq!(drawable("\u{10fffd}", "\u{10fffe}", 3), "class 3");
        assert_eq!(drawable("", "12", 3), "12");
        assert_eq!(one_line("two\nlines\t"), "two lines");
    }
}
