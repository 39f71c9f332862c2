//! What training on a device yields, one JSON line a figure or check: `cargo bench --bench gpu -- cuda`, or `cpu`; with
//! `rank` instead, what one of several processes of a training checks.
//!
//! ResNet18 on noise from memory, in the tutorial's two phases, so that neither files nor transforms count. `tests/gpu/check.sh`
//! runs it, and `tests/gpu/peer.py` is the same in PyTorch.

use std::path::Path;

use fastrand::Rng;
use herbarium::cuda::{self, Backends};
use herbarium::prelude::*;
use herbarium::train::{GradScalerOptions, Precision};
use serde_json::json;

const CLASSES: usize = 102;
/// Side of a picture in pixels, pictures of a batch, batches of an epoch: as in `peer.py`.
const ON_GPU: [(usize, usize, usize); 2] = [(64, 128, 40), (224, 128, 15)];
const ON_CPU: [(usize, usize, usize); 1] = [(64, 32, 3)];
/// The first epoch warms up.
const EPOCHS: usize = 3;

/// The same noise in every picture, with different labels.
#[derive(Debug)]
struct Noise {
    size: usize,
    values: Vec<f32>,
    len: usize,
}

impl Noise {
    fn new(size: usize, len: usize) -> Noise {
        let mut rng = Rng::with_seed(0);
        Noise { size, values: (0..3 * size * size).map(|_| rng.f32() - 0.5).collect(), len }
    }
}

impl Dataset for Noise {
    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize, _rng: &mut Rng) -> Result<(Tensor, i64)> {
        let size = self.size as i64;
        Ok((Tensor::f_from_slice(&self.values)?.f_reshape([3, size, size])?, (index % CLASSES) as i64))
    }

    fn path(&self, _index: usize) -> Option<&Path> {
        None
    }

    fn classes(&self) -> Vec<String> {
        (0..CLASSES).map(|class| class.to_string()).collect()
    }
}

fn main() -> Result<()> {
    let on_gpu = std::env::args().any(|argument| argument == "cuda");
    if std::env::args().any(|argument| argument == "rank") {
        #[cfg(feature = "distributed")]
        check("processes that train together stay equal to the bit", together(Device::cuda_if_available()));
        return Ok(());
    }
    if on_gpu && !tch::Cuda::is_available() {
        println!("{}", json!({"no GPU": format!("libtorch has CUDA: {}", cuda::has_cuda())}));
        return Ok(());
    }
    let device = if on_gpu { Device::Cuda(0) } else { Device::Cpu };
    let shapes: &[_] = if device.is_cuda() { &ON_GPU } else { &ON_CPU };
    let precisions: &[_] = match device.is_cuda() {
        true => &[Precision::Float32, Precision::BFloat16, Precision::Float16],
        false => &[Precision::Float32, Precision::BFloat16],
    };
    for &shape in shapes {
        for frozen in [true, false] {
            for &precision in precisions {
                let rate = trained(device, shape, frozen, precision)?.images_per_s;
                let phase = if frozen { "head alone" } else { "all layers" };
                let precision = format!("{precision:?}").to_lowercase();
                println!(
                    "{}",
                    json!({"phase": phase, "size": shape.0, "batch": shape.1, "precision": precision, "images_per_s": rate})
                );
            }
        }
    }
    check("a seed repeats a training to the bit", repeats(device, shapes[0]));
    if device.is_cuda() {
        check(
            "a training in float16 that was interrupted ends as an undisturbed one",
            resumes(device, shapes[0]),
        );
        check("the gradients of the GPU are those of the CPU", gradients(device));
        #[cfg(feature = "distributed")]
        check("NCCL exchanges tensors on the GPU", exchanged_by_nccl(device));
        check("too large a batch is an error after which the model still trains", out_of_memory(device));
        check("the GPU's memory is known", cuda::memory(device).map(|memory| memory.to_string()));
    }
    Ok(())
}

fn check(what: &str, outcome: Result<String>) {
    let (ok, told) = match outcome {
        Ok(told) => (true, told),
        Err(error) => (false, error.to_string()),
    };
    println!("{}", json!({"check": what, "ok": ok, "told": told}));
}

