//! Out-of-memory errors that say which batch size would fit.

use tch::Device;

use crate::error::is_out_of_memory;
use crate::models::Model;
use crate::{Error, Result, cuda};

/// A clear error if libtorch ran out of memory for a batch of `batch` pictures.
pub(super) fn explained(error: Error, model: &Model, batch: usize) -> Error {
    match error {
        Error::Torch(told) if is_out_of_memory(&told) => {
            if model.device().is_cuda() {
                // What the failed batch had becomes free for others. That may fail as well, and is no matter then.
                let _ = cuda::empty_cache(model.device());
            }
            Error::OutOfMemory {
                model: model.name().to_owned(),
                batch,
                advice: advice(model.device(), batch),
                requested: requested(&told),
                told: essence(&told),
            }
        }
        other => other,
    }
}

/// The bytes in "Tried to allocate 20.00 MiB" and "you tried to allocate 400000000 bytes".
fn requested(told: &str) -> Option<u64> {
    let at = told.to_lowercase().find("tried to allocate ")? + "tried to allocate ".len();
    let mut words = told.get(at..)?.split_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let unit = match words.next()?.trim_end_matches(['.', ',']) {
        "bytes" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    Some((number * (1u64 << unit) as f64) as u64)
}

/// What libtorch says, without its advice on the settings of its allocator.
fn essence(told: &str) -> String {
    let end = [" If reserved but unallocated memory", " See documentation for Memory Management"]
        .iter()
        .filter_map(|words| told.find(words))
        .min();
    told[..end.unwrap_or(told.len())].trim_end_matches('.').to_owned()
}

/// Half is a guess that mostly works: part of the batch did fit.
fn advice(device: Device, batch: usize) -> String {
    match batch {
        0 | 1 => "not even one picture fits: resize the pictures smaller, or take a smaller network".into(),
        batch => format!(
            "make the loaders with batch_size {} ({}), or resize the pictures smaller; \
             TrainOptions::accumulate makes up for a small batch",
            batch / 2,
            match device {
                Device::Cpu => "or close other programs on this machine",
                _ => "or free other memory on the device",
            }
        ),
    }
}

/// The available memory in bytes, within a container's limit; `None` if the system does not report
/// it.
pub(super) fn available() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let free = field(&meminfo, "MemAvailable:")? * 1024;
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limit = number("/sys/fs/cgroup/memory.max").zip(number("/sys/fs/cgroup/memory.current"));
    let stat = std::fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    Some(match limit {
        Some((limit, used)) => free.min(left(limit, used, &stat)),
        None => free,
    })
}

/// What a container's limit leaves, in bytes. What it uses includes the files that the kernel keeps in memory, which give
/// way when a program needs the room: after reading many pictures, almost all of it.
fn left(limit: u64, used: u64, stat: &str) -> u64 {
    let files = ["inactive_file ", "active_file "].into_iter().filter_map(|name| field(stat, name)).sum();
    limit.saturating_sub(used.saturating_sub(files))
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Refuses a batch of `batch` pictures of which each takes `each` bytes while training, when that is more
/// than there is.
///
/// # Errors
/// [`Error::OutOfMemory`] with the batch size that would fit.
pub(super) fn check(model: &Model, batch: usize, each: u64) -> Result<()> {
    let Some(free) = available().filter(|_| model.device() == Device::Cpu) else { return Ok(()) };
    let need = each.saturating_mul(batch as u64);
    if need <= free {
        return Ok(());
    }
    let fits = power_of_two_below(free / each.max(1));
    let advice = match fits {
        0 => "not even one picture fits: resize the pictures smaller, or take a smaller network".into(),
        fits => {
            format!("a batch_size of {fits} would fit; TrainOptions::accumulate makes up for a small batch")
        }
    };
    let told = format!("it needs about {} and {} are free", gigabytes(need), gigabytes(free));
    Err(Error::OutOfMemory { model: model.name().to_owned(), batch, told, requested: Some(need), advice })
}

fn power_of_two_below(number: u64) -> u64 {
    if number == 0 { 0 } else { 1 << number.ilog2() }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorchs_words_for_no_memory_are_known() {
        assert!(is_out_of_memory(
            "[enforce fail at alloc_cpu.cpp:129] . DefaultCPUAllocator: can't allocate memory: you tried"
        ));
        assert!(is_out_of_memory("CUDA out of memory. Tried to allocate 20.00 MiB"));
        assert!(!is_out_of_memory("mat1 and mat2 shapes cannot be multiplied"));
    }

    #[test]
    fn a_gpus_words_are_cut_to_what_matters() {
        // c10/cuda/CUDACachingAllocator.cpp
        let told = "CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 79.10 GiB of which 5.00 MiB \
                    is free. Including non-PyTorch memory, this process has 79.09 GiB memory in use. Of the allocated \
                    memory 78.01 GiB is allocated by PyTorch, and 100.00 MiB is reserved by PyTorch but unallocated. If reserved \
                    but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid \
                    fragmentation.  See documentation for Memory Management";
        assert_eq!(requested(told), Some(3 << 29));
        let essence = essence(told);
        assert!(
            essence.starts_with("CUDA out of memory") && essence.ends_with("but unallocated"),
            "{essence}"
        );
        assert_eq!(
            requested(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 400000000 bytes. Error code 12"
            ),
            Some(400_000_000)
        );
        assert_eq!(requested("out of memory"), None);
    }

    #[test]
    fn what_fits_is_a_power_of_two() {
        assert_eq!([0, 1, 2, 3, 130, 128].map(power_of_two_below), [0, 1, 2, 2, 128, 128]);
        assert_eq!(field("MemTotal: 5 kB\nMemAvailable:   12 kB\n", "MemAvailable:"), Some(12));
    }

    /// A container with 8 GB, of which pictures that were read fill 7.
    #[test]
    fn files_in_memory_count_as_free() {
        let stat = "anon 500\nfile 7000\ninactive_anon 300\ninactive_file 6000\nactive_file 1000\n";
        assert_eq!(left(8000, 7500, stat), 7500);
        assert_eq!(left(8000, 7500, ""), 500);
        assert_eq!(left(8000, 9500, ""), 0);
        assert_eq!(left(8000, 100, stat), 8000);
    }
}
