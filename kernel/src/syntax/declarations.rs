//! The variables that a cell of parameters declares.

use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::{PRELUDE, parse, rust_part};

/// One `let` of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub name: String,
    pub is_mutable: bool,
    /// The type, where it is written.
    pub kind: Option<String>,
    /// What it is set to, as it is written.
    pub value: String,
    /// What stands behind it on its line, after `//`.
    pub comment: String,
}

/// The variables that a cell sets with `let` at its top level, in order. None if the cell is not Rust.
pub fn declarations(code: &str) -> Vec<Declaration> {
    let Some(rust) = rust_part(code) else { return Vec::new() };
    let Some(list) = parse(rust) else { return Vec::new() };
    let found = list.statements().filter_map(|statement| {
        let ast::Stmt::LetStmt(statement) = statement else { return None };
        let Some(ast::Pat::IdentPat(pattern)) = statement.pat() else { return None };
        let end = usize::from(statement.syntax().text_range().end()).checked_sub(PRELUDE.len())?;
        let rest = rust.get(end..)?.lines().next().unwrap_or_default();
        Some(Declaration {
            name: pattern.name()?.text().to_string(),
            is_mutable: pattern.mut_token().is_some(),
            kind: statement.ty().map(|kind| kind.syntax().text().to_string()),
            value: statement.initializer()?.syntax().text().to_string(),
            comment: rest.trim().strip_prefix("//").unwrap_or_default().trim().to_owned(),
        })
    });
    found.collect()
}

/// The form of a value that is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A whole number, and its suffix (`u8`) if it has one.
    Integer(String),
    /// A floating-point number, and its suffix.
    Float(String),
    Bool,
    Char,
    Text,
    /// `String::from("…")`, `PathBuf::from("…")`: the type.
    From(String),
    /// `vec![…]`: the first value in it.
    Vec(Option<Box<Form>>),
    /// `[…]`: the first value in it.
    Array(Option<Box<Form>>),
    Some(Box<Form>),
}

/// The form of an expression. `None` for what has to be computed.
pub fn form(expression: &str) -> Option<Form> {
    form_of(&parse(expression)?.tail_expr()?)
}

fn form_of(expression: &ast::Expr) -> Option<Form> {
    match expression {
        ast::Expr::Literal(literal) => form_of_literal(literal),
        ast::Expr::PrefixExpr(negative) if negative.op_kind() == Some(ast::UnaryOp::Neg) => {
            form_of(&negative.expr()?)
        }
        ast::Expr::ArrayExpr(array) => {
            let first = array.exprs().next();
            match first {
                Some(first) => Some(Form::Array(Some(Box::new(form_of(&first)?)))),
                None => Some(Form::Array(None)),
            }
        }
        ast::Expr::MacroExpr(call) => {
            let call = call.macro_call()?;
            let is_vec = call.path()?.syntax().text() == "vec";
            let values = call.token_tree()?.syntax().text().to_string();
            let values = values.strip_prefix('[')?.strip_suffix(']')?;
            match form(&format!("[{values}]")).filter(|_| is_vec)? {
                Form::Array(first) => Some(Form::Vec(first)),
                _ => None,
            }
        }
        ast::Expr::CallExpr(call) => {
            let function = call.expr()?.syntax().text().to_string();
            let mut arguments = ast::HasArgList::arg_list(call)?.args();
            let argument = form_of(&arguments.next()?)?;
            match function.as_str() {
                "Some" => Some(Form::Some(Box::new(argument))),
                _ => Some(Form::From(function.strip_suffix("::from")?.to_owned())),
            }
        }
        ast::Expr::MethodCallExpr(call) => {
            let name = call.name_ref()?.text().to_string();
            let owned = ["to_string", "to_owned"].contains(&name.as_str());
            (owned && form_of(&call.receiver()?)? == Form::Text).then(|| Form::From("String".to_owned()))
        }
        _ => None,
    }
}

fn form_of_literal(literal: &ast::Literal) -> Option<Form> {
    Some(match literal.kind() {
        ast::LiteralKind::IntNumber(number) => match number.suffix() {
            Some(suffix) if suffix.starts_with('f') => Form::Float(suffix.to_owned()),
            suffix => Form::Integer(suffix.unwrap_or_default().to_owned()),
        },
        ast::LiteralKind::FloatNumber(number) => Form::Float(number.suffix().unwrap_or_default().to_owned()),
        ast::LiteralKind::Bool(_) => Form::Bool,
        ast::LiteralKind::Char(_) => Form::Char,
        ast::LiteralKind::String(_) => Form::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_with_their_types_and_remarks() {
        let cell = "// Parameters\nlet mut epochs: i64 = 20; // how many\nlet name = String::from(\"rose\");\nlet (a, b) = (1, 2);\nlet later: i32;";
        let found = declarations(cell);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            Declaration {
                name: "epochs".into(),
                is_mutable: true,
                kind: Some("i64".into()),
                value: "20".into(),
                comment: "how many".into(),
            }
        );
        assert_eq!((found[1].name.as_str(), found[1].kind.as_deref()), ("name", None));
        assert!(declarations("let x = ").is_empty());
    }

    #[test]
    fn forms_of_values() {
        let text = || Form::From("String".to_owned());
        let integer = || Form::Integer(String::new());
        let expected = [
            ("20", integer()),
            ("-1", integer()),
            ("3u8", Form::Integer("u8".into())),
            ("1e-3", Form::Float(String::new())),
            ("2f32", Form::Float("f32".into())),
            ("true", Form::Bool),
            ("'a'", Form::Char),
            ("\"a\"", Form::Text),
            ("\"a\".to_string()", text()),
            ("String::from(\"a\")", text()),
            ("std::path::PathBuf::from(\"a\")", Form::From("std::path::PathBuf".into())),
            ("vec![0.5, 0.2]", Form::Vec(Some(Box::new(Form::Float(String::new()))))),
            ("[1, 2]", Form::Array(Some(Box::new(integer())))),
            ("vec![]", Form::Vec(None)),
            ("Some(3)", Form::Some(Box::new(integer()))),
        ];
        for (code, form_expected) in expected {
            assert_eq!(form(code), Some(form_expected), "{code}");
        }
        for code in ["f(1)?", "data::flowers()?", "x + 1", "None"] {
            assert_eq!(form(code), None, "{code}");
        }
    }
}
