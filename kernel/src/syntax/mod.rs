//! Analyses a cell's text without compiling it.

mod complete;
mod declarations;
mod elements;
mod kind;
mod placeholders;
mod positions;

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxNode};

pub use complete::{Completeness, completeness, has_matching_brackets};
pub use declarations::{Declaration, declarations, kind_of};
pub use elements::{Element, elements};
pub use kind::Kind;
pub use placeholders::{Written, with_placeholders};
pub use positions::{Untyped, binding, last_expression, line_with, pieces, untyped_let, word_start};

const PRELUDE: &str = "fn f(){";
/// Macros whose value is `()`.
const UNIT_MACROS: [&str; 8] =
    ["println", "print", "eprintln", "eprint", "assert", "assert_eq", "assert_ne", "debug_assert"];

/// What editors on Windows write before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Removes a byte order mark at the beginning of a cell's text.
pub fn remove_byte_order_mark(code: &mut String) {
    if code.starts_with(BYTE_ORDER_MARK) {
        code.remove(0);
    }
}

/// The first line of Rust in a cell (from 0), after evcxr's commands (`:dep …`), shell commands (`!…`), comments and
/// blank lines. `None` if there is no Rust.
pub fn first_rust_line(code: &str) -> Option<usize> {
    code.lines().position(|line| !is_command(line) && !is_blank(line))
}

/// Whether a line, before the first line of Rust, is a command of evcxr or of ours.
pub fn is_command(line: &str) -> bool {
    let start = line.trim_start();
    line.trim_start_matches(' ').starts_with(':') && !start.starts_with("::")
        || start.starts_with('?')
        || is_shell(line)
}

/// Whether a line, before the first line of Rust, is for the shell.
pub fn is_shell(line: &str) -> bool {
    line.starts_with('!')
}

fn is_blank(line: &str) -> bool {
    line.starts_with("//") || line.trim().is_empty()
}

/// What stands after `:dep` in a line.
pub fn dependency(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ').strip_prefix(":dep")?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim())
}

/// `:dep` lines replaced by blanks, for analysis, which must neither build nor fetch anything.
pub fn without_dep_lines(code: &str) -> String {
    with_blanks(code, |line| dependency(line).is_some())
}

/// Commands, and lines for the shell, replaced by blanks, for a cell that is to follow others.
pub fn without_commands(code: &str) -> String {
    with_blanks(code, is_command)
}

/// The lines before the first line of Rust for which `is_blank` is true replaced by blanks.
fn with_blanks(code: &str, is_blank: impl Fn(&str) -> bool) -> String {
    let first = first_rust_line(code).unwrap_or(usize::MAX);
    let lines =
        code.split_inclusive('\n').enumerate().map(|(number, line)| match number < first && is_blank(line) {
            true => line.replace(|letter| letter != '\n', " "),
            false => line.to_owned(),
        });
    lines.collect()
}

/// The text that evcxr gets for a cell: a last expression of type `()` becomes a statement, so that evcxr does not try
/// to show it.
pub fn prepare(code: &str) -> String {
    let mut text = code.to_owned();
    if rust_part(code).and_then(parse).and_then(|list| list.tail_expr()).is_some_and(|tail| is_unit(&tail)) {
        text.push_str("\n;");
    }
    text
}

/// The Rust of a cell, without the commands before it.
pub fn rust_part(code: &str) -> Option<&str> {
    let first = first_rust_line(code)?;
    let start: usize = code.split_inclusive('\n').take(first).map(str::len).sum();
    Some(&code[start..])
}

/// Whether a text is Rust as far as its form goes.
pub fn is_whole(rust: &str) -> bool {
    parse(rust).is_some()
}

/// Whether a word can be the name of a variable.
pub fn is_name(word: &str) -> bool {
    !declarations(&format!("let {word} = 1;")).is_empty()
}

/// Whether a cell defines things and does nothing else: evcxr then runs nothing.
pub fn only_defines(code: &str) -> bool {
    let list = rust_part(code).and_then(parse);
    list.is_some_and(|list| {
        list.tail_expr().is_none()
            && list.statements().all(|statement| matches!(statement, ast::Stmt::Item(_)))
    })
}

/// Whether an expression is of type `()` by its form alone.
fn is_unit(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::ForExpr(_) | ast::Expr::WhileExpr(_) => true,
        ast::Expr::IfExpr(expr) => expr.else_branch().is_none(),
        ast::Expr::MacroExpr(call) => call
            .macro_call()
            .and_then(|call| call.path())
            .is_some_and(|path| UNIT_MACROS.contains(&path.syntax().text().to_string().as_str())),
        _ => false,
    }
}

