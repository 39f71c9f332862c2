//! The control socket: what must not wait behind a cell.

use std::sync::Arc;

use jupyter_protocol::{
    InterruptReply, JupyterMessage, JupyterMessageContent, ReplyStatus, ShutdownReply, ShutdownRequest,
};
use jupyter_zmq_client::RouterRecvConnection;
use tokio::time::{Duration, sleep};

use super::message::{Replies, publish, reply};
use super::{Kernel, info, shell};
use crate::stdio;

/// The last messages have this long to leave.
const FAREWELL: Duration = Duration::from_millis(100);

pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection, replies: Replies) {
    loop {
        let Some(request) = shell::read(&mut connection, "control").await else { continue };
        match &request.content {
            JupyterMessageContent::ShutdownRequest(content) => {
                shutdown(&kernel, &request, content, &replies).await
            }
            JupyterMessageContent::InterruptRequest(_) => {
                kernel.busy(&request).await;
                kernel.interrupt();
                replies.send(reply(InterruptReply::new(), &request));
                kernel.idle(&request).await;
            }
            JupyterMessageContent::KernelInfoRequest(_) => {
                kernel.busy(&request).await;
                replies.send(reply(info::kernel_info(), &request));
                kernel.idle(&request).await;
            }
            other => {
                stdio::log(&format!("herbarium: a {} on control is not understood", other.message_type()))
            }
        }
    }
}

/// Answers, and ends the process.
pub async fn shutdown(
    kernel: &Kernel,
    request: &JupyterMessage,
    content: &ShutdownRequest,
    replies: &Replies,
) {
    let answer = ShutdownReply { restart: content.restart, status: ReplyStatus::Ok, error: None };
    kernel.busy(request).await;
    replies.send(reply(answer.clone(), request));
    kernel.iopub.send(publish(answer, request)).await;
    kernel.idle(request).await;
    sleep(FAREWELL).await;
    kernel.exit()
}
