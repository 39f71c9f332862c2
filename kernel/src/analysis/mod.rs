//! rust-analyzer for completions and documentation: evcxr's own, in a process by itself.
//!
//! The session's evcxr needs no types from it (`source::types`), so its rust-analyzer reads nothing, and no cell waits for
//! it. This process has another evcxr, which reads the sources of all that a cell can use and runs no cell. It starts when
//! the session has nothing to do, or at the first question, and gets with each question what the cells have defined.

pub mod answers;
pub mod process;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::session::{Completion, Control, Inspection};
use crate::template::Plan;
use crate::{runtime, sys};

/// The code that is completed first, so that rust-analyzer reads what any answer needs: a method may come from any crate.
const ANY_CODE: &str = "let any = vec![1];\nany.";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Completions,
    Documentation,
}

/// A question about a place in a cell.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    pub kind: Kind,
    /// What the cells before have defined.
    pub before: String,
    /// The cell.
    pub code: String,
    /// The place in it, in bytes.
    pub position: usize,
    /// The crates that cells have added, each a line of a manifest.
    pub dependencies: Vec<String>,
}

/// The answer to a [`Question`] of the same kind.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    pub completions: Option<Completion>,
    pub documentation: Option<Inspection>,
}

/// Who gets an answer.
pub enum Reply {
    Nobody,
    Completions(oneshot::Sender<Completion>),
    Documentation(oneshot::Sender<Option<Inspection>>),
}

impl Reply {
    /// Whether nobody waits any more: the request has been answered without rust-analyzer.
    fn is_late(&self) -> bool {
        match self {
            Reply::Nobody => false,
            Reply::Completions(reply) => reply.is_closed(),
            Reply::Documentation(reply) => reply.is_closed(),
        }
    }

    fn send(self, answer: Answer, position: usize) {
        let _ = match self {
            Reply::Nobody => Ok(()),
            Reply::Completions(reply) => {
                reply.send(answer.completions.unwrap_or(Completion::none(position))).map_err(drop)
            }
            Reply::Documentation(reply) => reply.send(answer.documentation).map_err(drop),
        };
    }
}

/// Asks the process, from a thread of its own.
pub struct Analyst {
    questions: Sender<(Question, Reply)>,
}

impl Analyst {
    /// Starts the thread; the process only when something is asked. Its evcxr gets `folder`; `control` spares it when cells
    /// are stopped.
    pub fn spawn(plan: &Plan, folder: &Path, control: Arc<Control>) -> Result<Analyst> {
        let program = std::env::current_exe().map_err(Error::system("this program's own path"))?;
        let mut command = Command::new(program);
        command
            .env(runtime::ROLE, runtime::ANALYSIS)
            .env(runtime::PARENT, std::process::id().to_string())
            .envs(plan.variables_of_analysis())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // A Ctrl-C in the terminal is for the kernel.
        sys::in_own_group(&mut command);
        let (questions, queue) = channel();
        let work = move || serve(&mut command, &control, queue);
        std::thread::Builder::new().name("analyst".into()).spawn(work).map_err(Error::system("a thread"))?;
        Ok(Analyst { questions })
    }

    /// Has rust-analyzer read everything now.
    pub fn warm_up(&self) {
        let code = ANY_CODE.to_owned();
        let (kind, position) = (Kind::Completions, code.len());
        let (before, dependencies) = (String::new(), Vec::new());
        self.ask(Question { kind, before, code, position, dependencies }, Reply::Nobody);
    }

    /// Asks; whoever waits for the reply learns it if there is none.
    pub fn ask(&self, question: Question, reply: Reply) {
        let _ = self.questions.send((question, reply));
    }
}

/// Asks one question after the other, of a new process where the one before has ended.
fn serve(command: &mut Command, control: &Control, questions: Receiver<(Question, Reply)>) {
    let mut process: Option<Process> = None;
    for (question, reply) in questions {
        if reply.is_late() {
            continue;
        }
        if process.is_none() {
            process = Process::start(command).inspect_err(|error| log::info!("rust-analyzer: {error}")).ok();
            control.set_analyst(process.as_ref().map(|process| process.child.id()));
        }
        match process.as_mut().map(|process| process.ask(&question)) {
            Some(Ok(answer)) => reply.send(answer, question.position),
            Some(Err(error)) => {
                log::info!("rust-analyzer's process: {error}");
                process = None;
            }
            None => {}
        }
    }
}

/// The process.
struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> std::io::Result<Process> {
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(questions), Some(answers)) => {
                Ok(Process { child, questions, answers: BufReader::new(answers) })
            }
            _ => Err(std::io::Error::other("it has no pipes")),
        }
    }

    fn ask(&mut self, question: &Question) -> std::io::Result<Answer> {
        let mut line = serde_json::to_string(question)?;
        line.push('\n');
        self.questions.write_all(line.as_bytes())?;
        line.clear();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
