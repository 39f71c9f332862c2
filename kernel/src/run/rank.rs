//! Which of several processes that run one notebook this one is.

use std::fmt;

/// What PyTorch's, Open MPI's, SLURM's and MPICH's launchers call the rank, beside how many ranks there are. The crate in
/// `src/train/distributed/launch.rs` reads the same.
const LAUNCHERS: [[&str; 2]; 4] = [
    ["RANK", "WORLD_SIZE"],
    ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"],
    ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS"],
    ["PMI_RANK", "PMI_SIZE"],
];

/// A process's number among those that run the same notebook; 0 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank(usize);

impl Rank {
    /// As the launcher's variables say.
    pub fn of_process() -> Rank {
        Rank::read(&|name| std::env::var(name).ok()?.parse().ok())
    }

    fn read(variable: &dyn Fn(&str) -> Option<usize>) -> Rank {
        let known = LAUNCHERS.iter().find_map(|[rank, world]| Some((variable(rank), variable(world)?)));
        match known {
            Some((Some(rank), 2..)) => Rank(rank),
            _ => Rank(0),
        }
    }

    /// Whether it is the one that writes and prints.
    pub fn is_first(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_known() {
        let read = |variables: &[(&str, usize)]| {
            Rank::read(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
        };
        assert!(read(&[]).is_first());
        assert_eq!(read(&[("RANK", 1), ("WORLD_SIZE", 2)]), Rank(1));
        assert_eq!(read(&[("OMPI_COMM_WORLD_RANK", 3), ("OMPI_COMM_WORLD_SIZE", 4)]), Rank(3));
        // A batch script, and a variable that somebody left.
        assert!(read(&[("SLURM_PROCID", 1)]).is_first());
        assert!(read(&[("RANK", 1), ("WORLD_SIZE", 1)]).is_first());
    }
}
