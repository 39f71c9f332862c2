//! Values as Python's `repr` writes them.

use std::fmt::{self, Display};

/// A float as Python writes it: the shortest digits that read back, `1.0`, `1e-05`, `inf`.
#[derive(Clone, Copy, Debug)]
pub struct PyFloat(pub f64);

/// A text as Python writes it: in single quotes, or in double quotes where it holds a single one.
#[derive(Clone, Copy, Debug)]
pub struct PyStr<'a>(pub &'a str);

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
pub fn py_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
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
    }

    #[test]
    fn texts_as_python_writes_them() {
        assert_eq!(PyStr("fire lily").to_string(), "'fire lily'");
        assert_eq!(PyStr("colt's foot").to_string(), "\"colt's foot\"");
        assert_eq!(PyStr("a'b\"c\\\n").to_string(), "'a\\'b\"c\\\\\\n'");
    }
}
