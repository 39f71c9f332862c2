//! PyTorch's files against what PyTorch says is in them, and ours against PyTorch itself where
//! `HERBARIUM_PEER_PYTHON` names a Python that has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use herbarium::models::StateDict;
use herbarium::weights::torch_file::{self, Dict, DictKind, Value};
use herbarium::weights::{load, load_safetensors, save};
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn every_file_of_the_committed_set() -> Outcome {
    compare_set(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/checkpoints"))
}

#[test]
fn every_file_of_the_whole_set() -> Outcome {
    match whole_set() {
        Some(folder) => compare_set(&folder),
        None => {
            println!(
                "skipped: HERBARIUM_PARITY is not set and there is no ../shared/parity; the committed set was compared"
            );
            Ok(())
        }
    }
}

fn whole_set() -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("HERBARIUM_PARITY") {
        return Some(PathBuf::from(set).join("checkpoints"));
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/parity/checkpoints");
    shared.is_dir().then_some(shared)
}

fn compare_set(folder: &Path) -> Outcome {
    let (expected, _) = load_safetensors(folder.join("expected_state_dict.safetensors"))?;
    for name in ["state_dict_zip.pth", "state_dict_legacy.pth", "tutorial_checkpoint.pt"] {
        same(name, &load(folder.join(name))?, &expected);
    }
    let (expected_views, _) = load_safetensors(folder.join("expected_views_and_types.safetensors"))?;
    let views = torch_file::read(folder.join("views_and_types.pt"))?;
    same("views_and_types.pt", &views.state_dict()?, &expected_views);
    shares_storages(&views);

    let parallel = load(folder.join("data_parallel_prefix.pth"))?;
    assert!(!parallel.is_empty());
    for (name, tensor) in &parallel {
        let plain = expected.get(name).ok_or_else(|| format!("{name} is no name without the prefix"))?;
        assert!(tensor.equal(plain), "{name}");
    }
    tutorial_checkpoint(folder)?;
    refused(folder)
}

fn same(file: &str, read: &StateDict, expected: &StateDict) {
    let mut names = (read.keys(), expected.keys());
    names.0.sort();
    names.1.sort();
    assert_eq!(names.0, names.1, "{file}");
    for (name, tensor) in read {
        let Some(expected) = expected.get(name) else { panic!("{file}: {name} was not expected") };
        assert_eq!((tensor.kind(), tensor.size()), (expected.kind(), expected.size()), "{file}: {name}");
        assert!(tensor.equal(expected), "{file}: {name}");
    }
}

/// Tensors that were views of one storage are again: a change of one changes the others.
fn shares_storages(views: &Value) {
    let tensor = |name: &str| views.get(name).and_then(Value::as_tensor);
    if let (Some(whole), Some(transposed)) = (tensor("whole"), tensor("transposed")) {
        assert_eq!(whole.data_ptr(), transposed.data_ptr());
    }
}

fn tutorial_checkpoint(folder: &Path) -> Outcome {
    let told: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("expected_optimizer.json"))?)?;
    let checkpoint = torch_file::read(folder.join("tutorial_checkpoint.pt"))?;
    let acc = checkpoint.get("best_acc").and_then(Value::as_float);
    assert_eq!(acc, told["best_acc"].as_f64());
    let optimizer = checkpoint.get("optimizer").ok_or("no optimizer")?;
    let group = optimizer.get("param_groups").and_then(Value::as_list).ok_or("no groups")?.first();
    let lr = group.and_then(|group| group.get("lr")).and_then(Value::as_float);
    assert_eq!(lr, told["adam"]["lr"].as_f64());
    let state = optimizer.get("state").ok_or("no state")?;
    let sums = told["adam"]["exp_avg_sum"].as_object().ok_or("no sums")?;
    for (index, (name, sum)) in sums.iter().enumerate() {
        let own = state.get(index as i64).ok_or_else(|| format!("no state of {name}"))?;
        assert_eq!(own.get("step").and_then(Value::as_float), told["adam"]["step"].as_f64());
        let exp_avg = own.get("exp_avg").and_then(Value::as_tensor).ok_or("no exp_avg")?;
        let found = exp_avg.sum(Kind::Double).double_value(&[]);
        let expected = sum.as_f64().ok_or("no sum")?;
        assert!(
            (found - expected).abs() <= 1e-5 * expected.abs().max(1.0),
            "{name}: {found}, not {expected}"
        );
    }
    Ok(())
}

/// The files that must be refused, with what the message must say, and nothing run.
fn refused(folder: &Path) -> Outcome {
    let before = fs::read_dir(".")?.count();
    for (name, expected) in [
        ("malicious.pt", &["refused", "system", "nothing was run"][..]),
        ("truncated.pth", &["truncated"]),
        ("not_a_checkpoint.pth", &["no PyTorch file"]),
    ] {
        let told = load(folder.join(name)).expect_err("must be refused").to_string();
        println!("{told}");
        assert!(told.contains(name) && expected.iter().all(|word| told.contains(word)), "{told}");
    }
    assert_eq!(fs::read_dir(".")?.count(), before);
    assert!(!Path::new("HERBARIUM_PWNED").exists());
    Ok(())
}

