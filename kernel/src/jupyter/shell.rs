//! The shell socket: requests, of which cells wait for each other and the rest is answered at once.

use std::sync::Arc;

use jupyter_protocol::{JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{RouterRecvConnection, RuntimeError};
use tokio::time::{Duration, sleep};

use super::message::{Replies, reply};
use super::{Kernel, complete, control, info, inspect, is_complete};
use crate::stdio;

pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection, replies: Replies) {
    loop {
        if let Some(request) = read(&mut connection, "shell").await {
            handle(&kernel, request, &replies).await;
        }
    }
}

/// Reads the next message. What cannot be read is logged and dropped: a wrong signature, a form that is no message.
pub async fn read(connection: &mut RouterRecvConnection, socket: &str) -> Option<JupyterMessage> {
    match connection.read().await {
        Ok(message) => Some(message),
        Err(error) => {
            let why = match &error {
                RuntimeError::VerifyError(_) => "its signature is wrong".to_owned(),
                other => other.to_string(),
            };
            stdio::log(&format!("herbarium: a message on {socket} was dropped: {why}"));
            if matches!(error, RuntimeError::ZmqError(_)) {
                // A broken socket must not keep a processor busy.
                sleep(Duration::from_millis(10)).await;
            }
            None
        }
    }
}

async fn handle(kernel: &Arc<Kernel>, request: JupyterMessage, replies: &Replies) {
    match &request.content {
        JupyterMessageContent::ExecuteRequest(_) => kernel.executions.push(request),
        JupyterMessageContent::CompleteRequest(_) | JupyterMessageContent::InspectRequest(_) => {
            // These may take a moment, in which others must not wait.
            let (kernel, replies) = (kernel.clone(), replies.clone());
            tokio::spawn(async move { answer(&kernel, &request, &replies).await });
        }
        JupyterMessageContent::ShutdownRequest(shutdown) => {
            control::shutdown(kernel, &request, shutdown, replies).await
        }
        _ => answer(kernel, &request, replies).await,
    }
}

async fn answer(kernel: &Arc<Kernel>, request: &JupyterMessage, replies: &Replies) {
    use JupyterMessageContent as Content;
    kernel.busy(request).await;
    let content: Option<Content> = match &request.content {
        Content::KernelInfoRequest(_) => Some(info::kernel_info().into()),
        Content::CompleteRequest(complete) => Some(complete::reply(kernel, complete).await.into()),
        Content::InspectRequest(inspect) => Some(inspect::reply(kernel, inspect).await.into()),
        Content::IsCompleteRequest(is_complete) => Some(is_complete::reply(&is_complete.code).into()),
        Content::HistoryRequest(history) => {
            Some(kernel.history.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).reply(history).into())
        }
        Content::CommInfoRequest(comm) => Some(kernel.comms.info(comm).into()),
        Content::CommOpen(comm) => {
            kernel.comms.open(&kernel.iopub, request, comm).await;
            None
        }
        Content::CommClose(comm) => {
            kernel.comms.close(comm);
            None
        }
        Content::CommMsg(_) => None,
        other => {
            stdio::log(&format!("herbarium: a {} is not understood", other.message_type()));
            None
        }
    };
    if let Some(content) = content {
        replies.send(reply(content, request));
    }
    kernel.idle(request).await;
}
