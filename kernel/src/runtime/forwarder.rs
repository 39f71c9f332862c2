//! The process between evcxr and the process that runs the cells.
//!
//! evcxr reads its child's stdout line by line and waits for one exact line; if text without a newline comes before
//! it, the cell never ends. This process passes evcxr only its control lines, and everything else to the kernel as
//! it arrives. It is a separate process so that a crash of the cells' process loses no output.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;

use super::frame::Frame;
use super::link::{self, Answer, Lines, Order, THREAD_READS};
use super::markers::{CHANGED, LOAD};
use super::pipes::{read_some, tell_evcxr, watch};
use super::scanner::{Piece, Scanner};
use super::untyped::{Untyped, untyped};
use super::{BACKTRACE, CELLS, OUTPUT, PARENT, ROLE, RUNTIME, cleanup};
use crate::sys::sockets::{Source, Stream, as_stdin, never_wait, readable};
use crate::sys::{self, streams};

/// As much as a pipe holds.
const CHUNK: usize = 64 * 1024;
/// What a pipe holds at most, unless the system was set up otherwise.
const LARGEST_PIPE: usize = 1 << 20;
/// How much of stderr is read before stdout gets its turn again.
const MAX_DRAIN: usize = 1 << 20;
const COMPLETE_LINE: &str = "EVCXR_EXECUTION_COMPLETE";
const PANIC_LINE: &str = "EVCXR_PANIC_NOTIFICATION";
const FAILED_LINE: &str = "EVCXR_ERROR_OCCURRED";

/// Forwards until the cells' process has ended, then ends.
pub fn run() -> ! {
    sys::ignore_sigint();
    let result = Forwarder::start().and_then(|mut forwarder| {
        let status = forwarder.forward();
        if status.is_err() || !forwarder.evcxr_listens {
            cleanup::clear_up();
        }
        status
    });
    let code = match result {
        Ok(status) => status.code().unwrap_or(1),
        Err(error) => {
            eprintln!("herbarium's forwarder: {error}");
            1
        }
    };
    std::process::exit(code)
}

/// The source of the cell that is about to run.
fn source() -> io::Result<PathBuf> {
    let socket = std::env::var_os(OUTPUT).map(PathBuf::from);
    let folder = socket.as_deref().and_then(Path::parent).ok_or_else(|| io::Error::other("no folder"))?;
    Ok(folder.join(CELLS).join("src/lib.rs"))
}

/// What there is to do.
struct Ready {
    evcxr: bool,
    kernel: bool,
    question: bool,
    stderr: bool,
    ended: bool,
}

struct Forwarder {
    kernel: Stream,
    /// What the kernel has answered.
    answers: Lines,
    child: u32,
    /// Orders for the cells' process, and its questions; closed (dropped) when it has closed its end.
    cells: Option<Stream>,
    /// evcxr has not closed our standard input.
    evcxr_listens: bool,
    /// What evcxr asks for.
    lines: Lines,
    /// What the cell has said that it will ask, and whether the answer is hidden.
    prompt: Option<(String, bool)>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    exit: Receiver<io::Result<ExitStatus>>,
    /// Becomes readable when the child has ended.
    ended: Stream,
    scanner: Scanner,
}

