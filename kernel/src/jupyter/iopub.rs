//! The iopub socket: broadcast to all frontends.

use jupyter_protocol::{IoPubWelcome, JupyterMessage};
use jupyter_zmq_client::{KernelIoPubXPubConnection, SubscriptionEvent};
use tokio::sync::mpsc;
use tokio::time::{Duration, sleep, timeout};

use super::message::PATIENCE;

/// The most messages that wait for the socket; senders then block. So a cell that prints faster than the frontend
/// reads slows down, where an unbounded queue would fill the memory.
const WAITING: usize = 32;
/// How long each message waits while nobody reads.
const IMPATIENCE: Duration = Duration::from_millis(20);

/// Publishes messages in the order they are given.
#[derive(Clone)]
pub struct IoPub {
    sender: mpsc::Sender<JupyterMessage>,
}

impl IoPub {
    pub fn start(connection: KernelIoPubXPubConnection) -> IoPub {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(pump(connection, receiver));
        IoPub { sender }
    }

    pub async fn send(&self, message: JupyterMessage) {
        // The task lives as long as the process.
        let _ = self.sender.send(message).await;
    }

    /// The same for threads outside of the async runtime.
    pub fn send_blocking(&self, message: JupyterMessage) {
        let _ = self.sender.blocking_send(message);
    }
}

async fn pump(mut connection: KernelIoPubXPubConnection, mut receiver: mpsc::Receiver<JupyterMessage>) {
    let mut stalled = false;
    loop {
        tokio::select! {
            event = connection.recv_subscription() => match event {
                // A frontend that waits for this will miss no message from here on.
                Ok(SubscriptionEvent::Subscribe(topic)) => {
                    let _ = timeout(PATIENCE, connection.send(IoPubWelcome::new(topic).into())).await;
                }
                Ok(SubscriptionEvent::Unsubscribe(_)) => {}
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            message = receiver.recv() => {
                let Some(message) = message else { return };
                let patience = if stalled { IMPATIENCE } else { PATIENCE };
                match timeout(patience, connection.send(message)).await {
                    Ok(Ok(())) => stalled = false,
                    Ok(Err(error)) => log::warn!("iopub: {error}"),
                    Err(_) if !stalled => {
                        stalled = true;
                        log::warn!("a frontend does not read its output; it will miss some");
                    }
                    Err(_) => {}
                }
            }
        }
    }
}
