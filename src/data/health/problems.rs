//! Derives problems from the findings.

use std::collections::BTreeMap;
use std::fmt;

use super::examine::Finding;
use super::{CheckedFile, SetHealth};

/// A class counts as rare if it has this many times fewer pictures than the largest.
const RARE: usize = 10;

/// A problem of a data set. Prints as a sentence.
#[derive(Clone, PartialEq, Eq)]
pub enum Problem {
    /// The same picture is in training and in validation: validation results are too good.
    Leak {
        /// Where it is.
        places: Vec<CheckedFile>,
        /// Whether the files are equal byte by byte; else their pixels are.
        same_bytes: bool,
    },
    /// The same picture has two labels.
    TwoLabels {
        /// Where it is.
        places: Vec<CheckedFile>,
        /// Whether the files are equal byte by byte; else their pixels are.
        same_bytes: bool,
    },
    /// The same picture is twice in one part, under one label.
    Duplicate {
        /// Where it is.
        places: Vec<CheckedFile>,
        /// Whether the files are equal byte by byte; else their pixels are.
        same_bytes: bool,
    },
    /// A file cannot be read.
    Unreadable {
        /// Which.
        place: CheckedFile,
        /// Why.
        reason: String,
    },
    /// Pictures that are not plain RGB; they are converted when they are read.
    OddMode {
        /// The part.
        part: String,
        /// PIL's name of the mode.
        mode: String,
        /// How many.
        count: usize,
        /// The first of them.
        first: CheckedFile,
    },
    /// A class has far fewer pictures than the largest.
    RareClass {
        /// The part.
        part: String,
        /// The class.
        class: String,
        /// How many it has.
        count: usize,
        /// How many the largest has.
        largest: usize,
    },
}

/// All problems, the worst first.
pub(super) fn problems(parts: &[SetHealth], places: &[CheckedFile], findings: &[Finding]) -> Vec<Problem> {
    let unreadable = places.iter().zip(findings).filter_map(|(place, finding)| {
        Some(Problem::Unreadable { place: place.clone(), reason: finding.unreadable.clone()? })
    });
    let mut all: Vec<Problem> = unreadable.collect();
    all.extend(duplicates(places, findings));
    for part in parts {
        all.extend(odd_modes(part, places, findings));
        all.extend(rare_classes(part));
    }
    all.sort_by_key(rank);
    all
}

fn rank(problem: &Problem) -> usize {
    match problem {
        Problem::Unreadable { .. } => 0,
        Problem::Leak { .. } => 1,
        Problem::TwoLabels { .. } => 2,
        Problem::Duplicate { .. } => 3,
        Problem::RareClass { .. } => 4,
        Problem::OddMode { .. } => 5,
    }
}

/// Groups of the same picture. Files with the same bytes have the same pixels, so grouping by pixels finds
/// both.
fn duplicates(places: &[CheckedFile], findings: &[Finding]) -> Vec<Problem> {
    let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(digest) = finding.pixel_digest {
            groups.entry(digest).or_default().push(index);
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    groups.into_iter().map(|group| duplicate(&group, places, findings)).collect()
}

fn duplicate(group: &[usize], places: &[CheckedFile], findings: &[Finding]) -> Problem {
    let first = group[0];
    let all = |same: &dyn Fn(usize) -> bool| group.iter().all(|&index| same(index));
    let same_bytes = all(&|index| findings[index].file_digest == findings[first].file_digest);
    let same_part = all(&|index| places[index].part == places[first].part);
    let same_class = all(&|index| places[index].class == places[first].class);
    let places = group.iter().map(|&index| places[index].clone()).collect();
    match (same_part, same_class) {
        (false, _) => Problem::Leak { places, same_bytes },
        (true, false) => Problem::TwoLabels { places, same_bytes },
        (true, true) => Problem::Duplicate { places, same_bytes },
    }
}

fn odd_modes(part: &SetHealth, places: &[CheckedFile], findings: &[Finding]) -> Vec<Problem> {
    let odd = part.modes.iter().filter(|(mode, _)| mode != "RGB");
    odd.filter_map(|(mode, count)| {
        let first = places
            .iter()
            .zip(findings)
            .find(|(place, finding)| place.part == part.name && finding.mode.as_ref() == Some(mode))?;
        let (part, mode, first) = (part.name.clone(), mode.clone(), first.0.clone());
        Some(Problem::OddMode { part, mode, count: *count, first })
    })
    .collect()
}

fn rare_classes(part: &SetHealth) -> Vec<Problem> {
    let largest = part.counts.counts.iter().copied().max().unwrap_or(0);
    let counted = part.counts.classes.iter().zip(&part.counts.counts);
    counted
        .filter(|&(_, &count)| count * RARE < largest)
        .map(|(class, &count)| Problem::RareClass {
            part: part.name.clone(),
            class: class.clone(),
            count,
            largest,
        })
        .collect()
}

impl fmt::Display for CheckedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (class {})", self.path.display(), self.class)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |places: &[CheckedFile]| {
            places.iter().map(CheckedFile::to_string).collect::<Vec<_>>().join(" and ")
        };
        let same = |bytes: &bool| if *bytes { "the same file" } else { "the same pixels" };
        let of = |part: &String| if part.is_empty() { String::new() } else { format!(" of {part}") };
        match self {
            Problem::Leak { places, same_bytes } => {
                write!(f, "{} in train and valid: {}", same(same_bytes), list(places))
            }
            Problem::TwoLabels { places, same_bytes } => {
                write!(f, "{} under two labels: {}", same(same_bytes), list(places))
            }
            Problem::Duplicate { places, same_bytes } => {
                write!(f, "{} {} times: {}", same(same_bytes), places.len(), list(places))
            }
            Problem::Unreadable { place, reason } => write!(f, "cannot be read: {place}: {reason}"),
            Problem::OddMode { part, mode, count, first } => {
                let are = if *count == 1 { "picture is" } else { "pictures are" };
                write!(
                    f,
                    "{count} {are} {mode}, not RGB{}: {first}",
                    if *count > 1 { ", the first" } else { "" }
                )?;
                f.write_str(&of(part))
            }
            Problem::RareClass { part, class, count, largest } => {
                write!(
                    f,
                    "class {class}{} has {count}, the largest {largest}: see WeightedRandomSampler",
                    of(part)
                )
            }
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
