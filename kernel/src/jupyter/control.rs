//! The control socket: requests that must not wait for a cell.

use std::sync::Arc;

use jupyter_zmq_client::RouterRecvConnection;

use super::message::Replies;
use super::read::read;
use super::{Kernel, shell};

pub async fn serve(kernel: Arc<Kernel>, mut connection: RouterRecvConnection, replies: Replies) {
    loop {
        let Some(request) = read(&kernel, &mut connection, "control").await else { continue };
        shell::handle_beside_cells(&kernel, request, &replies).await;
    }
}
