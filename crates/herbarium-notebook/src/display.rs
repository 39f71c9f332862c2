//! Showing a value, changing it in place, clearing what is shown.

use super::bundle::Show;
use super::message::Message;

/// Something shown in a cell's output that can be changed in place.
#[derive(Clone, Debug)]
pub struct DisplayHandle {
    id: String,
}

/// Shows a value at the current position of the cell's output, as `IPython.display.display` does.
///
/// The handle replaces it later, from the same cell or a later one.
pub fn display<T: Show<By> + ?Sized, By>(value: &T) -> DisplayHandle {
    // Random, not counted: a restarted kernel must not write into outputs that are still on the page.
    let id = format!("herbarium-{:016x}", fastrand::u64(..));
    Message::Display { bundle: value.bundle(), id: id.clone() }.send();
    DisplayHandle { id }
}

impl DisplayHandle {
    /// Replaces what is shown. In a plain program this prints nothing.
    pub fn update<T: Show<By> + ?Sized, By>(&self, value: &T) {
        Message::Update { bundle: value.bundle(), id: self.id.clone() }.send();
    }

    /// The display id, by which the front end finds this output.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Nothing to show: the handle's value is already on the page.
    pub fn evcxr_display(&self) {}
}

/// Clears the cell's output, as `IPython.display.clear_output` does.
///
/// With `wait`, it is cleared when the next output arrives, which avoids flicker.
pub fn clear_output(wait: bool) {
    Message::Clear { wait }.send();
}

/// Shows a value as the result of a cell's last expression; the body of `evcxr_display` methods.
pub fn result<T: Show<By> + ?Sized, By>(value: &T) {
    Message::Result { bundle: value.bundle() }.send();
}

/// Fails the cell whose last expression this is: for a value that holds an error.
pub fn show_error(reason: &str) {
    Message::error_value("Error", reason.to_string()).send();
}
