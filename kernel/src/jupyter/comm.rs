//! Comms: a frontend may open one, but there is nothing on this side to talk to. Each is closed as soon as it is
//! opened, as the protocol demands for an unknown target; so none is ever open.

use jupyter_protocol::{CommClose, CommInfoReply, CommOpen, JupyterMessage};

use super::iopub::IoPub;
use super::message::publish;

/// Answers the opening of a comm.
pub async fn close_at_once(iopub: &IoPub, request: &JupyterMessage, comm: &CommOpen) {
    let close = CommClose { comm_id: comm.comm_id.clone(), data: Default::default() };
    iopub.send(publish(close, request)).await;
}

/// The open comms.
pub fn info() -> CommInfoReply {
    CommInfoReply::default()
}
