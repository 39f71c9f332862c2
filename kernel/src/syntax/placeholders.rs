//! Placeholders for the types of the variables that a cell binds.

use ra_ap_syntax::SyntaxKind;
use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::{PRELUDE, parse, rust_part};
use crate::source::types;

/// A cell in which each variable whose type is not written out has a placeholder for one, numbered from `first` on, and the
/// next number. No place in the cell's own code changes its line.
pub fn with_placeholders(code: &str, first: usize) -> (String, usize) {
    let mut number = first;
    let mut text = code.to_owned();
    let Some((rust, list)) = rust_part(code).and_then(|rust| Some((rust, parse(rust)?))) else {
        return (text, number);
    };
    let base = code.len() - rust.len();
    let mut insertions = Vec::new();
    for statement in list.statements() {
        let ast::Stmt::LetStmt(statement) = statement else { continue };
        let Some(pattern) = statement.pat().filter(|_| !is_written(&statement)) else { continue };
        let end = usize::from(statement.syntax().text_range().end()).saturating_sub(PRELUDE.len());
        let bound = pattern.syntax().descendants().filter_map(ast::IdentPat::cast);
        let lets = bound.filter_map(|variable| {
            let name = variable.name()?;
            number += 1;
            Some(types::binding(name.text(), variable.mut_token().is_some(), number - 1))
        });
        insertions.push((base + end, lets.collect::<String>()));
    }
    for (at, lets) in insertions.into_iter().rev() {
        text.insert_str(at, &lets);
    }
    (text, number)
}

/// Whether a `let` is of one variable and says its whole type.
fn is_written(statement: &ast::LetStmt) -> bool {
    // Of a type, or of an array's length.
    let is_whole = |kind: ast::Type| {
        !kind.syntax().descendants_with_tokens().any(|part| part.kind() == SyntaxKind::UNDERSCORE)
    };
    matches!(statement.pat(), Some(ast::Pat::IdentPat(_))) && statement.ty().is_some_and(is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_without_a_type_gets_one() {
        let code = ":dep x\nlet é: i32 = 1; let mut a =\n  f(); // a\nlet (b, Some([c, ..])) = g() else { return };\nlet d: Vec<_> = h(); let l: [u8; _] = i();\n{ let e = 1; }\na";
        let (text, next) = with_placeholders(code, 7);
        let one = |name: &str, mutable, number| types::binding(name, mutable, number);
        assert_eq!(
            text,
            format!(
                ":dep x\nlet é: i32 = 1; let mut a =\n  f();{} // a\nlet (b, Some([c, ..])) = g() else {{ return }};{}{}\nlet d: Vec<_> = h();{} let l: [u8; _] = i();{}\n{{ let e = 1; }}\na",
                one("a", true, 7),
                one("b", false, 8),
                one("c", false, 9),
                one("d", false, 10),
                one("l", false, 11),
            )
        );
        assert_eq!(next, 12);
        assert_eq!(with_placeholders("let x = ", 1), ("let x = ".to_owned(), 1));
    }
}
