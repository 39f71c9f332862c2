//! Which of several processes that run one notebook this one is.

use std::fmt;

use crate::launchers::launcher;

/// A process's number among those that run the same notebook; 0 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank(usize);

impl Rank {
    /// As the launcher's variables say.
    pub fn of_process() -> Rank {
        Rank::read(&|name| std::env::var(name).ok()?.parse().ok())
    }

    fn read(variable: &dyn Fn(&str) -> Option<usize>) -> Rank {
        let Some(launcher) = launcher(&|name| variable(name).is_some()) else { return Rank(0) };
        match (variable(launcher.rank), variable(launcher.world)) {
            (Some(rank), Some(2..)) => Rank(rank),
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

    #[test]
    fn the_crate_reads_the_same_variables() {
        let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/train/distributed/launchers.rs");
        assert_eq!(std::fs::read_to_string(copy).unwrap(), include_str!("../launchers.rs"));
    }
}