/// The names that a cell binds with `let` at its top level.
pub fn bound_names(code: &str) -> Vec<String> {
    let Some(list) = rust_part(code).and_then(parse) else { return Vec::new() };
    let lets = list.statements().filter_map(|statement| match statement {
        ast::Stmt::LetStmt(statement) => statement.pat(),
        _ => None,
    });
    lets.flat_map(|pattern| identifiers(pattern.syntax())).collect()
}

/// The names that a cell binds to closures with `let` at its top level.
pub fn bound_closures(code: &str) -> Vec<String> {
    let Some(list) = rust_part(code).and_then(parse) else { return Vec::new() };
    let lets = list.statements().filter_map(|statement| match statement {
        ast::Stmt::LetStmt(statement) => match statement.initializer() {
            Some(ast::Expr::ClosureExpr(_)) => statement.pat(),
            _ => None,
        },
        _ => None,
    });
    lets.flat_map(|pattern| identifiers(pattern.syntax())).collect()
}

/// The types and modules that a cell defines at its top level: their names, and their definitions without
/// whitespace and comments.
pub fn type_definitions(code: &str) -> Vec<(String, String)> {
    let Some(list) = rust_part(code).and_then(parse) else { return Vec::new() };
    let items = list.statements().filter_map(|statement| match statement {
        ast::Stmt::Item(item) => Some(item),
        _ => None,
    });
    items
        .filter_map(|item| {
            let name = match &item {
                ast::Item::Struct(item) => item.name(),
                ast::Item::Enum(item) => item.name(),
                ast::Item::Union(item) => item.name(),
                ast::Item::TypeAlias(item) => item.name(),
                ast::Item::Module(item) => item.name(),
                _ => None,
            };
            Some((name?.text().to_string(), without_trivia(item.syntax())))
        })
        .collect()
}

/// The words and signs of a piece of Rust, one space apart.
fn without_trivia(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    let words: Vec<String> =
        tokens.filter(|token| !token.kind().is_trivia()).map(|token| token.text().to_owned()).collect();
    words.join(" ")
}

fn identifiers(pattern: &SyntaxNode) -> Vec<String> {
    let names = pattern.descendants().filter_map(ast::IdentPat::cast).filter_map(|pattern| pattern.name());
    names.map(|name| name.text().to_string()).collect()
}

/// The statements of a text without syntax errors.
fn parse(rust: &str) -> Option<ast::StmtList> {
    let parsed = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    if !parsed.errors().is_empty() {
        return None;
    }
    let mut functions = parsed.syntax_node().children().filter_map(ast::Fn::cast);
    let function = functions.next()?;
    // A text with more closing than opening braces would be a second item.
    if functions.next().is_some() { None } else { function.body()?.stmt_list() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dependencies_are_found() {
        assert_eq!(dependency("  :dep a = \"1\" "), Some("a = \"1\""));
        assert_eq!(dependency(":depth"), None);
        assert_eq!(without_dep_lines("// é\n:dep é\nlet x = 1;\n:dep b"), "// é\n      \nlet x = 1;\n:dep b");
    }

    #[test]
    fn a_last_expression_without_a_value_is_a_statement() {
        for code in ["println!(\"a\")", "if true { f(); }", ":dep a\n// b\nfor _ in 0..1 {}"] {
            assert_eq!(prepare(code), format!("{code}\n;"));
        }
        for code in [
            "print!(\"a\");",
            "let x = 1;",
            "1 + 1",
            "",
            ":vars",
            "// nothing",
            "fn g() {}",
            "use std::fs;",
            "let x = ;",
            "}{",
            "if true { 1 } else { 2 }",
        ] {
            assert_eq!(prepare(code), code);
        }
    }

    #[test]
    fn names_bound_by_let() {
        assert_eq!(
            bound_names(":dep x\nlet (a, mut b) = f()?;\nlet S { c, .. } = d;\nif true { let e = 1; }"),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn closures_bound_by_let() {
        assert_eq!(bound_closures("let a = |x| x; let b = 1;\nlet c = move || b;"), ["a", "c"]);
    }

    #[test]
    fn commands_come_before_rust() {
        assert_eq!(first_rust_line(":dep a\n\n// b\n!ls\nlet x = 1;\n!y"), Some(4));
        assert_eq!(first_rust_line("::std::mem::drop(1);"), Some(0));
        assert_eq!(rust_part(":dep a\n  :vars\nx"), Some("x"));
    }
}
