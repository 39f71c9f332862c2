//! From the pieces of a batch to the batch.

use tch::Tensor;

use super::plan::{Loaded, same_shape};
use crate::Result;
use crate::data::Batch;

/// The batch of `pieces`, in order; nothing where none of them holds a sample.
///
/// # Errors
/// When samples differ in shape.
pub(super) fn assemble(pieces: Vec<Loaded>) -> Result<Option<Batch>> {
    let mut pieces = pieces.into_iter().filter(|piece| !piece.labels.is_empty());
    let Some(mut all) = pieces.next() else { return Ok(None) };
    let Some((shape, first_path)) = all.shape.take() else { return Ok(None) };
    for mut piece in pieces {
        if let Some((other, path)) = &piece.shape {
            same_shape(shape, &first_path, *other, path)?;
        }
        all.values.append(&mut piece.values);
        all.labels.append(&mut piece.labels);
        all.paths.append(&mut piece.paths);
    }
    let [c, h, w] = shape;
    let images = Tensor::f_from_slice(&all.values)?.f_view([all.labels.len() as i64, c, h, w])?;
    let labels = Tensor::f_from_slice(&all.labels)?;
    Ok(Some(Batch { images, labels, paths: all.paths }))
}
