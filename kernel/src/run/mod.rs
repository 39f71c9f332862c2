//! `herbarium run`: a notebook's cells in order, without Jupyter.

mod executor;
mod launcher;
mod notebook;
mod outputs;
mod rank;
mod signals;
mod terminal;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::parameters::{self, Options, Values};
use crate::session::Session;
use crate::{stdio, sys};
use executor::End;
pub use executor::MAY_FAIL;
pub use launcher::launch;
pub use notebook::Notebook;
use rank::Rank;
use signals::{Heard, Signals};
use terminal::Terminal;

/// Runs `notebook` in its own folder, as Jupyter does, and writes the result to `out`, or to the notebook itself.
/// Stops at the first cell that fails, unless that one is marked with the tag `raises-exception`, and at one that is
/// interrupted; the outputs so far are written all the same.
///
/// Of several processes that run one notebook together, the one of rank 0 writes and prints; another says where it failed.
///
/// Exit status: 0 if all went well, 1 if a cell failed or was interrupted.
pub fn run(options: &Options) -> Result<ExitCode> {
    let path = &options.notebook;
    let signals = Signals::receive()?;
    let rank = Rank::of_process();
    launcher::end_with_launcher();
    let mut notebook = Notebook::read(path)?;
    if !options.values.is_empty() {
        set_parameters(&mut notebook, &options.values)?;
    }
    let destination = options.out.as_deref().unwrap_or(path);
    let out = &std::path::absolute(destination).map_err(Error::file(destination))?;
    enter_folder_of(path)?;
    let started = Instant::now();
    let session = Arc::new(Session::start()?);
    let terminal = Arc::new(Terminal::new(rank));
    let interrupted = Arc::new(AtomicBool::new(false));
    let (to_session, to_run) = (session.clone(), interrupted.clone());
    signals.pass_to(move |heard| match heard {
        // Ctrl-C stops the cell that runs, and with it the run.
        Heard::Interrupt => {
            to_run.store(true, Ordering::SeqCst);
            to_session.interrupt();
        }
        Heard::Terminate => {
            to_session.end();
            std::process::exit(143);
        }
    });
    let summary = executor::run_cells(&session, &mut notebook, &terminal, &interrupted);
    let written = if rank.is_first() { notebook.write(out) } else { Ok(()) };
    session.end();
    written?;
    if !rank.is_first() {
        return Ok(if summary.end == End::Whole { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let cells = if summary.cells == 1 { "1 cell".to_owned() } else { format!("{} cells", summary.cells) };
    let pictures =
        if summary.pictures == 1 { "1 picture".to_owned() } else { format!("{} pictures", summary.pictures) };
    let seconds = started.elapsed().as_secs_f64();
    let what = match summary.end {
        End::Whole => "ran",
        End::Failed => "stopped at a cell that failed, after",
        End::Interrupted => "was interrupted, after",
    };
    stdio::print(&format!("{}: {what} {cells}, {pictures}, {seconds:.1} s\n", destination.display()));
    Ok(if summary.end == End::Whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Adds the cell that gives the notebook's parameters their values.
fn set_parameters(notebook: &mut Notebook, values: &Values) -> Result<()> {
    let declared = notebook.cell_tagged(parameters::DECLARED);
    if declared.is_none() {
        let tag = parameters::DECLARED;
        log::warn!("no cell is tagged `{tag}`, so the parameters come before the first cell");
    }
    let known = declared.map(|cell| parameters::declared(&notebook.source(cell))).unwrap_or_default();
    let code = parameters::injected(&known, values, declared.is_none()).map_err(Error::Values)?;
    notebook.inject(&code, declared);
    Ok(())
}

/// Prints the parameters that a notebook declares.
pub fn show_parameters(path: &Path) -> Result<ExitCode> {
    let notebook = Notebook::read(path)?;
    let known =
        notebook.cell_tagged(parameters::DECLARED).map(|cell| parameters::declared(&notebook.source(cell)));
    let text = match known.as_deref() {
        None => format!("{}: no cell is tagged `{}`\n", path.display(), parameters::DECLARED),
        Some([]) => {
            format!("{}: its cell tagged `{}` sets no variable\n", path.display(), parameters::DECLARED)
        }
        Some(known) => parameters::table(known),
    };
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

/// The variables that name files and folders, relative to where the command was given.
const PATHS: [&str; 4] = ["HERBARIUM_DATA", "HERBARIUM_WEIGHTS", "HERBARIUM_CRATE", "LIBTORCH"];

/// Makes the notebook's folder the working folder, with the variables still naming what they named.
fn enter_folder_of(notebook: &Path) -> Result<()> {
    let notebook = std::path::absolute(notebook).map_err(Error::file(notebook))?;
    for name in PATHS {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = value.and_then(|value| std::path::absolute(value).ok()) {
            // SAFETY: the session, which brings all further threads, has not begun.
            unsafe { sys::set_env(name, path) };
        }
    }
    let folder = notebook.parent().unwrap_or(Path::new("/"));
    std::env::set_current_dir(folder).map_err(Error::file(folder))
}
