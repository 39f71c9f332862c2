//! CSV annotation files, as spreadsheets write them.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Which columns of a CSV file say what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvColumns {
    /// The header of the column of paths. Empty (the default): `path`, `file`, `filename`, `file_name`,
    /// `image`, `image_path`, `image_id`, `img` or `id`, whichever comes first, else the first remaining column.
    pub path: String,
    /// The header of the column of labels. Empty (the default): `label`, `class`, `category`, `species`,
    /// `breed`, `target` or `y`, whichever comes first, else the first remaining column.
    pub label: String,
    /// What is appended to every path, for files that list names without their ending: `.jpg`. Default: nothing.
    pub extension: String,
}

const PATHS: [&str; 9] =
    ["path", "file", "filename", "file_name", "image", "image_path", "image_id", "img", "id"];
const LABELS: [&str; 7] = ["label", "class", "category", "species", "breed", "target", "y"];

/// The path and the label of every record.
///
/// # Errors
/// See [`AnnotationFile::csv`](super::AnnotationFile::csv).
pub(super) fn parse(
    file: &Path,
    root: &Path,
    text: &[u8],
    columns: &CsvColumns,
) -> Result<Vec<(PathBuf, String)>> {
    let error = |line: usize, problem: String| Error::Annotation { path: file.to_path_buf(), line, problem };
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|wrong| {
        let line = 1 + text[..wrong.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        error(line, "the line is not UTF-8 text: save the file as UTF-8".into())
    })?;
    let mut records = records(text, separator(text)).map_err(|line| {
        error(line, "a quoted field that begins here does not end: add the closing \"".into())
    })?;
    if records.is_empty() {
        return Err(error(
            1,
            "the file is empty: write a header `path,label` and a record for each picture".into(),
        ));
    }
    let (line, header) = records.remove(0);
    let header: Vec<&str> = header.iter().map(|name| name.trim()).collect();
    let missing = |name: &str| {
        let known = header.join(", ");
        error(
            line,
            format!("there is no column \"{name}\": the header has {known}; name one in data::CsvColumns"),
        )
    };
    let path_column = column(&header, &columns.path, &PATHS).map_err(missing)?;
    let label_column = column(&header, &columns.label, &LABELS).map_err(missing)?;
    // If only one of them has a usual name, the other is the first remaining column.
    let other_than = |taken: Option<usize>| (0..header.len()).find(|&column| Some(column) != taken);
    let path_column = path_column.or(other_than(label_column)).unwrap_or(0);
    let label_column = label_column.or(other_than(Some(path_column))).ok_or_else(|| missing("label"))?;
    if path_column == label_column {
        let name = header[path_column];
        return Err(error(
            line,
            format!("column \"{name}\" cannot be both path and label: name them in data::CsvColumns"),
        ));
    }
    let mut lines = Vec::new();
    for (line, fields) in records {
        let field =
            |column: usize| fields.get(column).map(|text| text.trim()).filter(|text| !text.is_empty());
        let (Some(path), Some(label)) = (field(path_column), field(label_column)) else {
            let problem = format!(
                "\"{}\" or \"{}\" is missing: every record needs both",
                header[path_column], header[label_column]
            );
            return Err(error(line, problem));
        };
        let path = root.join(format!("{path}{}", columns.extension));
        if !path.is_file() {
            return Err(error(
                line,
                format!("there is no file {}: correct the path, the root or the extension", path.display()),
            ));
        }
        lines.push((path, label.to_string()));
    }
    if lines.is_empty() {
        return Err(error(
            line,
            "the file lists no picture: write a record for each below the header".into(),
        ));
    }
    Ok(lines)
}

/// The place of a column: by its name, else by a usual name, where there is one of these.
///
/// # Errors
/// The name, where no column has it.
fn column<'a>(header: &[&str], name: &'a str, usual: &[&str]) -> Result<Option<usize>, &'a str> {
    let place = |name: &str| header.iter().position(|known| known.eq_ignore_ascii_case(name));
    if name.is_empty() {
        return Ok(usual.iter().find_map(|name| place(name)));
    }
    place(name).map(Some).ok_or(name)
}

/// What separates fields: whichever of the three is most frequent in the header.
fn separator(text: &str) -> char {
    let header = text.lines().next().unwrap_or_default();
    let count = |separator: char| header.matches(separator).count();
    // On a tie the first wins; without any separator, a comma.
    [',', ';', '\t'].into_iter().rev().max_by_key(|&separator| count(separator)).unwrap_or(',')
}

/// The records of a text after RFC 4180, with the number of the line on which each begins; empty lines are
/// passed over. An error is the line of a quote that does not end.
fn records(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let mut records = Vec::new();
    let (mut line, mut first_line, mut quote_line) = (1, 1, 1);
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    let mut end_record = |fields: &mut Vec<String>, field: &mut String, line: usize| {
        let last = std::mem::take(field);
        let mut whole = std::mem::take(fields);
        if !(whole.is_empty() && last.trim().is_empty()) {
            whole.push(last);
            records.push((line, whole));
        }
    };
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            // Only at the start of a field; elsewhere a quote is an ordinary character.
            '"' if field.trim().is_empty() => {
                field.clear();
                (quoted, quote_line) = (true, line);
            }
            '\n' => {
                line += 1;
                if quoted {
                    field.push(char);
                } else {
                    end_record(&mut fields, &mut field, first_line);
                    first_line = line;
                }
            }
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            char if char == separator && !quoted => fields.push(std::mem::take(&mut field)),
            char => field.push(char),
        }
    }
    end_record(&mut fields, &mut field, first_line);
    if quoted { Err(quote_line) } else { Ok(records) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Python's `csv.reader` of the same text.
    #[test]
    fn fields_as_python_reads_them() {
        let text = "path,label\r\n\"a, b.jpg\",\"say \"\"hi\"\"\"\n\n c.jpg , x y \n\"two\nlines\",z,\nlast,";
        let records = records(text, separator(text)).unwrap();
        let expected: [(usize, &[&str]); 5] = [
            (1, &["path", "label"]),
            (2, &["a, b.jpg", "say \"hi\""]),
            (4, &[" c.jpg ", " x y "]),
            (5, &["two\nlines", "z", ""]),
            (7, &["last", ""]),
        ];
        assert_eq!(records.len(), expected.len());
        for ((line, fields), (expected_line, expected)) in records.iter().zip(expected) {
            assert_eq!((*line, fields.as_slice()), (expected_line, &expected.map_to_strings()[..]));
        }
        assert_eq!(super::records("a\n\"b\nc", ','), Err(2));
        assert_eq!(["a;b,c;d", "a\tb", "a"].map(separator), [';', '\t', ',']);
    }

    trait ToStrings {
        fn map_to_strings(&self) -> Vec<String>;
    }

    impl ToStrings for &[&str] {
        fn map_to_strings(&self) -> Vec<String> {
            self.iter().map(|text| text.to_string()).collect()
        }
    }
}
