//! Whether a text is a whole cell.

use ra_ap_syntax::{Edition, SourceFile};

use super::{BYTE_ORDER_MARK, PRELUDE, rust_part};

/// Whether a text can be run, as a console asks before it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// More must come; the next line's indentation.
    Incomplete(String),
    Invalid,
}

/// Judges a text by its brackets, then by the parser.
pub fn completeness(code: &str) -> Completeness {
    let Some(rust) = rust_part(code.trim_start_matches(BYTE_ORDER_MARK)) else {
        return Completeness::Complete;
    };
    match open_brackets(rust) {
        Brackets::Wrong => return Completeness::Invalid,
        Brackets::Unfinished => return Completeness::Incomplete(String::new()),
        Brackets::Open(depth) if depth > 0 => return Completeness::Incomplete(" ".repeat(4 * depth)),
        Brackets::Open(_) => {}
    }
    let parsed = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    let end = PRELUDE.len() + rust.trim_end().len();
    match parsed.errors().iter().map(|error| usize::from(error.range().start())).min() {
        None => Completeness::Complete,
        // The error is at the end: more input may fix it.
        Some(first) if first >= end => Completeness::Incomplete(String::new()),
        Some(_) => Completeness::Invalid,
    }
}

/// Whether every bracket, string and comment of a text is closed, and none that was not opened.
pub fn has_matching_brackets(rust: &str) -> bool {
    matches!(open_brackets(rust), Brackets::Open(0))
}

enum Brackets {
    /// So many are open at the end.
    Open(usize),
    /// A string or a comment is open at the end.
    Unfinished,
    /// One closes what is not open.
    Wrong,
}

fn open_brackets(rust: &str) -> Brackets {
    let mut open = Vec::new();
    let mut rest = rust;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | '[' | '{' => {
                open.push(first);
                1
            }
            ')' | ']' | '}' => {
                let opener = open.pop();
                if !matches!((opener, first), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}')) {
                    return Brackets::Wrong;
                }
                1
            }
            _ => match token_length(rest, first) {
                Some(length) => length,
                None => return Brackets::Unfinished,
            },
        };
        rest = &rest[length..];
    }
    Brackets::Open(open.len())
}

/// The length of what `rest` begins with: a string, a comment, a character, a word or any other character. `None` if
/// it does not end.
fn token_length(rest: &str, first: char) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return comment_length(rest);
    }
    if let Some(length) = raw_string_length(rest) {
        return length;
    }
    match first {
        '"' => quoted_length(rest, '"'),
        '\'' => {
            // A character, or a lifetime or label, which has no second quote.
            let mut chars = rest[1..].chars();
            match (chars.next(), chars.next()) {
                (Some('\\'), _) => quoted_length(rest, '\''),
                (Some(inner), Some('\'')) => Some(2 + inner.len_utf8()),
                _ => Some(1),
            }
        }
        _ if first.is_alphanumeric() || first == '_' => {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            Some(end)
        }
        _ => Some(first.len_utf8()),
    }
}

fn comment_length(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if tail.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

/// `Some(None)` is a raw string without an end.
fn raw_string_length(rest: &str) -> Option<Option<usize>> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix).unwrap_or_default();
        after.trim_start_matches('#').starts_with('"') && (after.starts_with('"') || after.starts_with('#'))
    })?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let start = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[start..].find(&end).map(|length| start + length + end.len()))
}

fn quoted_length(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_incomplete_invalid() {
        use Completeness::*;
        for code in [
            "1 + 1",
            "let x = 1;",
            "fn f() {\n    1\n}",
            "'a'",
            "\"{\"",
            "// {",
            ":dep serde",
            "!ls",
            "r#\"(\"#",
            "'x: loop { break 'x; }",
            "\u{feff}:vars",
        ] {
            assert_eq!(completeness(code), Complete, "{code}");
        }
        let incomplete = [
            ("fn f() {", 4),
            ("f(1,\n  [2,", 8),
            ("let x = ", 0),
            ("\"abc", 0),
            ("/* /* */", 0),
            ("r#\"a\"", 0),
            ("1 +", 0),
        ];
        for (code, indent) in incomplete {
            assert_eq!(completeness(code), Incomplete(" ".repeat(indent)), "{code}");
        }
        for code in ["}", "(]", "let = 1;", "fn 1() {}"] {
            assert_eq!(completeness(code), Invalid, "{code}");
        }
    }
}
