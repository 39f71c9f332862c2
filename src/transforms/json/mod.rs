//! Pipelines as JSON, for files that define a model's preprocessing.
//!
//! A step is an object: `{"transform": "Resize", "size": [64, 64], …}`, with torchvision's name of the
//! class and of its arguments. All arguments are written; reading requires exactly these, so that a
//! file from another version is rejected rather than misunderstood.

mod argument;

use serde_json::{Map, Value, json};

use super::options::Options;
use super::{Compose, Transform};
use crate::{Error, Result};

pub(super) use argument::Argument;

/// The key that holds a step's name.
const NAME: &str = "transform";

/// How deeply pipelines may nest: what `serde_json` allows in a text.
const DEEPEST: usize = 60;

/// The object of a step called `name` with `arguments`, an object.
pub(super) fn step(name: &str, arguments: impl Into<Value>) -> Value {
    let mut object = Map::new();
    object.insert(NAME.into(), name.into());
    if let Value::Object(arguments) = arguments.into() {
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

    pub(super) fn take<T: Argument>(&mut self, key: &str) -> Result<T> {
        let kind = T::kind();
        let value = self
            .rest
            .remove(key)
            .ok_or_else(|| self.error(format!("the saved pipeline has no \"{key}\": it must be {kind}")))?;
        T::from_json(&value).ok_or_else(|| {
            self.error(format!("\"{key}\" in the saved pipeline is {value}: it must be {kind}"))
        })
    }

    /// The steps of a list.
    pub(super) fn transforms(&mut self) -> Result<Vec<Transform>> {
        let Steps(list) = self.take("transforms")?;
        list.iter().map(|value| read(value, self.depth + 1)).collect()
    }

    /// The step with all its arguments.
    pub(super) fn step<T: Arguments + Options>(&mut self) -> Result<Transform> {
        T::take(self).map(Transform::with_options)
    }
}

/// The steps of a container, not read yet: they are checked by themselves.
struct Steps(Vec<Value>);

impl Argument for Steps {
    fn kind() -> String {
        "a list of steps".into()
    }

    fn from_json(value: &Value) -> Option<Self> {
        value.as_array().cloned().map(Steps)
    }

    fn to_json(&self) -> Value {
        self.0.clone().into()
    }
}

/// The arguments of a step, or some of them in a type by themselves. [`arguments`] implements it.
pub(super) trait Arguments: Sized {
    fn arguments(&self) -> Map<String, Value>;

    fn take(args: &mut Args) -> Result<Self>;
}

/// Says which fields of a type are arguments, in the order in which they are written. Their names are torchvision's.
/// `..options` stands for the arguments in that field, and `fault: None` for a field that is not an argument.
macro_rules! arguments {
    ($type:ident { $($argument:ident),+ $(, ..$options:ident)? } $($field:ident: $value:expr)?) => {
        impl $crate::transforms::json::Arguments for $type {
            fn arguments(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut object = serde_json::Map::new();
                $(object.insert(
                    stringify!($argument).into(),
                    $crate::transforms::json::Argument::to_json(&self.$argument),
                );)+
                $(object.extend(self.$options.arguments());)?
                object
            }

            fn take(args: &mut $crate::transforms::json::Args) -> $crate::Result<Self> {
                Ok($type {
                    $($argument: args.take(stringify!($argument))?,)+
                    $($options: $crate::transforms::json::Arguments::take(args)?,)?
                    $($field: $value,)?
                })
            }
        }
    };
}
pub(super) use arguments;

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
    let mut args = Args { name: &name, rest, depth };
    let Some(transform) = super::registry::construct(&name, &mut args)? else {
        return Err(fault(format!("the saved pipeline has a step that is not known here: \"{name}\"")));
    };
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
