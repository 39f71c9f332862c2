//! The stdin socket: a cell's questions and the answers.

use std::collections::HashSet;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jupyter_protocol::{InputRequest as Question, JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{RouterRecvConnection, RouterSendConnection};

use super::Kernel;
use super::message::{Replies, reply};
use super::read::read;
use crate::session::{InputRequest, Reply};

/// Polling interval while waiting for an answer: is it still needed?
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Asks the frontend, and remembers who waits for the answer.
pub struct Stdin {
    questions: Replies,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The open question's message id, and who waits for its answer.
    open: Option<(String, Sender<String>)>,
    /// Questions that were given up; a frontend may still answer one of them.
    given_up: HashSet<String>,
}

impl Stdin {
    pub fn start(connection: RouterSendConnection) -> Stdin {
        Stdin { questions: Replies::start(connection), state: Mutex::default() }
    }

    /// Asks the frontend that sent `request`, and waits for its answer until that is `cancelled`.
    pub fn ask(
        &self,
        question: InputRequest,
        request: &JupyterMessage,
        cancelled: &dyn Fn() -> bool,
    ) -> Reply {
        let content = Question { prompt: question.prompt, password: question.password };
        let message = reply(content, request);
        let id = message.header.msg_id.clone();
        let (sender, answer) = channel();
        self.state().open = Some((id.clone(), sender));
        self.questions.send(message);
        loop {
            match answer.recv_timeout(BETWEEN_LOOKS) {
                // One line is one answer.
                Ok(text) => return Reply::Line(text.replace(['\n', '\r'], " ")),
                Err(RecvTimeoutError::Timeout) if !cancelled() => {}
                Err(_) => {
                    let mut state = self.state();
                    state.open.take_if(|(open, _)| *open == id);
                    state.given_up.insert(id);
                    return Reply::Cancelled;
                }
            }
        }
    }

    fn give(&self, message: &JupyterMessage, text: String) {
        let mut state = self.state();
        // Most frontends say which question they answer.
        let late = message.parent_header.as_ref().is_some_and(|parent| state.given_up.remove(&parent.msg_id));
        if !late && let Some((_, sender)) = state.open.take() {
            // The cell may have ended without waiting for it.
            let _ = sender.send(text);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Takes the answers.
pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection) {
    loop {
        if let Some(message) = read(&kernel, &mut connection, "stdin").await
            && let JupyterMessageContent::InputReply(answer) = &message.content
        {
            kernel.stdin.give(&message, answer.value.clone());
        }
    }
}
