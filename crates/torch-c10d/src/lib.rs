//! libtorch's distributed engine for tch: what PyTorch's `torch.distributed` and `DistributedDataParallel` are made of.
//!
//! The processes of a training, its *ranks*, meet at a [`Store`] that one of them serves, join a [`ProcessGroup`], and
//! average their gradients with a [`Reducer`]. A process of PyTorch's can be any of them.
//!
//! Every rank calls the same functions in the same order. What one of them waits for and another never calls is an
//! error after the timeout; a connection that breaks is an error at once.
//!
//! ```no_run
//! use std::time::Duration;
//! use torch_c10d::{ProcessGroup, Reduce, Store};
//!
//! # fn main() -> Result<(), torch_c10d::Error> {
//! let (rank, world, timeout) = (0, 2, Duration::from_secs(60));
//! let store = Store::open("127.0.0.1", 29500, world, rank == 0, timeout)?;
//! let group = ProcessGroup::join(&store, "", rank, world, "127.0.0.1", timeout)?;
//! let sum = tch::Tensor::from_slice(&[rank as f32 + 1.0]);
//! group.all_reduce(&[sum.shallow_clone()], Reduce::Sum)?; // 1 + 2, on both
//! # Ok(())
//! # }
//! ```

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use tch::Tensor;
use torch_cpp::{Outcome, Text, made, pointers};

pub use torch_cpp::{Error, Result};

/// Opaque: the C++ side's.
#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

unsafe extern "C" {
    safe fn c10d_has_nccl() -> c_int;
    fn c10d_store_open(
        host: *const c_char,
        port: u16,
        world: c_int,
        serves: c_int,
        timeout: i64,
        out: *mut *mut Opaque,
    ) -> Outcome;
    fn c10d_store_close(store: *mut Opaque) -> Outcome;
    fn c10d_store_set(store: *mut Opaque, key: *const c_char, value: *const u8, size: usize) -> Outcome;
    fn c10d_store_get(store: *mut Opaque, key: *const c_char, timeout: i64, out: *mut Text) -> Outcome;
    fn c10d_group_join(
        store: *mut Opaque,
        prefix: *const c_char,
        rank: c_int,
        world: c_int,
        address: *const c_char,
        timeout: i64,
        out: *mut *mut Opaque,
    ) -> Outcome;
    fn c10d_group_leave(group: *mut Opaque) -> Outcome;
    fn c10d_all_reduce(
        group: *mut Opaque,
        tensors: *const *mut c_void,
        count: usize,
        operation: c_int,
    ) -> Outcome;
    fn c10d_broadcast(group: *mut Opaque, tensors: *const *mut c_void, count: usize, root: c_int) -> Outcome;
    fn c10d_verify(group: *mut Opaque, tensors: *const *mut c_void, count: usize) -> Outcome;
    fn c10d_reducer_new(
        group: *mut Opaque,
        tensors: *const *mut c_void,
        count: usize,
        first_bytes: i64,
        bucket_bytes: i64,
        out: *mut *mut Opaque,
    ) -> Outcome;
    fn c10d_reducer_before_forward(reducer: *mut Opaque) -> Outcome;
    fn c10d_reducer_before_backward(reducer: *mut Opaque) -> Outcome;
    fn c10d_reducer_free(reducer: *mut Opaque) -> Outcome;
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error(format!("{text:?} has a zero byte")))
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4).max(1)
}

fn rank_number(number: usize) -> Result<c_int> {
    c_int::try_from(number).map_err(|_| Error(format!("{number} is too large a number of ranks")))
}

/// Where the ranks find each other: PyTorch's `TCPStore`, which one rank serves.
pub struct Store {
    raw: NonNull<Opaque>,
}

// SAFETY: c10d's TCPStore takes a lock around each request; Python calls it from several threads, too.
unsafe impl Send for Store {}
unsafe impl Sync for Store {}

