//! Files of checkpoints: kept, replaced, refused.

use std::fs;
use std::path::{Path, PathBuf};

use herbarium::models::Strictness;
use herbarium::prelude::*;
use herbarium::weights::load_safetensors;
use tch::Device;

use crate::support::colours::*;
use crate::support::{Outcome, TempDir};

#[test]
fn files_that_cannot_be_checkpoints_are_refused_before_training() -> Outcome {
    let folder = TempDir::new();
    let (mut model, mut optimizer, _) = parts();
    let data = colours();
    let mut refused = |path: PathBuf| {
        refusal(&mut model, &mut optimizer, &data, TrainOptions { checkpoint: path.into(), ..quick(1) })
    };

    let message = refused(folder.file("best.ckpt"));
    assert!(message.contains("best.ckpt") && message.contains("call it") && message.contains(".safetensors"));

    fs::write(folder.file("file"), "not a folder")?;
    let message = refused(folder.file("file").join("best.safetensors"));
    assert!(
        message.contains("file/best.safetensors") && message.contains("cannot be written to"),
        "{message}"
    );

    // Even the superuser cannot create files here.
    if Path::new("/proc/self").exists() {
        let message = refused("/proc/best.safetensors".into());
        assert!(message.contains("/proc/best.safetensors") && message.contains("another one"), "{message}");
    }

    fs::create_dir(folder.file("folder.safetensors"))?;
    let message = refused(folder.file("folder.safetensors"));
    assert!(message.contains("it is a folder"), "{message}");

    // Pretrained weights are not a checkpoint, and must not be replaced by one.
    let weights = folder.file("resnet18.safetensors");
    herbarium::weights::save_safetensors(&weights, &self::model(2).state_dict(), &Default::default())?;
    let before = fs::read(&weights)?;
    let message = refused(weights.clone());
    assert!(message.contains("already exists and is not a checkpoint"), "{message}");
    assert!(fs::read(&weights)? == before);
    assert_eq!(folder.names(), ["file", "folder.safetensors", "resnet18.safetensors"]);
    Ok(())
}

/// Trains into `path`, until some epoch is better than `best_acc`.
pub fn save_some(path: &Path, best_acc: f64) -> Result<History, Box<dyn std::error::Error>> {
    let (mut model, mut optimizer, _) = parts();
    let options = TrainOptions { checkpoint: path.into(), best_acc, ..quick(3) };
    let data = loaders(Colours::new(24), Colours { mislabelled: true, ..Colours::new(12) });
    Ok(train(&mut model, &mut optimizer, &data, options)?)
}

/// Makes the file say that its weights were of another accuracy.
pub fn claim(path: &Path, best_acc: f64) -> Outcome {
    let mut checkpoint = Checkpoint::load(path)?;
    checkpoint.best_acc = best_acc;
    checkpoint.save(path)?;
    Ok(())
}

#[test]
fn an_earlier_better_checkpoint_is_kept_beside() -> Outcome {
    ["safetensors", "pt"].into_iter().try_for_each(kept_beside)
}

/// `best.safetensors` may be a link to a larger disk.
#[cfg(unix)]
#[test]
fn an_earlier_better_checkpoint_is_kept_where_its_name_is_a_link() -> Outcome {
    let folder = TempDir::new();
    let [file, link] = ["elsewhere.safetensors", "best.safetensors"].map(|name| folder.file(name));
    save_some(&file, 0.0)?;
    claim(&file, 1.0)?;
    std::os::unix::fs::symlink(&file, &link)?;
    let second = save_some(&link, 0.0)?;
    assert!(link.is_symlink());
    assert_eq!(Checkpoint::load(&file)?.best_acc, second.best_acc);
    assert_eq!(Checkpoint::load(folder.file("best.previous.safetensors"))?.best_acc, 1.0);
    Ok(())
}

