//! The history of a training, epoch by epoch.

mod plot;
pub(super) mod table;

use std::fmt;
use std::path::PathBuf;

use super::epoch::Tally;
use super::record::RunInfo;
use super::resume::KeptState;
use crate::notebook::Here;
use crate::notebook::vars::{Known, Of, counted};

pub use plot::plot_phases;

/// The result of [`train_model`](crate::train::train_model), under the tutorial's names.
///
/// All lists but [`lrs`](History::lrs) have one number per completed epoch. Losses are the mean
/// over the pictures, accuracies the share of pictures that were right, 0 to 1. Prints as a table.
#[derive(Clone, Default, PartialEq)]
pub struct History {
    /// Mean loss of each epoch's training pass, while the weights were changing.
    pub train_losses: Vec<f64>,
    /// Mean loss of each epoch's validation pass.
    pub valid_losses: Vec<f64>,
    /// Accuracy of each epoch's training pass.
    pub train_acc_history: Vec<f64>,
    /// Accuracy of each epoch's validation pass.
    pub val_acc_history: Vec<f64>,
    /// The tutorial's `LRs`: the learning rate before training, then that of each epoch, so that
    /// epoch `n` has number `n + 1`.
    pub lrs: Vec<f64>,
    /// Duration of each epoch's training pass in seconds, loading included.
    pub train_seconds: Vec<f64>,
    /// Duration of each epoch's validation pass in seconds, loading included.
    pub valid_seconds: Vec<f64>,
    /// Pictures per second of each epoch's training pass, loading included.
    pub train_images_per_second: Vec<f64>,
    /// Pictures per second of each epoch's validation pass, loading included.
    pub valid_images_per_second: Vec<f64>,
    /// Duration of the whole training in seconds, checkpoints included.
    pub seconds: f64,
    /// The epoch whose weights the model has now; `None` if none was better than
    /// [`TrainOptions::best_acc`](crate::train::TrainOptions::best_acc): the model then has the
    /// weights it started with.
    pub best_epoch: Option<usize>,
    /// The best validation accuracy, 0 to 1, at least `TrainOptions::best_acc`.
    pub best_acc: f64,
    /// The file with the best weights, if one was written.
    pub checkpoint: Option<PathBuf>,
    /// Whether training was stopped by the learner before its last epoch.
    pub interrupted: bool,
    /// Whether [`TrainOptions::patience`](crate::train::TrainOptions::patience) ended it.
    pub stopped_early: bool,
    /// How many epochs were asked for.
    pub num_epochs: usize,
    /// The epochs in which the second and later phases began, where trainings were put together by
    /// [`then`](History::then): 4 phases have 3.
    pub phases: Vec<usize>,
    /// What was trained, with what, on what.
    pub info: RunInfo,
    /// Everything needed to resume, if it was interrupted: see [`Resume`](crate::train::Resume).
    pub state: KeptState,
}

impl History {
    /// How many epochs were completed.
    pub fn epochs(&self) -> usize {
        self.valid_losses.len()
    }

    /// Whether no epoch was completed.
    pub fn is_empty(&self) -> bool {
        self.epochs() == 0
    }

    fn row(&self, epoch: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.best_epoch == Some(epoch) { '*' } else { ' ' };
        writeln!(
            f,
            "{epoch:>5}  {:>10.4}  {:>9.4}  {:>10.4}  {:>9.4}{mark} {:>10.7}  {:>7.1}  {:>8.0}",
            self.train_losses[epoch],
            self.train_acc_history[epoch],
            self.valid_losses[epoch],
            self.val_acc_history[epoch],
            self.lrs[epoch + 1],
            self.train_seconds[epoch] + self.valid_seconds[epoch],
            self.train_images_per_second[epoch],
        )
    }

    /// Adds an epoch; `lr` is the learning rate of the next.
    pub(super) fn record(&mut self, train: &Tally, valid: &Tally, lr: f64) {
        self.train_losses.push(train.loss);
        self.valid_losses.push(valid.loss);
        self.train_acc_history.push(train.accuracy());
        self.val_acc_history.push(valid.accuracy());
        self.train_seconds.push(train.seconds);
        self.valid_seconds.push(valid.seconds);
        self.train_images_per_second.push(train.images_per_second());
        self.valid_images_per_second.push(valid.images_per_second());
        self.lrs.push(lr);
    }

