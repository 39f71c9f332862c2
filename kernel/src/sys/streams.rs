//! The standard streams of the cells' process, by way of the C library's `read` and `write`.
//!
//! A program's own symbols take precedence over those of libraries loaded later, so in the cells' process Rust's
//! standard library, libstdc++ and others call these functions. In other processes, and for other descriptors, they
//! are plain system calls. Not on macOS, where each symbol is bound to a named library: there a cell's standard input
//! is empty.

use std::fs::File;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use rustix::fs::fstat;

use super::sockets::Stream;

/// Gives up to so many bytes of standard input, none at its end, or the number of a system's error.
type Read = Box<dyn Fn(usize) -> Result<Vec<u8>, i32> + Send + Sync>;

static STREAMS: OnceLock<Streams> = OnceLock::new();

struct Streams {
    // Only Linux asks it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    read: Read,
    stdin: File,
    stdout: File,
    stderr: File,
}

/// From now on, reads of standard input call `read`, and standard output and error survive being closed by a cell.
/// Code that reads standard input in another way, such as a child process, finds it empty.
pub fn take_over(read: Read) -> io::Result<()> {
    let (empty, writer) = io::pipe()?;
    drop(writer);
    rustix::stdio::dup2_stdin(&empty)?;
    let streams = Streams {
        read,
        stdin: copy(io::stdin().as_fd())?,
        stdout: copy(io::stdout().as_fd())?,
        stderr: copy(io::stderr().as_fd())?,
    };
    // There is one process of cells for each program start.
    let _ = STREAMS.set(streams);
    Ok(())
}

fn copy(stream: BorrowedFd) -> io::Result<File> {
    stream.try_clone_to_owned().map(File::from)
}

/// Redirects standard output and error into a pipe; its end to read from, and the two as they were.
pub fn redirect_outputs() -> io::Result<(PipeReader, [File; 2])> {
    let before = [copy(io::stdout().as_fd())?, copy(io::stderr().as_fd())?];
    let (reader, writer) = io::pipe()?;
    rustix::stdio::dup2_stdout(&writer)?;
    rustix::stdio::dup2_stderr(&writer)?;
    Ok((reader, before))
}

/// Reads what is there of standard input, without Rust's buffer.
pub fn read_stdin(buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(io::stdin(), buffer)?)
}

/// The socket that this process has as its standard input.
pub fn stdin_as_socket() -> io::Result<Stream> {
    Ok(rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?.into())
}

/// The system's error of a read that nobody answers.
pub const REFUSED: i32 = libc::EOPNOTSUPP;
/// The system's error of a read during which the cell is stopped.
pub const CANCELLED: i32 = libc::ECANCELED;

/// The standard output that [`take_over`] found, whatever a cell has made of descriptor 1.
pub fn stdout() -> Option<&'static File> {
    STREAMS.get().map(|streams| &streams.stdout)
}

/// Restores standard streams that a cell has closed or redirected.
pub fn restore() {
    if let Some(streams) = STREAMS.get() {
        for number in 0..=2 {
            streams.restore(number);
        }
    }
}

impl Streams {
    /// Whether a descriptor, 0 to 2, is still what it was.
    fn is_ours(&self, number: i32) -> bool {
        let identity = |stream: BorrowedFd| fstat(stream).map(|facts| (facts.st_dev, facts.st_ino)).ok();
        match number {
            libc::STDIN_FILENO => identity(io::stdin().as_fd()) == identity(self.stdin.as_fd()),
            libc::STDOUT_FILENO => identity(io::stdout().as_fd()) == identity(self.stdout.as_fd()),
            _ => identity(io::stderr().as_fd()) == identity(self.stderr.as_fd()),
        }
    }

    fn restore(&self, number: i32) {
        if self.is_ours(number) {
            return;
        }
        // Without it, the next cell is where this one was.
        let _ = match number {
            libc::STDIN_FILENO => rustix::stdio::dup2_stdin(&self.stdin),
            libc::STDOUT_FILENO => rustix::stdio::dup2_stdout(&self.stdout),
            _ => rustix::stdio::dup2_stderr(&self.stderr),
        };
    }
}

#[cfg(target_os = "linux")]
mod interposed {
    use std::os::fd::AsRawFd;

    use libc::{c_int, c_void, size_t, ssize_t};

    use super::STREAMS;

    /// The prefix of evcxr's lines, and the longest write that contains one. They must reach the kernel even if the
    /// cell has redirected standard output.
    const CONTROL: (&[u8], usize) = (b"EVCXR_", 512);

    /// SAFETY: this is the C library's `read`, with its contract: `buffer` has room for `count` bytes.
    #[unsafe(export_name = "read")]
    unsafe extern "C" fn read(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t {
        let streams = if fd == libc::STDIN_FILENO { STREAMS.get() } else { None };
        let Some(streams) = streams.filter(|streams| streams.is_ours(fd)) else {
            // SAFETY: as above.
            return unsafe { libc::syscall(libc::SYS_read, fd, buffer, count) as ssize_t };
        };
        match (streams.read)(count) {
            Ok(bytes) => {
                let length = bytes.len().min(count);
                // SAFETY: `buffer` has room for `count` bytes, and nothing else points to `bytes`.
                unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), length) };
                length as ssize_t
            }
            Err(number) => {
                // SAFETY: the place of this thread's own error number.
                unsafe { *libc::__errno_location() = number };
                -1
            }
        }
    }

    /// SAFETY: this is the C library's `write`, with its contract: `buffer` has `count` bytes.
    #[unsafe(export_name = "write")]
    unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t {
        // SAFETY: as above.
        let call = |fd: c_int| unsafe { libc::syscall(libc::SYS_write, fd, buffer, count) as ssize_t };
        let is_output = fd == libc::STDOUT_FILENO || fd == libc::STDERR_FILENO;
        let Some(streams) = (if is_output { STREAMS.get() } else { None }) else { return call(fd) };
        if fd == libc::STDOUT_FILENO && (1..=CONTROL.1).contains(&count) {
            // SAFETY: as above.
            let text = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), count) };
            if memchr::memmem::find(text, CONTROL.0).is_some() {
                return call(streams.stdout.as_raw_fd());
            }
        }
        let written = call(fd);
        // SAFETY: the place of this thread's own error number.
        if written == -1 && unsafe { *libc::__errno_location() } == libc::EBADF {
            streams.restore(fd);
            return call(fd);
        }
        written
    }
}
