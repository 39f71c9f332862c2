//! What is changed in the text that evcxr writes around a cell, for cells that have the crate.
//!
//! evcxr prints the error of a `?` to stderr, where it cannot be told from what the cell wrote there just before, and
//! nothing says which `?` it was. The crate reports both. No line is added or removed: an error's line stays its line.

use std::collections::HashSet;

/// evcxr's conversion of a `?`'s error; what stands between the two is the learner's way of formatting (`:efmt`).
const QUESTION_MARK: [&str; 2] = [
    "> From<T> for EvcxrUserCodeError {\n                fn from(error: T) -> Self {\n                    eprintln!(",
    ", error);\n",
];
/// The store of variables that evcxr writes into every cell; what it is begins and ends with.
const STORE: [&str; 2] = ["mod evcxr_internal_runtime {", "\n}\n#[unsafe(no_mangle)]"];
/// The crate's, which need not be compiled again.
const SHARED_STORE: &str = "use ::herbarium::notebook::store as evcxr_internal_runtime;";
/// How a cell looks at a variable's type.
const CHECKS: &str = "vars_ok &= evcxr_variable_store.check_variable::<";
/// How it lets go of one.
const LOSES: &str = "vars_ok &= evcxr_variable_store.lose(";
/// How a cell gets a variable from the store, and gives it back.
const TAKES: &str = " = evcxr_variable_store.take_variable::<";
const PUTS: &str = "evcxr_variable_store.put_variable::<";
/// The end of a cell's function.
const END: &str = "evcxr_variable_store\n}";

/// The text to compile, which lets go of the variables that are `stale`.
pub fn adapted(text: &str, stale: &str) -> String {
    let text = &without_stale_variables(text, stale);
    let text = with_reported_errors(text).unwrap_or_else(|| text.to_owned());
    let text = with_shared_store(&text).unwrap_or(text);
    let text = with_end(&text).unwrap_or(text);
    without_idle_variables(&text)
}

/// A variable of a type that the cell changes is lost where evcxr has the cell look at its type: by its name and what it
/// was made with, for the new type knows nothing of the old. evcxr then forgets it, and has the cell run without.
fn without_stale_variables(text: &str, stale: &str) -> String {
    let mut text = text.to_owned();
    for name in stale.lines() {
        let end = format!(">(stringify!({name}));");
        let line = |line: &&str| line.starts_with(CHECKS) && line.ends_with(&end);
        if let Some(line) = text.lines().find(line).map(str::to_owned) {
            let loses = format!("{LOSES}stringify!({name}));");
            text = text.replacen(&line, &loses, 1);
        }
    }
    text
}

/// Leaves in the store what the cell does not name: every variable that it takes costs the code that moves and drops
/// its type. Whether their types are what they were is still looked at.
fn without_idle_variables(text: &str) -> String {
    let checked = |line: &str| line.starts_with(CHECKS) || line.starts_with(LOSES);
    let mut named = HashSet::new();
    for line in text.lines().filter(|line| stored(line).is_none() && !checked(line)) {
        named.extend(line.split(|letter: char| letter != '_' && !letter.is_alphanumeric()));
    }
    let taken: HashSet<&str> =
        text.lines().filter(|line| line.starts_with("let ")).filter_map(stored).collect();
    let idle = |line: &str| stored(line).is_some_and(|name| taken.contains(name) && !named.contains(name));
    text.lines().map(|line| if idle(line) { "\n".to_owned() } else { format!("{line}\n") }).collect()
}

/// The variable that a line of evcxr's takes from the store or puts there.
fn stored(line: &str) -> Option<&str> {
    let takes = line.starts_with("let ") && line.contains(TAKES);
    if !takes && !line.starts_with(PUTS) {
        return None;
    }
    let (_, rest) = line.split_once("(stringify!(")?;
    let (name, _) = rest.split_once(')')?;
    Some(name.trim_start_matches("r#"))
}

/// Whether the text names functions that no crate has: only the linker can say whether they exist.
pub fn is_foreign(text: &str) -> bool {
    // evcxr's own function is one `extern`.
    text.matches("extern").count() > 1 || text.contains("asm!")
}

/// With the crate's store of variables in place of one of its own. `None` if there is none.
fn with_shared_store(text: &str) -> Option<String> {
    let start = text.find(STORE[0])?;
    let end = start + text[start..].find(STORE[1])? + "\n}".len();
    let lines = "\n".repeat(text[start..end].matches('\n').count());
    Some(format!("{}{SHARED_STORE}{lines}{}", &text[..start], &text[end..]))
}

