//! What launchers of several processes call each process's number. The crate and the kernel each have a copy of this file,
//! since neither depends on the other; a test of the kernel compares them.

/// A launcher's names for what PyTorch calls RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE.
pub struct Launcher {
    /// The process's number.
    pub rank: &'static str,
    /// How many processes there are.
    pub world: &'static str,
    /// The process's number among those of its machine.
    pub local_rank: &'static str,
    /// How many of the processes are on its machine.
    #[allow(dead_code, reason = "the kernel does not ask for it")]
    pub local_world: &'static str,
}

const fn named([rank, world, local_rank, local_world]: [&'static str; 4]) -> Launcher {
    Launcher { rank, world, local_rank, local_world }
}

const PYTORCH: Launcher = named(["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"]);
const MPI_AND_SLURM: [Launcher; 4] = [
    // Open MPI.
    named([
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ]),
    // MVAPICH2.
    named([
        "MV2_COMM_WORLD_RANK",
        "MV2_COMM_WORLD_SIZE",
        "MV2_COMM_WORLD_LOCAL_RANK",
        "MV2_COMM_WORLD_LOCAL_SIZE",
    ]),
    // MPICH and Intel MPI.
    named(["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"]),
    // A step that srun started; SLURM_NTASKS is there in a batch script too, which is a single process.
    named(["SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"]),
];

/// The launcher that started this process, by the variables that are set.
pub fn launcher(is_set: &dyn Fn(&str) -> bool) -> Option<&'static Launcher> {
    if is_set(PYTORCH.world) {
        return Some(&PYTORCH);
    }
    // `srun --mpi=pmi2` sets PMI_RANK and PMI_SIZE too, but only MPICH's own launcher sets MPI_LOCALRANKID. It may itself
    // have been started by srun, which then counts the machines.
    let candidates = MPI_AND_SLURM.iter().filter(|launcher| is_set(launcher.world));
    candidates.min_by_key(|launcher| !is_set(launcher.local_rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_launcher_counts() {
        let rank = |set: &[&str]| launcher(&|name| set.contains(&name)).map(|launcher| launcher.rank);
        let (srun, mpich) = (["SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"], ["PMI_SIZE", "MPI_LOCALRANKID"]);
        assert_eq!(rank(&[]), None);
        assert_eq!(rank(&["SLURM_LOCALID", "SLURM_NTASKS"]), None);
        assert_eq!(rank(&srun), Some("SLURM_PROCID"));
        assert_eq!(rank(&[&srun[..], &["PMI_SIZE"]].concat()), Some("SLURM_PROCID"));
        assert_eq!(rank(&[srun, mpich].concat()), Some("PMI_RANK"));
        assert_eq!(rank(&["PMI_SIZE"]), Some("PMI_RANK"));
        assert_eq!(rank(&[&srun[..], &["WORLD_SIZE"]].concat()), Some("RANK"));
    }
}
