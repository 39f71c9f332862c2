//! `herbarium run --processes N`: the same notebook on several processes of this machine.

use std::io::{self, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{TERMINATED, receive_signals};
use crate::error::{Error, Result};
use crate::launchers::{Launcher, launcher};
use crate::parameters::{Options, of_one_process};
use crate::sys::signals::Heard;
use crate::{stdio, sys};

/// How often it is looked whether a process has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// What the others hear after one has failed, and how long they are given before the next. They mostly end by themselves,
/// since they wait for the one that failed; one that is at something else is interrupted, so that rank 0 writes its notebook.
const AFTER_A_FAILURE: [(Duration, sys::Signal); 3] = [
    (Duration::from_secs(20), sys::Signal::INT),
    (Duration::from_secs(10), sys::Signal::TERM),
    (Duration::from_secs(5), sys::Signal::KILL),
];
/// The process that has started the ranks: they end with it.
const LAUNCHER: &str = "HERBARIUM_LAUNCHER";
/// Where trainings keep their states, so that they continue after a restart.
const RESUME: &str = "HERBARIUM_RESUME";

/// In a process that a launcher has started: it does not outlive it.
pub fn end_with_launcher() {
    let launcher = std::env::var(LAUNCHER).ok().and_then(|pid| pid.parse::<u32>().ok());
    if launcher.is_some() && launcher == sys::parent() {
        sys::die_with_parent(launcher);
    }
}

/// Runs a notebook on as many processes as `options` say; `words` are the command's.
pub fn launch(words: &[&str], options: &Options) -> Result<ExitCode> {
    if let Some(Launcher { world, .. }) = launcher(&|name| std::env::var_os(name).is_some())
        && std::env::var(world).is_ok_and(|number| number != "1")
    {
        return Err(Error::Usage(format!(
            "`--processes` starts processes, but this process is already one of several ({world} is set): leave it out, or \
             unset {world}"
        )));
    }
    let world = options.processes.unwrap_or(1);
    let signals = count_signals()?;
    let states = States::make(options.restarts > 0)?;
    for attempt in 0.. {
        let code = Ranks::start(of_one_process(words), world, &states)?.wait(signals);
        let was_stopped = signals.load(Ordering::SeqCst) > 0;
        if code == 0 || was_stopped || attempt == options.restarts {
            return Ok(ExitCode::from(code));
        }
        log::warn!("all {world} processes start again ({} of {})", attempt + 1, options.restarts);
    }
    Ok(ExitCode::FAILURE)
}

/// The folder of the trainings' states, gone at the end unless it is the user's.
struct States {
    folder: Option<PathBuf>,
}

impl States {
    fn make(wanted: bool) -> Result<States> {
        if !wanted || std::env::var_os(RESUME).is_some_and(|folder| !folder.is_empty()) {
            return Ok(States { folder: None });
        }
        let folder = std::env::temp_dir().join(format!("herbarium-resume-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        Ok(States { folder: Some(folder) })
    }
}

impl Drop for States {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed is left to the system's own cleaning.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Counts this process's SIGINTs and SIGTERMs instead of ending by them: 1 for the first, 256 for the second kind.
fn count_signals() -> Result<&'static AtomicUsize> {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    receive_signals()?.pass_to(|heard| {
        let weight = match heard {
            Heard::Interrupt => 1,
            Heard::Terminate => A_TERMINATION,
        };
        HEARD.fetch_add(weight, Ordering::SeqCst);
    });
    Ok(&HEARD)
}

const A_TERMINATION: usize = 256;

/// The processes of one start.
struct Ranks {
    children: Vec<Child>,
    /// What those but the first have written to their stderr.
    reports: Vec<JoinHandle<String>>,
    ended: Vec<Option<ExitStatus>>,
}

impl Ranks {
    fn start(words: Vec<&str>, world: usize, states: &States) -> Result<Ranks> {
        let what = "a process of the training cannot be started";
        let program = std::env::current_exe().map_err(Error::system(what))?;
        let port =
            free_port().map_err(Error::system("there is no free port for the processes to meet at"))?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut ranks = Ranks { children: Vec::new(), reports: Vec::new(), ended: vec![None; world] };
        for rank in 0..world {
            let mut command = Command::new(&program);
            command
                .arg("run")
                .args(&words)
                .env("RANK", rank.to_string())
                .env("WORLD_SIZE", world.to_string())
                .env("LOCAL_RANK", rank.to_string())
                .env("LOCAL_WORLD_SIZE", world.to_string())
                .env("MASTER_ADDR", "127.0.0.1")
                .env("MASTER_PORT", port.to_string())
                .env(LAUNCHER, std::process::id().to_string())
                .stdin(Stdio::null());
            // A terminal's Ctrl-C is for this process, which passes it on once.
            sys::in_own_group(&mut command);
            if std::env::var_os("OMP_NUM_THREADS").is_none() {
                command.env("OMP_NUM_THREADS", (cores / world).max(1).to_string());
            }
            if let Some(folder) = &states.folder {
                command.env(RESUME, folder);
            }
            if rank > 0 {
                command.stdout(Stdio::null()).stderr(Stdio::piped());
            }
            match command.spawn() {
                Ok(mut child) => {
                    ranks.reports.push(collect(child.stderr.take()));
                    ranks.children.push(child);
                }
                Err(error) => {
                    ranks.signal(sys::Signal::KILL);
                    return Err(Error::system(what)(error));
                }
            }
        }
        Ok(ranks)
    }

    /// Waits until all have ended, which after a failure they do soon. The status is 0, or that of the first that failed.
    fn wait(mut self, heard: &AtomicUsize) -> u8 {
        let (mut passed_on, mut failed, mut step) = (heard.load(Ordering::SeqCst), None, 0);
        let mut since = Instant::now();
        while self.ended.iter().any(Option::is_none) {
            thread::sleep(BETWEEN_LOOKS);
            for (rank, child) in self.children.iter_mut().enumerate() {
                if self.ended[rank].is_none()
                    && let Ok(Some(status)) = child.try_wait()
                {
                    self.ended[rank] = Some(status);
                    if !status.success() && failed.is_none() {
                        failed = Some(code(status));
                        since = Instant::now();
                    }
                }
            }
            let now = heard.load(Ordering::SeqCst);
            if now != passed_on {
                let terminated = now / A_TERMINATION > passed_on / A_TERMINATION;
                self.signal(if terminated { sys::Signal::TERM } else { sys::Signal::INT });
                passed_on = now;
                if terminated && failed.is_none() {
                    (failed, step, since) = (Some(TERMINATED), AFTER_A_FAILURE.len() - 1, Instant::now());
                }
            }
            if failed.is_some()
                && let Some((patience, signal)) = AFTER_A_FAILURE.get(step)
                && since.elapsed() >= *patience
            {
                self.signal(*signal);
                (step, since) = (step + 1, Instant::now());
            }
        }
        self.report();
        failed.unwrap_or(0)
    }

    /// Sends a signal to those that have not ended.
    fn signal(&self, signal: sys::Signal) {
        for (rank, child) in self.children.iter().enumerate() {
            if self.ended[rank].is_none() {
                sys::kill(child.id(), signal);
            }
        }
    }

    /// Prints the messages of the ranks that show no output; what several have said in the same words, once.
    fn report(self) {
        let mut said: Vec<(Vec<usize>, String)> = Vec::new();
        for (rank, report) in self.reports.into_iter().enumerate() {
            let report = report.join().unwrap_or_default();
            let mut report = report.trim().to_owned();
            let by_signal = self.ended[rank].and_then(sys::ended_by);
            if let (true, Some(signal)) = (report.is_empty(), by_signal) {
                report = format!("ended by {}", sys::signal_name(signal));
            }
            let own = format!("rank {rank}, ");
            let words = report.strip_prefix(&own).unwrap_or(&report).to_owned();
            match said.iter_mut().find(|(_, known)| *known == words) {
                _ if words.is_empty() => {}
                Some((ranks, _)) => ranks.push(rank),
                None => said.push((vec![rank], words)),
            }
        }
        for (ranks, words) in said {
            let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
            let plural = if ranks.len() > 1 { "s" } else { "" };
            stdio::print_error(&format!("rank{plural} {}: {words}", ranks.join(", ")));
        }
    }
}

fn collect(stderr: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = stderr {
            // What was read until the pipe broke is worth printing.
            let _ = stderr.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// As a shell has it: 128 and the signal.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + sys::ended_by(status).unwrap_or(0));
    u8::try_from(code).ok().filter(|&code| code > 0).unwrap_or(1)
}

/// A port that nobody uses at the moment.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
