//! Messages between the kernel, the forwarder and the cells' process, apart from the cells' output: one line of JSON
//! each.

use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a read of standard input gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A line, without its line feed.
    Line(String),
    /// The end of the input; the next read asks again.
    End,
    /// An error: there is nobody to ask.
    Refused,
    /// An error: the cell was interrupted, or has ended.
    Cancelled,
}

/// From the kernel to the forwarder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A frame that wants an answer, and all before it, has been dealt with.
    Dealt,
    /// To [`Frame::Input`](super::frame::Frame::Input).
    Input(Input),
}

/// From the forwarder to the cells' process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Run this function of this library.
    Run { library: String, function: String },
    /// What a read gets that was asked for by [`READ`].
    Input(Input),
}

/// From the cells' process to the forwarder: the cell's own code reads standard input.
pub const READ: u8 = b'?';
/// The same from another thread, perhaps of an earlier cell.
pub const THREAD_READS: u8 = b't';

/// Writes a message.
pub fn send(mut writer: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.write_all(&line)
}

/// Reads a message from a line.
pub fn parse<T: DeserializeOwned>(line: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(line)?)
}

/// Splits the input into lines.
#[derive(Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines completed so far, without their line feeds.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.rest.extend_from_slice(bytes);
        let mut lines: Vec<Vec<u8>> = self.rest.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.rest = lines.pop().unwrap_or_default();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_lines_wherever_the_stream_is_cut() {
        let mut bytes = Vec::new();
        let inputs = [Input::Line("a\nb \"é\"".into()), Input::End, Input::Refused, Input::Cancelled];
        for input in &inputs {
            send(&mut bytes, &Answer::Input(input.clone())).unwrap();
        }
        for cut in 0..bytes.len() {
            let mut lines = Lines::default();
            let mut read = lines.feed(&bytes[..cut]);
            read.extend(lines.feed(&bytes[cut..]));
            let read: Vec<Input> = read
                .iter()
                .map(|line| match parse(line).unwrap() {
                    Answer::Input(input) => input,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(read, inputs);
        }
        assert!(parse::<Order>(b"LOAD_AND_RUN a b").is_err());
    }
}
