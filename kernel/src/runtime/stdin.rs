//! Standard input in the cells' process: each read of it is a question to the learner.

use std::io::{self, BufRead, BufReader, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::link::{Input, Order, READ, THREAD_READS, parse};
use super::stdout::Flusher;
use crate::sys::sockets::Stream;
use crate::sys::{self, streams};

/// Turns the inherited standard input into the link to the forwarder, and replaces it by one that asks through this
/// link. Returns the orders to run cells.
pub fn split(flusher: &Arc<Flusher>) -> io::Result<Receiver<(String, String)>> {
    let link = streams::stdin_as_socket()?;
    let (answer, answers) = channel();
    let (order, orders) = channel();
    let questions = Questions {
        link: link.try_clone()?,
        flusher: flusher.clone(),
        answers: Mutex::new(Answers { answers, rest: Vec::new() }),
    };
    streams::take_over(Box::new(move |count| questions.read(count)))?;
    std::thread::spawn(move || sort(link, &order, &answer));
    Ok(orders)
}

/// Dispatches the forwarder's messages until there are no more.
fn sort(link: Stream, orders: &Sender<(String, String)>, answers: &Sender<Input>) {
    for line in BufReader::new(link).split(b'\n').map_while(Result::ok) {
        // Neither of the two ends before this process.
        let _ = match parse(&line) {
            Ok(Order::Run { library, function }) => orders.send((library, function)).is_ok(),
            Ok(Order::Input(input)) => answers.send(input).is_ok(),
            Err(error) => {
                log::warn!("an order was not understood: {error}");
                false
            }
        };
    }
}

struct Questions {
    link: Stream,
    flusher: Arc<Flusher>,
    /// Locked while somebody asks: one thread at a time.
    answers: Mutex<Answers>,
}

struct Answers {
    answers: Receiver<Input>,
    /// The rest of a line that was longer than a read.
    rest: Vec<u8>,
}

impl Questions {
    /// Up to `count` bytes of a line.
    fn read(&self, count: usize) -> Result<Vec<u8>, i32> {
        let mut state = self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if state.rest.is_empty() && count > 0 {
            // What was printed before is a part of the question.
            self.flusher.flush();
            // Without a forwarder nobody can answer.
            let question = if sys::stop::is_main_thread() { READ } else { THREAD_READS };
            (&self.link).write_all(&[question]).map_err(|_| streams::REFUSED)?;
            match state.answers.recv().unwrap_or(Input::End) {
                Input::Line(line) => state.rest = (line + "\n").into_bytes(),
                Input::End => {}
                Input::Refused => return Err(streams::REFUSED),
                // Not EINTR, because callers would retry.
                Input::Cancelled => return Err(streams::CANCELLED),
            }
        }
        let length = count.min(state.rest.len());
        Ok(state.rest.drain(..length).collect())
    }
}
