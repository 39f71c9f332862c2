//! The control socket: what must not wait behind a cell.

use std::sync::Arc;

use jupyter_protocol::{JupyterMessage, ReplyStatus, ShutdownReply, ShutdownRequest};
use jupyter_zmq_client::RouterRecvConnection;
use tokio::time::{Duration, sleep};

use super::message::{Replies, publish, reply};
use super::read::read;
use super::{Kernel, shell};

/// The last messages have this long to leave.
const FAREWELL: Duration = Duration::from_millis(100);

pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection, replies: Replies) {
    loop {
        let Some(request) = read(&kernel, &mut connection, "control").await else { continue };
        shell::handle_beside_cells(&kernel, request, &replies).await;
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
