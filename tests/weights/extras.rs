//! Checkpoints as people have them: names with a wrapper's prefix, and all kinds of things beside the weights.

use std::path::{Path, PathBuf};
use std::process::Command;

use herbarium::models::StateDict;
use herbarium::train::Checkpoint;
use herbarium::weights::torch_file::{self, Dict, Value};
use herbarium::weights::{self, Metadata, save_safetensors};
use tch::{Kind, Tensor};

use super::{Folder, Outcome, ROLE, is_child, state};

/// Made by `tests/parity/make_extras.py`.
fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/checkpoints").join(name)
}

fn numbers(value: Option<&Value>) -> (Vec<i64>, Kind, Vec<f64>) {
    let described = value.and_then(Value::as_tensor).expect("an array is a tensor");
    let tensor = torch_file::tensor(described).expect("its values are read");
    let values = tensor.to_kind(Kind::Double).reshape([-1]);
    (tensor.size(), tensor.kind(), Vec::try_from(values).expect("numbers"))
}

#[test]
fn what_stands_beside_the_weights_is_read_or_passed_over() -> Outcome {
    for protocol in [2, 4] {
        let file = committed(&format!("extras_{protocol}.pth"));
        let value = torch_file::read(&file)?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        assert_eq!(value.get("best_acc").and_then(Value::as_float), Some(0.91));
        assert_eq!(value.get("epoch").and_then(Value::as_int), Some(7));
        assert_eq!(value.get("flag").and_then(Value::as_bool), Some(true));
        assert_eq!((text("name"), text("dtype"), text("price")), ("daisy", "float32", "1.50"));
        assert_eq!(numbers(value.get("history")), (vec![3], Kind::Double, vec![1.0, 2.0, 3.0]));
        // Stored column by column, and with the most significant byte first.
        assert_eq!(numbers(value.get("grid")), (vec![2, 3], Kind::Int, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        assert_eq!(numbers(value.get("big_endian")), (vec![2], Kind::Int16, vec![1.0, -2.0]));
        assert_eq!(numbers(value.get("counts")), (vec![2], Kind::Int64, vec![1.0, 60000.0]));
        assert_eq!(numbers(value.get("nothing")), (vec![0, 3], Kind::Float, vec![]));
        assert_eq!((text("when"), text("day")), ("2024-05-01T12:30:05.250000", "2024-05-01"));
        assert_eq!((text("where"), text("took")), ("2024-05-01T12:30:00+02:00", "1 day, 1:02:05"));
        let shown = |key: &str| value.get(key).map(Value::to_string).unwrap_or_default();
        assert_eq!((shown("classes"), shown("mixed")), ("['daisy', 'rose']".into(), "['a', 3, None]".into()));
        assert_eq!((shown("queue"), shown("labels")), ("[1, 2]".into(), "[5]".into()));
        assert_eq!(shown("config"), "{\n    'depth': 18\n}");
        assert_eq!(shown("nested"), "{\n    'train': [0.5]\n}");
        assert_eq!(shown("letters"), "{\n    'a': 2,\n    'b': 1\n}");
        assert_eq!(shown("pairs"), "{\n    '(0, 1)': 'both',\n    'None': 'none',\n    '0.5': 'half'\n}");
        let args = value.get("args").ok_or("no args")?;
        assert_eq!(args.get("lr").and_then(Value::as_float), Some(0.01));
        assert_eq!(args.get("out").and_then(Value::as_str), Some("/runs/a"));
        assert_eq!(
            value.not_read(),
            [
                "args.sampler (mine.Sampler)",
                "phase (mine.Phase)",
                "optimizer_class (mine.Config)",
                "root (math.sqrt)",
                "key (a number of more than 64 bits)"
            ]
        );

        let state = weights::load(&file)?;
        assert_eq!(state.keys(), ["fc.weight", "fc.bias"]);
        let weight = state.get("fc.weight").ok_or("no weight")?;
        assert_eq!((weight.size(), weight.double_value(&[1, 2])), (vec![2, 3], 6.0));
        let checkpoint = Checkpoint::load(&file)?;
        assert_eq!((checkpoint.best_acc, checkpoint.epoch, checkpoint.num_classes), (0.91, 7, 2));
        // Only Python can write what only Python can read.
        let told =
            torch_file::write(Folder::new("extras")?.file("again.pt"), &value).unwrap_err().to_string();
        assert!(told.contains("mine.Sampler"), "{told}");
    }
    Ok(())
}

#[test]
fn loading_says_what_was_taken_off_and_passed_over() -> Outcome {
    if is_child() {
        weights::load(committed("extras_2.pth"))?;
        return Ok(());
    }
    let output = Command::new(std::env::current_exe()?)
        .args(["extras::loading_says_what_was_taken_off_and_passed_over", "--exact", "--nocapture"])
        .env(ROLE, "child")
        .output()?;
    let told = String::from_utf8(output.stdout)?;
    assert!(told.contains("extras_2.pth: every name begins with `model.`, which is removed"), "{told}");
    let passed_over =
        "extras_2.pth: not read, because only Python's own code can: args.sampler (mine.Sampler), ";
    assert!(told.contains(passed_over), "{told}");
    Ok(())
}

fn under(prefix: &str, state: &StateDict) -> StateDict {
    state.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor.shallow_clone())).collect()
}

