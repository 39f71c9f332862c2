//! What is changed in the texts that evcxr writes around cells, on texts that evcxr has written in this run.

mod evcxr;
#[path = "../../src/cargo/source/mod.rs"]
#[allow(dead_code)]
mod source;

use std::path::Path;

use serde_json::json;
use source::{Source, Verdict, is_foreign, learners_line, let_go};

/// A cell as evcxr writes it, with its lines for variables and code replaced by these.
fn cell(taken: &str, code: &str, bound: &str, kept: &str) -> String {
    // The first attempt is one without the `?`.
    let written = evcxr::texts(evcxr::WITH_VARIABLES).pop().unwrap();
    let mut lines: Vec<&str> = written.lines().collect();
    lines.retain(|line| !line.contains(".take_variable::<") && !line.contains(".put_variable::<"));
    let place = |lines: &[&str], text: &str| {
        let found = lines.iter().position(|line| line.starts_with(text));
        found.unwrap_or_else(|| panic!("no {text:?} in\n{written}"))
    };
    let end = lines.len() - 2;
    assert_eq!(lines[end..], ["evcxr_variable_store", "}"], "{written}");
    lines.splice(end..end, kept.lines());
    let (start, question) = (place(&lines, "let last"), place(&lines, "Ok(())})();"));
    lines.splice(start..question, code.lines().chain(bound.lines()));
    let catch = place(&lines, "match std::panic::catch_unwind(");
    lines.splice(catch..catch, taken.lines());
    lines.join("\n") + "\n"
}

fn take(name: &str) -> String {
    format!("let mut {name} = evcxr_variable_store.take_variable::<String>(stringify!({name}));\n")
}

fn puts(name: &str, kind: &str) -> String {
    format!("evcxr_variable_store.put_variable::<{kind}>(stringify!({name}), {name});\n")
}

fn crates() -> Vec<String> {
    ["garden", "tch"].map(str::to_owned).to_vec()
}

fn source_of(text: &str, has_crate: bool) -> Source {
    let source = Source::of(text, has_crate.then_some(&crates()[..]), Path::new("/nowhere")).unwrap();
    assert_eq!(source.adapted().lines().count(), text.lines().count(), "{}", source.adapted());
    source
}

/// rustc's words on a use of `name` in the line that ends `place`, after a move of what stands first in `moved`.
fn used_after_move(text: &str, name: &str, place: &str, moved: &str) -> String {
    let before = text[..function(text)].lines().count();
    let line = text.lines().skip(before).position(|line| line.contains(place)).unwrap() + before + 1;
    let span = |at: usize, line: usize, primary: bool, label: &str| {
        json!({ "file_name": "src/lib.rs", "byte_start": at, "line_start": line, "line_end": line,
                "is_primary": primary, "label": label })
    };
    let spans = [
        span(0, line, true, "value used here after move"),
        span(text.find(moved).unwrap(), 1, false, "variable moved due to use in closure"),
    ];
    let message = format!("use of moved value: `{name}`");
    let children = json!([{ "message": "consider cloning the value before moving it into the closure" }]);
    json!({ "level": "error", "message": message, "code": { "code": "E0382" }, "spans": spans, "children": children })
        .to_string()
}

/// Where the cell's function begins: what is before it has words of its own.
fn function(text: &str) -> usize {
    text.find("#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_").unwrap()
}

fn line<'a>(text: &'a str, part: &str) -> &'a str {
    text[function(text)..]
        .lines()
        .find(|line| line.contains(part))
        .unwrap_or_else(|| panic!("no {part} in\n{text}"))
}

#[test]
fn the_crate_reports_errors_and_keeps_the_variables() {
    let text = source_of(&cell("", "f();\n", "", ""), true).adapted();
    assert!(text.contains("use ::herbarium_notebook::store::EvcxrUserCodeError;\n\n"), "{text}");
    let formatted = cell("", "f();\n", "", "").replace("\"{}\", error", "\"{:?}\", error");
    let formatted = source_of(&formatted, true).adapted();
    assert!(formatted.contains("#[track_caller] fn from(error: T) -> Self {"), "{formatted}");
    assert!(
        formatted.contains("::herbarium_notebook::failed(&::std::format_args!(\"{:?}\", error));\n"),
        "{formatted}"
    );
    assert!(text.ends_with("{ ::herbarium_notebook::end_cell(); evcxr_variable_store }\n}\n"), "{text}");
    assert!(
        text.contains(
            "\nmod evcxr_crates { extern crate garden; extern crate tch; } use ::herbarium_notebook::store as evcxr_internal_runtime;\n\n"
        ),
        "{text}"
    );
    assert!(!text.contains("evcxr_ended"), "an ordinary cell is as evcxr writes it");
    assert!(!source_of(&cell("", "f();\n", "", ""), false).adapted().contains("herbarium"));
    // A text that is compiled once more has what it needs.
    assert_eq!(Source::of(&text, Some(&crates()[..]), Path::new("/nowhere")).unwrap().adapted(), text);
}

