//! Standard input of the cells: whom to ask, and what comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::event::{AskForInput, CellError, InputRequest, Reply};
use crate::runtime::link::Input;

/// The name of the error when a cell reads input that nobody can give.
const ERROR: &str = "InputError";
/// How the standard library shows the error that such a read returns, by itself and in a panic.
const REFUSED: [&str; 2] = ["(os error 95)", "Os { code: 95,"];

/// The current cell's way to ask.
#[derive(Default)]
pub struct Inputs {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` between the cells.
    ask: Option<AskForInput>,
    /// Set when the cell's questions no longer need an answer.
    cancelled: Arc<AtomicBool>,
    /// Why a question could not be asked.
    refused: Option<Refused>,
}

struct Refused {
    why: String,
    /// It was a thread's.
    thread: bool,
}

impl Inputs {
    /// A cell begins.
    pub fn begin(&self, ask: AskForInput) {
        *self.lock() = State { ask: Some(ask), ..State::default() };
    }

    /// The cell is interrupted: its questions need no answer any more.
    pub fn cancel(&self) {
        self.lock().cancelled.store(true, Ordering::SeqCst);
    }

    /// The cell has ended, with this result. A read that nobody could answer explains a failure, and is a failure even
    /// if the code ignored it. An exception is a read by a thread, which may belong to an earlier cell.
    pub fn end(&self, result: Result<(), CellError>) -> Result<(), CellError> {
        let state = std::mem::take(&mut *self.lock());
        state.cancelled.store(true, Ordering::SeqCst);
        match (result, state.refused) {
            (result, None) => result,
            (Ok(()), Some(Refused { thread: true, .. })) => Ok(()),
            (Ok(()), Some(Refused { why, .. })) => Err(CellError::new(ERROR, why)),
            (Err(mut error), Some(Refused { why, .. }))
                if REFUSED.iter().any(|text| error.evalue.contains(text)) =>
            {
                let refused = CellError::new(ERROR, why);
                error.traceback.splice(..1, refused.traceback);
                Err(CellError { traceback: error.traceback, ..refused })
            }
            (Err(error), Some(Refused { why, .. })) => Err(error.with_note(&why)),
        }
    }

    /// Asks, perhaps for a `thread`, and waits for the answer.
    pub fn ask(&self, request: InputRequest, thread: bool) -> Input {
        let (ask, cancelled) = {
            let state = self.lock();
            (state.ask.clone(), state.cancelled.clone())
        };
        // A thread that has outlived its cell gets the end of input.
        let Some(ask) = ask else { return Input::End };
        match ask(request, &|| cancelled.load(Ordering::SeqCst)) {
            Reply::Line(line) => Input::Line(line),
            Reply::End => Input::End,
            Reply::Cancelled => Input::Cancelled,
            Reply::Refused(why) => {
                let mut state = self.lock();
                if Arc::ptr_eq(&state.cancelled, &cancelled) {
                    state.refused = Some(Refused { why, thread });
                }
                Input::Refused
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusing(thread: bool) -> Inputs {
        let inputs = Inputs::default();
        inputs.begin(Arc::new(|_, _| Reply::Refused("nobody is there".into())));
        let request = InputRequest { prompt: String::new(), password: false };
        assert_eq!(inputs.ask(request, thread), Input::Refused);
        inputs
    }

    #[test]
    fn a_refused_read_is_the_cells_error() {
        let shown = |error: CellError| (error.ename, error.evalue, error.traceback.len());
        let expected = |lines| ("InputError".to_owned(), "nobody is there".to_owned(), lines);
        assert_eq!(shown(refusing(false).end(Ok(())).unwrap_err()), expected(1));
        let question = CellError::new("Error", "Operation not supported (os error 95)").with_note("line 2");
        assert_eq!(shown(refusing(false).end(Err(question)).unwrap_err()), expected(2));
        let other = refusing(false).end(Err(CellError::new("Error", "no number"))).unwrap_err();
        assert_eq!((other.evalue.as_str(), other.traceback.len()), ("no number", 2));
        assert_eq!(refusing(true).end(Ok(())), Ok(()), "perhaps not this cell's thread");
        let inputs = refusing(false);
        inputs.begin(Arc::new(|_, _| Reply::End));
        assert_eq!(inputs.end(Ok(())), Ok(()), "another cell");
    }

    #[test]
    fn between_the_cells_the_input_is_at_its_end() {
        let inputs = Inputs::default();
        inputs.begin(Arc::new(
            |_, cancelled| if cancelled() { Reply::Cancelled } else { Reply::Line("a".into()) },
        ));
        let request = InputRequest { prompt: String::new(), password: false };
        assert_eq!(inputs.ask(request.clone(), false), Input::Line("a".into()));
        inputs.cancel();
        assert_eq!(inputs.ask(request.clone(), false), Input::Cancelled);
        inputs.end(Ok(())).unwrap();
        assert_eq!(inputs.ask(request, false), Input::End);
    }
}
