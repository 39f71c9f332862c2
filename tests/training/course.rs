//! The course and the results of a training.

use std::fs;

use herbarium::models::Mode;
use herbarium::models::Strictness;
use herbarium::prelude::*;
use herbarium::train::{LrFindOptions, predict_augmented};

use crate::support::colours::*;
use crate::support::{Outcome, TempDir};

#[test]
fn a_training_and_what_it_leaves() -> Outcome {
    let folder = TempDir::new();
    let path = folder.file("best.safetensors");
    let data = colours();
    let (mut model, mut optimizer, mut scheduler) = parts();
    let criterion = CrossEntropyLoss::new();
    let options = TrainOptions { checkpoint: path.clone().into(), ..quick(5) };
    let history = train_model(&mut model, &data, &criterion, &mut optimizer, &mut scheduler, options)?;

    assert_eq!(history.epochs(), 5);
    assert!(history.train_losses[4] < history.train_losses[0], "{history}");
    assert!(history.best_acc > 0.6, "{history}");
    // The rate before training, then each epoch's, noted before the scheduler's step.
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    let expected = [1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4];
    assert!(history.lrs.iter().zip(expected).all(|(a, b)| close(*a, b)), "{:?}", history.lrs);
    let best = history.best_epoch.ok_or("no best epoch")?;
    let max = history.val_acc_history.iter().copied().fold(0.0, f64::max);
    assert_eq!((history.best_acc, history.val_acc_history[best]), (max, max));
    assert!(history.val_acc_history[..best].iter().all(|acc| *acc < max), "a tie is not an improvement");
    assert_eq!(history.checkpoint.as_deref(), Some(path.as_path()));
    assert!(!history.interrupted);

    // The model has its best weights and is in eval mode.
    assert_eq!(model.mode(), Mode::Eval);
    let evaluation = evaluate(&model, &data.valid, &criterion)?;
    assert_eq!(evaluation.accuracy, history.best_acc);
    assert!((evaluation.loss - history.valid_losses[best]).abs() < 1e-6);

    // So has the file, with all that is known of them; and nothing else is in the folder.
    assert_eq!(folder.names(), ["best.safetensors"]);
    let checkpoint = Checkpoint::load(&path)?;
    assert_eq!((checkpoint.best_acc, checkpoint.epoch), (history.best_acc, best));
    assert_eq!(checkpoint.class_names, ["blue", "green", "red"]);
    assert_eq!((checkpoint.model.as_str(), checkpoint.num_classes), ("resnet18", CLASSES));
    assert!(same(&checkpoint.state_dict, &model.state_dict()));
    let shown = checkpoint.to_string();
    assert!(shown.contains("resnet18 for 3 classes (blue … red)") && shown.contains("Adam state"), "{shown}");

    // The tutorial's test section: a new model takes the weights up.
    let mut again = self::model(CLASSES);
    again.load_state_dict(&checkpoint.state_dict, Strictness::Strict)?;
    assert_eq!(evaluate(&again, &data.valid, &criterion)?.accuracy, history.best_acc);
    let mut resumed = Adam::new(again.trainable_parameters(), 1.0);
    resumed.load_state_dict(&checkpoint.optimizer)?;
    assert!(resumed.lr() <= 1e-2);
    assert_eq!(resumed.state_dict()?.number("fc.weight", "step"), Some(3.0 * (best + 1) as f64));
    Ok(())
}

