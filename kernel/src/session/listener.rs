//! The kernel's end of the socket: takes frames from the forwarders and answers them.

use std::io::{BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::control::Phase;
use crate::error::{Error, Result};
use crate::runtime::frame::{ACK, Frame};
use crate::runtime::message::Message;
use crate::stdio;

/// How often what waits is looked at.
const TICK: Duration = Duration::from_millis(15);

/// Listens at `path` for as long as the process lives. One forwarder after the other connects, as evcxr restarts them.
pub fn listen(path: &Path, shared: &Arc<Shared>) -> Result<()> {
    let listener = UnixListener::bind(path).map_err(Error::file(path))?;
    let for_frames = shared.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = for_frames.clone();
            std::thread::spawn(move || serve(stream, &shared));
        }
    });
    let for_ticks = Arc::downgrade(shared);
    std::thread::spawn(move || {
        while let Some(shared) = for_ticks.upgrade() {
            shared.collector.tick();
            drop(shared);
            std::thread::sleep(TICK);
        }
    });
    Ok(())
}

fn serve(stream: UnixStream, shared: &Shared) {
    let mut reader = BufReader::with_capacity(128 * 1024, &stream);
    loop {
        let frame = match Frame::read_from(&mut reader) {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => return stdio::log(&format!("herbarium: output of the cells was lost: {error}")),
        };
        let answer = frame.wants_answer();
        let listening = match &frame {
            Frame::Message(json) => listening(json),
            _ => None,
        };
        match frame {
            Frame::Hello { forwarder, runtime } => shared.control.set_processes(forwarder, runtime),
            // evcxr also runs cells of its own, when it starts.
            Frame::Started if shared.control.phase() == Phase::Compiling => {
                shared.control.set_phase(Phase::Running)
            }
            // evcxr may compile again what it has just run.
            Frame::Finished if shared.control.phase() == Phase::Running => {
                shared.control.set_phase(Phase::Compiling)
            }
            _ => {}
        }
        shared.collector.frame(frame);
        if let Some(heard) = listening {
            shared.control.set_listening(heard);
        }
        if answer && (&stream).write_all(&[ACK]).is_err() {
            return;
        }
    }
}

/// Whether a message says that the cell listens, and if it has heard. Pictures are not parsed for it.
fn listening(json: &[u8]) -> Option<bool> {
    const SHORT: usize = 100;
    let message = serde_json::from_slice(json.get(..SHORT.min(json.len()))?).ok()?;
    if let Message::Listening { heard } = message { Some(heard) } else { None }
}
