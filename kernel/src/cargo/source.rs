//! What is changed in the text that evcxr writes around a cell, for cells that have the crate.
//!
//! evcxr prints the error of a `?` to stderr, where it cannot be told from what the cell wrote there just before, and
//! nothing says which `?` it was. The crate reports both. No line is added or removed: an error's line stays its line.

/// evcxr's conversion of a `?`'s error; what stands between the two is the learner's way of formatting (`:efmt`).
const QUESTION_MARK: [&str; 2] = [
    "> From<T> for EvcxrUserCodeError {\n                fn from(error: T) -> Self {\n                    eprintln!(",
    ", error);\n",
];
/// The end of a cell's function.
const END: &str = "evcxr_variable_store\n}";

/// The text to compile.
pub fn adapted(text: &str) -> String {
    let text = with_reported_errors(text).unwrap_or_else(|| text.to_owned());
    with_end(&text).unwrap_or(text)
}

/// With the conversion of a `?`'s error telling the crate. `None` if there is none.
fn with_reported_errors(text: &str) -> Option<String> {
    let start = text.find(QUESTION_MARK[0])?;
    let format = start + QUESTION_MARK[0].len();
    let end = format + text[format..].find(QUESTION_MARK[1])?;
    let conversion = QUESTION_MARK[0]
        .replace("fn from", "#[track_caller] fn from")
        .replace("eprintln!(", "::herbarium::notebook::failed(&::std::format!(");
    let (format, rest) = (&text[format..end], &text[end + QUESTION_MARK[1].len()..]);
    Some(format!("{}{conversion}{format}, error));\n{rest}", &text[..start]))
}

/// With the crate told of the cell's end, whatever it ended by.
fn with_end(text: &str) -> Option<String> {
    let before = text.trim_end().strip_suffix(END)?;
    Some(format!("{before}{{ ::herbarium::notebook::end_cell(); evcxr_variable_store }}\n}}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As evcxr 0.22.0 writes it.
    const CELL: &str = r#"#![allow(unused_imports, unused_mut, dead_code)]

            struct EvcxrUserCodeError {}
            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {
                fn from(error: T) -> Self {
                    eprintln!("{}", error);
                    println!("{}", evcxr_internal_runtime::USER_ERROR_OCCURRED);
                    EvcxrUserCodeError {}
                }
            }
        
pub extern "C" fn run_user_code_1(
evcxr_variable_store
}
"#;

    #[test]
    fn a_question_mark_says_where_it_stands() {
        let text = adapted(CELL);
        assert!(text.contains("#[track_caller] fn from(error: T) -> Self {"), "{text}");
        assert!(text.contains("::herbarium::notebook::failed(&::std::format!(\"{}\", error));\n"), "{text}");
        assert!(text.ends_with("{ ::herbarium::notebook::end_cell(); evcxr_variable_store }\n}\n"), "{text}");
        assert_eq!(text.lines().count(), CELL.lines().count());
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["", "fn f() {}\n", "eprintln!(\"{}\", error);\n"] {
            assert_eq!(adapted(text), text);
        }
    }
}
