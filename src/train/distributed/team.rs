//! What the ranks of a training decide together. Alone, a process decides by itself.

use tch::Tensor;

use super::group::Reduce;
use super::{DistributedDataParallel, Group};
use crate::Result;
use crate::data::{Batch, DataLoader, Splits};
use crate::models::Model;
use crate::train::epoch::Tally;

/// The processes that run a training.
pub(in crate::train) struct Team {
    group: Group,
}

/// What comes next in a pass over a loader.
pub(in crate::train) enum Next {
    Batch(Batch),
    End,
    Interrupted,
}

/// What a rank reports to the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    No = 0,
    Yes = 1,
    Interrupted = 2,
    Failed = 3,
}

impl Team {
    /// Those that the environment names.
    pub fn of_process() -> Result<Team> {
        Ok(Team { group: Group::from_env()? })
    }

    pub fn is_alone(&self) -> bool {
        self.group.world() == 1
    }

    pub fn rank(&self) -> usize {
        self.group.rank()
    }

    pub fn world(&self) -> usize {
        self.group.world()
    }

    /// Whether this is the rank that writes files and shows progress.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// This rank's part of what all train on.
    pub fn shares(&self, loaders: &Splits<DataLoader>) -> Result<Splits<DataLoader>> {
        let Splits { train, valid } = loaders;
        if self.is_alone() {
            return Ok(loaders.clone());
        }
        Ok(Splits {
            train: train.shared_by(self.rank(), self.world())?,
            valid: valid.divided_by(self.rank(), self.world())?,
        })
    }

    /// This rank's part of what all look at.
    pub fn part(&self, loader: &DataLoader) -> Result<DataLoader> {
        if self.is_alone() { Ok(loader.clone()) } else { loader.divided_by(self.rank(), self.world()) }
    }

    /// What every rank says.
    fn words(&self, own: Word) -> Result<Vec<i64>> {
        let mut words = vec![0i64; self.world()];
        words[self.rank()] = own as i64;
        let words = Tensor::f_from_slice(&words)?;
        self.group.all_reduce(&words, Reduce::Sum)?;
        Ok(Vec::try_from(&words)?)
    }

    /// Whether any rank says yes.
    pub fn any(&self, own: bool) -> Result<bool> {
        if self.is_alone() {
            return Ok(own);
        }
        Ok(self.words(if own { Word::Yes } else { Word::No })?.contains(&(Word::Yes as i64)))
    }

    /// What rank 0 says.
    pub fn as_the_first_says(&self, own: bool) -> Result<bool> {
        self.any(own && self.is_first())
    }

    /// Fails on all ranks what has failed on one.
    ///
    /// # Errors
    /// The rank's own error, else one that says which rank failed and how.
    pub fn agree<T>(&self, outcome: Result<T>) -> Result<T> {
        if self.is_alone() {
            return outcome;
        }
        let own = if outcome.is_err() { Word::Failed } else { Word::Yes };
        match self.words(own) {
            Ok(words) => self.agree_on(outcome, &words),
            // What went wrong here says more than that the others are gone.
            Err(error) => outcome.and(Err(error)),
        }
    }

    fn agree_on<T>(&self, outcome: Result<T>, words: &[i64]) -> Result<T> {
        let Some(failed) = words.iter().position(|&word| word == Word::Failed as i64) else { return outcome };
        let told = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        match (outcome, self.group.gather(told.as_bytes())) {
            (Err(own), _) => Err(own),
            (Ok(_), Err(error)) => Err(error),
            (Ok(_), Ok(all)) => Err(self
                .group
                .error(format!("rank {failed} failed: {}", String::from_utf8_lossy(&all[failed])))),
        }
    }

    /// The next batch of a pass whose batches all ranks go through in step.
    ///
    /// # Errors
    /// Any rank's; `Error::Distributed` when some ranks have no batch left.
    pub fn in_step(&self, next: Result<Next>, phase: &str) -> Result<Next> {
        if self.is_alone() {
            return next;
        }
        let own = match &next {
            Ok(Next::Batch(_)) => Word::Yes,
            Ok(Next::End) => Word::No,
            Ok(Next::Interrupted) => Word::Interrupted,
            Err(_) => Word::Failed,
        };
        let words = match self.words(own) {
            Ok(words) => words,
            Err(error) => return next.and(Err(error)),
        };
        let next = self.agree_on(next, &words)?;
        if words.contains(&(Word::Interrupted as i64)) {
            return Ok(Next::Interrupted);
        }
        let ended: Vec<String> = words
            .iter()
            .enumerate()
            .filter(|(_, word)| **word == Word::No as i64)
            .map(|(rank, _)| rank.to_string())
            .collect();
        if ended.is_empty() || ended.len() == self.world() {
            return Ok(next);
        }
        Err(self.group.error(format!(
            "the {phase} loader of rank {} has no batch left while others have: every rank needs the same data set. Are \
             files unreadable on one machine only, or missing?",
            ended.join(", ")
        )))
    }

