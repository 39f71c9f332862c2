//! Parts by name: `layer1`, `layer1.0.conv1`, `features.*`, `*.bn?`.

use super::module::Module;
use super::module::{join, walk};
use crate::Error;

/// How many names an error suggests.
const SUGGESTIONS: usize = 3;

/// Whether `pattern` names `name` itself or a module that it lies inside. In a pattern `*` stands
/// for any letters, dots among them, `?` for one, `[abc]` for one of these and `[!abc]` for one other:
/// Python's [`fnmatch`](https://docs.python.org/3/library/fnmatch.html).
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let ends = name.char_indices().filter(|(_, letter)| *letter == '.').map(|(index, _)| index);
    ends.chain([name.len()]).any(|end| glob(&pattern, &name[..end].chars().collect::<Vec<_>>()))
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        ['?', rest @ ..] => !text.is_empty() && glob(rest, &text[1..]),
        ['[', rest @ ..] => match set(rest) {
            Some((members, after)) => {
                text.first().is_some_and(|&letter| in_set(members, letter)) && glob(after, &text[1..])
            }
            None => text.first() == Some(&'[') && glob(rest, &text[1..]),
        },
        [letter, rest @ ..] => text.first() == Some(letter) && glob(rest, &text[1..]),
    }
}

/// The letters up to the closing bracket, and the pattern after it.
fn set(pattern: &[char]) -> Option<(&[char], &[char])> {
    // A bracket right after the opening one, or after its `!`, is a member.
    let first = if pattern.first() == Some(&'!') { 2 } else { 1 };
    let end = first + pattern.get(first..)?.iter().position(|&letter| letter == ']')?;
    Some((&pattern[..end], &pattern[end + 1..]))
}

fn in_set(members: &[char], letter: char) -> bool {
    let (members, wanted) = match members {
        ['!', rest @ ..] => (rest, false),
        all => (all, true),
    };
    let mut found = false;
    let mut index = 0;
    while index < members.len() {
        match members[index..] {
            [from, '-', to, ..] => {
                found |= (from..=to).contains(&letter);
                index += 3;
            }
            [member, ..] => {
                found |= member == letter;
                index += 1;
            }
            [] => break,
        }
    }
    found == wanted
}

/// The paths of all modules and tensors, and what each module holds.
struct Names {
    nodes: Vec<(String, Vec<String>)>,
}

impl Names {
    fn of(root: &dyn Module) -> Names {
        let mut nodes = Vec::new();
        walk(root, "", &mut |at, module| {
            let children = module.children().into_iter().map(|(name, _)| name.to_owned());
            let own = module.tensors().into_iter().map(|named| named.name.to_owned());
            nodes.push((at.to_owned(), children.chain(own).collect()));
        });
        Names { nodes }
    }

    fn paths(&self) -> impl Iterator<Item = String> {
        self.nodes.iter().flat_map(|(at, inside)| inside.iter().map(|name| join(at, name)))
    }
}

/// Fails unless `pattern` names something in `root`; the error lists the contents of the last known
/// part of the path, and the most similar names.
pub(super) fn check(model: &str, root: &dyn Module, pattern: &str) -> Result<(), Error> {
    let names = Names::of(root);
    if !pattern.is_empty() && names.paths().any(|path| matches(pattern, &path)) {
        return Ok(());
    }
    let parent =
        names.nodes.iter().rev().find(|(at, inside)| {
            !inside.is_empty() && (at.is_empty() || super::module::is_under(pattern, at))
        });
    let (parent, children) = parent.cloned().unwrap_or_default();
    let parent = if parent.is_empty() { model.to_owned() } else { parent };
    let nearest = nearest(pattern, names.paths());
    Err(Error::UnknownLayer { model: model.to_owned(), path: pattern.to_owned(), parent, children, nearest })
}

/// The paths most similar to `pattern`, best first.
fn nearest(pattern: &str, paths: impl Iterator<Item = String>) -> Vec<String> {
    let plain: String = pattern.chars().filter(|letter| !"*?[]!".contains(*letter)).collect();
    let mut ranked: Vec<(usize, String)> = paths
        .map(|path| (edit_distance(&plain.to_lowercase(), &path.to_lowercase()), path))
        .filter(|(distance, _)| distance * 2 <= plain.chars().count())
        .collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().take(SUGGESTIONS).map(|(_, path)| path).collect()
}

/// How many letters must be inserted, deleted or changed to turn one word into the other
/// (Levenshtein distance).
pub(super) fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 1..=to.len() {
            let change = diagonal + usize::from(letter != to[column - 1]);
            diagonal = row[column];
            row[column] = change.min(row[column] + 1).min(row[column - 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_itself_and_what_is_inside() {
        assert!(matches("layer1", "layer1"));
        assert!(matches("layer1", "layer1.0.conv1.weight"));
        assert!(!matches("layer1", "layer10.weight"));
        assert!(!matches("layer", "layer1.weight"));
        assert!(matches("layer1.0", "layer1.0.bn1.bias") && !matches("layer1.0", "layer1.1.bn1.bias"));
        assert!(!matches("", "fc.weight"));
    }

    #[test]
    fn patterns_are_those_of_fnmatch() {
        assert!(matches("features.*", "features.0.weight"));
        assert!(!matches("features.*", "classifier.0.weight"));
        assert!(matches("*.bn?", "layer1.0.bn1.weight") && !matches("*.bn?", "layer1.0.conv1.weight"));
        assert!(matches("*bias", "layer1.0.bn1.bias") && matches("*bias", "fc.bias"));
        assert!(matches("layer[12]", "layer2.0") && !matches("layer[12]", "layer3.0"));
        assert!(matches("layer[!12]", "layer3.0") && !matches("layer[!12]", "layer2.0"));
        assert!(matches("layer[2-4].0", "layer3.0.conv1") && !matches("layer[2-4].0", "layer1.0.conv1"));
        assert!(matches("*", "anything.at.all"));
        assert!(matches("a[b", "a[b") && matches("[]]", "]"));
    }

    #[test]
    fn counts_edits() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("resnet18", "resnet18"), 0);
    }
}
