//! Axes of a chart: range, ticks and tick labels.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Numbers with more decimals than this may have no room beside an axis.
const MOST_DECIMALS: usize = 4;
/// Nor may numbers from this size on.
const LARGE: f64 = 1e6;

/// One axis of a chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    /// Lower and upper end, in the axis's own unit.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<f64>,
    /// Whether that unit is the logarithm to base 10 of the values.
    logarithmic: bool,
    decimals: usize,
}

impl Scale {
    /// From 0, or from below the least value where 0 would flatten the line.
    pub(crate) fn from_zero(values: &[f64]) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let low = if low >= 0.0 && low < 0.6 * high { 0.0 } else { low - 0.08 * stretch(low, high) };
        Self::linear(low, high + 0.06 * stretch(low, high))
    }

    /// For shares: from 0 to a little above the greatest, which cannot be more than 1.
    pub(crate) fn share(values: &[f64]) -> Self {
        let high = extent(values).map_or(1.0, |(_, high)| high);
        Self::linear(0.0, (1.1 * high).clamp(0.05, 1.02))
    }

    /// For learning rates: logarithmic if they span more than a factor of 3.
    pub(crate) fn rate(values: &[f64]) -> Self {
        match extent(values) {
            Some((low, high)) if low > 0.0 && high / low > 3.0 => {
                let (low, high) = (low.log10(), high.log10());
                let pad = 0.08 * (high - low);
                let step = ((high - low) / 5.0).ceil().max(1.0);
                let mut ticks: Vec<f64> = multiples(low - pad, high + pad, step);
                if ticks.len() < 2 {
                    ticks = vec![low, high];
                }
                Self { low: low - pad, high: high + pad, ticks, logarithmic: true, decimals: 0 }
            }
            Some((low, high)) => {
                let mut scale = Self::linear(0.0f64.min(low), 1.25 * high.max(1e-12));
                // A few such small numbers read best as they were typed.
                scale.decimals = usize::MAX;
                scale
            }
            None => Self::linear(0.0, 1.0),
        }
    }

    /// The horizontal axis: epochs from 0, at most eight of them numbered.
    pub(crate) fn epochs(count: usize) -> Self {
        let last = count.saturating_sub(1) as f64;
        let pad = if last == 0.0 { 0.5 } else { (0.04 * last).min(0.5) };
        let ticks = multiples(0.0, last, nice_step(last / 7.0).max(1.0).round());
        Self { low: -pad, high: last + pad, ticks, logarithmic: false, decimals: 0 }
    }

    /// The whole stretch of the values and a little more.
    pub(crate) fn around(values: &[f64]) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let pad = (0.05 * stretch(low, high)).max(1e-9);
        Self::linear(low - pad, high + pad)
    }

    /// From 0 to a little above the greatest, or below the least where that is negative: for lengths of bars.
    pub(crate) fn with_zero(values: &[f64]) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let (low, high) = (low.min(0.0), high.max(0.0));
        let pad = (0.04 * (high - low)).max(1e-9);
        Self::linear(if low < 0.0 { low - pad } else { 0.0 }, high + pad)
    }

    /// From one end to the other.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        Self::linear(low, high)
    }

    /// For durations and other costs: logarithmic, with ticks at 1, 2 and 5 of each power of ten, if the greatest is
    /// more than eight times the least; else from 0.
    pub(crate) fn cost(values: &[f64]) -> Self {
        match extent(values) {
            Some((low, high)) if low > 0.0 && high > 8.0 * low => {
                let (low, high) = (low.log10() - 0.08, high.log10() + 0.08);
                let powers = low.floor() as i32..=high.ceil() as i32;
                let digits: &[f64] = if high - low < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let ticks =
                    powers.flat_map(|power| digits.iter().map(move |digit| f64::from(power) + digit.log10()));
                let ticks = ticks.filter(|tick| (low..=high).contains(tick)).collect();
                Self { low, high, ticks, logarithmic: true, decimals: 0 }
            }
            _ => Self::with_zero(values),
        }
    }

    /// Where a value is between the ends, 0 to 1 for those on the axis; `None` if it cannot be shown.
    pub(crate) fn share_of(&self, value: f64) -> Option<f32> {
        self.place(value).map(|place| ((place - self.low) / (self.high - self.low)) as f32)
    }

    /// Logarithmic, for positive values however many powers of ten they span.
    pub(crate) fn logarithmic(values: &[f64]) -> Self {
        let logs: Vec<f64> = values.iter().filter(|value| **value > 0.0).map(|value| value.log10()).collect();
        let (low, high) = extent(&logs).unwrap_or((-1.0, 0.0));
        let pad = (0.02 * (high - low)).max(0.05);
        let step = ((high - low) / 7.0).ceil().max(1.0);
        let mut ticks = multiples(low - pad, high + pad, step);
        if ticks.len() < 2 {
            ticks = vec![low, high];
        }
        Self { low: low - pad, high: high + pad, ticks, logarithmic: true, decimals: 0 }
    }

    fn linear(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + low.abs().max(1.0) };
        let step = nice_step((high - low) / 6.0);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        Self { low, high, ticks: multiples(low, high, step), logarithmic: false, decimals }
    }

    /// The label of a tick.
    pub(crate) fn text(&self, tick: f64) -> String {
        if self.logarithmic {
            return short(10f64.powf(tick));
        }
        if self.decimals == usize::MAX {
            return short(tick);
        }
        let plain = |tick: f64| format!("{tick:.*}", self.decimals);
        if self.decimals <= MOST_DECIMALS && self.ticks.iter().all(|tick| tick.abs() < LARGE) {
            return plain(tick);
        }
        // Near a number such as 0.5, many decimals are still shorter. All ticks of an axis are written alike.
        let longest = |write: &dyn Fn(f64) -> String| self.ticks.iter().map(|tick| write(*tick).len()).max();
        if longest(&scientific) < longest(&plain) { scientific(tick) } else { plain(tick) }
    }

    /// Where a value is on the axis; `None` if it is not a number that can be shown.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let place = if self.logarithmic { value.log10() } else { value };
        place.is_finite().then_some(place)
    }

    /// The values as points over their epochs, in unbroken runs: a value that cannot be shown
    /// breaks the line.
    pub(crate) fn runs(&self, values: &[f64]) -> Vec<Vec<(f64, f64)>> {
        let mut runs = vec![Vec::new()];
        for (epoch, value) in values.iter().enumerate() {
            match (self.place(*value), runs.last_mut()) {
                (Some(place), Some(run)) => run.push((epoch as f64, place)),
                _ => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        self.text(*value)
    }
}

/// Least and greatest of the finite values.
fn extent(values: &[f64]) -> Option<(f64, f64)> {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    finite.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// The length of a range, not so short beside its ends that its ticks need more digits than fit.
fn stretch(low: f64, high: f64) -> f64 {
    (high - low).max(1e-3 * low.abs().max(high.abs())).max(1e-9)
}

/// The least of 1, 2, 5 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let step = step.max(1e-12);
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|nice| *nice >= 0.999 * step)
        .unwrap_or(step)
}

