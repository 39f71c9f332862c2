//! The hints of the helper crate: habits from Python that concern its own types, in a file that its manifest names.
//!
//! ```toml
//! [[hint]]
//! codes = ["E0609"]                 # rustc's error codes; without them, the line does not parse
//! message = "`Tensor`"              # a pattern that rustc's message matches, if given
//! line = '\bt\.(?<name>\w+)'        # and one that the line matches
//! names = { shape = "`{value}.size()`" }
//! help = "`?Tensor` shows what is known of it"
//!
//! [moved]                           # what to do where a cell would move a variable, by the last part of its type
//! Tensor = "give a copy there, `{name}.copy()`"
//! ```
//!
//! The first hint that applies is shown. `names` has a text for each name that an error may be about: the group `name` of
//! `line`, or what the message names first; `help` is for all others. In a text, `{1}` is a group of `line` in Rust,
//! `{name}` the name, `{value}` what stands before `.name`, `{arguments}` what it is called with, and `{items}` the same
//! without the brackets of a list.

use std::collections::BTreeMap;
use std::path::Path;

use regex::{Captures, Regex};
use serde::Deserialize;

use super::Mistake;
use super::members::before_member;
use super::python::{arguments, filled_in};
use crate::error::{Error, Result};

/// A crate's hints, in order; none unless it has a file of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hints {
    hint: Vec<Hint>,
    moved: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default, deserialize_with = "pattern")]
    message: Option<Regex>,
    #[serde(default, deserialize_with = "pattern")]
    line: Option<Regex>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    help: Option<String>,
}

fn pattern<'a, D: serde::Deserializer<'a>>(text: D) -> std::result::Result<Option<Regex>, D::Error> {
    Regex::new(&String::deserialize(text)?).map(Some).map_err(serde::de::Error::custom)
}

impl Hints {
    /// Reads a crate's file.
    pub fn read(path: &Path) -> Result<Hints> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        toml::from_str(&text)
            .map_err(|error| Error::Start(format!("{} is not a file of hints: {error}", path.display())))
    }

    /// What to write instead of a move of the variable `name`, if the crate says so of its type.
    pub(in super::super) fn instead_of_move(&self, name: &str, kind: &str) -> Option<String> {
        let text = self.moved.get(kind.rsplit("::").next()?)?;
        Some(text.replace("{name}", name))
    }

    /// The help of the first hint that applies.
    pub(super) fn help(&self, mistake: &Mistake) -> Option<String> {
        self.hint.iter().find_map(|hint| hint.help(mistake))
    }
}

impl Hint {
    fn help(&self, mistake: &Mistake) -> Option<String> {
        let is_of_kind = match self.codes.as_slice() {
            [] => mistake.is_of_form(),
            codes => codes.iter().any(|code| mistake.is(&[code])),
        };
        if !is_of_kind || !self.message.as_ref().is_none_or(|pattern| pattern.is_match(mistake.message)) {
            return None;
        }
        let groups = match &self.line {
            Some(pattern) => Some(pattern.captures(mistake.line)?),
            None => None,
        };
        let name = Name::of(mistake, groups.as_ref());
        let text = name.as_ref().and_then(|name| self.names.get(name.text)).or(self.help.as_ref())?;
        let text = groups.map_or_else(|| text.clone(), |groups| filled_in(text, &groups));
        match name {
            Some(name) => name.fill_in(&text, mistake.line),
            None => Some(text),
        }
    }
}

/// The name that an error is about.
struct Name<'a> {
    text: &'a str,
    /// Where it begins in the line, if that is known.
    start: Option<usize>,
}

