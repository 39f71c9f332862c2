//! Trainings in separate processes.

use std::path::PathBuf;

use herbarium::prelude::*;
use herbarium::train::{Mix, Precision, Resume};

use crate::support::Outcome;
use crate::support::colours::*;

pub fn prints() {
    let (mut model, mut optimizer, _) = parts();
    train(&mut model, &mut optimizer, &colours(), TrainOptions { verbose: true, ..quick(2) }).unwrap();
}

pub fn has_a_full_disk() {
    let path = PathBuf::from(std::env::var_os("HERBARIUM_TEST_CHECKPOINT").unwrap());
    let (mut model, mut optimizer, _) = parts();
    let start = model.state_dict().deep_copy().unwrap();
    let options = TrainOptions { checkpoint: path.clone().into(), ..quick(3) };
    let message = train(&mut model, &mut optimizer, &colours(), options).unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(
        message.contains("could not be written after epoch 0") && message.contains("too large"),
        "{message}"
    );
    let state = model.state_dict();
    let changed = |name: &str| start.get(name) != state.get(name);
    assert!(changed("fc.weight"), "the weights of the epoch are lost");
    let accuracy = evaluate(&model, &colours().valid, &CrossEntropyLoss::new()).unwrap().accuracy;
    assert!(message.contains(&format!("(validation accuracy {accuracy:.4})")), "{message}");
    println!("full disk: refused");
}

pub fn is_interrupted() {
    herbarium::notebook::init().unwrap();
    herbarium::seed(1);
    let (mut model, mut optimizer, _) = parts();
    let data = loaders(Colours::new(200), Colours::new(12));
    let options = TrainOptions { verbose: true, ..quick(10_000) };
    let history = train(&mut model, &mut optimizer, &data, options.clone()).unwrap();
    assert!(history.interrupted && history.epochs() >= 1 && history.epochs() < 10_000);
    assert_eq!(history.lrs.len(), history.epochs() + 1);
    assert!(history.to_string().contains("interrupted in epoch"), "{history}");
    let accuracy = evaluate(&model, &data.valid, &CrossEntropyLoss::new()).unwrap().accuracy;
    assert_eq!(accuracy, history.best_acc, "the best weights are not in the model");
    assert!(!herbarium::notebook::interrupted(), "the interrupt was not taken");

    // In the same cell no other training begins, and nothing of its model changes.
    let (mut second, mut second_optimizer, _) = parts();
    let untouched = second.state_dict().deep_copy().unwrap();
    let at_once = train(&mut second, &mut second_optimizer, &data, options.clone()).unwrap();
    assert!(at_once.interrupted && at_once.epochs() == 0, "{at_once}");
    assert!(same(&second.state_dict(), &untouched));
    herbarium::notebook::end_cell();

    // It resumes after its last complete epoch, as if it had not been interrupted.
    let epochs = history.epochs() + 2;
    let options = TrainOptions { verbose: false, num_epochs: epochs, ..options };
    let resume = TrainOptions { resume: (&history).into(), ..options.clone() };
    let resumed = train(&mut model, &mut optimizer, &data, resume).unwrap();
    herbarium::seed(1);
    let (mut through, mut optimizer, _) = parts();
    let whole = train(&mut through, &mut optimizer, &data, options).unwrap();
    assert_eq!(resumed.train_losses, whole.train_losses);
    assert!(same(&model.state_dict(), &through.state_dict()));
    println!("history: interrupted");
}

pub fn is_seeded() {
    let workers = |num_workers| {
        let options = LoaderOptions { batch_size: 8, shuffle: true, num_workers, ..Default::default() };
        Splits { train: Colours::new(24), valid: Colours::new(12) }.loaders(options)
    };
    let run = |data: &Splits<DataLoader>, number| {
        herbarium::seed(number);
        let (mut model, mut optimizer, _) = parts();
        let history = train(&mut model, &mut optimizer, data, quick(2)).unwrap();
        let dropped = Tensor::ones([64], (Kind::Float, Device::Cpu)).dropout(0.5, true);
        (history.train_losses, model.state_dict().deep_copy().unwrap(), dropped)
    };
    let (one, three) = (workers(1), workers(3));
    let first = run(&one, 7);
    for data in [&one, &three] {
        let again = run(data, 7);
        assert_eq!(first.0, again.0);
        assert!(same(&first.1, &again.1) && first.2 == again.2);
    }
    assert_ne!(first.0, run(&one, 8).0);
    println!("seeds: repeated");
}

/// Twelve epochs of everything that has a memory, in a separate process.
fn small_training(resume: Resume) -> (Model, History) {
    herbarium::seed(5);
    let mut model = small_model();
    let data = loaders(Colours::new(48), Colours::new(24));
    let mut optimizer = Adam::new(model.trainable_parameters(), 5e-3);
    let mut scheduler = StepLr::new(&optimizer, 3, 0.7);
    let options = TrainOptions {
        num_epochs: 12,
        ema: Some(0.8),
        mix: Mix::MixUp(0.4),
        accumulate: 2,
        clip_grad_norm: Some(1.0),
        verbose: false,
        resume,
        ..Default::default()
    };
    let criterion = CrossEntropyLoss { label_smoothing: 0.1, ..Default::default() };
    let history =
        train_model(&mut model, &data, &criterion, &mut optimizer, &mut scheduler, options).unwrap();
    (model, history)
}

pub fn is_killed() {
    let state = std::env::var_os("HERBARIUM_TEST_STATE").map(PathBuf::from);
    let begun = state.as_ref().is_some_and(|state| state.exists());
    println!("begins {}", if begun { "again" } else { "anew" });
    let (model, history) = small_training(state.map(Resume::from).unwrap_or_default());
    let mut bits = 0u64;
    for (_, tensor) in &model.state_dict() {
        for value in Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap() {
            bits = bits.rotate_left(7) ^ u64::from(value.to_bits());
        }
    }
    let History { train_losses, val_acc_history, best_epoch, .. } = history;
    println!("result: {bits:x} {train_losses:?} {val_acc_history:?} {best_epoch:?}");
}

pub fn computes_faster() -> Outcome {
    let data = colours();
    let mut losses = Vec::new();
    for precision in [Precision::Float32, Precision::Auto, Precision::BFloat16] {
        herbarium::seed(3);
        let (mut model, mut optimizer, _) = parts();
        let history = train(&mut model, &mut optimizer, &data, TrainOptions { precision, ..quick(3) })?;
        assert!(!history.info.compute.is_empty() && history.info.versions.contains("libtorch"), "{history}");
        losses.push(history.train_losses[2]);
    }
    println!("{losses:?}");
    assert!(losses.iter().all(|loss| (loss - losses[0]).abs() < 0.02), "{losses:?}");
    println!("losses: the same");
    Ok(())
}