impl Store {
    /// Serves the store at `port`, or connects to it, for which it waits up to `timeout`.
    ///
    /// # Errors
    /// When the port is taken, the host unknown, or nobody serves there in time.
    pub fn open(host: &str, port: u16, world: usize, serves: bool, timeout: Duration) -> Result<Store> {
        let (host, world) = (c_string(host)?, rank_number(world)?);
        let mut raw = null_mut();
        // SAFETY: the text lives as long as the call, which writes `raw` where it succeeds.
        unsafe {
            c10d_store_open(host.as_ptr(), port, world, c_int::from(serves), milliseconds(timeout), &mut raw)
        }
        .check()?;
        Ok(Store { raw: made(raw)? })
    }

    /// Sets a key to a text.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn set(&self, key: &str, text: &str) -> Result<()> {
        let key = c_string(key)?;
        // SAFETY: key and text live as long as the call.
        unsafe { c10d_store_set(self.raw.as_ptr(), key.as_ptr(), text.as_ptr(), text.len()) }.check()
    }

    /// The text of a key, once it is set. A server whose process is stopped (SIGSTOP) is waited for without end.
    ///
    /// # Errors
    /// When it is not set in time, or the connection is broken.
    pub fn get(&self, key: &str, timeout: Duration) -> Result<String> {
        let key = c_string(key)?;
        let mut text = Text::default();
        // SAFETY: the key lives as long as the call, which writes `text` where it succeeds.
        unsafe { c10d_store_get(self.raw.as_ptr(), key.as_ptr(), milliseconds(timeout), &mut text) }
            .check()?;
        Ok(text.into_string().unwrap_or_default())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: made by `open`, and used no more.
        let _ = unsafe { c10d_store_close(self.raw.as_ptr()) }.check();
    }
}

/// What becomes of the ranks' values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Their sum.
    Sum = 0,
    /// Their mean; of floating-point values only.
    Mean = 1,
    /// Their product.
    Product = 2,
    /// The smallest.
    Min = 3,
    /// The greatest.
    Max = 4,
}

/// Whether this crate was built against a libtorch with NCCL, which then exchanges tensors on GPUs where each rank has its own.
pub fn has_nccl() -> bool {
    c10d_has_nccl() != 0
}

/// Ranks that exchange tensors: PyTorch's `ProcessGroup` with gloo for tensors on the CPU, and for those on GPUs NCCL where
/// [`has_nccl`] and no two ranks share a GPU, else gloo.
pub struct ProcessGroup {
    raw: NonNull<Opaque>,
}

// SAFETY: c10d's groups take work from any thread; which order is the same on all ranks is the callers' concern.
unsafe impl Send for ProcessGroup {}
unsafe impl Sync for ProcessGroup {}

impl ProcessGroup {
    /// Joins as rank `rank` of `world`, and waits up to `timeout` for the others; no operation waits longer, either.
    /// `prefix` distinguishes groups at one store; `""` is PyTorch's default group. `address` is this machine's, as the others
    /// reach it; the interface that `GLOO_SOCKET_IFNAME` names comes first.
    ///
    /// # Errors
    /// When not all ranks come in time.
    pub fn join(
        store: &Store,
        prefix: &str,
        rank: usize,
        world: usize,
        address: &str,
        timeout: Duration,
    ) -> Result<ProcessGroup> {
        let (prefix, address) = (c_string(&format!("{prefix}default_pg"))?, c_string(address)?);
        let (rank, world) = (rank_number(rank)?, rank_number(world)?);
        let mut raw = null_mut();
        // SAFETY: the texts live as long as the call, which writes `raw` where it succeeds and keeps its own
        // reference to the store.
        unsafe {
            c10d_group_join(
                store.raw.as_ptr(),
                prefix.as_ptr(),
                rank,
                world,
                address.as_ptr(),
                milliseconds(timeout),
                &mut raw,
            )
        }
        .check()?;
        Ok(ProcessGroup { raw: made(raw)? })
    }

