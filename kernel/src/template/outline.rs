//! Rust sources reduced to what rust-analyzer needs for completions and tooltips.
//!
//! Bodies of functions are most of a crate's code, and its documentation most of the rest: in std, two
//! thirds of thirteen megabytes, all of it parsed by every kernel that starts. An outline has the same
//! items with empty bodies, except for `const fn`, which may determine the length of an array. Of
//! std's documentation it keeps the first paragraph of each item, as much as a tooltip has room for. Attributes
//! that say nothing about types are left out: std has one on nearly every function, and its macros repeat
//! them for each type of number.

use std::ops::Range;

/// Attributes for lints, for the optimiser, for error messages, and std's own bookkeeping of what is stable since when.
/// `unstable` stays: what has it is not offered as a completion.
const WITHOUT_MEANING: [&str; 34] = [
    "allow",
    "automatically_derived",
    "cold",
    "coverage",
    "deny",
    "diagnostic::do_not_recommend",
    "diagnostic::on_unimplemented",
    "expect",
    "inline",
    "must_use",
    "optimize",
    "rustc_allow_const_fn_unstable",
    "rustc_allowed_through_unstable_modules",
    "rustc_as_ptr",
    "rustc_confusables",
    "rustc_const_stable",
    "rustc_const_stable_indirect",
    "rustc_const_unstable",
    "rustc_diagnostic_item",
    "rustc_do_not_const_check",
    "rustc_force_inline",
    "rustc_inherit_overflow_checks",
    "rustc_insignificant_dtor",
    "rustc_lint_query_instability",
    "rustc_never_returns_null_ptr",
    "rustc_no_implicit_autorefs",
    "rustc_no_mir_inline",
    "rustc_nounwind",
    "rustc_on_unimplemented",
    "rustc_promotable",
    "rustc_preserve_ub_checks",
    "stable",
    "track_caller",
    "warn",
];

/// How much of the documentation an outline has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documentation {
    Whole,
    /// The first paragraph of each item's.
    Summary,
}

/// The outline of a file's `source`. Invalid Rust is reduced as far as it was understood; the rest stays
/// unchanged.
pub fn outline(source: &str, documentation: Documentation) -> String {
    let mut outliner = Outliner {
        source,
        documentation,
        matched: matched(source),
        at: 0,
        kept: 0,
        out: String::with_capacity(source.len() / 2),
    };
    outliner.run();
    outliner.out.push_str(&source[outliner.kept..]);
    without_empty_lines(&outliner.out)
}

struct Outliner<'a> {
    source: &'a str,
    documentation: Documentation,
    /// What macros match, from the last place to the first; passed ones are removed.
    matched: Vec<Range<usize>>,
    at: usize,
    /// Everything before this position has been copied to `out`, or dropped.
    kept: usize,
    out: String,
}

impl Outliner<'_> {
    fn run(&mut self) {
        // Whether the documentation that is being read is past its first paragraph.
        let mut past_summary = false;
        let mut last_mark = String::new();
        // Whether `const` stands before this word, perhaps with others between.
        let mut is_const = false;
        while let Some(next) = self.source[self.at..].chars().next() {
            let start = self.at;
            let rest = &self.source[start..];
            if rest.starts_with("//") {
                self.at = end_of_line(self.source, start);
                let line = &self.source[start..self.at];
                if documents(line) {
                    // `//!` is of what is around it, `///` of what follows.
                    past_summary &= line.starts_with(&last_mark);
                    past_summary |= line[3..].trim().is_empty();
                    last_mark = line[..3].to_owned();
                }
                if !documents(line) || (past_summary && self.documentation == Documentation::Summary) {
                    self.drop(start, self.at);
                }
            } else if let Some(end) = literal_or_comment(self.source, start) {
                self.at = end;
                if rest.starts_with("/*") {
                    self.drop(start, end);
                }
            } else if let Some(end) = doc_attribute(self.source, start) {
                self.at = end;
                if self.documentation == Documentation::Summary {
                    self.drop(start, end);
                }
            } else if let Some(end) = meaningless_attribute(self.source, start)
                && !self.is_matched(start)
            {
                self.at = end;
                self.drop(start, end);
            } else if next.is_alphabetic() || next == '_' {
                past_summary = false;
                self.at = end_of_word(self.source, start);
                match &self.source[start..self.at] {
                    "const" => is_const = true,
                    "unsafe" | "extern" | "async" => {}
                    word => {
                        if word == "fn" && !is_const {
                            self.empty_body();
                        }
                        is_const = false;
                    }
                }
            } else {
                past_summary &= next.is_whitespace();
                self.at += next.len_utf8();
            }
        }
    }

    /// Whether a macro matches the text at `at`, which grows from call to call.
    fn is_matched(&mut self, at: usize) -> bool {
        while self.matched.last().is_some_and(|range| range.end <= at) {
            self.matched.pop();
        }
        self.matched.last().is_some_and(|range| range.start <= at)
    }

    /// Leaves `start..end` out.
    fn drop(&mut self, start: usize, end: usize) {
        self.out.push_str(&self.source[self.kept..start]);
        self.kept = end;
    }

    /// Behind the word `fn`: empties the body of the function, if it is one and has one.
    fn empty_body(&mut self) {
        let name = self.source[self.at..].trim_start();
        // `fn(i32)` is a type.
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$') {
            return;
        }
        let Some(open) = body_of(self.source, self.at) else { return };
        let Some(close) = matching(self.source, open) else { return };
        let body = &self.source[open..close];
        // A macro pattern: its captures are used elsewhere.
        if !has_capture(body) {
            self.drop(open + 1, close - 1);
        }
        self.at = close;
    }
}

