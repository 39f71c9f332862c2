//! PyTorch's files against what PyTorch says is in them, and ours against PyTorch itself where
//! `HERBARIUM_PEER_PYTHON` names a Python that has it.

mod parity;

use std::fs;
use std::path::Path;
use std::process::Command;

use herbarium::models::{Model, Pretrained, StateDict, Strictness, initialize_model, known_models};
use herbarium::train::{Adam, AdamW, Checkpoint, Optimizer, RmsProp, Sgd};
use herbarium::weights::torch_file::{self, Dict, Value};
use herbarium::weights::{load, load_safetensors, save};
use parity::{committed, whole};
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn every_file_of_the_committed_set() -> Outcome {
    compare_set(&committed("checkpoints"))
}

#[test]
#[cfg_attr(not(whole_parity), ignore = "needs the whole set: HERBARIUM_PARITY, or ../shared/parity")]
fn every_file_of_the_whole_set() -> Outcome {
    compare_set(&whole("checkpoints"))
}

fn compare_set(folder: &Path) -> Outcome {
    let (expected, _) = load_safetensors(folder.join("expected_state_dict.safetensors"))?;
    for name in ["state_dict_zip.pth", "state_dict_legacy.pth", "tutorial_checkpoint.pt"] {
        same(name, &load(folder.join(name))?, &expected);
    }
    let (expected_views, _) = load_safetensors(folder.join("expected_views_and_types.safetensors"))?;
    let views = torch_file::read(folder.join("views_and_types.pt"))?;
    let tensors = torch_file::state_dict(&views)?;
    same("views_and_types.pt", &tensors, &expected_views);
    shares_storages(&tensors);

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
fn shares_storages(views: &StateDict) {
    if let (Some(whole), Some(transposed)) = (views.get("whole"), views.get("transposed")) {
        assert_eq!(whole.data_ptr(), transposed.data_ptr());
    }
}

fn tutorial_checkpoint(folder: &Path) -> Outcome {
    let told: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("expected_optimizer.json"))?)?;
    let checkpoint = torch_file::read(folder.join("tutorial_checkpoint.pt"))?;
    let acc = checkpoint.get("best_acc").and_then(Value::as_float);
    assert_eq!(acc, told["best_acc"].as_f64());
    let as_ours = Checkpoint::load(folder.join("tutorial_checkpoint.pt"))?;
    assert_eq!(Some(as_ours.best_acc), acc);
    assert_eq!((as_ours.optimizer.name.as_str(), as_ours.written_by.as_str()), ("Adam", "PyTorch"));
    assert_eq!(as_ours.optimizer.setting("lr"), told["adam"]["lr"].as_f64());
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
        let exp_avg = torch_file::tensor(exp_avg)?;
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
        ("not_a_checkpoint.pth", &["not a PyTorch file"]),
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
    let mut tensors = StateDict::new();
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
    tensors.insert("whole", whole.shallow_clone());
    tensors.insert("whole again", whole);
    let mut all = Dict::new();
    all.insert("tensors", torch_file::ordered_dict(&tensors).expect("tensors have a place in the format"));
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
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("everything.pt");
    let written = everything();
    torch_file::write(&path, &written)?;
    let read = torch_file::read(&path)?;
    assert_eq!(read.to_string(), written.to_string());
    let tensors = |value: &Value| value.get("tensors").map(torch_file::state_dict).expect("tensors");
    same("everything", &tensors(&read)?, &tensors(&written)?);
    let read_tensors = tensors(&read)?;
    let pointer = |name: &str| read_tensors.get(name).map(Tensor::data_ptr);
    assert_eq!(pointer("whole"), pointer("whole again"));
    assert_eq!(torch_file::from_bytes(&fs::read(&path)?)?.to_string(), written.to_string());
    Ok(())
}

#[test]
fn tch_files_and_formats_by_ending() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
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
    Ok(())
}

#[test]
#[cfg_attr(
    not(peer_python),
    ignore = "needs HERBARIUM_PEER_PYTHON: a Python with torch, torchvision, safetensors"
)]
fn pythons_files_are_read_and_ours_by_python() -> Outcome {
    let (python, folder) = peer()?;
    let folder = folder.path();
    torch_file::write(folder.join("ours.pt"), &everything())?;
    run(&python, "peer_files.py", folder, &[])?;
    // What Python wrote, in every way that it can write, with what it says is in it.
    let (expected, _) = load_safetensors(folder.join("expected.safetensors"))?;
    let mut read = 0;
    for entry in fs::read_dir(folder)? {
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
    let whole = load(folder.join("whole_model.pth"))?;
    let layers = ["0.weight", "0.bias", "2.weight", "2.bias"];
    let buffers = ["2.running_mean", "2.running_var", "2.num_batches_tracked"];
    assert_eq!(whole.keys(), [&layers[..], &buffers].concat());
    println!("{read} files of Python's agree");
    assert!(read >= 13, "only {read} files were compared");
    Ok(())
}

/// The Python with PyTorch to compare with, and a folder to exchange files in.
fn peer() -> Result<(std::ffi::OsString, tempfile::TempDir), Box<dyn std::error::Error>> {
    let python = std::env::var_os("HERBARIUM_PEER_PYTHON").ok_or("HERBARIUM_PEER_PYTHON is not set")?;
    Ok((python, tempfile::tempdir()?))
}

fn run(python: &std::ffi::OsStr, script: &str, folder: &Path, arguments: &[&str]) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity").join(script);
    let mut command = Command::new(python);
    let status = command.arg(script).arg(folder).args(arguments).env("OMP_NUM_THREADS", "1").status()?;
    assert!(status.success(), "Python does not agree: see above");
    Ok(())
}

