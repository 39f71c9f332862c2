//! `herbarium run`: a notebook's cells in order, without Jupyter.

mod destination;
mod executor;
mod launcher;
mod notebook;
mod outputs;
mod rank;
mod terminal;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::parameters::{self, Options, Values};
use crate::session::Session;
use crate::sys::signals::{Heard, Signals};
use crate::{stdio, sys};
use destination::Destination;
use executor::End;
pub use executor::{MAY_FAIL, SKIPPED};
pub use launcher::launch;
pub use notebook::Notebook;
use rank::Rank;
use terminal::Terminal;

/// How long SIGTERM leaves a cell to stop, and then the run to write its notebook.
const FOR_THE_CELL: Duration = Duration::from_secs(2);
const FOR_THE_NOTEBOOK: Duration = Duration::from_secs(2);
/// The exit status of a program that SIGTERM has ended, by the shells' convention.
const TERMINATED: u8 = 143;

/// Runs `notebook` in its own folder, as Jupyter does, and writes the result to `out`, or to the notebook itself.
/// Stops at the first cell that fails, unless that one is marked with the tag `raises-exception`, and at one that is
/// interrupted; the outputs so far are written all the same.
///
/// Of several processes that run one notebook together, the one of rank 0 writes and prints; another says where it failed.
///
/// Exit status: 0 if all went well, 1 if a cell failed or was interrupted, 143 after SIGTERM.
pub fn run(options: &Options) -> Result<ExitCode> {
    let path = &options.notebook;
    let signals = receive_signals()?;
    let rank = Rank::of_process();
    launcher::end_with_launcher();
    let mut notebook = Notebook::read(path)?;
    if !options.values.is_empty() {
        set_parameters(&mut notebook, &options.values)?;
    }
    let out = options.out.as_deref().unwrap_or(path);
    let destination = if rank.is_first() { Some(Destination::prepare(out)?) } else { None };
    enter_folder_of(path)?;
    let started = Instant::now();
    let session = Arc::new(Session::start()?);
    session.set_unattended(true);
    let terminal = Arc::new(Terminal::new(rank));
    let [interrupted, terminated] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (to_session, to_run, to_end) = (session.clone(), interrupted.clone(), terminated.clone());
    signals.pass_to(move |heard| {
        // Either stops the cell that runs, and with it the run.
        to_run.store(true, Ordering::SeqCst);
        to_session.interrupt();
        if heard == Heard::Terminate && !to_end.swap(true, Ordering::SeqCst) {
            hurry(to_session.clone());
        }
    });
    let summary = executor::run_cells(&session, &mut notebook, &terminal, &interrupted);
    let written = match &destination {
        Some(destination) if summary.has_results() => destination.write(&notebook),
        _ => Ok(()),
    };
    session.end();
    written?;
    let status = match summary.end {
        End::Whole => ExitCode::SUCCESS,
        _ if terminated.load(Ordering::SeqCst) => ExitCode::from(TERMINATED),
        End::Failed | End::Interrupted => ExitCode::FAILURE,
    };
    if destination.is_none() {
        return Ok(status);
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
    stdio::print(&format!("{}: {what} {cells}, {pictures}, {seconds:.1} s\n", out.display()));
    Ok(status)
}

/// The signals of this process, which do not end it from here on.
fn receive_signals() -> Result<Signals> {
    Signals::receive().map_err(Error::system("signals cannot be received"))
}

/// Ends a run that was told to end: whoever does that waits a few seconds at most, and the outputs are to be written by then.
fn hurry(session: Arc<Session>) {
    thread::spawn(move || {
        thread::sleep(FOR_THE_CELL);
        // The second interrupt ends the cells' process.
        session.interrupt();
        thread::sleep(FOR_THE_NOTEBOOK);
        session.end();
        std::process::exit(TERMINATED.into());
    });
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
