//! Pixels that Pillow made, from files of every format and by every operation here that Pillow has.
//!
//! The fixtures are those of the workspace (`tests/parity`, made by `make_transforms.py` there): a manifest of
//! operations with their arguments, and the expected bytes.

use std::path::{Path, PathBuf};

use image::RgbImage;
use pillow_pixels::{
    DecodeOptions, Decoder, Resampling, RotateOptions, crop, decode, enhance, hsv, ops, resize, rotate,
};
use safetensors::SafeTensors;
use serde_json::Value;

fn fixtures(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity").join(set)
}

fn manifest(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("manifest.json")).expect("the manifest is there");
    serde_json::from_str(&text).expect("the manifest is JSON")
}

fn expected(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("expected.safetensors")).expect("the expected pixels are there")
}

/// The largest difference of a byte from the expected ones, (3, H, W); nothing where the sizes differ.
fn difference(picture: &RgbImage, expected: &SafeTensors, name: &str) -> Option<u8> {
    let tensor = expected.tensor(name).expect(name);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if tensor.shape() != [3, height, width] {
        return None;
    }
    let channels = (0..3).flat_map(|channel| picture.as_raw().iter().skip(channel).step_by(3));
    channels.zip(tensor.data()).map(|(ours, theirs)| ours.abs_diff(*theirs)).max()
}

fn numbers<const N: usize>(value: &Value) -> [i64; N] {
    std::array::from_fn(|at| value[at].as_i64().expect("a whole number"))
}

fn flag(entry: &Value, key: &str) -> bool {
    entry.get(key).is_some_and(|value| value.as_bool().expect("true or false"))
}

/// Files of every format, whole and at reduced scale, upright and as stored.
#[test]
fn pictures_equal_pillow() {
    let folder = fixtures("pictures");
    let (manifest, bytes) = (manifest(&folder), expected(&folder));
    let expected = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut failures = Vec::new();
    for entry in manifest["pictures"].as_array().expect("a list") {
        let (name, file) = (entry["name"].as_str().unwrap(), entry["file"].as_str().unwrap());
        let at_least = entry.get("at_least").map(|size| {
            let [height, width] = numbers::<2>(size);
            (width as u32, height as u32)
        });
        let options = DecodeOptions { exif_orientation: flag(entry, "exif_orientation"), at_least };
        let decoded = Decoder::open(folder.join(file)).and_then(|decoder| decoder.decode(options));
        // libwebp has two variants of its lossy colour arithmetic and does not specify which one is
        // used.
        let allowed = if file.starts_with("webp_lossy") { 1 } else { 0 };
        match decoded.map(|decoded| difference(&decoded.picture, &expected, name)) {
            Ok(Some(worst)) if worst <= allowed => {}
            other => failures.push(format!("{name}: {other:?}, allowed {allowed}")),
        }
    }
    assert!(failures.is_empty(), "not Pillow's pixels:\n{}", failures.join("\n"));
}

/// The sampling factors of a grey JPEG are ignored, as in Pillow.
#[test]
fn a_grey_jpegs_sampling_means_nothing() {
    for name in ["jpeg_grey.jpg", "jpeg_grey_progressive.jpg"] {
        let mut file = std::fs::read(fixtures("pictures").join(name)).unwrap();
        let usual = decode(&file).unwrap().picture;
        let frame = file.windows(2).position(|two| matches!(two, [0xFF, 0xC0 | 0xC2])).unwrap();
        for sampling in [0x12, 0x21, 0x22, 0x31, 0x44] {
            file[frame + 11] = sampling;
            assert!(decode(&file).unwrap().picture == usual, "{name}, sampling {sampling:x}");
        }
    }
}

fn resampling(op: &Value, default: Resampling) -> Resampling {
    match op.get("interpolation").and_then(Value::as_str) {
        None => default,
        Some("nearest") => Resampling::Nearest,
        Some("bilinear") => Resampling::Bilinear,
        Some("bicubic") => Resampling::Bicubic,
        Some(other) => panic!("the manifest names a resampling that this test does not know: {other}"),
    }
}