#[test]
fn prefixes_of_wrappers_are_taken_off_in_every_format() -> Outcome {
    let folder = Folder::new("wrappers")?;
    let plain = state(&[("fc.weight", Tensor::from_slice(&[1f32, 2.0])), ("fc.bias", Tensor::from(3f32))]);
    for prefix in
        ["model.", "_orig_mod.", "module.", "backbone.", "net.", "module._orig_mod.", "net.model.backbone."]
    {
        let wrapped = under(prefix, &plain);
        save_safetensors(folder.file("a.safetensors"), &wrapped, &Metadata::new())?;
        weights::save(folder.file("b.pth"), &wrapped)?;
        let mut lightning = Dict::new();
        lightning.insert("epoch", 3);
        lightning.insert("state_dict", torch_file::ordered_dict(&wrapped)?);
        lightning.insert("callbacks", Value::dict());
        torch_file::write(folder.file("c.ckpt"), &Value::Dict(lightning))?;
        let mut odd = Dict::new();
        odd.insert("step", 3);
        odd.insert("network_weights", torch_file::ordered_dict(&wrapped)?);
        torch_file::write(folder.file("d.bin"), &Value::Dict(odd))?;
        for name in ["a.safetensors", "b.pth", "c.ckpt", "d.bin"] {
            let loaded = weights::load(folder.file(name))?;
            assert_eq!(loaded.keys(), plain.keys(), "{prefix} in {name}");
            assert!(loaded.iter().zip(&plain).all(|((_, a), (_, b))| a.equal(b)));
        }
    }
    Ok(())
}

/// Small files that PyTorch, Lightning and torch.compile wrote, where they are there.
#[test]
#[cfg_attr(not(found_files), ignore = "needs files that people have: ../shared/cases")]
fn files_of_the_real_world() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/checkpoints");
    let plain = weights::load(folder.join("plain.pth"))?;
    for name in ["lightning.ckpt", "compiled.pth", "compiled_ddp.pth", "extras.pth"] {
        let loaded = weights::load(folder.join(name))?;
        assert_eq!(loaded.keys(), plain.keys(), "{name}");
        assert!(loaded.iter().zip(&plain).all(|((_, a), (_, b))| a.equal(b)), "{name}");
    }
    let extras = torch_file::read(folder.join("extras.pth"))?;
    assert_eq!(extras.get("when").and_then(Value::as_str), Some("2024-05-01T00:00:00"));
    assert_eq!(extras.not_read(), [""; 0]);
    Ok(())
}

#[test]
fn a_checkpoint_is_known_by_its_content() -> Outcome {
    let folder = Folder::new("content")?;
    let file = folder.file("model_best.pth.tar");
    std::fs::copy(committed("tutorial_checkpoint.pt"), &file)?;
    let checkpoint = Checkpoint::load(&file)?;
    assert!(checkpoint.best_acc > 0.0);
    // Writing goes by the name: what it advises, typed, works.
    let told = checkpoint.save(&file).unwrap_err().to_string();
    let advised = told.rsplit("call it ").next().ok_or("no advice")?;
    assert_eq!(Path::new(advised), folder.file("model_best.pth"));
    checkpoint.save(advised)?;
    for name in ["a.ckpt", "no_ending", "b.safetensors"] {
        std::fs::copy(advised, folder.file(name))?;
        assert_eq!(Checkpoint::load(folder.file(name))?.best_acc, checkpoint.best_acc, "{name}");
    }
    checkpoint.save(folder.file("c.safetensors"))?;
    std::fs::copy(folder.file("c.safetensors"), folder.file("d.pt"))?;
    assert_eq!(Checkpoint::load(folder.file("d.pt"))?.best_acc, checkpoint.best_acc);
    Ok(())
}
