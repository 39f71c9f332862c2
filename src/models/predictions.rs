//! A model's predictions for a batch of pictures; print as the tutorial's `preds` array.

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

crate::notebook::rich_by_show!(Predictions);

crate::notebook::vars::known_by_len!([] Predictions: "prediction";);

#[cfg(test)]
mod tests {
    use super::*;

    /// The tutorial's own array and line breaks, less the dtype that NumPy adds on Windows alone.
    const TUTORIAL: &str = "\
array([ 89,  38,  56,  26,  60,  43,  23,  78,  53,   5,  30,  23,  43,
        39,  89,  74,  87,  27,  43,  49,  54,  80,  43,  59,  56,  41,
        90,  81,  59,  88,  73,   2,  24,  99,  50,  27,  61,  78, 101,
        57,  49,  41,  62,  80,  61,  39,  49,  67,  48,   9,  52,  49])";

    #[test]
    fn prints_as_the_tutorial() {
        let values: Vec<usize> = TUTORIAL
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect();
        assert_eq!(values.len(), 52);
        assert_eq!(numpy_array(&values), TUTORIAL);
    }

    #[test]
    fn prints_few_none_and_many_as_numpy() {
        assert_eq!(numpy_array(&[3, 1]), "array([3, 1])");
        assert_eq!(numpy_array(&[]), "array([], dtype=int64)");
        let many: Vec<usize> = (0..2000).collect();
        assert_eq!(numpy_array(&many), "array([   0,    1,    2, ..., 1997, 1998, 1999])");
        // `np.arange(19)` fills its line, one more would not fit.
        let line =
            "array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,\n       17, 18])";
        assert_eq!(numpy_array(&(0..19).collect::<Vec<_>>()), line);
    }

    #[test]
    fn probabilities_are_the_softmax() -> Result<()> {
        let logits = Tensor::from_slice(&[1f32, 3.0, 2.0, 0.0, 0.0, 0.0]).f_view([2, 3])?;
        let predictions = Predictions::from_logits(&logits)?;
        // e³ / (e¹ + e³ + e²)
        assert_eq!(predictions.class(0)?, 1);
        assert!((predictions.confidence(0)? - 0.665241).abs() < 1e-6);
        assert!((predictions.confidence(1)? - 1.0 / 3.0).abs() < 1e-6);
        let classes: Vec<usize> = predictions.top_k(0, 10)?.iter().map(|guess| guess.class).collect();
        assert_eq!(classes, [1, 2, 0]);
        assert!(predictions.class(2).unwrap_err().to_string().contains("the batch has 2 pictures"));
        assert!(predictions.top_k(5, 1).is_err());
        assert!(Predictions::from_logits(&Tensor::from_slice(&[1f32])).is_err());
        let none = Predictions::from_logits(&logits.f_narrow(0, 0, 0)?)?;
        assert!(none.is_empty());
        Ok(())
    }
}
