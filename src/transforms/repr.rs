//! Values as Python's `repr` writes them, for output that reads as the tutorial's.

use std::fmt::{self, Display};

/// A float as Python writes it: the shortest digits that read back, `1.0`, `1e-05`, `inf`.
#[derive(Clone, Copy)]
pub(crate) struct PyFloat(pub f64);

impl Display for PyFloat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("nan");
        }
        // Rust's Debug chooses the same digits and the same range for the exponent form.
        let text = format!("{:?}", self.0);
        match text.split_once('e') {
            None => f.write_str(&text),
            Some((digits, exponent)) => {
                let digits = digits.strip_suffix(".0").unwrap_or(digits);
                let (sign, exponent) = match exponent.strip_prefix('-') {
                    Some(exponent) => ('-', exponent),
                    None => ('+', exponent),
                };
                write!(f, "{digits}e{sign}{exponent:0>2}")
            }
        }
    }
}

/// Floats as a Python list, `[0.485, 0.456, 0.406]`.
pub(crate) fn py_list(values: &[f64]) -> String {
    format!("[{}]", joined(values))
}

/// Floats as a Python tuple, `(0.8, 1.2)`.
pub(crate) fn py_tuple(values: &[f64]) -> String {
    let comma = if values.len() == 1 { "," } else { "" };
    format!("({}{comma})", joined(values))
}

fn joined(values: &[f64]) -> String {
    values.iter().map(|&value| PyFloat(value).to_string()).collect::<Vec<_>>().join(", ")
}

/// A number as one writes it in Python: `7` where it is whole, else as [`PyFloat`].
fn py_number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        PyFloat(value).to_string()
    }
}

/// A point in pixels as one writes it, `(48, 32.5)`.
pub(crate) fn py_point([x, y]: [f64; 2]) -> String {
    format!("({}, {})", py_number(x), py_number(y))
}

/// A colour as one writes it: `0` for black, `128` for a grey, else `(255, 0, 10)`.
pub(crate) fn py_colour([red, green, blue]: [u8; 3]) -> String {
    if red == green && green == blue { red.to_string() } else { format!("({red}, {green}, {blue})") }
}

/// A padding (left, top, right, bottom) as one writes it: `4`, `(4, 2)` or `(1, 2, 3, 4)`.
pub(crate) fn py_padding([left, top, right, bottom]: [i64; 4]) -> String {
    if left != right || top != bottom {
        format!("({left}, {top}, {right}, {bottom})")
    } else if left != top {
        format!("({left}, {top})")
    } else {
        left.to_string()
    }
}

/// A text as Python writes it: in single quotes, or in double quotes where it holds a single one.
pub(crate) struct PyStr<'a>(pub &'a str);

impl Display for PyStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') { '"' } else { '\'' };
        write!(f, "{quote}")?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c == quote => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\x{:02x}", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        write!(f, "{quote}")
    }
}

/// `True` or `False`.
pub(crate) fn py_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// A dict as IPython shows it: on one line where it fits in 79 columns, else one entry a line; the
/// further lines of an entry are indented by one.
pub(crate) fn py_dict(entries: &[(&str, String)]) -> String {
    const COLUMNS: usize = 79;
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{}: {value}", PyStr(key))).collect();
    let line = format!("{{{}}}", entries.join(", "));
    if line.chars().count() <= COLUMNS && !line.contains('\n') {
        return line;
    }
    format!("{{{}}}", entries.join(",\n").replace('\n', "\n "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: CPython 3.11's `repr`.
    #[test]
    fn floats_as_python_writes_them() {
        for (value, expected) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-45.0, "-45.0"),
            (1.0 - 0.9, "0.09999999999999998"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(PyFloat(value).to_string(), expected);
        }
        assert_eq!(py_tuple(&[0.8, 1.2]), "(0.8, 1.2)");
        assert_eq!(py_list(&[-45.0, 45.0]), "[-45.0, 45.0]");
    }

    #[test]
    fn texts_as_python_writes_them() {
        assert_eq!(PyStr("fire lily").to_string(), "'fire lily'");
        assert_eq!(PyStr("colt's foot").to_string(), "\"colt's foot\"");
        assert_eq!(PyStr("a'b\"c\\\n").to_string(), "'a\\'b\"c\\\\\\n'");
    }

    /// Expected: IPython's output in the tutorial.
    #[test]
    fn dicts_as_ipython_shows_them() {
        let short = [("train", "6552".to_string()), ("valid", "818".to_string())];
        assert_eq!(py_dict(&short), "{'train': 6552, 'valid': 818}");
        let long = [("train", "A\n    b".to_string()), ("valid", "C".to_string())];
        assert_eq!(py_dict(&long), "{'train': A\n     b,\n 'valid': C}");
    }
}
