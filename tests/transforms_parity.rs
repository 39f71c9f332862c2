//! The transforms against what torchvision computes on PIL images.
//!
//! A fixture set is a manifest of operations with their parameters, one input picture, and the expected
//! pixels; see [`fixtures`] for where it is looked for, and `parity/make_transforms.py` for how the further
//! sets beside this file are made. Nothing of a set's values is known here.

use std::path::{Path, PathBuf};

use herbarium::transforms::{
    Augmentation, Compose, Interpolation, PadOptions, PaddingMode, PerspectiveOptions, ResizeOptions,
    RotationOptions, Sample, Transform, functional as F, normalize, to_tensor,
};
use image::RgbImage;
use serde_json::Value;
use tch::{Kind, Tensor};

/// How far a byte may be off: not at all where Pillow's arithmetic is of integers or defined in every
/// step, 1 of 255 where the order of sums is not.
const EXACT: i64 = 0;
const CLOSE: i64 = 1;

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

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity")
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

/// The set's interpolation, or the operation's default.
fn interpolation(op: &Value, default: Interpolation) -> Interpolation {
    match op.get("interpolation").and_then(Value::as_str) {
        None => default,
        Some("nearest") => Interpolation::Nearest,
        Some("bilinear") => Interpolation::Bilinear,
        Some("bicubic") => Interpolation::Bicubic,
        Some(other) => panic!("the manifest names an interpolation that this test does not know: {other}"),
    }
}

/// A colour: a list of three, or one number.
fn fill(op: &Value) -> [u8; 3] {
    let byte = |value: &Value| u8::try_from(float(value) as i64).unwrap();
    match op.get("fill") {
        None | Some(Value::Null) => [0; 3],
        Some(Value::Array(values)) => [byte(&values[0]), byte(&values[1]), byte(&values[2])],
        Some(value) => [byte(value); 3],
    }
}

fn center(op: &Value) -> Option<[f64; 2]> {
    op.get("center").filter(|value| !value.is_null()).map(|value| [float(&value[0]), float(&value[1])])
}

fn flag(op: &Value, key: &str) -> bool {
    op.get(key).is_some_and(|value| value.as_bool().unwrap())
}

fn corners(value: &Value) -> [[i64; 2]; 4] {
    [0, 1, 2, 3].map(|corner| pair(&value[corner]))
}

fn padding_mode(op: &Value) -> PaddingMode {
    match op["padding_mode"].as_str().unwrap() {
        "constant" => PaddingMode::Constant,
        "edge" => PaddingMode::Edge,
        "reflect" => PaddingMode::Reflect,
        "symmetric" => PaddingMode::Symmetric,
        other => panic!("the manifest names a padding that this test does not know: {other}"),
    }
}

fn augmentation(name: &str) -> Augmentation {
    use Augmentation::*;
    let all = [
        Identity,
        ShearX,
        ShearY,
        TranslateX,
        TranslateY,
        Rotate,
        Brightness,
        Color,
        Contrast,
        Sharpness,
        Posterize,
        Solarize,
        AutoContrast,
        Equalize,
        Invert,
    ];
    *all.iter().find(|augmentation| format!("{augmentation:?}") == name).expect(name)
}

/// What an operation of the manifest gives: a picture and its tolerance, or a tensor.
enum Outcome {
    Picture(RgbImage, i64),
    Tensor(Tensor),
}

