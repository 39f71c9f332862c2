//! The compiler's help without the crates that a learner has not named.
//!
//! rustc knows all transitive dependencies, and suggests their traits and types. These cannot be named in a cell, and
//! mean nothing to its author.

use evcxr::CompilationError;
use serde_json::Value;

use super::worker::Worker;
use crate::template::recipe::Recipe;
use crate::template::template_crates::Crates;

impl Worker {
    /// Removes help and notes about crates that the learner has not named.
    pub(super) fn forget_unnamed(&self, errors: &mut [CompilationError]) {
        let template = self.cargo.as_ref().and_then(|cargo| cargo.ancestors().nth(2));
        let libraries = template.and_then(Crates::read).unwrap_or_default().libraries;
        let recipe = template.and_then(Recipe::read).unwrap_or_default();
        let manifest = self
            .folder
            .cells()
            .ok()
            .and_then(|folder| std::fs::read_to_string(folder.join("Cargo.toml")).ok());
        let manifest = manifest.unwrap_or_default();
        let named = |name: &String| {
            manifest
                .lines()
                .any(|line| line.split(' ').next().is_some_and(|own| own.replace('-', "_") == *name))
        };
        let unnamed: Vec<String> =
            libraries.into_iter().filter(|name| !recipe.is_given(name) && !named(name)).collect();
        let children = errors.iter_mut().filter_map(|error| error.json["children"].as_array_mut());
        children.for_each(|children| children.retain_mut(|child| is_kept(child, &unnamed)));
    }
}

/// Takes from one piece of help the lines and suggestions that speak of an unnamed crate. Whether anything is left.
fn is_kept(child: &mut Value, unnamed: &[String]) -> bool {
    let text = child["message"].as_str().unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !speaks_of(line, unnamed)).collect();
    let was_list = text.lines().count() > 1;
    let is_empty = lines.is_empty() || (was_list && lines.len() == 1);
    let kept = lines.join("\n");
    child["message"] = kept.into();
    let offers = |span: &Value| span["suggested_replacement"].is_string();
    let Some(spans) = child["spans"].as_array_mut() else { return !is_empty };
    let offered = spans.iter().any(offers);
    spans.retain(|span| !speaks_of(span["suggested_replacement"].as_str().unwrap_or_default(), unnamed));
    !is_empty && (!offered || spans.iter().any(offers))
}

/// Whether a text has a path that begins with one of these crates.
fn speaks_of(text: &str, unnamed: &[String]) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices("::").any(|(at, _)| {
        let before = &text[..at];
        let start = before.trim_end_matches(is_word).len();
        !before[..start].ends_with("::") && unnamed.iter().any(|name| *name == before[start..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_can_be_named_is_offered() {
        let unnamed = ["ndarray".to_owned(), "half".to_owned()];
        assert!(speaks_of("use ndarray::Axis;", &unnamed) && speaks_of("`From<&half::f16>`", &unnamed));
        assert!(!speaks_of("crate::half::Own, myndarray::A, std::half", &unnamed));
        let kept = |mut child: Value| is_kept(&mut child, &unnamed).then_some(child);
        let list = "other types implement it:\n  `A` implements `X<ndarray::B>`\n  `A` implements `X<C>`";
        let shorter = "other types implement it:\n  `A` implements `X<C>`";
        assert_eq!(
            kept(json!({"message": list, "spans": []})),
            Some(json!({"message": shorter, "spans": []}))
        );
        let only = "other types implement it:\n  `A` implements `X<ndarray::B>`";
        assert_eq!(kept(json!({"message": only, "spans": []})), None);
        let offer = |text: &str| json!({"suggested_replacement": text});
        let both = json!({"message": "import it", "spans": [offer("use ndarray::A;"), offer("use tch::A;")]});
        assert_eq!(kept(both).unwrap()["spans"], json!([offer("use tch::A;")]));
        assert_eq!(kept(json!({"message": "import it", "spans": [offer("use half::A;")]})), None);
        assert!(kept(json!({"message": "import it", "spans": [{"suggested_replacement": null}]})).is_some());
    }
}
