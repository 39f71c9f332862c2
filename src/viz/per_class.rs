//! Bars per class: its accuracy, and its number of pictures.

use super::Figure;
use super::answers::Answered;
use super::labels::Names;
use crate::Result;
use crate::data::{CategoryNames, Dataset};
use crate::drawing::bars::{self, Bar};
use crate::drawing::palette::{BLUE, ORANGE};

/// How many of each class's pictures were right, the worst class first; classes below half are
/// orange. Classes without a picture are left out.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if answers and `class_names` do not match; the error of
/// [`CategoryNames::name`] for a label without name.
pub fn plot_accuracy_per_class(
    evaluation: &impl Answered,
    class_names: &[String],
    cat_to_name: &CategoryNames,
) -> Result<Figure> {
    let answers = evaluation.answers()?;
    answers.check(class_names.len())?;
    let names = Names::of(class_names, cat_to_name)?;
    let mut tally = vec![(0usize, 0usize); class_names.len()];
    for (index, label) in answers.labels.iter().enumerate() {
        tally[*label].0 += usize::from(answers.is_right(index));
        tally[*label].1 += 1;
    }
    let share = |(right, of): (usize, usize)| right as f64 / of as f64;
    let mut classes: Vec<usize> = (0..tally.len()).filter(|class| tally[*class].1 > 0).collect();
    classes.sort_by(|a, b| share(tally[*a]).total_cmp(&share(tally[*b])).then(a.cmp(b)));
    let bar = |&class: &usize| {
        let (right, of) = tally[class];
        let colour = if 2 * right < of { ORANGE } else { BLUE };
        let text = format!("{:.0} %  {right}/{of}", 100.0 * share(tally[class]));
        Bar::new(names.drawn[class].as_str(), share(tally[class]), text).colour(colour)
    };
    let bars: Vec<Bar> = classes.iter().map(bar).collect();
    let mean = classes.iter().map(|class| share(tally[*class])).sum::<f64>() / classes.len().max(1) as f64;
    let all = if answers.is_empty() { 0.0 } else { answers.corrects() as f64 / answers.len() as f64 };
    let (mean, all) = (100.0 * mean, 100.0 * all);
    let told = format!("all pictures {all:.1} %, mean of the classes {mean:.1} %, the worst class first");
    let line = |&class: &usize| {
        let (right, of) = tally[class];
        format!("\n{}: {right} of {of}", names.full[class])
    };
    let alt = format!("accuracy of {} classes: {told}", classes.len());
    bars::figure("Accuracy per class", &told, &bars, 1.0, alt + &classes.iter().map(line).collect::<String>())
}

/// How many pictures of a data set each class has, the largest class first; those with less than a
/// third of the largest are orange.
///
/// # Errors
/// The error of [`CategoryNames::name`] for a label without name; the data set's own, where a class is
/// known only when the sample is read.
pub fn plot_class_counts(dataset: &dyn Dataset, cat_to_name: &CategoryNames) -> Result<Figure> {
    let names = Names::of(&dataset.classes(), cat_to_name)?;
    let mut counts = vec![0usize; names.full.len()];
    let mut rng = fastrand::Rng::with_seed(0);
    for index in 0..dataset.len() {
        let label = match dataset.label(index) {
            Some(label) => label,
            None => dataset.get(index, &mut rng)?.1,
        };
        if let Some(count) = usize::try_from(label).ok().and_then(|label| counts.get_mut(label)) {
            *count += 1;
        }
    }
    draw_counts(&counts, &names)
}

fn draw_counts(counts: &[usize], names: &Names) -> Result<Figure> {
    let mut classes: Vec<usize> = (0..counts.len()).collect();
    classes.sort_by_key(|class| (std::cmp::Reverse(counts[*class]), *class));
    let most = classes.first().map_or(0, |class| counts[*class]);
    let least = classes.last().map_or(0, |class| counts[*class]);
    // A class that training hardly sees is what one looks for here.
    let bar = |&class: &usize| {
        let colour = if counts[class] * 3 < most { ORANGE } else { BLUE };
        let count = counts[class];
        Bar::new(names.drawn[class].as_str(), count as f64, count.to_string()).colour(colour)
    };
    let bars: Vec<Bar> = classes.iter().map(bar).collect();
    let total: usize = counts.iter().sum();
    let mut told = format!("{total} pictures in {} classes, {least} to {most} a class", counts.len());
    if 3 * least < most {
        told += "; orange has less than a third of the largest";
    }
    let lines: String =
        classes.iter().map(|class| format!("\n{}: {}", names.full[*class], counts[*class])).collect();
    let alt = format!("pictures per class: {told}{lines}");
    bars::figure("Pictures per class", &told, &bars, most as f64, alt)
}
