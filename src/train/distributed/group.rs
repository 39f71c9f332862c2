//! The processes that train together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, Tensor};

use super::launch::Launch;
use super::{diagnosis, engine};
use crate::{Error, Result};

/// What becomes of the ranks' values in [`Group::all_reduce`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Their sum.
    Sum,
    /// Their mean; of floating-point values only.
    Mean,
    /// Their product.
    Product,
    /// The smallest.
    Min,
    /// The greatest.
    Max,
}

/// The processes that train together, and this one's rank among them: `torch.distributed`'s default group.
///
/// All ranks call its functions in the same order. Alone, a process is rank 0 of 1, and nothing is exchanged.
#[derive(Clone)]
pub struct Group {
    shared: Arc<Shared>,
}

struct Shared {
    launch: Launch,
    membership: Mutex<Membership>,
}

/// Whether this rank can still exchange anything.
enum Membership {
    Alone,
    Member {
        store: Arc<engine::Store>,
        group: engine::ProcessGroup,
    },
    /// After a failure, with its reason.
    Left(String),
}

/// This process's group, once it has joined.
static OF_PROCESS: Mutex<Option<Group>> = Mutex::new(None);

impl Group {
    /// The group that the environment describes: `torch.distributed.init_process_group("gloo")`. The first call joins it
    /// and waits for all ranks; later ones give the same group.
    ///
    /// Read are `RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `MASTER_ADDR` and `MASTER_PORT`, as `torchrun` and
    /// `herbarium run --processes` set them, and what Open MPI, Intel MPI, MPICH and SLURM call them. On a single machine
    /// `MASTER_ADDR` may be missing; the port is 29500 where none is given. Without any of these the process is alone.
    /// No rank waits longer than `HERBARIUM_DISTRIBUTED_TIMEOUT` seconds for another one; 600 by default.
    ///
    /// # Errors
    /// [`Error::Launch`] when a variable is missing or makes no sense; [`Error::Distributed`] when not all ranks came in
    /// time, saying which.
    pub fn from_env() -> Result<Group> {
        let mut known = OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = &*known {
            return Ok(group.clone());
        }
        let group = Group::join(Launch::from_env()?)?;
        *known = Some(group.clone());
        Ok(group)
    }

    fn join(launch: Launch) -> Result<Group> {
        let membership = if launch.world == 1 { Membership::Alone } else { member(&launch)? };
        Ok(Group { shared: Arc::new(Shared { launch, membership: Mutex::new(membership) }) })
    }

    /// This process's number, from 0.
    pub fn rank(&self) -> usize {
        self.shared.launch.rank
    }

    /// How many processes there are.
    pub fn world(&self) -> usize {
        self.shared.launch.world
    }

    /// This process's number among those of its machine, from 0.
    pub fn local_rank(&self) -> usize {
        self.shared.launch.local_rank
    }

    /// Replaces the values of `tensor` on every rank by those of rank `root`, in place.
    ///
    /// # Errors
    /// [`Error::Distributed`] when a rank is gone or does not come in time, or when the tensors' shapes differ;
    /// [`Error::Argument`] when there is no such rank.
    pub fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<()> {
        self.broadcast_all(&[tensor.shallow_clone()], root)
    }

    /// [`broadcast`](Group::broadcast) of several tensors, put together for the way.
    ///
    /// # Errors
    /// As [`broadcast`](Group::broadcast).
    pub fn broadcast_all(&self, tensors: &[Tensor], root: usize) -> Result<()> {
        if root >= self.world() {
            return Err(Error::Argument(format!("there is no rank {root} of {}", self.world())));
        }
        self.exchange("a broadcast", |group| group.broadcast(tensors, root))
    }

    /// Replaces the values of `tensor` by what becomes of all ranks' ones, in place: the same on every rank, to the bit.
    ///
    /// # Errors
    /// [`Error::Distributed`] when a rank is gone or does not come in time, or when the tensors' shapes differ;
    /// [`Error::Argument`] for a mean of whole numbers.
    pub fn all_reduce(&self, tensor: &Tensor, reduce: Reduce) -> Result<()> {
        if reduce == Reduce::Mean && !tensor.is_floating_point() {
            let kind = tensor.kind();
            return Err(Error::Argument(format!(
                "{kind:?} values have no mean: use Reduce::Sum, or make them floats"
            )));
        }
        let operation = match reduce {
            Reduce::Sum => engine::Reduce::Sum,
            Reduce::Mean => engine::Reduce::Mean,
            Reduce::Product => engine::Reduce::Product,
            Reduce::Min => engine::Reduce::Min,
            Reduce::Max => engine::Reduce::Max,
        };
        self.exchange("an all-reduce", |group| group.all_reduce(&[tensor.shallow_clone()], operation))
    }

    /// Waits until all ranks are here.
    ///
    /// # Errors
    /// [`Error::Distributed`] when a rank is gone or does not come in time.
    pub fn barrier(&self) -> Result<()> {
        let one = Tensor::f_ones([1], (Kind::Int64, Device::Cpu))?;
        self.exchange("a barrier", |group| group.all_reduce(&[one], engine::Reduce::Sum))
    }

