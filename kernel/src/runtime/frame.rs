//! The forwarder's messages to the kernel: one byte for the kind, four for the length (big endian), the
//! payload.

use std::io::{self, Read, Write};

use super::untyped::Untyped;

/// The longest payload that is read: anything above is a broken stream, not a picture.
const MAX_PAYLOAD: usize = 1 << 30;

/// One thing that happened in the process that runs the cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// It started. The process ids of the forwarder and of the process that runs the cells.
    Hello { forwarder: u32, runtime: u32 },
    /// A cell's code begins.
    Started,
    /// Variables that the cell cannot store; it is compiled again without them.
    Untyped(Vec<Untyped>),
    /// Bytes from its stdout, without any markers.
    Stdout(Vec<u8>),
    /// Bytes from its stderr.
    Stderr(Vec<u8>),
    /// A rich message, JSON: see [`super::message::Message`].
    Message(Vec<u8>),
    /// A block in evcxr's own form for rich content.
    Content { mime: String, body: Vec<u8> },
    /// A marked line that could not be used, and why.
    Broken(String),
    /// The cell panicked; the panic's text came before, on stderr.
    Panicked,
    /// A `?` ended the cell; the error's text came before, on stderr.
    Failed,
    /// The cell reads standard input; the answer is an [`Answer::Input`](super::link::Answer::Input). With the prompt,
    /// if it gave one; `thread` if another thread reads, not the cell's own code.
    Input { prompt: Option<String>, password: bool, thread: bool },
    /// The cell's code ended. Wants an answer.
    Finished,
    /// The process ended, by itself or by a signal. Wants an answer.
    Exited { code: Option<i32>, signal: Option<i32> },
}

impl Frame {
    /// Whether the forwarder waits for an [`Answer::Dealt`](super::link::Answer::Dealt) after it.
    pub fn wants_answer(&self) -> bool {
        matches!(self, Frame::Finished | Frame::Exited { .. })
    }

    /// Writes the frame in one call.
    pub fn write_to(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut payload: Vec<u8> = Vec::new();
        let (kind, body): (u8, &[u8]) = match self {
            Frame::Hello { forwarder, runtime } => {
                payload.extend(forwarder.to_be_bytes());
                payload.extend(runtime.to_be_bytes());
                (b'h', &payload)
            }
            Frame::Started => (b's', &[]),
            Frame::Untyped(variables) => {
                for Untyped { name, kind } in variables {
                    payload.extend(format!("{name} {kind}\n").into_bytes());
                }
                (b'u', &payload)
            }
            Frame::Stdout(bytes) => (b'o', bytes),
            Frame::Stderr(bytes) => (b'e', bytes),
            Frame::Message(json) => (b'm', json),
            Frame::Content { mime, body } => {
                payload.extend(mime.as_bytes());
                payload.push(b'\n');
                payload.extend(body);
                (b'c', &payload)
            }
            Frame::Broken(why) => (b'b', why.as_bytes()),
            Frame::Panicked => (b'p', &[]),
            Frame::Failed => (b'f', &[]),
            Frame::Input { prompt, password, thread } => {
                payload.push(u8::from(*password) + 2 * u8::from(prompt.is_some()) + 4 * u8::from(*thread));
                payload.extend(prompt.iter().flat_map(|prompt| prompt.bytes()));
                (b'i', &payload)
            }
            Frame::Finished => (b'.', &[]),
            Frame::Exited { code, signal } => {
                payload.push(u8::from(code.is_some()) + 2 * u8::from(signal.is_some()));
                payload.extend(code.or(*signal).unwrap_or(0).to_be_bytes());
                (b'x', &payload)
            }
        };
        let length = u32::try_from(body.len()).map_err(|_| invalid("a frame is too long"))?;
        let mut bytes = Vec::with_capacity(5 + body.len());
        bytes.push(kind);
        bytes.extend(length.to_be_bytes());
        bytes.extend(body);
        writer.write_all(&bytes)
    }

