//! A cell's text taken apart into what a program has in different places.

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{NodeOrToken, SyntaxKind};

use super::{is_unit, parse};

/// A piece of a cell, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// `use …;`
    Use(String),
    /// Something else that is defined, with its name where it has one that another definition can take.
    Item { name: Option<String>, text: String },
    /// What is executed, with the comments and blank lines before it.
    Statement(String),
    /// The last expression, whose value the cell shows.
    Value(String),
    /// A comment behind it all, or behind a statement on its line.
    Comment(String),
}

/// The elements of a cell's Rust, in order. `None` where it is not Rust.
pub fn elements(rust: &str) -> Option<Vec<Element>> {
    let list = parse(rust)?;
    let last = list.tail_expr();
    let has_no_value = last.as_ref().is_some_and(is_unit);
    let tail = last.map(|tail| tail.syntax().clone());
    let mut elements = Vec::new();
    let mut before = String::new();
    for child in list.syntax().children_with_tokens() {
        let node = match child {
            NodeOrToken::Token(token) => {
                match token.kind() {
                    SyntaxKind::COMMENT => before.push_str(token.text()),
                    SyntaxKind::WHITESPACE => before.push_str(token.text()),
                    _ => {}
                }
                continue;
            }
            NodeOrToken::Node(node) => node,
        };
        // What begins on the line of the statement before belongs to that one.
        let (of_last, own) = match before.find('\n') {
            Some(at) => before.split_at(at),
            None => (before.as_str(), ""),
        };
        if !of_last.trim().is_empty() {
            elements.push(Element::Comment(of_last.trim().to_owned()));
        }
        // The parser gives a comment there to a definition that follows.
        let mut node_text = node.text().to_string();
        if !before.contains('\n')
            && !elements.is_empty()
            && node_text.starts_with("//")
            && let Some((of_last, rest)) = node_text.split_once('\n')
        {
            elements.push(Element::Comment(of_last.trim().to_owned()));
            node_text = rest.trim_start().to_owned();
        }
        let own = own.trim_matches('\n').trim_end();
        let text = if own.trim().is_empty() { node_text } else { format!("{own}\n{node_text}") };
        before.clear();
        let is_tail = tail.as_ref() == Some(&node);
        elements.push(match ast::Item::cast(node) {
            Some(ast::Item::Use(_)) => Element::Use(text),
            Some(ast::Item::MacroCall(_)) => Element::Statement(text),
            Some(item) => Element::Item { name: name(&item), text },
            None if is_tail && has_no_value => Element::Statement(text + ";"),
            None if is_tail => Element::Value(text),
            None => Element::Statement(text),
        });
    }
    if !before.trim().is_empty() {
        elements.push(Element::Comment(before.trim().to_owned()));
    }
    Some(elements)
}

/// The name in the way of another definition; values and types have separate names, distinguished by a prefix.
fn name(item: &ast::Item) -> Option<String> {
    let (space, name) = match item {
        ast::Item::Fn(item) => ("value", item.name()),
        ast::Item::Const(item) => ("value", item.name()),
        ast::Item::Static(item) => ("value", item.name()),
        ast::Item::Struct(item) => ("type", item.name()),
        ast::Item::Enum(item) => ("type", item.name()),
        ast::Item::Union(item) => ("type", item.name()),
        ast::Item::Trait(item) => ("type", item.name()),
        ast::Item::TypeAlias(item) => ("type", item.name()),
        ast::Item::Module(item) => ("type", item.name()),
        ast::Item::MacroRules(item) => ("macro", item.name()),
        _ => return None,
    };
    Some(format!("{space} {}", name?.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_in_parts() {
        let cell = "use std::fs;\n// why\nlet x = 1; // one\n/// Doubles.\nfn double(x: i32) -> i32 { 2 * x }\nfor i in 0..2 {}\nprintln!(\"a\");\n\ndouble(x) // two";
        let statement = |text: &str| Element::Statement(text.to_owned());
        let expected = [
            Element::Use("use std::fs;".to_owned()),
            statement("// why\nlet x = 1;"),
            Element::Comment("// one".to_owned()),
            Element::Item {
                name: Some("value double".to_owned()),
                text: "/// Doubles.\nfn double(x: i32) -> i32 { 2 * x }".to_owned(),
            },
            statement("for i in 0..2 {}"),
            statement("println!(\"a\");"),
            Element::Value("double(x)".to_owned()),
            Element::Comment("// two".to_owned()),
        ];
        assert_eq!(elements(cell).unwrap(), expected);
        assert_eq!(elements("let x = "), None);
        assert_eq!(elements("").unwrap(), []);
    }
}
