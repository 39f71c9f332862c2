//! An HTTP server that misbehaves on request.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a server answers the requests for one file, one after another; the last answer is repeated.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The file, or the range asked for.
    Well,
    /// The file from its start, whatever range is asked for.
    WithoutRanges,
    /// Breaks off after so many bytes of the body.
    BreaksOffAfter(usize),
    /// So many milliseconds between blocks of 4096 bytes.
    Slowly(u64),
    /// Announces so many bytes, sends what there is.
    Announces(u64),
    /// Sends no length and closes at the end.
    WithoutLength,
    /// Another body altogether.
    Other(Vec<u8>),
    /// A status with headers and no body.
    Status(u16, &'static str),
    /// Sends the headers and then nothing for a long time.
    Hangs,
    /// Answers no HTTP.
    Rubbish,
    /// Takes the request and never answers.
    Silent,
}

/// A server on its own port, for one file.
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves `body`; `etag` is what it calls this version.
    pub fn new(body: Vec<u8>, etag: Option<&'static str>, answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().flatten().enumerate() {
                let answer = answers.get(index).or(answers.last()).cloned().unwrap_or(Answer::Well);
                let (body, noted) = (body.clone(), Arc::clone(&noted));
                // A client that goes away is not this server's concern.
                std::thread::spawn(move || serve(stream, &body, etag, &answer, &noted).ok());
            }
        });
        Server { port, requests }
    }

    /// The address of a file there.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// The `Range` headers (or `-`) of the requests so far.
    pub fn ranges(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(
    mut stream: TcpStream,
    body: &[u8],
    etag: Option<&str>,
    answer: &Answer,
    noted: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut headers = Vec::new();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        headers.push(line);
    }
    let header = |name: &str| {
        headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let range = header("range");
    noted.lock().expect("no panic").push(range.clone().unwrap_or_else(|| "-".into()));
    let same = header("if-range").is_none_or(|known| Some(known.as_str()) == etag);
    let start =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let start = start.filter(|_| same && !matches!(answer, Answer::WithoutRanges | Answer::Other(_)));
    let body = if let Answer::Other(other) = answer { other } else { body };

    match answer {
        Answer::Status(status, more) => {
            return write!(stream, "HTTP/1.1 {status} Told\r\n{more}Content-Length: 0\r\n\r\n");
        }
        Answer::Silent => {
            std::thread::sleep(Duration::from_secs(60));
            return Ok(());
        }
        Answer::Rubbish => return stream.write_all(b"SSH-2.0-something\r\n\r\n"),
        _ => {}
    }
    let tag = etag.map(|etag| format!("ETag: {etag}\r\n")).unwrap_or_default();
    let length = match answer {
        Answer::Announces(length) => *length,
        _ => (body.len() - start.unwrap_or(0).min(body.len())) as u64,
    };
    let length = if let Answer::WithoutLength = answer {
        String::new()
    } else {
        format!("Content-Length: {length}\r\n")
    };
    match start {
        Some(start) if start >= body.len() => {
            return write!(
                stream,
                "HTTP/1.1 416 No\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n\r\n",
                body.len()
            );
        }
        Some(start) => {
            let (end, whole) = (body.len() - 1, body.len());
            write!(
                stream,
                "HTTP/1.1 206 Part\r\n{tag}{length}Content-Range: bytes {start}-{end}/{whole}\r\n\r\n"
            )?;
        }
        None => write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n{tag}{length}\r\n")?,
    }
    let body = &body[start.unwrap_or(0)..];
    match answer {
        Answer::BreaksOffAfter(count) => stream.write_all(&body[..(*count).min(body.len())]),
        Answer::Slowly(pause) => body.chunks(4096).try_for_each(|block| {
            std::thread::sleep(Duration::from_millis(*pause));
            stream.write_all(block)
        }),
        Answer::Hangs => {
            stream.write_all(&body[..body.len().min(1000)])?;
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        _ => stream.write_all(body),
    }
}
