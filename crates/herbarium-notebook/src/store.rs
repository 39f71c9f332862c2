//! The store of variables that outlive their cell, under the function names that evcxr's cells
//! call.
//!
//! evcxr writes a variable store into every cell, so its hash map is compiled every time: half of rustc's
//! work for a short cell. The kernel makes its cells use this one instead, of which only thin generic
//! wrappers are compiled in the cell.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;

/// The line on standard output by which evcxr learns that a variable's type has changed.
pub const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
/// The line on standard output by which evcxr learns that a `?` ended the cell.
pub const USER_ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED";

/// What the error of a cell's `?` becomes, under the name that evcxr gives it. It has been reported then.
#[derive(Debug)]
pub struct EvcxrUserCodeError {}

impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {
    #[track_caller]
    fn from(error: T) -> EvcxrUserCodeError {
        crate::failed(&error);
        println!("{USER_ERROR_OCCURRED}");
        EvcxrUserCodeError {}
    }
}

/// The variables of all cells so far, by name.
#[derive(Default)]
pub struct VariableStore {
    variables: HashMap<String, Box<dyn Any>>,
}

impl std::fmt::Debug for VariableStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        names.sort_unstable();
        write!(f, "VariableStore({})", names.join(", "))
    }
}

impl VariableStore {
    /// An empty store.
    pub fn new() -> VariableStore {
        VariableStore::default()
    }

    /// Keeps `value` until a cell takes it.
    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// The same for a value whose type is to be found out: `INDEX` says in the compiler's account of the cell which it is.
    #[inline(never)]
    pub fn put_inferred<T: 'static, const INDEX: usize>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// Whether `name`, if present, has the type `T`. If not, reports it to evcxr.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        self.check(name, TypeId::of::<T>())
    }

    /// Gives the variable to a cell. evcxr has it checked first.
    ///
    /// # Panics
    /// If there is no such variable, or it has another type.
    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        match self.take(name).downcast() {
            Ok(value) => *value,
            Err(_) => wrong_type(name, type_name::<T>()),
        }
    }

    /// What `create` made the first time, shared.
    ///
    /// # Panics
    /// If `name` has another type.
    pub fn lazy_arc<T: 'static, F: FnOnce() -> T>(&mut self, name: &str, create: F) -> Arc<T> {
        if !self.variables.contains_key(name) {
            self.put(name, Box::new(Arc::new(create())));
        }
        match self.variables.get(name).and_then(|value| value.downcast_ref::<Arc<T>>()) {
            Some(value) => Arc::clone(value),
            None => wrong_type(name, type_name::<T>()),
        }
    }

    /// Takes over the variables of `other`; they replace variables of the same name.
    pub fn merge(&mut self, mut other: VariableStore) {
        self.variables.extend(other.variables.drain());
    }

    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        self.variables.insert(name.to_owned(), value);
    }

    fn take(&mut self, name: &str) -> Box<dyn Any> {
        self.variables.remove(name).unwrap_or_else(|| panic!("the variable `{name}` is not there"))
    }

    fn check(&self, name: &str, expected: TypeId) -> bool {
        let changed = self.variables.get(name).is_some_and(|value| (**value).type_id() != expected);
        if changed {
            tell_changed(name);
        }
        !changed
    }
}

/// The store of the first cell; every later cell gets it from evcxr.
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::default())
}

fn tell_changed(name: &str) {
    eprintln!("The type of `{name}` has changed: its old value cannot be kept.");
    println!("{VARIABLE_CHANGED_TYPE}{name}");
}

fn wrong_type(name: &str, expected: &str) -> ! {
    panic!("the variable `{name}` is not a {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_taken_as_it_was_put() {
        let mut store = VariableStore::new();
        store.put_variable("names", vec!["rose".to_owned()]);
        assert!(store.check_variable::<Vec<String>>("names"));
        assert!(!store.check_variable::<i32>("names"));
        assert!(store.check_variable::<i32>("nothing of this name"));
        assert_eq!(format!("{store:?}"), "VariableStore(names)");
        assert_eq!(store.take_variable::<Vec<String>>("names"), ["rose"]);
        assert_eq!(format!("{store:?}"), "VariableStore()");
    }

    #[test]
    fn a_shared_variable_is_made_once() {
        let mut store = VariableStore::new();
        assert_eq!(*store.lazy_arc("n", || 1), 1);
        assert_eq!(*store.lazy_arc("n", || 2), 1);
    }

    #[test]
    fn merging_prefers_the_newer() {
        let (mut store, mut newer) = (VariableStore::new(), VariableStore::new());
        store.put_variable("a", 1);
        store.put_variable("b", 1);
        newer.put_variable("b", 2);
        store.merge(newer);
        assert_eq!((store.take_variable::<i32>("a"), store.take_variable::<i32>("b")), (1, 2));
    }
}
