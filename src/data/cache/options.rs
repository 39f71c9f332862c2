//! How much is kept, and where.

use std::path::PathBuf;

/// What a loader keeps of the pictures that it decodes; see [`cache`](super).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheOptions {
    /// Bytes of memory that kept pictures may take, of all loaders of the process together. Default: an
    /// eighth of the machine's memory (or of what the control group grants), at most 2 GiB.
    pub memory: u64,
    /// Bytes that the cache folder may take on disk, of all data sets together; the least recently used
    /// are deleted to make room. 0 writes nothing. Default: 4 GiB.
    pub disk: u64,
    /// The cache folder. Default: `$XDG_CACHE_HOME/herbarium/pictures`.
    pub folder: Option<PathBuf>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        CacheOptions { memory: (machine_memory() / 8).min(2 << 30), disk: 4 << 30, folder: None }
    }
}

impl CacheOptions {
    /// Keeps nothing: every picture is decoded in every epoch.
    pub fn off() -> Self {
        CacheOptions { memory: 0, disk: 0, folder: None }
    }

    /// Keeps up to `bytes` in memory, and nothing on disk.
    pub fn memory_only(bytes: u64) -> Self {
        CacheOptions { memory: bytes, disk: 0, folder: None }
    }

    /// Whether nothing is kept.
    pub fn is_off(&self) -> bool {
        self.memory == 0 && self.disk == 0
    }
}

/// The machine's memory in bytes, or the control group's limit. If neither is known (outside Linux), 4
/// GiB.
fn machine_memory() -> u64 {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let limits = [
        memory_total(&text("/proc/meminfo")),
        text("/sys/fs/cgroup/memory.max").trim().parse().ok(),
        text("/sys/fs/cgroup/memory/memory.limit_in_bytes").trim().parse().ok(),
    ];
    limits.into_iter().flatten().min().unwrap_or(4 << 30)
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_kibibytes() {
        assert_eq!(memory_total("MemTotal:       24533228 kB\nMemFree: 1 kB\n"), Some(24533228 * 1024));
        assert_eq!(memory_total("nothing"), None);
        let options = CacheOptions::default();
        assert!(options.memory > 0 && options.memory <= 2 << 30, "{options:?}");
    }
}
