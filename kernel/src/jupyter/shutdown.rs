//! The end of the kernel, as a frontend asks for it.

use jupyter_protocol::{JupyterMessage, ReplyStatus, ShutdownReply, ShutdownRequest};
use tokio::time::{Duration, sleep};

use super::Kernel;
use super::message::{Replies, publish, reply};

/// Time for the last messages to be sent.
pub const FAREWELL: Duration = Duration::from_millis(100);

/// Answers, and ends the process.
pub async fn end(kernel: &Kernel, request: &JupyterMessage, content: &ShutdownRequest, replies: &Replies) {
    let answer = ShutdownReply { restart: content.restart, status: ReplyStatus::Ok, error: None };
    kernel.busy(request).await;
    replies.send(reply(answer.clone(), request));
    kernel.iopub.send(publish(answer, request)).await;
    kernel.idle(request).await;
    sleep(FAREWELL).await;
    kernel.exit()
}
