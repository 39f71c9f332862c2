//! The C++ side's functions, and all unsafe code.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

use tch::{Device, Kind, Tensor};
use torch_cpp::{Outcome, made, pointers};

use super::{AdamStep, Error, Result};

/// Opaque: the C++ side's.
#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

unsafe extern "C" {
    safe fn torch_accelerator_links_cuda() -> c_int;
    fn torch_accelerator_autocast_enter(device: c_int, kind: c_int, before: *mut c_int) -> Outcome;
    fn torch_accelerator_autocast_exit(device: c_int, before: *const c_int) -> Outcome;
    fn torch_accelerator_backends_get(switches: *mut c_int) -> Outcome;
    fn torch_accelerator_backends_set(switches: *const c_int) -> Outcome;
    fn torch_accelerator_memory(device: c_int, bytes: *mut u64) -> Outcome;
    safe fn torch_accelerator_empty_cache(device: c_int) -> Outcome;
    fn torch_accelerator_is_pinned(tensor: *const c_void, out: *mut c_int) -> Outcome;
    fn torch_accelerator_empty_pinned(
        sizes: *const i64,
        dimensions: usize,
        kind: c_int,
        out: *mut *mut c_void,
    ) -> Outcome;
    fn torch_accelerator_fused_adam(
        parameters: *const *mut c_void,
        gradients: *const *mut c_void,
        averages: *const *mut c_void,
        squares: *const *mut c_void,
        count: usize,
        step: f64,
        lr: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        eps: f64,
        decoupled: c_int,
    ) -> Outcome;
    fn torch_accelerator_unscale(
        gradients: *const *mut c_void,
        count: usize,
        found_inf: *const c_void,
        inverse: *const c_void,
    ) -> Outcome;
    fn torch_accelerator_forget_gradients(parameters: *const *mut c_void, count: usize) -> Outcome;
    fn torch_accelerator_stream_new(device: c_int, out: *mut *mut Opaque) -> Outcome;
    fn torch_accelerator_stream_free(stream: *mut Opaque);
    fn torch_accelerator_stream_enter(stream: *mut Opaque, before: *mut i64) -> Outcome;
    fn torch_accelerator_stream_exit(
        stream: *mut Opaque,
        before: *const i64,
        out: *mut *mut Opaque,
    ) -> Outcome;
    fn torch_accelerator_copies_wait(
        stream: *mut Opaque,
        copies: *mut Opaque,
        tensors: *const *mut c_void,
        count: usize,
    ) -> Outcome;
    fn torch_accelerator_copies_free(copies: *mut Opaque);
}

/// The number by which the C++ side knows a device.
fn number(device: Device) -> Result<c_int> {
    match device {
        Device::Cpu => Ok(-1),
        Device::Cuda(index) if index < 128 => Ok(index as c_int),
        other => Err(Error(format!("{other:?} is neither the CPU nor a CUDA GPU"))),
    }
}

/// The number by which libtorch knows a type, `c10::ScalarType`.
fn scalar_type(kind: Kind) -> Result<c_int> {
    match kind {
        Kind::Uint8 => Ok(0),
        Kind::Int => Ok(3),
        Kind::Int64 => Ok(4),
        Kind::Half => Ok(5),
        Kind::Float => Ok(6),
        Kind::Double => Ok(7),
        Kind::Bool => Ok(11),
        Kind::BFloat16 => Ok(15),
        other => Err(Error(format!("{other:?} is not a type that pictures, labels and weights have"))),
    }
}

pub fn has_cuda() -> bool {
    torch_accelerator_links_cuda() != 0
}

/// Mixed precision on this thread, as long as it lives.
pub struct Autocast {
    device: c_int,
    before: [c_int; 2],
    /// It belongs to this thread.
    _here: PhantomData<*const ()>,
}

impl Autocast {
    pub fn enter(device: Device, kind: Kind) -> Result<Autocast> {
        if !matches!(kind, Kind::Half | Kind::BFloat16) {
            return Err(Error(format!("autocast is to BFloat16 or Half, not to {kind:?}")));
        }
        let (device, scalar_type, mut before) = (number(device)?, scalar_type(kind)?, [0; 2]);
        // SAFETY: the call writes two numbers.
        unsafe { torch_accelerator_autocast_enter(device, scalar_type, before.as_mut_ptr()) }.check()?;
        Ok(Autocast { device, before, _here: PhantomData })
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: what `enter` gave on this thread.
        let _ = unsafe { torch_accelerator_autocast_exit(self.device, self.before.as_ptr()) }.check();
    }
}

pub fn backends() -> Result<[bool; 5]> {
    let mut switches = [0; 5];
    // SAFETY: the call writes five numbers.
    unsafe { torch_accelerator_backends_get(switches.as_mut_ptr()) }.check()?;
    Ok(switches.map(|switch| switch != 0))
}

pub fn set_backends(switches: [bool; 5]) -> Result<()> {
    let switches = switches.map(c_int::from);
    // SAFETY: the call reads five numbers.
    unsafe { torch_accelerator_backends_set(switches.as_ptr()) }.check()
}

pub fn memory(device: Device) -> Result<[u64; 5]> {
    let (device, mut bytes) = (number(device)?, [0; 5]);
    // SAFETY: the call writes at most five numbers.
    unsafe { torch_accelerator_memory(device, bytes.as_mut_ptr()) }.check()?;
    Ok(bytes)
}

pub fn empty_cache(device: Device) -> Result<()> {
    torch_accelerator_empty_cache(number(device)?).check()
}

