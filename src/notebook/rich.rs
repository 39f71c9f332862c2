//! Values that are shown otherwise than by `Debug` alone, or that hold tensors.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::rc::Rc;

use super::last_value::{list, show_text, text_of};
use super::message::Message;

/// How a value that is not `Sync` shows itself as the last expression of a cell.
///
/// Everything that holds a tensor is such a value. It must not be implemented for a type that is
/// `Sync`: [`EvcxrDisplay`](super::EvcxrDisplay) shows those, and the call would be ambiguous.
pub trait Rich {
    /// The value in words.
    fn text(&self) -> String;

    /// Sends the value as the cell's result.
    fn show(&self) {
        show_text(self.text());
    }
}

/// [`Rich`] for types that have a form for a page too: `rich_by_show!(Model)`, beside the type.
macro_rules! rich_by_show {
    ($($kind:ty),*) => {
        $(impl $crate::notebook::Rich for $kind {
            fn text(&self) -> String {
                $crate::notebook::text_of(self)
            }

            fn show(&self) {
                $crate::notebook::result(self);
            }
        })*
    };
}
pub(crate) use rich_by_show;

/// [`Rich`] for types that hold tensors, and whose `Debug` says all: `rich_by_debug!(Batch)`, beside the type.
macro_rules! rich_by_debug {
    ($($kind:ty),*) => {
        $(impl $crate::notebook::Rich for $kind {
            fn text(&self) -> String {
                $crate::notebook::text_of(self)
            }
        })*
    };
}
pub(crate) use rich_by_debug;

impl<T: Rich> Rich for [T] {
    fn text(&self) -> String {
        list(self.iter().map(Rich::text))
    }
}

impl<T: Rich> Rich for Vec<T> {
    fn text(&self) -> String {
        self.as_slice().text()
    }
}

impl<T: Rich> Rich for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map_or_else(|| "None".into(), |value| format!("Some({})", value.text()))
    }
}

impl<A: Rich, B: Rich> Rich for (A, B) {
    fn text(&self) -> String {
        format!("({},\n {})", self.0.text(), self.1.text())
    }
}

/// A cell that ends in `prediction_grid(…)` shows the picture, and needs no `?` to fail with what is
/// wrong.
impl<T: Rich, E: std::error::Error> Rich for Result<T, E> {
    fn text(&self) -> String {
        match self {
            Ok(value) => value.text(),
            Err(error) => super::panic::tidy(&error.to_string()),
        }
    }

    fn show(&self) {
        match self {
            Ok(value) => value.show(),
            Err(_) => Message::error_value("Error", self.text()).send(),
        }
    }
}

/// Values of the standard library that are never `Sync`.
macro_rules! rich_containers {
    ($($kind:ident<T: $bound:path>),*) => {
        $(impl<T: Debug + $bound> Rich for $kind<T> {
            fn text(&self) -> String {
                text_of(self)
            }
        })*
    };
}
rich_containers!(Rc<T: Debug>, RefCell<T: Debug>, Cell<T: Copy>);
