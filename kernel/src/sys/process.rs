//! Processes: their signals, groups and relations.

use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, getrlimit, kill_process, kill_process_group, test_kill_process};
pub use rustix::process::{Resource, Signal};

/// Has the command run in a process group by itself: a terminal's Ctrl-C does not reach it, and [`kill_group`] ends it with
/// everything that it starts.
pub fn in_own_group(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// Becomes the command; the reason if that is not possible.
pub fn become_command(command: &mut Command) -> io::Error {
    command.exec()
}

/// The signal that has ended a process, if one has.
pub fn ended_by(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Asks the system to kill this process when its parent ends. `parent` shows whether that has already
/// happened.
pub fn die_with_parent(parent: Option<u32>) {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        if parent.is_some() && parent != self::parent() {
            std::process::exit(0);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
}

/// The process that this one descends from; another one when that has ended.
pub fn parent() -> Option<u32> {
    rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get() as u32)
}

/// Sends a signal to one process. False if there is no such process.
pub fn kill(pid: u32, signal: Signal) -> bool {
    to_pid(pid).is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Ends all other processes that were started with this value of an environment variable, where the system reports it;
/// how many there were.
pub fn end_processes_with(name: &str, value: &Path) -> usize {
    let entry = [name.as_bytes(), b"=", value.as_os_str().as_bytes()].concat();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let has_entry = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|other| other == entry)
    };
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id() && has_entry(pid))
        .filter(|pid| kill(*pid, Signal::KILL))
        .count()
}

/// Sends a signal to a process group.
pub fn kill_group(pid: u32, signal: Signal) -> bool {
    to_pid(pid).is_some_and(|pid| kill_process_group(pid, signal).is_ok())
}

/// Whether a process of that id exists.
pub fn is_alive(pid: u32) -> bool {
    match to_pid(pid).map(test_kill_process) {
        Some(Ok(())) => true,
        Some(Err(error)) => error == rustix::io::Errno::PERM,
        None => false,
    }
}

/// The name of this machine, or container.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// How much of a resource this process may have, where that is limited.
pub fn limit(resource: Resource) -> Option<u64> {
    getrlimit(resource).current
}

/// Every process that descends from `root`, except those below a process in `spare`.
pub fn descendants(root: u32, spare: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in process_table() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for &pid in children.get(&parent).into_iter().flatten() {
            if !spare.contains(&pid) {
                found.push(pid);
                open.push(pid);
            }
        }
    }
    found
}

/// (process, parent) of everything that runs.
#[cfg(target_os = "linux")]
fn process_table() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything; the state and the parent follow its last parenthesis.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn process_table() -> Vec<(u32, u32)> {
    let output = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let Ok(output) = output else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect()
}

/// The usual name of a signal, as `kill -l` has it.
pub fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

fn to_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_descends_from_its_parent() {
        let me = std::process::id();
        assert!(is_alive(me));
        assert!(!is_alive(0x7fff_fff0));
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get() as u32;
        assert!(descendants(parent, &[]).contains(&me));
        assert!(!descendants(parent, &[me]).contains(&me));
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_name(11), "SIGSEGV");
        assert_eq!(signal_name(63), "signal 63");
    }
}
