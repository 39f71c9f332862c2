//! The progress of a build in the cell that waits for it: one line that changes, not one line for each crate.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::event::Event;
use crate::runtime::message::Bundle;

/// Updates of a notebook's output are not free.
const BETWEEN_UPDATES: Duration = Duration::from_millis(150);

/// What is being built for the current cell.
#[derive(Default)]
pub struct Build {
    /// How many builds were shown, for a new display id each.
    builds: usize,
    steps: usize,
    latest: String,
    started: Option<Instant>,
    /// When the cell's output last changed; `None` if the build has not been shown yet.
    shown: Option<Instant>,
    stale: bool,
}

impl Build {
    /// A step begins. Returns what to show now.
    pub fn step(&mut self, what: &str) -> Option<Event> {
        let now = Instant::now();
        self.started.get_or_insert(now);
        self.steps += 1;
        self.latest = what.to_owned();
        self.stale = true;
        self.due(now)
    }

    /// What to show at `now`, if the last time was long enough ago.
    pub fn due(&mut self, now: Instant) -> Option<Event> {
        let rested = self.shown.is_none_or(|shown| now >= shown + BETWEEN_UPDATES);
        if self.stale && rested { self.line(self.latest.clone(), now) } else { None }
    }

    /// What to show in a cell that has just begun to wait for a running build.
    pub fn pending(&mut self) -> Option<Event> {
        self.started?;
        self.shown = None;
        self.line(self.latest.clone(), Instant::now())
    }

    /// The build is over. Returns what to show for good.
    pub fn finish(&mut self) -> Option<Event> {
        let seconds = self.started?.elapsed().as_secs_f64();
        let things = if self.steps == 1 { "step" } else { "steps" };
        let event = self.line(format!("Built in {seconds:.1} s ({} {things})", self.steps), Instant::now());
        *self = Build { builds: self.builds, ..Build::default() };
        event
    }

    fn line(&mut self, text: String, now: Instant) -> Option<Event> {
        self.started?;
        self.stale = false;
        let data = Bundle::from_iter([("text/plain".to_owned(), Value::String(text))]);
        let metadata = Bundle::new();
        Some(match self.shown.replace(now) {
            Some(_) => Event::Update { data, metadata, display_id: self.id() },
            None => {
                self.builds += 1;
                Event::Display { data, metadata, display_id: Some(self.id()) }
            }
        })
    }

    fn id(&self) -> String {
        format!("herbarium-build-{}-{}", std::process::id(), self.builds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_one_output_that_changes() {
        let mut build = Build::default();
        let Some(Event::Display { display_id: Some(first), .. }) = build.step("Compiling a v1") else {
            panic!()
        };
        assert!(build.step("Compiling b v1").is_none(), "too soon after the first");
        let later = Instant::now() + BETWEEN_UPDATES;
        let Some(Event::Update { data, display_id, .. }) = build.due(later) else { panic!() };
        assert_eq!((display_id, &data["text/plain"]), (first.clone(), &Value::from("Compiling b v1")));
        let Some(Event::Update { data, display_id, .. }) = build.finish() else { panic!() };
        assert_eq!(display_id, first);
        assert!(data["text/plain"].as_str().unwrap().ends_with("(2 steps)"));
        assert!(build.finish().is_none());
        let Some(Event::Display { display_id: Some(second), .. }) = build.step("Compiling c v1") else {
            panic!()
        };
        assert_ne!(second, first);
    }
}
