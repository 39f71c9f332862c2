//! Weights from outside: files that are damaged, dictionaries that do not fit, and that a load that
//! fails leaves the model as it was.

mod catalog;
mod classifier;
mod download;
mod extras;
mod painted;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use herbarium::models::{Model, Pretrained, StateDict, Strictness, initialize_model, resnet18};
use herbarium::weights::{Metadata, find_in, load_safetensors, save_safetensors};
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A separate folder for each test, removed with it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(name: &str) -> std::io::Result<Folder> {
        tempfile::Builder::new().prefix(&format!("herbarium-weights-{name}-")).tempdir().map(Folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn names(&self) -> std::io::Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(self.path())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<_>>()?;
        names.sort();
        Ok(names)
    }
}

fn state(entries: &[(&str, Tensor)]) -> StateDict {
    entries.iter().map(|(name, tensor)| (name.to_string(), tensor.shallow_clone())).collect()
}

fn refusal(path: &Path) -> String {
    load_safetensors(path).expect_err("this file must be refused").to_string()
}

fn file_with(header: &str, values: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), values].concat()
}

#[test]
fn what_is_saved_is_loaded() -> Outcome {
    let folder = Folder::new("round-trip")?;
    let tensors = state(&[
        ("z.weight", Tensor::from_slice(&[1.5f32, -2.0, f32::INFINITY, 0.0]).view([2, 2])),
        ("count", Tensor::from(7i64)),
        ("a.half", Tensor::from_slice(&[0.5f32, 3.0]).to_kind(Kind::Half)),
        ("flag", Tensor::from_slice(&[true, false, true])),
        ("none", Tensor::zeros([0, 3], (Kind::Float, Device::Cpu))),
        ("brain", Tensor::from_slice(&[1f32]).to_kind(Kind::BFloat16)),
        ("turned", Tensor::arange(6, (Kind::Double, Device::Cpu)).view([2, 3]).transpose(0, 1)),
    ]);
    let metadata: Metadata =
        [("epoch".to_string(), "3".to_string()), ("blume".into(), "Lilie ❀ \"".into())].into();
    let path = folder.file("deep/inside/kept.safetensors");
    save_safetensors(&path, &tensors, &metadata)?;

    let (back, told) = load_safetensors(&path)?;
    assert_eq!(told, metadata);
    assert_eq!(back.keys(), tensors.keys());
    for ((name, saved), (_, loaded)) in tensors.iter().zip(&back) {
        assert_eq!(saved.kind(), loaded.kind(), "{name}");
        assert_eq!(saved.size(), loaded.size(), "{name}");
        assert!(saved.equal(loaded), "{name}");
    }
    // Another reader of the format agrees.
    let mut theirs = Tensor::read_safetensors(&path)?;
    assert_eq!(theirs.len(), tensors.len());
    assert!(
        theirs.drain(..).all(|(name, tensor)| tensors.get(&name).is_some_and(|saved| saved.equal(&tensor)))
    );
    Ok(())
}

#[test]
fn values_are_aligned_for_readers_that_map_the_file() -> Outcome {
    let folder = Folder::new("aligned")?;
    let path = folder.file("kept.safetensors");
    let bytes = Tensor::from_slice(&[1u8, 2, 3]);
    save_safetensors(&path, &state(&[("bytes", bytes), ("long", Tensor::from(1i64))]), &Metadata::new())?;
    let file = fs::read(&path)?;
    let length = u64::from_le_bytes(file[..8].try_into()?) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length])?;
    assert_eq!((8 + length) % 8, 0);
    assert_eq!(header["long"]["data_offsets"][0], 0);
    assert_eq!(header["bytes"]["data_offsets"], serde_json::json!([8, 11]));
    Ok(())
}

