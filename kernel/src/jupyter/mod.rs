//! The Jupyter side: five sockets, and a handler for each kind of request.

mod abort;
mod cell;
mod comm;
mod complete;
mod control;
mod execute;
mod expressions;
mod history;
mod info;
mod inspect;
mod iopub;
mod is_complete;
mod message;
mod outputs;
mod pager;
mod read;
mod shell;
mod shutdown;
mod stdin;
mod transport;
mod trust;

use std::path::Path;
use std::sync::{Arc, Mutex};

use jupyter_protocol::{ConnectionInfo, ErrorOutput, JupyterMessage, Status};
use jupyter_zmq_client::{
    RuntimeError, create_kernel_control_connection, create_kernel_heartbeat_connection,
    create_kernel_iopub_xpub_connection, create_kernel_shell_connection, create_kernel_stdin_connection,
};
use ring::hmac;
use tokio::runtime::Handle;
use tokio::time::{Duration, sleep, timeout};

use crate::error::{Error, Result};
use crate::session::{CellError, Session};
use crate::sys;
use crate::sys::signals::{Heard, Signals};

/// What a cell says that the kernel's end has stopped.
const TERMINATED: &str = "the kernel was told to end (SIGTERM) while this cell ran: by a time limit of the server, or by whoever \
runs it. Its variables are gone.";

/// What all handlers share.
struct Kernel {
    session: Session,
    iopub: iopub::IoPub,
    stdin: stdin::Stdin,
    executions: execute::Queue,
    history: Mutex<history::History>,
    /// The request whose cell is running. Whoever says that the kernel is busy or idle holds it, so that the last word is true.
    running: tokio::sync::Mutex<Option<JupyterMessage>>,
    seen: Mutex<trust::Seen>,
    /// What the connection file says.
    connection: ConnectionInfo,
    sockets: transport::Sockets,
}

/// Serves on the sockets that the connection file names, until a shutdown request.
pub fn serve(connection_file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(connection_file).map_err(Error::file(connection_file))?;
    let not_one = |reason: String| Error::ConnectionFile { path: connection_file.to_owned(), reason };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| not_one(error.to_string()))?;
    transport::check(&value).map_err(not_one)?;
    let connection: ConnectionInfo =
        serde_json::from_value(value).map_err(|error| not_one(error.to_string()))?;
    let key = trust::key(&connection).map_err(not_one)?;
    // First, so that it starts while the frontend connects.
    let session = Session::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Error::system("the threads for the sockets"))?.block_on(run(connection, key, session))
}

async fn run(connection: ConnectionInfo, key: Option<hmac::Key>, session: Session) -> Result<()> {
    let session_id = uuid::Uuid::new_v4().to_string();
    let sockets = transport::Sockets::prepare(&connection)?;
    let failed = |socket| move |source: RuntimeError| Error::Socket { socket, source };
    let mut iopub =
        create_kernel_iopub_xpub_connection(&connection, &session_id).await.map_err(failed("iopub"))?;
    let mut shell =
        create_kernel_shell_connection(&connection, &session_id).await.map_err(failed("shell"))?;
    let mut control =
        create_kernel_control_connection(&connection, &session_id).await.map_err(failed("control"))?;
    let mut stdin =
        create_kernel_stdin_connection(&connection, &session_id).await.map_err(failed("stdin"))?;
    let mut heartbeat = create_kernel_heartbeat_connection(&connection).await.map_err(failed("heartbeat"))?;
    sockets.close_to_others()?;

    (iopub.mac, shell.mac, control.mac, stdin.mac) = (key.clone(), key.clone(), key.clone(), key);
    let (shell_send, shell_read) = shell.split();
    let (control_send, control_read) = control.split();
    let (stdin_send, stdin_read) = stdin.split();
    let (executions, queue) = execute::Queue::new();
    let kernel = Arc::new(Kernel {
        session,
        iopub: iopub::IoPub::start(iopub),
        stdin: stdin::Stdin::start(stdin_send),
        executions,
        history: Mutex::new(history::History::open()),
        running: tokio::sync::Mutex::new(None),
        seen: Mutex::default(),
        connection,
        sockets,
    });
    kernel.iopub.send(message::starting()).await;

    tokio::spawn(async move {
        loop {
            if heartbeat.single_heartbeat().await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
        }
    });
    let shell_replies = message::Replies::start(shell_send);
    tokio::spawn(execute::run_queue(kernel.clone(), queue, shell_replies.clone()));
    tokio::spawn(shell::serve(kernel.clone(), shell_read, shell_replies));
    tokio::spawn(stdin::serve(kernel.clone(), stdin_read));
    tokio::spawn(watch_parent(kernel.clone()));
    watch_signals(kernel.clone());
    control::serve(kernel, control_read, message::Replies::start(control_send)).await;
    Ok(())
}

impl Kernel {
    fn seen(&self) -> std::sync::MutexGuard<'_, trust::Seen> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Stops the running cell and aborts the queued ones, even if the running one has just ended by itself.
    fn interrupt(&self) {
        self.executions.abort_received();
        // It may publish.
        tokio::task::block_in_place(|| self.session.interrupt());
    }

    /// Publishes that a request is being dealt with.
    async fn busy(&self, request: &JupyterMessage) {
        self.iopub.send(message::publish(Status::busy(), request)).await;
    }

    /// Publishes that a request has been dealt with; a cell that still runs keeps the kernel busy.
    async fn idle(&self, request: &JupyterMessage) {
        let running = self.running.lock().await;
        self.iopub.send(message::publish(Status::idle(), request)).await;
        if let Some(running) = &*running {
            self.iopub.send(message::publish(Status::busy(), running)).await;
        }
    }

    /// Ends the process because somebody else wants it, and says so in the output of the cell that runs.
    async fn terminate(&self) -> ! {
        let say = async {
            if let Some(request) = &*self.running.lock().await {
                let CellError { ename, evalue, traceback } = CellError::new("Terminated", TERMINATED);
                self.iopub.send(message::publish(ErrorOutput { ename, evalue, traceback }, request)).await;
                sleep(shutdown::FAREWELL).await;
            }
        };
        // A frontend that no longer reads must not keep it alive.
        let _ = timeout(shutdown::PATIENCE, say).await;
        self.exit()
    }

    /// Ends the process and all that belongs to it.
    fn exit(&self) -> ! {
        self.session.end();
        self.sockets.remove();
        std::process::exit(0)
    }
}

/// SIGINT interrupts, as a terminal or an older frontend sends it; SIGTERM ends.
fn watch_signals(kernel: Arc<Kernel>) {
    let here = Handle::current();
    match Signals::receive() {
        Ok(signals) => signals.pass_to(move |heard| match heard {
            Heard::Interrupt => kernel.interrupt(),
            Heard::Terminate => here.block_on(kernel.terminate()),
        }),
        Err(error) => log::warn!("signals cannot be received: {error}"),
    }
}

/// A kernel whose server was killed would live for ever.
async fn watch_parent(kernel: Arc<Kernel>) {
    let Some(parent) = std::env::var("JPY_PARENT_PID").ok().and_then(|pid| pid.parse::<u32>().ok()) else {
        return;
    };
    while sys::is_alive(parent) {
        sleep(Duration::from_secs(1)).await;
    }
    kernel.exit()
}