    /// The bytes of every rank, in the ranks' order.
    pub(super) fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        let (rank, world) = (self.rank(), self.world());
        if world == 1 {
            return Ok(vec![own.to_vec()]);
        }
        let mut sizes = vec![0i64; world];
        sizes[rank] = own.len() as i64;
        let sizes = Tensor::f_from_slice(&sizes)?;
        self.all_reduce(&sizes, Reduce::Sum)?;
        let sizes: Vec<usize> = Vec::<i64>::try_from(&sizes)?.into_iter().map(|size| size as usize).collect();
        let start: usize = sizes[..rank].iter().sum();
        // Each rank's part is 0 everywhere else, so that the sum is all parts.
        let mut all = vec![0u8; sizes.iter().sum()];
        all[start..start + own.len()].copy_from_slice(own);
        let all = Tensor::f_from_slice(&all)?;
        if all.numel() > 0 {
            self.all_reduce(&all, Reduce::Sum)?;
        }
        let all = Vec::<u8>::try_from(&all)?;
        let mut rest = all.as_slice();
        Ok(sizes
            .into_iter()
            .map(|size| {
                let (part, after) = rest.split_at(size);
                rest = after;
                part.to_vec()
            })
            .collect())
    }

    /// Runs something that all ranks run together; `what` is its name. Does nothing alone.
    ///
    /// # Errors
    /// [`Error::Distributed`] with what became of the others. Nothing can be exchanged any more then.
    pub(super) fn exchange(
        &self,
        what: &str,
        run: impl FnOnce(&engine::ProcessGroup) -> std::result::Result<(), engine::Error>,
    ) -> Result<()> {
        let said = match &*self.membership() {
            Membership::Alone => return Ok(()),
            Membership::Left(reason) => {
                return Err(self.error(format!("nothing can be exchanged after a failure: {reason}")));
            }
            Membership::Member { group, .. } => match run(group) {
                Ok(()) => return Ok(()),
                Err(error) => error.to_string(),
            },
        };
        Err(self.lost(what, &said))
    }

    /// What a failed exchange is: the others are asked. This rank leaves.
    pub(super) fn lost(&self, what: &str, said: &str) -> Error {
        let mut membership = self.membership();
        if let Membership::Left(reason) = &*membership {
            return self.error(reason.clone());
        }
        let reason = match std::mem::replace(&mut *membership, Membership::Alone) {
            Membership::Member { store, group } => {
                // Its connections close, so that the others notice too.
                drop(group);
                diagnosis::of_failure(store, &self.shared.launch, what, said)
            }
            _ => said.to_owned(),
        };
        *membership = Membership::Left(reason.clone());
        self.error(reason)
    }

    /// This rank stops because of an error, which the others are to report.
    pub(super) fn leave(&self, error: &Error) {
        let mut membership = self.membership();
        if let Membership::Member { store, group } = std::mem::replace(&mut *membership, Membership::Alone) {
            diagnosis::leave(store.clone(), &self.shared.launch, &error.to_string());
            drop(group);
            diagnosis::linger(store, &self.shared.launch, &diagnosis::others(&self.shared.launch));
            *membership = Membership::Left(format!("this rank failed: {error}"));
        } else if self.world() > 1 {
            *membership = Membership::Left(error.to_string());
        }
    }

    pub(super) fn error(&self, reason: String) -> Error {
        Error::Distributed { rank: self.rank(), world: self.world(), reason }
    }

    fn membership(&self) -> MutexGuard<'_, Membership> {
        self.shared.membership.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Joins.
fn member(launch: &Launch) -> Result<Membership> {
    let Launch { rank, world, timeout, .. } = *launch;
    let error = |reason| Error::Distributed { rank, world, reason };
    share_cores(launch);
    let serves = rank == 0 && !launch.agent;
    let (host, port) = (launch.host.as_str(), launch.port);
    let store = engine::Store::open(host, port, world, serves, timeout).map_err(|said| {
        let seconds = timeout.as_secs_f64();
        error(if serves {
            format!(
                "cannot serve the ranks at port {port}: {}. Is it taken by an earlier run? Set MASTER_PORT to another \
                 one, the same for all ranks",
                diagnosis::first_line(&said.to_string())
            )
        } else {
            format!(
                "nobody answered at {host}:{port} within {seconds} s ({}). Has rank 0 started, is MASTER_ADDR the address \
                 of its machine, and is the port open between the machines?",
                diagnosis::first_line(&said.to_string())
            )
        })
    })?;
    let store = Arc::new(store);
    diagnosis::come(&store, launch);
    let address = launch.address();
    match engine::ProcessGroup::join(&store, &launch.prefix(), rank, world, &address, timeout) {
        Ok(group) => Ok(Membership::Member { store, group }),
        Err(said) => Err(error(diagnosis::of_joining(store, launch, &address, &said.to_string()))),
    }
}

/// The processes of a machine share its cores, unless somebody has said how.
fn share_cores(launch: &Launch) {
    let said = std::env::var_os("OMP_NUM_THREADS").is_some();
    if let (false, Some(processes @ 2..)) = (said, launch.local_world) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        tch::set_num_threads((cores / processes).max(1) as i32);
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group(rank {} of {})", self.rank(), self.world())
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_nothing_is_exchanged() {
        let group = Group::from_env().unwrap();
        assert_eq!((group.rank(), group.world(), group.local_rank()), (0, 1, 0));
        let values = Tensor::from_slice(&[1.0f32, 2.0]);
        group.all_reduce(&values, Reduce::Mean).unwrap();
        group.broadcast(&values, 0).unwrap();
        group.barrier().unwrap();
        assert_eq!(Vec::<f32>::try_from(&values).unwrap(), [1.0, 2.0]);
        assert_eq!(group.gather(b"own").unwrap(), [b"own"]);
        assert!(group.broadcast(&values, 1).unwrap_err().to_string().contains("no rank 1 of 1"));
        let whole = Tensor::from_slice(&[1i64]);
        let told = group.all_reduce(&whole, Reduce::Mean).unwrap_err().to_string();
        assert!(told.contains("Reduce::Sum"), "{told}");
        assert_eq!(group.to_string(), "Group(rank 0 of 1)");
    }
}
