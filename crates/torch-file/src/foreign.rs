//! What checkpoints hold besides weights: numpy numbers and arrays, dates, command-line arguments, objects of
//! unknown classes.
//!
//! None of their code is run. A few well-known classes are read as plain values; the others become
//! a [`Value::Object`] with the name of their class.

mod numpy;
mod time;

use std::collections::HashSet;

use crate::build::Builder;
use crate::error::Result;
use crate::globals::{clean, refusal};
use crate::node::{Foreign, Id, Node, Object};
use crate::value::{Dict, DictKind, Value};

/// Modules that give a pickle access to commands, files, the network or other pickles. A file that names one
/// of them is malicious, whatever else it holds.
const DANGEROUS: [&str; 38] = [
    "os",
    "posix",
    "nt",
    "sys",
    "subprocess",
    "pty",
    "shutil",
    "commands",
    "popen2",
    "importlib",
    "imp",
    "runpy",
    "code",
    "codeop",
    "pickle",
    "_pickle",
    "cPickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "ctypes",
    "socket",
    "http",
    "urllib",
    "requests",
    "webbrowser",
    "asyncio",
    "multiprocessing",
    "threading",
    "_thread",
    "tempfile",
    "pip",
    "timeit",
    "pdb",
    "bdb",
    "profile",
    "cProfile",
];
/// The same among Python's own functions.
const DANGEROUS_BUILTINS: [&str; 11] = [
    "eval",
    "exec",
    "compile",
    "open",
    "input",
    "__import__",
    "breakpoint",
    "execfile",
    "apply",
    "setattr",
    "delattr",
];

/// Whether a file that asks for this name is refused even if it also holds weights.
pub(crate) fn is_dangerous(module: &str, name: &str) -> bool {
    let root = module.split('.').next().unwrap_or(module);
    match root {
        "builtins" | "__builtin__" => DANGEROUS_BUILTINS.contains(&name.split('.').next().unwrap_or(name)),
        "torch" => matches!(module, "torch.serialization" | "torch.hub" | "torch.package") || name == "load",
        "types" => matches!(name, "FunctionType" | "LambdaType" | "CodeType"),
        root => DANGEROUS.contains(&root),
    }
}

impl Builder<'_> {
    /// An object as a plain value if its class is known, otherwise by its class name.
    pub(crate) fn object(&mut self, object: &Object, depth: usize) -> Result<Value> {
        if let Some(value) = self.plain(object, depth)? {
            return Ok(value);
        }
        self.pass_over(object.class)
    }

    /// Notes that an object of this class was not read.
    pub(crate) fn pass_over(&mut self, class: u32) -> Result<Value> {
        let Foreign { module, name } = self.pickle.foreign[class as usize];
        self.unread(&clean(module, name), || refusal(module, name))
    }

    fn plain(&mut self, object: &Object, depth: usize) -> Result<Option<Value>> {
        let pickle = self.pickle;
        let Foreign { module, name } = pickle.foreign[object.class as usize];
        let arguments = pickle.tuple(object.arguments);
        let plain = match (module, name) {
            ("argparse", "Namespace") | ("types", "SimpleNamespace") => {
                let attributes = match object.state.map(|state| pickle.node(state)) {
                    Some(Node::Dict(attributes)) => self.dict(attributes, depth + 1)?,
                    _ => Dict::new(),
                };
                Some(Value::Dict(attributes))
            }
            ("collections", "Counter") | ("builtins" | "__builtin__", "dict")
                if object.entries.is_empty() =>
            {
                match arguments.first().map(|&id| pickle.node(id)) {
                    Some(Node::Dict(entries)) => Some(Value::Dict(self.dict(entries, depth + 1)?)),
                    _ => None,
                }
            }
            ("builtins" | "__builtin__", "frozenset" | "list" | "tuple") | ("collections", "deque")
                if object.items.is_empty() =>
            {
                match arguments.first().map(|&id| pickle.node(id)) {
                    Some(Node::List(items)) => Some(Value::List(self.values(items, depth)?)),
                    _ => None,
                }
            }
            ("builtins" | "__builtin__", "bytes") if arguments.is_empty() => Some(Value::Bytes(Vec::new())),
            ("decimal", "Decimal") | ("fractions", "Fraction") => match arguments {
                [text] if pickle.text(*text).is_some() => Some(self.value(*text, depth + 1)?),
                _ => None,
            },
            ("pathlib" | "pathlib._local", name) if name.ends_with("Path") => self.path(arguments)?,
            ("datetime", name) => time::text(pickle, name, arguments).map(Value::Str),
            _ if module == "numpy" || module.starts_with("numpy.") => self.numpy(name, object, depth)?,
            _ => None,
        };
        match plain {
            Some(plain) => Ok(Some(plain)),
            None => match self.module(object, depth)? {
                Some(module) => Ok(Some(module)),
                None => self.container(object, depth),
            },
        }
    }

    /// The state dict of a `torch.nn.Module`: its parameters, its persistent buffers and its submodules.
    fn module(&mut self, object: &Object, depth: usize) -> Result<Option<Value>> {
        let pickle = self.pickle;
        let Some(Node::Dict(attributes)) = object.state.map(|state| pickle.node(state)) else {
            return Ok(None);
        };
        // Looked through once for each place where the object stands.
        self.spend(attributes.entries.len())?;
        let attribute = |name: &str| {
            let found = attributes.entries.iter().find(|(key, _)| pickle.text(*key) == Some(name));
            found.map(|(_, value)| pickle.node(*value))
        };
        let (Some(Node::Dict(parameters)), Some(Node::Dict(buffers)), Some(Node::Dict(modules))) =
            (attribute("_parameters"), attribute("_buffers"), attribute("_modules"))
        else {
            return Ok(None);
        };
        let kept_to_itself: HashSet<&str> = match attribute("_non_persistent_buffers_set") {
            Some(Node::List(names)) => names.iter().filter_map(|&name| pickle.text(name)).collect(),
            _ => HashSet::new(),
        };
        let in_state = |(key, value): &&(Id, Id)| {
            let is_kept = pickle.text(*key).is_some_and(|name| kept_to_itself.contains(name));
            !is_kept && !matches!(pickle.node(*value), Node::None)
        };
        let all = parameters.entries.iter().chain(&buffers.entries).chain(&modules.entries);
        let entries: Vec<(Id, Id)> = all.filter(in_state).copied().collect();
        self.spend((entries.len() + kept_to_itself.len()) * size_of::<(Id, Id)>())?;
        Ok(Some(Value::Dict(self.entries(&entries, DictKind::Module, depth + 1)?)))
    }

    /// A subclass of a dictionary or list: what it holds.
    fn container(&mut self, object: &Object, depth: usize) -> Result<Option<Value>> {
        if !object.entries.is_empty() {
            let entries = self.entries(&object.entries, DictKind::Dict, depth + 1)?;
            return Ok(Some(Value::Dict(entries)));
        }
        if !object.items.is_empty() {
            return Ok(Some(Value::List(self.values(&object.items, depth)?)));
        }
        Ok(None)
    }

    /// The path that `PosixPath('a', 'b')` is.
    fn path(&mut self, parts: &[Id]) -> Result<Option<Value>> {
        let parts: Option<Vec<&str>> = parts.iter().map(|&part| self.pickle.text(part)).collect();
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else { return Ok(None) };
        let joined = match parts.split_first() {
            Some((&root, rest)) if root.ends_with(['/', '\\']) => root.to_owned() + &rest.join("/"),
            _ => parts.join("/"),
        };
        self.spend(joined.len())?;
        Ok(Some(Value::Str(joined)))
    }
}
