//! What is inserted, and where a cell may spend long: loop bodies, closures, recursive functions, prints, and each statement after the cell's
//! first.
//!
//! Left out: what is computed while the cell is compiled (`const fn`), functions that other languages call (they must not
//! unwind), loops that ask `interrupted()` themselves, the arguments of most macros, and in optimised code the loops
//! and closures that a check would make several times slower.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasLoopBody, HasName};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, T};

use super::{CHECK, CLOSE, OPEN};

/// evcxr's function around a cell.
const CELL: &str = "run_user_code_";
/// Functions by which a loop checks for interrupts itself.
const ASKING: [&str; 3] = ["interrupted", "take_interrupt", "stopping"];
const PRINTING: [&str; 4] = ["println", "print", "eprintln", "eprint"];
/// Macros whose arguments are plain expressions, of which only the value is shown.
const TRANSPARENT: [&str; 8] =
    ["println", "print", "eprintln", "eprint", "format", "write", "writeln", "vec"];
/// Statements of the cell's function that are not the learner's.
const GENERATED: [&str; 4] = ["evcxr_", "let evcxr_", "::std::mem::drop(::std::io::Write::flush", "Ok("];
/// Methods that iterate over data in memory: such a loop ends soon.
const IN_MEMORY: [&str; 5] = ["iter", "iter_mut", "chunks", "chunks_exact", "windows"];
/// Adapters that yield no more items than their receiver.
const NO_MORE: [&str; 8] = ["zip", "enumerate", "rev", "skip", "take", "step_by", "copied", "cloned"];
/// Methods of a few instructions.
const INSTRUCTIONS: [&str; 9] =
    ["wrapping_add", "wrapping_sub", "wrapping_mul", "min", "max", "abs", "sqrt", "mul_add", "len"];

pub type Insertion = (usize, &'static str);

/// The insertions to insert, each with its byte offset.
pub fn insertions(text: &str, optimised: bool) -> Vec<Insertion> {
    let file = SourceFile::parse(text, Edition::Edition2024).syntax_node();
    let asking = asking(&file);
    let mut found: Vec<Insertion> = Vec::new();
    for node in file.descendants() {
        let start = usize::from(node.text_range().start());
        if asking.iter().any(|range| range.contains(&start)) {
            continue;
        }
        if let Some(rules) = ast::MacroRules::cast(node.clone()) {
            found.extend(of_macro(&rules));
        } else if runs(&node) {
            found.extend(of_node(&node, optimised, &found));
            if let Some(call) = ast::MacroCall::cast(node) {
                found.extend(of_arguments(&call, optimised));
            }
        }
    }
    found
}

/// What stands in a macro's arguments, where these are expressions that it does not show.
fn of_arguments(call: &ast::MacroCall, optimised: bool) -> Vec<Insertion> {
    let name = call.path().map(|path| path.syntax().text().to_string()).unwrap_or_default();
    let Some(tree) = call.token_tree().filter(|_| TRANSPARENT.contains(&name.as_str())) else {
        return Vec::new();
    };
    let (text, start) = (tree.syntax().text().to_string(), usize::from(tree.syntax().text_range().start()));
    let Some(inner) = text.get(1..text.len().saturating_sub(1)).filter(|inner| inner.contains('{')) else {
        return Vec::new();
    };
    // A name that no cell has: a function that calls itself gets a check.
    let before = if name == "vec" { "fn evcxr_arguments(){g([" } else { "fn evcxr_arguments(){g((" };
    let after = if name == "vec" { "]);}" } else { "));}" };
    let within = insertions(&format!("{before}{inner}{after}"), optimised);
    within.into_iter().map(|(at, piece)| (at + start + 1 - before.len(), piece)).collect()
}

/// The loops that ask for interrupts themselves.
fn asking(file: &SyntaxNode) -> Vec<Range<usize>> {
    let loops = file.descendants().filter(|node| is_loop(node.kind()));
    let asks = |node: &SyntaxNode| {
        node.descendants()
            .filter_map(ast::NameRef::cast)
            .any(|name| ASKING.contains(&name.text().to_string().as_str()))
    };
    loops.filter(asks).map(|node| node.text_range().into()).collect()
}

fn is_loop(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::LOOP_EXPR | SyntaxKind::WHILE_EXPR | SyntaxKind::FOR_EXPR)
}

