//! What tch lacks of libtorch's GPU side: [`autocast`] with a type of choice, [`CopyStream`]s beside the computation,
//! [`memory`], and the [`Backends`]' switches.
//!
//! ```
//! use tch::{Device, Kind, Tensor};
//! use torch_accelerator::autocast;
//!
//! let ones = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
//! let product = autocast(Device::Cpu, Kind::BFloat16, || ones.matmul(&ones.tr()))?;
//! assert_eq!(product.kind(), Kind::BFloat16);
//! # Ok::<(), torch_accelerator::Error>(())
//! ```

mod engine;

use std::fmt;

use tch::{Device, Kind, Tensor};

pub use engine::{CopiesInFlight, CopyStream};
pub use torch_cpp::{Error, Result};

/// Whether this program is linked to a libtorch with CUDA, on a machine with a GPU or not.
pub fn has_cuda() -> bool {
    engine::has_cuda()
}

/// Runs `forward` with automatic mixed precision, as `torch.autocast(device.type, dtype)`: matrix products and
/// convolutions take and give `kind`, bfloat16 or float16; what needs the range, such as losses and norms, stays
/// float32. For forward passes; a backward pass takes the types that the forward pass had.
///
/// # Errors
/// When libtorch cannot autocast on this device, or to this type.
pub fn autocast<T>(device: Device, kind: Kind, forward: impl FnOnce() -> T) -> Result<T> {
    let guard = engine::Autocast::enter(device, kind)?;
    let outcome = forward();
    drop(guard);
    Ok(outcome)
}

/// The memory of a GPU, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// What this process's tensors take, `torch.cuda.memory_allocated()`.
    pub allocated: u64,
    /// The most that they took at once, `torch.cuda.max_memory_allocated()`.
    pub max_allocated: u64,
    /// What libtorch holds for this process, `torch.cuda.memory_reserved()`.
    pub reserved: u64,
    /// What no process holds, the first of `torch.cuda.mem_get_info()`.
    pub free: u64,
    /// What the GPU has, the second of `torch.cuda.mem_get_info()`.
    pub total: u64,
}

impl Memory {
    /// What all processes hold: `nvidia-smi`'s `memory.used`.
    pub fn used(&self) -> u64 {
        self.total.saturating_sub(self.free)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        write!(f, "{:.1} of {:.1} GiB in use", gib(self.used()), gib(self.total))?;
        write!(f, ", tensors {:.1} GiB (at most {:.1})", gib(self.allocated), gib(self.max_allocated))
    }
}

/// The memory of a GPU.
///
/// # Errors
/// When there is no such GPU; the CPU is not one.
pub fn memory(device: Device) -> Result<Memory> {
    let [allocated, max_allocated, reserved, free, total] = engine::memory(device)?;
    Ok(Memory { allocated, max_allocated, reserved, free, total })
}

/// Frees the GPU memory that libtorch holds but no tensor uses, so that other processes can have it:
/// `torch.cuda.empty_cache()`.
///
/// # Errors
/// When there is no such GPU; the CPU is not one.
pub fn empty_cache(device: Device) -> Result<()> {
    engine::empty_cache(device)
}

/// Switches of `torch.backends`, for all GPUs and threads of the process. The defaults are PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backends {
    /// `torch.backends.cudnn.benchmark`: whether convolutions of a new size are tried in several ways first, of which
    /// the fastest is kept. Good where all batches have one size. Default no.
    pub cudnn_benchmark: bool,
    /// `torch.backends.cudnn.deterministic`: whether convolutions give the same each time. Default no.
    pub cudnn_deterministic: bool,
    /// `torch.backends.cudnn.allow_tf32`: whether convolutions of float32 round their factors to TF32's 10 bits, which is
    /// several times as fast on GPUs from Ampere on. Default yes.
    pub cudnn_allow_tf32: bool,
    /// `torch.backends.cuda.matmul.allow_tf32`: the same of matrix products. Default no.
    pub matmul_allow_tf32: bool,
    /// `torch.use_deterministic_algorithms`: whether operations without a way to the same result each time are
    /// errors. Matrix products need `CUBLAS_WORKSPACE_CONFIG=:4096:8` in the environment then. Default no.
    pub deterministic_algorithms: bool,
}