#[test]
fn a_text_that_evcxr_writes_otherwise_is_refused() {
    let text = cell("", "f();\n", "", "");
    for mark in [
        "run_user_code_",
        "vars_ok = true",
        "AssertUnwindSafe",
        "Ok(_) => {}",
        "Ok(())})",
        "evcxr_variable_store\n}",
    ] {
        let other = text.replace(mark, "changed");
        let refused = Source::of(&other, Some(&crates()[..]), Path::new("/nowhere"));
        assert!(refused.is_err_and(|why| why.to_string().contains("evcxr 0.22.0")), "{mark}");
    }
    let other = text.replace("eprintln!", "print_to_stderr!");
    assert!(Source::of(&other, Some(&crates()[..]), Path::new("/nowhere")).is_err());
    let analysis = "#![allow(x)]\nasync fn evcxr_analysis_wrapper(\n";
    assert!(Source::of(analysis, Some(&crates()[..]), Path::new("/nowhere")).is_ok());
}

#[test]
fn a_variable_that_the_cell_does_not_name_stays_in_the_store() {
    let text = |code: &str| source_of(&cell(&take("big"), code, "", &puts("big", "String")), false).adapted();
    assert!(!text("let tt = f_big();\n").contains(".take_variable::<"));
    assert!(!text("let tt = f_big();\n").contains(".put_variable::<"));
    for naming in ["big.len();\n", "println!(\"{big}\");\n", "f(&mut big);\n", "r#big;\n"] {
        assert!(text(naming).contains(&(take("big") + "match std")), "{naming}");
        assert!(text(naming).contains(&("}}\n".to_owned() + &puts("big", "String"))), "{naming}");
    }
}

#[test]
fn a_variable_of_a_changed_type_is_let_go() {
    let check =
        |name: &str| format!("vars_ok &= evcxr_variable_store.check_variable::<Petal>(stringify!({name}));");
    let mut checks = [check("pp"), check("p")];
    let_go(&mut checks, "p\nother\n");
    assert_eq!(checks[0], check("pp"));
    assert!(checks[1].starts_with("vars_ok &= { ") && checks[1].contains("CHANGED_TYPE:p"), "{}", checks[1]);
}

#[test]
fn what_a_failed_cell_binds_again_has_its_old_value() {
    let text = source_of(&cell(&take("big"), "let big = 1;\n", &puts("big", "i32"), ""), false).adapted();
    assert!(text.contains("evcxr_ended.set(true); Ok(())})();"), "{text}");
    let end = line(&text, "kept");
    assert!(end.starts_with("if !evcxr_ended.get() { evcxr_variable_store.put_variable::<String>"), "{end}");
    // evcxr takes the new variable for the old one.
    let text =
        source_of(&cell(&take("big"), "let [big, _] = [1, 2];\n", "", &puts("big", "i32")), false).adapted();
    assert!(line(&text, "Ok(())})").starts_with("evcxr_variable_store.put_variable::<i32>"), "{text}");
    assert!(line(&text, "kept").contains("put_variable::<String>"), "{text}");
}

