//! The state that a training saves after each epoch in order to resume.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tch::Tensor;

use super::History;
use super::optim::OptimizerState;
use super::scheduler::SchedulerState;
use crate::models::{Model, StateDict};
use crate::weights::{Metadata, load_safetensors, save_safetensors};
use crate::{Error, Result};

/// The number of this layout of the file.
const LAYOUT: u32 = 1;
/// Says that a safetensors file is the state of a training.
pub(super) const STATE_KEY: &str = "herbarium.training";

/// Where a training keeps its state and resumes from: a file, the history of a training that was
/// interrupted in this session, or nothing.
///
/// With a file, `resume: "run.state.safetensors".into()`, the state is written after every epoch, whole or
/// not at all. If the file exists when [`train_model`](super::train_model) is called, training resumes from
/// it, up to [`num_epochs`](super::TrainOptions::num_epochs) in all: the same cell or program, run again
/// after an interruption or a kill, ends bit for bit (on the CPU) as if nothing had happened. A complete
/// training is not repeated; remove the file to start over.
///
/// With a history, `resume: (&history).into()`, training resumes after that history's last complete
/// epoch. Only a training that was interrupted in this session has a state to resume from; any other history
/// is refused.
#[derive(Clone, Default)]
pub struct Resume(pub(super) ResumeFrom);

#[derive(Clone, Default)]
pub(super) enum ResumeFrom {
    #[default]
    Nothing,
    File(PathBuf),
    Memory(KeptState),
}

/// A training's state in memory, shared by the copies of its history.
#[derive(Clone, Default)]
pub struct KeptState(pub(super) Option<Arc<Mutex<TrainingState>>>);

impl Resume {
    /// The file, if it is one.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.0 {
            ResumeFrom::File(path) => Some(path),
            _ => None,
        }
    }
}

impl From<&str> for Resume {
    fn from(path: &str) -> Self {
        Resume(ResumeFrom::File(path.into()))
    }
}

impl From<String> for Resume {
    fn from(path: String) -> Self {
        Resume(ResumeFrom::File(path.into()))
    }
}

impl From<PathBuf> for Resume {
    fn from(path: PathBuf) -> Self {
        Resume(ResumeFrom::File(path))
    }
}

impl From<&Path> for Resume {
    fn from(path: &Path) -> Self {
        Resume(ResumeFrom::File(path.into()))
    }
}

impl From<&PathBuf> for Resume {
    fn from(path: &PathBuf) -> Self {
        Resume(ResumeFrom::File(path.clone()))
    }
}

impl From<&History> for Resume {
    fn from(history: &History) -> Self {
        Resume(ResumeFrom::Memory(history.state.clone()))
    }
}

impl PartialEq for Resume {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (ResumeFrom::Nothing, ResumeFrom::Nothing) => true,
            (ResumeFrom::File(one), ResumeFrom::File(other)) => one == other,
            (ResumeFrom::Memory(one), ResumeFrom::Memory(other)) => one == other,
            _ => false,
        }
    }
}

impl PartialEq for KeptState {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Debug for KeptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "kept" } else { "none" })
    }
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ResumeFrom::Nothing => f.write_str("no"),
            ResumeFrom::File(path) => write!(f, "{}", path.display()),
            ResumeFrom::Memory(_) => f.write_str("the history's"),
        }
    }
}

/// A training at the end of an epoch.
pub(super) struct TrainingState {
    /// The latest weights, not the best.
    pub last: StateDict,
    /// The best weights.
    pub best: StateDict,
    pub optimizer: OptimizerState,
    pub scheduler: SchedulerState,
    /// A float16 training's factor, and its good steps in a row.
    pub scaler: Option<(f64, i64)>,
    /// The averaged weights, and how many steps made them.
    pub ema: Option<(Vec<(String, Tensor)>, usize)>,
    /// The epochs that the loaders give next.
    pub next_epochs: [u64; 2],
    /// What the loaders draw from.
    pub seeds: [u64; 2],
    pub history: History,
    pub model: String,
    pub num_classes: usize,
}

