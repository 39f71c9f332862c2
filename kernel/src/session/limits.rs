//! The limits that a server sets, for the errors of cells that meet one: which limit it was, and what to do.

use std::path::Path;

use super::event::CellError;
use crate::sys::{self, Resource};

/// cgroups without a limit have a number as large as this, or larger.
const UNLIMITED: u64 = 1 << 60;
/// Where Linux says which limits hold for a group of processes.
const CGROUPS: &str = "/sys/fs/cgroup";
const OF_MEMORY: [&str; 5] =
    ["memory allocation of ", "can't allocate memory", "Cannot allocate memory", "bad_alloc", "os error 12)"];
/// EAGAIN has other reasons too, where nothing was to be started.
const OF_PROCESSES: [&str; 4] =
    ["Resource temporarily unavailable", "os error 11)", "WouldBlock", "code: 11"];
const STARTS: [&str; 6] = ["thread", "Thread", "spawn", "fork", "process", "running"];
const OF_FILES: [&str; 2] = ["Too many open files", "os error 24)"];
const OF_DISK: [&str; 6] = [
    "No space left on device",
    "os error 28)",
    "Disk quota exceeded",
    "os error 122)",
    "File too large",
    "os error 27)",
];

/// Adds to an error that comes from a limit which one, and what to do.
pub fn explain(error: CellError) -> CellError {
    let text = error.traceback.join("\n");
    match advice(&text) {
        Some(note) if !text.contains(&note) => error.with_note(&note),
        _ => error,
    }
}

/// What to say about a text by which something failed, if a limit is the reason.
pub fn advice(text: &str) -> Option<String> {
    let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    if has(&OF_MEMORY) {
        Some(of_memory())
    } else if has(&OF_PROCESSES) && has(&STARTS) {
        Some(of_processes())
    } else if has(&OF_FILES) {
        let limit =
            limit(Resource::Nofile).map_or_else(String::new, |most| format!(" ({most} here: `ulimit -n`)"));
        Some(format!("A program may have only so many files open{limit}: close some, or `:restart`."))
    } else if has(&OF_DISK) {
        let limit =
            limit(Resource::Fsize).map(|most| format!("; a file may have {} here (`ulimit -f`)", size(most)));
        let limit = limit.unwrap_or_default();
        Some(format!(
            "The disk is full, or your share of it{limit}. `!df -h . ~ /tmp` shows where; delete what you can."
        ))
    } else {
        None
    }
}

/// Why there is no more memory, and what to do.
pub fn of_memory() -> String {
    let limit = memory().map(|limit| format!("{limit}. ")).unwrap_or_default();
    format!(
        "{limit}Use smaller batches or pictures, or free what earlier cells and other notebooks hold (`:restart`); \
        whoever runs the server can raise the limit."
    )
}

/// Why nothing more can be started, and what to do.
fn of_processes() -> String {
    let of_user = limit(Resource::Nproc).map(|most| (most, "a user", "ulimit -u"));
    let of_server = cgroup("pids", "pids.max", "pids.max").map(|most| (most, "this server", "its cgroup"));
    let limit = of_user.into_iter().chain(of_server).min();
    let limit = limit
        .map(|(most, who, by)| format!("{who} may have {most} processes and threads at a time here ({by})"));
    format!(
        "No process or thread can be started: {}. End what still runs (other notebooks; threads of earlier cells: \
        `:restart`), use fewer threads (OMP_NUM_THREADS=1 in the kernel's environment), or ask whoever runs the server for more.",
        limit.unwrap_or_else(|| "the system has as many as it can".to_owned())
    )
}

/// The limit on memory, as a sentence without its stop.
pub fn memory() -> Option<String> {
    let of_process = limit(Resource::As).map(|most| (most, "A program", "ulimit -v"));
    let of_server = cgroup("memory", "memory.max", "memory.limit_in_bytes")
        .map(|most| (most, "This server", "its cgroup"));
    let (most, who, by) = of_process.into_iter().chain(of_server).min()?;
    Some(format!("{who} may use {} of memory here ({by})", size(most)))
}

/// The limit on processor time, in seconds.
pub fn processor_seconds() -> Option<u64> {
    limit(Resource::Cpu)
}

/// How often the system has ended a program for want of memory: in this group of processes, or at all.
pub fn kills_for_memory() -> Option<u64> {
    let count = |path: &Path| {
        let text = std::fs::read_to_string(path).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    };
    let of_group = groups("memory").into_iter().find_map(|folder| {
        count(&folder.join("memory.events")).or_else(|| count(&folder.join("memory.oom_control")))
    });
    of_group.or_else(|| count(Path::new("/proc/vmstat")))
}

fn limit(resource: Resource) -> Option<u64> {
    sys::limit(resource).filter(|most| *most < UNLIMITED)
}

/// The smallest limit of the groups of processes that this one belongs to; its file's name differs between the two
/// versions of cgroups.
fn cgroup(controller: &str, second: &str, first: &str) -> Option<u64> {
    let limit = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join(second))
            .or_else(|_| std::fs::read_to_string(folder.join(first)));
        text.ok()?.trim().parse().ok().filter(|most| *most < UNLIMITED)
    };
    groups(controller).iter().filter_map(|folder| limit(folder)).min()
}

/// The folders of the groups, from this process's own to the root.
fn groups(controller: &str) -> Vec<std::path::PathBuf> {
    let text = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    folders(&text, controller)
}

/// The same, from what Linux says of a process: a line `4:memory:/a/b` or, of the second version, `0::/a/b`.
fn folders(text: &str, controller: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((names, path)) = line.split_once(':').and_then(|(_, rest)| rest.split_once(':')) else {
            continue;
        };
        let root = match names {
            "" => Path::new(CGROUPS).to_owned(),
            names if names.split(',').any(|name| name == controller) => Path::new(CGROUPS).join(controller),
            _ => continue,
        };
        let below = path.trim_start_matches('/');
        found.extend(Path::new(below).ancestors().map(|path| root.join(path)));
    }
    found
}

fn size(bytes: u64) -> String {
    let (mega, giga) = (1u64 << 20, 1u64 << 30);
    if bytes < giga {
        format!("{} MiB", bytes / mega)
    } else {
        format!("{:.1} GiB", bytes as f64 / giga as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_limit_ends_is_told_from_other_failures() {
        let memory = "[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: can't allocate memory";
        assert!(advice(memory).unwrap().contains("smaller batches"));
        let thread = "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }";
        assert!(advice(thread).unwrap().contains("No process or thread can be started"));
        assert!(advice("libgomp: Thread creation failed: Resource temporarily unavailable").is_some());
        assert!(advice("write: No space left on device (os error 28)").unwrap().contains("!df"));
        assert!(advice("Too many open files (os error 24)").unwrap().contains("close some"));
        for other in
            ["CUDA out of memory", "Resource temporarily unavailable (os error 11)", "index out of bounds"]
        {
            assert_eq!(advice(other), None, "{other}");
        }
        let once = explain(CellError::new("Panic", memory));
        assert_eq!(explain(once.clone()), once);
    }

    #[test]
    fn groups_of_both_versions_are_looked_at_up_to_the_root() {
        let names = |text: &str| {
            let found = folders(text, "memory");
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names("5:devices:/\n4:cpu,memory:/a/b"),
            ["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory/"]
        );
        assert_eq!(names("0::/user.slice"), ["/sys/fs/cgroup/user.slice", "/sys/fs/cgroup/"]);
        assert_eq!((size(1 << 29), size(3 << 29)), ("512 MiB".to_owned(), "1.5 GiB".to_owned()));
    }
}
