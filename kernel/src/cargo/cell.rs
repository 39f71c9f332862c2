//! Compiling a cell: by rustc alone.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

use crate::dependencies;
use crate::inference::{self, Settled};
use crate::manifest::Dependencies;
use crate::memory::Remembered;
use crate::recipe::{ANALYSIS, CELL_CRATE};
use crate::record::Record;
use crate::reporter::Reporter;
use crate::source::types::PUT_INFERRED;
use crate::source::{self, Source, Verdict};
use crate::trace::Trace;
use crate::{OFFLINE, Tools, failure, run, stops};

/// `cargo build` and `cargo check` as evcxr calls them in a kernel's folder.
pub fn build(tools: &Tools, check_only: bool, words: &[&str], arguments: &[OsString]) -> ExitCode {
    let mut trace = Trace::start();
    let Ok(folder) = std::env::current_dir() else {
        return failure("the kernel's folder is gone: restart the kernel");
    };
    let Some(dependencies) = Dependencies::of(&folder.join("Cargo.toml"), &tools.recipe) else {
        return run(tools.command(&tools.recipe.cargo).args(arguments));
    };
    if std::env::var_os(ANALYSIS).is_some() {
        return pretend(&folder);
    }
    let record = if dependencies.is_crate_alone() {
        None
    } else {
        match dependencies::provide(
            tools,
            &folder,
            &dependencies,
            words.contains(&OFFLINE),
            &mut Reporter::default(),
        ) {
            Ok(record) => Some(record),
            Err(error) => return failure(&error.to_string()),
        }
    };
    let status = compile(tools, &folder, record.as_ref(), &dependencies.opt_level, check_only, &mut trace);
    trace.write();
    status
}

/// One run of rustc, reported to evcxr in cargo's format.
fn compile(
    tools: &Tools,
    folder: &Path,
    record: Option<&Record>,
    opt_level: &str,
    check_only: bool,
    trace: &mut Trace,
) -> ExitCode {
    let output = folder.join("target").join(&tools.recipe.target).join("debug/deps");
    if let Err(error) = std::fs::create_dir_all(&output) {
        return failure(&format!("creating {}: {error}", output.display()));
    }
    let source = folder.join("src/lib.rs");
    let externs = record.map(|record| record.arguments.as_slice()).unwrap_or_default();
    let named = inference::nameable_crates(&tools.recipe, externs);
    let mut cell = match read(&source, &named, folder) {
        Ok(cell) => cell,
        Err(why) => return failure(&why),
    };
    let (text, asked) = cell.to_compile();
    let infers = !check_only && !asked.is_empty();
    let flags = extra_rustflags();
    let quick = tools.recipe.quick_arguments.as_deref();
    let quick = quick.filter(|_| record.is_none() && keep_linker(&flags) && !source::is_foreign(&text));
    let mut command = tools.command(&tools.recipe.rustc);
    command
        .args(["--crate-name", CELL_CRATE, "--edition=2024", "src/lib.rs", "--crate-type", "cdylib"])
        .args(["--error-format=json", "--json=diagnostic-rendered-ansi,future-incompat"])
        .arg(if check_only { "--emit=metadata" } else { "--emit=link" })
        .args(["-C", &format!("opt-level={opt_level}"), "-C", "codegen-units=1", "-C", "strip=debuginfo"])
        .args(flags)
        .args(quick.unwrap_or(&tools.recipe.rustc_arguments))
        .args(externs)
        .arg("--out-dir")
        .arg(&output)
        .current_dir(folder)
        .env("CARGO_PKG_NAME", CELL_CRATE)
        .env("CARGO_MANIFEST_DIR", folder)
        .env("CARGO_CRATE_NAME", CELL_CRATE);
    // One that is compiled again for its line tables must become the same code.
    if infers || text.contains(PUT_INFERRED) && cell.is_adapted() {
        inference::ask(&mut command, &text, &tools.recipe);
    }
    let mut trial = inference::trial(&command);
    let library = output.join(format!("lib{CELL_CRATE}.so"));
    let arguments: Vec<OsString> =
        command.get_args().filter(|argument| *argument != output).map(Into::into).collect();
    trace.rustc_starts(&command);
    let lasting = !check_only && record.is_none_or(|record| record.lasting);
    let mut compiles = |text: &str| {
        std::fs::write(&source, text)?;
        let remembered = lasting.then(|| Remembered::of(tools, &arguments, &source)).flatten();
        if let Some(known) = remembered.as_ref().and_then(|place| place.recall(&library)) {
            return Ok(known);
        }
        let (mut messages, succeeded) = diagnose(&mut command)?;
        if succeeded && infers {
            messages.push(inference::answer(&output)?);
        }
        // A rustc that was killed says nothing about the cell.
        let is_conclusive =
            succeeded || messages.iter().any(|message| message.contains("\"level\":\"error\""));
        if let Some(place) = remembered.as_ref().filter(|_| is_conclusive) {
            place.keep(&messages, succeeded.then_some(&*library));
        }
        Ok((messages, succeeded))
    };
    // The variables that are functions, once the cell is compiled with pointers to them.
    let mut functions = Vec::new();
    let compiled = loop {
        let (text, asked) = cell.to_compile();
        let (messages, succeeded) = match if check_only {
            compiles(&text)
        } else {
            stops::compile(&text, opt_level != "0", &mut compiles)
        } {
            Ok(answer) => answer,
            Err(error) => break Err(error),
        };
        let kinds = inference::read(&messages);
        if let Verdict::Pass(messages) = cell.judge(messages) {
            let settled = match kinds {
                Some(kinds) => {
                    inference::settle(kinds, (&text, &asked), &mut cell.types, tools, folder, &mut trial)
                }
                None if succeeded || functions.is_empty() => Ok(Settled::Kept),
                None => inference::nameless(&functions, folder).map(Settled::Nameless),
            };
            match settled {
                Ok(Settled::Kept) => {}
                Ok(Settled::Again(found)) => {
                    functions = found;
                    continue;
                }
                Ok(Settled::Nameless(message)) => {
                    println!("{}", to_evcxr(&message));
                    break Ok(false);
                }
                Err(error) => break Err(error),
            }
            messages.iter().for_each(|message| println!("{}", to_evcxr(message)));
            // evcxr reads the file after rustc has run.
            break std::fs::write(&source, text).and_then(|()| cell.write_moves(folder)).map(|()| succeeded);
        }
    };
    trace.rustc_ends();
    match compiled {
        Ok(true) => {
            if !check_only {
                println!("{}", artifact(&library));
            }
            ExitCode::SUCCESS
        }
        Ok(false) => ExitCode::from(101),
        Err(error) => failure(&format!("compiling {}: {error}", source.display())),
    }
}