#[test]
fn what_is_moved_is_there_until_then() {
    let code = "let a = 1; \nif a == 2 {\n    drop(big);\n}\n";
    let mut source = source_of(&cell(&take("big"), code, "", ""), false);
    let text = source.adapted();
    let error = used_after_move(&text, "big", "kept", "big);\n}");
    assert_eq!(source.judge(vec![error]), Verdict::Again);
    let text = source.adapted();
    let moving = line(&text, "drop(big)");
    assert!(
        moving.contains("let mut big = unsafe { evcxr_moved_big.set(true); ::std::ptr::read(&big) };"),
        "{moving}"
    );
    assert_eq!(learners_line(moving), "    drop(big);");
    assert!(
        line(&text, "kept").starts_with("if evcxr_moved_big.get() { ::std::mem::forget(big); } else { "),
        "{text}"
    );
    assert!(source.moves.all[0].clones);
    // The compiler reports something else: next the cell's own statement is tried, then none.
    let other =
        json!({ "level": "error", "message": "x", "code": { "code": "E0597" }, "spans": [], "children": [] })
            .to_string();
    assert_eq!(source.judge(vec![other.clone()]), Verdict::Again);
    assert!(line(&source.adapted(), "if a == 2").contains("evcxr_moved_big"));
    assert_eq!(source.judge(vec![other.clone()]), Verdict::Again);
    assert!(!source.adapted().contains("evcxr_moved_big"));
    assert_eq!(source.judge(vec![other.clone()]), Verdict::Pass(vec![other]));
}

#[test]
fn what_is_moved_and_replaced_stays() {
    let mut source =
        source_of(&cell(&take("big"), "big = big.trim().into();\n", "", &puts("big", "String")), false);
    let text = source.adapted();
    let error = used_after_move(&text, "big", "(stringify!(big), big);", "big.trim()");
    assert_eq!(source.judge(vec![error]), Verdict::Again);
    let text = source.adapted();
    assert!(
        line(&text, "big.trim()")
            .contains("::std::ptr::write(evcxr_place, big); } evcxr_moved_big.set(false); }"),
        "{text}"
    );
    assert!(
        line(&text, "gone")
            .starts_with("if evcxr_moved_big.get() { ::std::mem::forget(big); if !evcxr_ended.get()"),
        "{text}"
    );
}

#[test]
fn evcxr_hears_of_what_is_moved_for_good() {
    let mut source = source_of(&cell(&take("big"), "drop(big);\n", "", &puts("big", "String")), false);
    let error = used_after_move(&source.adapted(), "big", "(stringify!(big), big);", "big);\nOk");
    let Verdict::Pass(passed) = source.judge(vec![error]) else { panic!("it compiles no better again") };
    let passed: serde_json::Value = serde_json::from_str(&passed[0]).unwrap();
    // Not where it is moved: that may be the last expression, which would lose its display.
    assert_eq!(passed["code"]["code"], "E0382");
    assert_eq!((passed["spans"].as_array().unwrap().len(), &passed["children"]), (1, &json!([])));
    assert_eq!((source.moves.all[0].name.as_str(), source.moves.all[0].at), ("big", 5));
}

#[test]
fn a_return_is_no_error() {
    let text = source_of(&cell("", "if f() { return Ok(()); }\n", "", ""), false).adapted();
    assert!(line(&text, "returned").starts_with("  Ok(true) if !evcxr_ended.get() => {"), "{text}");
    assert!(text.contains("\n(|| -> std::result::Result") && text.contains("Ok(())})().is_ok()\n"), "{text}");
}

#[test]
fn foreign_functions_are_seen() {
    // The kernel adds `extern crate` to what evcxr has written, and that names no foreign function.
    let text = source_of(&cell("", "f();\n", "", ""), true).adapted();
    assert!(text.contains("extern crate garden") && !is_foreign(&text), "{text}");
    assert!(is_foreign(&format!("unsafe extern \"C\" {{ fn missing(); }}\n{text}")));
}

#[test]
fn every_text_that_evcxr_writes_is_known() {
    for cell in evcxr::CELLS {
        let texts = evcxr::texts(cell);
        assert!(!texts.is_empty(), "nothing was compiled for {cell}");
        for text in texts {
            let helped = Source::of(&text, Some(&crates()[..]), Path::new("/nowhere"));
            let helped = helped.unwrap_or_else(|why| panic!("{why}\n{cell}\n{text}")).adapted();
            assert_eq!(helped.lines().count(), text.lines().count(), "{helped}");
            // What it does with variables and errors goes through the crate.
            assert!(!helped.contains("mod evcxr_internal_runtime"), "{helped}");
            let reports =
                ["::herbarium_notebook::failed(", "use ::herbarium_notebook::store::EvcxrUserCodeError;"];
            assert_eq!(
                reports.iter().any(|report| helped.contains(report)),
                text.contains("EvcxrUserCodeError"),
                "{helped}"
            );
        }
    }
}
