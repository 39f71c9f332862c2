//! Trainings that resume from a state, and what they do with files that are there.

use std::fs;
use std::path::Path;

use herbarium::prelude::*;

use crate::checkpoints::{claim, save_some};
use crate::support::colours::*;
use crate::support::{Outcome, TempDir};

/// Loaders that no other test's seed changes.
fn seeded(seed: u64, train: Colours) -> Splits<DataLoader> {
    let options = LoaderOptions { batch_size: 8, shuffle: true, seed: Some(seed), ..Default::default() };
    Splits { train, valid: Colours { mislabelled: true, ..Colours::new(12) } }.loaders(options)
}

fn data() -> Splits<DataLoader> {
    seeded(1, Colours::new(24))
}

/// What another session does: a model with other random weights trains to `num_epochs` in all.
fn session(
    data: &Splits<DataLoader>,
    state: &Path,
    checkpoint: Option<&Path>,
    num_epochs: usize,
) -> herbarium::Result<History> {
    let (mut model, mut optimizer, _) = parts();
    let checkpoint = checkpoint.map(Path::to_owned).into();
    let options = TrainOptions { checkpoint, resume: state.into(), ..quick(num_epochs) };
    train(&mut model, &mut optimizer, data, options)
}

#[test]
fn frozen_layers_are_computed_with_the_weights_of_the_state() -> Outcome {
    let folder = TempDir::new();
    let state = folder.file("run.state.safetensors");
    let (mut model, mut optimizer, _) = parts();
    let mut undisturbed = self::model(CLASSES);
    undisturbed.load_state_dict(&model.state_dict(), Strictness::Strict)?;
    train(&mut model, &mut optimizer, &data(), TrainOptions { resume: (&state).into(), ..quick(2) })?;

    let resumed = session(&data(), &state, None, 3)?;
    let mut optimizer = Adam::new(undisturbed.trainable_parameters(), 1e-2);
    let whole = train(&mut undisturbed, &mut optimizer, &data(), quick(3))?;
    assert_eq!(resumed.train_losses, whole.train_losses);
    assert_eq!(resumed.valid_losses, whole.valid_losses);
    Ok(())
}

#[test]
fn an_earlier_checkpoint_is_kept_when_a_training_resumes() -> Outcome {
    let folder = TempDir::new();
    let [state, best] = ["run.state.safetensors", "best.safetensors"].map(|name| folder.file(name));
    save_some(&best, 0.0)?;
    claim(&best, 1.0)?;
    // It ends in its first epoch, after the state was written.
    let broken = seeded(1, Colours { broken_from: 0, ..Colours::new(24) });
    let message = session(&broken, &state, Some(&best), 3).unwrap_err().to_string();
    assert!(message.contains("check the transforms") && state.exists(), "{message}");

    let copy = folder.write("copy.safetensors", fs::read(&state)?);
    let message = session(&data(), &state, Some(&copy), 3).unwrap_err().to_string();
    assert!(message.contains("already exists and is not a checkpoint"), "{message}");

    let history = session(&data(), &state, Some(&best), 3)?;
    assert_eq!(Checkpoint::load(&best)?.best_acc, history.best_acc);
    assert_eq!(Checkpoint::load(folder.file("best.previous.safetensors"))?.best_acc, 1.0);
    Ok(())
}

#[test]
fn a_checkpoint_that_is_added_or_renamed_is_written() -> Outcome {
    let folder = TempDir::new();
    let [state, added, renamed] =
        ["run.state.safetensors", "added.safetensors", "renamed.safetensors"].map(|name| folder.file(name));
    let history = session(&data(), &state, None, 2)?;
    assert!(history.best_epoch.is_some() && history.checkpoint.is_none(), "{history}");
    save_some(&added, 0.0)?;
    claim(&added, 1.0)?;
    for path in [&added, &renamed] {
        // Complete already: nothing is trained.
        let again = session(&data(), &state, Some(path), 2)?;
        assert_eq!(again.checkpoint.as_ref(), Some(path));
        assert_eq!(Checkpoint::load(path)?.best_acc, history.best_acc);
    }
    // The better one that was there is kept.
    assert_eq!(Checkpoint::load(folder.file("added.previous.safetensors"))?.best_acc, 1.0);
    Ok(())
}

#[test]
fn what_cannot_be_resumed_says_so() -> Outcome {
    let folder = TempDir::new();
    let (mut model, mut optimizer, _) = parts();
    let mut refused = |data: &Splits<DataLoader>, resume| {
        refusal(&mut model, &mut optimizer, data, TrainOptions { resume, ..quick(2) })
    };
    let message = refused(&data(), (&History::default()).into());
    assert!(message.contains("this history has no state to resume from"), "{message}");

    let state = folder.file("run.state.safetensors");
    session(&data(), &state, None, 1)?;
    let mixed = Splits { train: data().train, valid: seeded(2, Colours::new(24)).valid };
    let message = refused(&mixed, (&state).into());
    assert!(message.contains("drew from seed 1, the valid loader draws from 2"), "{message}");

    let file = folder.write("file", "not a folder");
    let message = refused(&data(), file.join("run.state.safetensors").into());
    assert!(message.contains("could not be written to") && message.contains("best weights"), "{message}");
    Ok(())
}
