//! Bringing evcxr's knowledge of the variables in line with the store.
//!
//! evcxr forgets every variable that a failed cell was to bind or may have moved away. Where the store still has it, a
//! cell of the kernel's own binds it again; what the store has lost although evcxr counts on it is of another type
//! there, upon which evcxr lets go of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::collector::Differences;
use super::worker::Worker;
use crate::source::layout::{Variable, taken};
use crate::stdio;

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
    fn cell(&self) -> String {
        let binds = self.kept.iter().map(|Variable { name, kind, mutable, .. }| {
            let mutable = if *mutable { "mut " } else { "" };
            let kind = kind.replace('\n', " ");
            format!("let {mutable}{name}: {kind} = evcxr_variable_store.take_variable::<{kind}>(stringify!({name}));\n")
        });
        binds.collect::<String>() + "();"
    }
}

impl Worker {
    /// Remembers what is to be settled after a cell, in whose source the variables stand.
    pub(super) fn unsettle(&mut self, store: &Differences, source: &str) {
        let mut new = Unsettled::of(store, source);
        let context = self.context.iter();
        let known: Vec<(&str, &str)> = context.flat_map(|context| context.variables_and_types()).collect();
        new.kept.retain(|variable| !known.contains(&(&variable.name, &variable.kind)));
        self.unsettled.kept.extend(new.kept);
        self.unsettled.gone.extend(new.gone);
    }

    /// Settles it, unless an interrupt stops the compiler: then it is to be tried again.
    pub(super) fn settle(&mut self) {
        let Some(context) = self.context.as_mut().filter(|_| !self.unsettled.is_empty()) else { return };
        let cell = self.unsettled.cell();
        self.shared.collector.mute();
        let result = catch_unwind(AssertUnwindSafe(|| context.execute(&cell)));
        let printed = self.shared.collector.unmute();
        let failure = self.shared.collector.take_end().failure;
        match result {
            Ok(Ok(_)) if failure.is_none() => self.unsettled = Unsettled::default(),
            Ok(Ok(_)) => stdio::log(&format!("herbarium: variables could not be kept: {failure:?}")),
            Ok(Err(error)) => {
                stdio::log(&format!("herbarium: variables could not be kept: {error}\n{printed}"))
            }
            Err(panic) => stdio::log(&format!("herbarium: {}", super::start::panic_text(&*panic))),
        }
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
