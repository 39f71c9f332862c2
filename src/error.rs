//! The crate's one error type: what happened, on which file or layer, and what to do about it.

use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
///
/// `Debug` prints the same sentence as `Display`, so that a `?` in a notebook cell or an `unwrap`
/// in a test reads like a message and not like a data structure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was attempted, as a present participle: "reading", "creating".
        action: &'static str,
        /// The file or folder it was attempted on.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },

    /// libtorch refused an operation; only the first lines of its message are kept.
    #[error("libtorch: {0}")]
    Torch(String),

    /// No network has this name.
    #[error("there is no model \"{name}\"{}; the models are: {}", did_you_mean(.nearest), .known.join(", "))]
    UnknownModel {
        /// The name that was asked for.
        name: String,
        /// The known name that is most like it, if one is.
        nearest: Option<String>,
        /// All known names.
        known: Vec<String>,
    },

    /// A path that names no layer of a model.
    #[error("{model} has no layer \"{path}\"; {parent} has: {}{}", .children.join(", "), nearest_names(.nearest))]
    UnknownLayer {
        /// The model.
        model: String,
        /// The path that was asked for.
        path: String,
        /// The deepest part of the path that exists, or the model.
        parent: String,
        /// What that part holds.
        children: Vec<String>,
        /// The known paths that are most like it, if some are.
        nearest: Vec<String>,
    },

    /// A layer cannot process its input, the output of the layers before it.
    #[error("{model}{path}, {layer}: {reason}")]
    Layer {
        /// The model and a colon; empty for a module that is in no model.
        model: String,
        /// The layer's path: `features.5`.
        path: String,
        /// What the layer is, and the shape that it was given.
        layer: String,
        /// Why not, and what to do.
        reason: String,
    },

    /// The model's input is not a batch of images.
    #[error("{model} expects (N, 3, H, W) float32, got {}, {hint}", crate::tensors::shape_text(.size))]
    ModelInput {
        /// The model.
        model: String,
        /// The shape that was given.
        size: Vec<i64>,
        /// What it looks like, and what to do.
        hint: String,
    },

    /// A state dict does not fit a model, and nothing of it was loaded.
    #[error("these weights do not fit {model}, nothing was loaded:\n  {}", .report.complaints())]
    StateDict {
        /// The model.
        model: String,
        /// What does not fit.
        report: Box<crate::tensors::LoadReport>,
    },

    /// Pretrained weights were required and none were found.
    #[error(
        "no weights for {model} in {looked}: {fetch}; or put {model}.safetensors or .pth (torchvision's \
         names) there, or set HERBARIUM_WEIGHTS to the folder that has it; Pretrained::No starts from random \
         weights"
    )]
    WeightsNotFound {
        /// The model.
        model: String,
        /// The folders that were searched.
        looked: String,
        /// The line that fetches them.
        fetch: String,
    },

    /// A weights file is damaged, or is not what it should be.
    #[error("{path}: {reason}", path = path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A file could not be downloaded.
    #[error("{url} could not be fetched to {path}: {reason}", path = path.display())]
    Download {
        /// Where it was to come from.
        url: String,
        /// The file it was to become.
        path: PathBuf,
        /// What went wrong, and what to do.
        reason: String,
    },

    /// A downloaded file of a data set does not have the expected contents.
    #[error("{path}: {problem}; delete it, so that it is fetched again", path = path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// A transform has wrong arguments, or an input that it cannot process.
    #[error("{transform}: {problem}")]
    Transform {
        /// torchvision's name of the transform.
        transform: String,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A data folder is not laid out as it must be.
    #[error("the data folder {path} {problem}. Expected:\n{layout}", path = path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong, as the rest of a sentence about it.
        problem: String,
        /// The layout that is expected.
        layout: String,
    },

    /// A file is not a picture that can be read.
    #[error("{path}: {problem}", path = path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A picture could not be transformed.
    #[error("{path}: {source}", path = path.display())]
    Sample {
        /// The picture's file.
        path: PathBuf,
        /// What went wrong.
        source: Box<Error>,
    },

    /// Training and validation do not have the same classes.
    #[error("train and valid must have the same classes: {0}. Add the missing ones or delete the others")]
    DifferentClasses(String),

    /// A line of an annotation file cannot be used.
    #[error("{path}, line {line}: {problem}", path = path.display())]
    Annotation {
        /// The annotation file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A JSON file is invalid, or has unexpected contents.
    #[error("{path}, line {line}, column {column}: {problem}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },

    /// A label has no name.
    #[error(
        "label '{label}' is not in {path}: add it, and look a predicted index up in the classes first",
        path = path.display()
    )]
    UnknownLabel {
        /// The label that was looked up.
        label: String,
        /// The file of names.
        path: PathBuf,
    },

    /// Batches could not be made.
    #[error("the data loader failed: {0}")]
    Loader(String),

    /// The learner pressed the stop button.
    #[error("interrupted")]
    Interrupted,

    /// An argument that is wrong for any data.
    #[error("{0}")]
    Argument(String),

    /// Neither `XDG_CACHE_HOME` nor `HOME` says where the user's cache is.
    #[error("there is no cache folder: neither XDG_CACHE_HOME nor HOME is set; set one of them")]
    NoCacheFolder,

    /// The operating system refused the signal handler for interrupts.
    #[error(transparent)]
    Interrupt(herbarium_notebook::Error),

    /// The environment's variables for training on several processes make no sense.
    #[error("cannot determine which of several processes this is: {0}")]
    Launch(String),

    /// Processes that train together could not, or not any longer.
    #[error("rank {rank} of {world}: {reason}")]
    Distributed {
        /// This process's number, from 0.
        rank: usize,
        /// How many processes there are.
        world: usize,
        /// What it waited for, on which rank, and what to look at.
        reason: String,
    },

    /// An optimizer was built or used in a way that cannot work.
    #[error("{optimizer} {reason}")]
    Optimizer {
        /// PyTorch's class: `Adam`.
        optimizer: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },

    /// A learning-rate scheduler was built or used in a way that cannot work.
    #[error("{scheduler} {reason}")]
    Scheduler {
        /// PyTorch's class: `StepLR`.
        scheduler: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },

    /// Predictions and labels do not match.
    #[error("{criterion}: {reason}")]
    Loss {
        /// PyTorch's class: `CrossEntropyLoss`.
        criterion: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },

    /// Training cannot start: the model, the optimizer and the data do not match.
    #[error("cannot train {model}: {reason}")]
    Training {
        /// The model.
        model: String,
        /// What is wrong and what to do.
        reason: String,
    },

    /// The loss became infinite or not a number, and training stopped.
    #[error("the loss is {loss} in {place} ({files}): {advice}")]
    LossNotFinite {
        /// The loss: NaN or an infinity.
        loss: f64,
        /// The epoch, phase and batch, each from 0.
        place: String,
        /// The first files of the batch, and how many more there are.
        files: String,
        /// What to try.
        advice: String,
    },

    /// A batch does not fit into memory.
    #[error("not enough memory for a batch of {batch} pictures in {model} ({told}): {advice}")]
    OutOfMemory {
        /// The model.
        model: String,
        /// How many pictures the batch has.
        batch: usize,
        /// The request that failed.
        told: String,
        /// How many bytes it asked for, where libtorch says so.
        requested: Option<u64>,
        /// What would fit.
        advice: String,
    },

    /// A checkpoint cannot be read, written or used.
    #[error("checkpoint {path}: {reason}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },

    /// A checkpoint could not be written during training, which stopped.
    #[error(
        "checkpoint {path} could not be written after epoch {epoch} (validation accuracy {accuracy:.4}): \
         {reason}. The history is lost, but not the weights: the model in memory has them, and an earlier \
         checkpoint is unchanged. Make room or choose another folder, and keep the weights with \
         `Checkpoint::of(&model, &optimizer, {accuracy:?}, {epoch})?.save(PATH)?`",
        path = path.display()
    )]
    CheckpointNotWritten {
        /// The file.
        path: PathBuf,
        /// The epoch whose weights it should hold, from 0.
        epoch: usize,
        /// Their validation accuracy, 0 to 1.
        accuracy: f64,
        /// What went wrong.
        reason: String,
    },
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(", did you mean \"{name}\"?")).unwrap_or_default()
}

