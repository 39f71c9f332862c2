//! The process with rust-analyzer: questions on its standard input, a line of JSON each, and answers on its standard output.

use std::io::{BufRead, Write};
use std::process::Command;

use evcxr::{CommandContext, EvalContext};

use super::{Answer, Asked, Question, answers};
use crate::{runtime, sys};

/// The value of [`runtime::ROLE`] for this process, and for what its evcxr takes for the process of the cells.
pub const ROLE: &str = "analysis";
const NO_CELLS: &str = "no cells";
/// What evcxr takes for the end of a cell.
const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";

/// Runs this process's role if it was started for analysis.
pub fn enter_role() {
    match std::env::var(runtime::ROLE).as_deref() {
        Ok(ROLE) => run(),
        Ok(NO_CELLS) => run_no_cells(),
        _ => {}
    }
}

/// Answers questions until the kernel closes the pipe.
fn run() -> ! {
    sys::die_with_parent(std::env::var(runtime::PARENT).ok().and_then(|pid| pid.parse().ok()));
    // rust-analyzer recurses deeply.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(serve);
    let served = thread.ok().and_then(|thread| thread.join().ok());
    std::process::exit(if matches!(served, Some(Ok(()))) { 0 } else { 1 })
}

fn serve() -> std::io::Result<()> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.env(runtime::ROLE, NO_CELLS);
    let (context, _outputs) = EvalContext::with_subprocess_command(command)
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    let mut context = CommandContext::with_eval_context(context);
    let mut known: Vec<String> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        for dependency in question.dependencies.iter().filter(|dependency| !known.contains(dependency)) {
            // Without it the answer is only less complete.
            let _ = context.execute(&format!(":dep {dependency}"));
        }
        known.clone_from(&question.dependencies);
        let answer = answer(&mut context, &question);
        let mut out = std::io::stdout().lock();
        out.write_all((serde_json::to_string(&answer)? + "\n").as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn answer(context: &mut CommandContext, question: &Question) -> Answer {
    let Question { asked, before, code, position, .. } = question;
    match asked {
        Asked::Completions => {
            Answer { completions: answers::complete(context, before, code, *position), ..Answer::default() }
        }
        Asked::Documentation => {
            Answer { documentation: answers::inspect(context, before, code, *position), ..Answer::default() }
        }
    }
}

/// The process that evcxr takes for the one that runs cells: it runs none.
fn run_no_cells() -> ! {
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        println!("{COMPLETE}");
    }
    std::process::exit(0)
}
