//! The kernel's private temporary folder: evcxr's crate and the socket for output live there.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::runtime::CELLS;
use crate::source::moves::Known;
use crate::source::types::{NAMELESS, TYPES, Types};
use crate::source::{MOVES, STALE};
use crate::sys::{self, sockets::Listener};

const PREFIX: &str = "herbarium-kernel-";
/// The socket's name in the folder.
const SOCKET: &str = "output";
/// A socket's path has at most 108 bytes on Linux, 104 on macOS.
const MAX_SOCKET_PATH: usize = 100;

/// Removed when dropped.
#[derive(Debug, Default)]
pub struct Folder {
    /// Set once it is there.
    path: OnceLock<PathBuf>,
}

impl Folder {
    /// Makes a new folder that only this user can open, and listens in it; removes the folders of kernels that were killed.
    /// Like Python, it takes the first usable one of the usual places. If that is not `TMPDIR`, it returns the place,
    /// so that the compilers use it too.
    pub fn create(&self) -> Result<(Listener, Option<PathBuf>)> {
        let wanted = std::path::absolute(std::env::temp_dir()).unwrap_or_else(|_| std::env::temp_dir());
        let mut places = vec![wanted.clone()];
        places.extend(["/tmp", "/var/tmp"].map(PathBuf::from));
        places.extend(std::env::current_dir());
        let Made { path, listener, refused } = make(&places)?;
        let elsewhere = refused.first().zip(path.parent().map(Path::to_owned)).map(|(why, place)| {
            log::warn!("temporary files go to {}: {why}", place.display());
            place
        });
        // It is made once.
        let _ = self.path.set(path);
        Ok((listener, elsewhere))
    }

