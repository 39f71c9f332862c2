//! A history as a file: JSON with all of it, CSV with a row per epoch.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::History;
use crate::files::write_atomically;
use crate::{Error, Result};

/// The description of a training, enough to identify it.
#[derive(Clone, Default, PartialEq)]
pub struct RunInfo {
    /// The network's name and its number of classes: `resnet18 for 12 classes`.
    pub model: String,
    /// The optimizer as it began, as PyTorch prints it.
    pub optimizer: String,
    /// The scheduler as it began.
    pub scheduler: String,
    /// The loss.
    pub criterion: String,
    /// The [`TrainOptions`](super::TrainOptions).
    pub options: String,
    /// What order and augmentation were drawn from.
    pub seed: u64,
    /// Pictures for training.
    pub train_images: usize,
    /// Pictures for validation.
    pub valid_images: usize,
    /// Pictures of a training batch.
    pub batch_size: usize,
    /// Trained values, and all.
    pub parameters: String,
    /// Where and with how many threads: `Cpu, 2 threads`.
    pub device: String,
    /// How the network was computed: `float32`, or what was done to frozen layers.
    pub compute: String,
    /// The library and those under it: `herbarium 0.1.0, tch 0.26.0, libtorch 2.13.0`.
    pub versions: String,
}

impl RunInfo {
    pub(super) fn rows(&self) -> [(&'static str, String); 13] {
        let RunInfo { model, optimizer, scheduler, criterion, options, device, compute, versions, .. } =
            self.clone();
        [
            ("model", model),
            ("parameters", self.parameters.clone()),
            ("optimizer", optimizer),
            ("scheduler", scheduler),
            ("criterion", criterion),
            ("options", options),
            ("seed", self.seed.to_string()),
            ("train_images", self.train_images.to_string()),
            ("valid_images", self.valid_images.to_string()),
            ("batch_size", self.batch_size.to_string()),
            ("device", device),
            ("compute", compute),
            ("versions", versions),
        ]
    }

    fn from_rows(rows: &Map<String, Value>) -> Option<RunInfo> {
        let text = |key: &str| Some(rows.get(key)?.as_str()?.to_owned());
        Some(RunInfo {
            model: text("model")?,
            parameters: text("parameters")?,
            optimizer: text("optimizer")?,
            scheduler: text("scheduler")?,
            criterion: text("criterion")?,
            options: text("options")?,
            seed: text("seed")?.parse().ok()?,
            train_images: text("train_images")?.parse().ok()?,
            valid_images: text("valid_images")?.parse().ok()?,
            batch_size: text("batch_size")?.parse().ok()?,
            device: text("device")?,
            compute: text("compute")?,
            versions: text("versions")?,
        })
    }
}

impl std::fmt::Debug for RunInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, (name, text)) in self.rows().into_iter().enumerate() {
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            write!(f, "{}{name:<12}  {line}", if number == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// The lists with one number per epoch, by their names in files.
const LISTS: [&str; 8] = [
    "train_losses",
    "valid_losses",
    "train_acc_history",
    "val_acc_history",
    "train_seconds",
    "valid_seconds",
    "train_images_per_second",
    "valid_images_per_second",
];

impl History {
    pub(super) fn lists(&self) -> [&Vec<f64>; 8] {
        [
            &self.train_losses,
            &self.valid_losses,
            &self.train_acc_history,
            &self.val_acc_history,
            &self.train_seconds,
            &self.valid_seconds,
            &self.train_images_per_second,
            &self.valid_images_per_second,
        ]
    }

    pub(super) fn lists_mut(&mut self) -> [&mut Vec<f64>; 8] {
        [
            &mut self.train_losses,
            &mut self.valid_losses,
            &mut self.train_acc_history,
            &mut self.val_acc_history,
            &mut self.train_seconds,
            &mut self.valid_seconds,
            &mut self.train_images_per_second,
            &mut self.valid_images_per_second,
        ]
    }

    /// Writes the history to a file, whole or not at all: `.json` with everything, for
    /// [`History::load`], or `.csv` with a row per epoch.
    ///
    /// # Errors
    /// [`Error::Argument`] for another ending; [`Error::Io`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = match ending(path).as_str() {
            "json" => format!("{:#}\n", self.to_json()),
            "csv" => self.to_csv(),
            _ => {
                let told = format!("{}: a history is saved as .json or .csv", path.display());
                return Err(Error::Argument(told));
            }
        };
        write_atomically(path, |file| file.write_all(text.as_bytes()).map_err(Error::io("writing", path)))
    }