    /// How many rows every list can fill: the fields are public, and may have been truncated.
    pub(super) fn rows(&self) -> usize {
        let lists = [
            &self.train_losses,
            &self.train_acc_history,
            &self.valid_losses,
            &self.val_acc_history,
            &self.train_seconds,
            &self.valid_seconds,
            &self.train_images_per_second,
        ];
        let shortest = lists.iter().map(|list| list.len()).min().unwrap_or(0);
        shortest.min(self.lrs.len().saturating_sub(1))
    }
}

/// Python's `'{:.0f}m {:.0f}s'.format(t // 60, t % 60)`.
pub(super) fn minutes_and_seconds(seconds: f64) -> String {
    format!("{:.0}m {:.0}s", (seconds / 60.0).floor(), seconds % 60.0)
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows() > 0 {
            writeln!(
                f,
                "epoch  train loss  train acc  valid loss  valid acc          lr  seconds  images/s"
            )?;
            (0..self.rows()).try_for_each(|epoch| self.row(epoch, f))?;
        }
        match self.best_epoch {
            Some(epoch) => write!(f, "best valid acc {:.4} in epoch {epoch}", self.best_acc)?,
            None => write!(f, "no epoch was better than valid acc {:.4}", self.best_acc)?,
        }
        if let Some(checkpoint) = &self.checkpoint {
            write!(f, ", saved in {}", checkpoint.display())?;
        }
        write!(f, "; {} epochs in {}", self.epochs(), minutes_and_seconds(self.seconds))?;
        if !self.info.compute.is_empty() && self.info.compute != "float32" {
            write!(f, "\n{}", self.info.compute)?;
        }
        if self.stopped_early {
            write!(f, "\nstopped after epoch {} of {}: no better since", self.epochs(), self.num_epochs)?;
        }
        if self.interrupted {
            write!(f, "\ninterrupted in epoch {} of {}", self.epochs(), self.num_epochs)?;
        }
        Ok(())
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Known<Here> for Of<'_, History> {
    fn size(&self) -> String {
        counted(self.0.epochs(), "epoch")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_epochs() -> History {
        History {
            train_losses: vec![4.056, 2.8984],
            valid_losses: vec![3.5588, 3.6439],
            train_acc_history: vec![0.241, 0.3931],
            val_acc_history: vec![0.2775, 0.302],
            lrs: vec![0.01; 3],
            train_seconds: vec![36.0, 32.0],
            valid_seconds: vec![3.0, 3.0],
            train_images_per_second: vec![182.0, 204.8],
            valid_images_per_second: vec![272.7, 272.7],
            seconds: 74.4,
            best_epoch: Some(1),
            best_acc: 0.302,
            checkpoint: Some("best.safetensors".into()),
            interrupted: false,
            num_epochs: 20,
            ..Default::default()
        }
    }

    #[test]
    fn prints_as_a_table() {
        let text = two_epochs().to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1].len(), lines[0].len());
        assert_eq!(lines[2].len(), lines[0].len());
        assert_eq!(
            lines[2].split_whitespace().collect::<Vec<_>>(),
            ["1", "2.8984", "0.3931", "3.6439", "0.3020*", "0.0100000", "35.0", "205"]
        );
        assert_eq!(
            lines[3],
            "best valid acc 0.3020 in epoch 1, saved in best.safetensors; 2 epochs in 1m 14s"
        );
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn says_that_it_was_interrupted() {
        let stopped = History { interrupted: true, ..two_epochs() };
        assert!(stopped.to_string().ends_with("\ninterrupted in epoch 2 of 20"));
        let at_once = History { interrupted: true, num_epochs: 20, ..Default::default() };
        let text = at_once.to_string();
        assert_eq!(
            text,
            "no epoch was better than valid acc 0.0000; 0 epochs in 0m 0s\ninterrupted in epoch 0 of 20"
        );
    }

    /// CPython: `'{:.0f}m {:.0f}s'.format(99.7 // 60, 99.7 % 60)`.
    #[test]
    fn time_reads_as_in_the_tutorial() {
        assert_eq!(minutes_and_seconds(36.2), "0m 36s");
        assert_eq!(minutes_and_seconds(99.7), "1m 40s");
        assert_eq!(minutes_and_seconds(3725.0), "62m 5s");
    }
}