impl Default for Backends {
    fn default() -> Self {
        Backends {
            cudnn_benchmark: false,
            cudnn_deterministic: false,
            cudnn_allow_tf32: true,
            matmul_allow_tf32: false,
            deterministic_algorithms: false,
        }
    }
}

impl Backends {
    /// What is in force.
    ///
    /// # Errors
    /// libtorch's, when TF32 was set in another way that cannot be said by these switches.
    pub fn current() -> Result<Backends> {
        let [benchmark, deterministic, conv_tf32, matmul_tf32, algorithms] = engine::backends()?;
        Ok(Backends {
            cudnn_benchmark: benchmark,
            cudnn_deterministic: deterministic,
            cudnn_allow_tf32: conv_tf32,
            matmul_allow_tf32: matmul_tf32,
            deterministic_algorithms: algorithms,
        })
    }

    /// Puts these in force.
    ///
    /// # Errors
    /// libtorch's.
    pub fn apply(self) -> Result<()> {
        engine::set_backends([
            self.cudnn_benchmark,
            self.cudnn_deterministic,
            self.cudnn_allow_tf32,
            self.matmul_allow_tf32,
            self.deterministic_algorithms,
        ])
    }
}

/// The tensor in pinned memory, from which a GPU copies by itself while the processor does something else.
///
/// # Errors
/// When there is no GPU, or memory is short.
pub fn pinned(tensor: &Tensor) -> Result<Tensor> {
    if engine::is_pinned(tensor)? {
        return Ok(tensor.shallow_clone());
    }
    let mut copy = empty_pinned(&tensor.size(), tensor.kind())?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// A tensor in pinned memory whose values are undefined.
///
/// # Errors
/// When there is no GPU, or memory is short.
pub fn empty_pinned(size: &[i64], kind: Kind) -> Result<Tensor> {
    engine::empty_pinned(size, kind)
}

/// The numbers of a step of Adam or AdamW, as `torch.optim.Adam` calls them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// How many steps the parameters have taken, with this one.
    pub step: i32,
    /// The learning rate.
    pub lr: f64,
    /// The decay of both averages.
    pub betas: (f64, f64),
    /// Fraction of each weight that joins its gradient, or is taken off where `decoupled`.
    pub weight_decay: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// AdamW's decay instead of Adam's.
    pub decoupled: bool,
}

/// Takes a step with all parameters of a device at once, as `torch.optim.Adam(fused=True)`: one kernel on a GPU instead of
/// some ten for each parameter. The lists are one long; the averages are of the gradients and of their squares.
///
/// # Errors
/// When lengths, types or layouts differ, or libtorch lacks the device.
pub fn fused_adam(
    settings: AdamStep,
    parameters: &[Tensor],
    gradients: &[Tensor],
    averages: &[Tensor],
    squares: &[Tensor],
) -> Result<()> {
    tch::no_grad(|| engine::fused_adam(settings, [parameters, gradients, averages, squares]))
}

/// Multiplies all gradients by `inverse` in place, and sets `found_inf` to 1 if one of them is not finite:
/// `GradScaler.unscale_`. Both are float32 tensors of one value on the gradients' device.
///
/// # Errors
/// When the tensors are on several devices.
pub fn unscale(gradients: &[Tensor], found_inf: &Tensor, inverse: &Tensor) -> Result<()> {
    tch::no_grad(|| engine::unscale(gradients, found_inf, inverse))
}

