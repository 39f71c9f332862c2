//! One request for a file, or for the missing part of it.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::header;

use super::meter::Meter;
use super::partial_file::PartialFile;
use super::reply::{Reply, version};
use crate::Error;
use crate::download::{DownloadOptions, bytes};
use crate::notebook::interrupted;

/// How a request ended.
pub(super) enum Outcome {
    /// All bytes came; they are not checked yet.
    Whole,
    /// The learner pressed the stop button.
    Interrupted,
    /// Something went wrong.
    Failed(Failure),
}

/// Why a request failed.
pub(super) enum Failure {
    /// A retry may help, after this time if the server named one.
    Passing(String, Option<Duration>),
    /// It would not.
    Final(String),
    /// The part could not be written.
    Disk(Error),
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Outcome::Failed(failure)
    }
}

/// Messages from the thread that talks to the server.
enum News {
    Answer(Reply, Option<String>),
    Bytes(Vec<u8>),
    End,
    Broken(Failure),
}

const CHUNK: usize = 1 << 16;
/// The most chunks that wait to be written, which bounds the memory whatever the server sends.
const WAITING: usize = 16;
const MOMENT: Duration = Duration::from_millis(50);

/// Asks for `url`, from the end of `part` on, and appends what comes. Reading from the network blocks,
/// so a separate thread does it, and the stop button works meanwhile.
pub(super) fn attempt(
    agent: &Agent,
    url: &str,
    part: &mut PartialFile,
    options: &DownloadOptions,
    meter: &mut Meter,
) -> Outcome {
    let (sender, news) = sync_channel(WAITING);
    let (agent, address) = (agent.clone(), url.to_owned());
    let (have, known) = (part.length(), part.version().map(str::to_owned));
    let thread = std::thread::Builder::new().name("download".into());
    // If this function returns early, the thread ends at its next message or timeout.
    match thread.spawn(move || talk(&agent, &address, have, known, &sender)) {
        Ok(_) => receive(url, part, options, meter, &news),
        Err(error) => Failure::Final(format!("no thread can be started: {error}")).into(),
    }
}

fn receive(
    url: &str,
    part: &mut PartialFile,
    options: &DownloadOptions,
    meter: &mut Meter,
    news: &Receiver<News>,
) -> Outcome {
    let mut whole = None;
    let deadline = options.first_answer.map(|wait| Instant::now() + wait);
    loop {
        if !meter.has_begun() && deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Failure::Passing("the server does not answer".into(), None).into();
        }
        let told = match news.recv_timeout(MOMENT) {
            _ if interrupted() => return Outcome::Interrupted,
            Ok(told) => told,
            Err(RecvTimeoutError::Timeout) => {
                meter.show(part.length());
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Failure::Passing("the connection broke".into(), None).into();
            }
        };
        let done = match told {
            News::Answer(reply, version) => match answered(url, part, reply, version.as_deref(), meter) {
                Ok(length) => {
                    whole = length;
                    meter.set_whole(length);
                    too_long(length.unwrap_or(0), options).map(Outcome::from)
                }
                Err(outcome) => Some(outcome),
            },
            News::Bytes(chunk) => append(part, &chunk, whole, options),
            News::End => Some(ended(part, whole.or(options.length))),
            News::Broken(failure) => Some(failure.into()),
        };
        meter.show(part.length());
        if let Some(outcome) = done {
            return outcome;
        }
    }
}

/// Makes the part ready for the body that follows; gives the file's length, if the server stated it.
fn answered(
    url: &str,
    part: &mut PartialFile,
    reply: Reply,
    version: Option<&str>,
    meter: &mut Meter,
) -> Result<Option<u64>, Outcome> {
    let disk = |error| Outcome::Failed(Failure::Disk(error));
    if !matches!(reply, Reply::Later(..) | Reply::Refused(_)) {
        meter.begin();
    }
    match reply {
        Reply::GoesOn(whole) => {
            if part.length() == 0 {
                part.begin(url, version).map_err(disk)?;
            }
            Ok(whole)
        }
        Reply::FromStart(length) => {
            part.empty().and_then(|()| part.begin(url, version)).map_err(disk)?;
            Ok(length)
        }
        Reply::NothingMore => Err(Outcome::Whole),
        Reply::StartAgain => {
            part.empty().map_err(disk)?;
            let reason = "the server cannot resume the download, so it starts again from the beginning";
            Err(Failure::Passing(reason.into(), Some(Duration::ZERO)).into())
        }
        Reply::Later(reason, wait) => Err(Failure::Passing(reason, wait).into()),
        Reply::Refused(reason) => Err(Failure::Final(reason).into()),
    }
}

