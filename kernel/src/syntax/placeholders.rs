//! Placeholders for the types of the variables that a cell binds.

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{SyntaxKind, TextSize};

use super::positions::position;
use super::{PRELUDE, parse, rust_part};
use crate::source::types;

/// A pattern that evcxr takes for a variable.
const NONE: &str = "None";
/// What makes it see that it is none.
const OF_OPTION: &str = "Option::";

/// A cell as evcxr gets it: the lines are the learner's, but some are longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub text: String,
    /// What was inserted, in order.
    inserted: Vec<Inserted>,
}

/// An inserted text: where in the learner's code, from 1, and its length in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Inserted {
    line: usize,
    column: usize,
    length: usize,
}

impl Written {
    /// As the learner wrote it.
    pub fn plain(code: &str) -> Written {
        Written { text: code.to_owned(), inserted: Vec::new() }
    }

    /// The column in the learner's code, from 1, of one in the text.
    pub fn original_column(&self, line: usize, column: usize) -> usize {
        let mut shift = 0;
        for inserted in self.inserted.iter().filter(|inserted| inserted.line == line) {
            if column <= inserted.column + shift {
                break;
            }
            if column < inserted.column + shift + inserted.length {
                return inserted.column;
            }
            shift += inserted.length;
        }
        column - shift
    }
}

/// A cell in which each variable whose type is not written out has a placeholder for one, numbered from `first` on, and the
/// next number.
pub fn with_placeholders(code: &str, first: usize) -> (Written, usize) {
    let mut number = first;
    let Some((rust, list)) = rust_part(code).and_then(|rust| Some((rust, parse(rust)?))) else {
        return (Written::plain(code), number);
    };
    let place = |at: TextSize| code.len() - rust.len() + usize::from(at).saturating_sub(PRELUDE.len());
    let mut insertions = Vec::new();
    for statement in list.statements() {
        let ast::Stmt::LetStmt(statement) = statement else { continue };
        let Some(pattern) = statement.pat().filter(|_| !is_written(&statement)) else { continue };
        let mut lets = String::new();
        for variable in pattern.syntax().descendants().filter_map(ast::IdentPat::cast) {
            let Some(name) = variable.name() else { continue };
            if variable.syntax().text() == NONE {
                insertions.push((place(name.syntax().text_range().start()), OF_OPTION.to_owned()));
                continue;
            }
            lets += &types::binding(name.text(), variable.mut_token().is_some(), number);
            number += 1;
        }
        insertions.push((place(statement.syntax().text_range().end()), lets));
    }
    let inserted = insertions.iter().filter_map(|(at, inserted)| {
        let (line, column) = position(code, *at)?;
        Some(Inserted { line, column, length: inserted.chars().count() })
    });
    let inserted = inserted.collect();
    let mut text = code.to_owned();
    for (at, inserted) in insertions.into_iter().rev() {
        text.insert_str(at, &inserted);
    }
    (Written { text, inserted }, number)
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
        let (Written { text, .. }, next) = with_placeholders(code, 7);
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
        assert_eq!(with_placeholders("let x = ", 1), (Written::plain("let x = "), 1));
    }

    #[test]
    fn columns_are_the_learners() {
        let code = "let é = 1; let (b, None) = f() else { return }; g(b);\nb";
        let (written, next) = with_placeholders(code, 1);
        assert_eq!(next, 3);
        assert!(written.text.contains("(b, Option::None)"), "{}", written.text);
        let column = |text: &str, word: &str| text[..text.find(word).unwrap()].chars().count() + 1;
        for word in ["é = 1", " let (b", "None", "f()", "g(b)"] {
            assert_eq!(written.original_column(1, column(&written.text, word)), column(code, word), "{word}");
        }
        // Within the second of the `let`s, which follows the first statement.
        assert_eq!(written.original_column(1, column(&written.text, "evcxr_type")), column(code, " let (b"));
        assert_eq!(written.original_column(2, 2), 2);
    }
}