/// Everything that a value can be, in one.
fn everything() -> Value {
    let whole = Tensor::arange(24, (Kind::Float, Device::Cpu)).reshape([4, 6]);
    let mut tensors = Dict::of_kind(DictKind::OrderedDict);
    for kind in [
        Kind::Half,
        Kind::BFloat16,
        Kind::Double,
        Kind::Int,
        Kind::Int64,
        Kind::Int16,
        Kind::Int8,
        Kind::Uint8,
        Kind::Bool,
        Kind::ComplexFloat,
    ] {
        tensors.insert(format!("{kind:?}"), whole.to_kind(kind));
    }
    tensors.insert("turned", whole.transpose(0, 1));
    tensors.insert("view", whole.narrow(0, 1, 2).narrow(1, 1, 3));
    tensors.insert("scalar", Tensor::from(2.5f32));
    tensors.insert("empty", Tensor::zeros([0, 3], (Kind::Float, Device::Cpu)));
    tensors.insert("whole", &whole);
    tensors.insert("whole again", &whole);
    let mut all = Dict::new();
    all.insert("tensors", tensors);
    all.insert(
        "numbers",
        vec![
            0.into(),
            255.into(),
            256.into(),
            (-1).into(),
            i64::MIN.into(),
            0.1.into(),
            f64::INFINITY.into(),
        ],
    );
    all.insert("texts", vec!["".into(), "käse \"10\"\n❀".into()]);
    all.insert("bytes", Value::Bytes((0..=255).collect()));
    all.insert(
        "tuple",
        Value::Tuple(vec![true.into(), false.into(), Value::None, Value::Tuple(vec![]), Value::dict()]),
    );
    all.insert(7, "a number as key");
    Value::Dict(all)
}

#[test]
fn what_is_written_is_read() -> Outcome {
    let path = std::env::temp_dir().join(format!("herbarium-everything-{}.pt", std::process::id()));
    let written = everything();
    torch_file::write(&path, &written)?;
    let read = torch_file::read(&path)?;
    assert_eq!(read.to_string(), written.to_string());
    let tensors = |value: &Value| value.get("tensors").map(Value::state_dict).expect("tensors");
    same("everything", &tensors(&read)?, &tensors(&written)?);
    let pointer = |name: &str| read.get("tensors")?.get(name)?.as_tensor().map(Tensor::data_ptr);
    assert_eq!(pointer("whole"), pointer("whole again"));
    assert_eq!(torch_file::from_bytes(&fs::read(&path)?)?.to_string(), written.to_string());
    fs::remove_file(&path)?;
    Ok(())
}

#[test]
fn tch_files_and_formats_by_ending() -> Outcome {
    let folder = std::env::temp_dir().join(format!("herbarium-formats-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let weight = Tensor::from_slice(&[1f32, 2.0, 3.0]);
    // What tch's VarStore writes: TorchScript's format, points as bars.
    Tensor::save_multi(&[("fc|weight", &weight), ("bias", &weight.neg())], folder.join("tch.ot"))?;
    let read = load(folder.join("tch.ot"))?;
    let mut names = read.keys();
    names.sort();
    assert_eq!(names, ["bias", "fc.weight"]);
    assert!(read.get("fc.weight").is_some_and(|read| read.equal(&weight)));
    for name in ["a.pt", "a.pth", "a.safetensors"] {
        save(folder.join(name), &read)?;
        same(name, &load(folder.join(name))?, &read);
        // The content counts, not the name.
        fs::rename(folder.join(name), folder.join("a.bin"))?;
        same(name, &load(folder.join("a.bin"))?, &read);
    }
    let told = save(folder.join("a.h5"), &read).expect_err("no such format").to_string();
    assert!(told.contains(".safetensors, .pt or .pth"), "{told}");
    fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn pythons_files_are_read_and_ours_by_python() -> Outcome {
    let Some(python) = std::env::var_os("HERBARIUM_PEER_PYTHON") else {
        println!(
            "skipped: HERBARIUM_PEER_PYTHON names no Python with PyTorch; the committed files were compared"
        );
        return Ok(());
    };
    let folder = std::env::temp_dir().join(format!("herbarium-peer-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    torch_file::write(folder.join("ours.pt"), &everything())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/peer_files.py");
    let status = Command::new(python).arg(script).arg(&folder).env("OMP_NUM_THREADS", "1").status()?;
    assert!(status.success(), "Python does not agree: see above");
    // What Python wrote, in every way that it can write, with what it says is in it.
    let (expected, _) = load_safetensors(folder.join("expected.safetensors"))?;
    let mut read = 0;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("theirs") {
            same(&name, &load(&path)?, &expected);
            read += 1;
        } else if name.starts_with("refused") {
            let told = load(&path).expect_err("must be refused").to_string();
            println!("{told}");
            assert!(told.contains("refused"), "{told}");
            read += 1;
        }
    }
    println!("{read} files of Python's agree");
    assert!(read >= 14, "only {read} files were compared");
    fs::remove_dir_all(&folder)?;
    Ok(())
}
