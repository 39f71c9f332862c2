//! Where a loader hears that the learner wants it to stop.

/// Whether the stop button was pressed.
pub(super) fn interrupted() -> bool {
    false
}
