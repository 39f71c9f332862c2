//! The transforms against what torchvision computes on PIL images.
//!
//! A fixture set is a manifest of operations with their parameters, one input picture, and the expected
//! pixels; see [`fixtures`] for where it is looked for. Nothing of a set's values is known here.

use std::path::{Path, PathBuf};

use herbarium::transforms::{Compose, Sample, Transform, functional as F, normalize, to_tensor};
use image::RgbImage;
use serde_json::Value;
use tch::{Kind, Tensor};

/// How far a byte may be off: geometry and grey to 1 of 255, colour to 2.
const GEOMETRY: i64 = 1;
const COLOUR: i64 = 2;

/// HERBARIUM_PARITY, else ../shared/parity, else the copy beside this file.
fn fixtures() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = match std::env::var_os("HERBARIUM_PARITY") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => {
            let shared = root.join("../shared/parity");
            if shared.exists() { shared } else { root.join("tests/parity") }
        }
    };
    folder.join("transforms")
}

struct Set {
    manifest: Value,
    input: RgbImage,
    expected: Vec<(String, Tensor)>,
}

fn load(folder: &Path) -> Set {
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let input = manifest["input"].as_str().unwrap();
    let input = image::open(folder.join(input)).unwrap().into_rgb8();
    let expected = Tensor::read_safetensors(folder.join("expected.safetensors")).unwrap();
    Set { manifest, input, expected }
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not a whole number"))
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn pair(value: &Value) -> [i64; 2] {
    [int(&value[0]), int(&value[1])]
}

fn three(value: &Value) -> [f64; 3] {
    [float(&value[0]), float(&value[1]), float(&value[2])]
}

/// What an operation of the manifest gives: a picture and its tolerance, or a tensor.
enum Outcome {
    Picture(RgbImage, i64),
    Tensor(Tensor),
}

fn run(op: &Value, input: &RgbImage, expected: &Tensor) -> Outcome {
    use Outcome::Picture;
    let resize_first = match op.get("after_resize") {
        Some(size) => Some(pair(size)),
        // A rotation without `expand` keeps the size, so the expected pixels tell the size of what was
        // rotated where the manifest does not.
        None if op["op"] == "rotate" => Some([expected.size()[1], expected.size()[2]]),
        None => None,
    };
    let resized = resize_first.map(|[height, width]| F::resize(input, height, width).unwrap());
    let input = resized.as_ref().unwrap_or(input);
    let factor = || float(&op["factor"]);
    match op["op"].as_str().unwrap() {
        "resize" => {
            assert_eq!(op["interpolation"], "bilinear");
            let [height, width] = pair(&op["size"]);
            Picture(F::resize(input, height, width).unwrap(), GEOMETRY)
        }
        "resize_short_side" => Picture(F::resize_short(input, int(&op["size"])).unwrap(), GEOMETRY),
        "rotate" => {
            assert_eq!((&op["interpolation"], &op["expand"]), (&Value::from("nearest"), &Value::from(false)));
            assert_eq!(float(&op["fill"]), 0.0);
            Picture(F::rotate(input, float(&op["degrees"])).unwrap(), GEOMETRY)
        }
        "center_crop" => {
            let [height, width] = pair(&op["size"]);
            Picture(F::center_crop(input, height, width).unwrap(), GEOMETRY)
        }
        "crop" => {
            let [top, left, height, width] = ["top", "left", "height", "width"].map(|key| int(&op[key]));
            Picture(F::crop(input, top, left, height, width).unwrap(), GEOMETRY)
        }
        "resized_crop" => {
            let [top, left, height, width] = ["top", "left", "height", "width"].map(|key| int(&op[key]));
            Picture(F::resized_crop(input, top, left, height, width, pair(&op["size"])).unwrap(), GEOMETRY)
        }
        "hflip" => Picture(F::hflip(input), GEOMETRY),
        "vflip" => Picture(F::vflip(input), GEOMETRY),
        "grayscale3" => Picture(F::to_grayscale(input), GEOMETRY),
        "brightness" => Picture(F::adjust_brightness(input, factor()).unwrap(), COLOUR),
        "contrast" => Picture(F::adjust_contrast(input, factor()).unwrap(), COLOUR),
        "saturation" => Picture(F::adjust_saturation(input, factor()).unwrap(), COLOUR),
        "hue" => Picture(F::adjust_hue(input, factor()).unwrap(), COLOUR),
        "affine" => {
            let shear = [float(&op["shear"][0]), float(&op["shear"][1])];
            let angle = float(&op["degrees"]);
            Picture(
                F::affine(input, angle, pair(&op["translate"]), float(&op["scale"]), shear).unwrap(),
                GEOMETRY,
            )
        }
        "to_tensor_normalize" => {
            let (mean, std) = (three(&op["mean"]), three(&op["std"]));
            Outcome::Tensor(F::normalize(&F::to_tensor(input).unwrap(), mean, std).unwrap())
        }
        other => panic!("the manifest names an operation that this test does not know: {other}"),
    }
}

/// (H, W, 3) bytes as the fixtures hold them, (3, H, W).
fn planes(picture: &RgbImage) -> Tensor {
    let size = [i64::from(picture.height()), i64::from(picture.width()), 3];
    Tensor::f_from_data_size(picture.as_raw(), &size, Kind::Uint8).unwrap().permute([2, 0, 1])
}

#[test]
fn operations_equal_torchvision() {
    let folder = fixtures();
    let set = load(&folder);
    let ops = set.manifest["ops"].as_array().unwrap();
    assert!(!ops.is_empty());
    let mut failures = Vec::new();
    for op in ops {
        let name = op["name"].as_str().unwrap();
        let (_, expected) = set.expected.iter().find(|(key, _)| key == name).expect(name);
        let (worst, differing, allowed) = match run(op, &set.input, expected) {
            Outcome::Picture(picture, allowed) => {
                let (ours, theirs) = (planes(&picture).to_kind(Kind::Int), expected.to_kind(Kind::Int));
                assert_eq!(ours.size(), theirs.size(), "{name}");
                let difference = (ours - theirs).abs();
                (difference.max().double_value(&[]), difference.not_equal(0), allowed as f64)
            }
            Outcome::Tensor(ours) => {
                assert_eq!(ours.size(), expected.size(), "{name}");
                let difference = (ours - expected).abs();
                (difference.max().double_value(&[]), difference.not_equal(0), 1e-6)
            }
        };
        let differing = differing.sum(Kind::Int64).int64_value(&[]);
        println!("{name}: off by {worst} at most, {differing} values differ");
        if worst > allowed {
            failures.push(format!("{name}: off by {worst}, allowed {allowed}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} ({}):\n{}",
        "not torchvision's pixels",
        folder.display(),
        failures.join("\n")
    );
}

/// The one-pass end of a pipeline gives exactly what the fixtures hold, bit by bit.
#[test]
fn pipelines_equal_torchvision() {
    let set = load(&fixtures());
    for op in set.manifest["ops"].as_array().unwrap().iter().filter(|op| op["op"] == "to_tensor_normalize") {
        let [height, width] = pair(&op["after_resize"]);
        let resize: Transform = herbarium::transforms::resize(height, width);
        let pipeline =
            Compose::new(vec![resize, to_tensor(), normalize(three(&op["mean"]), three(&op["std"]))]);
        let Sample::Tensor(ours) =
            pipeline.apply(Sample::Picture(set.input.clone()), &mut fastrand::Rng::with_seed(0)).unwrap()
        else {
            panic!("to_tensor() makes a tensor")
        };
        let name = op["name"].as_str().unwrap();
        let (_, expected) = set.expected.iter().find(|(key, _)| key == name).expect(name);
        assert!(ours.equal(expected), "{name}");
    }
}
