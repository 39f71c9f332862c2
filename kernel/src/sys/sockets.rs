//! Sockets between the kernel's processes, and waiting for several of them and of pipes at once.

use std::io;
pub use std::os::fd::AsFd as Source;
use std::os::fd::OwnedFd;
pub use std::os::unix::net::{UnixListener as Listener, UnixStream as Stream};
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// Waits until something can be read from one of the sources or one has ended, at most for `limit`; for each source, whether
/// it is so.
pub fn readable<const N: usize>(
    sources: [Option<&dyn Source>; N],
    limit: Option<Duration>,
) -> io::Result<[bool; N]> {
    let limit = limit.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    let waiting = sources.iter().flatten();
    let mut all: Vec<_> =
        waiting.map(|&source| PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN)).collect();
    loop {
        match poll(&mut all, limit.as_ref()) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    let mut ready = all.iter().map(|one| !one.revents().is_empty());
    Ok(sources.map(|source| source.is_some() && ready.next().unwrap_or(false)))
}

/// From now on, reading from `source` does not wait.
pub fn never_wait(source: &impl Source) -> io::Result<()> {
    Ok(fcntl_setfl(source, fcntl_getfl(source)? | OFlags::NONBLOCK)?)
}

/// A socket as the standard input of a process.
pub fn as_stdin(stream: Stream) -> Stdio {
    OwnedFd::from(stream).into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_source_that_can_be_read_is_named() {
        let (quiet, _kept) = Stream::pair().unwrap();
        let (full, mut writer) = Stream::pair().unwrap();
        writer.write_all(b"a").unwrap();
        assert_eq!(readable([Some(&quiet), None, Some(&full)], None).unwrap(), [false, false, true]);
        assert_eq!(readable([Some(&quiet)], Some(Duration::ZERO)).unwrap(), [false]);
        drop(writer);
        assert_eq!(readable([None, Some(&full)], None).unwrap(), [false, true]);
    }
}