/// Whether code at a node is run, and may unwind.
fn runs(node: &SyntaxNode) -> bool {
    let start = node.text_range().start();
    for around in node.ancestors() {
        match around.kind() {
            SyntaxKind::FN => {
                return ast::Fn::cast(around).is_some_and(|function| {
                    let abi = function.abi().map(|abi| abi.syntax().text().to_string());
                    let unwinds = abi.is_none_or(|abi| abi.contains("unwind") || abi.contains("\"Rust\""));
                    function.const_token().is_none() && unwinds
                });
            }
            SyntaxKind::CLOSURE_EXPR => return true,
            SyntaxKind::CONST
            | SyntaxKind::STATIC
            | SyntaxKind::VARIANT
            | SyntaxKind::CONST_ARG
            | SyntaxKind::CONST_PARAM
            | SyntaxKind::ARRAY_TYPE => return false,
            SyntaxKind::BLOCK_EXPR
                if ast::BlockExpr::cast(around.clone())
                    .is_some_and(|block| block.const_token().is_some()) =>
            {
                return false;
            }
            SyntaxKind::ARRAY_EXPR => {
                let semicolon = ast::ArrayExpr::cast(around).and_then(|array| array.semicolon_token());
                if semicolon.is_some_and(|token| token.text_range().start() < start) {
                    return false;
                }
            }
            _ => {}
        }
    }
    false
}

fn of_node(node: &SyntaxNode, optimised: bool, before: &[Insertion]) -> Vec<Insertion> {
    if let Some(body) = loop_body(node) {
        let left_out = optimised && ast::ForExpr::cast(node.clone()).is_some_and(|each| is_fast(&each));
        return if left_out { Vec::new() } else { head(&body) };
    }
    if let Some(function) = ast::Fn::cast(node.clone()) {
        let body = function.body().filter(|_| calls_itself(&function));
        return body.map(|body| head(&body)).unwrap_or_default();
    }
    if let Some(closure) = ast::ClosureExpr::cast(node.clone()) {
        return of_closure(&closure, optimised);
    }
    if let Some(print) = ast::MacroExpr::cast(node.clone()).filter(prints) {
        return of_print(&print, before);
    }
    if is_later_statement(node) {
        return vec![(usize::from(node.text_range().start()), CHECK)];
    }
    Vec::new()
}

fn loop_body(node: &SyntaxNode) -> Option<ast::BlockExpr> {
    match node.kind() {
        SyntaxKind::LOOP_EXPR => ast::LoopExpr::cast(node.clone())?.loop_body(),
        SyntaxKind::WHILE_EXPR => ast::WhileExpr::cast(node.clone())?.loop_body(),
        SyntaxKind::FOR_EXPR => ast::ForExpr::cast(node.clone())?.loop_body(),
        _ => None,
    }
}

/// A check after a block's brace, and after the attributes that may stand there.
fn head(block: &ast::BlockExpr) -> Vec<Insertion> {
    let Some(list) = block.stmt_list() else { return Vec::new() };
    let attributes = list.syntax().children().filter_map(ast::Attr::cast);
    let inner = attributes.filter(|attribute| attribute.excl_token().is_some()).last();
    let end = inner
        .map(|attribute| attribute.syntax().text_range().end())
        .or_else(|| list.l_curly_token().map(|brace| brace.text_range().end()));
    end.map(|end| (usize::from(end), CHECK)).into_iter().collect()
}