impl<'a> Name<'a> {
    fn of(mistake: &Mistake<'a>, groups: Option<&Captures<'a>>) -> Option<Name<'a>> {
        if let Some(group) = groups.and_then(|groups| groups.name("name")) {
            return Some(Name { text: group.as_str(), start: Some(group.start()) });
        }
        let text = mistake.message.split('`').nth(1)?;
        Some(Name { text, start: mistake.line.find(&format!(".{text}")).map(|dot| dot + 1) })
    }

    /// The text about this name; `None` if it needs what the line does not have.
    fn fill_in(&self, text: &str, line: &str) -> Option<String> {
        let mut text = text.replace("{name}", self.text);
        if text.contains("{value}") {
            text = text.replace("{value}", &before_member(line, self.text)?);
        }
        let call = self.start.and_then(|start| arguments(&line[start..], self.text));
        let arguments = call.unwrap_or_default().join(", ");
        let items = arguments.trim_matches(['(', ')', '[', ']']);
        Some(text.replace("{arguments}", &arguments).replace("{items}", items))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{known, mistake};
    use super::*;

    /// Those of the crate of this checkout, which a kernel for other crates does not have.
    fn of_tensors() -> Hints {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let helper = crate::template::Helper::read(&checkout).unwrap();
        Hints::read(&helper.hints.unwrap()).unwrap()
    }

    fn says(hints: &Hints, code: &str, message: &str, line: &str) -> String {
        known(&mistake(code, message, line), hints).unwrap_or_default()
    }

    #[test]
    fn names_and_members_of_tensors() {
        let hints = of_tensors();
        let value = |name: &str, line: &str| {
            says(&hints, "E0425", &format!("cannot find value `{name}` in this scope"), line)
        };
        assert_eq!(
            value("torch", "torch.randn(2, 3)"),
            "`Tensor::randn([2, 3], (Kind::Float, Device::Cpu))`"
        );
        assert_eq!(
            value("np", "let input = np.zeros((2, 3));"),
            "`Tensor::zeros([2, 3], (Kind::Float, Device::Cpu))`"
        );
        assert_eq!(value("torch", "torch.tensor([1.0, 2.0])"), "`Tensor::from_slice(&[1.0, 2.0])`");
        assert_eq!(
            value("torch", "torch.erf(x)"),
            "`?Tensor::erf`: PyTorch's functions are those of `Tensor`"
        );
        assert!(value("random", "random.random()").starts_with("`Tensor::rand([1], "));
        let field = |name: &str, line: &str| {
            says(&hints, "E0609", &format!("no field `{name}` on type `Tensor`"), line)
        };
        assert_eq!(field("shape", "batch.images.shape"), "`batch.images.size()`");
        assert_eq!(field("mine", "t.mine"), "");
    }

    #[test]
    fn calls_and_operators_of_tensors() {
        let hints = of_tensors();
        let call =
            |line: &str| says(&hints, "E0061", "this method takes 1 argument but 2 were supplied", line);
        assert_eq!(call("t.view(2, -1)"), "a shape is one list: `t.view([2, -1])`");
        assert!(call("Tensor::zeros(2, 3)").contains("`Tensor::zeros([2, 3], (Kind::Float, Device::Cpu))`"));
        assert!(call("t.sum()").contains("`t.sum(Kind::Float)`"));
        assert!(call("t.softmax(1)").contains("`t.softmax(-1, Kind::Float)`"));
        assert_eq!(call("mine(1, 2)"), "");
        let message = "binary operation `>` cannot be applied to type `Tensor`";
        assert!(says(&hints, "E0369", message, "let m = t > 0;").contains("`t.gt(0)`"));
        assert!(says(&hints, "E0369", message, "let m = (t >= 0.5);").contains("`t.ge(0.5)`"));
        let message = "cannot index into a value of type `Tensor`";
        assert!(says(&hints, "E0608", message, "t[0]").contains("`t.get(0)`"));
        assert!(says(&hints, "E0608", message, "t[i + 1]").contains("`t.get(0)`"));
    }

    #[test]
    fn statements_about_tensors_come_before_those_of_any_type() {
        let hints = of_tensors();
        let expected = [
            ("with torch.no_grad():", "`tch::no_grad(|| { })`"),
            ("with lock:", "`with` is a block in braces"),
            ("@torch.no_grad()", "`tch::no_grad(|| { })`"),
            ("v[1:3]", "a part is borrowed with `&v[1..3]`, a tensor's by `narrow`"),
            ("for x in v[1:3]:", "a block needs braces: `for x in &v[1..3] { }`"),
            ("t[0, 1]", "`t.get(0).get(1)`"),
            ("t[:, 0]", "`t.select(1, 0)`"),
            ("a @ b", "`a.matmul(&b)`"),
        ];
        for (line, text) in expected {
            let help = says(&hints, "", "expected something", line);
            assert!(help.contains(text), "{line}: {help}");
        }
    }

    #[test]
    fn a_kernel_without_the_crate_does_not_speak_of_it() {
        let none = Hints::default();
        let lines = ["with torch.no_grad():", "@torch.no_grad()", "v[1:3]", "t[0, 1]", "t[:, 0]", "a @ b"];
        let forms = lines.map(|line| says(&none, "", "expected something", line));
        let names = ["torch", "np", "random", "nn", "F"].map(|name| {
            says(
                &none,
                "E0425",
                &format!("cannot find value `{name}` in this scope"),
                &format!("{name}.f(2)"),
            )
        });
        let calls = ["t.view(2, 3)", "t.sum()", "Tensor::zeros(2, 3)"]
            .map(|line| says(&none, "E0061", "this takes 1 argument but 2 were supplied", line));
        let all = forms.iter().chain(&names).chain(&calls);
        for text in all {
            assert!(!["tch", "orch", "ensor", "Kind"].iter().any(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said() {
        let path = std::env::temp_dir().join(format!("herbarium-hints-{}.toml", std::process::id()));
        for (text, why) in [
            ("[[hint]]\nline = \"(\"\nhelp = \"a\"\n", "unclosed group"),
            ("[[hint]]\nlines = \"a\"\n", "unknown field `lines`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = Hints::read(&path).unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("line 2") && said.contains(".toml"), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Hints::read(&path).unwrap_err().to_string().contains(".toml"));
    }
}
