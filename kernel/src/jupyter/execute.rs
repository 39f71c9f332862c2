//! Cells: one after the other, each with its outputs, its error if it fails, and its reply.

use std::collections::HashMap;
use std::sync::Arc;

use jupyter_protocol::{
    ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, ExecutionCount, JupyterMessage,
    JupyterMessageContent, ReplyError, ReplyStatus,
};
use tokio::sync::mpsc;

use super::Kernel;
use super::abort::Aborts;
use super::cell::execute_cell;
use super::message::{Replies, publish, reply};
use super::outputs::to_message;
use super::{expressions, pager};
use crate::session::{AskForInput, Cell, CellError, Outcome, Reply, Sink};

/// Why a cell cannot ask.
const NOT_ALLOWED: &str = "the cell reads standard input, but this frontend allows no input (allow_stdin is \
false in its request): put the value into the code";

/// A request and its number.
pub type Numbered = (u64, JupyterMessage);

/// The cells that wait.
pub struct Queue {
    sender: mpsc::UnboundedSender<Numbered>,
    aborts: Aborts,
}

impl Queue {
    pub fn new() -> (Queue, mpsc::UnboundedReceiver<Numbered>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Queue { sender, aborts: Aborts::default() }, receiver)
    }

    /// Adds a request to the end.
    pub fn push(&self, request: JupyterMessage) {
        // The other end lives as long as the process.
        let _ = self.sender.send((self.aborts.number(), request));
    }

    /// Aborts every request received so far.
    pub fn abort_received(&self) {
        self.aborts.abort_received();
    }
}

/// Runs what comes, in order.
pub async fn run_queue(kernel: Arc<Kernel>, mut queue: mpsc::UnboundedReceiver<Numbered>, replies: Replies) {
    let mut count = 0;
    while let Some((number, request)) = queue.recv().await {
        let JupyterMessageContent::ExecuteRequest(execute) = request.content.clone() else { continue };
        // Before checking whether it was aborted: an interrupt must either abort it or apply to it.
        kernel.session.announce();
        let is_aborted = {
            let mut running = kernel.running.lock().await;
            kernel.busy(&request).await;
            let is_aborted = kernel.executions.aborts.is_aborted(number);
            *running = (!is_aborted).then(|| request.clone());
            is_aborted
        };
        let answer = if is_aborted {
            ExecuteReply { status: ReplyStatus::Aborted, ..ok_reply(count) }
        } else {
            run_cell(&kernel, &request, &execute, &mut count).await
        };
        replies.send(reply(answer, &request));
        *kernel.running.lock().await = None;
        kernel.idle(&request).await;
    }
}

async fn run_cell(
    kernel: &Arc<Kernel>,
    request: &JupyterMessage,
    execute: &ExecuteRequest,
    count: &mut usize,
) -> ExecuteReply {
    // nbclient and papermill, which run a notebook as a whole, allow none.
    kernel.session.set_unattended(!execute.allow_stdin);
    let counted = !execute.silent && execute.store_history;
    if counted {
        *count += 1;
        let history = &mut kernel.history.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        history.add(*count, &execute.code);
    }
    if !execute.silent {
        let input = ExecuteInput { code: execute.code.clone(), execution_count: ExecutionCount::new(*count) };
        kernel.iopub.send(publish(input, request)).await;
    }
    let (outcome, payload) = match pager::question(&execute.code) {
        Some(question) => pager::answer(kernel, question).await,
        None if execute.code.trim().is_empty() => (Outcome::default(), Vec::new()),
        None => {
            let sink = sink(kernel, request, execute.silent, *count);
            let ask = ask(kernel, request, execute.allow_stdin);
            let number = if counted { *count } else { 0 };
            (execute_cell(kernel, Cell { code: execute.code.clone(), number, sink, ask }).await, Vec::new())
        }
    };
    if outcome.interrupted || (outcome.error.is_some() && execute.stop_on_error) {
        // Before the failure is published, so that requests sent in response are not aborted.
        kernel.executions.abort_received();
    }
    match outcome.error {
        None => {
            let user_expressions = expressions::evaluate(kernel, execute.user_expressions.as_ref()).await;
            ExecuteReply { payload, user_expressions: Some(user_expressions), ..ok_reply(*count) }
        }
        Some(error) => {
            if !execute.silent {
                let CellError { ename, evalue, traceback } = error.clone();
                kernel.iopub.send(publish(ErrorOutput { ename, evalue, traceback }, request)).await;
            }
            let CellError { ename, evalue, traceback } = error;
            let error = Some(Box::new(ReplyError { ename, evalue, traceback }));
            ExecuteReply { status: ReplyStatus::Error, error, ..ok_reply(*count) }
        }
    }
}

fn ok_reply(count: usize) -> ExecuteReply {
    ExecuteReply {
        execution_count: ExecutionCount::new(count),
        user_expressions: Some(HashMap::new()),
        ..ExecuteReply::default()
    }
}

fn sink(kernel: &Arc<Kernel>, request: &JupyterMessage, silent: bool, count: usize) -> Sink {
    let (iopub, request, count) = (kernel.iopub.clone(), request.clone(), ExecutionCount::new(count));
    Arc::new(move |event| {
        if !silent {
            iopub.send_blocking(to_message(event, count, &request));
        }
    })
}

fn ask(kernel: &Arc<Kernel>, request: &JupyterMessage, allowed: bool) -> AskForInput {
    let (kernel, request) = (kernel.clone(), request.clone());
    Arc::new(move |question, cancelled| match allowed {
        true => kernel.stdin.ask(question, &request, cancelled),
        false => Reply::Refused(NOT_ALLOWED.to_owned()),
    })
}
