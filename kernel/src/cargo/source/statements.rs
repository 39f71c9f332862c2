//! The statements of the learner's code in a cell.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode, TextSize};

use super::moves::Watch;

const BEFORE: &str = "fn f(){";

/// The learner's code, parsed.
pub struct Statements {
    list: Option<ast::StmtList>,
}

/// A statement that moves a variable away.
#[derive(Debug, PartialEq, Eq)]
pub struct Moving {
    /// Where it stands in the code, in bytes.
    pub statement: Range<usize>,
    /// Where the block ends that it stands in.
    pub block_end: usize,
    /// It gives the variable another value at once: `v = f(v);`.
    pub assigns: bool,
}

impl Statements {
    pub fn of(code: &str) -> Statements {
        let parsed = SourceFile::parse(&format!("{BEFORE}{code}\n}}"), Edition::Edition2024);
        let list = parsed
            .syntax_node()
            .children()
            .find_map(ast::Fn::cast)
            .and_then(|function| function.body()?.stmt_list());
        Statements { list }
    }

    /// The names that are bound by `let` at the top level.
    pub fn bound(&self) -> Vec<String> {
        let lets =
            self.list.iter().flat_map(ast::StmtList::statements).filter_map(|statement| match statement {
                ast::Stmt::LetStmt(statement) => statement.pat(),
                _ => None,
            });
        let names = lets.flat_map(|pattern| {
            let names = pattern.syntax().descendants().filter_map(ast::IdentPat::cast);
            names.filter_map(|pattern| Some(pattern.name()?.text().to_string())).collect::<Vec<_>>()
        });
        names.collect()
    }

    /// Whether `name` is given another value somewhere.
    pub fn assigns(&self, name: &str) -> bool {
        let all = self.list.iter().flat_map(|list| list.syntax().descendants());
        all.filter_map(ast::BinExpr::cast).any(|expr| {
            let target = expr.lhs().filter(|_| is_assignment(&expr));
            target.is_some_and(|target| {
                let mut paths = target.syntax().descendants().filter_map(ast::PathExpr::cast);
                paths.any(|path| path.syntax().text() == name)
            })
        })
    }

    /// The statement that moves `name` away at `at`: the innermost that no closure is around, or the cell's.
    pub fn moving(&self, name: &str, at: usize, watch: Watch) -> Option<Moving> {
        let list = self.list.as_ref()?;
        let offset = TextSize::try_from(BEFORE.len() + at).ok()?;
        if !list.syntax().text_range().contains(offset) {
            return None;
        }
        let token = list.syntax().token_at_offset(offset).right_biased()?;
        let mut found = None;
        for node in token.parent_ancestors() {
            if is_deferred(&node) {
                found = None;
            }
            let in_list = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::STMT_LIST);
            let at_top = node.parent().as_ref() == Some(list.syntax());
            if in_list && (found.is_none() || at_top && watch == Watch::TopStatement) {
                found = Some(node.clone());
            }
            if at_top {
                break;
            }
        }
        let node = found?;
        let (range, block) = (node.text_range(), node.parent()?.text_range());
        let [start, end, block_end] =
            [range.start(), range.end(), block.end()].map(|at| usize::from(at).checked_sub(BEFORE.len()));
        Some(Moving {
            statement: start?..end?,
            block_end: block_end?,
            assigns: is_assignment_to(&node, name),
        })
    }
}

/// Whether its contents do not run in place, as in a closure.
fn is_deferred(node: &SyntaxNode) -> bool {
    let waits = |block: ast::BlockExpr| block.async_token().is_some() || block.const_token().is_some();
    ast::ClosureExpr::can_cast(node.kind())
        || ast::Item::can_cast(node.kind())
        || ast::BlockExpr::cast(node.clone()).is_some_and(waits)
}

fn is_assignment(expr: &ast::BinExpr) -> bool {
    expr.op_kind() == Some(ast::BinaryOp::Assignment { op: None })
}

fn is_assignment_to(statement: &SyntaxNode, name: &str) -> bool {
    let expr = match ast::ExprStmt::cast(statement.clone()) {
        Some(statement) => statement.expr(),
        None => ast::Expr::cast(statement.clone()),
    };
    let Some(ast::Expr::BinExpr(expr)) = expr else { return false };
    is_assignment(&expr) && expr.lhs().is_some_and(|target| target.syntax().text() == name)
}
