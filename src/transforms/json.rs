//! Pipelines as JSON, for files that define a model's preprocessing.
//!
//! A step is an object: `{"transform": "Resize", "size": [64, 64], …}`, with torchvision's name of the
//! class and of its arguments. All arguments are written; reading requires exactly these, so that a
//! file from another version is rejected rather than misunderstood.

use serde_json::{Map, Value, json};

use super::{Compose, Erased, Interpolation, PaddingMode, Transform};
use crate::{Error, Result};

/// The key that holds a step's name.
const NAME: &str = "transform";

/// How deeply pipelines may nest: what `serde_json` allows in a text.
const DEEPEST: usize = 60;

/// The object of a step called `name` with `arguments`, an object.
pub(super) fn step(name: &str, arguments: Value) -> Value {
    let mut object = Map::new();
    object.insert(NAME.into(), name.into());
    if let Value::Object(arguments) = arguments {
        object.extend(arguments);
    }
    Value::Object(object)
}

/// The steps of a list, or the first that cannot be written.
pub(super) fn steps(transforms: &[Transform]) -> Option<Value> {
    transforms.iter().map(|transform| transform.to_json().ok()).collect()
}

/// The arguments of one step, taken one by one.
pub(super) struct Args<'a> {
    name: &'a str,
    rest: Map<String, Value>,
    depth: usize,
}

impl Args<'_> {
    fn error(&self, problem: String) -> Error {
        Error::Transform { transform: self.name.into(), problem }
    }

    fn take<T>(&mut self, key: &str, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T> {
        let value = self
            .rest
            .remove(key)
            .ok_or_else(|| self.error(format!("the saved pipeline has no \"{key}\": it must be {what}")))?;
        read(&value).ok_or_else(|| {
            self.error(format!("\"{key}\" in the saved pipeline is {value}: it must be {what}"))
        })
    }

    pub(super) fn float(&mut self, key: &str) -> Result<f64> {
        self.take(key, "a number", Value::as_f64)
    }

    pub(super) fn int(&mut self, key: &str) -> Result<i64> {
        self.take(key, "a whole number", Value::as_i64)
    }

    pub(super) fn bool(&mut self, key: &str) -> Result<bool> {
        self.take(key, "true or false", Value::as_bool)
    }

    /// The step's name.
    pub(super) fn name(&self) -> &str {
        self.name
    }

    pub(super) fn floats<const N: usize>(&mut self, key: &str) -> Result<[f64; N]> {
        self.take(key, &format!("a list of {N} numbers"), |value| array(value, Value::as_f64))
    }

    pub(super) fn ints<const N: usize>(&mut self, key: &str) -> Result<[i64; N]> {
        self.take(key, &format!("a list of {N} whole numbers"), |value| array(value, Value::as_i64))
    }

    pub(super) fn maybe_int(&mut self, key: &str) -> Result<Option<i64>> {
        self.take(key, "a whole number or null", |value| maybe(value, Value::as_i64))
    }

    pub(super) fn maybe_ints<const N: usize>(&mut self, key: &str) -> Result<Option<[i64; N]>> {
        self.take(key, &format!("a list of {N} whole numbers or null"), |value| {
            maybe(value, |value| array(value, Value::as_i64))
        })
    }

    pub(super) fn maybe_floats<const N: usize>(&mut self, key: &str) -> Result<Option<[f64; N]>> {
        self.take(key, &format!("a list of {N} numbers or null"), |value| {
            maybe(value, |value| array(value, Value::as_f64))
        })
    }

    /// A list of any length, or nothing.
    pub(super) fn maybe_list(&mut self, key: &str) -> Result<Option<Vec<f64>>> {
        self.take(key, "a list of numbers or null", |value| {
            maybe(value, |value| value.as_array()?.iter().map(Value::as_f64).collect())
        })
    }

    /// Red, green and blue, 0..=255.
    pub(super) fn colour(&mut self, key: &str) -> Result<[u8; 3]> {
        self.take(key, "three numbers from 0 to 255", |value| {
            array(value, |value| u8::try_from(value.as_u64()?).ok())
        })
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, key: &str) -> Result<usize> {
        self.take(key, "a whole number, 0 or more", |value| usize::try_from(value.as_u64()?).ok())
    }

    /// Red, green and blue, 0..=255, or nothing.
    pub(super) fn maybe_colour(&mut self, key: &str) -> Result<Option<[u8; 3]>> {
        self.take(key, "three numbers from 0 to 255 or null", |value| {
            maybe(value, |value| array(value, |value| u8::try_from(value.as_u64()?).ok()))
        })
    }

    /// The replacement for the erased part.
    pub(super) fn erased(&mut self, key: &str) -> Result<Erased> {
        self.take(key, "a number, three numbers or \"random\"", |value| match value.as_str() {
            Some("random") => Some(Erased::Random),
            Some(_) => None,
            None => {
                value.as_f64().map(Erased::Value).or_else(|| array(value, Value::as_f64).map(Erased::Colour))
            }
        })
    }

    /// [height, width], or else the length of one side.
    pub(super) fn size_or_side(&mut self, key: &str) -> Result<std::result::Result<[i64; 2], i64>> {
        self.take(key, "[height, width] or one whole number", |value| match value.as_i64() {
            Some(side) => Some(Err(side)),
            None => array(value, Value::as_i64).map(Ok),
        })
    }

    pub(super) fn interpolation(&mut self) -> Result<Interpolation> {
        self.take("interpolation", "\"nearest\", \"bilinear\" or \"bicubic\"", |value| {
            Interpolation::named(value.as_str()?)
        })
    }

    pub(super) fn padding_mode(&mut self) -> Result<PaddingMode> {
        self.take("padding_mode", "\"constant\", \"edge\", \"reflect\" or \"symmetric\"", |value| {
            PaddingMode::named(value.as_str()?)
        })
    }

    /// The steps of a list.
    pub(super) fn transforms(&mut self) -> Result<Vec<Transform>> {
        let list = self.take("transforms", "a list of steps", |value| value.as_array().cloned())?;
        list.iter().map(|value| read(value, self.depth + 1)).collect()
    }
}