    /// Reads the next frame. `None` at the end of the stream.
    pub fn read_from(reader: &mut impl Read) -> io::Result<Option<Frame>> {
        let mut head = [0; 5];
        match reader.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > MAX_PAYLOAD {
            return Err(invalid("a frame's length is absurd"));
        }
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload)?;
        Frame::parse(head[0], payload).map(Some)
    }

    fn parse(kind: u8, payload: Vec<u8>) -> io::Result<Frame> {
        Ok(match kind {
            b'h' => {
                let (forwarder, runtime) =
                    payload.split_at_checked(4).ok_or_else(|| invalid("a short hello"))?;
                let [forwarder, runtime] = [number(forwarder)?, number(runtime)?].map(u32::from_be_bytes);
                Frame::Hello { forwarder, runtime }
            }
            b's' => Frame::Started,
            b'u' => {
                let text = String::from_utf8_lossy(&payload);
                let variables = text.lines().filter_map(|line| line.split_once(' '));
                let owned = |(name, kind): (&str, &str)| Untyped { name: name.into(), kind: kind.into() };
                Frame::Untyped(variables.map(owned).collect())
            }
            b'o' => Frame::Stdout(payload),
            b'e' => Frame::Stderr(payload),
            b'm' => Frame::Message(payload),
            b'c' => {
                let end = memchr::memchr(b'\n', &payload).ok_or_else(|| invalid("content without a type"))?;
                let mime = String::from_utf8_lossy(&payload[..end]).into_owned();
                Frame::Content { mime, body: payload[end + 1..].to_vec() }
            }
            b'b' => Frame::Broken(String::from_utf8_lossy(&payload).into_owned()),
            b'p' => Frame::Panicked,
            b'f' => Frame::Failed,
            b'i' => {
                let (&flags, text) = payload.split_first().ok_or_else(|| invalid("an empty question"))?;
                let prompt = (flags & 2 != 0).then(|| String::from_utf8_lossy(text).into_owned());
                Frame::Input { prompt, password: flags & 1 != 0, thread: flags & 4 != 0 }
            }
            b'.' => Frame::Finished,
            b'x' => {
                let (&which, value) = payload.split_first().ok_or_else(|| invalid("an empty exit frame"))?;
                let value = i32::from_be_bytes(number(value)?);
                Frame::Exited { code: (which == 1).then_some(value), signal: (which == 2).then_some(value) }
            }
            other => return Err(invalid(&format!("no such frame: {other}"))),
        })
    }
}

fn number(bytes: &[u8]) -> io::Result<[u8; 4]> {
    bytes.try_into().map_err(|_| invalid("a number of the wrong size"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Frame> {
        vec![
            Frame::Hello { forwarder: 4_000_000_000, runtime: 7 },
            Frame::Started,
            Frame::Untyped(vec![Untyped { name: "x".into(), kind: "[u8; _]".into() }; 2]),
            Frame::Stdout(b"\xffab\n".to_vec()),
            Frame::Stderr(Vec::new()),
            Frame::Message(br#"{"type":"clear"}"#.to_vec()),
            Frame::Content { mime: "text/plain".into(), body: b"a\nb".to_vec() },
            Frame::Broken("too long".into()),
            Frame::Panicked,
            Frame::Failed,
            Frame::Input { prompt: None, password: false, thread: true },
            Frame::Input { prompt: Some("é? ".into()), password: true, thread: false },
            Frame::Finished,
            Frame::Exited { code: Some(-3), signal: None },
            Frame::Exited { code: None, signal: Some(11) },
            Frame::Exited { code: None, signal: None },
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut bytes = Vec::new();
        for frame in all() {
            frame.write_to(&mut bytes).unwrap();
        }
        let mut reader = bytes.as_slice();
        let mut read = Vec::new();
        while let Some(frame) = Frame::read_from(&mut reader).unwrap() {
            read.push(frame);
        }
        assert_eq!(read, all());
    }

    #[test]
    fn a_broken_stream_is_an_error_not_a_panic() {
        assert!(Frame::read_from(&mut [b'?', 0, 0, 0, 0].as_slice()).is_err());
        assert!(Frame::read_from(&mut [b'o', 0xff, 0xff, 0xff, 0xff].as_slice()).is_err());
        assert!(Frame::read_from(&mut [b'o', 0, 0, 0, 9, 1].as_slice()).is_err());
        assert!(Frame::read_from(&mut [b'h', 0, 0, 0, 1, 1].as_slice()).is_err());
        assert!(Frame::read_from(&mut [b'x', 0, 0, 0, 0].as_slice()).is_err());
        assert!(Frame::read_from(&mut [b'i', 0, 0, 0, 0].as_slice()).is_err());
        assert!(Frame::read_from(&mut [].as_slice()).unwrap().is_none());
    }
}
