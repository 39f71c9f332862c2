//! `check()`: a data set's contents and problems.

mod examine;
mod problems;
mod show;

use std::cell::Cell;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use problems::Problem;

use super::{ClassCounts, Dataset, Skipped};
use crate::drawing::Figure;
use crate::drawing::bars::{self, Bar};
use crate::{Error, Result};

/// The result of reading every file of a data set once. Prints as a table and a list of problems; in a
/// notebook with a picture of the classes.
#[derive(Clone)]
pub struct Health {
    /// Each data set that was read: one, or `train` and `valid`.
    pub parts: Vec<SetHealth>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
    /// How long reading took.
    pub took: Duration,
    /// Makes the type `!Sync`, so that a cell that ends in `check()` shows it without a `?`, like a
    /// figure.
    rich: PhantomData<Cell<()>>,
}

/// What one data set is made of.
#[derive(Debug, Clone)]
pub struct SetHealth {
    /// `train`, `valid`, or empty where there is only one.
    pub name: String,
    /// How many files each class has.
    pub counts: ClassCounts,
    /// The bytes of all files.
    pub bytes: u64,
    /// Width and height of the picture with the fewest pixels, of the middle one, and of the one with the
    /// most; nothing where no picture could be read.
    pub sizes: Option<[(u32, u32); 3]>,
    /// How many different sizes there are.
    pub distinct_sizes: usize,
    /// PIL's name of each colour mode and how many pictures have it, the most frequent first.
    pub modes: Vec<(String, usize)>,
    /// The files that cannot be read, with the reason.
    pub unreadable: Vec<Skipped>,
}

/// A file of one of the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// The part's name.
    pub part: String,
    /// The file.
    pub path: PathBuf,
    /// Its class.
    pub class: String,
}

impl Health {
    /// Reads every file of the data sets, on all cores, with a progress bar.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Argument`] where a data set's samples are not files with a class. A bad
    /// file is a finding, not an error.
    pub(super) fn of(sets: &[(&str, &dyn Dataset)]) -> Result<Health> {
        let started = Instant::now();
        let places = places(sets)?;
        let findings = examine::examine(&places)?;
        let mut parts = Vec::new();
        let mut rest = findings.as_slice();
        for (name, set) in sets {
            let (own, further) = rest.split_at(set.len());
            rest = further;
            parts.push(SetHealth::of(name, *set, own)?);
        }
        let problems = problems::problems(&parts, &places, &findings);
        Ok(Health { parts, problems, took: started.elapsed(), rich: PhantomData })
    }

    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many files each class has, as bars.
    ///
    /// # Errors
    /// When the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let Some(first) = self.parts.first() else {
            return Err(Error::Argument("there is no data set to draw".into()));
        };
        let count = |part: &SetHealth, class: &String| {
            let place = part.counts.classes.iter().position(|known| known == class);
            place.map_or(0, |place| part.counts.counts[place])
        };
        let bars: Vec<Bar> = first
            .counts
            .classes
            .iter()
            .map(|class| {
                let counts: Vec<usize> = self.parts.iter().map(|part| count(part, class)).collect();
                let text = counts.iter().map(usize::to_string).collect::<Vec<_>>().join(" + ");
                Bar::new(class.clone(), counts.iter().sum::<usize>() as f64, text)
            })
            .collect();
        let full = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
        let subtitle = if names.len() > 1 { names.join(" + ") } else { String::new() };
        let alt = format!("Pictures of each class: {}", show::summary(self));
        bars::figure("Pictures of each class", &subtitle, &bars, full, alt)
    }
}

impl SetHealth {
    fn of(name: &str, set: &dyn Dataset, findings: &[examine::Finding]) -> Result<SetHealth> {
        let mut sizes: Vec<(u32, u32)> = findings.iter().filter_map(|finding| finding.size).collect();
        sizes.sort_by_key(|&(width, height)| (u64::from(width) * u64::from(height), width));
        let ends = match (sizes.first(), sizes.get(sizes.len() / 2), sizes.last()) {
            (Some(&least), Some(&middle), Some(&most)) => Some([least, middle, most]),
            _ => None,
        };
        let mut modes: Vec<(String, usize)> = Vec::new();
        for mode in findings.iter().filter_map(|finding| finding.mode.as_deref()) {
            match modes.iter_mut().find(|(known, _)| known == mode) {
                Some((_, count)) => *count += 1,
                None => modes.push((mode.to_string(), 1)),
            }
        }
        modes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        sizes.sort_unstable();
        sizes.dedup();
        let unreadable = findings.iter().enumerate().filter_map(|(index, finding)| {
            let path = set.path(index)?.to_path_buf();
            Some(Skipped { path, reason: finding.unreadable.clone()? })
        });
        Ok(SetHealth {
            name: name.to_string(),
            counts: ClassCounts::of(set)?,
            bytes: findings.iter().map(|finding| finding.bytes).sum(),
            sizes: ends,
            distinct_sizes: sizes.len(),
            modes,
            unreadable: unreadable.collect(),
        })
    }
}

/// The files of all data sets, one after another.
fn places(sets: &[(&str, &dyn Dataset)]) -> Result<Vec<CheckedFile>> {
    let mut places = Vec::new();
    for (name, set) in sets {
        let classes = set.classes();
        for index in 0..set.len() {
            let path = set.path(index);
            let class = set.label(index).and_then(|label| classes.get(usize::try_from(label).ok()?));
            let (Some(path), Some(class)) = (path, class) else {
                return Err(Error::Argument(format!(
                    "sample {index} is not a file with a class: only data sets of picture files can be \
                    checked"
                )));
            };
            places.push(CheckedFile {
                part: name.to_string(),
                path: path.to_path_buf(),
                class: class.clone(),
            });
        }
    }
    Ok(places)
}
