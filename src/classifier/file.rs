//! A classifier as one safetensors file.

use std::path::Path;

use serde_json::{Value, json};
use tch::Device;

use super::Classifier;
use crate::models::{Pretrained, Strictness, initialize_model};
use crate::transforms::Compose;
use crate::weights::{Format, Metadata, load_safetensors, save_safetensors};
use crate::{Error, Result};

/// The metadata key that marks a safetensors file as a classifier, with the layout as its value.
const LAYOUT_KEY: &str = "herbarium.classifier";
/// The number of this layout; another one would be read differently.
const LAYOUT: &str = "1";

/// Whether an Inception turns its input into another range, which its tensors do not tell.
const TRANSFORM_INPUT_KEY: &str = "transform_input";

pub(super) fn save(classifier: &Classifier, path: &Path) -> Result<()> {
    if Format::of(path) != Some(Format::Safetensors) {
        let instead = path.with_extension("safetensors");
        let reason = format!("a classifier is a .safetensors file: call it {}", instead.display());
        return Err(Error::Weights { path: path.to_owned(), reason });
    }
    let metadata = [
        // What PyTorch's safetensors library writes, for readers that look for it.
        ("format", "pt".into()),
        (LAYOUT_KEY, LAYOUT.into()),
        ("written_by", concat!("herbarium ", env!("CARGO_PKG_VERSION")).into()),
        ("model", classifier.model.name().to_owned()),
        ("class_names", json!(classifier.class_names).to_string()),
        ("category_names", json!(classifier.category_names).to_string()),
        ("transforms", classifier.transforms.to_json()?.to_string()),
    ];
    let mut metadata: Metadata = metadata.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
    if let Some(transform_input) = classifier.model.transform_input() {
        metadata.insert(TRANSFORM_INPUT_KEY.to_owned(), transform_input.to_string());
    }
    save_safetensors(path, &classifier.model.state_dict(), &metadata)
}

pub(super) fn load(path: &Path) -> Result<Classifier> {
    let (tensors, metadata) = load_safetensors(path)?;
    let refuse = |reason: String| Error::Weights { path: path.to_owned(), reason };
    let layout = metadata.get(LAYOUT_KEY).ok_or_else(|| {
        refuse(
            "it contains weights but is not a classifier: make one with `Classifier::new(…)?.save(PATH)?`"
                .into(),
        )
    })?;
    if layout != LAYOUT {
        let by = metadata.get("written_by").map_or("another version", String::as_str);
        let reason =
            format!("it has layout {layout}, this library reads layout {LAYOUT}: it was written by {by}");
        return Err(refuse(reason));
    }
    let text = |key: &str| metadata.get(key).ok_or_else(|| refuse(format!("damaged: it has no {key}")));
    let damaged = |key: &str| refuse(format!("damaged: its {key} cannot be read"));
    let texts =
        |key: &str| -> Result<Vec<String>> { serde_json::from_str(text(key)?).map_err(|_| damaged(key)) };
    let (class_names, category_names) = (texts("class_names")?, texts("category_names")?);
    let transforms: Value = serde_json::from_str(text("transforms")?).map_err(|_| damaged("transforms"))?;
    let told = |error: Error| refuse(error.to_string());
    let transforms = Compose::from_json(&transforms).map_err(told)?;
    let mut model =
        initialize_model(text("model")?, class_names.len(), Pretrained::No, Device::Cpu).map_err(told)?;
    model.load_state_dict(&tensors, Strictness::Strict).map_err(told)?;
    if metadata.get(TRANSFORM_INPUT_KEY).is_some_and(|set| set == "true") {
        model.set_transform_input(true).map_err(told)?;
    }
    Classifier::of(model, class_names, category_names, transforms).map_err(told)
}