fn maybe<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

fn array<T, const N: usize>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<[T; N]> {
    let values: Option<Vec<T>> = value.as_array()?.iter().map(read).collect();
    values?.try_into().ok()
}

/// The step that a JSON value describes.
fn read(value: &Value, depth: usize) -> Result<Transform> {
    let fault = |problem: String| Error::Transform { transform: "Compose".into(), problem };
    if depth > DEEPEST {
        return Err(fault(format!("the saved pipeline is more than {DEEPEST} steps deep")));
    }
    let Some(object) = value.as_object() else {
        return Err(fault(format!("a step of the saved pipeline is {value}: it must be an object")));
    };
    let mut rest = object.clone();
    let Some(Value::String(name)) = rest.remove(NAME) else {
        return Err(fault(format!("a step of the saved pipeline has no \"{NAME}\" that names it")));
    };
    let Some(make) = super::registry::constructor(&name) else {
        return Err(fault(format!("the saved pipeline has a step that is not known here: \"{name}\"")));
    };
    let mut args = Args { name: &name, rest, depth };
    let transform = make(&mut args)?;
    if let Some(key) = args.rest.keys().next() {
        return Err(
            args.error(format!("the saved pipeline has an argument that is not known here: \"{key}\""))
        );
    }
    Ok(transform)
}

impl Transform {
    /// The step as JSON: `{"transform": "CenterCrop", "size": [64, 64]}`.
    ///
    /// # Errors
    /// When the step, or one within it, has a custom type without JSON support.
    pub fn to_json(&self) -> Result<Value> {
        self.op().to_json().ok_or_else(|| Error::Transform {
            transform: self.name(),
            problem: "cannot be saved: only this crate's own transforms can".into(),
        })
    }

    /// The step that [`Transform::to_json`] wrote.
    ///
    /// # Errors
    /// Names what is missing, unknown or of the wrong kind, and arguments that cannot work.
    pub fn from_json(value: &Value) -> Result<Transform> {
        let transform = read(value, 0)?;
        transform.check()?;
        Ok(transform)
    }
}

impl Compose {
    /// The pipeline as JSON, `{"transform": "Compose", "transforms": […]}`, all arguments written out.
    ///
    /// # Errors
    /// When a step has a custom type, which the message names.
    pub fn to_json(&self) -> Result<Value> {
        let steps: Vec<Value> = self.transforms().iter().map(Transform::to_json).collect::<Result<_>>()?;
        Ok(step("Compose", json!({ "transforms": steps })))
    }

