//! Who else can listen: over TCP every user of this machine, at Unix sockets only their owner.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use jupyter_protocol::{ConnectionInfo, Transport};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::sys;

/// What a kernel says that starts over TCP; ipykernel says the same.
const OPEN: &str = "This kernel talks to Jupyter over TCP without encryption: other users of this machine can read what \
cells print. Where there are others, start Jupyter with --KernelManager.transport=ipc";
/// Why a connection file with keys is refused: a client that encrypts would wait for ever.
const NO_CURVE: &str = "it has CurveZMQ keys, and this kernel's ZeroMQ library cannot encrypt: leave out \
`transport_encryption`, and start Jupyter with --KernelManager.transport=ipc, so that only you can read what cells print";

/// The longest path of a Unix socket on Linux; macOS takes 103 bytes.
const LONGEST: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Refuses what a connection file asks for and the kernel cannot do.
pub fn check(connection_file: &Value) -> std::result::Result<(), String> {
    let has = |key: &str| connection_file[key].as_str().is_some_and(|key| !key.is_empty());
    if has("curve_publickey") || has("curve_secretkey") { Err(NO_CURVE.to_owned()) } else { Ok(()) }
}

/// The kernel's Unix sockets; none over TCP.
#[derive(Debug)]
pub struct Sockets(Vec<PathBuf>);

impl Sockets {
    /// Removes those that an earlier kernel with this connection file has left, or warns that there are none.
    pub fn prepare(connection: &ConnectionInfo) -> Result<Sockets> {
        if connection.transport != Transport::IPC {
            log::warn!("{OPEN}");
            return Ok(Sockets(Vec::new()));
        }
        let urls = [
            connection.iopub_url(),
            connection.shell_url(),
            connection.control_url(),
            connection.stdin_url(),
            connection.hb_url(),
        ];
        let paths: Vec<PathBuf> =
            urls.iter().map(|url| url.strip_prefix("ipc://").unwrap_or(url).into()).collect();
        if let Some(path) = paths.iter().find(|path| path.as_os_str().len() > LONGEST) {
            let why = format!(
                "a Unix socket's path has at most {LONGEST} bytes: have Jupyter use a folder with a shorter name, by JUPYTER_RUNTIME_DIR"
            );
            return Err(Error::file(path)(std::io::Error::new(ErrorKind::InvalidInput, why)));
        }
        for path in paths.iter().filter(|path| sys::is_socket(path)) {
            fs::remove_file(path).map_err(Error::file(path))?;
        }
        Ok(Sockets(paths))
    }

    /// Lets nobody but this user connect, whatever the umask was when they were made.
    pub fn close_to_others(&self) -> Result<()> {
        let closed = |path: &PathBuf| sys::set_mode(path, 0o600).map_err(Error::file(path));
        self.0.iter().try_for_each(closed)
    }

    /// Removes them; to be called when the kernel ends.
    pub fn remove(&self) {
        for path in &self.0 {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    log::warn!("{}: {error}", path.display());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_be_used_are_refused() {
        let message =
            check(&serde_json::json!({ "curve_publickey": "a", "curve_secretkey": "b" })).unwrap_err();
        assert!(message.contains("--KernelManager.transport=ipc"), "{message}");
        assert_eq!(check(&serde_json::json!({ "curve_publickey": null, "key": "k" })), Ok(()));
    }

    #[test]
    fn a_socket_that_was_left_is_removed_and_no_other_file() {
        let folder = std::env::temp_dir().join(format!("herbarium-sockets-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let connection: ConnectionInfo = serde_json::from_value(serde_json::json!({
            "transport": "ipc", "ip": folder.join("k-ipc"), "key": "k", "signature_scheme": "hmac-sha256",
            "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
        }))
        .unwrap();
        let (socket, other) = (folder.join("k-ipc-1"), folder.join("k-ipc-2"));
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        fs::write(&other, "a file").unwrap();
        let sockets = Sockets::prepare(&connection).unwrap();
        assert!(!socket.exists() && other.exists());
        assert!(sockets.close_to_others().is_err(), "they are not there yet");
        sockets.0.iter().for_each(|path| fs::write(path, "").unwrap());
        sockets.close_to_others().unwrap();
        assert_eq!(sys::mode(&socket).unwrap(), 0o600);
        sockets.remove();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(&folder).unwrap();
        let deep =
            ConnectionInfo { ip: folder.join("k".repeat(LONGEST)).display().to_string(), ..connection };
        assert!(Sockets::prepare(&deep).unwrap_err().to_string().contains("JUPYTER_RUNTIME_DIR"));
    }
}