/// `///` and `//!`, but not `////`.
fn documents(comment: &str) -> bool {
    comment.starts_with("//!") || (comment.starts_with("///") && !comment.starts_with("////"))
}

fn end_of_line(source: &str, at: usize) -> usize {
    source[at..].find('\n').map_or(source.len(), |length| at + length)
}

fn end_of_word(source: &str, at: usize) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    source[at..].find(|c| !is_word(c)).map_or(source.len(), |length| at + length)
}

/// Where the string, character, lifetime or comment that begins at `at` ends.
fn literal_or_comment(source: &str, at: usize) -> Option<usize> {
    let rest = &source[at..];
    if rest.starts_with("//") {
        return Some(end_of_line(source, at));
    }
    if rest.starts_with("/*") {
        return Some(end_of_block_comment(source, at));
    }
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|rest| {
            let rest = if prefix.ends_with('r') { rest.trim_start_matches('#') } else { rest };
            rest.starts_with('"') || (rest.starts_with('\'') && ["", "b"].contains(prefix))
        })
    })?;
    let behind_word = source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if behind_word && !prefix.is_empty() {
        return None;
    }
    let body = at + prefix.len();
    if prefix.ends_with('r') {
        let hashes = source[body..].len() - source[body..].trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let text = body + hashes + 1;
        return Some(source[text..].find(&close).map_or(source.len(), |length| text + length + close.len()));
    }
    if source[body..].starts_with('"') {
        return Some(end_of_quoted(source, body, b'"'));
    }
    // 'a' is a character, 'a a lifetime.
    let mut letters = source[body + 1..].chars();
    let first = letters.next()?;
    if first == '\\' || letters.next() == Some('\'') {
        return Some(end_of_quoted(source, body, b'\''));
    }
    Some(body + 1)
}

