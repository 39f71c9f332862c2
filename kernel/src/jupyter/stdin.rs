//! The stdin socket: a cell's questions and the answers.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use jupyter_protocol::{InputRequest as Question, JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{RouterRecvConnection, RouterSendConnection};

use super::message::{Replies, reply};
use super::{Kernel, shell};
use crate::session::InputRequest;

/// Asks, and knows who waits for an answer.
pub struct Stdin {
    questions: Replies,
    waiting: Mutex<Option<Sender<Option<String>>>>,
}

impl Stdin {
    pub fn start(connection: RouterSendConnection) -> Stdin {
        Stdin { questions: Replies::start(connection), waiting: Mutex::new(None) }
    }

    /// Asks the frontend that sent `request`, and waits for its answer. `None` if the cell was interrupted meanwhile.
    pub fn ask(&self, question: InputRequest, request: &JupyterMessage) -> Option<String> {
        let (sender, answer) = channel();
        *self.waiting() = Some(sender);
        let content = Question { prompt: question.prompt, password: question.password };
        self.questions.send(reply(content, request));
        answer.recv().ok().flatten()
    }

    /// Whoever waits gets no answer.
    pub fn cancel(&self) {
        self.give(None);
    }

    fn give(&self, answer: Option<String>) {
        if let Some(sender) = self.waiting().take() {
            // The cell may have ended without waiting for it.
            let _ = sender.send(answer);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Sender<Option<String>>>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Takes the answers.
pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection) {
    loop {
        if let Some(message) = shell::read(&mut connection, "stdin").await
            && let JupyterMessageContent::InputReply(answer) = message.content
        {
            kernel.stdin.give(Some(answer.value));
        }
    }
}