#[test]
fn a_damaged_file_is_refused_by_name() -> Outcome {
    let folder = Folder::new("damaged")?;
    let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let two = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":"#;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "less than eight bytes"),
        ("short", vec![1, 2, 3], "less than eight bytes"),
        ("text", b"this is a text and no tensor at all".to_vec(), "not a safetensors file"),
        ("zip", [b"PK\x03\x04".as_slice(), &[0xff; 60]].concat(), "not a safetensors file"),
        ("no-header", file_with(one, &[0; 8])[..20].to_vec(), "truncated"),
        ("no-values", file_with(one, &[0; 7]), "truncated: it has 7 of 8 bytes"),
        ("more-values", file_with(one, &[0; 9]), "1 bytes follow"),
        ("no-json", file_with("{\"a\":", &[]), "not a JSON object"),
        ("list", file_with("[1, 2]", &[]), "not a JSON object"),
        ("no-utf8", [&2u64.to_le_bytes()[..], &[0xff, 0xfe]].concat(), "not UTF-8"),
        ("gap", file_with(&format!("{two}[12,16]}}}}"), &[0; 16]), "damaged header at b"),
        ("overlap", file_with(&format!("{two}[4,8]}}}}"), &[0; 8]), "damaged header at b"),
        ("backwards", file_with(&one.replace("[0,8]", "[8,0]"), &[0; 8]), "does not fill the bytes 8 to 0"),
        ("shape", file_with(&one.replace("[2]", "[3]"), &[0; 8]), "does not fill the bytes"),
        (
            "huge",
            file_with(&one.replace("[2]", "[4611686018427387904,4]"), &[0; 8]),
            "does not fill the bytes",
        ),
        ("negative", file_with(&one.replace("[2]", "[-2]"), &[0; 8]), "not a list of sizes"),
        ("dtype", file_with(&one.replace("F32", "F8_E5M2"), &[0; 8]), "F8_E5M2 is not supported"),
        ("no-dtype", file_with(&one.replace("dtype", "kind"), &[0; 8]), "damaged header at a: no dtype"),
        ("metadata", file_with(r#"{"__metadata__":{"epoch":3}}"#, &[]), "metadata are not all strings"),
    ];
    for (name, bytes, expected) in cases {
        let path = folder.file(&format!("{name}.safetensors"));
        fs::write(&path, bytes)?;
        let told = refusal(&path);
        assert!(told.contains(expected) && told.contains(&format!("{name}.safetensors")), "{name}: {told}");
    }
    let absent = refusal(&folder.file("absent.safetensors"));
    assert!(absent.contains("absent.safetensors") && absent.contains("No such file"), "{absent}");
    assert!(refusal(folder.path()).contains("herbarium-weights-damaged"));
    Ok(())
}

#[test]
fn a_save_that_fails_leaves_the_old_file_and_nothing_else() -> Outcome {
    let folder = Folder::new("save-fails")?;
    let path = folder.file("kept.safetensors");
    save_safetensors(&path, &state(&[("a", Tensor::from(1f32))]), &Metadata::new())?;
    let before = fs::read(&path)?;

    let complex =
        state(&[("a", Tensor::from(1f32)), ("c", Tensor::zeros([1], (Kind::ComplexFloat, Device::Cpu)))]);
    let told = save_safetensors(&path, &complex, &Metadata::new()).unwrap_err().to_string();
    assert!(told.contains("kept.safetensors: c is complex"), "{told}");
    let twice = state(&[("a", Tensor::from(1f32)), ("a", Tensor::from(2f32))]);
    let told = save_safetensors(&path, &twice, &Metadata::new()).unwrap_err().to_string();
    assert!(told.contains("two tensors cannot be called a"), "{told}");
    let below_a_file = path.join("other.safetensors");
    assert!(save_safetensors(&below_a_file, &state(&[]), &Metadata::new()).is_err());
    fs::create_dir(folder.file("folder.safetensors"))?;
    assert!(save_safetensors(folder.file("folder.safetensors"), &state(&[]), &Metadata::new()).is_err());

    assert_eq!(fs::read(&path)?, before);
    assert_eq!(folder.names()?, ["folder.safetensors", "kept.safetensors"]);
    Ok(())
}

fn model() -> Result<Model, herbarium::Error> {
    resnet18(3, Device::Cpu)
}

fn same(left: &StateDict, right: &StateDict) -> bool {
    left.keys() == right.keys() && left.iter().zip(right).all(|((_, left), (_, right))| left.equal(right))
}

#[test]
fn a_strict_load_that_does_not_fit_changes_nothing() -> Outcome {
    let (mut target, source) = (model()?, model()?);
    let before = target.state_dict().deep_copy()?;
    let mut given = source.state_dict();
    given.remove("layer1.0.conv1.weight");
    given.insert("fc.weight", Tensor::zeros([1000, 512], (Kind::Float, Device::Cpu)));
    given.insert("extra.weight", Tensor::from(1f32));
    let told = target.load_state_dict(&given, Strictness::Strict).unwrap_err().to_string();
    for expected in [
        "do not fit resnet18, nothing was loaded",
        "missing: layer1.0.conv1 (weight)",
        "unexpected: extra (weight)",
        "does not fit: fc.weight: (1000, 512) float32 given, the model has (3, 512) float32",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    assert!(same(&target.state_dict(), &before));
    Ok(())
}

#[test]
fn a_partial_load_takes_what_fits_and_reports_the_rest() -> Outcome {
    let (mut target, source) = (model()?, model()?);
    let before = target.state_dict().deep_copy()?;
    let mut given = source.state_dict();
    given.remove("layer1.0.conv1.weight");
    given.insert("fc.weight", Tensor::zeros([1000, 512], (Kind::Float, Device::Cpu)));
    given.insert("fc.bias", Tensor::from_slice(&[1i64, 2, 3]));
    given.insert("extra.weight", Tensor::from(1f32));
    let report = target.load_state_dict(&given, Strictness::Partial)?;
    assert!(!report.all_matched());
    assert_eq!(report.missing, ["layer1.0.conv1.weight"]);
    assert_eq!(report.unexpected, ["extra.weight"]);
    let mismatched: Vec<&str> = report.mismatched.iter().map(|mismatch| mismatch.name.as_str()).collect();
    assert_eq!(mismatched, ["fc.weight", "fc.bias"]);
    assert_eq!(report.loaded.len(), before.len() - 3);
    for (name, tensor) in &target.state_dict() {
        let kept = ["layer1.0.conv1.weight", "fc.weight", "fc.bias"].contains(&name.as_str());
        let expected = if kept { &before } else { &source.state_dict() };
        assert!(expected.get(name).is_some_and(|expected| expected.equal(tensor)), "{name}");
    }
    Ok(())
}

#[test]
fn other_floating_types_are_converted_and_counters_may_lack() -> Outcome {
    let (mut target, source) = (model()?, model()?);
    let given: StateDict = source
        .state_dict()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
        .map(|(name, tensor)| (name, tensor.to_kind(Kind::Half)))
        .collect();
    let report = target.load_state_dict(&given, Strictness::Strict)?;
    assert_eq!(report.converted.len(), given.len());
    assert!(report.to_string().contains("conv1.weight: float16 to float32"), "{report}");
    let loaded = target.state_dict();
    assert!(loaded.iter().all(|(name, tensor)| name.ends_with("tracked") || tensor.kind() == Kind::Float));
    let halved = given.get("fc.weight").ok_or("no fc.weight")?.to_kind(Kind::Float);
    assert!(loaded.get("fc.weight").is_some_and(|tensor| tensor.equal(&halved)));
    Ok(())
}

#[test]
fn loading_keeps_the_tensors_that_an_optimizer_holds() -> Outcome {
    let (mut target, source) = (model()?, model()?);
    let held = target.trainable_parameters();
    target.load_state_dict(&source.state_dict(), Strictness::Strict)?;
    let bias = held.get("fc.bias").ok_or("no fc.bias")?;
    assert!(source.state_dict().get("fc.bias").is_some_and(|loaded| loaded.equal(bias)));
    assert!(bias.requires_grad());
    Ok(())
}

#[test]
fn the_first_folder_and_the_plainest_name_win() -> Outcome {
    let (first, second) = (Folder::new("find-1")?, Folder::new("find-2")?);
    let folders = [first.file("absent"), first.path().to_owned(), second.path().to_owned()];
    let found =
        || find_in("resnet18", &folders).and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    assert_eq!(found(), None);
    for (folder, name) in [
        (&second, "resnet18.safetensors"),
        (&first, "resnet18_partial.pt"),
        (&first, "resnet18_partial.safetensors"),
        (&first, "resnet18-0000abcd.pth"),
        (&first, "resnet18-f37072fd.pth"),
        (&first, "resnet18-f37072fd.safetensors"),
        (&first, "resnet18.pth"),
        (&first, "resnet18.safetensors"),
    ] {
        fs::write(first.file("resnet180.safetensors"), "")?;
        fs::write(folder.file(name), "")?;
        assert_eq!(found().as_deref(), Some(name));
    }
    Ok(())
}

const ROLE: &str = "HERBARIUM_TEST_ROLE";

/// Runs one test of this file in a separate process, where environment variables can be set.
fn in_child(test: &str, weights: &Path, cache: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, "child")
        .env("HERBARIUM_WEIGHTS", weights)
        .env("XDG_CACHE_HOME", cache)
        .env("HERBARIUM_OFFLINE", "1")
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn is_child() -> bool {
    std::env::var_os(ROLE).is_some()
}

#[test]
fn without_weights_it_says_where_it_looked() -> Outcome {
    if is_child() {
        initialize_model("resnet", 3, Pretrained::IfAvailable, Device::Cpu)?;
        let told = initialize_model("resnet18", 3, Pretrained::Required, Device::Cpu).unwrap_err();
        println!("required: {told}");
        return Ok(());
    }
    let folder = Folder::new("none")?;
    let told = in_child("without_weights_it_says_where_it_looked", &folder.file("w"), &folder.file("c"))?;
    let (one, two) = (folder.file("w"), folder.file("c/herbarium/weights"));
    let looked = format!("{} or {}", one.display(), two.display());
    assert!(
        told.contains(&format!(
            "resnet18: no weights found in {looked}; starting from weights pretrained on 300 painted species"
        )),
        "{told}"
    );
    assert!(
        told.contains(&format!(
            "required: no weights for resnet18 in {looked}: `weights::download(\"resnet18\")?` fetches them (46.8 MB)"
        )),
        "{told}"
    );
    Ok(())
}

#[test]
fn a_new_head_replaces_one_of_other_size_and_missing_layers_are_told() -> Outcome {
    if is_child() {
        let weights = std::env::var("HERBARIUM_WEIGHTS")?;
        let (given, _) = load_safetensors(Path::new(&weights).join("resnet18_part.safetensors"))?;
        for classes in [3, 5] {
            let model = initialize_model("resnet18", classes, Pretrained::Required, Device::Cpu)?;
            let own = model.state_dict();
            let equal = |name| matches!((own.get(name), given.get(name)), (Some(own), Some(given)) if own.equal(given));
            assert!(equal("conv1.weight") && equal("layer4.1.bn2.running_var"));
            assert_eq!(equal("fc.weight"), classes == 5);
            assert_eq!(model.num_classes(), classes);
        }
        return Ok(());
    }
    let folder = Folder::new("head")?;
    let mut given = resnet18(5, Device::Cpu)?.state_dict();
    given.remove("layer4.0.conv1.weight");
    given.remove("layer4.0.bn1.weight");
    save_safetensors(folder.file("resnet18_part.safetensors"), &given, &Metadata::new())?;
    let test = "a_new_head_replaces_one_of_other_size_and_missing_layers_are_told";
    let told = in_child(test, folder.path(), folder.path())?;
    let path = folder.file("resnet18_part.safetensors");
    for expected in [
        format!("resnet18: loaded 98 of 102 tensors from {}", path.display()),
        format!("resnet18: loaded 100 of 102 tensors from {}", path.display()),
        "new head for 3 classes, random: fc".into(),
        "missing there, so random: layer4.0.conv1, layer4.0.bn1 (weight)".into(),
    ] {
        assert!(told.contains(&expected), "{told}");
    }
    Ok(())
}

#[test]
fn weights_of_another_network_are_refused() -> Outcome {
    if is_child() {
        for name in ["resnet18", "resnet50"] {
            println!("{}", initialize_model(name, 3, Pretrained::IfAvailable, Device::Cpu).unwrap_err());
        }
        return Ok(());
    }
    let folder = Folder::new("other")?;
    let other = state(&[("features.0.weight", Tensor::from(1f32))]);
    save_safetensors(folder.file("resnet18.safetensors"), &other, &Metadata::new())?;
    save_safetensors(folder.file("resnet50.safetensors"), &model()?.state_dict(), &Metadata::new())?;
    let told = in_child("weights_of_another_network_are_refused", folder.path(), folder.path())?;
    assert!(told.contains("resnet18.safetensors: none of its 1 tensors is one of resnet18's"), "{told}");
    assert!(told.contains("resnet50.safetensors: these are not resnet50's weights"), "{told}");
    assert!(told.contains("layer1.0.conv1.weight: (64, 64, 3, 3) float32 given"), "{told}");
    Ok(())
}