    /// Reads a history from a `.json` file that [`save`](History::save) wrote.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Argument`] when it is not a history.
    pub fn load(path: impl AsRef<Path>) -> Result<History> {
        fn load(path: &Path) -> Result<History> {
            let text = std::fs::read_to_string(path).map_err(Error::io("reading", path))?;
            serde_json::from_str(&text).ok().and_then(|value| History::from_json(&value)).ok_or_else(|| {
                Error::Argument(format!(
                    "{} is not the JSON of a history: History::save writes it",
                    path.display()
                ))
            })
        }
        load(path.as_ref())
    }

    fn to_csv(&self) -> String {
        let mut text = format!("epoch,lr,{}\n", LISTS.join(","));
        for epoch in 0..self.rows() {
            let lr = self.lrs[epoch + 1];
            let values = self.lists().map(|list| list.get(epoch).map(f64::to_string).unwrap_or_default());
            text += &format!("{epoch},{lr},{}\n", values.join(","));
        }
        text
    }

    /// Everything except what cannot outlive the process. Numbers are strings: JSON has no NaN, and
    /// serde_json may lose the last bit.
    pub(super) fn to_json(&self) -> Value {
        let texts = |list: &[f64]| list.iter().map(|value| json!(value.to_string())).collect::<Vec<_>>();
        let mut value = json!({
            "herbarium.history": 1,
            "lrs": texts(&self.lrs),
            "seconds": self.seconds,
            "best_epoch": self.best_epoch,
            "best_acc": self.best_acc.to_string(),
            "checkpoint": self.checkpoint.as_ref().map(|path| path.to_string_lossy()),
            "interrupted": self.interrupted,
            "stopped_early": self.stopped_early,
            "phases": self.phases,
            "num_epochs": self.num_epochs,
            "info": self.info.rows().into_iter().map(|(name, text)| (name.to_owned(), json!(text)))
                .collect::<Map<String, Value>>(),
        });
        for (name, list) in LISTS.iter().zip(self.lists()) {
            value[*name] = json!(texts(list));
        }
        value
    }

    pub(super) fn from_json(value: &Value) -> Option<History> {
        let list = |name: &str| -> Option<Vec<f64>> {
            value[name].as_array()?.iter().map(|text| text.as_str()?.parse().ok()).collect()
        };
        let mut history = History {
            lrs: list("lrs")?,
            seconds: value["seconds"].as_f64()?,
            best_epoch: value["best_epoch"].as_u64().map(|epoch| epoch as usize),
            best_acc: value["best_acc"].as_str()?.parse().ok()?,
            checkpoint: value["checkpoint"].as_str().map(Into::into),
            interrupted: value["interrupted"].as_bool()?,
            stopped_early: value["stopped_early"].as_bool()?,
            num_epochs: value["num_epochs"].as_u64()? as usize,
            // A file of an earlier version has none.
            phases: value["phases"].as_array().map_or_else(Vec::new, |phases| {
                phases.iter().filter_map(|began| began.as_u64()).map(|began| began as usize).collect()
            }),
            info: RunInfo::from_rows(value["info"].as_object()?)?,
            ..Default::default()
        };
        for (name, target) in LISTS.iter().zip(history.lists_mut()) {
            *target = list(name)?;
        }
        Some(history)
    }
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_history_is_the_same() {
        let mut history = History {
            lrs: vec![0.1, 0.1 + 0.2],
            best_acc: 0.1 + 0.7,
            best_epoch: Some(0),
            num_epochs: 3,
            phases: vec![1],
            info: RunInfo { model: "a \"b\"".into(), seed: u64::MAX, ..Default::default() },
            ..Default::default()
        };
        for (number, list) in history.lists_mut().into_iter().enumerate() {
            list.push(if number == 1 { f64::NAN } else { 1.0 / 3.0 });
        }
        let again =
            History::from_json(&serde_json::from_str(&history.to_json().to_string()).unwrap()).unwrap();
        assert!(again.valid_losses[0].is_nan());
        assert_eq!(again.to_json(), history.to_json());
        let csv = history.to_csv();
        assert!(csv.starts_with("epoch,lr,train_losses,valid_losses,"), "{csv}");
        assert!(csv.ends_with("\n0,0.30000000000000004,0.3333333333333333,NaN,0.3333333333333333,0.3333333333333333,0.3333333333333333,0.3333333333333333,0.3333333333333333,0.3333333333333333\n"), "{csv}");
        assert!(History::from_json(&json!({})).is_none());
    }
}
