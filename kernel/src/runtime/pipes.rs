//! The forwarder's pipes and its child.

use std::io::{self, Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, channel};

use crate::sys::sockets::Stream;

/// Waits for the child in a thread, so that its end can be polled for.
pub fn watch(mut child: Child) -> io::Result<(Receiver<io::Result<ExitStatus>>, Stream)> {
    let (ours, theirs) = Stream::pair()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // Nobody listens any more if the forwarder is about to end.
        let _ = sender.send(child.wait());
        drop(theirs);
    });
    Ok((receiver, ours))
}

/// Reads what is there, without waiting. A pipe that has ended is dropped.
pub fn read_some(pipe: &mut Option<impl Read>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(reader) = pipe else { return Ok(0) };
    loop {
        match reader.read(buffer) {
            Ok(0) => {
                *pipe = None;
                return Ok(0);
            }
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes one of the lines that evcxr waits for.
pub fn tell_evcxr(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}
