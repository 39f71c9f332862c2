//! Asks rust-analyzer about places in cells.

use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::oneshot::{Receiver, Sender};

use super::worker::Worker;
use super::{Completion, Inspection};
use crate::analysis::{Analyst, Asked, Question, Reply, answers};
use crate::source;

/// How often a cell that waits for an answer looks whether there is one.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

impl Worker {
    /// The completions at a place, as soon as they are known. For cells with the crate, another process knows them, and
    /// this thread can run a cell meanwhile.
    pub(super) fn complete(&mut self, code: String, position: usize, reply: Sender<Completion>) {
        if let Some(analyst) = &self.analyst {
            analyst.ask(self.question(Asked::Completions, code, position), Reply::Completions(reply));
        } else {
            let context = self.context.as_mut();
            let found = context.and_then(|context| answers::complete(context, "", &code, position));
            let _ = reply.send(found.unwrap_or(Completion::none(position)));
        }
    }

    /// The documentation of what is at a place.
    pub(super) fn inspect(&mut self, code: String, position: usize, reply: Sender<Option<Inspection>>) {
        if let Some(analyst) = &self.analyst {
            analyst.ask(self.question(Asked::Documentation, code, position), Reply::Documentation(reply));
        } else {
            let context = self.context.as_mut();
            let _ = reply.send(context.and_then(|context| answers::inspect(context, "", &code, position)));
        }
    }

    /// Has rust-analyzer read now what its first answer needs: seconds that the first Tab would wait.
    pub(super) fn warm_up(&mut self) {
        self.is_warm = true;
        self.analyst.iter().for_each(Analyst::warm_up);
    }

    /// Waits for an answer, unless the cell is stopped.
    pub(super) fn wait_for<T>(&self, mut answer: Receiver<T>) -> Option<T> {
        while self.shared.control.interrupted().times == 0 {
            match answer.try_recv() {
                Ok(answer) => return Some(answer),
                Err(TryRecvError::Closed) => return None,
                Err(TryRecvError::Empty) => std::thread::sleep(BETWEEN_LOOKS),
            }
        }
        None
    }

    fn question(&self, asked: Asked, code: String, position: usize) -> Question {
        let variables = self.variables_and_types();
        let lets = variables.iter().map(|(name, kind)| format!("let {name}: {kind} = evcxr_kept();\n"));
        let before = self.items.clone() + &lets.collect::<String>();
        Question { asked, before, code, position, dependencies: self.folder.dependencies() }
    }

    /// Remembers the items that cells have defined, from the source of one that compiled.
    pub(super) fn remember_items(&mut self, generated: &str) {
        self.items = source::items(generated);
    }
}
