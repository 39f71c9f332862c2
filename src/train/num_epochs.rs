//! How many epochs the tutorial's two phases have.

use crate::{Error, Result};

/// The environment variable for a quick run: `HERBARIUM_EPOCHS=FROZEN,FINE`.
const VARIABLE: &str = "HERBARIUM_EPOCHS";

/// The epochs of the two phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumEpochs {
    /// The first phase: everything but the head is frozen.
    pub frozen: usize,
    /// The second phase: all layers learn.
    pub fine_tuning: usize,
}

/// The epochs given here, or those of the environment variable `HERBARIUM_EPOCHS` (`6,4`) where it is set.
///
/// # Errors
/// [`Error::Argument`] when the variable is not two numbers of at least 1.
pub fn num_epochs(frozen: usize, fine_tuning: usize) -> Result<NumEpochs> {
    match std::env::var(VARIABLE) {
        Ok(text) => parse(&text),
        Err(_) => Ok(NumEpochs { frozen, fine_tuning }),
    }
}

fn parse(text: &str) -> Result<NumEpochs> {
    let number = |part: &str| part.trim().parse::<usize>().ok().filter(|&epochs| epochs > 0);
    let parts: Vec<Option<usize>> = text.split(',').map(number).collect();
    match parts[..] {
        [Some(frozen), Some(fine_tuning)] => Ok(NumEpochs { frozen, fine_tuning }),
        _ => Err(Error::Argument(format!(
            "{VARIABLE} is {text:?}: give the epochs of both phases, as in {VARIABLE}=6,4"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_or_a_refusal() {
        assert_eq!(parse("6,4").unwrap(), NumEpochs { frozen: 6, fine_tuning: 4 });
        assert_eq!(parse(" 1 , 2 ").unwrap(), NumEpochs { frozen: 1, fine_tuning: 2 });
        for wrong in ["", "6", "6,4,2", "6,x", "0,4", "-1,4"] {
            assert!(parse(wrong).unwrap_err().to_string().contains("HERBARIUM_EPOCHS=6,4"), "{wrong}");
        }
    }
}