    /// The pipeline that [`Compose::to_json`] wrote: it prints, and with the same seed does, the same.
    ///
    /// # Errors
    /// Names the step and what is missing, unknown, of the wrong kind, or cannot work.
    pub fn from_json(value: &Value) -> Result<Compose> {
        match Transform::from_json(value)?.downcast_ref::<Compose>() {
            Some(compose) => Ok(compose.clone()),
            None => Err(Error::Transform {
                transform: "Compose".into(),
                problem: "the saved pipeline must begin with \"transform\": \"Compose\"".into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    /// One of everything, with arguments that are not the defaults.
    fn everything() -> Compose {
        Compose::new(vec![
            resize([40, 50]),
            resize(33).interpolation(Interpolation::Bicubic).max_size(60),
            resize([40, 50]).interpolation(Interpolation::Nearest),
            pad([1, 2, 3, 4]).fill([9, 8, 7]).padding_mode(PaddingMode::Reflect),
            random_crop([30, 31]).pad_if_needed(true).padding(1),
            random_rotation([-10.0, 20.0]).expand(true).center([3.0, 4.5]),
            random_rotation(45.0),
            random_affine(5.0).translate([0.1, 0.2]).scale([0.9, 1.1]).shear(3.0),
            random_affine([0.0, 5.0]).shear([-1.0, 1.0, -2.0, 2.0]).fill([1, 2, 3]),
            random_perspective(0.4, 0.9),
            random_resized_crop([24, 26]).scale([0.5, 0.9]).interpolation(Interpolation::Bicubic),
            random_apply(vec![random_order(vec![random_invert(0.5), random_solarize(99.5, 0.5)])], 0.7),
            random_choice(vec![random_posterize(3, 1.0), random_autocontrast(1.0), random_equalize(1.0)]),
            random_choice(vec![grayscale(), random_grayscale(0.1)]).p([1.0, 3.0]),
            gaussian_blur([3, 5]).sigma([0.5, 1.5]),
            random_adjust_sharpness(1.7, 0.6),
            rand_augment().fill([1, 2, 3]),
            trivial_augment_wide(),
            auto_augment(),
            random_horizontal_flip(0.5),
            random_vertical_flip(0.25),
            color_jitter(0.2, 0.1, 0.1, 0.1),
            color_jitter(0, 0, 0, [-0.1, 0.2]),
            center_crop([20, 21]),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
            random_erasing(0.5).value(Erased::Random),
            random_erasing(0.5).value([1.0, 2.0, 3.0]),
            random_erasing(0.5),
        ])
    }

    /// Written, turned to text and read again, a pipeline prints the same and draws the same.
    #[test]
    fn there_and_back() {
        let picture = image::RgbImage::from_fn(61, 47, |x, y| image::Rgb([x as u8 * 4, y as u8 * 5, 99]));
        let before = everything();
        let text = before.to_json().unwrap().to_string();
        let after = Compose::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(after.to_string(), before.to_string());
        assert_eq!(after.to_json().unwrap().to_string(), text);
        for seed in 0..20 {
            let results = [&before, &after].map(|pipeline| {
                let mut values = Vec::new();
                let mut rng = fastrand::Rng::with_seed(seed);
                let shape = pipeline.apply_into(picture.clone(), &mut rng, &mut values).unwrap();
                (shape, values)
            });
            assert_eq!(results[0].0, [3, 20, 21]);
            assert!(results[0] == results[1], "seed {seed}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, told) in [
            (r#"[]"#, "must be an object"),
            (r#"{"transform": "ToTensor"}"#, "must begin with"),
            (r#"{"transform": "Compose"}"#, "no \"transforms\""),
            (r#"{"transform": "Compose", "transforms": [{"transform": "Nonsense"}]}"#, "\"Nonsense\""),
            (
                r#"{"transform": "Compose", "transforms": [{"transform": "RandomInvert", "p": "x"}]}"#,
                "\"p\" in",
            ),
            (r#"{"transform": "Compose", "transforms": [{"transform": "RandomInvert", "p": 2}]}"#, "p is 2"),
            (r#"{"transform": "Compose", "transforms": [{"transform": "ToTensor", "q": 2}]}"#, "\"q\""),
            (
                r#"{"transform": "Compose", "transforms": [{"transform": "CenterCrop", "size": [1]}]}"#,
                "list of 2",
            ),
        ] {
            let error = Compose::from_json(&serde_json::from_str(text).unwrap()).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let mut deep = json!({ "transform": "ToTensor" });
        for _ in 0..100 {
            deep = json!({ "transform": "Compose", "transforms": [deep] });
        }
        assert!(Compose::from_json(&deep).unwrap_err().to_string().contains("deep"));
    }

    /// A custom step cannot be saved, and is named in the error.
    #[test]
    fn a_step_of_ones_own() {
        struct Mine;
        impl std::fmt::Display for Mine {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("Mine()")
            }
        }
        impl TransformOp for Mine {
            fn apply(&self, sample: Sample, _: &mut fastrand::Rng) -> Result<Sample> {
                Ok(sample)
            }
        }
        let pipeline = Compose::new(vec![random_apply(vec![Transform::new(Mine)], 0.5)]);
        assert!(pipeline.to_json().unwrap_err().to_string().starts_with("RandomApply"));
    }
}
