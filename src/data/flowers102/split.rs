//! Which picture is for what.

use std::collections::BTreeMap;

use crate::data::SplitOptions;

/// Which pictures of the Oxford 102 flowers are for training, validation and test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flowers102Split {
    /// The authors' split: 10 pictures of every class to train on (1,020), 10 to validate on (1,020), and the rest to
    /// test (6,149). Published figures use this one.
    #[default]
    Official,
    /// As many as the tutorial's copy has in each part: 6,552 to train on, 818 to validate on, 819 to test, the same
    /// share of every class, drawn by a fixed seed. They are not the same pictures.
    TutorialSizes,
}

/// The names of the parts.
pub(super) const PARTS: [&str; 3] = ["train", "valid", "test"];

/// What the files say: the label of each picture (from 1), and the official part of each.
#[derive(Debug)]
pub(super) struct Official {
    pub(super) labels: Vec<usize>,
    pub(super) parts: Vec<usize>,
}

impl Official {
    /// Reads labels and split, of `count` pictures of `classes` classes.
    ///
    /// # Errors
    /// The file ("labels" or "split") and what is wrong with it.
    pub(super) fn of(
        labels: &BTreeMap<String, Vec<f64>>,
        split: &BTreeMap<String, Vec<f64>>,
        count: usize,
        classes: usize,
    ) -> Result<Official, (&'static str, String)> {
        let whole = |value: f64, most: usize| {
            (value.fract() == 0.0 && value >= 1.0 && value <= most as f64).then_some(value as usize)
        };
        let numbers = labels.get("labels").ok_or(("labels", "it has no matrix \"labels\"".to_string()))?;
        if numbers.len() != count {
            return Err(("labels", format!("it has {} labels and should have {count}", numbers.len())));
        }
        let labels = numbers
            .iter()
            .map(|&value| {
                whole(value, classes).ok_or(("labels", format!("{value} is not a label from 1 to {classes}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut parts = vec![None; count];
        for (part, name) in ["trnid", "valid", "tstid"].into_iter().enumerate() {
            let numbers = split.get(name).ok_or(("split", format!("it has no matrix \"{name}\"")))?;
            for &value in numbers {
                let picture = whole(value, count).ok_or((
                    "split",
                    format!("\"{name}\" has {value}, which is not a picture from 1 to {count}"),
                ))?;
                if parts[picture - 1].replace(part).is_some() {
                    return Err(("split", format!("picture {picture} is in it twice")));
                }
            }
        }
        let parts = parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| part.ok_or(("split", format!("picture {} is in no part of it", index + 1))));
        Ok(Official { labels, parts: parts.collect::<Result<_, _>>()? })
    }

    /// The label (from 1) of each picture, and its part as a number into [`PARTS`].
    pub(super) fn parts(self, split: Flowers102Split, classes: usize) -> (Vec<usize>, Vec<usize>) {
        let parts = match split {
            Flowers102Split::Official => self.parts,
            Flowers102Split::TutorialSizes => drawn(&self.labels, classes),
        };
        (self.labels, parts)
    }
}

/// A tenth of every class to validate on, a tenth to test: of 8,189 pictures 818 and 819.
fn drawn(labels: &[usize], classes: usize) -> Vec<usize> {
    let (valid, test) = (labels.len() / 10, labels.len().div_ceil(10));
    // The classes one after another, each in random order; taking every tenth then gives the same share of
    // each class to within one picture.
    let mut order: Vec<usize> = Vec::new();
    for label in 1..=classes {
        let mut members: Vec<usize> = (0..labels.len()).filter(|&index| labels[index] == label).collect();
        let seed = SplitOptions::default().seed_of(&label.to_string());
        fastrand::Rng::with_seed(seed).shuffle(&mut members);
        order.extend(members);
    }
    let mut parts = vec![0; labels.len()];
    let every = |count: usize, number: usize| number * labels.len() / count;
    for (part, count, shift) in [(1, valid, 2), (2, test, 7)] {
        for number in 0..count {
            let mut place = (every(count, number) + shift) % labels.len();
            while parts[order[place]] != 0 {
                place = (place + 1) % labels.len();
            }
            parts[order[place]] = part;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tutorial's sizes, and of every class about a tenth in each of the small parts.
    #[test]
    fn as_many_as_the_tutorial_has() {
        // Classes of 40 to 258 pictures, as the set has.
        let mut labels: Vec<usize> = (1..=102).flat_map(|label| vec![label; 40 + label * 39 % 80]).collect();
        labels.resize(8189, 51);
        let parts = drawn(&labels, 102);
        let count = |part| parts.iter().filter(|&&own| own == part).count();
        assert_eq!([count(0), count(1), count(2)], [6552, 818, 819]);
        for label in 1..=102 {
            let all = labels.iter().filter(|&&own| own == label).count() as f64;
            for part in [1, 2] {
                let own =
                    labels.iter().zip(&parts).filter(|&(&l, &p)| l == label && p == part).count() as f64;
                assert!((own - all / 10.0).abs() <= 1.5, "{label}: {own} of {all}");
            }
        }
        assert_eq!(drawn(&labels, 102), parts);
    }
}
