//! Comms: a frontend may open one, but there is nothing on this side to talk to.

use jupyter_protocol::{CommClose, CommInfoReply, CommInfoRequest, CommOpen, JupyterMessage};

use super::iopub::IoPub;
use super::message::publish;

/// The open comms, of which there are none: each is closed as soon as it is opened, which the protocol asks for where
/// the target is not known.
#[derive(Default)]
pub struct Comms;

impl Comms {
    pub async fn open(&self, iopub: &IoPub, request: &JupyterMessage, comm: &CommOpen) {
        let close = CommClose { comm_id: comm.comm_id.clone(), data: Default::default() };
        iopub.send(publish(close, request)).await;
    }

    pub fn close(&self, _comm: &CommClose) {}

    pub fn info(&self, _request: &CommInfoRequest) -> CommInfoReply {
        CommInfoReply::default()
    }
}