fn run(op: &Value, input: &RgbImage, expected: &Tensor) -> Outcome {
    use Interpolation::{Bilinear, Nearest};
    let resize_first = match op.get("after_resize") {
        Some(size) => Some(pair(size)),
        // A rotation without `expand` keeps the size, so the expected pixels tell the size of what was
        // rotated where the manifest does not.
        None if op["op"] == "rotate" => Some([expected.size()[1], expected.size()[2]]),
        None => None,
    };
    let mut resized = resize_first.map(|size| F::resize(input, size, Default::default()).unwrap());
    if flag(op, "grey") {
        resized = Some(F::to_grayscale(resized.as_ref().unwrap_or(input)));
    }
    let input = resized.as_ref().unwrap_or(input);
    let factor = || float(&op["factor"]);
    let size = || pair(&op["size"]);
    let part = || ["top", "left", "height", "width"].map(|key| int(&op[key]));
    let picture = match op["op"].as_str().unwrap() {
        "resize" => {
            let interpolation = interpolation(op, Bilinear);
            F::resize(input, size(), ResizeOptions { interpolation, ..Default::default() })
        }
        "resize_short_side" => {
            let max_size = op.get("max_size").and_then(Value::as_i64);
            let options = ResizeOptions { interpolation: interpolation(op, Bilinear), max_size };
            F::resize(input, int(&op["size"]), options)
        }
        "rotate" => {
            let options = RotationOptions {
                interpolation: interpolation(op, Nearest),
                expand: flag(op, "expand"),
                center: center(op),
                fill: fill(op),
            };
            F::rotate(input, float(&op["degrees"]), options)
        }
        "center_crop" => F::center_crop(input, size()),
        "crop" => {
            let [top, left, height, width] = part();
            F::crop(input, top, left, height, width)
        }
        "resized_crop" => F::resized_crop(input, part(), size(), interpolation(op, Bilinear)),
        "five_crop" => F::five_crop(input, size()).map(|mut crops| crops.remove(int(&op["index"]) as usize)),
        "ten_crop" => F::ten_crop(input, size(), flag(op, "vertical_flip"))
            .map(|mut crops| crops.remove(int(&op["index"]) as usize)),
        "pad" => {
            let padding = [0, 1, 2, 3].map(|side| int(&op["padding"][side]));
            F::pad(input, padding, PadOptions { fill: fill(op), padding_mode: padding_mode(op) })
        }
        "hflip" => Ok(F::hflip(input)),
        "vflip" => Ok(F::vflip(input)),
        "grayscale3" => Ok(F::to_grayscale(input)),
        "invert" => Ok(F::invert(input)),
        "posterize" => F::posterize(input, int(&op["bits"])),
        "solarize" => Ok(F::solarize(input, float(&op["threshold"]))),
        "autocontrast" => Ok(F::autocontrast(input)),
        "equalize" => Ok(F::equalize(input)),
        "brightness" => F::adjust_brightness(input, factor()),
        "contrast" => F::adjust_contrast(input, factor()),
        "saturation" => F::adjust_saturation(input, factor()),
        "hue" => F::adjust_hue(input, factor()),
        "sharpness" => F::adjust_sharpness(input, factor()),
        "affine" => F::affine(
            input,
            F::Affine {
                angle: float(&op["degrees"]),
                translate: pair(&op["translate"]),
                scale: float(&op["scale"]),
                shear: [float(&op["shear"][0]), float(&op["shear"][1])],
                interpolation: interpolation(op, Nearest),
                fill: fill(op),
                center: center(op),
            },
        ),
        "perspective" => {
            let options = PerspectiveOptions { interpolation: interpolation(op, Bilinear), fill: fill(op) };
            F::perspective(input, corners(&op["start"]), corners(&op["end"]), options)
        }
        "gaussian_blur" => {
            let sigma = [float(&op["sigma"][0]), float(&op["sigma"][1])];
            return Outcome::Picture(
                F::gaussian_blur(input, pair(&op["kernel_size"]), sigma).unwrap(),
                CLOSE,
            );
        }
        "augment" => {
            let augmentation = augmentation(op["augmentation"].as_str().unwrap());
            F::augment(input, augmentation, float(&op["magnitude"]), interpolation(op, Nearest), fill(op))
        }
        "to_tensor_normalize" => {
            let (mean, std) = (three(&op["mean"]), three(&op["std"]));
            return Outcome::Tensor(F::normalize(&F::to_tensor(input).unwrap(), mean, std).unwrap());
        }
        other => panic!("the manifest names an operation that this test does not know: {other}"),
    };
    Outcome::Picture(picture.unwrap(), EXACT)
}

/// (H, W, 3) bytes as the fixtures hold them, (3, H, W).
fn planes(picture: &RgbImage) -> Tensor {
    let size = [i64::from(picture.height()), i64::from(picture.width()), 3];
    Tensor::f_from_data_size(picture.as_raw(), &size, Kind::Uint8).unwrap().permute([2, 0, 1])
}

#[test]
fn operations_equal_torchvision() {
    check_operations(&fixtures());
}

/// The further operations, whose fixtures are always beside this file.
#[test]
fn further_operations_equal_torchvision() {
    check_operations(&committed().join("transforms_more"));
}

fn check_operations(folder: &Path) {
    let set = load(folder);
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
        let resize: Transform = herbarium::transforms::resize([height, width]);
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