impl Forwarder {
    fn start() -> io::Result<Forwarder> {
        let path = std::env::var_os(OUTPUT).ok_or_else(|| io::Error::other("no socket to the kernel"))?;
        let kernel = Stream::connect(path)?;
        let (cells, theirs) = Stream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(std::env::args_os().skip(1))
            .env(ROLE, RUNTIME)
            .env(PARENT, std::process::id().to_string())
            .env("RUST_BACKTRACE", std::env::var(BACKTRACE).unwrap_or_else(|_| "0".into()))
            .stdin(as_stdin(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // It holds our end of the link to the child.
        drop(command);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        if let (Some(stdout), Some(stderr)) = (&stdout, &stderr) {
            never_wait(stdout)?;
            never_wait(stderr)?;
        }
        let pid = child.id();
        let (exit, ended) = watch(child)?;
        let mut forwarder = Forwarder {
            kernel,
            answers: Lines::default(),
            child: pid,
            cells: Some(cells),
            evcxr_listens: true,
            lines: Lines::default(),
            prompt: None,
            stdout,
            stderr,
            exit,
            ended,
            scanner: Scanner::new(),
        };
        forwarder.send(&Frame::Hello { forwarder: std::process::id(), runtime: pid })?;
        Ok(forwarder)
    }

    /// Returns when the child has ended and the kernel has all its output.
    fn forward(&mut self) -> io::Result<ExitStatus> {
        loop {
            let Ready { evcxr, kernel, question, stderr, ended } = self.wait()?;
            if evcxr {
                self.read_evcxr()?;
            }
            if kernel {
                self.read_kernel()?;
            }
            // If both have data, the order in which they were written is unknown.
            if stderr {
                self.drain_stderr()?;
            }
            self.read_stdout()?;
            self.drain_stderr()?;
            if question {
                self.read_question()?;
            }
            if ended {
                // Read once more what came between. A process that inherited the pipes may keep them open, and print, for ever.
                for _ in 0..LARGEST_PIPE / CHUNK {
                    if !self.read_stdout()? {
                        break;
                    }
                }
                self.drain_stderr()?;
                break;
            }
        }
        for piece in self.scanner.finish() {
            self.handle(piece)?;
        }
        let status = self.exit.recv().map_err(io::Error::other)??;
        self.ask(&Frame::Exited { code: status.code(), signal: sys::ended_by(status) })?;
        Ok(status)
    }

    /// Waits until there is something to do.
    fn wait(&self) -> io::Result<Ready> {
        let stdin = io::stdin();
        let [ended, kernel, evcxr, question, stderr, _] = readable(
            [
                Some(&self.ended),
                Some(&self.kernel),
                if self.evcxr_listens { Some(&stdin) } else { None },
                self.cells.as_ref().map(|cells| cells as &dyn Source),
                self.stderr.as_ref().map(|stderr| stderr as &dyn Source),
                self.stdout.as_ref().map(|stdout| stdout as &dyn Source),
            ],
            None,
        )?;
        Ok(Ready { evcxr, kernel, question, stderr, ended })
    }

    fn read_evcxr(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let read = streams::read_stdin(&mut buffer)?;
        if read == 0 {
            // evcxr has closed its end: the cells' process must not outlive its session, whatever it is
            // doing.
            self.evcxr_listens = false;
            sys::kill(self.child, sys::Signal::KILL);
        }
        for line in self.lines.feed(&buffer[..read]) {
            self.pass_on(&String::from_utf8_lossy(&line))?;
        }
        Ok(())
    }

    /// Passes evcxr's order to the cells' process, except for a cell after which no other could compile.
    fn pass_on(&mut self, line: &str) -> io::Result<()> {
        let Some((library, function)) = line.strip_prefix(LOAD).and_then(|rest| rest.rsplit_once(' ')) else {
            return self.send(&Frame::Broken(format!("not understood: {line}")));
        };
        let untyped = untyped(&std::fs::read_to_string(source()?).unwrap_or_default());
        if !untyped.is_empty() {
            return self.refuse(untyped);
        }
        self.prompt = None;
        self.order(&Order::Run { library: library.to_owned(), function: function.to_owned() });
        Ok(())
    }

    fn order(&self, order: &Order) {
        // A child that has just ended is dealt with when its end is seen.
        let _ = self.cells.as_ref().map(|cells| link::send(cells, order));
    }

    /// Reads what the kernel has answered to a question.
    fn read_kernel(&mut self) -> io::Result<()> {
        for answer in self.answers_of_kernel()? {
            match answer {
                Answer::Input(input) => self.order(&Order::Input(input)),
                Answer::Dealt => return Err(io::Error::other("the kernel gave an unexpected answer")),
            }
        }
        Ok(())
    }

    /// Waits for something from the kernel.
    fn answers_of_kernel(&mut self) -> io::Result<Vec<Answer>> {
        let mut buffer = [0; 4096];
        match self.kernel.read(&mut buffer)? {
            0 => Err(io::Error::other("the kernel is gone")),
            read => self.answers.feed(&buffer[..read]).iter().map(|line| link::parse(line)).collect(),
        }
    }

    /// The cells' process reads standard input. All that it has printed before is with the kernel by now.
    fn read_question(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16];
        let questions = self.cells.as_ref().and_then(|mut cells| cells.read(&mut buffer).ok()).unwrap_or(0);
        if questions == 0 {
            self.cells = None;
        }
        for question in &buffer[..questions] {
            let (prompt, password) = match self.prompt.take() {
                Some((prompt, password)) => (Some(prompt), password),
                None => (None, false),
            };
            self.send(&Frame::Input { prompt, password, thread: *question == THREAD_READS })?;
        }
        Ok(())
    }

    /// Makes evcxr forget these variables; it then recompiles the cell without storing them.
    fn refuse(&mut self, untyped: Vec<Untyped>) -> io::Result<()> {
        for variable in &untyped {
            tell_evcxr(&[CHANGED, variable.name.as_bytes()].concat())?;
        }
        self.send(&Frame::Untyped(untyped))?;
        tell_evcxr(COMPLETE_LINE.as_bytes())
    }

    /// Reads stdout once. False if there was nothing.
    fn read_stdout(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; CHUNK];
        let read = read_some(&mut self.stdout, &mut buffer)?;
        for piece in self.scanner.feed(&buffer[..read]) {
            self.handle(piece)?;
        }
        Ok(read > 0)
    }

