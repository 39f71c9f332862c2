//! The GPU of a process that trains together with others.

use std::path::Path;

use crate::launchers::launcher;

/// What NVIDIA's driver lists its GPUs in.
const DRIVER: &str = "/proc/driver/nvidia/gpus";

/// The `CUDA_VISIBLE_DEVICES` for the cells of one of several processes on a machine with several GPUs: its own one, so that
/// `Device::cuda_if_available()` is another GPU on every rank. `None` to leave the variable as it is.
pub fn of_rank() -> Option<String> {
    let launcher = launcher(&|name| std::env::var_os(name).is_some())?;
    let rank = std::env::var(launcher.local_rank).ok()?.parse().ok()?;
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    chosen(rank, visible.as_deref(), gpus(Path::new(DRIVER)))
}

/// How many GPUs the driver has.
fn gpus(driver: &Path) -> usize {
    std::fs::read_dir(driver).map_or(0, Iterator::count)
}

/// The GPU for the process number `rank` of a machine, among those that `visible` names, else all `gpus`. Where there are
/// more processes than GPUs, some share one.
fn chosen(rank: usize, visible: Option<&str>, gpus: usize) -> Option<String> {
    let all: Vec<String> = match visible {
        Some(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        None => (0..gpus).map(|number| number.to_string()).collect(),
    };
    if all.len() > 1 { all.get(rank % all.len()).cloned() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rank_has_a_gpu_of_its_own() {
        let of = |rank, visible, gpus| chosen(rank, visible, gpus);
        assert_eq!(of(1, None, 4).as_deref(), Some("1"));
        assert_eq!(of(5, None, 4).as_deref(), Some("1"));
        assert_eq!(of(1, Some("4, 6"), 8).as_deref(), Some("6"));
        assert_eq!(of(0, Some("GPU-8932f937,GPU-12"), 2).as_deref(), Some("GPU-8932f937"));
        // The launcher has already chosen, there is a single GPU, or there is none.
        assert_eq!(
            [of(3, Some("2"), 8), of(1, None, 1), of(1, None, 0), of(1, Some(""), 4)],
            [const { None }; 4]
        );
        assert_eq!(gpus(Path::new("/nowhere")), 0);
    }
}
