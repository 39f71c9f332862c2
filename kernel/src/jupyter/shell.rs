//! The shell socket: requests. Cells are queued; everything else is answered at once.

use std::sync::Arc;

use jupyter_protocol::{InterruptReply, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client::RouterRecvConnection;
use serde_json::json;

use super::message::{Replies, reply};
use super::{Kernel, comm, complete, info, inspect, is_complete, read, shutdown};

pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection, replies: Replies) {
    loop {
        if let Some(request) = read::read(&kernel, &mut connection, "shell").await {
            handle(&kernel, request, &replies).await;
        }
    }
}

async fn handle(kernel: &Arc<Kernel>, request: JupyterMessage, replies: &Replies) {
    match &request.content {
        JupyterMessageContent::ExecuteRequest(_) => kernel.executions.push(request),
        _ => handle_beside_cells(kernel, request, replies).await,
    }
}

/// Requests that do not wait for cells; also used on the control socket.
pub async fn handle_beside_cells(kernel: &Arc<Kernel>, request: JupyterMessage, replies: &Replies) {
    match &request.content {
        JupyterMessageContent::CompleteRequest(_) | JupyterMessageContent::InspectRequest(_) => {
            // These may take a moment, and must not block other requests.
            let (kernel, replies) = (kernel.clone(), replies.clone());
            tokio::spawn(async move { answer(&kernel, &request, &replies).await });
        }
        JupyterMessageContent::ShutdownRequest(content) => {
            shutdown::end(kernel, &request, content, replies).await
        }
        JupyterMessageContent::InterruptRequest(_) => {
            // Before anything is published: the way out may be full of the cell's output.
            kernel.interrupt();
            answer(kernel, &request, replies).await
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
        Content::InterruptRequest(_) => Some(InterruptReply::new().into()),
        Content::UnknownMessage(message) if message.msg_type == "connect_request" => {
            Some(message.reply(info::ports(&kernel.connection)))
        }
        Content::UnknownMessage(message) => {
            let fault = read::fault(message);
            let why = fault.clone().unwrap_or_else(|| format!("a {} is not known", message.msg_type));
            log::warn!("{why}");
            fault.filter(|_| message.msg_type.ends_with("_request")).map(|fault| refusal(message, &fault))
        }
        other => {
            log::warn!("a {} is not supported here", other.message_type());
            None
        }
    };
    if let Some(content) = content {
        replies.send(reply(content, request));
    }
    kernel.idle(request).await;
}

/// The reply to a request that cannot be dealt with.
fn refusal(request: &UnknownMessage, why: &str) -> JupyterMessageContent {
    request.reply(json!({ "status": "error", "ename": "BadRequest", "evalue": why, "traceback": [why] }))
}