pub fn is_pinned(tensor: &Tensor) -> Result<bool> {
    let mut pinned = 0;
    // SAFETY: the tensor lives as long as the call, which writes one number.
    unsafe { torch_accelerator_is_pinned(tensor.as_ptr().cast(), &mut pinned) }.check()?;
    Ok(pinned != 0)
}

pub fn empty_pinned(size: &[i64], kind: Kind) -> Result<Tensor> {
    if size.iter().any(|&side| side < 0) {
        return Err(Error(format!("a tensor cannot have the size {size:?}")));
    }
    let mut raw = null_mut();
    // SAFETY: the call reads the sizes, and writes `raw` where it succeeds.
    unsafe { torch_accelerator_empty_pinned(size.as_ptr(), size.len(), scalar_type(kind)?, &mut raw) }
        .check()?;
    // SAFETY: a new tensor of libtorch's, which tch owns from here on.
    Ok(unsafe { Tensor::from_ptr(made(raw)?.as_ptr().cast()) })
}

pub fn fused_adam(settings: AdamStep, lists: [&[Tensor]; 4]) -> Result<()> {
    let count = lists[0].len();
    if lists.iter().any(|list| list.len() != count) {
        return Err(Error("each parameter needs a gradient and two averages".into()));
    }
    if count == 0 {
        return Ok(());
    }
    let AdamStep { step, lr, betas: (beta1, beta2), weight_decay, eps, decoupled } = settings;
    let [parameters, gradients, averages, squares] = lists.map(pointers);
    // SAFETY: four lists of `count` tensors, which live as long as the call.
    unsafe {
        torch_accelerator_fused_adam(
            parameters.as_ptr(),
            gradients.as_ptr(),
            averages.as_ptr(),
            squares.as_ptr(),
            count,
            f64::from(step),
            lr,
            beta1,
            beta2,
            weight_decay,
            eps,
            c_int::from(decoupled),
        )
    }
    .check()
}

pub fn unscale(gradients: &[Tensor], found_inf: &Tensor, inverse: &Tensor) -> Result<()> {
    let pointers = pointers(gradients);
    // SAFETY: the tensors live as long as the call.
    unsafe {
        torch_accelerator_unscale(
            pointers.as_ptr(),
            pointers.len(),
            found_inf.as_ptr().cast(),
            inverse.as_ptr().cast(),
        )
    }
    .check()
}

pub fn forget_gradients(parameters: &[Tensor]) -> Result<()> {
    let pointers = pointers(parameters);
    // SAFETY: the tensors live as long as the call.
    unsafe { torch_accelerator_forget_gradients(pointers.as_ptr(), pointers.len()) }.check()
}

/// A stream of a GPU beside the one that computes, for copies that are to run meanwhile.
pub struct CopyStream {
    raw: NonNull<Opaque>,
    device: Device,
}

impl CopyStream {
    /// A stream of this GPU.
    ///
    /// # Errors
    /// When there is no such GPU; the CPU is not one.
    pub fn new(device: Device) -> Result<CopyStream> {
        let mut raw = null_mut();
        // SAFETY: the call writes `raw` where it succeeds.
        unsafe { torch_accelerator_stream_new(number(device)?, &mut raw) }.check()?;
        Ok(CopyStream { raw: made(raw)?, device })
    }

    /// Starts copying tensors of the CPU to the GPU, and does not wait. Those that are not in pinned memory are copied
    /// there first, for which it does wait.
    ///
    /// # Errors
    /// When memory is short, on the GPU or beside it.
    pub fn copy(&self, tensors: &[&Tensor]) -> Result<CopiesInFlight> {
        let sources = tensors.iter().map(|tensor| super::pinned(tensor));
        let sources = sources.collect::<Result<Vec<_>>>()?;
        let mut before = [0; 2];
        // SAFETY: made by `new`; the call writes two numbers.
        unsafe { torch_accelerator_stream_enter(self.raw.as_ptr(), before.as_mut_ptr()) }.check()?;
        let started =
            sources.iter().map(|source| source.f_to_device_(self.device, source.kind(), true, false));
        let started = started.collect::<std::result::Result<Vec<_>, _>>();
        let mut raw = null_mut();
        // SAFETY: `before` is what was in force; the call writes `raw` where it succeeds.
        unsafe { torch_accelerator_stream_exit(self.raw.as_ptr(), before.as_ptr(), &mut raw) }.check()?;
        let done = Done(made(raw)?);
        Ok(CopiesInFlight { tensors: started?, done })
    }

    /// The copies, which what is computed from here on waits for; the processor does not.
    ///
    /// # Errors
    /// libtorch's.
    pub fn wait(&self, copies: CopiesInFlight) -> Result<Vec<Tensor>> {
        let CopiesInFlight { tensors, done } = copies;
        let pointers = pointers(&tensors);
        // SAFETY: stream and event are alive, and so are the tensors.
        unsafe {
            torch_accelerator_copies_wait(
                self.raw.as_ptr(),
                done.0.as_ptr(),
                pointers.as_ptr(),
                pointers.len(),
            )
        }
        .check()?;
        Ok(tensors)
    }
}

impl Drop for CopyStream {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and not used any more.
        unsafe { torch_accelerator_stream_free(self.raw.as_ptr()) };
    }
}

/// Copies that [`CopyStream::copy`] has started.
pub struct CopiesInFlight {
    tensors: Vec<Tensor>,
    done: Done,
}

/// The event after the copies.
struct Done(NonNull<Opaque>);

impl Drop for Done {
    fn drop(&mut self) {
        // SAFETY: made by the stream, and not used any more. The copies continue without it.
        unsafe { torch_accelerator_copies_free(self.0.as_ptr()) };
    }
}
