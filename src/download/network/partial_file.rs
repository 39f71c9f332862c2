//! The unfinished file: where it lies, who works on it, and whether it can be continued.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::notebook::{interrupted, take_interrupt};
use crate::{Error, Result};

/// The beginning of a file that is being fetched, locked against other processes.
pub(super) struct PartialFile {
    path: PathBuf,
    file: File,
    length: u64,
    /// What the server calls the version of the file that the part is of.
    version: Option<String>,
}

/// How a part was got hold of.
pub(super) enum Claim {
    /// At once.
    Mine(PartialFile),
    /// After another process had let it go.
    Waited(PartialFile),
}

impl PartialFile {
    /// Opens and locks the part of the file `to`; waits while another process has it.
    pub fn claim(to: &Path) -> Result<Claim> {
        let name = to.file_name().ok_or_else(|| {
            Error::Argument(format!("{}: a download needs the name of a target file", to.display()))
        })?;
        let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::io("creating", folder))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".part");
        let path = folder.join(hidden);
        let mut waited = false;
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(Error::io("writing", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if !waited {
                        println!("{}: another process is fetching it, waiting …", to.display());
                    }
                    waited = true;
                    if interrupted() {
                        take_interrupt();
                        return Err(Error::Interrupted);
                    }
                    std::thread::sleep(Duration::from_millis(100));
                    continue;
                }
                // A file system without locks: two at once are rare there, and the checksum reveals it.
                Err(TryLockError::Error(_)) => {}
            }
            // The one before may have put it in place between our opening and our locking.
            if !same_file(&file, &path) {
                waited = true;
                continue;
            }
            let length = file.metadata().map_err(Error::io("reading", &path))?.len();
            let part = PartialFile { path, file, length, version: None };
            return Ok(if waited { Claim::Waited(part) } else { Claim::Mine(part) });
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What the server calls this version, for a request to go on with that one only.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    fn note(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".from");
        name.into()
    }

    /// Empties a part from another URL, and one that has neither a server version nor a checksum:
    /// nothing would show that it continues with another file.
    pub fn keep_only_what_can_go_on(&mut self, url: &str, has_checksum: bool) -> Result<()> {
        let note: Option<Value> =
            fs::read(self.note()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        self.version = note.as_ref().and_then(|note| Some(note["version"].as_str()?.to_owned()));
        let same_source = note.is_some_and(|note| note["url"] == url);
        if self.length > 0 && !(same_source && (self.version.is_some() || has_checksum)) {
            self.empty()?;
        }
        Ok(())
    }

    /// Notes where the part comes from, before its first byte.
    pub fn begin(&mut self, url: &str, version: Option<&str>) -> Result<()> {
        self.version = version.map(str::to_owned);
        let note = json!({ "url": url, "version": version }).to_string();
        fs::write(self.note(), note).map_err(Error::io("writing", self.note()))
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let failed = |error| Error::io("writing", &self.path)(error);
        self.file.seek(SeekFrom::Start(self.length)).map_err(failed)?;
        if let Err(error) = self.file.write_all(bytes) {
            // What was half written does not count.
            let _ = self.file.set_len(self.length);
            return Err(failed(error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Starts again from nothing.
    pub fn empty(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(Error::io("writing", &self.path))?;
        (self.length, self.version) = (0, None);
        Ok(())
    }

    /// Makes it the file that it is a part of.
    pub fn put_in_place(self, to: &Path) -> Result<()> {
        self.file.sync_all().map_err(Error::io("writing", &self.path))?;
        fs::rename(&self.path, to).map_err(Error::io("writing", to))?;
        let _ = fs::remove_file(self.note());
        Ok(())
    }

    /// Removes it.
    pub fn discard(self) {
        let _ = fs::remove_file(self.note());
        let _ = fs::remove_file(&self.path);
    }

    /// What became of it, as the end of a sentence about a failure.
    pub fn story(&self) -> String {
        match self.length {
            0 => String::new(),
            length => {
                format!(
                    ". The {} received so far are kept: the same line resumes from there",
                    crate::download::bytes(length)
                )
            }
        }
    }

    /// What the content looks like, when it is not what it should be.
    pub fn what_it_is(&self) -> Result<&'static str> {
        let mut start = Vec::new();
        let file = File::open(&self.path).map_err(Error::io("reading", &self.path))?;
        file.take(512).read_to_end(&mut start).map_err(Error::io("reading", &self.path))?;
        let text = String::from_utf8_lossy(&start).to_ascii_lowercase();
        let page = text.contains("<!doctype html") || text.contains("<html");
        Ok(if page {
            ": a web page was sent instead of the file, perhaps the login page of a network; open the address in a browser"
        } else {
            ": the file there is damaged or a different one; try again later, or from a mirror"
        })
    }
}

impl Drop for PartialFile {
    /// An empty part is of no use to anyone.
    fn drop(&mut self) {
        if self.length == 0 && same_file(&self.file, &self.path) {
            let _ = fs::remove_file(self.note());
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether an open file is the one that the path names now.
#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// An open file cannot lose its name there.
#[cfg(not(unix))]
fn same_file(_: &File, path: &Path) -> bool {
    path.exists()
}
