//! Trainings that cannot work, refused before they change anything.

use herbarium::models::Parameters;
use herbarium::prelude::*;
use herbarium::train::{GradScalerOptions, LrFindOptions, Precision};

use crate::support::Outcome;
use crate::support::colours::*;

/// A last batch of one picture, too small for a batch norm: said before the first epoch, with what helps.
#[test]
fn a_last_batch_of_one_is_refused_at_once() -> Outcome {
    let loaders = |drop_last| {
        let options = LoaderOptions { batch_size: 8, drop_last, ..Default::default() };
        Splits { train: Colours::new(9), valid: Colours::new(8) }.loaders(options)
    };
    let (mut model, mut optimizer, _) = parts();
    let moving = TrainOptions { batch_norm: BatchNormMode::Moving, ..quick(1) };
    let told = refusal(&mut model, &mut optimizer, &loaders(false), moving.clone());
    for part in
        ["a single picture (9 pictures in batches of 8)", "layer4.0.bn1", "`drop_last: true`", "than 32x32"]
    {
        assert!(told.contains(part), "{told}");
    }
    train(&mut model, &mut optimizer, &loaders(true), moving)?;
    train(&mut model, &mut optimizer, &loaders(false), quick(1))?;
    Ok(())
}

#[test]
fn a_batch_that_no_memory_holds_is_refused_before_it_is_made() -> Outcome {
    let mut model = model(CLASSES);
    model.unfreeze_all();
    let mut optimizer = Adam::new(model.trainable_parameters(), 1e-3);
    let pictures = Colours::new(50_000_000);
    let options = LoaderOptions { batch_size: 50_000_000, ..Default::default() };
    let data = Splits { train: pictures, valid: Colours::new(12) }.loaders(options);
    let message = refusal(&mut model, &mut optimizer, &data, quick(1));
    assert!(message.contains("not enough memory for a batch of 50000000 pictures in resnet18"), "{message}");
    assert!(message.contains("GB are free") && message.contains("a batch_size of "), "{message}");
    Ok(())
}

#[test]
fn a_scheduler_of_another_optimizer_is_refused() -> Outcome {
    let (mut model, first, _) = parts();
    let mut second = Adam::new(model.trainable_parameters(), 1e-3);
    let mut scheduler = StepLr::new(&first, 7, 0.1);
    let criterion = CrossEntropyLoss::new();
    let refused = train_model(&mut model, &colours(), &criterion, &mut second, &mut scheduler, quick(1));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("StepLR was built on another optimizer"), "{message}");
    Ok(())
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let data = colours();
    let (mut model, mut optimizer, _) = parts();

    let (_, mut of_another, _) = parts();
    let message = refusal(&mut model, &mut of_another, &data, quick(1));
    assert!(message.contains("fc.weight that is not this model's"), "{message}");

    let message = refusal(&mut model, &mut Adam::new(Parameters::default(), 1e-2), &data, quick(1));
    assert!(message.contains("Adam was given no parameters"), "{message}");

    let message = refusal(&mut model, &mut optimizer, &loaders(Colours::new(24), Colours::new(0)), quick(1));
    assert!(message.contains("valid loader"), "{message}");

    let message = refusal(&mut model, &mut optimizer, &data, TrainOptions { best_acc: 65.0, ..quick(1) });
    assert!(message.contains("best_acc is 65"), "{message}");

    let message = refusal(
        &mut model,
        &mut optimizer,
        &data,
        TrainOptions { precision: Precision::Float16, ..quick(1) },
    );
    assert!(message.contains("`precision: Precision::BFloat16`"), "{message}");
    let grad_scaler = GradScalerOptions { growth_factor: 0.5, ..Default::default() };
    let message = refusal(&mut model, &mut optimizer, &data, TrainOptions { grad_scaler, ..quick(1) });
    assert!(message.contains("growth_factor is 0.5"), "{message}");

    let options =
        TrainOptions { checkpoint: "one.safetensors".into(), resume: "one.safetensors".into(), ..quick(1) };
    let message = refusal(&mut model, &mut optimizer, &data, options);
    assert!(message.contains("checkpoint and resume are both one.safetensors"), "{message}");

    let mut plateau = ReduceLrOnPlateau::new(&optimizer, 0.1, 10);
    let options = TrainOptions { scheduler_step: SchedulerStep::Batch, ..quick(1) };
    let criterion = CrossEntropyLoss::new();
    let refused = train_model(&mut model, &data, &criterion, &mut optimizer, &mut plateau, options);
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("ReduceLROnPlateau steps once an epoch"), "{message}");

    model.freeze("fc").unwrap();
    let message = refusal(&mut model, &mut optimizer, &data, quick(1));
    assert!(message.contains("frozen"), "{message}");

    let mut small = self::model(2);
    let mut optimizer = Adam::new(small.trainable_parameters(), 1e-2);
    let message = refusal(&mut small, &mut optimizer, &data, quick(1));
    assert!(message.contains("8 predictions for 2 classes but label 2 in the batch"), "{message}");
}

#[test]
fn a_loss_that_is_no_number_names_the_files() {
    let (mut model, mut optimizer, _) = parts();
    let broken = Colours { broken_from: 20, ..Colours::new(24) };
    let message = refusal(&mut model, &mut optimizer, &loaders(broken, Colours::new(12)), quick(1));
    assert!(message.contains("the loss is NaN in epoch 0 (train), batch "), "{message}");
    assert!(
        message.contains("colours/noisy.png, colours/noisy.png, colours/noisy.png and 5 more"),
        "{message}"
    );
    assert!(message.contains("check the transforms"), "{message}");

    let broken = loaders(Colours { broken_from: 0, ..Colours::new(8) }, Colours::new(1));
    let message = evaluate(&model, &broken.train, &CrossEntropyLoss::new()).unwrap_err().to_string();
    assert!(message.contains("NaN in batch 0 of the evaluation"), "{message}");

    let mut wild = Adam::new(model.trainable_parameters(), 1e38);
    let message = refusal(&mut model, &mut wild, &colours(), quick(2));
    assert!(message.contains("a smaller learning rate"), "{message}");
}

#[test]
fn lr_find_says_what_is_wrong_with_the_pictures() {
    let refused = |train: Colours| {
        let (mut model, _, mut optimizer) = small_parts();
        let loader = loaders(train, Colours::new(12)).train;
        let options = LrFindOptions::default();
        let found = lr_find(&mut model, &loader, &CrossEntropyLoss::new(), &mut optimizer, options);
        found.unwrap_err().to_string()
    };
    let message = refused(Colours::new(0));
    assert!(message.contains("the train loader makes no batch of 0 pictures"), "{message}");
    let message = refused(Colours { broken_from: 0, ..Colours::new(8) });
    assert!(
        message.contains("NaN in batch 0 of lr_find") && message.contains("check the transforms"),
        "{message}"
    );
}