    /// The tally of all ranks' parts of a pass. `None` where any of them was interrupted.
    ///
    /// # Errors
    /// Any rank's.
    pub fn sum(&self, outcome: Result<Option<Tally>>) -> Result<Option<Tally>> {
        if self.is_alone() {
            return outcome;
        }
        let outcome = self.agree(outcome)?;
        if self.any(outcome.is_none())? {
            return Ok(None);
        }
        let Some(own) = outcome else { return Ok(None) };
        let sums = [own.loss * own.images as f64, own.corrects as f64, own.images as f64, own.batches as f64];
        let sums = Tensor::f_from_slice(&sums)?;
        self.group.all_reduce(&sums, Reduce::Sum)?;
        let sums = Vec::<f64>::try_from(&sums)?;
        Ok(Some(Tally {
            loss: sums[0] / sums[2],
            corrects: sums[1] as usize,
            images: sums[2] as usize,
            batches: sums[3] as usize,
            seconds: own.seconds,
        }))
    }

    /// Refuses what is not the same on all ranks; each of the lines is a name and a value.
    ///
    /// # Errors
    /// `Error::Distributed` with the first difference.
    pub fn must_be_same(&self, lines: &[(&str, String)]) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        let text: String = lines.iter().map(|(name, value)| format!("{name}\x1f{value}\x1e")).collect();
        let all = self.group.gather(text.as_bytes())?;
        let texts: Vec<_> = all.iter().map(|text| String::from_utf8_lossy(text)).collect();
        let Some(other) = texts.iter().position(|text| *text != texts[0]) else { return Ok(()) };
        let differ =
            texts[0].split('\x1e').zip(texts[other].split('\x1e')).find(|(first, other)| first != other);
        let (first, differs) = differ.unwrap_or(("\x1f", "\x1f"));
        let (name, first) = first.split_once('\x1f').unwrap_or(("", first));
        let (_, differs) = differs.split_once('\x1f').unwrap_or(("", differs));
        Err(self.group.error(format!(
            "the ranks do not run the same training: {name} is {first} on rank 0, {differs} on rank \
            {other}. All ranks run the same \
             program on the same data"
        )))
    }

    /// Gives all ranks rank 0's weights, unless they have them.
    ///
    /// # Errors
    /// `Error::Distributed` when the ranks' models differ in a shape, or a rank is gone.
    pub fn same_weights(&self, model: &Model) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        let state = model.state_dict();
        let shapes =
            state.iter().map(|(name, tensor)| format!("{name} {:?} {:?}", tensor.size(), tensor.kind()));
        let mut lines = vec![("model", model.name().to_owned())];
        lines.extend(shapes.map(|shape| ("a tensor of the model", shape)));
        self.must_be_same(&lines)?;
        let mut digest = 0.0;
        for (number, (_, tensor)) in state.iter().enumerate() {
            digest += (number + 1) as f64 * tensor.f_sum(tch::Kind::Double)?.f_double_value(&[])?;
        }
        // Two numbers whose greatest ones tell the smallest and the greatest digest.
        let range = Tensor::f_from_slice(&[digest, -digest])?;
        self.group.all_reduce(&range, Reduce::Max)?;
        let range = Vec::<f64>::try_from(&range)?;
        if range[0] == -range[1] {
            return Ok(());
        }
        let all: Vec<Tensor> = state.iter().map(|(_, tensor)| tensor.shallow_clone()).collect();
        self.group.broadcast_all(&all, 0)
    }

    /// The averaging of gradients; nothing alone.
    pub fn parallel(&self, model: &Model) -> Result<Option<DistributedDataParallel>> {
        if self.is_alone() { Ok(None) } else { DistributedDataParallel::new(&self.group, model).map(Some) }
    }

    /// The bytes of every rank, in the ranks' order.
    pub fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.group.gather(own)
    }

    /// The outcome of something that no rank can finish without the others: they hear of an error.
    pub fn or_leave<T>(&self, outcome: Result<T>) -> Result<T> {
        if let (Err(error), false) = (&outcome, self.is_alone()) {
            self.group.leave(error);
        }
        outcome
    }
}
