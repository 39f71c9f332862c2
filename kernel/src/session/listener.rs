//! The kernel's end of the socket: takes frames from the forwarders and answers them.

use std::io::BufReader;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Shared;
use super::control::Phase;
use super::event::{InputRequest, Stream};
use crate::runtime::frame::Frame;
use crate::runtime::link::{self, Answer, Input};
use crate::runtime::message::Message;
use crate::sys::sockets;

/// How often pending output is checked.
const TICK: Duration = Duration::from_millis(15);

/// Takes what comes for as long as the process lives. One forwarder after the other connects, as evcxr restarts them.
pub fn listen(listener: sockets::Listener, shared: &Arc<Shared>) {
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
}

fn serve(stream: sockets::Stream, shared: &Arc<Shared>) {
    let Ok(answers) = stream.try_clone() else { return };
    let answers = Arc::new(Mutex::new(answers));
    let mut reader = BufReader::with_capacity(128 * 1024, &stream);
    loop {
        let frame = match Frame::read_from(&mut reader) {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => return log::warn!("output of the cells was lost: {error}"),
        };
        let waits = frame.wants_answer();
        let listening = match &frame {
            Frame::Message(json) => listening(json),
            _ => None,
        };
        match frame {
            Frame::Hello { forwarder, runtime } => shared.control.set_processes(forwarder, runtime),
            // evcxr also runs internal cells when it starts.
            Frame::Started if shared.control.phase() == Phase::Compiling => {
                shared.control.set_phase(Phase::Running)
            }
            // evcxr may compile again what it has just run.
            Frame::Finished if shared.control.phase() == Phase::Running => {
                shared.control.set_phase(Phase::Compiling)
            }
            _ => {}
        }
        if let Frame::Input { prompt, password, thread } = frame {
            // The cell's other output must not wait for the answer.
            let (shared, answers) = (shared.clone(), answers.clone());
            std::thread::spawn(move || {
                let input = ask(&shared, prompt, password, thread);
                // The program may have ended meanwhile.
                let _ = answer(&answers, &Answer::Input(input));
            });
            continue;
        }
        shared.collector.frame(frame);
        if let Some(heard) = listening {
            shared.control.set_listening(heard);
        }
        if waits && answer(&answers, &Answer::Dealt).is_err() {
            return;
        }
    }
}

fn answer(answers: &Mutex<sockets::Stream>, answer: &Answer) -> std::io::Result<()> {
    link::send(&*answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()), answer)
}

/// Asks for what a cell reads from standard input.
fn ask(shared: &Shared, prompt: Option<String>, password: bool, thread: bool) -> Input {
    let prompt = shared.collector.prompt(prompt);
    let input = shared.inputs.ask(InputRequest { prompt: prompt.clone(), password }, thread);
    if matches!(input, Input::Refused | Input::Cancelled) {
        // It was not shown as a question.
        shared.collector.print(Stream::Stdout, prompt.as_bytes());
    }
    input
}

/// Whether a message is `listening`, and its `heard`. Cheap: pictures are not parsed for it.
fn listening(json: &[u8]) -> Option<bool> {
    const SHORT: usize = 100;
    let message = serde_json::from_slice(json.get(..SHORT.min(json.len()))?).ok()?;
    if let Message::Listening { heard } = message { Some(heard) } else { None }
}
