//! Positions in a cell: of names, values and statements.

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile};

use super::{PRELUDE, parse, rust_part};

/// Where a cell binds `name` with `let` at its top level, for the last time: line and column, from 1.
pub fn binding(code: &str, name: &str) -> Option<(usize, usize)> {
    let rust = rust_part(code)?;
    let lets = parse(rust)?.statements().filter_map(|statement| match statement {
        ast::Stmt::LetStmt(statement) => statement.pat(),
        _ => None,
    });
    let names = lets.flat_map(|pattern| {
        pattern.syntax().descendants().filter_map(ast::IdentPat::cast).filter_map(|pattern| pattern.name())
    });
    let found = names.filter(|found| found.text() == name).last()?;
    let offset = usize::from(found.syntax().text_range().start()).checked_sub(PRELUDE.len())?;
    position(code, code.len() - rust.len() + offset)
}

/// A `let` of one name without a type.
#[derive(Debug, PartialEq, Eq)]
pub struct Untyped {
    pub name: String,
    pub is_closure: bool,
}

/// The `let` at a cell's top level that stands on `line` (from 1), if it gives one name and no type.
pub fn untyped_let(code: &str, line: usize) -> Option<Untyped> {
    let rust = rust_part(code)?;
    let base = code.len() - rust.len();
    parse(rust)?.statements().find_map(|statement| {
        let ast::Stmt::LetStmt(statement) = statement else { return None };
        let range = statement.syntax().text_range();
        let [start, end] =
            [range.start(), range.end()].map(|at| usize::from(at).saturating_sub(PRELUDE.len()) + base);
        let lines = position(code, start)?.0..=position(code, end)?.0;
        let Some(ast::Pat::IdentPat(pattern)) = statement.pat() else { return None };
        (lines.contains(&line) && statement.ty().is_none()).then_some(())?;
        let is_closure = matches!(statement.initializer(), Some(ast::Expr::ClosureExpr(_)));
        Some(Untyped { name: pattern.name()?.text().to_string(), is_closure })
    })
}

/// The expression that is a cell's value: the line and column of its end's first character, and its length there.
pub fn last_expression(code: &str) -> Option<(usize, usize, usize)> {
    let rust = rust_part(code)?;
    let range = parse(rust)?.tail_expr()?.syntax().text_range();
    let base = code.len() - rust.len();
    let [start, end] =
        [range.start(), range.end()].map(|at| usize::from(at).saturating_sub(PRELUDE.len()) + base);
    // For a multi-line expression, its last line.
    let start = start + code[start..end].rfind('\n').map_or(0, |newline| newline + 1);
    let (line, column) = position(code, start)?;
    Some((line, column, code[start..end].chars().count()))
}

/// The line and column, from 1, of a byte.
pub fn position(code: &str, offset: usize) -> Option<(usize, usize)> {
    let before = code.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
}

/// A line of a cell, or the part of it that evcxr makes a line of.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// From 1.
    pub line: usize,
    /// Without what surrounds it.
    pub text: String,
}

/// The lines of a cell, split where a statement begins.
pub fn pieces(code: &str) -> Vec<Piece> {
    let rust = rust_part(code).unwrap_or_default();
    let base = code.len() - rust.len();
    let parsed = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    let function = parsed.syntax_node().children().find_map(ast::Fn::cast);
    let list = function.and_then(|function| function.body()?.stmt_list());
    let nodes = list.iter().flat_map(|list| list.syntax().children());
    let starts = nodes.map(|node| usize::from(node.text_range().start()).saturating_sub(PRELUDE.len()));
    let mut starts: Vec<usize> = starts.map(|start| base + start.min(rust.len())).collect();
    starts.push(code.len());
    let mut pieces = Vec::new();
    let (mut from, mut line) = (0, 1);
    for end in starts {
        for (number, text) in code[from..end].split('\n').enumerate() {
            line += usize::from(number > 0);
            if !text.trim().is_empty() {
                pieces.push(Piece { line, text: text.trim().to_owned() });
            }
        }
        from = end;
    }
    pieces
}

/// Where the word that ends at `position` begins.
pub fn word_start(code: &str, position: usize) -> usize {
    let before = &code[..position];
    before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len()
}

/// The last line with `name` as a word.
pub fn line_with<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.lines().rfind(|line| line.split(|c| !is_word(c)).any(|word| word == name)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_names_and_values() {
        let code = ":dep x\nlet é = 1; let (a, b) = f();\nlet b = |x| x;\n\nmodel\n    .forward(&é)";
        assert_eq!(binding(code, "a"), Some((2, 17)));
        assert_eq!(binding(code, "b"), Some((3, 5)));
        assert_eq!(last_expression(code), Some((6, 1, 16)));
        assert_eq!(last_expression("1;"), None);
        assert_eq!(line_with("let ab = 1;\n  f(b);\n", "b"), Some("f(b);"));
        assert_eq!(line_with("ab", "b"), None);
    }

    #[test]
    fn statements_part_a_line() {
        let found: Vec<(usize, String)> = pieces(":dep é\nlet é = 1; f(é);\n\n  g(\n1); h()")
            .into_iter()
            .map(|one| (one.line, one.text))
            .collect();
        let expected = [(1, ":dep é"), (2, "let é = 1;"), (2, "f(é);"), (4, "g("), (5, "1);"), (5, "h()")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(pieces("}{").len(), 1);
    }

    #[test]
    fn lets_without_a_type() {
        let code = ":dep x\nlet é: i32 = 1;\nlet (a, b) = f();\nlet c =\n    g();\nlet d = |x| x;";
        let found = |line| untyped_let(code, line).map(|one| (one.name, one.is_closure));
        assert_eq!([1, 2, 3].map(found), [None, None, None]);
        assert_eq!(found(5), Some(("c".to_owned(), false)));
        assert_eq!(found(6), Some(("d".to_owned(), true)));
    }
}