struct Trained {
    model: Model,
    losses: Vec<f64>,
    /// Of the fastest epoch.
    images_per_s: f64,
}

fn trained(
    device: Device,
    (size, batch, batches): (usize, usize, usize),
    frozen: bool,
    precision: Precision,
) -> Result<Trained> {
    seed(0);
    let options = LoaderOptions { batch_size: batch, pin_memory: true, ..Default::default() };
    let loader = |batches| DataLoader::new(Noise::new(size, batch * batches), options.clone());
    let data = Splits { train: loader(batches), valid: loader(1) };
    let mut model = initialize_model("resnet18", CLASSES, Pretrained::No, device)?;
    if frozen {
        model.freeze_all_but_head();
    }
    let mut optimizer = Adam::new(model.trainable_parameters(), 1e-3);
    let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
    let options = TrainOptions { num_epochs: EPOCHS, verbose: false, precision, ..Default::default() };
    let criterion = CrossEntropyLoss::new();
    let history = train_model(&mut model, &data, &criterion, &mut optimizer, &mut scheduler, options)?;
    let images_per_s = history.train_images_per_second[1..].iter().copied().fold(0.0, f64::max);
    Ok(Trained { model, losses: history.train_losses, images_per_s })
}

/// With cuDNN's deterministic convolutions.
fn repeats(device: Device, (size, batch, _): (usize, usize, usize)) -> Result<String> {
    Backends { cudnn_deterministic: true, ..Default::default() }.apply()?;
    let [first, second] = [0, 1].map(|_| trained(device, (size, batch, 2), false, Precision::Float32));
    let (first, second) = (first?.losses, second?.losses);
    Backends::default().apply()?;
    if first == second {
        Ok(format!("{first:?}"))
    } else {
        Err(Error::Argument(format!("{first:?} {second:?}")))
    }
}

/// Two epochs and then four more, against six: with the scale of the gradients as it was.
fn resumes(device: Device, (size, batch, _): (usize, usize, usize)) -> Result<String> {
    Backends { cudnn_deterministic: true, ..Default::default() }.apply()?;
    let folder = tempfile::tempdir().map_err(|error| Error::Argument(error.to_string()))?;
    let trained = |epochs, state: &str| {
        seed(0);
        let loader = |batches| {
            let options = LoaderOptions { batch_size: batch, pin_memory: true, ..Default::default() };
            DataLoader::new(Noise::new(size, batch * batches), options)
        };
        let data = Splits { train: loader(3), valid: loader(1) };
        let mut model = initialize_model("resnet18", CLASSES, Pretrained::No, device)?;
        let mut optimizer = Adam::new(model.trainable_parameters(), 1e-3);
        let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
        let options = TrainOptions {
            num_epochs: epochs,
            verbose: false,
            precision: Precision::Float16,
            // Grows and falls within these few steps.
            grad_scaler: GradScalerOptions { init_scale: 1e9, growth_interval: 4, ..Default::default() },
            resume: folder.path().join(state).to_string_lossy().as_ref().into(),
            ..Default::default()
        };
        let criterion = CrossEntropyLoss::new();
        let history = train_model(&mut model, &data, &criterion, &mut optimizer, &mut scheduler, options)?;
        Ok::<_, Error>(history.train_losses)
    };
    let undisturbed = trained(6, "undisturbed.pt")?;
    trained(2, "interrupted.pt")?;
    let resumed = trained(6, "interrupted.pt")?;
    Backends::default().apply()?;
    if undisturbed == resumed && undisturbed.iter().all(|loss| loss.is_finite()) {
        Ok(format!("{undisturbed:?}"))
    } else {
        Err(Error::Argument(format!("{undisturbed:?} {resumed:?}")))
    }
}

