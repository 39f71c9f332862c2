//! Values as Python's `repr` writes them, for output that reads as the tutorial's.

pub(crate) use torch_file::python::{PyFloat, PyStr, py_bool};

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

    #[test]
    fn lists_as_python_writes_them() {
        assert_eq!(py_tuple(&[0.8, 1.2]), "(0.8, 1.2)");
        assert_eq!(py_list(&[-45.0, 45.0]), "[-45.0, 45.0]");
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