/// With the conversion of a `?`'s error telling the crate. `None` if there is none.
fn with_reported_errors(text: &str) -> Option<String> {
    let start = text.find(QUESTION_MARK[0])?;
    let format = start + QUESTION_MARK[0].len();
    let end = format + text[format..].find(QUESTION_MARK[1])?;
    let conversion = QUESTION_MARK[0]
        .replace("fn from", "#[track_caller] fn from")
        .replace("eprintln!(", "::herbarium::notebook::failed(&::std::format_args!(");
    let (format, rest) = (&text[format..end], &text[end + QUESTION_MARK[1].len()..]);
    Some(format!("{}{conversion}{format}, error));\n{rest}", &text[..start]))
}

/// With the crate told of the cell's end, whatever it ended by.
fn with_end(text: &str) -> Option<String> {
    let before = text.trim_end().strip_suffix(END)?;
    Some(format!("{before}{{ ::herbarium::notebook::end_cell(); evcxr_variable_store }}\n}}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As evcxr 0.22.0 writes it.
    const CELL: &str = r#"#![allow(unused_imports, unused_mut, dead_code)]

            struct EvcxrUserCodeError {}
            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {
                fn from(error: T) -> Self {
                    eprintln!("{}", error);
                    println!("{}", evcxr_internal_runtime::USER_ERROR_OCCURRED);
                    EvcxrUserCodeError {}
                }
            }
        
mod evcxr_internal_runtime {
pub struct VariableStore {
}
}
#[unsafe(no_mangle)]
pub extern "C" fn run_user_code_1(
evcxr_variable_store
}
"#;

    #[test]
    fn a_question_mark_says_where_it_stands() {
        let text = adapted(CELL, "");
        assert!(text.contains("#[track_caller] fn from(error: T) -> Self {"), "{text}");
        assert!(
            text.contains("::herbarium::notebook::failed(&::std::format_args!(\"{}\", error));\n"),
            "{text}"
        );
        assert!(text.ends_with("{ ::herbarium::notebook::end_cell(); evcxr_variable_store }\n}\n"), "{text}");
        assert_eq!(text.lines().count(), CELL.lines().count());
    }

    #[test]
    fn variables_are_kept_by_the_crate() {
        let text = adapted(CELL, "");
        let store = "use ::herbarium::notebook::store as evcxr_internal_runtime;\n\n\n\n#[unsafe(no_mangle)]";
        assert!(text.contains(store), "{text}");
        assert!(!text.contains("VariableStore"), "{text}");
        assert_eq!(text.lines().count(), CELL.lines().count());
    }

    #[test]
    fn a_variable_that_the_cell_does_not_name_stays_in_the_store() {
        let cell = |code: &str| {
            format!(
                "vars_ok &= evcxr_variable_store.check_variable::<Tensor>(stringify!(t));\n\
                 let mut t = evcxr_variable_store.take_variable::<Tensor>(stringify!(t));\n\
                 {code}\n\
                 evcxr_variable_store.put_variable::<Tensor>(stringify!(t), t);\n\
                 evcxr_variable_store.put_variable::<i32>(stringify!(new), new);\n"
            )
        };
        let idle = without_idle_variables(&cell("let new = 1; let tt = f_t();"));
        let lines: Vec<&str> = idle.lines().collect();
        assert!(lines[0].starts_with("vars_ok") && lines[4].starts_with(PUTS), "{idle}");
        assert_eq!((lines[1], lines[3]), ("", ""));
        for naming in ["t.sum()", "println!(\"{t}\")", "f(&mut t)", "r#t"] {
            assert_eq!(without_idle_variables(&cell(naming)), cell(naming), "{naming}");
        }
    }

    #[test]
    fn a_variable_of_a_changed_type_is_let_go() {
        let check = |name: &str| format!("{CHECKS}Petal>(stringify!({name}));\n");
        let text = check("p") + &check("pp");
        let lost = without_stale_variables(&text, "p\nother\n");
        assert_eq!(lost, "vars_ok &= evcxr_variable_store.lose(stringify!(p));\n".to_owned() + &check("pp"));
        assert_eq!(without_stale_variables(&text, ""), text);
    }

    #[test]
    fn foreign_functions_are_seen() {
        assert!(!is_foreign(&adapted(CELL, "")));
        assert!(is_foreign(&format!("unsafe extern \"C\" {{ fn missing(); }}\n{}", adapted(CELL, ""))));
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["", "fn f() {}\n", "eprintln!(\"{}\", error);\n"] {
            assert_eq!(adapted(text, "t"), text);
        }
    }
}
