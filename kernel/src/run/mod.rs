//! `herbarium run`: a notebook's cells in order, without Jupyter.

mod executor;
mod notebook;
mod outputs;
mod terminal;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::stdio;
use notebook::Notebook;
use terminal::Terminal;

/// Runs `notebook` and writes what came of it to `out`, or to the notebook itself. Stops at the first cell that fails,
/// unless that one is marked with the tag `raises-exception`; what ran until then is written all the same.
///
/// Exit status: 0 if all went well, 1 if a cell failed.
pub fn run(path: &Path, out: Option<&Path>) -> Result<ExitCode> {
    let mut notebook = Notebook::read(path)?;
    let out = out.unwrap_or(path);
    let started = Instant::now();
    let session = Arc::new(Session::start()?);
    let terminal = Arc::new(Terminal::new());
    interrupt_on_signal(session.clone())?;
    let summary = executor::run_cells(&session, &mut notebook, &terminal);
    let written = notebook.write(out);
    session.end();
    written?;
    let cells = if summary.cells == 1 { "1 cell".to_owned() } else { format!("{} cells", summary.cells) };
    let pictures =
        if summary.pictures == 1 { "1 picture".to_owned() } else { format!("{} pictures", summary.pictures) };
    let seconds = started.elapsed().as_secs_f64();
    let what = if summary.failed { "stopped at a cell that failed, after" } else { "ran" };
    stdio::print(&format!("{}: {what} {cells}, {pictures}, {seconds:.1} s\n", out.display()));
    Ok(if summary.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Ctrl-C stops the cell that runs; SIGTERM ends everything.
fn interrupt_on_signal(session: Arc<Session>) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let what = "signals cannot be received";
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::system(what))?;
    let _inside = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::system(what))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::system(what))?;
    drop(_inside);
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => session.interrupt(),
                    _ = terminate.recv() => {
                        session.end();
                        std::process::exit(143);
                    }
                }
            }
        });
    });
    Ok(())
}
