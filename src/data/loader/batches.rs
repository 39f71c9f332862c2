//! The batches of an epoch, one after another.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};

use super::Shared;
use super::load_sample::Loaded;
use super::plan::Plan;
use super::share::Share;
use super::workers::Workers;
use crate::data::Batch;
use crate::notebook::interrupted;
use crate::{Error, Result};

/// Iterates over the batches of an epoch, in order, while threads read ahead.
///
/// After an error there is no further batch. Dropping it early stops the threads. An interrupt while waiting
/// for a batch gives [`Error::Interrupted`]; the flag stays set for the caller's loop.
pub struct Batches {
    shared: Arc<Shared>,
    share: Option<Share>,
    /// Made with the first batch.
    plan: Option<Arc<Plan>>,
    epoch: u64,
    /// The numbers of the batches still to come.
    left: Range<usize>,
    /// The next piece of the plan that belongs to a batch.
    next_piece: usize,
    loading: Loading,
    /// How many batches were given, and the first file that was passed over.
    given: usize,
    first_skipped: Option<String>,
}

/// How the pieces are loaded.
enum Loading {
    /// Nobody yet: threads start with the first batch.
    Idle,
    /// In the calling thread, with its work buffer.
    Inline(Vec<f32>),
    Workers(Workers),
    Ended,
}

impl Batches {
    pub(super) fn new(shared: Arc<Shared>, share: Option<Share>, epoch: u64, batches: Range<usize>) -> Self {
        Batches {
            plan: None,
            shared,
            share,
            epoch,
            left: batches,
            next_piece: 0,
            loading: Loading::Idle,
            given: 0,
            first_skipped: None,
        }
    }

    /// The number of the epoch, counted from 0.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// # Errors
    /// When the options cannot work or no thread can be started.
    fn start(&mut self) -> Result<Arc<Plan>> {
        let options = &self.shared.options;
        options.check()?;
        let plan = Arc::new(Plan::new(self.shared.clone(), self.share, self.epoch, self.left.clone())?);
        self.loading = match options.num_workers {
            0 => Loading::Inline(Vec::new()),
            count => Loading::Workers(Workers::start(plan.clone(), count, self.bound(self.left.start))?),
        };
        self.plan = Some(plan.clone());
        Ok(plan)
    }

    /// The bound for reading ahead while waiting for `batch`.
    fn bound(&self, batch: usize) -> usize {
        batch.saturating_add(1).saturating_add(self.shared.options.prefetch_batches)
    }

    /// The next batch that is not empty.
    fn advance(&mut self) -> Result<Option<Batch>> {
        let plan = match &self.plan {
            Some(plan) => plan.clone(),
            None => self.start()?,
        };
        while let Some(batch) = self.left.next() {
            if let Loading::Workers(workers) = &self.loading {
                workers.allow(self.bound(batch));
            }
            let mut pieces = Vec::new();
            while plan.pieces.get(self.next_piece).is_some_and(|piece| piece.batch == batch) {
                pieces.push(self.load_piece(&plan, self.next_piece)?);
                self.next_piece += 1;
            }
            self.note_skipped(&pieces);
            if let Some(batch) = plan.assemble(batch, pieces)? {
                self.given += 1;
                return Ok(Some(batch));
            }
        }
        match &self.first_skipped {
            Some(reason) if self.given == 0 => {
                Err(Error::Loader(format!("none of the files could be read; the first: {reason}")))
            }
            _ => Ok(None),
        }
    }

    fn load_piece(&mut self, plan: &Plan, number: usize) -> Result<Loaded> {
        match &mut self.loading {
            Loading::Workers(workers) => workers.take(number),
            _ if interrupted() => Err(Error::Interrupted),
            Loading::Inline(values) => plan.load(&plan.pieces[number], values, &AtomicBool::new(false)),
            Loading::Idle | Loading::Ended => Err(Error::Loader("the batches have ended".into())),
        }
    }

    fn note_skipped(&mut self, pieces: &[Loaded]) {
        let mut all = self.shared.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, reason) in pieces.iter().flat_map(|piece| &piece.skipped) {
            self.first_skipped.get_or_insert_with(|| reason.clone());
            all.insert(path.clone(), reason.clone());
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if matches!(self.loading, Loading::Ended) {
            return None;
        }
        let result = self.advance().transpose();
        if !matches!(result, Some(Ok(_))) {
            self.left = 0..0;
            self.loading = Loading::Ended;
            self.plan = None;
        }
        result
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.len().max(1)))
    }
}

impl FusedIterator for Batches {}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batches(epoch {}, {} batches left)", self.epoch, self.left.len())
    }
}