/// In either format, which the file's name determines.
fn kept_beside(ending: &str) -> Outcome {
    let folder = TempDir::new();
    let names = [format!("best.previous.{ending}"), format!("best.{ending}")];
    let [previous, path] = names.each_ref().map(|name| folder.file(name));
    save_some(&path, 0.0)?;
    claim(&path, 1.0)?;
    let second = save_some(&path, 0.0)?;
    assert_eq!(folder.names(), names);
    assert_eq!(Checkpoint::load(&previous)?.best_acc, 1.0);
    assert_eq!(Checkpoint::load(&path)?.best_acc, second.best_acc);

    // A worse one is replaced without further ado, and does not push the better one out.
    claim(&path, 0.01)?;
    save_some(&path, 0.0)?;
    claim(&path, 0.999_999)?;
    save_some(&path, 0.0)?;
    assert_eq!(Checkpoint::load(&previous)?.best_acc, 1.0);
    let second = folder.file(&format!("best.previous2.{ending}"));
    assert_eq!(Checkpoint::load(&second)?.best_acc, 0.999_999);

    // An equal one takes its place, so that the same cell, run again, leaves no more files.
    claim(&path, 0.999_999)?;
    save_some(&path, 0.0)?;
    assert!(!folder.file(&format!("best.previous3.{ending}")).exists());

    // One of another network is never replaced.
    let model = self::model(2);
    let optimizer = Adam::new(model.trainable_parameters(), 1e-2);
    Checkpoint::of(&model, &optimizer, 0.1, 0)?.save(&previous)?;
    claim(&path, 1.0)?;
    save_some(&path, 0.0)?;
    assert_eq!(Checkpoint::load(&previous)?.num_classes, 2);
    assert_eq!(Checkpoint::load(&second)?.best_acc, 1.0);
    Ok(())
}

#[test]
fn a_second_phase_that_is_not_better_leaves_the_file_and_the_weights() -> Outcome {
    let folder = TempDir::new();
    let path = folder.file("best.safetensors");
    save_some(&path, 0.0)?;
    let before = fs::read(&path)?;

    let (mut model, mut optimizer, _) = parts();
    let start = model.state_dict().deep_copy()?;
    let options = TrainOptions { checkpoint: path.clone().into(), best_acc: 1.0, ..quick(2) };
    let history = train(&mut model, &mut optimizer, &colours(), options)?;
    assert_eq!((history.best_epoch, history.best_acc, history.checkpoint.clone()), (None, 1.0, None));
    assert!(history.to_string().contains("no epoch was better than valid acc 1.0000"), "{history}");
    assert!(same(&start, &model.state_dict()));
    assert!(fs::read(&path)? == before);
    Ok(())
}

#[test]
fn a_checkpoint_of_other_classes_or_another_network_is_refused() -> Outcome {
    let (source, optimizer, _) = parts();
    let checkpoint = Checkpoint::of(&source, &optimizer, 0.5, 0)?;
    let mut wide = model(102);
    let before = wide.state_dict().deep_copy()?;
    let message = checkpoint.load_into(&mut wide).unwrap_err().to_string();
    assert!(message.contains("it is for 3 classes, the model for 102"), "{message}");
    let message = wide.load_state_dict(&checkpoint.state_dict, Strictness::Strict).unwrap_err().to_string();
    assert!(message.contains("(3, 512)") && message.contains("(102, 512)"), "{message}");
    assert!(same(&before, &wide.state_dict()));

    let mut deep = initialize_model("resnet34", CLASSES, Pretrained::No, Device::Cpu)?;
    let message = checkpoint.load_into(&mut deep).unwrap_err().to_string();
    assert!(message.contains("of a resnet18, the model is a resnet34"), "{message}");
    Ok(())
}

#[test]
fn files_that_are_no_checkpoints_say_so() -> Outcome {
    let folder = TempDir::new();
    let message = |path: &Path| Checkpoint::load(path).unwrap_err().to_string();
    let missing = message(&folder.file("nowhere.safetensors"));
    assert!(missing.contains("nowhere.safetensors"), "{missing}");
    // What a file holds decides on reading, its name on writing.
    assert!(message(&folder.file("best.ckpt")).contains("best.ckpt"));

    let (model, optimizer, _) = parts();
    let named =
        Checkpoint::of(&model, &optimizer, 0.5, 0)?.save(folder.file("best.ckpt")).unwrap_err().to_string();
    assert!(named.contains(".safetensors files, or .pt or .pth for PyTorch"), "{named}");
    for ending in ["safetensors", "pt", "pth"] {
        let plain = folder.file(&format!("plain.{ending}"));
        herbarium::weights::save(&plain, &model.state_dict())?;
        assert!(message(&plain).contains("is not a checkpoint"), "{}", message(&plain));

        let whole = folder.file(&format!("whole.{ending}"));
        Checkpoint::of(&model, &optimizer, 0.5, 0)?.save(&whole)?;
        let bytes = fs::read(&whole)?;
        let cut = folder.file(&format!("cut.{ending}"));
        fs::write(&cut, &bytes[..bytes.len() / 2])?;
        assert!(message(&cut).contains("truncated"), "{}", message(&cut));
    }

    // Other readers see plain weights, with the optimizer's tensors beside them.
    let (tensors, metadata) = load_safetensors(folder.file("whole.safetensors"))?;
    assert!(tensors.contains("fc.weight") && metadata.contains_key("best_acc"));
    Ok(())
}