#[test]
#[cfg_attr(
    not(peer_python),
    ignore = "needs HERBARIUM_PEER_PYTHON: a Python with torch, torchvision, safetensors"
)]
fn the_weights_table_is_torchvisions() -> Outcome {
    let (python, _) = peer()?;
    run(&python, "weights_table.py", Path::new("--check"), &[])
}

/// One network of each family, the smallest; torchvision loads what we wrote, strictly, and we what it wrote.
#[test]
#[cfg_attr(
    not(peer_python),
    ignore = "needs HERBARIUM_PEER_PYTHON: a Python with torch, torchvision, safetensors"
)]
fn every_familys_weights_go_both_ways() -> Outcome {
    let (python, folder) = peer()?;
    let folder = folder.path();
    for name in [
        "resnet18",
        "alexnet",
        "vgg11",
        "squeezenet1_1",
        "densenet121",
        "inception_v3",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "efficientnet_b0",
        "convnext_tiny",
    ] {
        if !known_models().contains(&name) {
            println!("{name} is not built");
            continue;
        }
        let mut model = initialize_model(name, 5, Pretrained::No, Device::Cpu)?;
        let before = model.state_dict().deep_copy()?;
        save(folder.join(format!("{name}.pth")), &before)?;
        run(&python, "peer_checkpoints.py", folder, &["models", name])?;
        // Python added one to every value, and the prefix of DataParallel to every name.
        let theirs = load(folder.join(format!("{name}.theirs.pth")))?;
        model.load_state_dict(&theirs, Strictness::Strict)?;
        for (key, tensor) in &before {
            let changed = theirs.get(key).ok_or("a name is missing")?;
            assert!(changed.equal(&(tensor + 1)), "{name}: {key}");
        }
        fs::remove_file(folder.join(format!("{name}.pth")))?;
        fs::remove_file(folder.join(format!("{name}.theirs.pth")))?;
    }
    Ok(())
}

/// One step on pictures and labels that a formula gives, as the Python side does it.
fn step(model: &mut Model, optimizer: &mut dyn Optimizer) -> Outcome {
    model.eval();
    let count = Tensor::arange(2 * 3 * 32 * 32, (Kind::Int64, Device::Cpu));
    let images = ((count * 7919).remainder(1000).to_kind(Kind::Float) / 500 - 1).reshape([2, 3, 32, 32]);
    optimizer.zero_grad()?;
    model.forward(&images)?.cross_entropy_for_logits(&Tensor::from_slice(&[1i64, 3])).backward();
    Ok(optimizer.step()?)
}

/// A step changes values by up to the learning rate, 1e-3, and by another amount where the optimizer's
/// memory was lost; single values with hardly any gradient may differ more than the others.
fn close(what: &str, own: &StateDict, expected: &StateDict) {
    for (name, tensor) in own {
        let Some(expected) = expected.get(name) else { panic!("{what}: no {name}") };
        let difference = (tensor.detach() - expected).abs().to_kind(Kind::Double);
        let (most, mean) =
            (difference.max().double_value(&[]), difference.mean(Kind::Double).double_value(&[]));
        assert!(most < 1e-4 && mean < 1e-6, "{what}: {name} differs by {most}, on average by {mean}");
    }
}

fn optimizer(name: &str, model: &Model) -> Box<dyn Optimizer> {
    let parameters = model.trainable_parameters();
    match name {
        "adam" => Box::new(Adam::new(parameters, 1e-3)),
        "adamw" => Box::new(AdamW::new(parameters, 1e-3)),
        "rmsprop" => Box::new(RmsProp::new(parameters, 1e-3).momentum(0.9)),
        _ => Box::new(Sgd::new(parameters, 1e-2).momentum(0.9)),
    }
}

/// Both sides go on from the other's checkpoint, model and optimizer, and come to the same weights.
#[test]
#[cfg_attr(
    not(peer_python),
    ignore = "needs HERBARIUM_PEER_PYTHON: a Python with torch, torchvision, safetensors"
)]
fn a_training_goes_on_on_the_other_side() -> Outcome {
    let (python, folder) = peer()?;
    let folder = folder.path();
    let names = ["adam", "adamw", "sgd", "rmsprop"];
    let mut ours = Vec::new();
    for name in names {
        // The head alone, as in the tutorial's first phase.
        let mut model = initialize_model("resnet18", 5, Pretrained::No, Device::Cpu)?;
        model.freeze_all_but_head();
        let mut optimizer = optimizer(name, &model);
        for _ in 0..2 {
            step(&mut model, &mut *optimizer)?;
        }
        Checkpoint::of(&model, &*optimizer, 0.625, 4)?.save(folder.join(format!("{name}.ours.pt")))?;
        step(&mut model, &mut *optimizer)?;
        ours.push(model.state_dict());
    }
    run(&python, "peer_checkpoints.py", folder, &[&["checkpoints"], &names[..]].concat())?;
    for (name, ours) in names.into_iter().zip(ours) {
        let expected = |file: &str| load(folder.join(format!("{name}.{file}.next.safetensors")));
        close(name, &ours, &expected("ours")?);

        let checkpoint = Checkpoint::load(folder.join(format!("{name}.theirs.pt")))?;
        assert_eq!((checkpoint.best_acc, checkpoint.num_classes), (0.75, 5));
        let mut model = initialize_model("resnet18", 5, Pretrained::No, Device::Cpu)?;
        checkpoint.load_into(&mut model)?;
        let mut optimizer = optimizer(name, &model);
        optimizer.load_state_dict(&checkpoint.optimizer)?;
        step(&mut model, &mut *optimizer)?;
        close(name, &model.state_dict(), &expected("theirs")?);
    }
    Ok(())
}
