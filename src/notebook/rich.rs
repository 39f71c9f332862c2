//! How the types of this crate that are not `Sync` show themselves as the last expression of a cell.

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
