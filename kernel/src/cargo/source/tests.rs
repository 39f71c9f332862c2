use serde_json::json;

use super::*;

/// A cell as evcxr 0.22.0 writes it.
fn cell(taken: &str, code: &str, bound: &str, kept: &str) -> String {
    format!(
        r#"#![allow(unused_imports, unused_mut, dead_code)]

            struct EvcxrUserCodeError {{}}
            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {{
                fn from(error: T) -> Self {{
                    eprintln!("{{}}", error);
                    println!("{{}}", evcxr_internal_runtime::USER_ERROR_OCCURRED);
                    EvcxrUserCodeError {{}}
                }}
            }}
        
mod evcxr_internal_runtime {{
pub struct VariableStore {{
}}
}}
#[unsafe(no_mangle)]
pub extern "C" fn run_user_code_1(
mut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)
  -> *mut evcxr_internal_runtime::VariableStore {{
if evcxr_variable_store.is_null() {{
  evcxr_variable_store = evcxr_internal_runtime::create_variable_store();
}}
let evcxr_variable_store = unsafe {{&mut *evcxr_variable_store}};
{{let mut vars_ok = true;
vars_ok &= evcxr_variable_store.check_variable::<String>(stringify!(big));
vars_ok &= evcxr_variable_store.check_variable::<String>(stringify!(bigger));
if !vars_ok {{return evcxr_variable_store;}}}}
{taken}match std::panic::catch_unwind(
  std::panic::AssertUnwindSafe(||{{
let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {{
{code}{bound}Ok(())}})();
}})) {{ 
  Ok(_) => {{}}
  Err(_) => {{
    println!("EVCXR_PANIC_NOTIFICATION");
}}}}
{kept}evcxr_variable_store
}}
"#
    )
}

fn take(name: &str) -> String {
    format!("let mut {name} = evcxr_variable_store.take_variable::<String>(stringify!({name}));\n")
}

fn puts(name: &str, kind: &str) -> String {
    format!("evcxr_variable_store.put_variable::<{kind}>(stringify!({name}), {name});\n")
}

fn source(text: &str, has_crate: bool) -> Source {
    let source = Source::of(text, has_crate, Path::new("/nowhere")).unwrap();
    assert_eq!(source.adapted().lines().count(), text.lines().count(), "{}", source.adapted());
    source
}

/// rustc's words on a use of `name` in the line that ends `place`, after a move of what stands first in `moved`.
fn used_after_move(text: &str, name: &str, place: &str, moved: &str) -> String {
    let line = text.lines().position(|line| line.contains(place)).unwrap() + 1;
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

fn line<'a>(text: &'a str, part: &str) -> &'a str {
    text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in\n{text}"))
}

#[test]
fn the_crate_reports_errors_and_keeps_the_variables() {
    let text = source(&cell("", "f();\n", "", ""), true).adapted();
    assert!(text.contains("#[track_caller] fn from(error: T) -> Self {"), "{text}");
    assert!(text.contains("::herbarium::notebook::failed(&::std::format_args!(\"{}\", error));\n"), "{text}");
    assert!(text.ends_with("{ ::herbarium::notebook::end_cell(); evcxr_variable_store }\n}\n"), "{text}");
    assert!(
        text.contains("use ::herbarium::notebook::store as evcxr_internal_runtime;\n\n\n\n#[unsafe"),
        "{text}"
    );
    assert!(!text.contains("evcxr_ended"), "an ordinary cell is as evcxr writes it");
    assert!(!source(&cell("", "f();\n", "", ""), false).adapted().contains("herbarium"));
    // A text that is compiled once more has what it needs.
    assert_eq!(Source::of(&text, true, Path::new("/nowhere")).unwrap().adapted(), text);
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
        let refused = Source::of(&other, true, Path::new("/nowhere"));
        assert!(refused.is_err_and(|why| why.to_string().contains("evcxr 0.22.0")), "{mark}");
    }
    let other = text.replace("eprintln!", "print_to_stderr!");
    assert!(Source::of(&other, true, Path::new("/nowhere")).is_err());
    let analysis = "#![allow(x)]\nasync fn evcxr_analysis_wrapper(\n";
    assert!(Source::of(analysis, true, Path::new("/nowhere")).is_ok());
}

#[test]
fn a_variable_that_the_cell_does_not_name_stays_in_the_store() {
    let text = |code: &str| source(&cell(&take("big"), code, "", &puts("big", "String")), false).adapted();
    assert!(!text("let tt = f_big();\n").contains("take_variable"));
    assert!(!text("let tt = f_big();\n").contains("put_variable"));
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
    let text = source(&cell(&take("big"), "let big = 1;\n", &puts("big", "i32"), ""), false).adapted();
    assert!(text.contains("evcxr_ended.set(true); Ok(())})();"), "{text}");
    let end = line(&text, "kept");
    assert!(end.starts_with("if !evcxr_ended.get() { evcxr_variable_store.put_variable::<String>"), "{end}");
    // What evcxr takes for the old one is the new one.
    let text =
        source(&cell(&take("big"), "let [big, _] = [1, 2];\n", "", &puts("big", "i32")), false).adapted();
    assert!(line(&text, "Ok(())})").starts_with("evcxr_variable_store.put_variable::<i32>"), "{text}");
    assert!(line(&text, "kept").contains("put_variable::<String>"), "{text}");
}

#[test]
fn what_is_moved_is_there_until_then() {
    let code = "let a = 1; \nif a == 2 {\n    drop(big);\n}\n";
    let mut source = source(&cell(&take("big"), code, "", ""), false);
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
    // The compiler has something else to say of it: the statement of the cell is the next to try, then none.
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
        source(&cell(&take("big"), "big = big.trim().into();\n", "", &puts("big", "String")), false);
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
    let mut source = source(&cell(&take("big"), "drop(big);\n", "", &puts("big", "String")), false);
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
    let text = source(&cell("", "if f() { return Ok(()); }\n", "", ""), false).adapted();
    assert!(line(&text, "returned").starts_with("  Ok(true) if !evcxr_ended.get() => {"), "{text}");
    assert!(text.contains("\n(|| -> std::result::Result") && text.contains("Ok(())})().is_ok()\n"), "{text}");
}

#[test]
fn foreign_functions_are_seen() {
    let text = cell("", "f();\n", "", "");
    assert!(!is_foreign(&text));
    assert!(is_foreign(&format!("unsafe extern \"C\" {{ fn missing(); }}\n{text}")));
}
