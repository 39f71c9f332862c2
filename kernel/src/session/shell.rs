//! Lines that begin with `!`: for the shell, with their output as it comes.

use std::io::Read;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::collector::Collector;
use super::control::{Control, Phase};
use super::event::{CellError, Stream};
use super::habits;
use crate::syntax;
use crate::sys::{self, sockets};
use crate::template::outside;

/// How often it is looked whether a command is over.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What the session does for a part of a cell.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// For the shell.
    Shell(String),
    /// `:restart`. evcxr's own forgets that the variables are gone, and the next cell would crash.
    Restart,
    /// `:clear`: the same, and the definitions go too.
    Clear,
    /// `:show_deps`: what cells can name beside the standard library.
    Dependencies,
    /// `:vars`: the variables, each with its type and size.
    Vars,
    /// `:help`: what can be written beside Rust.
    Help,
    /// `?name`: what is known of a name.
    About(String),
    /// For evcxr, with blank lines for what is left out before it, so that its line numbers stay true.
    Rust(String),
}

/// Splits a cell into what the shell and what evcxr runs, in order.
pub fn split(code: &str) -> Vec<Step> {
    let first_rust = syntax::first_rust_line(code).unwrap_or(usize::MAX);
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in code.split_inclusive('\n').enumerate() {
        if index < first_rust && syntax::is_shell(line) {
            steps.push(Step::Shell(line[1..].trim().to_owned()));
        } else if let Some(own) = own_command(line).filter(|_| index < first_rust) {
            steps.push(own);
        } else if let Some(Step::Rust(text)) = steps.last_mut() {
            text.push_str(line);
        } else {
            steps.push(Step::Rust("\n".repeat(index) + line));
        }
    }
    steps.retain(|step| !matches!(step, Step::Rust(text) if text.trim().is_empty()));
    steps
}

/// A command that is not evcxr's.
fn own_command(line: &str) -> Option<Step> {
    match line.trim() {
        ":restart" => Some(Step::Restart),
        ":clear" => Some(Step::Clear),
        ":show_deps" => Some(Step::Dependencies),
        ":vars" => Some(Step::Vars),
        ":help" => Some(Step::Help),
        question => {
            let name = question.strip_prefix('?')?.trim();
            (!name.is_empty()).then(|| Step::About(name.to_owned()))
        }
    }
}

/// Runs one command. An exit status other than 0 is an error.
pub fn run(command: &str, collector: &Collector, control: &Control) -> Result<(), CellError> {
    let cannot =
        |error: std::io::Error| CellError::new("ShellError", format!("`{command}` cannot be run: {error}"));
    let mut process = outside::command("sh");
    process.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = sys::in_own_group(&mut process).spawn().map_err(cannot)?;
    control.set_phase(Phase::Shell(child.id()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let has_ended = AtomicBool::new(false);
    // A process that it leaves behind may keep the pipes open for ever.
    let is_over = || has_ended.load(Ordering::SeqCst) && control.interrupted().times > 0;
    let status = std::thread::scope(|scope| {
        scope.spawn(|| forward(stdout, Stream::Stdout, collector, is_over));
        scope.spawn(|| forward(stderr, Stream::Stderr, collector, is_over));
        let status = child.wait();
        has_ended.store(true, Ordering::SeqCst);
        status
    });
    let status = status.map_err(cannot)?;
    control.set_phase(Phase::Compiling);
    if let Some(help) = habits::for_shell(command) {
        collector.print(Stream::Stderr, format!("help: {help}\n").as_bytes());
    }
    if status.success() {
        let what =
            format!("Interrupted: `{command}` has ended; a process that it has left behind may still run");
        return if is_over() { Err(CellError::new("ShellError", what)) } else { Ok(()) };
    }
    let how = match (status.code(), sys::ended_by(status)) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("was ended by {}", sys::signal_name(signal)),
        (None, None) => "failed".to_owned(),
    };
    Err(CellError::new("ShellError", format!("`{command}` {how}")))
}

/// Shows what comes from the pipe until its end, or until it is over.
fn forward(
    pipe: Option<impl Read + sockets::Source>,
    stream: Stream,
    collector: &Collector,
    is_over: impl Fn() -> bool,
) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match sockets::readable([Some(&pipe)], Some(BETWEEN_LOOKS)) {
            Ok([false]) if is_over() => return,
            Ok([false]) => continue,
            _ => {}
        }
        match pipe.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => collector.print(stream, &buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers() {
        let steps = split(":dep a\n! ls -l\n:dep b\nlet x = 1;\n!x");
        let rust = |text: &str| Step::Rust(text.to_owned());
        assert_eq!(
            steps,
            vec![rust(":dep a\n"), Step::Shell("ls -l".into()), rust("\n\n:dep b\nlet x = 1;\n!x")]
        );
        assert_eq!(split(":restart\n1"), vec![Step::Restart, rust("\n1")]);
        assert_eq!(split(":vars\n:help"), vec![Step::Vars, Step::Help]);
        assert_eq!(split("? Vec::new\n1"), vec![Step::About("Vec::new".into()), rust("\n1")]);
        assert_eq!(split("!ls"), vec![Step::Shell("ls".into())]);
        assert!(split("\n\n").is_empty());
    }
}
