//! The differences between evcxr's knowledge of the variables and the store.

use super::collector::Differences;
use crate::source::layout::{Variable, taken};

/// What evcxr does not know yet.
#[derive(Debug, Default)]
pub struct Unsettled {
    /// In the store.
    pub kept: Vec<Variable>,
    /// Not in the store.
    pub gone: Vec<String>,
}

impl Unsettled {
    /// From what a cell has reported, and its compiled source.
    pub fn of(store: &Differences, source: &str) -> Unsettled {
        let kept = match store.kept.is_empty() {
            true => Vec::new(),
            false => {
                taken(source).into_iter().filter(|variable| store.kept.contains(&variable.name)).collect()
            }
        };
        Unsettled { kept, gone: store.gone.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.gone.is_empty()
    }

    /// The cell that settles it.
    pub fn cell(&self) -> String {
        let binds = self.kept.iter().map(|Variable { name, kind, mutable, .. }| {
            let mutable = if *mutable { "mut " } else { "" };
            let kind = kind.replace('\n', " ");
            format!("let {mutable}{name}: {kind} = evcxr_variable_store.take_variable::<{kind}>(stringify!({name}));\n")
        });
        binds.collect::<String>() + "();"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_binds_what_the_store_has() {
        let variable = |name: &str, mutable| Variable {
            name: name.to_owned(),
            kind: "Vec<\ni32>".to_owned(),
            mutable,
            lines: 0..2,
        };
        let unsettled =
            Unsettled { kept: vec![variable("a", true), variable("r#type", false)], gone: Vec::new() };
        assert_eq!(
            unsettled.cell(),
            "let mut a: Vec< i32> = evcxr_variable_store.take_variable::<Vec< i32>>(stringify!(a));\n\
             let r#type: Vec< i32> = evcxr_variable_store.take_variable::<Vec< i32>>(stringify!(r#type));\n();"
        );
        assert!(Unsettled::default().is_empty());
    }
}