/// Whether a loop only computes, and goes over what is in memory or stands in a loop that has a check.
fn is_fast(each: &ast::ForExpr) -> bool {
    let (Some(body), Some(over)) = (each.loop_body(), each.iterable()) else { return false };
    let is_inner = is_inner(each.syntax());
    let computes = !body.syntax().descendants().skip(1).any(|node| match node.kind() {
        SyntaxKind::CALL_EXPR
        | SyntaxKind::MACRO_EXPR
        | SyntaxKind::CLOSURE_EXPR
        | SyntaxKind::AWAIT_EXPR
        | SyntaxKind::TRY_EXPR => true,
        SyntaxKind::METHOD_CALL_EXPR => !is_method(&node, &INSTRUCTIONS),
        SyntaxKind::FOR_EXPR => !is_inner,
        kind => is_loop(kind),
    });
    let is_short = || match &over {
        ast::Expr::RangeExpr(_) => indexes(each, &body),
        over => is_in_memory(over),
    };
    computes && (is_inner || is_short())
}

/// Whether a loop stands in another one of the same function.
fn is_inner(each: &SyntaxNode) -> bool {
    let function = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::FN | SyntaxKind::CLOSURE_EXPR);
    let around = each.ancestors().skip(1).take_while(|node| !function(node));
    around.into_iter().any(|node| is_loop(node.kind()))
}

fn is_in_memory(over: &ast::Expr) -> bool {
    match over {
        ast::Expr::RefExpr(_) => true,
        ast::Expr::MethodCallExpr(call) if is_method(call.syntax(), &IN_MEMORY) => true,
        ast::Expr::MethodCallExpr(call) => {
            is_method(call.syntax(), &NO_MORE)
                && call.receiver().is_some_and(|receiver| is_in_memory(&receiver))
        }
        _ => false,
    }
}

fn is_method(node: &SyntaxNode, names: &[&str]) -> bool {
    let call = ast::MethodCallExpr::cast(node.clone());
    call.and_then(|call| call.name_ref())
        .is_some_and(|name| names.contains(&name.text().to_string().as_str()))
}

/// Whether the loop variable is used as an index in the body: then the loop ends, at the latest, at the end
/// of what is indexed.
fn indexes(each: &ast::ForExpr, body: &ast::BlockExpr) -> bool {
    let Some(ast::Pat::IdentPat(variable)) = each.pat() else { return false };
    let Some(variable) = variable.name().map(|name| name.text().to_string()) else { return false };
    let indices =
        body.syntax().descendants().filter_map(ast::IndexExpr::cast).filter_map(|place| place.index());
    indices.into_iter().any(|index| index.syntax().text() == variable.as_str())
}

/// Whether a function calls itself by its name.
fn calls_itself(function: &ast::Fn) -> bool {
    let (Some(name), Some(body)) = (function.name(), function.body()) else { return false };
    let name = name.text().to_string();
    body.syntax().descendants().any(|node| {
        if let Some(call) = ast::CallExpr::cast(node.clone()) {
            let called = call.expr().map(|called| called.syntax().text().to_string()).unwrap_or_default();
            called == name || called == format!("Self::{name}")
        } else if let Some(call) = ast::MethodCallExpr::cast(node) {
            let own = call.receiver().is_some_and(|receiver| receiver.syntax().text() == "self");
            own && call.name_ref().is_some_and(|called| called.text() == name.as_str())
        } else {
            false
        }
    })
}

/// A closure may be the body of a loop that is in a library.
fn of_closure(closure: &ast::ClosureExpr, optimised: bool) -> Vec<Insertion> {
    let Some(body) = closure.body() else { return Vec::new() };
    if closure.const_token().is_some() || is_generated(closure) {
        return Vec::new();
    }
    let is_loop = closure
        .syntax()
        .parent()
        .and_then(|list| list.parent())
        .is_some_and(|call| is_method(&call, &["for_each", "try_for_each"]));
    if let ast::Expr::BlockExpr(block) = &body {
        let plain = block
            .stmt_list()
            .is_some_and(|list| list.syntax().text_range().start() == block.syntax().text_range().start());
        let works = block.stmt_list().is_some_and(|list| list.statements().next().is_some());
        return if plain && (is_loop || works || !optimised) { head(block) } else { Vec::new() };
    }
    // If the expression starts with a block, the rest would parse as another statement.
    let first = body.syntax().first_token().map(|token| token.kind());
    let begins = first.is_some_and(|kind| {
        kind.is_literal()
            || matches!(
                kind,
                SyntaxKind::IDENT | T![self] | T![Self] | T![crate] | T![*] | T![&] | T!['('] | T![-] | T![!]
            )
    });
    let prints = ast::MacroExpr::cast(body.syntax().clone()).is_some_and(|body| prints(&body));
    if begins && !prints && (is_loop || !optimised) { around(body.syntax()) } else { Vec::new() }
}