fn append(
    part: &mut PartialFile,
    chunk: &[u8],
    whole: Option<u64>,
    options: &DownloadOptions,
) -> Option<Outcome> {
    let reached = part.length() + chunk.len() as u64;
    if let Some(failure) = too_long(reached, options) {
        return Some(failure.into());
    }
    if whole.is_some_and(|whole| reached > whole) {
        let reason = "the server sends more than it announced: the file there has changed, try again";
        return Some(emptied(part, reason.into()));
    }
    part.append(chunk).err().map(|error| Failure::Disk(error).into())
}

/// Discards a part that must not be continued.
fn emptied(part: &mut PartialFile, reason: String) -> Outcome {
    match part.empty() {
        Ok(()) => Failure::Final(reason).into(),
        Err(error) => Failure::Disk(error).into(),
    }
}

fn too_long(length: u64, options: &DownloadOptions) -> Option<Failure> {
    let most = options.length.or(options.at_most).filter(|&most| length > most)?;
    Some(Failure::Final(format!(
        "the server has a file of {} or more there, it should have {}: it is another file",
        bytes(length),
        bytes(most)
    )))
}

fn ended(part: &PartialFile, whole: Option<u64>) -> Outcome {
    match whole.filter(|&whole| part.length() < whole) {
        Some(whole) => {
            let (got, whole) = (bytes(part.length()), bytes(whole));
            Failure::Passing(format!("the connection broke after {got} of {whole}"), None).into()
        }
        None => Outcome::Whole,
    }
}

/// The thread's part: ask, tell what the answer is, then pass on the body. A receiver that is gone ends it.
fn talk(agent: &Agent, url: &str, have: u64, known: Option<String>, news: &SyncSender<News>) {
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
        if let Some(known) = known {
            request = request.header(header::IF_RANGE, known);
        }
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error) => {
            let _ = news.send(News::Broken(failure(error)));
            return;
        }
    };
    let reply = Reply::read(response.status(), response.headers(), have);
    let has_body = matches!(reply, Reply::GoesOn(_) | Reply::FromStart(_));
    if news.send(News::Answer(reply, version(response.headers()))).is_err() || !has_body {
        return;
    }
    let mut body = response.into_body().into_reader();
    loop {
        let mut chunk = vec![0; CHUNK];
        let told = match body.read(&mut chunk) {
            Ok(0) => News::End,
            Ok(count) => {
                chunk.truncate(count);
                News::Bytes(chunk)
            }
            Err(error) => {
                News::Broken(Failure::Passing(format!("the connection broke ({})", cause(&error)), None))
            }
        };
        let last = !matches!(told, News::Bytes(_));
        if news.send(told).is_err() || last {
            return;
        }
    }
}

fn cause(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
            "nothing was received for too long".into()
        }
        _ => error.to_string(),
    }
}

/// What an error of the client means.
fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::HostNotFound => {
            let reason =
                "the host name cannot be resolved: check the network (and HTTPS_PROXY, if you need one)";
            Failure::Passing(reason.into(), None)
        }
        ureq::Error::Timeout(_) => Failure::Passing("the server does not answer".into(), None),
        ureq::Error::Io(error) if is_certificate(&error) => Failure::Final(certificate(&error.to_string())),
        ureq::Error::Io(error) => Failure::Passing(format!("no connection ({})", cause(&error)), None),
        ureq::Error::ConnectionFailed => Failure::Passing("no connection".into(), None),
        ureq::Error::Protocol(error) => {
            Failure::Passing(format!("the server does not speak HTTP ({error})"), None)
        }
        ureq::Error::BadUri(reason) => Failure::Final(format!("this is not an address: {reason}")),
        ureq::Error::Tls(reason) => Failure::Final(certificate(reason)),
        error => Failure::Final(error.to_string()),
    }
}

/// rustls wraps what it has against a certificate in an I/O error.
fn is_certificate(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
}

fn certificate(reason: &str) -> String {
    format!(
        "no secure connection: {reason}. If the network uses its own certificate, set SSL_CERT_FILE to it"
    )
}
