//! Speed and remaining time.

use std::time::Duration;

/// How much the newest measurement weighs in the average, as in tqdm.
const SMOOTHING: f64 = 0.3;

/// Steps per second as a moving average: `average = 0.3 * newest + 0.7 * average`, with tqdm's
/// bias correction for the first measurements (each sum is divided by its weights so far).
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    steps: f64,
    seconds: f64,
    weight: f64,
}

impl Rate {
    /// Records that `steps` took `time`.
    pub(super) fn add(&mut self, steps: u64, time: Duration) {
        let keep = 1.0 - SMOOTHING;
        self.steps = SMOOTHING * steps as f64 + keep * self.steps;
        self.seconds = SMOOTHING * time.as_secs_f64() + keep * self.seconds;
        self.weight = SMOOTHING + keep * self.weight;
    }

    /// Steps per second; `None` before anything was measured.
    pub(super) fn per_second(&self) -> Option<f64> {
        let known = self.weight > 0.0 && self.seconds > 0.0 && self.steps > 0.0;
        known.then(|| self.steps / self.seconds)
    }
}

/// A time as tqdm writes it: `MM:SS`, from an hour on `H:MM:SS`.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// A number with three digits and SI prefixes, as tqdm's `format_sizeof` with a divisor of 1000:
/// `9.99`, `12.3`, `999`, `1.00k`, `527M`.
pub(super) fn scaled(number: f64) -> String {
    let mut number = number;
    for prefix in ["", "k", "M", "G", "T", "P"] {
        if number < 999.5 {
            return if number < 9.995 {
                format!("{number:.2}{prefix}")
            } else if number < 99.95 {
                format!("{number:.1}{prefix}")
            } else {
                format!("{number:.0}{prefix}")
            };
        }
        number /= 1000.0;
    }
    format!("{number:.0}E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_the_newest_and_begins_without_a_bias() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        rate.add(10, Duration::from_secs(2));
        assert!((rate.per_second().unwrap() - 5.0).abs() < 1e-12);
        rate.add(40, Duration::from_secs(2));
        // (0.3 * 40 + 0.7 * 3) / (0.3 * 2 + 0.7 * 0.6)
        assert!((rate.per_second().unwrap() - 14.1 / 1.02).abs() < 1e-12);
    }

    /// What `tqdm.format_interval` and `tqdm.format_sizeof` of tqdm 4.70 give.
    #[test]
    fn times_and_numbers_are_written_as_tqdm_writes_them() {
        let text = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!([text(0), text(61), text(3599), text(3661)], ["00:00", "01:01", "59:59", "1:01:01"]);
        let numbers = [0.5, 9.994, 12.34, 999.4, 999.6, 1000.0, 527e6];
        assert_eq!(numbers.map(scaled), ["0.50", "9.99", "12.3", "999", "1.00k", "1.00k", "527M"]);
    }
}
