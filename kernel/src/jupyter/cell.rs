//! Handing a cell to the session.

use std::sync::Arc;

use super::Kernel;
use crate::session::{Cell, CellError, Outcome};

/// Runs a cell to its end.
pub async fn execute_cell(kernel: &Arc<Kernel>, cell: Cell) -> Outcome {
    // Starting a cell first flushes the rest of the one before it, which may block.
    let starter = kernel.clone();
    match tokio::task::spawn_blocking(move || starter.session.execute(cell)).await {
        Ok(outcome) => outcome.await.unwrap_or_else(|_| session_gone()),
        Err(_) => session_gone(),
    }
}

fn session_gone() -> Outcome {
    let error = CellError::new("KernelError", "the session's thread has ended; restart the kernel");
    Outcome { error: Some(error), ..Outcome::default() }
}