/// `open` is the place of the first quote.
fn end_of_quoted(source: &str, open: usize, quote: u8) -> usize {
    let bytes = source.as_bytes();
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Block comments nest.
fn end_of_block_comment(source: &str, at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < source.len() {
        let rest = &source.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Where `#[doc = …]` or `#![doc = …]` ends. `#[doc(hidden)]` and its like are not text, and stay.
fn doc_attribute(source: &str, at: usize) -> Option<usize> {
    let rest = source[at..].strip_prefix("#")?;
    let open = at + 1 + usize::from(rest.starts_with('!'));
    let inside = source[open..].strip_prefix('[')?.trim_start().strip_prefix("doc")?;
    inside.trim_start().starts_with('=').then(|| matching(source, open)).flatten()
}

/// Where an attribute of [`WITHOUT_MEANING`] ends. One with a macro's variable in it is not left out.
fn meaningless_attribute(source: &str, at: usize) -> Option<usize> {
    let open = at + 1;
    let inside = source[at..].strip_prefix("#[")?.trim_start();
    let name = inside.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next()?;
    let end = WITHOUT_MEANING.contains(&name).then(|| matching(source, open)).flatten()?;
    (!source[open..end].contains('$')).then_some(end)
}

/// The arguments of macros and the patterns of `macro_rules!`, the last first: the former must fit the latter, down to the
/// attributes.
fn matched(source: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = source[at..].chars().next() {
        if let Some(end) = literal_or_comment(source, at) {
            at = end;
        } else if next.is_alphabetic() || next == '_' {
            let word = at;
            at = end_of_word(source, at);
            let Some(behind) = source[at..].strip_prefix('!') else { continue };
            let opens = |text: &str| text.trim_start().starts_with(['(', '[', '{']);
            let is_definition = &source[word..at] == "macro_rules";
            if !is_definition && opens(behind) {
                let open = source.len() - behind.trim_start().len();
                let end = matching(source, open).unwrap_or(source.len());
                found.push(open..end);
                at = end;
            } else if is_definition && let Some(open) = behind.find(['(', '[', '{']) {
                // Its patterns come before its arrows; what stands behind them is looked at like any code.
                let open = source.len() - behind.len() + open;
                let end = matching(source, open).unwrap_or(source.len());
                found.extend(patterns(source, open + 1..end));
                at = open + 1;
            }
        } else {
            at += next.len_utf8();
        }
    }
    found.sort_by_key(|range| std::cmp::Reverse(range.start));
    found
}

/// The patterns of the macro whose arms are in `arms`.
fn patterns(source: &str, arms: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = arms.start;
    while at < arms.end {
        if let Some(end) = literal_or_comment(source, at) {
            at = end;
        } else if source[at..].starts_with(['(', '[', '{']) {
            let end = matching(source, at).unwrap_or(arms.end);
            if source[end..].trim_start().starts_with("=>") {
                found.push(at..end);
            }
            at = end;
        } else {
            at += source[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// The place of the `{` of the function whose name follows at `at`; `None` if it has no body.
fn body_of(source: &str, at: usize) -> Option<usize> {
    let (mut at, mut depth, mut last) = (at, 0, ' ');
    while let Some(next) = source[at..].chars().next() {
        if let Some(end) = literal_or_comment(source, at) {
            at = end;
            continue;
        }
        match next {
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => return None,
            ')' | ']' => depth -= 1,
            ';' | '}' if depth == 0 => return None,
            // The value of a constant parameter: `Array<{ N + 1 }>`.
            '{' if depth > 0 || "<,=".contains(last) => {
                at = matching(source, at)?;
                last = '}';
                continue;
            }
            '{' => return Some(at),
            _ => {}
        }
        if !next.is_whitespace() {
            last = next;
        }
        at += next.len_utf8();
    }
    None
}

/// Behind the bracket that closes the one at `open`.
pub fn matching(source: &str, open: usize) -> Option<usize> {
    let (mut at, mut depth) = (open, 0usize);
    while let Some(next) = source[at..].chars().next() {
        if let Some(end) = literal_or_comment(source, at) {
            at = end;
            continue;
        }
        at += next.len_utf8();
        match next {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a text has `$name:kind` in it.
fn has_capture(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let end = end_of_word(text, at + 1);
        end > at + 1 && text[end..].starts_with(':') && !text[end..].starts_with("::")
    })
}

fn without_empty_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(source: &str) -> String {
        super::outline(source, Documentation::Summary)
    }

    #[test]
    fn bodies_are_emptied_and_signatures_kept() {
        let source = "pub fn a<T: Into<String>>(x: [u8; { 1 + 1 }]) -> Array<{ 2 }>\nwhere T: Copy { let y = '}'; \"}\"; /* } */ y }\ntrait T { fn b(&self); fn c() { d() } }";
        assert_eq!(
            outline(source),
            "pub fn a<T: Into<String>>(x: [u8; { 1 + 1 }]) -> Array<{ 2 }>\nwhere T: Copy {}\ntrait T { fn b(&self); fn c() {} }\n"
        );
        assert_eq!(
            outline("type F = fn(i32) -> u8; struct S { f: fn() }"),
            "type F = fn(i32) -> u8; struct S { f: fn() }\n"
        );
        let constant = "const fn a() -> u8 { 1 }\npub const unsafe extern \"C\" fn b() { 2 }\n";
        assert_eq!(outline(constant), constant);
        assert_eq!(outline("const A: u8 = 1; fn a() { 1 }"), "const A: u8 = 1; fn a() {}\n");
        assert_eq!(outline("const A: [u8; 2] = { [1, 2] };"), "const A: [u8; 2] = { [1, 2] };\n");
    }

    #[test]
    fn literals_are_not_code() {
        for literal in ["\"fn a() { 1 }\"", "r#\"fn \"a\"() { 1 }\"#", "b\"\\\"fn a() { 1 }\"", "c\"{\""] {
            let source = format!("const X: T = {literal};\nfn b() {{ '\\'' }}");
            assert_eq!(outline(&source), format!("const X: T = {literal};\nfn b() {{}}\n"));
        }
        assert_eq!(outline("fn a<'a>(x: &'a str) -> &'a str { x }"), "fn a<'a>(x: &'a str) -> &'a str {}\n");
        assert_eq!(outline("fn r#try() { x } fn br() { r }"), "fn r#try() {} fn br() {}\n");
    }

    #[test]
    fn documentation_is_cut_to_its_first_paragraph() {
        let source = "//! A crate.\n//!\n//! More.\n\n/// One.\n/// Two.\n///\n/// Three.\n#[doc = concat!(\"[\", \"four\")]\n/// Five.\n#[doc(hidden)]\npub struct S; // why\n/// Six.\nfn f() {}";
        assert_eq!(
            outline(source),
            "//! A crate.\n/// One.\n/// Two.\n#[doc(hidden)]\npub struct S;\n/// Six.\nfn f() {}\n"
        );
        let whole = "/// One.\n///\n/// Two.\nfn f() {}\n";
        assert_eq!(super::outline(whole, Documentation::Whole), whole);
    }

    #[test]
    fn what_a_macro_captures_is_kept() {
        let source =
            "macro_rules! m { (fn $f:ident() { $($b:tt)* }) => { fn $f() { $($b)* } fn g() { 1 } }; }";
        assert_eq!(
            outline(source),
            "macro_rules! m { (fn $f:ident() { $($b:tt)* }) => { fn $f() {} fn g() {} }; }\n"
        );
    }

    #[test]
    fn attributes_that_say_nothing_about_types_are_left_out() {
        let source = "#[stable(feature = \"a\", since = \"1.0.0\")]\n#[lang = \"a\"]\n#[inline]\npub fn a() { #[allow(x)] 1 }\n#[unstable(feature = \"b\")]\n#[must_use = \"[\"]\nfn b() {}\n#![allow(c)]";
        assert_eq!(
            outline(source),
            "#[lang = \"a\"]\npub fn a() {}\n#[unstable(feature = \"b\")]\nfn b() {}\n#![allow(c)]\n"
        );
        let for_each_type = "macro_rules! m { ($t:ty) => { #[inline] fn a() -> $t {} } }\nm!(u8);";
        assert_eq!(outline(for_each_type), "macro_rules! m { ($t:ty) => {  fn a() -> $t {} } }\nm!(u8);\n");
    }

    #[test]
    fn what_macros_match_keeps_its_attributes() {
        for source in [
            "macro_rules! m { (#[$s:meta] $t:ident) => { #[$s] impl $t {} }; (#[inline] $t:ident) => { n! { #[inline] $t } } }",
            "m! { #[stable(feature = \"a\")] Debug }",
            "macro_rules! m { ($s:expr) => { #[stable(since = $s)] struct A; } }",
        ] {
            assert_eq!(outline(source), format!("{source}\n"));
        }
    }

    #[test]
    fn what_is_no_rust_does_no_harm() {
        for source in [
            "fn",
            "fn a",
            "fn a(",
            "fn a() {",
            "\"",
            "'",
            "r#\"",
            "/*",
            "#[doc = ",
            "é'",
            "b'",
            "fn ä() { é }",
            "#[inline",
            "macro_rules! m { (",
            "macro_rules!",
            "m!(",
            "macro_rules! é { (a) =",
        ] {
            outline(source);
        }
        assert_eq!(outline("fn a() { ( } fn b() { 1 }"), "fn a() { ( } fn b() {}\n");
    }
}
