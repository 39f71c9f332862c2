//! The variables that a cell of parameters declares.

use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::{Kind, PRELUDE, parse, rust_part};

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

/// The type of a value that is written out. `None` for what has to be computed.
pub fn kind_of(expression: &str) -> Option<Kind> {
    kind_of_expression(&parse(expression)?.tail_expr()?)
}

fn kind_of_expression(expression: &ast::Expr) -> Option<Kind> {
    match expression {
        ast::Expr::Literal(literal) => kind_of_literal(literal),
        ast::Expr::PrefixExpr(negative) if negative.op_kind() == Some(ast::UnaryOp::Neg) => {
            kind_of_expression(&negative.expr()?)
        }
        ast::Expr::ArrayExpr(array) => {
            let first = array.exprs().next().map_or(Some(Kind::Any), |first| kind_of_expression(&first))?;
            Some(Kind::Array(Box::new(first), None))
        }
        ast::Expr::MacroExpr(call) => {
            let call = call.macro_call()?;
            let is_vec = call.path()?.syntax().text() == "vec";
            let values = call.token_tree()?.syntax().text().to_string();
            let values = values.strip_prefix('[')?.strip_suffix(']')?;
            match kind_of(&format!("[{values}]")).filter(|_| is_vec)? {
                Kind::Array(first, _) => Some(Kind::Vec(first)),
                _ => None,
            }
        }
        ast::Expr::CallExpr(call) => {
            let function = call.expr()?.syntax().text().to_string();
            let mut arguments = ast::HasArgList::arg_list(call)?.args();
            let argument = kind_of_expression(&arguments.next()?)?;
            match function.as_str() {
                "Some" => Some(Kind::Option(Box::new(argument))),
                _ => {
                    let made = Kind::of_type(function.strip_suffix("::from")?);
                    made.filter(|kind| matches!(kind, Kind::From(_)))
                }
            }
        }
        ast::Expr::MethodCallExpr(call) => {
            let name = call.name_ref()?.text().to_string();
            let owned = ["to_string", "to_owned"].contains(&name.as_str());
            let is_text = kind_of_expression(&call.receiver()?)? == Kind::Text;
            (owned && is_text).then(|| Kind::From("String".to_owned()))
        }
        _ => None,
    }
}

fn kind_of_literal(literal: &ast::Literal) -> Option<Kind> {
    Some(match literal.kind() {
        ast::LiteralKind::IntNumber(number) => match number.suffix() {
            Some(suffix) if suffix.starts_with('f') => Kind::Float(suffix.to_owned()),
            suffix => Kind::Integer(suffix.unwrap_or_default().to_owned()),
        },
        ast::LiteralKind::FloatNumber(number) => Kind::Float(number.suffix().unwrap_or_default().to_owned()),
        ast::LiteralKind::Bool(_) => Kind::Bool,
        ast::LiteralKind::Char(_) => Kind::Char,
        ast::LiteralKind::String(_) => Kind::Text,
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
    fn types_of_values() {
        let text = || Kind::From("String".to_owned());
        let integer = || Kind::Integer(String::new());
        let expected = [
            ("20", integer()),
            ("-1", integer()),
            ("3u8", Kind::Integer("u8".into())),
            ("1e-3", Kind::Float(String::new())),
            ("2f32", Kind::Float("f32".into())),
            ("true", Kind::Bool),
            ("'a'", Kind::Char),
            ("\"a\"", Kind::Text),
            ("\"a\".to_string()", text()),
            ("String::from(\"a\")", text()),
            ("std::path::PathBuf::from(\"a\")", Kind::From("std::path::PathBuf".into())),
            ("vec![0.5, 0.2]", Kind::Vec(Box::new(Kind::Float(String::new())))),
            ("[1, 2]", Kind::Array(Box::new(integer()), None)),
            ("vec![]", Kind::Vec(Box::new(Kind::Any))),
            ("Some(3)", Kind::Option(Box::new(integer()))),
        ];
        for (code, kind) in expected {
            assert_eq!(kind_of(code), Some(kind), "{code}");
        }
        for code in ["f(1)?", "data::flowers()?", "x + 1", "None", "Device::from(1)"] {
            assert_eq!(kind_of(code), None, "{code}");
        }
    }
}
