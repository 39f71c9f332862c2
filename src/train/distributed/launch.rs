//! What the environment says of the processes of a training: PyTorch's variables, and those of other launchers.

use std::net::UdpSocket;
use std::time::Duration;

use super::launchers::launcher;
use crate::{Error, Result};

/// PyTorch's default.
const PORT: u16 = 29500;
/// NCCL's default in PyTorch, where gloo's is half an hour.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How long a rank waits for the others, in seconds.
const TIMEOUT_VARIABLE: &str = "HERBARIUM_DISTRIBUTED_TIMEOUT";

/// One process's place among those that train together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Launch {
    pub rank: usize,
    pub world: usize,
    pub local_rank: usize,
    /// How many of the ranks are on this machine, where that is known.
    pub local_world: Option<usize>,
    /// Where rank 0 serves the store.
    pub host: String,
    pub port: u16,
    /// torchrun's agent serves the store, so that rank 0 does not.
    pub agent: bool,
    /// How often the launcher has started the ranks again.
    pub restarts: usize,
    pub timeout: Duration,
}

impl Launch {
    /// # Errors
    /// [`Error::Launch`] when a variable is missing or makes no sense.
    pub fn from_env() -> Result<Launch> {
        Launch::read(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Launch> {
        let timeout = match variable(TIMEOUT_VARIABLE) {
            None => TIMEOUT,
            Some(text) => match text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0) {
                Some(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(TIMEOUT),
                None => {
                    return refuse(format!("{TIMEOUT_VARIABLE} is {text:?}: it must be a number of seconds"));
                }
            },
        };
        let alone = Launch {
            rank: 0,
            world: 1,
            local_rank: 0,
            local_world: Some(1),
            host: "127.0.0.1".into(),
            port: PORT,
            agent: false,
            restarts: 0,
            timeout,
        };
        let Some(launcher) = launcher(&|name| variable(name).is_some()) else { return Ok(alone) };
        let (rank_name, world_name) = (launcher.rank, launcher.world);
        let number = |name: &str| match variable(name) {
            None => Ok(None),
            Some(text) => match text.parse::<usize>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => refuse(format!("{name} is {text:?}: it must be a whole number")),
            },
        };
        let world = number(world_name)?.unwrap_or(1);
        if world <= 1 {
            return Ok(alone);
        }
        let Some(rank) = number(rank_name)? else {
            return refuse(format!(
                "{world_name} is {world}, but {rank_name} is not set: each process needs its own"
            ));
        };
        if rank >= world {
            return refuse(format!(
                "{rank_name} is {rank}, but with {world_name} {world} ranks are below {world}"
            ));
        }
        // SLURM writes `2(x3),1` for machines with different numbers of tasks.
        let local_world = number(launcher.local_world).ok().flatten();
        let one_machine = local_world == Some(world) || variable("SLURM_NNODES").as_deref() == Some("1");
        let host = match variable("MASTER_ADDR") {
            Some(host) => host,
            None if one_machine => "127.0.0.1".into(),
            None => match variable("SLURM_STEP_NODELIST").as_deref().and_then(first_host) {
                Some(host) => host,
                None => {
                    return refuse(format!(
                        "{world_name} is {world}, but MASTER_ADDR is not set: it is the address of rank 0's machine, the \
                         same on all of them (`mpirun -x MASTER_ADDR=10.0.0.1 …`, `export MASTER_ADDR=10.0.0.1`)"
                    ));
                }
            },
        };
        let port = match variable("MASTER_PORT") {
            None => PORT,
            Some(text) => match text.parse() {
                Ok(port) => port,
                Err(_) => {
                    return refuse(format!("MASTER_PORT is {text:?}: it must be a port, from 1 to 65535"));
                }
            },
        };
        Ok(Launch {
            rank,
            world,
            local_rank: number(launcher.local_rank)?.unwrap_or(0),
            local_world,
            host,
            port,
            agent: variable("TORCHELASTIC_USE_AGENT_STORE").as_deref() == Some("True"),
            restarts: number("TORCHELASTIC_RESTART_COUNT")?.unwrap_or(0),
            ..alone
        })
    }

    /// Distinguishes this start of the ranks from earlier ones in a store that outlives them.
    pub fn prefix(&self) -> String {
        if self.agent && self.restarts > 0 { format!("restart_{}/", self.restarts) } else { String::new() }
    }

    /// This machine's address, as rank 0's machine sees it.
    pub fn address(&self) -> String {
        // No packet is sent by this: the system only says which of its addresses leads there.
        let leads = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect((self.host.as_str(), self.port))?;
            socket.local_addr()
        });
        leads.map_or_else(|_| self.host.clone(), |address| address.ip().to_string())
    }
}

