//! A batch that is too large for the memory says so, and what would fit.

use tch::Device;

use crate::Error;
use crate::models::Model;

/// The error in the learner's words where libtorch had no memory left for a batch of `batch` pictures.
pub(super) fn explained(error: Error, model: &Model, batch: usize) -> Error {
    match error {
        Error::Torch(told) if is_memory(&told) => Error::OutOfMemory {
            model: model.name().to_owned(),
            batch,
            advice: advice(model.device(), batch),
            told,
        },
        other => other,
    }
}

fn is_memory(told: &str) -> bool {
    ["can't allocate memory", "out of memory", "not enough memory", "alloc failed", "bad_alloc"]
        .iter()
        .any(|words| told.to_lowercase().contains(words))
}

/// Half is a guess that mostly holds: some of the batch did fit.
fn advice(device: Device, batch: usize) -> String {
    match batch {
        0 | 1 => "not even one picture fits: resize the pictures smaller, or take a smaller network".into(),
        batch => format!(
            "make the loaders with batch_size {} ({}), or resize the pictures smaller",
            batch / 2,
            match device {
                Device::Cpu => "or close what else runs on this machine",
                _ => "or free what else is on the device",
            }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorchs_words_for_no_memory_are_known() {
        assert!(is_memory(
            "[enforce fail at alloc_cpu.cpp:129] . DefaultCPUAllocator: can't allocate memory: you tried"
        ));
        assert!(is_memory("CUDA out of memory. Tried to allocate 20.00 MiB"));
        assert!(!is_memory("mat1 and mat2 shapes cannot be multiplied"));
    }
}
