//! A training that takes no time: generated pictures and a small network.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use herbarium::models::StateDict;
use herbarium::models::Strictness;
use herbarium::prelude::*;

use super::formula::formula_weights;

pub const CLASSES: usize = 3;

/// Noisy squares in one of three colours, made up as they are asked for.
#[derive(Debug, Clone)]
pub struct Colours {
    pub len: usize,
    /// From this sample on a value is not a number.
    pub broken_from: usize,
    /// Whether the first sample has another's label, so that nobody is right about all of them.
    pub mislabelled: bool,
    pub path: PathBuf,
}

impl Colours {
    pub fn new(len: usize) -> Self {
        Colours { len, broken_from: usize::MAX, mislabelled: false, path: "colours/noisy.png".into() }
    }
}

impl Dataset for Colours {
    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize, _rng: &mut Rng) -> herbarium::Result<(Tensor, i64)> {
        let label = index % CLASSES;
        let mut noise = Rng::with_seed(index as u64);
        let mut values = Vec::new();
        for channel in 0..3 {
            let level = if channel == label { 1.0 } else { -1.0 };
            values.extend((0..32 * 32).map(|_| level + noise.f32() - 0.5));
        }
        if index >= self.broken_from {
            values[0] = f32::NAN;
        }
        let told = if self.mislabelled && index == 0 { 1 } else { label };
        Ok((Tensor::from_slice(&values).reshape([3, 32, 32]), told as i64))
    }

    fn path(&self, _index: usize) -> Option<&Path> {
        Some(&self.path)
    }

    fn classes(&self) -> Vec<String> {
        ["blue", "green", "red"].map(String::from).to_vec()
    }
}

pub fn colours() -> Splits<DataLoader> {
    loaders(Colours::new(24), Colours::new(12))
}

pub fn loaders(train: Colours, valid: Colours) -> Splits<DataLoader> {
    Splits { train, valid }.loaders(LoaderOptions { batch_size: 8, shuffle: true, ..Default::default() })
}

pub fn model(classes: usize) -> Model {
    let mut model = initialize_model("resnet18", classes, Pretrained::No, Device::Cpu).unwrap();
    model.freeze_all_but_head();
    model
}

/// Everything but the data: a frozen model with an optimizer and a scheduler.
pub fn parts() -> (Model, Adam, StepLr) {
    let model = model(CLASSES);
    let optimizer = Adam::new(model.trainable_parameters(), 1e-2);
    let scheduler = StepLr::new(&optimizer, 2, 0.1);
    (model, optimizer, scheduler)
}

pub fn quick(num_epochs: usize) -> TrainOptions {
    TrainOptions { num_epochs, batch_norm: BatchNormMode::Still, verbose: false, ..Default::default() }
}

pub fn train(
    model: &mut Model,
    optimizer: &mut Adam,
    data: &Splits<DataLoader>,
    options: TrainOptions,
) -> herbarium::Result<History> {
    let mut scheduler = StepLr::new(optimizer, 10, 0.1);
    train_model(model, data, &CrossEntropyLoss::new(), optimizer, &mut scheduler, options)
}

/// The message of a training that is refused, after seeing that it changed nothing.
pub fn refusal(
    model: &mut Model,
    optimizer: &mut Adam,
    data: &Splits<DataLoader>,
    options: TrainOptions,
) -> String {
    let before = model.state_dict().deep_copy().unwrap();
    let message = train(model, optimizer, data, options).unwrap_err().to_string();
    assert!(same(&before, &model.state_dict()), "the model has changed");
    message
}

pub fn same(a: &StateDict, b: &StateDict) -> bool {
    a.keys() == b.keys() && a.iter().zip(b).all(|((_, a), (_, b))| a == b)
}

/// A network that trains in no time, and has the same weights whatever others draw meanwhile.
pub fn small_model() -> Model {
    use herbarium::models::layers::{AdaptiveAvgPool2d, Conv2d, ConvOptions, Dropout, Flatten, Linear, ReLU};
    let net = herbarium::models::layers::Sequential::new()
        .with(Conv2d::new(3, 8, ConvOptions::kernel(3).stride(4)).unwrap())
        .with(ReLU::INPLACE)
        .with(AdaptiveAvgPool2d::new(2, 2))
        .with(Flatten)
        .with(Dropout::new(0.5).unwrap())
        .with(Linear::new(32, CLASSES as i64).unwrap());
    let mut model = Model::from_module("small", Box::new(net), &["5"], CLASSES, Device::Cpu).unwrap();
    let weights = formula_weights(&model.state_dict(), 1.0);
    model.load_state_dict(&weights, Strictness::Strict).unwrap();
    model
}

/// The parts of a training of the small network.
pub fn small_parts() -> (Model, Splits<DataLoader>, Adam) {
    let model = small_model();
    let optimizer = Adam::new(model.trainable_parameters(), 1e-2);
    (model, loaders(Colours::new(48), Colours::new(24)), optimizer)
}