/// Leaves the parameters without gradients, `zero_grad(set_to_none=True)`: the next backward pass puts its own in their place,
/// with nothing to add them to.
///
/// # Errors
/// libtorch's.
pub fn forget_gradients(parameters: &[Tensor]) -> Result<()> {
    engine::forget_gradients(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autocast_ends_with_the_forward_pass() {
        let ones = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
        let product = || ones.matmul(&ones.tr());
        for kind in [Kind::BFloat16, Kind::Half] {
            let [inner, outer] = autocast(Device::Cpu, kind, || {
                let inner = autocast(Device::Cpu, Kind::BFloat16, product).unwrap();
                [inner, product()]
            })
            .unwrap();
            assert_eq!((inner.kind(), outer.kind()), (Kind::BFloat16, kind));
            assert_eq!(outer.double_value(&[1, 1]), 3.0);
        }
        assert_eq!(product().kind(), Kind::Float);
        let panicked =
            std::panic::catch_unwind(|| autocast(Device::Cpu, Kind::BFloat16, || panic!("in between")));
        assert!(panicked.is_err());
        assert_eq!(product().kind(), Kind::Float);
        assert!(autocast(Device::Cpu, Kind::Int64, || ()).unwrap_err().to_string().contains("Int64"));
    }

    #[test]
    fn the_switches_are_pytorchs_and_can_be_changed() {
        assert_eq!(Backends::current().unwrap(), Backends::default());
        let fast = Backends { cudnn_benchmark: true, matmul_allow_tf32: true, ..Default::default() };
        fast.apply().unwrap();
        assert_eq!(Backends::current().unwrap(), fast);
        Backends::default().apply().unwrap();
        assert_eq!(Backends::current().unwrap(), Backends::default());
    }

    #[test]
    fn many_parameters_take_a_step_as_one_does() {
        let values = |value: f64| [2, 3].map(|size| Tensor::full([size], value, (Kind::Double, Device::Cpu)));
        let (weights, gradients, averages, squares) = (values(0.5), values(2.0), values(0.0), values(0.0));
        let settings = AdamStep {
            step: 1,
            lr: 0.1,
            betas: (0.9, 0.999),
            weight_decay: 0.01,
            eps: 1e-8,
            decoupled: true,
        };
        fused_adam(settings, &weights, &gradients, &averages, &squares).unwrap();
        // The first step is the learning rate, after the decay.
        let expected = 0.5 * (1.0 - 0.1 * 0.01) - 0.1;
        assert!((weights[1].double_value(&[2]) - expected).abs() < 1e-7, "{}", weights[1]);
        assert!((averages[0].double_value(&[0]) - 0.2).abs() < 1e-12);
        assert!(fused_adam(settings, &weights, &gradients[..1], &averages, &squares).is_err());
        fused_adam(settings, &[], &[], &[], &[]).unwrap();
    }

    #[test]
    fn gradients_are_unscaled_and_forgotten_together() {
        let number = |value: f64| Tensor::full([1], value, (Kind::Float, Device::Cpu));
        let (gradients, found_inf) = ([number(8.0), number(4.0)], number(0.0));
        unscale(&gradients, &found_inf, &number(0.5)).unwrap();
        assert_eq!((gradients[0].double_value(&[0]), found_inf.double_value(&[0])), (4.0, 0.0));
        unscale(&[number(f64::INFINITY), number(1.0)], &found_inf, &number(0.5)).unwrap();
        assert_eq!(found_inf.double_value(&[0]), 1.0);
        let weight = number(1.0).set_requires_grad(true);
        (&weight * 3.0).sum(Kind::Float).backward();
        assert_eq!(weight.grad().double_value(&[0]), 3.0);
        forget_gradients(&[weight.shallow_clone()]).unwrap();
        assert!(!weight.grad().defined());
    }

    #[test]
    fn memory_is_said_in_words() {
        let gib = 1 << 30;
        let memory = Memory {
            allocated: gib,
            max_allocated: 2 * gib,
            reserved: 3 * gib,
            free: 75 * gib,
            total: 80 * gib,
        };
        assert_eq!(memory.to_string(), "5.0 of 80.0 GiB in use, tensors 1.0 GiB (at most 2.0)");
    }

    #[test]
    fn the_cpu_has_no_streams_and_no_memory_of_its_own() {
        assert!(CopyStream::new(Device::Cpu).err().unwrap().to_string().contains("the CPU has no streams"));
        assert!(memory(Device::Cpu).is_err() && empty_cache(Device::Cpu).is_err());
        let values = Tensor::from_slice(&[1.0f32, 2.0]);
        if tch::Cuda::is_available() {
            let stream = CopyStream::new(Device::Cuda(0)).unwrap();
            let copies = stream.wait(stream.copy(&[&values]).unwrap()).unwrap();
            assert_eq!(
                (copies[0].device(), Vec::<f32>::try_from(&copies[0]).unwrap()),
                (Device::Cuda(0), vec![1.0, 2.0])
            );
            assert!(memory(Device::Cuda(0)).unwrap().allocated > 0);
        } else {
            let told = CopyStream::new(Device::Cuda(0)).err().unwrap().to_string();
            assert!(!told.is_empty() && memory(Device::Cuda(0)).is_err() && pinned(&values).is_err());
        }
    }
}
