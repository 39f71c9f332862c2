//! A pass's batches on the model's device.
//!
//! On a GPU the next batch is read and copied, from pinned memory and on a stream of its own, while the GPU computes
//! the present one.

use tch::{Device, Tensor};
use torch_accelerator::{CopiesInFlight, CopyStream};

use super::distributed::Next;
use crate::data::{Batch, Batches};
use crate::{Error, Result, notebook};

/// Where a pass's batches come from.
pub(super) struct Feed {
    device: Device,
    /// On a GPU.
    stream: Option<CopyStream>,
    /// What [`look_ahead`](Feed::look_ahead) has found.
    ahead: Option<(Result<Next>, Option<CopiesInFlight>)>,
    /// The copies of the batch that was given last.
    copies: Option<CopiesInFlight>,
}

impl Feed {
    /// # Errors
    /// When there is no such GPU.
    pub fn new(device: Device) -> Result<Feed> {
        let stream = if device.is_cuda() { Some(CopyStream::new(device)?) } else { None };
        Ok(Feed { device, stream, ahead: None, copies: None })
    }

    /// The next batch, which may be on its way to the device already.
    ///
    /// # Errors
    /// The loader's.
    pub fn next(&mut self, batches: &mut Batches) -> Result<Next> {
        let (next, copies) = self.ahead.take().unwrap_or_else(|| (next(batches), None));
        self.copies = copies;
        next
    }

    /// On a GPU, reads the batch after the present one and starts to copy it.
    pub fn look_ahead(&mut self, batches: &mut Batches) {
        let Some(stream) = &self.stream else { return };
        let next = next(batches);
        let copies = match &next {
            // Where there is no room beside the present batch, it is copied when its turn comes.
            Ok(Next::Batch(batch)) => stream.copy(&[&batch.images, &batch.labels]).ok(),
            _ => None,
        };
        self.ahead = Some((next, copies));
    }

    /// Images and labels of the batch that [`next`](Feed::next) gave, on the device.
    ///
    /// # Errors
    /// When there is no room.
    pub fn on_device(&mut self, batch: &Batch) -> Result<(Tensor, Tensor)> {
        let Some(stream) = &self.stream else {
            let labels = batch.labels.f_to_device(self.device)?;
            return Ok((batch.images.f_to_device(self.device)?, labels));
        };
        let copies = match self.copies.take() {
            Some(copies) => copies,
            None => stream.copy(&[&batch.images, &batch.labels])?,
        };
        let copied: Result<[Tensor; 2], _> = stream.wait(copies)?.try_into();
        let [images, labels] = copied.map_err(|_| Error::Torch("a copy of a batch is lost".into()))?;
        Ok((images, labels))
    }
}

fn next(batches: &mut Batches) -> Result<Next> {
    if notebook::interrupted() {
        return Ok(Next::Interrupted);
    }
    match batches.next() {
        Some(Err(Error::Interrupted)) => Ok(Next::Interrupted),
        Some(batch) => batch.map(Next::Batch),
        None => Ok(Next::End),
    }
}