    /// The folder; nowhere before it is made.
    fn path(&self) -> &Path {
        self.path.get().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Where the kernel listens for output.
    pub fn socket(&self) -> PathBuf {
        self.path().join(SOCKET)
    }

    /// Removes it before its time, when the process is about to end without unwinding.
    pub fn remove(&self) {
        let Some(path) = self.path.get() else { return };
        // A compiler that is being killed may still write: try again, but not for long.
        for _ in 0..5 {
            if fs::remove_dir_all(path).is_ok() || !path.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A new folder.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    listener: Listener,
    /// Why the earlier places could not be used.
    refused: Vec<String>,
}

/// Makes the folder in the first of the places that can be used.
fn make(places: &[PathBuf]) -> Result<Made> {
    let mut refused = Vec::new();
    for place in places {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let path = place.join(format!("{PREFIX}{}-{}-{}", std::process::id(), host(), &id[..8]));
        if let Err(error) = sys::create_private_folder(&path) {
            refused.push(format!("{}: {error}", place.display()));
            continue;
        }
        let socket = path.join(SOCKET);
        let listener = is_plain(&socket).then(|| Listener::bind(&socket).ok()).flatten();
        if let Some(listener) = listener {
            remove_stale(place);
            return Ok(Made { path, listener, refused });
        }
        // Other users have access to it.
        let _ = fs::remove_dir_all(&path);
    }
    let why = format!("there is no folder for temporary files ({})", refused.join("; "));
    Err(Error::Start(format!("{why}: set TMPDIR to one that you can write to")))
}

/// Whether a path can stand in the arguments and files of cargo, rustc and the linker as it is, and name a socket.
fn is_plain(path: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    path.as_os_str().len() <= MAX_SOCKET_PATH && path.as_os_str().as_encoded_bytes().iter().all(plain)
}

/// What tells this machine, or container, from others that have the same folder: a process's id is one of many there.
fn host() -> String {
    let mut hasher = DefaultHasher::new();
    (sys::host_name(), fs::read_link("/proc/self/ns/pid").ok()).hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

/// Removes the folders of this machine's kernels that were killed.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name: OsString = entry.file_name();
        let words: Vec<&str> =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).unwrap_or_default().split('-').collect();
        if let [pid, host, _] = words[..]
            && host == self::host()
            && pid.parse().is_ok_and(|pid| !sys::is_alive(pid))
        {
            // Another user's folder cannot be removed, and need not be.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Folder {
    /// Tells the cells' compiler which variables have a type that the next cell redefines. If that fails, evcxr
    /// behaves as usual.
    pub fn set_stale(&self, names: &[String]) {
        let file = self.path().join(CELLS).join(STALE);
        let _ = match names {
            [] => fs::remove_file(file),
            names => fs::write(file, names.join("\n")),
        };
    }

    /// What the last cell that was compiled moves away.
    pub fn moves(&self) -> Known {
        Known::read(&self.path().join(CELLS).join(MOVES))
    }

    /// What the placeholders for types stand for.
    pub fn types(&self) -> Types {
        Types::read(&self.path().join(CELLS).join(TYPES))
    }

    /// The crates that cells have added, each a line of a manifest.
    pub fn dependencies(&self) -> Vec<String> {
        let manifest = fs::read_to_string(self.path().join(CELLS).join("Cargo.toml")).unwrap_or_default();
        let lines = manifest.split_once("[dependencies]").map_or("", |(_, lines)| lines).lines();
        lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// The variables of the last cell whose types cannot be named, and these types. Removes the file, so that the next cell does
    /// not find it.
    pub fn take_nameless(&self) -> Vec<(String, String)> {
        let file = self.path().join(CELLS).join(NAMELESS);
        let text = fs::read_to_string(&file).unwrap_or_default();
        if !text.is_empty() {
            let _ = fs::remove_file(file);
        }
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The folder of the crate that cells become, evcxr's `tmpdir`, with evcxr's configuration in it.
    pub fn cells(&self) -> Result<PathBuf> {
        self.of_evcxr(CELLS)
    }

    /// The same for the evcxr that only analyses cells.
    pub fn analysis(&self) -> Result<PathBuf> {
        self.of_evcxr("analysis")
    }

    fn of_evcxr(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir_all(&path).map_err(Error::file(&path))?;
        let config = path.join("evcxr.toml");
        // Cells are compiled for a short wait; `:opt 2` is for cells that compute.
        let text = format!("[evcxr]\ntmpdir = {:?}\nopt_level = \"0\"\n", path.display().to_string());
        fs::write(&config, text).map_err(Error::file(&config))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_removed_and_the_dead_cleared_away() {
        let named = |host: &str| std::env::temp_dir().join(format!("{PREFIX}{}-{host}-stale", 0x7fff_fff0));
        let (stale, of_another) = (named(&host()), named("another"));
        for folder in [&stale, &of_another] {
            fs::create_dir_all(folder).unwrap();
        }
        let folder = Folder::default();
        folder.create().unwrap();
        let path = folder.path().to_owned();
        assert!(folder.socket().as_os_str().len() <= MAX_SOCKET_PATH);
        assert!(!stale.exists() && of_another.exists());
        fs::remove_dir(&of_another).unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_first_place_that_can_be_used() {
        let home = std::env::temp_dir().join(format!("herbarium-places-{}", std::process::id()));
        let (file, quoted, good) = (home.join("file"), home.join("it's \"here\""), home.join("good"));
        fs::create_dir_all(&quoted).unwrap();
        fs::create_dir_all(&good).unwrap();
        fs::write(&file, "").unwrap();
        let made = make(&[home.join("missing"), file.clone(), quoted.clone(), good.clone()]).unwrap();
        assert_eq!(made.path.parent(), Some(&*good));
        assert_eq!(made.refused.len(), 2, "what others can use is theirs: {:?}", made.refused);
        assert_eq!(fs::read_dir(&quoted).unwrap().count(), 0);
        let error = make(&[home.join("missing"), file]).unwrap_err().to_string();
        assert!(error.contains("missing: ") && error.contains("set TMPDIR"), "{error}");
        fs::remove_dir_all(home).unwrap();
    }
}
