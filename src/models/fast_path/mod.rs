//! A faster path through frozen layers: batch norms are folded into the preceding convolutions,
//! weights are laid out once as the CPU kernels (oneDNN) expect them, and computed in bfloat16
//! where the processor is fast at it.
//!
//! The layers' own `forward` asks here first. The state is per thread: by default nothing is in
//! force; [`FastPath::run`] puts the prepared layers in force for one forward pass, and [`record`]
//! traces a pass to find out what may be folded.

mod layer;
mod record;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;

use tch::{Kind, Tensor};

use super::layers::ConvOptions;
use super::{Mode, Model};
use crate::Result;
use layer::{FoldedConv, Layout};
pub(crate) use record::activations;
use record::{Record, record};

/// The tolerance between the fast and the exact output for a few pictures, relative to the norm.
/// bfloat16 keeps 8 bits of a number; typical networks are within 1 to 2 percent.
const TOLERANCE_BFLOAT16: f64 = 0.05;
const TOLERANCE_FLOAT: f64 = 1e-3;
/// How many pictures the fast path is tried on.
const TRIAL: i64 = 4;

thread_local! {
    static IN_FORCE: RefCell<InForce> = const { RefCell::new(InForce::Nothing) };
}

/// What layers on this thread do.
enum InForce {
    Nothing,
    Recording(Record),
    Fast(Rc<Layers>),
    /// Convolutions in bfloat16, with gradients.
    Mixed,
}

/// Prepared layers, by the address of their weights.
struct Layers {
    convolutions: HashMap<usize, FoldedConv>,
    folded_norms: HashSet<usize>,
}

/// The frozen part of a network, prepared to run fast. It is valid as long as the original weights do
/// not change.
pub(crate) struct FastPath {
    layers: Rc<Layers>,
    layout: Layout,
}

