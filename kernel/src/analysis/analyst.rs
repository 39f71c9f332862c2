//! The kernel's side: starts the process with rust-analyzer, and asks it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::{Answer, Asked, Question, Reply, process};
use crate::error::{Error, Result};
use crate::template::Plan;
use crate::{runtime, sys};

/// A process that nobody has asked for so long is ended: it has 250 MB, and many kernels may share a machine.
const IDLE: Duration = Duration::from_secs(600);
/// The code that is completed first, so that rust-analyzer reads what any answer needs: a method may come from any crate.
const ANY_CODE: &str = "let any = vec![1];\nany.";

/// Asks the process, from a thread of its own.
pub struct Analyst {
    questions: Sender<(Question, Reply)>,
}

impl Analyst {
    /// Starts the thread. The process starts with the first question, and works in `folder`. `started` is called with its
    /// number when it has started, and with none when it has ended; it returns false when no other process may start.
    pub fn spawn(
        plan: &Plan,
        folder: &Path,
        started: impl Fn(Option<u32>) -> bool + Send + 'static,
    ) -> Result<Analyst> {
        let program = std::env::current_exe().map_err(Error::system("this program's own path"))?;
        let mut command = Command::new(program);
        command
            .env(runtime::ROLE, process::ROLE)
            .env(runtime::PARENT, std::process::id().to_string())
            .envs(plan.variables_of_analysis())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // A Ctrl-C in the terminal is for the kernel.
        sys::in_own_group(&mut command);
        let (questions, queue) = channel();
        let work = move || serve(&mut command, &started, queue);
        std::thread::Builder::new().name("analyst".into()).spawn(work).map_err(Error::system("a thread"))?;
        Ok(Analyst { questions })
    }

    /// Has rust-analyzer read everything now.
    pub fn warm_up(&self) {
        let code = ANY_CODE.to_owned();
        let (asked, position) = (Asked::Completions, code.len());
        let (before, dependencies) = (String::new(), Vec::new());
        self.ask(Question { asked, before, code, position, dependencies }, Reply::Nobody);
    }

    /// Asks; whoever waits for the reply learns it if there is none.
    pub fn ask(&self, question: Question, reply: Reply) {
        let _ = self.questions.send((question, reply));
    }
}

/// Asks one question after the other, of a new process where the one before has ended.
fn serve(
    command: &mut Command,
    started: &dyn Fn(Option<u32>) -> bool,
    questions: Receiver<(Question, Reply)>,
) {
    let mut process: Option<Process> = None;
    loop {
        let next = match process {
            Some(_) => questions.recv_timeout(IDLE),
            None => questions.recv().map_err(RecvTimeoutError::from),
        };
        let (question, reply) = match next {
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout) => {
                process = None;
                started(None);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if reply.is_late() {
            continue;
        }
        // One that has ended meanwhile is replaced; a question that ends it is not asked again and again.
        for _ in 0..2 {
            if process.is_none() {
                process =
                    Process::start(command).inspect_err(|error| log::info!("rust-analyzer: {error}")).ok();
                if !started(process.as_ref().map(|process| process.child.id())) {
                    return;
                }
            }
            let Some(asked) = &mut process else { break };
            match asked.ask(&question) {
                Ok(answer) => {
                    reply.send(answer, question.position);
                    break;
                }
                Err(error) => {
                    log::info!("rust-analyzer's process: {error}");
                    process = None;
                    if !started(None) {
                        return;
                    }
                }
            }
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