#[test]
fn a_folder_of_pictures() -> Outcome {
    let folder = TempDir::new();
    for (split, count) in [("train", 8), ("valid", 4)] {
        for (label, colour) in [("1", [220u8, 40, 40]), ("10", [40, 220, 40]), ("2", [40, 40, 220])] {
            let class = folder.path().join(split).join(label);
            fs::create_dir_all(&class)?;
            for number in 0..count {
                let shade = |x: u32, y: u32| ((x * 7 + y * 13 + number * 29) % 30) as u8;
                let picture = image::RgbImage::from_fn(40, 30, |x, y| {
                    image::Rgb(colour.map(|level| level.saturating_add(shade(x, y))))
                });
                picture.save(class.join(format!("{number}.png")))?;
            }
        }
    }
    let transform = Compose::new(vec![resize([32, 32]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let image_datasets =
        ImageFolder::splits(folder.path(), &Splits { train: transform.clone(), valid: transform })?;
    let data = image_datasets.loaders(LoaderOptions { batch_size: 8, shuffle: true, ..Default::default() });
    let (mut model, mut optimizer, _) = parts();
    let checkpoint = folder.file("best.safetensors");
    let options = TrainOptions { checkpoint: (&checkpoint).into(), ..quick(4) };
    let history = train(&mut model, &mut optimizer, &data, options)?;
    assert!(history.best_acc > 0.6, "{history}");
    assert_eq!(Checkpoint::load(&checkpoint)?.class_names, ["1", "10", "2"]);
    Ok(())
}

#[test]
fn batch_norms_move_unless_told_to_stay() -> Outcome {
    let data = colours();
    for (batch_norm, moved) in [(BatchNormMode::Moving, true), (BatchNormMode::Still, false)] {
        let (mut model, mut optimizer, _) = parts();
        let before = model.state_dict().deep_copy()?;
        // Two epochs and an accuracy that cannot be beaten would bring the first weights back: it is
        // looked at what the epochs left in the best weights.
        let history = train(&mut model, &mut optimizer, &data, TrainOptions { batch_norm, ..quick(2) })?;
        assert!(history.best_epoch.is_some(), "{history}");
        let changed = |name: &str| before.get(name) != model.state_dict().get(name);
        assert_eq!(changed("bn1.running_mean"), moved);
        assert_eq!(changed("layer4.1.bn2.running_var"), moved);
        assert!(changed("fc.weight") && !changed("conv1.weight"));
        assert_eq!(model.batch_norm(), BatchNormMode::Moving, "the model's own setting comes back");
    }
    Ok(())
}

#[test]
fn patience_ends_a_training() -> Outcome {
    let (mut model, data, mut optimizer) = small_parts();
    // No epoch can be better than this.
    let options = TrainOptions { best_acc: 1.0, patience: Some(3), ..quick(50) };
    let history = train(&mut model, &mut optimizer, &data, options)?;
    assert!(history.stopped_early && history.epochs() == 3, "{history}");
    assert!(history.to_string().contains("stopped after epoch 3 of 50"), "{history}");
    Ok(())
}

#[test]
fn everything_is_told_of_every_picture() -> Outcome {
    let data = colours();
    let (mut model, mut optimizer, _) = parts();
    train(&mut model, &mut optimizer, &data, quick(3))?;
    let next = data.valid.next_epoch();
    let evaluation = predict_all(&model, &data.valid)?;
    assert_eq!(data.valid.next_epoch(), next, "looking is no epoch");
    assert_eq!((evaluation.images, evaluation.class_names.len()), (12, CLASSES));
    assert_eq!(evaluation.probabilities.size(), [12, CLASSES as i64]);
    let mean = evaluation.losses.iter().sum::<f64>() / 12.0;
    assert!((mean - evaluation.loss).abs() < 1e-6, "{evaluation}");
    let metrics = evaluation.metrics()?;
    assert_eq!((metrics.top1, metrics.top5), (evaluation.accuracy, 1.0));

    let one = predict_augmented(&model, &data.valid, 1)?;
    assert!((one.loss - evaluation.loss).abs() < 1e-6);
    // Pictures without their own file cannot be distinguished.
    let refused = predict_augmented(&model, &data.train, 2).unwrap_err().to_string();
    assert!(refused.contains("its own file"), "{refused}");
    Ok(())
}

#[test]
fn lr_find_leaves_everything_as_it_was() -> Outcome {
    let (mut model, data, mut optimizer) = small_parts();
    train(&mut model, &mut optimizer, &data, quick(1))?;
    let (before, rate) = (model.state_dict().deep_copy()?, optimizer.lr());
    let step = optimizer.state_dict()?.number("5.bias", "step");
    let criterion = CrossEntropyLoss::new();
    let found = lr_find(&mut model, &data.train, &criterion, &mut optimizer, LrFindOptions::default())?;
    assert!(found.lrs.len() > 50 && found.suggestion > 1e-7 && found.suggestion < 10.0, "{found}");
    assert!(same(&before, &model.state_dict()));
    assert_eq!((optimizer.lr(), optimizer.state_dict()?.number("5.bias", "step")), (rate, step));
    assert!(found.plot()?.alt().starts_with("lr_find over"));
    let options = LrFindOptions { start_lr: 1.0, end_lr: 0.1, ..Default::default() };
    let refused = lr_find(&mut model, &data.train, &criterion, &mut optimizer, options);
    assert!(refused.unwrap_err().to_string().contains("must rise"));
    Ok(())
}

#[test]
fn fine_tune_goes_through_its_phases() -> Outcome {
    for gradual in [false, true] {
        let (mut model, data, _) = small_parts();
        let first = model.state_dict().get("0.weight").unwrap().copy();
        let options = FineTuneOptions {
            frozen_epochs: 3,
            epochs: 3,
            gradual,
            lr: 1e-2,
            verbose: false,
            ..Default::default()
        };
        let history = fine_tune(&mut model, &data, options)?;
        assert_eq!((history.epochs(), history.num_epochs, history.lrs.len()), (6, 6, 7));
        assert!(history.best_acc > 0.5, "{history}");
        assert_eq!(predict_all(&model, &data.valid)?.accuracy, history.best_acc);
        if history.best_epoch > Some(4) {
            assert_ne!(model.state_dict().get("0.weight").unwrap(), &first, "all layers learn in the end");
        }
    }
    Ok(())
}