/// The answer where cells are only analysed.
fn pretend(folder: &Path) -> ExitCode {
    let library = folder.join(format!("lib{CELL_CRATE}.so"));
    match std::fs::write(&library, "") {
        Ok(()) => {
            println!("{}", artifact(&library));
            ExitCode::SUCCESS
        }
        Err(error) => failure(&format!("{}: {error}", library.display())),
    }
}

/// The text that evcxr has written.
fn read(source: &Path, crates: &[String], folder: &Path) -> Result<Source, String> {
    let text = std::fs::read_to_string(source).map_err(|error| format!("{}: {error}", source.display()))?;
    Source::of(&text, Some(crates), folder).map_err(|unfamiliar| unfamiliar.to_string())
}

/// The RUSTFLAGS that evcxr sets beyond those the template was built with (a linker, a backend).
fn extra_rustflags() -> Vec<String> {
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.split_whitespace().filter(|flag| *flag != "-Cprefer-dynamic").map(str::to_owned).collect()
}

/// Whether the flags leave the linker and the codegen backend at their defaults.
fn keep_linker(flags: &[String]) -> bool {
    !flags.iter().any(|flag| flag.contains("link") || flag.contains("backend"))
}

/// Runs rustc; its diagnostics, one JSON object each, and whether it succeeded.
fn diagnose(command: &mut Command) -> std::io::Result<(Vec<String>, bool)> {
    let mut rustc = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut messages = Vec::new();
    if let Some(stderr) = rustc.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            match serde_json::from_str::<Value>(&line) {
                Ok(message) if message["$message_type"] == "artifact" => {}
                Ok(_) => messages.push(line),
                Err(_) => eprintln!("{line}"),
            }
        }
    }
    Ok((messages, rustc.wait()?.success()))
}

/// A diagnostic as cargo passes it on.
fn to_evcxr(message: &str) -> Value {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    json!({ "reason": "compiler-message", "target": { "name": CELL_CRATE }, "message": message })
}

fn artifact(library: &Path) -> Value {
    json!({"reason": "compiler-artifact", "target": {"name": CELL_CRATE}, "filenames": [library]})
}