impl FastPath {
    /// Prepares the frozen convolutions of `model` that need no gradients, with the frozen batch norms after them whose
    /// statistics are fixed in training. `images` (N, 3, H, W) are a sample of its input. `None` when there is nothing
    /// to gain: no such layer, a device other than the CPU, or a network whose results would differ.
    ///
    /// # Errors
    /// Those of the model's forward pass.
    pub fn prepare(model: &Model, images: &Tensor, bfloat16: bool) -> Result<Option<FastPath>> {
        if model.device() != tch::Device::Cpu {
            return Ok(None);
        }
        // In eval mode, so that no dropout makes two passes differ.
        let pass = model.pass(Mode::Eval);
        let sample = images.f_narrow(0, 0, TRIAL.min(images.size()[0]))?;
        let (exact, recorded) = record(|| model.module().forward(&sample, pass))?;
        // Moving statistics must be computed in float32.
        if recorded.moves || recorded.frozen().next().is_none() {
            return Ok(None);
        }
        let layouts: &[Layout] = match bfloat16 {
            true => &[Layout::Blocked(Kind::BFloat16), Layout::ChannelsLast(Kind::BFloat16)],
            false => &[Layout::Blocked(Kind::Float), Layout::ChannelsLast(Kind::Float)],
        };
        for &layout in layouts {
            // Operations that oneDNN's layout does not support, such as ReLU6 and concatenation, fail
            // here, and the next layout is tried.
            if let Ok(layers) = recorded.prepare(layout) {
                let path = FastPath { layers: Rc::new(layers), layout };
                let result = path.run(|| model.module().forward(&sample, pass));
                let _guard = tch::no_grad_guard();
                if result.is_ok_and(|fast| near(&fast, &exact, layout).unwrap_or(false)) {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    /// Runs a forward pass of the network with the prepared layers.
    pub fn run<T>(&self, forward: impl FnOnce() -> T) -> T {
        with(InForce::Fast(self.layers.clone()), forward).0
    }
}

/// Runs a forward pass whose convolutions compute in bfloat16, as PyTorch's autocast has them; weights,
/// their gradients and the statistics of batch norms stay float32.
pub(crate) fn mixed<T>(forward: impl FnOnce() -> T) -> T {
    with(InForce::Mixed, forward).0
}

/// Whether this processor multiplies bfloat16 faster than float32.
pub(crate) fn has_fast_bfloat16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("bf16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

fn near(fast: &Tensor, exact: &Tensor, layout: Layout) -> Result<bool> {
    let difference = fast.f_sub(exact)?.f_norm()?.f_double_value(&[])?;
    let tolerance = if layout.kind() == Kind::BFloat16 { TOLERANCE_BFLOAT16 } else { TOLERANCE_FLOAT };
    // A comparison with NaN is false.
    Ok(difference <= tolerance * exact.f_norm()?.f_double_value(&[])?)
}

/// Puts `state` in force while `action` runs, and restores the old one even after a panic; returns
/// the state as `action` left it.
fn with<T>(state: InForce, action: impl FnOnce() -> T) -> (T, InForce) {
    struct Restore(Option<InForce>);
    impl Drop for Restore {
        fn drop(&mut self) {
            if let Some(before) = self.0.take() {
                IN_FORCE.replace(before);
            }
        }
    }
    let mut restore = Restore(Some(IN_FORCE.replace(state)));
    let result = action();
    let before = restore.0.take().unwrap_or(InForce::Nothing);
    (result, IN_FORCE.replace(before))
}

/// Called by a convolution: its output, or `None` if it must compute it itself.
pub(super) fn convolve(
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
    input: &Tensor,
) -> Result<Option<Tensor>> {
    IN_FORCE.with_borrow(|state| match state {
        InForce::Nothing | InForce::Recording(_) => Ok(None),
        InForce::Fast(layers) => match layers.convolutions.get(&address(weight)) {
            Some(folded) => folded.forward(input).map(Some),
            None => layer::plain(weight, bias, options, &dense(input)?).map(Some),
        },
        InForce::Mixed => {
            let half = |tensor: &Tensor| tensor.f_to_kind(Kind::BFloat16);
            let bias = bias.map(half).transpose()?;
            layer::plain(&half(weight)?, bias.as_ref(), options, &half(input)?).map(Some)
        }
    })
}

/// Called by a convolution after computing, for the record.
pub(super) fn convolved(
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
    input: &Tensor,
    output: &Tensor,
) {
    IN_FORCE.with_borrow_mut(|state| {
        if let InForce::Recording(record) = state {
            record.convolved(weight, bias, options, input, output);
        }
    });
}

/// Called by a batch norm: whether it is folded into the convolution before it, and has nothing
/// left to do.
pub(super) fn is_folded(weight: &Tensor) -> bool {
    IN_FORCE.with_borrow(|state| match state {
        InForce::Fast(layers) => layers.folded_norms.contains(&address(weight)),
        _ => false,
    })
}

/// The input of a batch norm that is not folded; one that learns computes in float32.
pub(super) fn for_norm(weight: &Tensor, input: &Tensor) -> Result<Tensor> {
    let learns_fast =
        IN_FORCE.with_borrow(|state| matches!(state, InForce::Fast(_)) && weight.requires_grad());
    if learns_fast { dense(input) } else { Ok(input.shallow_clone()) }
}

/// Called by a batch norm before it computes, for the record: scale, shift, mean, variance and `eps`,
/// and whether its statistics are fixed in training.
pub(super) fn normalised(input: &Tensor, norm: [&Tensor; 4], eps: f64, still: bool) {
    IN_FORCE.with_borrow_mut(|state| {
        if let InForce::Recording(record) = state {
            record.normalised(input, norm, eps, still);
        }
    });
}

/// The input of a layer that computes in float32 on ordinary tensors, converted if necessary.
pub(super) fn dense(input: &Tensor) -> Result<Tensor> {
    if input.is_mkldnn() {
        return Ok(input.f_to_dense(Kind::Float, false)?);
    }
    match input.kind() {
        Kind::BFloat16 => Ok(input.f_to_kind(Kind::Float)?),
        _ => Ok(input.shallow_clone()),
    }
}

/// The input of a layer that cannot read oneDNN's layout, converted if necessary.
pub(super) fn readable(input: &Tensor) -> Result<Tensor> {
    if input.is_mkldnn() { dense(input) } else { Ok(input.shallow_clone()) }
}

fn address(tensor: &Tensor) -> usize {
    tensor.data_ptr() as usize
}

impl fmt::Display for FastPath {
    /// `frozen layers in bfloat16, 20 batch norms folded`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.layout.kind() == Kind::BFloat16 { "bfloat16" } else { "float32" };
        write!(f, "frozen layers in {kind} ({})", self.layout)?;
        match self.layers.folded_norms.len() {
            0 => Ok(()),
            count => write!(f, ", {count} batch norms folded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::models::{BatchNormMode, Pass, Pretrained, initialize_model};

    const STILL: Pass = Pass::new(Mode::Train, BatchNormMode::Still);

    /// A frozen ResNet18 whose batch norms have something to fold.
    fn frozen() -> Model {
        tch::manual_seed(1);
        let mut model = initialize_model("resnet18", 5, Pretrained::No, Device::Cpu).unwrap();
        let images = Tensor::randn([8, 3, 64, 64], (Kind::Float, Device::Cpu));
        for _ in 0..3 {
            drop(model.forward(&images).unwrap());
        }
        model.set_batch_norm(BatchNormMode::Still);
        model.freeze_all_but_head();
        model
    }

    fn difference(fast: &Tensor, exact: &Tensor) -> f64 {
        ((fast - exact).norm() / exact.norm()).double_value(&[])
    }

    #[test]
    fn folded_networks_compute_the_same() -> Result<()> {
        let model = frozen();
        let images = Tensor::randn([3, 3, 64, 64], (Kind::Float, Device::Cpu));
        let exact = model.module().forward(&images, STILL)?;
        for (bfloat16, tolerance) in [(false, 1e-5), (true, TOLERANCE_BFLOAT16)] {
            let path = FastPath::prepare(&model, &images, bfloat16)?.expect("a fast path");
            let fast = path.run(|| model.module().forward(&images, STILL))?;
            assert!(difference(&fast, &exact) < tolerance, "{path}");
            assert!(path.to_string().ends_with("20 batch norms folded"), "{path}");
            assert!(fast.requires_grad(), "the head learns");
        }
        let again = model.module().forward(&images, STILL)?;
        assert_eq!(again, exact, "nothing stays in force");
        Ok(())
    }

    #[test]
    fn what_learns_is_left_alone() -> Result<()> {
        let mut model = frozen();
        model.unfreeze("layer4")?;
        let images = Tensor::randn([3, 3, 64, 64], (Kind::Float, Device::Cpu));
        let path = FastPath::prepare(&model, &images, false)?.expect("a fast path");
        assert_eq!(path.layers.folded_norms.len(), 15, "layer4 has five of the twenty");
        let loss = |fast: bool| -> Result<Tensor> {
            let forward = || model.module().forward(&images, STILL);
            let output = if fast { path.run(forward)? } else { forward()? };
            model
                .named_parameters()
                .iter()
                .for_each(|parameter| parameter.tensor.shallow_clone().zero_grad());
            output.square().sum(Kind::Float).backward();
            Ok(model.named_parameters().get("layer4.0.conv1.weight").unwrap().grad().copy())
        };
        // Rounding decides whether a ReLU near 0 is open, so gradients differ more than outputs.
        assert!(difference(&loss(true)?, &loss(false)?) < 1e-2);
        model.set_batch_norm(BatchNormMode::Moving);
        assert!(FastPath::prepare(&model, &images, true)?.is_none(), "moving statistics are float32's");
        model.unfreeze_all();
        model.set_batch_norm(BatchNormMode::Still);
        assert!(FastPath::prepare(&model, &images, false)?.is_none());
        Ok(())
    }

    #[test]
    fn mixed_precision_learns_in_float() -> Result<()> {
        let mut model = frozen();
        model.unfreeze_all();
        let images = Tensor::randn([8, 3, 64, 64], (Kind::Float, Device::Cpu));
        let exact = model.module().forward(&images, STILL)?;
        let output = mixed(|| model.module().forward(&images, STILL))?;
        assert!(output.kind() == Kind::Float && difference(&output, &exact) < TOLERANCE_BFLOAT16);
        output.square().sum(Kind::Float).backward();
        let gradient = model.named_parameters().get("conv1.weight").unwrap().grad();
        assert!(gradient.kind() == Kind::Float && gradient.norm().double_value(&[]) > 0.0);
        Ok(())
    }
}