fn rotate_options(op: &Value) -> RotateOptions {
    let float = |value: &Value| value.as_f64().expect("a number");
    let center = op.get("center").filter(|value| !value.is_null());
    let fill = match op.get("fill") {
        None | Some(Value::Null) => [0; 3],
        Some(Value::Array(values)) => std::array::from_fn(|at| float(&values[at]) as u8),
        Some(value) => [float(value) as u8; 3],
    };
    RotateOptions {
        resampling: resampling(op, Resampling::Nearest),
        expand: flag(op, "expand"),
        center: center.map(|value| [float(&value[0]), float(&value[1])]),
        fill,
    }
}

/// An operation of the manifest, where it is one of Pillow's own.
fn run(op: &Value, input: &RgbImage, expected: &SafeTensors) -> Option<RgbImage> {
    let mut picture = input.clone();
    let kind = op["op"].as_str().expect("a name");
    let after_resize = match op.get("after_resize") {
        Some(size) => Some(numbers::<2>(size)),
        // The manifest does not give the rotated picture's size, but a rotation keeps it.
        None if kind == "rotate" => {
            let shape = expected.tensor(op["name"].as_str()?).ok()?.shape().to_vec();
            Some([shape[1] as i64, shape[2] as i64])
        }
        None => None,
    };
    if let Some([height, width]) = after_resize {
        picture = resize(&picture, (width as u32, height as u32), Resampling::Bilinear).unwrap();
    }
    if flag(op, "grey") {
        ops::grayscale(&mut picture);
    }
    let factor = || op["factor"].as_f64().expect("a number");
    let in_place = |change: &dyn Fn(&mut RgbImage)| {
        let mut out = picture.clone();
        change(&mut out);
        out
    };
    Some(match kind {
        "resize" => {
            let [height, width] = numbers::<2>(&op["size"]);
            resize(&picture, (width as u32, height as u32), resampling(op, Resampling::Bilinear)).unwrap()
        }
        "rotate" => rotate(&picture, op["degrees"].as_f64()?, rotate_options(op)).unwrap(),
        "crop" => {
            let [top, left, height, width] =
                ["top", "left", "height", "width"].map(|key| op[key].as_i64().expect("a whole number"));
            crop(&picture, (left, top), (width as u32, height as u32)).unwrap()
        }
        "hflip" => in_place(&ops::mirror),
        "vflip" => in_place(&ops::flip),
        "grayscale3" => in_place(&ops::grayscale),
        "invert" => in_place(&ops::invert),
        "posterize" => in_place(&|picture| ops::posterize(picture, op["bits"].as_u64().unwrap() as u32)),
        "solarize" => in_place(&|picture| ops::solarize(picture, op["threshold"].as_f64().unwrap())),
        "autocontrast" => in_place(&ops::autocontrast),
        "equalize" => in_place(&ops::equalize),
        "brightness" => in_place(&|picture| enhance::brightness(picture, factor() as f32)),
        "contrast" => in_place(&|picture| enhance::contrast(picture, factor() as f32)),
        "saturation" => in_place(&|picture| enhance::color(picture, factor() as f32)),
        "hue" => in_place(&|picture| hsv::shift_hue(picture, (factor() * 255.0) as i32 as u8)),
        "sharpness" => enhance::sharpness(&picture, factor() as f32),
        // Operations of torchvision's, made of these.
        _ => return None,
    })
}

#[test]
fn operations_equal_pillow() {
    let mut compared = Vec::new();
    for set in ["transforms", "transforms_more"] {
        let folder = fixtures(set);
        let (manifest, bytes) = (manifest(&folder), expected(&folder));
        let expected = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let input = folder.join(manifest["input"].as_str().expect("a file"));
        let input = pillow_pixels::open(input).unwrap().picture;
        for op in manifest["ops"].as_array().expect("a list") {
            let Some(picture) = run(op, &input, &expected) else { continue };
            let name = op["name"].as_str().unwrap();
            assert_eq!(difference(&picture, &expected, name), Some(0), "{name}: off by so much");
            compared.push(op["op"].as_str().unwrap().to_string());
        }
    }
    compared.sort();
    compared.dedup();
    assert_eq!(compared.len(), 16, "{compared:?}");
}

/// Found by damaging files: the palette's length is not a multiple of 3, and there the decoder panicked.
#[test]
fn a_palette_that_ends_within_a_colour_is_damage() {
    let told = decode(include_bytes!("odd_palette.png")).expect_err("not a whole palette").to_string();
    assert!(told.starts_with("the picture is damaged or truncated"), "{told}");
}
