//! What training on a device yields, one JSON line a figure or check: `cargo bench --bench gpu -- cuda`, or `cpu`.
//!
//! ResNet18 on noise from memory, in the tutorial's two phases, so that neither files nor transforms count. `tests/gpu/check.sh`
//! runs it, and `tests/gpu/peer.py` is the same in PyTorch.

use std::path::Path;

use fastrand::Rng;
use herbarium::cuda::{self, Backends};
use herbarium::prelude::*;
use herbarium::train::Precision;
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
                let (rate, _) = trained(device, shape, frozen, precision)?;
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

/// The most pictures per second of an epoch, and the losses.
fn trained(
    device: Device,
    (size, batch, batches): (usize, usize, usize),
    frozen: bool,
    precision: Precision,
) -> Result<(f64, Vec<f64>)> {
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
    let rate = history.train_images_per_second[1..].iter().copied().fold(0.0, f64::max);
    Ok((rate, history.train_losses))
}

/// With cuDNN's deterministic convolutions.
fn repeats(device: Device, (size, batch, _): (usize, usize, usize)) -> Result<String> {
    Backends { cudnn_deterministic: true, ..Default::default() }.apply()?;
    let (_, first) = trained(device, (size, batch, 2), false, Precision::Float32)?;
    let (_, second) = trained(device, (size, batch, 2), false, Precision::Float32)?;
    Backends::default().apply()?;
    if first == second {
        Ok(format!("{first:?}"))
    } else {
        Err(Error::Argument(format!("{first:?} {second:?}")))
    }
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
