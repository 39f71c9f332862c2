//! The shell socket: requests, of which cells wait for each other and the rest is answered at once.

use std::sync::Arc;

use jupyter_protocol::{JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::RouterRecvConnection;

use super::message::{Replies, reply};
use super::read::read;
use super::{Kernel, comm, complete, control, info, inspect, is_complete};
use crate::stdio;

pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection, replies: Replies) {
    loop {
        if let Some(request) = read(&mut connection, "shell").await {
            handle(&kernel, request, &replies).await;
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
        Content::CommInfoRequest(_) => Some(comm::info().into()),
        Content::CommOpen(comm) => {
            comm::close_at_once(&kernel.iopub, request, comm).await;
            None
        }
        Content::CommClose(_) | Content::CommMsg(_) => None,
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
