//! One rank of several that train together; what happens to one of them is in the environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use herbarium::models::layers::{AdaptiveAvgPool2d, Conv2d, ConvOptions, Flatten, Linear, ReLU, Sequential};
use herbarium::prelude::*;
use herbarium::train::distributed::{DistributedDataParallel, Group, Reduce};

use crate::support::colours::*;

/// This process's rank, and what is to happen: `1 kill 70` for rank 1 when it reads a sample for the 70th time.
fn mishap() -> Option<(String, usize)> {
    let text = std::env::var("HERBARIUM_TEST_MISHAP").ok()?;
    let words: Vec<&str> = text.split(' ').collect();
    let [rank, what, when] = words[..] else { panic!("{text}") };
    (std::env::var("RANK").as_deref() == Ok(rank)).then(|| (what.to_owned(), when.parse().unwrap()))
}

/// Coloured squares, the reading of one of which is a mishap.
#[derive(Debug, Clone)]
struct Unlucky {
    colours: Colours,
    reads: Arc<AtomicUsize>,
}

impl Unlucky {
    fn new(len: usize) -> Unlucky {
        Unlucky { colours: Colours::new(len), reads: Default::default() }
    }
}

/// Sends a signal to this process.
fn signal(name: &str) {
    let own = std::process::id().to_string();
    Command::new("kill").args([name, &own]).stdin(Stdio::null()).status().unwrap();
}

impl Dataset for Unlucky {
    fn len(&self) -> usize {
        self.colours.len()
    }

    fn get(&self, index: usize, rng: &mut Rng) -> herbarium::Result<(Tensor, i64)> {
        let number = self.reads.fetch_add(1, Ordering::Relaxed);
        let (image, label) = self.colours.get(index, rng)?;
        match mishap() {
            Some((what, when)) if when == number => match what.as_str() {
                "kill" => signal("-KILL"),
                "stop" => signal("-STOP"),
                "unreadable" => return Err(herbarium::Error::Argument("this picture cannot be read".into())),
                "nan" => return Ok((image * f64::NAN, label)),
                _ => {}
            },
            _ => {}
        }
        Ok((image, label))
    }

    fn path(&self, index: usize) -> Option<&Path> {
        self.colours.path(index)
    }

    fn classes(&self) -> Vec<String> {
        self.colours.classes()
    }
}

/// A network without anything random, whose weights differ from rank to rank at first.
fn network() -> Model {
    let rank = std::env::var("RANK").ok().and_then(|rank| rank.parse().ok()).unwrap_or(0);
    tch::manual_seed(rank);
    let net = Sequential::new()
        .with(Conv2d::new(3, 8, ConvOptions::kernel(3).stride(4)).unwrap())
        .with(ReLU::INPLACE)
        .with(AdaptiveAvgPool2d::new(2, 2))
        .with(Flatten)
        .with(Linear::new(32, CLASSES as i64).unwrap());
    Model::from_module("small", Box::new(net), &["4"], CLASSES, Device::Cpu).unwrap()
}

fn bits(model: &Model) -> u64 {
    let mut bits = 0u64;
    for (_, tensor) in &model.state_dict() {
        for value in Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap() {
            bits = bits.rotate_left(7) ^ u64::from(value.to_bits());
        }
    }
    bits
}

/// Trains in two phases, the first with the convolution frozen, and says what came of each; all batches of a step have
/// 16 pictures together.
pub fn train_together() -> herbarium::Result<()> {
    let world: usize = std::env::var("WORLD_SIZE").map_or(1, |world| world.parse().unwrap());
    let folder = PathBuf::from(std::env::var_os("HERBARIUM_TEST_FOLDER").unwrap());
    let fewer = mishap().is_some_and(|(what, _)| what == "fewer");
    herbarium::seed(3);
    let options =
        LoaderOptions { batch_size: 16 / world, shuffle: true, num_workers: 0, ..Default::default() };
    let data =
        Splits { train: Unlucky::new(if fewer { 32 } else { 48 }), valid: Unlucky::new(21) }.loaders(options);
    let mut model = network();
    for phase in 0..2 {
        if phase == 0 {
            model.freeze_all_but_head();
        } else {
            model.unfreeze_all();
        }
        let mut optimizer = Sgd::new(model.trainable_parameters(), 0.004).momentum(0.9);
        // Each epoch a lower rate: counted in epochs in one phase, in steps of one process in the other.
        let (scheduler_step, steps) = match phase {
            0 => (SchedulerStep::Epoch, 1),
            _ => (SchedulerStep::Batch, data.train.len().div_ceil(1 + phase)),
        };
        let mut scheduler = StepLr::new(&optimizer, steps, 0.7);
        let told = TrainOptions {
            num_epochs: 3,
            checkpoint: folder.join(format!("best-{phase}.safetensors")).into(),
            resume: folder.join(format!("phase-{phase}.state.safetensors")).into(),
            scheduler_step,
            accumulate: 1 + phase,
            clip_grad_norm: Some(5.0),
            ema: (phase == 1).then_some(0.5),
            verbose: phase == 1,
            ..Default::default()
        };
        let criterion = CrossEntropyLoss::new();
        let history = train_model(&mut model, &data, &criterion, &mut optimizer, &mut scheduler, told)?;
        let History { train_losses, valid_losses, val_acc_history, .. } = &history;
        println!(
            "result {phase}: {:016x} {train_losses:?} {valid_losses:?} {val_acc_history:?}",
            bits(&model)
        );
        if phase == 1 {
            println!("device: {}", history.info.device);
        }
    }
    let evaluation = predict_all(&model, &data.valid)?;
    println!("evaluation: {} of {}, {:?}", evaluation.corrects, evaluation.images, evaluation.labels);
    let values: Vec<f32> = (&model.state_dict())
        .into_iter()
        .flat_map(|(_, tensor)| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap())
        .collect();
    println!("weights: {values:?}");
    Ok(())
}

/// Takes three of DDP's steps on a linear layer, in a group with a rank of Python's.
pub fn trains_with_python() -> herbarium::Result<()> {
    let group = Group::from_env()?;
    let options = (Kind::Float, Device::Cpu);
    let (weight, bias) = (
        Tensor::ones([4, 8], options).set_requires_grad(true),
        Tensor::zeros([4], options).set_requires_grad(true),
    );
    let parameters = [weight.shallow_clone(), bias.shallow_clone()];
    let parallel = DistributedDataParallel::of_tensors(&group, &parameters)?;
    let input = Tensor::ones([2, 8], options) * (group.rank() as f64 + 1.0);
    for _ in 0..3 {
        let loss = parallel.forward(|| Ok(input.linear(&weight, Some(&bias)).square().mean(Kind::Float)))?;
        parallel.backward(&loss)?;
        tch::no_grad(|| {
            for parameter in &parameters {
                let mut gradient = parameter.grad();
                let _ = parameter.shallow_clone().g_sub_(&(&gradient * 0.01));
                let _ = gradient.zero_();
            }
        });
        println!(
            "sums: {:.9} {:.9}",
            weight.sum(Kind::Double).double_value(&[]),
            bias.sum(Kind::Double).double_value(&[])
        );
    }
    let sum = Tensor::from_slice(&[group.rank() as f32 + 1.0]);
    group.all_reduce(&sum, Reduce::Sum)?;
    println!("sum of ranks: {}", sum.double_value(&[0]));
    group.barrier()
}
