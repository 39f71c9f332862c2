//! What a model says about a batch of pictures; prints as the tutorial's `preds` array.

use std::fmt;

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// One class a picture may show, and how sure the model is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The class, an index into `class_names`.
    pub class: usize,
    /// Its probability, 0 to 1.
    pub confidence: f64,
}

/// The probabilities a model gives each class of each picture, and the likeliest class of each.
pub struct Predictions {
    probabilities: Tensor,
    best: Vec<Guess>,
}

impl Predictions {
    /// Softmax over logits `(N, C)`; the results are on the CPU.
    ///
    /// # Errors
    /// [`Error::Argument`] when `logits` are not of two dimensions or have no classes.
    pub fn from_logits(logits: &Tensor) -> Result<Predictions> {
        let classes = match logits.size().as_slice() {
            &[_, classes] if classes > 0 => classes,
            size => return Err(Error::Argument(format!("logits must be (N, C) with C > 0, got {size:?}"))),
        };
        let probabilities = logits.f_detach()?.f_softmax(-1, Kind::Float)?.f_to_device(Device::Cpu)?;
        let best = guesses(&probabilities, 1.min(classes))?.into_iter().flatten().collect();
        Ok(Predictions { probabilities, best })
    }

    /// The probabilities `(N, C)`, float32 on the CPU; each row sums to 1.
    pub fn probabilities(&self) -> &Tensor {
        &self.probabilities
    }

    /// The likeliest class of each picture, as indices into `class_names`.
    pub fn indices(&self) -> Vec<usize> {
        self.best.iter().map(|guess| guess.class).collect()
    }

    /// How many pictures were looked at.
    pub fn len(&self) -> usize {
        self.best.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.best.is_empty()
    }

    /// The likeliest class of picture `index`, an index into `class_names`.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such picture in the batch.
    pub fn class(&self, index: usize) -> Result<usize> {
        Ok(self.best(index)?.class)
    }

    /// The probability of the likeliest class of picture `index`, 0 to 1.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such picture in the batch.
    pub fn confidence(&self, index: usize) -> Result<f64> {
        Ok(self.best(index)?.confidence)
    }

    /// The `k` likeliest classes of picture `index`, the likeliest first; all if there are fewer.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such picture in the batch.
    pub fn top_k(&self, index: usize, k: usize) -> Result<Vec<Guess>> {
        self.best(index)?;
        let classes = self.probabilities.size()[1];
        let row = self.probabilities.f_narrow(0, index as i64, 1)?;
        Ok(guesses(&row, classes.min(i64::try_from(k).unwrap_or(i64::MAX)))?.into_iter().flatten().collect())
    }

    fn best(&self, index: usize) -> Result<&Guess> {
        self.best.get(index).ok_or_else(|| {
            Error::Argument(format!(
                "there is no prediction {index}: the batch has {} pictures",
                self.best.len()
            ))
        })
    }
}

/// The `k` likeliest classes of each row of `(N, C)`.
fn guesses(probabilities: &Tensor, k: i64) -> Result<Vec<Vec<Guess>>> {
    let (values, classes) = probabilities.f_topk(k, -1, true, true)?;
    let rows = Vec::<Vec<f64>>::try_from(values.f_to_kind(Kind::Double)?)?;
    let classes = Vec::<Vec<i64>>::try_from(classes)?;
    let row = |(row, classes): (Vec<f64>, Vec<i64>)| {
        classes
            .into_iter()
            .zip(row)
            .map(|(class, confidence)| Guess { class: class as usize, confidence })
            .collect()
    };
    Ok(rows.into_iter().zip(classes).map(row).collect())
}

impl fmt::Display for Predictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&numpy_array(&self.indices()))
    }
}

impl fmt::Debug for Predictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text of `repr(numpy.array(values))`: right-aligned, lines of at most 74 characters, and
/// beyond a thousand values only the first and last three.
fn numpy_array(values: &[usize]) -> String {
    const LINE: usize = 73;
    const THRESHOLD: usize = 1000;
    const EDGE: usize = 3;
    const INDENT: &str = "       ";

    if values.is_empty() {
        return "array([], dtype=int64)".into();
    }
    let summarised = values.len() > THRESHOLD;
    let shown: Vec<usize> = if summarised {
        values[..EDGE].iter().chain(&values[values.len() - EDGE..]).copied().collect()
    } else {
        values.to_vec()
    };
    let width = shown.iter().map(|value| value.to_string().len()).max().unwrap_or(0);
    let mut words: Vec<String> = shown.iter().map(|value| format!("{value:>width$}")).collect();
    if summarised {
        words.insert(EDGE, "...".into());
    }

    let (mut text, mut line) = (String::new(), INDENT.to_owned());
    for (index, word) in words.iter().enumerate() {
        if line.len() > INDENT.len() && line.len() + word.len() > LINE {
            text.push_str(line.trim_end());
            text.push('\n');
            line = INDENT.to_owned();
        }
        line.push_str(word);
        if index + 1 < words.len() {
            line.push_str(", ");
        }
    }
    text.push_str(&line);
    format!("array([{}])", &text[INDENT.len()..])
}
