//! The parameters of a notebook: the variables of the cell tagged `parameters`, as in papermill, overridden by a cell
//! inserted after it.

mod options;
mod translate;
mod value;

use std::collections::HashSet;
use std::fmt::Write;

pub use options::{Options, of_one_process};
pub use translate::translate;
pub use value::ParameterValue;

use crate::syntax::Kind;
use crate::syntax::{self, Declaration};

/// The tag of the cell that declares the parameters, with their defaults.
pub const DECLARED: &str = "parameters";
/// The tag of the cell that sets them.
pub const INJECTED: &str = "injected-parameters";

/// A parameter that a notebook declares.
#[derive(Debug, Clone)]
pub struct Parameter {
    declaration: Declaration,
    /// `None` for a type whose values cannot be given.
    kind: Option<Kind>,
}

/// Names with their values, each name once, in the order in which they were given first.
#[derive(Debug, Clone, Default)]
pub struct Values(Vec<(String, ParameterValue)>);

impl Values {
    /// A later value replaces an earlier one of the same name.
    pub fn set(&mut self, name: String, value: ParameterValue) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The parameters of a cell; a name that it sets twice has its last default.
pub fn declared(cell: &str) -> Vec<Parameter> {
    let mut seen = HashSet::new();
    let mut found: Vec<Parameter> = syntax::declarations(cell)
        .into_iter()
        .rev()
        .filter(|declaration| seen.insert(declaration.name.clone()))
        .map(|declaration| {
            let kind = match &declaration.kind {
                Some(written) => Kind::of_type(written),
                None => Some(syntax::kind_of(&declaration.value).unwrap_or(Kind::Any)),
            };
            Parameter { declaration, kind }
        })
        .collect();
    found.reverse();
    found
}

/// The cell that gives the parameters their values. A name that is not among the `declared` is refused, unless
/// `is_open`: then it has the type of its value.
pub fn injected(declared: &[Parameter], values: &Values, is_open: bool) -> Result<String, String> {
    let mut code = String::from("// Parameters\n");
    for (name, given) in &values.0 {
        let parameter = declared.iter().find(|parameter| parameter.declaration.name == *name);
        if parameter.is_none() && !is_open {
            return Err(unknown(name, declared));
        }
        if parameter.is_none() && !syntax::is_name(name) {
            return Err(format!("`{name}` cannot be the name of a variable"));
        }
        let _ = writeln!(code, "{}", statement(name, parameter, given)?);
    }
    Ok(code)
}

fn statement(name: &str, parameter: Option<&Parameter>, given: &ParameterValue) -> Result<String, String> {
    let declaration = parameter.map(|parameter| &parameter.declaration);
    let kind = match parameter {
        Some(Parameter { declaration, kind: None }) => {
            let written = declaration.kind.as_deref().unwrap_or_default();
            return Err(format!(
                "parameter `{name}` has the type `{written}`, which cannot be set from outside; numbers, \
                texts, paths, true and false, lists and options of these can"
            ));
        }
        Some(Parameter { kind: Some(kind), .. }) => kind.clone(),
        None => Kind::Any,
    };
    let kind = given.kind(&kind);
    let Some(value) = given.to_rust(&kind) else {
        let default = declaration.map(|declaration| format!("; its default is {}", declaration.value));
        return Err(format!(
            "parameter `{name}` must be {kind}, but `{}` is not{}",
            given.shown(),
            default.unwrap_or_default()
        ));
    };
    let mutable = if declaration.is_some_and(|declaration| declaration.is_mutable) { "mut " } else { "" };
    let written = declaration.and_then(|declaration| declaration.kind.clone()).or_else(|| kind.written());
    let written = written.map_or(String::new(), |written| format!(": {written}"));
    Ok(format!("let {mutable}{name}{written} = {value};"))
}

fn unknown(name: &str, declared: &[Parameter]) -> String {
    let names: Vec<String> =
        declared.iter().map(|parameter| format!("`{}`", parameter.declaration.name)).collect();
    match names.as_slice() {
        [] => format!("`{name}` is not a parameter of this notebook: its cell tagged `{DECLARED}` has none"),
        names => {
            format!("`{name}` is not a parameter of this notebook; its parameters are {}", names.join(", "))
        }
    }
}

/// A table of the parameters, for people.
pub fn table(parameters: &[Parameter]) -> String {
    let rows: Vec<[String; 3]> = parameters
        .iter()
        .map(|parameter| {
            let Declaration { name, value, comment, .. } = &parameter.declaration;
            [format!("{name}: {}", parameter.type_name()), value.clone(), comment.clone()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let mut out = String::new();
    for [name, value, comment] in &rows {
        let line = format!("{name:<first$}  {value:<second$}  {comment}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

impl Parameter {
    fn type_name(&self) -> String {
        let written = self.declaration.kind.clone();
        written.or_else(|| self.kind.as_ref().and_then(Kind::written)).unwrap_or_else(|| "_".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = "let mut epochs: i64 = 20; // how many\nlet name = \"rose\";\nlet rate = 1e-3;\nlet sizes = vec![64, 96];\nlet best = String::from(\"best.pt\");\nlet folder = data::flowers()?;\nlet device: Device = Device::Cpu;\nlet top: Option<u8> = None;";

    fn code(given: &[(&str, &str)]) -> Result<String, String> {
        let mut values = Values::default();
        given
            .iter()
            .for_each(|(name, word)| values.set(name.to_string(), ParameterValue::Word(word.to_string())));
        injected(&declared(CELL), &values, false)
    }

    #[test]
    fn values_have_the_types_of_the_defaults() {
        let given = [
            ("epochs", "7"),
            ("name", "7"),
            ("rate", "1"),
            ("sizes", "[]"),
            ("best", "x.pt"),
            ("folder", "data"),
            ("top", "3"),
            ("epochs", "8"),
        ];
        let expected = "// Parameters\nlet mut epochs: i64 = 8;\nlet name: &str = \"7\";\nlet rate: f64 = 1.0;\nlet sizes: Vec<i32> = vec![];\nlet best: String = String::from(\"x.pt\");\nlet folder: &str = \"data\";\nlet top: Option<u8> = Some(3);\n";
        assert_eq!(code(&given).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = [
            (
                ("epochs", "seven"),
                "parameter `epochs` must be a whole number of type i64, but `seven` is not; its default is 20",
            ),
            (
                ("epoch", "7"),
                "`epoch` is not a parameter of this notebook; its parameters are `epochs`, `name`",
            ),
            (("device", "cuda"), "parameter `device` has the type `Device`, which cannot be set"),
            (("top", "300"), "a whole number of type u8, or null, but `300` is not"),
        ];
        for (given, says) in refused {
            let error = code(&[given]).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn an_open_list_takes_any_name() {
        let mut values = Values::default();
        values.set("lr".to_owned(), ParameterValue::Word("0.5".to_owned()));
        assert_eq!(injected(&[], &values, true).unwrap(), "// Parameters\nlet lr: f64 = 0.5;\n");
        values.set("not a name".to_owned(), ParameterValue::Word("0.5".to_owned()));
        assert!(injected(&[], &values, true).is_err());
    }

    #[test]
    fn a_table_for_people() {
        let table = table(&declared(CELL));
        assert!(table.starts_with("epochs: i64      20                       how many\n"), "{table}");
        assert!(table.contains("\nfolder: _  "), "{table}");
    }
}