impl TrainingState {
    /// Writes it, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = StateDict::new();
        let mut put = |part: &str, name: &str, tensor: &Tensor| {
            tensors.insert(format!("{part}.{name}"), tensor.shallow_clone());
        };
        self.last.iter().for_each(|(name, tensor)| put("last", name, tensor));
        self.best.iter().for_each(|(name, tensor)| put("best", name, tensor));
        self.optimizer.tensors.iter().for_each(|(name, tensor)| put("optimizer", name, tensor));
        let averages = self.ema.iter().flat_map(|(averages, _)| averages);
        averages.for_each(|(name, tensor)| put("ema", name, tensor));
        let metadata = [
            (STATE_KEY, LAYOUT.to_string()),
            ("model", self.model.clone()),
            ("num_classes", self.num_classes.to_string()),
            ("optimizer", optimizer_text(&self.optimizer).to_string()),
            (
                "scheduler",
                json!({"name": self.scheduler.name, "numbers": numbers(&self.scheduler.numbers)}).to_string(),
            ),
            ("ema_updates", self.ema.as_ref().map_or(0, |(_, updates)| *updates).to_string()),
            ("grad_scaler", json!(self.scaler).to_string()),
            ("next_epochs", json!(self.next_epochs).to_string()),
            ("seeds", json!(self.seeds).to_string()),
            ("history", self.history.to_json().to_string()),
        ];
        let metadata = metadata.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
        save_safetensors(path, &tensors, &metadata)
    }

    /// Reads what [`save`](TrainingState::save) wrote.
    pub fn load(path: &Path) -> Result<TrainingState> {
        let (tensors, metadata) = load_safetensors(path)?;
        let refuse = |reason: String| Error::Checkpoint { path: path.to_owned(), reason };
        match metadata.get(STATE_KEY).map(|layout| layout.parse::<u32>()) {
            Some(Ok(LAYOUT)) => {}
            Some(_) => return Err(refuse("it is the state of a training from another version".into())),
            None => {
                let reason = "this file already exists and is not the state of a training: choose another \
                name \
                              for TrainOptions::resume, or remove it";
                return Err(refuse(reason.into()));
            }
        }
        unpack(tensors, &metadata)
            .ok_or_else(|| refuse("damaged: remove it to start the training over".into()))
    }

    /// Refuses the state of another network.
    pub fn must_fit(&self, model: &Model) -> Result<()> {
        if self.model == model.name() && self.num_classes == model.num_classes() {
            return Ok(());
        }
        let reason = format!(
            "the training to resume is of {} for {} classes, the model is {} for {}",
            self.model,
            self.num_classes,
            model.name(),
            model.num_classes()
        );
        Err(Error::Training { model: model.name().to_owned(), reason })
    }
}

fn unpack(tensors: StateDict, metadata: &Metadata) -> Option<TrainingState> {
    let text = |key: &str| metadata.get(key);
    let value = |key: &str| serde_json::from_str::<Value>(metadata.get(key)?).ok();
    let (mut last, mut best) = (Vec::new(), Vec::new());
    let (mut of_optimizer, mut averages) = (Vec::new(), Vec::new());
    for (name, tensor) in tensors {
        let (part, name) = name.split_once('.')?;
        let list = match part {
            "last" => &mut last,
            "best" => &mut best,
            "optimizer" => &mut of_optimizer,
            "ema" => &mut averages,
            _ => return None,
        };
        list.push((name.to_owned(), tensor));
    }
    let optimizer = value("optimizer")?;
    let scheduler = value("scheduler")?;
    let history = History::from_json(&value("history")?)?;
    Some(TrainingState {
        last: last.into_iter().collect(),
        best: best.into_iter().collect(),
        optimizer: OptimizerState {
            name: optimizer["name"].as_str()?.to_owned(),
            parameters: serde_json::from_value(optimizer["parameters"].clone()).ok()?,
            settings: numbers_of(&optimizer["settings"])?,
            numbers: numbers_of(&optimizer["numbers"])?,
            tensors: of_optimizer,
        },
        scheduler: SchedulerState {
            name: scheduler["name"].as_str()?.to_owned(),
            numbers: numbers_of(&scheduler["numbers"])?,
        },
        // Files of earlier versions have none.
        scaler: value("grad_scaler").and_then(|state| serde_json::from_value(state).ok()).flatten(),
        ema: match averages.is_empty() {
            true => None,
            false => Some((averages, text("ema_updates")?.parse().ok()?)),
        },
        next_epochs: serde_json::from_value(value("next_epochs")?).ok()?,
        seeds: serde_json::from_value(value("seeds")?).ok()?,
        history,
        model: text("model")?.clone(),
        num_classes: text("num_classes")?.parse().ok()?,
    })
}

fn optimizer_text(state: &OptimizerState) -> Value {
    json!({
        "name": state.name,
        "parameters": state.parameters,
        "settings": numbers(&state.settings),
        "numbers": numbers(&state.numbers),
    })
}

/// Numbers as strings: JSON has no infinities, and serde_json may lose the last bit.
pub(super) fn numbers(numbers: &[(String, f64)]) -> Value {
    numbers.iter().map(|(name, number)| (name.clone(), json!(number.to_string()))).collect()
}

fn numbers_of(value: &Value) -> Option<Vec<(String, f64)>> {
    let entries = value.as_object()?.iter();
    entries.map(|(name, number)| Some((name.clone(), number.as_str()?.parse().ok()?))).collect()
}

impl fmt::Debug for TrainingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrainingState({} after {} epochs)", self.model, self.history.epochs())
    }
}