/// Whether a closure is one that evcxr puts around a cell.
fn is_generated(closure: &ast::ClosureExpr) -> bool {
    let returns = closure.ret_type().map(|kind| kind.syntax().text().to_string()).unwrap_or_default();
    let call = closure.syntax().parent().and_then(|list| list.parent()).and_then(ast::CallExpr::cast);
    let called = call.and_then(|call| call.expr()).map(|called| called.syntax().text().to_string());
    let catches = ["std::panic::AssertUnwindSafe", "std::panic::catch_unwind"];
    let of_cell = closure.syntax().ancestors().skip(1).find(|node| node.kind() == SyntaxKind::FN);
    let name = of_cell.and_then(ast::Fn::cast).and_then(|function| function.name());
    name.is_some_and(|name| name.text().starts_with(CELL))
        && (returns.contains("EvcxrUserCodeError")
            || called.is_some_and(|called| catches.contains(&called.trim())))
}

fn around(node: &SyntaxNode) -> Vec<Insertion> {
    let range = node.text_range();
    vec![(usize::from(range.start()), OPEN), (usize::from(range.end()), CLOSE)]
}

fn prints(expression: &ast::MacroExpr) -> bool {
    let path = expression.macro_call().and_then(|call| call.path());
    path.is_some_and(|path| PRINTING.contains(&path.syntax().text().to_string().as_str()))
}

/// A check before a print, unless there has just been one.
fn of_print(print: &ast::MacroExpr, before: &[Insertion]) -> Vec<Insertion> {
    let node = print.syntax();
    let Some(parent) = node.parent() else { return Vec::new() };
    let statement = match parent.kind() {
        SyntaxKind::EXPR_STMT => parent,
        SyntaxKind::STMT_LIST => node.clone(),
        SyntaxKind::MATCH_ARM | SyntaxKind::CLOSURE_EXPR => return around(node),
        _ => return Vec::new(),
    };
    // The cell's own statements have theirs already.
    if is_top_level(&statement) {
        return Vec::new();
    }
    let opened = statement.first_token().and_then(|token| {
        let previous = std::iter::successors(token.prev_token(), |token| token.prev_token());
        previous
            .skip_while(|token| token.kind().is_trivia())
            .map(|token| usize::from(token.text_range().end()))
            .next()
    });
    let checked = opened.is_some_and(|end| before.iter().any(|(at, _)| *at == end));
    if checked { Vec::new() } else { vec![(usize::from(statement.text_range().start()), CHECK)] }
}

/// Whether a statement stands in the cell itself.
fn is_top_level(statement: &SyntaxNode) -> bool {
    let list = statement.parent().filter(|list| list.kind() == SyntaxKind::STMT_LIST);
    let closure = list.and_then(|list| list.parent()).and_then(|block| block.parent());
    closure.and_then(ast::ClosureExpr::cast).is_some_and(|closure| is_generated(&closure))
}

/// Whether a statement is the cell's own, and not its first: before that there is nothing to stop.
fn is_later_statement(node: &SyntaxNode) -> bool {
    let is_own = |node: &SyntaxNode| {
        let text = node.text().to_string();
        matches!(node.kind(), SyntaxKind::EXPR_STMT | SyntaxKind::LET_STMT)
            && !GENERATED.iter().any(|start| text.starts_with(start))
    };
    let before = || std::iter::successors(node.prev_sibling(), |node| node.prev_sibling());
    is_own(node) && is_top_level(node) && before().any(|node| is_own(&node))
}

