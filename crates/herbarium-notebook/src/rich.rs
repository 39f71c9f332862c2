//! Values with a richer display than `Debug`, or that are not `Sync`.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::rc::Rc;

use super::last_value::{list, show_text, text_of};
use super::message::Message;

/// How a value that is not `Sync` shows itself as the last expression of a cell.
///
/// Everything that holds a tch tensor is such a value. It must not be implemented for a type that is
/// `Sync`: [`EvcxrDisplay`](super::EvcxrDisplay) shows those, and the call would be ambiguous.
///
/// `By` is what it is in [`Show`](super::Show): for a crate that says how another crate's type shows itself.
pub trait Rich<By = ()> {
    /// The value in words.
    fn text(&self) -> String;

    /// Sends the value as the cell's result.
    fn show(&self) {
        show_text(self.text());
    }
}

impl<T: Rich<By>, By> Rich<By> for [T] {
    fn text(&self) -> String {
        list(self.len(), |index| self[index].text())
    }
}

impl<T: Rich<By>, By> Rich<By> for Vec<T> {
    fn text(&self) -> String {
        self.as_slice().text()
    }
}

impl<T: Rich<By>, By> Rich<By> for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map_or_else(|| "None".into(), |value| format!("Some({})", value.text()))
    }
}

impl<A: Rich<P>, B: Rich<Q>, P, Q> Rich<(P, Q)> for (A, B) {
    fn text(&self) -> String {
        format!("({},\n {})", self.0.text(), self.1.text())
    }
}

/// A cell that ends in `prediction_grid(…)` shows the picture or fails with the error, without a
/// `?`.
impl<T: Rich<By>, E: std::error::Error, By> Rich<By> for Result<T, E> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the calls of its text.
    struct Counted<'a>(&'a Cell<usize>);

    impl Rich for Counted<'_> {
        fn text(&self) -> String {
            self.0.set(self.0.get() + 1);
            "rose".into()
        }
    }

    #[test]
    fn only_the_elements_that_are_shown_are_computed() {
        let calls = Cell::new(0);
        let values: Vec<Counted> = (0..1000).map(|_| Counted(&calls)).collect();
        let text = Rich::<()>::text(&values);
        assert!(text.contains("rose,\n … 950 more …\n rose") && text.ends_with("  (1000 in all)"), "{text}");
        assert_eq!(calls.get(), 50);
    }
}
