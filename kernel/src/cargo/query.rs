//! Questions about the toolchain, whose answers stay the same as long as the template does.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{Tools, failure, run};

/// The folder of answers.
pub const FOLDER: &str = "queries";

/// Answers from the template's cache, or asks the tool and caches the answer.
pub fn answer(tools: &Tools, program: &Path, arguments: &[OsString]) -> ExitCode {
    if !is_question(arguments) {
        return run(tools.command(program).args(arguments));
    }
    let mut hasher = DefaultHasher::new();
    (program, arguments).hash(&mut hasher);
    let memory = tools.place(Path::new(FOLDER).join(format!("{:016x}.json", hasher.finish())));
    if let Some(known) = std::fs::read(&memory).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return repeat(&known);
    }
    let output = match tools.command(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => return failure(&format!("running {}: {error}", program.display())),
    };
    let answer = json!({
        "stdout": String::from_utf8_lossy(&output.stdout),
        "stderr": String::from_utf8_lossy(&output.stderr),
        "status": output.status.code().unwrap_or(101),
    });
    // A tool that was killed has not answered.
    if output.status.code().is_some() {
        remember(&memory, &answer.to_string());
    }
    repeat(&answer)
}

/// Whether the command only prints information: `--version`, `--print cfg`, `config get`.
fn is_question(arguments: &[OsString]) -> bool {
    let asks = |word: &OsString| {
        ["--version", "-V", "-vV", "-Vv", "--print", "config"].iter().any(|question| word == question)
            || word.to_str().is_some_and(|word| word.starts_with("--print="))
    };
    arguments.iter().any(asks)
}

fn repeat(answer: &Value) -> ExitCode {
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    let written = std::io::stdout().write_all(text("stdout").as_bytes());
    eprint!("{}", text("stderr"));
    match written {
        Ok(()) => ExitCode::from(answer["status"].as_u64().unwrap_or(101) as u8),
        Err(_) => ExitCode::from(101),
    }
}

/// A failure only costs time, so it is not reported. Two kernels at once write the same answer.
pub fn remember(memory: &Path, answer: &str) {
    let unfinished = memory.with_extension(format!("{}", std::process::id()));
    if let Some(folder) = memory.parent()
        && std::fs::create_dir_all(folder).is_ok()
        && std::fs::write(&unfinished, answer).is_ok()
    {
        let _ = std::fs::rename(&unfinished, memory);
    }
}