/// The first machine of SLURM's `node[03-05,9],other`.
fn first_host(list: &str) -> Option<String> {
    match list.split_once('[') {
        Some((name, rest)) if !name.contains(',') => {
            let number: String = rest.chars().take_while(|c| c.is_ascii_digit()).collect();
            (!number.is_empty()).then(|| format!("{name}{number}"))
        }
        _ => list.split(',').next().filter(|name| !name.is_empty()).map(str::to_owned),
    }
}

fn refuse<T>(reason: String) -> Result<T> {
    Err(Error::Launch(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Launch> {
        Launch::read(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn without_variables_a_process_is_alone() {
        let alone = read(&[]).unwrap();
        assert_eq!((alone.rank, alone.world, alone.timeout), (0, 1, TIMEOUT));
        assert_eq!(read(&[("RANK", "3")]).unwrap().world, 1);
        // A batch script that has not come to srun yet.
        assert_eq!(read(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")]).unwrap().world, 1);
    }

    #[test]
    fn launchers_are_known() {
        let torchrun = [
            ("RANK", "3"),
            ("WORLD_SIZE", "4"),
            ("LOCAL_RANK", "1"),
            ("LOCAL_WORLD_SIZE", "2"),
            ("MASTER_ADDR", "10.0.0.7"),
            ("MASTER_PORT", "1234"),
            ("TORCHELASTIC_USE_AGENT_STORE", "True"),
            ("TORCHELASTIC_RESTART_COUNT", "2"),
        ];
        let launch = read(&torchrun).unwrap();
        assert_eq!((launch.rank, launch.world, launch.local_rank), (3, 4, 1));
        assert_eq!((launch.host.as_str(), launch.port, launch.agent), ("10.0.0.7", 1234, true));
        assert_eq!(launch.prefix(), "restart_2/");

        let open_mpi = [
            ("OMPI_COMM_WORLD_RANK", "1"),
            ("OMPI_COMM_WORLD_SIZE", "2"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ];
        let launch = read(&open_mpi).unwrap();
        assert_eq!((launch.rank, launch.host.as_str(), launch.port), (1, "127.0.0.1", 29500));

        let slurm = [
            ("SLURM_PROCID", "5"),
            ("SLURM_STEP_NUM_TASKS", "6"),
            ("SLURM_LOCALID", "2"),
            ("SLURM_STEP_TASKS_PER_NODE", "3(x2)"),
            ("SLURM_NNODES", "2"),
            ("SLURM_STEP_NODELIST", "node[07-08]"),
        ];
        let launch = read(&slurm).unwrap();
        assert_eq!((launch.rank, launch.local_rank, launch.host.as_str()), (5, 2, "node07"));
        assert_eq!(first_host("a,b[1-2]").as_deref(), Some("a"));
        assert_eq!(first_host("single").as_deref(), Some("single"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let told = |variables: &[(&str, &str)]| read(variables).unwrap_err().to_string();
        assert!(told(&[("WORLD_SIZE", "2")]).contains("RANK is not set"));
        assert!(told(&[("WORLD_SIZE", "2"), ("RANK", "2")]).contains("ranks are below 2"));
        assert!(told(&[("WORLD_SIZE", "two")]).contains("WORLD_SIZE is \"two\""));
        assert!(told(&[("WORLD_SIZE", "2"), ("RANK", "1")]).contains("MASTER_ADDR is not set"));
        let port = [("WORLD_SIZE", "2"), ("RANK", "1"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "x")];
        assert!(told(&port).contains("MASTER_PORT is \"x\""));
        assert!(told(&[("HERBARIUM_DISTRIBUTED_TIMEOUT", "soon")]).contains("number of seconds"));
    }
}
