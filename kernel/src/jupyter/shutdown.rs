//! The end of the kernel, as a frontend asks for it.

use jupyter_protocol::{JupyterMessage, ReplyStatus, ShutdownReply, ShutdownRequest};
use tokio::time::{Duration, sleep, timeout};

use super::Kernel;
use super::message::{Replies, publish, reply};

/// Time for the last messages to be sent.
pub const FAREWELL: Duration = Duration::from_millis(100);
/// How long the last messages wait for a frontend that does not read.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Answers, and ends the process.
pub async fn end(kernel: &Kernel, request: &JupyterMessage, content: &ShutdownRequest, replies: &Replies) {
    let answer = ShutdownReply { restart: content.restart, status: ReplyStatus::Ok, error: None };
    replies.send(reply(answer.clone(), request));
    let say = async {
        kernel.busy(request).await;
        kernel.iopub.send(publish(answer, request)).await;
        kernel.idle(request).await;
    };
    // A frontend that no longer reads must not keep it alive.
    let _ = timeout(PATIENCE, say).await;
    sleep(FAREWELL).await;
    kernel.exit()
}
