//! Messages to the frontend.

use jupyter_protocol::{JupyterMessage, JupyterMessageContent, Media, MediaType, Status};
use jupyter_zmq_client::RouterSendConnection;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};

use crate::runtime::message::Bundle;

/// The version of Jupyter's messaging protocol that is spoken.
pub const PROTOCOL: &str = "5.4";
/// A frontend that reads nothing for this long counts as dead.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to a request.
pub fn reply(content: impl Into<JupyterMessageContent>, request: &JupyterMessage) -> JupyterMessage {
    sign(JupyterMessage::new(content, Some(request)))
}

/// A message to all frontends, in response to a request.
pub fn publish(content: impl Into<JupyterMessageContent>, request: &JupyterMessage) -> JupyterMessage {
    with_topic(reply(content, request))
}

/// The first message of all.
pub fn starting() -> JupyterMessage {
    with_topic(sign(JupyterMessage::new(Status::starting(), None)))
}

fn sign(mut message: JupyterMessage) -> JupyterMessage {
    message.header.username = "herbarium".to_owned();
    message.header.version = PROTOCOL.to_owned();
    message
}

/// On iopub, a topic takes the position of the sender's identity.
fn with_topic(message: JupyterMessage) -> JupyterMessage {
    let topic = message.message_type().to_owned();
    message.with_zmq_identities(vec![topic.into_bytes().into()])
}

/// A MIME bundle in the protocol's type.
pub fn media(bundle: Bundle) -> Media {
    // Unchanged: the protocol's own types would drop fields that they do not know.
    Media::new(bundle.into_iter().map(MediaType::Other).collect())
}

/// Sends replies on one of the router sockets; shared by all handlers.
#[derive(Clone)]
pub struct Replies {
    sender: mpsc::UnboundedSender<JupyterMessage>,
}

impl Replies {
    pub fn start(mut connection: RouterSendConnection) -> Replies {
        let (sender, mut receiver) = mpsc::unbounded_channel::<JupyterMessage>();
        tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                let kind = message.message_type().to_owned();
                match timeout(PATIENCE, connection.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => log::warn!("a {kind} could not be sent: {error}"),
                    Err(_) => log::warn!("nobody takes a {kind}"),
                }
            }
        });
        Replies { sender }
    }

    pub fn send(&self, message: JupyterMessage) {
        // The task lives as long as the process.
        let _ = self.sender.send(message);
    }
}
