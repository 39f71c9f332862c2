//! Synchronises evcxr's knowledge of the variables with the store.
//!
//! evcxr forgets every variable that a failed cell would have bound or may have moved. If the store still has one, an
//! internal cell binds it again. If the store has lost one that evcxr still counts on, its entry gets another type,
//! and evcxr drops the variable.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Stream;
use super::collector::Differences;
use super::unsettled::Unsettled;
use super::worker::Worker;

impl Worker {
    /// Remembers the differences after a cell, whose source names the variables' types.
    pub(super) fn unsettle(&mut self, store: &Differences, source: &str) {
        let mut new = Unsettled::of(store, source);
        let known = self.variables_and_types();
        new.kept.retain(|variable| {
            !known.iter().any(|(name, kind)| (name, kind) == (&variable.name, &variable.kind))
        });
        self.unsettled.kept.extend(new.kept);
        self.unsettled.gone.extend(new.gone);
    }

    /// Settles them; if an interrupt stops the compiler, they are kept for another try.
    pub(super) fn settle(&mut self) {
        let Some(context) = self.context.as_mut().filter(|_| !self.unsettled.is_empty()) else { return };
        let cell = self.unsettled.cell();
        self.shared.collector.mute();
        let result = catch_unwind(AssertUnwindSafe(|| context.execute(&cell)));
        let printed = self.shared.collector.unmute();
        let failure = self.shared.collector.take_end().failure;
        match result {
            Ok(Ok(_)) if failure.is_none() => {
                self.unsettled = Unsettled::default();
                // The threads of earlier cells print at any time.
                self.shared.collector.print(Stream::Stdout, printed.as_bytes());
            }
            Ok(Ok(_)) => log::warn!("variables could not be kept: {failure:?}"),
            Ok(Err(error)) => {
                log::warn!("variables could not be kept: {error}\n{printed}")
            }
            Err(panic) => log::warn!("{}", super::start::panic_text(&*panic)),
        }
    }
}