/// The multiples of `step` from `low` to `high`.
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last.min(first.saturating_add(50))).map(|i| i as f64 * step).collect()
}

/// A number with an exponent, as short as possible: `5e8`, `4.95e-8`, and `0`.
fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    // A multiple of a step such as 5e-10 differs from the decimal number that it stands for in its last digits.
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    format!("{rounded:e}")
}

/// A number as one would type it: `0.01`, `1e-5`.
pub(crate) fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    if rounded == 0.0 || (1e-3..LARGE).contains(&rounded.abs()) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_whole_and_few() {
        assert_eq!(Scale::epochs(1).ticks, [0.0]);
        assert_eq!(Scale::epochs(3).ticks, [0.0, 1.0, 2.0]);
        assert_eq!(Scale::epochs(20).ticks, [0.0, 5.0, 10.0, 15.0]);
        for epochs in 1..500 {
            let ticks = Scale::epochs(epochs).ticks;
            assert!(!ticks.is_empty() && ticks.len() <= 8 && ticks.iter().all(|tick| tick.fract() == 0.0));
        }
    }

    #[test]
    fn ticks_read_well() {
        let accuracy = Scale::share(&[0.241, 0.393]);
        let texts = |scale: &Scale| scale.ticks.iter().map(|tick| scale.text(*tick)).collect::<Vec<_>>();
        assert_eq!(texts(&accuracy), ["0.0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(texts(&Scale::rate(&[0.01, 0.01, 0.001])), ["0.001", "0.01"]);
        assert_eq!(texts(&Scale::rate(&[1e-3, 1e-5])), ["1e-5", "1e-4", "0.001"]);
        assert!(texts(&Scale::rate(&[0.01])).contains(&"0.01".to_string()));
        assert_eq!(texts(&Scale::from_zero(&[4.06, 2.9])), ["3.0", "3.5", "4.0"]);
        assert_eq!(texts(&Scale::cost(&[3.0, 70.0])), ["5", "10", "20", "50"]);
        assert_eq!(texts(&Scale::cost(&[20.0, 45.0])), ["0", "10", "20", "30", "40"]);
        assert_eq!(texts(&Scale::with_zero(&[-0.2, 0.4])), ["-0.2", "0.0", "0.2", "0.4"]);
    }

    #[test]
    fn tick_texts_fit_beside_the_axis() {
        for scale in [
            Scale::from_zero(&[0.0, 3e9]),
            Scale::with_zero(&[3e9]),
            Scale::around(&[1e9, 3e9]),
            Scale::logarithmic(&[1.0, 3e9]),
            Scale::cost(&[1e6, 3e9]),
            Scale::with_zero(&[1.2e6]),
            Scale::around(&[5e-8]),
            Scale::around(&[4e-8, 5e-8]),
            Scale::with_zero(&[5e-8]),
            Scale::from_zero(&[2.6]),
            Scale::around(&[0.5]),
            Scale::between(0.0, 1.2e-4),
        ] {
            let texts: Vec<String> = scale.ticks.iter().map(|tick| scale.text(*tick)).collect();
            let distinct: std::collections::HashSet<&String> = texts.iter().collect();
            assert!(texts.len() > 1 && distinct.len() == texts.len(), "{texts:?}");
            assert!(texts.iter().all(|text| text.len() <= 7), "{texts:?}");
        }
        let billions = Scale::with_zero(&[3e9]);
        assert_eq!(billions.ticks.iter().map(|tick| billions.text(*tick)).nth(3).unwrap(), "3e9");
        assert_eq!(Scale::between(0.0, 1e5).text(1e5), "100000");
        assert_eq!(Scale::around(&[0.5]).text(0.5), "0.50000");
    }

    #[test]
    fn equal_values_have_a_scale_whatever_their_size() {
        for value in [0.0, 1.0, 1e16, 1e18, -1e18, 1e300] {
            for scale in [Scale::around(&[value]), Scale::from_zero(&[value]), Scale::between(value, value)] {
                assert!(scale.high > scale.low && !scale.ticks.is_empty(), "{value} {scale:?}");
            }
        }
        assert!(!multiples(1e18, 1e18, 1e-12).is_empty());
    }

    #[test]
    fn what_cannot_be_shown_breaks_the_line() {
        let values = [1.0, f64::NAN, 2.0, 3.0, f64::INFINITY];
        let scale = Scale::from_zero(&values);
        assert_eq!(scale.runs(&values), [vec![(0.0, 1.0)], vec![(2.0, 2.0), (3.0, 3.0)]]);
        for odd in [&[][..], &[f64::NAN], &[0.0], &[-1.0, -1.0], &[1e300, -1e300]] {
            let scales = [Scale::from_zero, Scale::share, Scale::rate, Scale::with_zero, Scale::cost];
            for scale in scales.map(|scale| scale(odd)) {
                assert!(scale.low < scale.high && scale.ticks.len() <= 51, "{odd:?} {scale:?}");
            }
        }
    }
}
