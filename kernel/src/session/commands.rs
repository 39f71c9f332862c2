//! Commands that evcxr lacks, or that work differently here.

use std::fmt::Write;

use super::kinds::short;
use super::options::is_kept;
use super::worker::Worker;
use super::{CellError, Event, Inspection};
use crate::runtime::message::Bundle;

/// The commands that are not evcxr's own, as `:help` lists them.
const OWN: [(&str, &str); 7] = [
    ("!COMMAND", "Run a shell command; its output appears as it is written"),
    ("?NAME", "Show the documentation of a name; for a method, name a value: ?value.method"),
    (":vars", "List the variables with their types and their sizes or shapes"),
    (
        ":dep",
        "Add a crate, as in `:dep regex = \"1\"`; it is built once for all kernels, unless it comes with this one",
    ),
    (":show_deps", "List the crates that cells can use"),
    (":restart", "Start a new program for the cells; the variables are gone, the definitions stay"),
    (":clear", "The same, and definitions and dependencies are forgotten too"),
];

impl Worker {
    /// `:vars`: the table that the crate makes of the variables, and evcxr's where the crate is not.
    pub(super) fn show_variables(&mut self) -> Result<(), CellError> {
        let mut variables = self.variables_and_types();
        variables.sort();
        let mut rows = String::new();
        for (name, kind) in variables {
            let _ = write!(rows, "({name:?}, {:?}, (&vars::Of(&{name})).size()),", short(&kind));
        }
        let code = format!(
            "{{ #[allow(unused_imports)] use ::herbarium_notebook::vars::{{self, Known, Unknown}}; vars::show(&[{rows}]); }}"
        );
        match self.cargo.is_some() && self.evaluate(&code).is_ok() {
            true => Ok(()),
            false => self.evaluate(":vars"),
        }
    }

    /// `?name` among other lines, or without a frontend's pager: the documentation, as a value.
    pub(super) fn show_about(&mut self, name: &str) -> Result<(), CellError> {
        let (reply, found) = tokio::sync::oneshot::channel();
        self.inspect(name.to_owned(), name.len(), reply);
        let found = self.wait_for(found).flatten();
        let Some(Inspection { plain, html }) = found else { return Err(nothing_known(name)) };
        let data =
            [("text/plain", plain), ("text/html", html)].map(|(kind, text)| (kind.to_owned(), text.into()));
        let data = Bundle::from_iter(data);
        self.shared.collector.show(Event::Result { data, metadata: Bundle::new(), display_id: None });
        Ok(())
    }

    /// `:help`: evcxr's commands, and ours.
    pub(super) fn show_help(&mut self) {
        let outputs = self.context.as_mut().and_then(|context| context.execute(":help").ok());
        let known = outputs.and_then(|mut outputs| outputs.content_by_mime_type.remove("text/plain"));
        let ours = OWN.map(|(name, what)| format!("{name:<17} {what}\n"));
        let theirs = known.unwrap_or_default();
        let theirs = theirs.lines().filter(|line| {
            let name = line.split_whitespace().next();
            // Not commands that are removed here, or listed above.
            name.is_some_and(|name| is_kept(name) && OWN.iter().all(|(own, _)| *own != name))
        });
        let text = ours.concat() + &theirs.collect::<Vec<_>>().join("\n");
        let data = Bundle::from_iter([("text/plain".to_owned(), text.into())]);
        self.shared.collector.show(Event::Result { data, metadata: Bundle::new(), display_id: None });
    }
}

/// The error for a name without documentation.
pub fn nothing_known(name: &str) -> CellError {
    let text = format!("nothing is known about `{name}`; for a method, name a value: `?value.method`");
    CellError::new("NotFound", text)
}
