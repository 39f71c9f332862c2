//! Optimizers shown as Python's `print(optimizer)` shows them.

use std::fmt;

use super::group::Group;

/// `repr(float)`: the shortest digits that read back the same, with an exponent where Python has one.
pub(crate) fn float(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}").replace("NaN", "nan");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Like [`float`], but zero is `0`: PyTorch's defaults of that value are whole numbers.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 { "0".into() } else { float(value) }
}

/// `True` or `False`.
pub(super) fn boolean(value: bool) -> String {
    if value { "True".into() } else { "False".into() }
}

/// The text of an optimizer; PyTorch sorts the settings by name, and separates groups by an empty
/// line.
pub(super) fn write_groups(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    settings: &[(&str, String)],
    group: &Group,
) -> fmt::Result {
    write!(f, "{name} (")?;
    for (number, (lr, weight_decay)) in group.lrs().into_iter().zip(group.weight_decays()).enumerate() {
        writeln!(f, "\nParameter Group {number}")?;
        let own = [("lr", self::float(lr)), ("weight_decay", self::number(weight_decay))];
        let mut all: Vec<&(&str, String)> = settings.iter().chain(&own).collect();
        all.sort_by_key(|(setting, _)| *setting);
        all.into_iter().try_for_each(|(setting, value)| writeln!(f, "    {setting}: {value}"))?;
    }
    f.write_str(")")
}

#[cfg(test)]
mod tests {
    use super::float;

    /// Against CPython 3.12's `repr`.
    #[test]
    fn floats_read_as_in_python() {
        let expected = [
            (0.01, "0.01"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (1e-8, "1e-08"),
            (0.010000000000000002, "0.010000000000000002"),
            (1.0000000000000004e-05, "1.0000000000000004e-05"),
            (1e16, "1e+16"),
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-2.5e-7, "-2.5e-07"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (1e-123, "1e-123"),
        ];
        for (value, text) in expected {
            assert_eq!(float(value), text);
        }
    }
}