/// The loops that a macro writes.
fn of_macro(rules: &ast::MacroRules) -> Vec<Insertion> {
    let Some(tree) = rules.token_tree() else { return Vec::new() };
    let mut found = Vec::new();
    let mut after_arrow = false;
    for element in tree.syntax().children_with_tokens() {
        match element {
            NodeOrToken::Node(written) if after_arrow => {
                let is_const = |token: &NodeOrToken<_, ra_ap_syntax::SyntaxToken>| token.kind() == T![const];
                if !written.descendants_with_tokens().any(|token| is_const(&token)) {
                    written.descendants().for_each(|tree| found.extend(of_token_tree(&tree)));
                }
                after_arrow = false;
            }
            // `=>` is two tokens in a tree, or one.
            NodeOrToken::Token(token) => match token.kind() {
                T![=>] | T![>] => after_arrow = true,
                _ => {}
            },
            _ => {}
        }
    }
    found
}

/// The loops in one pair of brackets.
fn of_token_tree(tree: &SyntaxNode) -> Vec<Insertion> {
    let mut found = Vec::new();
    let mut open: Option<SyntaxKind> = None;
    for element in tree.children_with_tokens() {
        match element {
            NodeOrToken::Token(token) => match token.kind() {
                kind @ (T![loop] | T![while] | T![for]) => open = Some(kind),
                T![in] if open == Some(T![for]) => open = Some(T![in]),
                T![match] | T![if] | T![unsafe] | T![else] | T![async] | T![;] => open = None,
                _ => {}
            },
            NodeOrToken::Node(inner) => {
                let brace = inner.first_token().filter(|token| token.kind() == T!['{']);
                if let Some(brace) = brace {
                    if matches!(open, Some(T![loop] | T![while] | T![in])) {
                        found.push((usize::from(brace.text_range().end()), CHECK));
                    }
                    open = None;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `@` where checks are, and brackets `‹›` around what becomes a block.
    fn shown(text: &str, optimised: bool) -> String {
        let mut insertions = insertions(text, optimised);
        insertions.sort_by_key(|(at, _)| *at);
        let mut out = text.to_owned();
        for (at, piece) in insertions.iter().rev() {
            out.insert_str(
                *at,
                [(CHECK, "@"), (OPEN, "‹"), (CLOSE, "›")]
                    .into_iter()
                    .find(|(form, _)| form == piece)
                    .unwrap()
                    .1,
            );
        }
        out
    }

    fn same(marked: &str, optimised: bool) {
        let text: String = marked.chars().filter(|sign| !"@‹›".contains(*sign)).collect();
        assert_eq!(shown(&text, optimised), marked);
    }

    #[test]
    fn every_kind_of_loop_has_a_check_at_its_head() {
        for optimised in [true, false] {
            same("fn f() { 'a: loop {@ while x {@ } for i in 0..9 {@ g(i) } break 'a; } }", optimised);
            same("impl S { fn f(&self) { while let Some(x) = match y { _ => { z } } {@ } } }", optimised);
            same(
                "mod m { mod n { trait T { async fn f() { loop {@ #![allow(x)] } } } } }"
                    .replace("@ #![allow(x)]", " #![allow(x)]@")
                    .as_str(),
                optimised,
            );
            same("static X: L<u8> = L::new(|| {@ let x = 1; for y in z() {@ } x });", optimised);
            same("fn f() { let _ = async { loop {@ } }; unsafe { loop {@ } } }", optimised);
        }
    }

    #[test]
    fn what_is_computed_by_the_compiler_or_called_from_elsewhere_has_none() {
        for text in [
            "const fn f() { loop { } }",
            "const X: u8 = { loop { } };",
            "static X: [u8; { loop { } }] = y;",
            "fn f() { let x = [0; { loop { } }]; const { loop { } } }",
            "extern \"C\" fn f() { loop { } }",
            "enum E { A = { loop { } } }",
            "fn f() { while !interrupted() { loop { } println!(); } }",
            "fn f() { println!(\"{}\", { loop { } }) }".replace("println", "dbg").as_str(),
        ] {
            same(text, false);
        }
        same("extern \"C-unwind\" fn f() { loop {@ } }", false);
    }

    #[test]
    fn closures_and_what_prints() {
        same(
            "fn f() { a.for_each(|x| ‹g(x)›); b.map(|x| {@ y; x }); c.map(|x| x + 1); d.map(|x| { x }) }",
            true,
        );
        same("fn f() { c.map(|x| ‹x + 1›); d.map(|x| {@ x }); e.map(|x| if x { 1 } else { 2 } + 1) }", false);
        same(
            "fn f() { @println!(); g(); @print!(); match x { 1 => ‹println!()›, _ => {} } @eprintln!() }",
            true,
        );
        same("fn f() { loop {@ println!(); h(); @println!() } }", true);
    }

    #[test]
    fn what_a_macro_shows_and_what_it_only_computes() {
        same("fn h() { g(); @println!(\"{}\", f(1)); let v = vec![{ f(2) }]; }", true);
        same(
            "fn f() { g(); @println!(\"{}\", { loop {@ break 1 } }); let v = vec![{ loop {@ } }; 3]; }",
            true,
        );
        same(
            "fn f() { assert!({ loop { } }); x(&format!(\"{:?}\",&(\nloop {@}\n))); const fn h() { format!(\"\", loop { }) } }",
            true,
        );
    }

    #[test]
    fn functions_that_call_themselves() {
        same("fn fib(n: u8) -> u8 {@ fib(n - 1) + fib(n - 2) }", true);
        same(
            "impl S { fn a(&self) {@ self.a() } fn b() {@ Self::b() } fn len(&self) { self.v.len() } }",
            true,
        );
    }

    #[test]
    fn optimised_loops_that_only_compute_are_left_alone_over_memory_and_in_loops() {
        for text in [
            "fn f() { for x in &v { s += x; } }",
            "fn f() { for (c, (a, b)) in c.iter_mut().zip(a.iter().zip(&b)) { *c = a * b; } }",
            "fn f() { for i in 0..n { c[i] = a[i].wrapping_add(b[i]); } }",
            "fn f() { for i in 0..n {@ for j in i..n { s += i * j; } } }",
            "fn f() { while x {@ for i in 0..n { for j in it { s += a[i * n + j]; } } } }",
        ] {
            same(text, true);
            let text = text.replace('@', "");
            let loops = text.matches("for ").count() + text.matches("while ").count();
            assert_eq!(shown(&text, false).matches('@').count(), loops);
        }
        for text in [
            "fn f() { for _ in 0..n {@ x ^= x << 13; } }",
            "fn f() { for x in &v {@ g(x); } }",
            "fn f() { for x in it {@ s += x; } }",
            "fn f() { for i in 0..n {@ for j in 0..n {@ s += g(i, j); } } }",
            "fn f() { for i in 0..n {@ for j in 0..n {@ while s < j {@ s += i; } } } }",
            "fn f() { for v in vs {@ let g = || {@ for i in 0..n {@ s += i; } s }; } }",
            "fn f() { for i in 0..n {@ for j in 0..n { a[i] = j; } } }",
        ] {
            same(text, true);
        }
    }

    #[test]
    fn a_cells_statements_after_the_first() {
        let cell = "pub extern \"C\" fn run_user_code_3(x: *mut S) -> *mut S {\nmatch std::panic::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\nlet _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {\nlet a = b();\n@let c = d();\n@f(|| {@ g(); });\n@println!();\n@e()\n;\nevcxr_variable_store.put_variable::<T>(stringify!(a), a);\nOk(())})();\n})) { Ok(_) => {} }}";
        same(cell, true);
        same(
            &cell.replace('@', "").replace("let c = d();\nf(|| { g(); });\nprintln!();\ne()\n;\n", ""),
            true,
        );
    }

    #[test]
    fn loops_that_a_macro_writes() {
        same(
            "macro_rules! m { (loop { $x:expr }) => { loop {@ $x } }; ($n:expr) => { for _ in 0..$n {@ while a($n) {@ } } }; }",
            true,
        );
        same(
            "macro_rules! m { ($t:ty) => { impl X for $t { fn f() { if a { } } } const fn f() { loop { } } }; }",
            true,
        );
    }
}