fn nearest_names(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!(". Did you mean {}?", nearest.join(", ")) }
}

impl Error {
    /// Wraps an I/O error with the file it happened on.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}

impl From<tch::TchError> for Error {
    /// Keeps what libtorch says and drops the C++ backtrace that it appends.
    fn from(error: tch::TchError) -> Self {
        let message = match &error {
            tch::TchError::Torch(text) => text.clone(),
            other => other.to_string(),
        };
        let told = message
            .lines()
            .take_while(|line| !line.starts_with("Exception raised from"))
            .filter(|line| !line.trim().is_empty())
            .take(2)
            .collect::<Vec<_>>()
            .join(" ");
        Error::Torch(told)
    }
}

/// Whether a message of libtorch's, or of a driver below it, is about memory that ran out.
pub(crate) fn is_out_of_memory(told: &str) -> bool {
    [
        "can't allocate memory",
        "out of memory",
        "not enough memory",
        "alloc failed",
        "alloc_failed",
        "bad_alloc",
    ]
    .iter()
    .any(|words| told.to_lowercase().contains(words))
}

#[cfg(test)]
mod tests {
    use super::Error;

    /// `1` is not a number with a point.
    #[test]
    fn the_line_that_keeps_the_weights_compiles() {
        let (path, reason) = ("best.safetensors".into(), "no room".into());
        let error = Error::CheckpointNotWritten { path, epoch: 3, accuracy: 1.0, reason };
        let message = error.to_string();
        assert!(message.contains("`Checkpoint::of(&model, &optimizer, 1.0, 3)?.save(PATH)?`"), "{message}");
    }
}