    /// Replaces the values of each tensor by what becomes of all ranks' ones, in place.
    ///
    /// # Errors
    /// When a rank is gone or does not come in time, or the tensors differ between ranks.
    pub fn all_reduce(&self, tensors: &[Tensor], operation: Reduce) -> Result<()> {
        let pointers = pointers(tensors);
        // SAFETY: the tensors live as long as the call, which waits for the operation's end.
        unsafe { c10d_all_reduce(self.raw.as_ptr(), pointers.as_ptr(), pointers.len(), operation as c_int) }
            .check()
    }

    /// Replaces the values of each tensor by those of rank `root`, in place.
    ///
    /// # Errors
    /// As [`all_reduce`](ProcessGroup::all_reduce).
    pub fn broadcast(&self, tensors: &[Tensor], root: usize) -> Result<()> {
        let (pointers, root) = (pointers(tensors), rank_number(root)?);
        // SAFETY: as in `all_reduce`.
        unsafe { c10d_broadcast(self.raw.as_ptr(), pointers.as_ptr(), pointers.len(), root) }.check()
    }

    /// Compares number, shapes and types of the tensors with rank 0's, as DDP does at its start.
    ///
    /// # Errors
    /// On the ranks whose tensors differ.
    pub fn verify(&self, tensors: &[Tensor]) -> Result<()> {
        let pointers = pointers(tensors);
        // SAFETY: as in `all_reduce`.
        unsafe { c10d_verify(self.raw.as_ptr(), pointers.as_ptr(), pointers.len()) }.check()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // SAFETY: made by `join`, and used no more.
        let _ = unsafe { c10d_group_leave(self.raw.as_ptr()) }.check();
    }
}

/// Averages gradients over the ranks while the backward pass runs: the core of `DistributedDataParallel`.
///
/// It hangs on the tensors' autograd graph until it is dropped. A backward pass that
/// [`before_backward`](Reducer::before_backward) did not announce only accumulates, without exchange.
pub struct Reducer {
    raw: NonNull<Opaque>,
}

impl Reducer {
    /// For leaves that require gradients, in one order on all ranks, each of which every backward pass must reach.
    /// `first_bytes` and `bucket_bytes` are the sizes of what is exchanged together; PyTorch's are 1 and 25 MB.
    ///
    /// # Errors
    /// When a tensor requires no gradient, or as [`ProcessGroup::all_reduce`].
    pub fn new(
        group: &ProcessGroup,
        parameters: &[Tensor],
        first_bytes: usize,
        bucket_bytes: usize,
    ) -> Result<Reducer> {
        let pointers = pointers(parameters);
        let mut raw = null_mut();
        // SAFETY: the C++ side keeps its own references to tensors and group, and writes `raw` where it succeeds.
        unsafe {
            c10d_reducer_new(
                group.raw.as_ptr(),
                pointers.as_ptr(),
                pointers.len(),
                first_bytes as i64,
                bucket_bytes as i64,
                &mut raw,
            )
        }
        .check()?;
        Ok(Reducer { raw: made(raw)? })
    }

    /// Before the forward pass whose gradients are to be averaged.
    ///
    /// # Errors
    /// When the backward pass before did not reach every tensor.
    pub fn before_forward(&self) -> Result<()> {
        // SAFETY: made by `new`.
        unsafe { c10d_reducer_before_forward(self.raw.as_ptr()) }.check()
    }

    /// Between that forward pass and its backward pass.
    ///
    /// # Errors
    /// libtorch's.
    pub fn before_backward(&self) -> Result<()> {
        // SAFETY: made by `new`.
        unsafe { c10d_reducer_before_backward(self.raw.as_ptr()) }.check()
    }
}

impl Drop for Reducer {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and used no more.
        let _ = unsafe { c10d_reducer_free(self.raw.as_ptr()) }.check();
    }
}