/// The largest difference of a gradient between the devices, relative to the largest gradient of its tensor.
fn gradients(device: Device) -> Result<String> {
    Backends { cudnn_allow_tf32: false, ..Default::default() }.apply()?;
    seed(0);
    let images = Tensor::randn([8, 3, 64, 64], (Kind::Float, Device::Cpu));
    let labels = Tensor::from_slice(&[0i64, 1, 2, 3, 4, 5, 6, 7]);
    let mut model = initialize_model("resnet18", CLASSES, Pretrained::No, Device::Cpu)?;
    let mut found = Vec::new();
    for device in [Device::Cpu, device] {
        model.to(device)?;
        model.trainable_parameters().into_iter().for_each(|mut parameter| parameter.tensor.zero_grad());
        let logits = model.forward(&images.to_device(device))?;
        CrossEntropyLoss::new().forward(&logits, &labels.to_device(device))?.backward();
        let own = model.trainable_parameters().into_iter();
        found.push(
            own.map(|parameter| parameter.tensor.grad().to_device(Device::Cpu).copy()).collect::<Vec<_>>(),
        );
    }
    Backends::default().apply()?;
    let apart = |(cpu, gpu): (&Tensor, &Tensor)| {
        ((cpu - gpu).abs().max() / cpu.abs().max().clamp_min(1e-12)).double_value(&[])
    };
    let largest = found[0].iter().zip(&found[1]).map(apart).fold(0.0, f64::max);
    if largest < 1e-3 { Ok(format!("{largest:.1e}")) } else { Err(Error::Argument(format!("{largest:.1e}"))) }
}

/// One rank by itself, through all that NCCL does for several: a sum, weights from rank 0, and averaged gradients.
#[cfg(feature = "distributed")]
fn exchanged_by_nccl(device: Device) -> Result<String> {
    use std::time::Duration;
    use torch_c10d::{ProcessGroup, Reduce, Reducer, Store};
    if !torch_c10d::has_nccl() {
        return Err(Error::Argument("built without NCCL".into()));
    }
    let within = Duration::from_secs(60);
    let in_words = |error: torch_c10d::Error| Error::Argument(error.to_string());
    let store = Store::open("127.0.0.1", 29_511, 1, true, within).map_err(in_words)?;
    let group = ProcessGroup::join(&store, "", 0, 1, "127.0.0.1", within).map_err(in_words)?;
    let weight = Tensor::ones([1000], (Kind::Float, device)).set_requires_grad(true);
    let sum = Tensor::full([3], 2.0, (Kind::Float, device));
    group.all_reduce(&[sum.shallow_clone()], Reduce::Sum).map_err(in_words)?;
    group.broadcast(&[weight.shallow_clone()], 0).map_err(in_words)?;
    let reducer = Reducer::new(&group, &[weight.shallow_clone()], 1 << 20, 25 << 20).map_err(in_words)?;
    reducer.before_forward().map_err(in_words)?;
    let loss = (&weight * 3.0).sum(Kind::Float);
    reducer.before_backward().map_err(in_words)?;
    loss.backward();
    let seen = (sum.double_value(&[1]), weight.grad().double_value(&[5]));
    if seen == (2.0, 3.0) { Ok(format!("{seen:?}")) } else { Err(Error::Argument(format!("{seen:?}"))) }
}

/// A training of all ranks; where they are more than the GPUs, some share one.
#[cfg(feature = "distributed")]
fn together(device: Device) -> Result<String> {
    use herbarium::train::distributed::{Group, Reduce};
    let trained = trained(device, (64, 64, 4), false, Precision::Float32)?;
    let group = Group::from_env()?;
    let mut values = 0;
    for parameter in trained.model.trainable_parameters() {
        let [least, most] = [0, 1].map(|_| parameter.tensor.detach().copy());
        group.all_reduce(&least, Reduce::Min)?;
        group.all_reduce(&most, Reduce::Max)?;
        if least != most {
            return Err(Error::Argument(format!("{} differs between ranks", parameter.name)));
        }
        values += least.numel();
    }
    let (rank, world, losses) = (group.rank(), group.world(), trained.losses);
    Ok(format!("rank {rank} of {world} on {device:?}: {values} values, losses {losses:?}"))
}

/// Pictures that are larger than any GPU's memory, and then some that are not.
fn out_of_memory(device: Device) -> Result<String> {
    let told = match trained(device, (4096, 64, 1), false, Precision::Float32) {
        Err(error @ Error::OutOfMemory { .. }) => error.to_string(),
        Err(error) => return Err(error),
        Ok(_) => return Err(Error::Argument("64 pictures of 4096 px fitted".into())),
    };
    trained(device, (64, 32, 2), false, Precision::Float32)?;
    Ok(told)
}
