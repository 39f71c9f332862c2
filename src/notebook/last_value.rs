//! The value of a cell's last expression.

use std::fmt::Debug;

use super::{picture, result, show_error};

/// Shows any value that has `Debug`, pictures of the `image` crate as pictures, and nothing for `()`.
///
/// The bound `Sync` excludes tensors and figures, which [`EvcxrDisplayRich`](super::EvcxrDisplayRich) shows better:
/// neither a [`tch::Tensor`] nor a [`Figure`](crate::viz::Figure) is `Sync`, and so with both traits in scope exactly
/// one applies.
pub trait EvcxrDisplay {
    /// Sends the value as the cell's result.
    fn evcxr_display(&self);
}

impl<T: Debug + Sync + ?Sized> EvcxrDisplay for T {
    fn evcxr_display(&self) {
        match picture::seen(self) {
            Some(Ok(bundle)) => result(&bundle),
            Some(Err(reason)) => show_error(&reason),
            None => herbarium_notebook::EvcxrDisplay::evcxr_display(self),
        }
    }
}