    fn drain_stderr(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        let mut buffer = vec![0; CHUNK];
        while text.len() < MAX_DRAIN {
            match read_some(&mut self.stderr, &mut buffer)? {
                0 => break,
                read => text.extend_from_slice(&buffer[..read]),
            }
        }
        if text.is_empty() { Ok(()) } else { self.send(&Frame::Stderr(text)) }
    }

    fn handle(&mut self, piece: Piece) -> io::Result<()> {
        if matches!(piece, Piece::Panicked | Piece::Failed | Piece::Finished) {
            // What the cell wrote to stderr before it wrote this marker is in the pipe already.
            self.drain_stderr()?;
        }
        match piece {
            Piece::Started => self.send(&Frame::Started),
            Piece::Text(text) => self.send(&Frame::Stdout(text)),
            Piece::Message(json) => self.send(&Frame::Message(json)),
            Piece::Content { mime, body } => self.send(&Frame::Content { mime, body }),
            Piece::TooLong => {
                let why = "an output of more than 64 MB, or one that was cut short, was dropped";
                self.send(&Frame::Broken(why.to_owned()))
            }
            Piece::Panicked => {
                self.send(&Frame::Panicked)?;
                tell_evcxr(PANIC_LINE.as_bytes())
            }
            Piece::Failed => {
                self.send(&Frame::Failed)?;
                tell_evcxr(FAILED_LINE.as_bytes())
            }
            Piece::TypeChanged(line) => tell_evcxr(&line),
            Piece::Prompt { text, password } => {
                self.prompt = Some((text, password));
                Ok(())
            }
            Piece::Finished => {
                self.ask(&Frame::Finished)?;
                tell_evcxr(COMPLETE_LINE.as_bytes())
            }
        }
    }

    fn send(&mut self, frame: &Frame) -> io::Result<()> {
        frame.write_to(&mut self.kernel)
    }

    /// Sends a frame and waits until the kernel has dealt with it and all before it.
    fn ask(&mut self, frame: &Frame) -> io::Result<()> {
        self.send(frame)?;
        let mut dealt = false;
        while !dealt {
            for answer in self.answers_of_kernel()? {
                match answer {
                    Answer::Dealt => dealt = true,
                    // To a question of another thread than the one that waits.
                    Answer::Input(input) => self.order(&Order::Input(input)),
                }
            }
        }
        Ok(())
    }
}
