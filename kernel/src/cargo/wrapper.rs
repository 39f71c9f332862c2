//! This program as RUSTC_WRAPPER of the real cargo: records how cargo compiles a cell.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::recipe::{self, CELL_CRATE};
use crate::{failure, files};

/// The name under which this program does that.
pub const NAME: &str = "record-rustc";
/// Where to record it.
pub const RECORD_VARIABLE: &str = "HERBARIUM_RECORD";
/// The helper crate's library, where that is built too.
const HELPER_VARIABLE: &str = "HERBARIUM_HELPER";

/// cargo's target folder in a template and in a store.
pub const TARGET: &str = "seed/target";

/// Writes the cell's arguments to `record`, compiles everything as asked.
pub fn record_and_compile(record: &Path, arguments: &[OsString]) -> ExitCode {
    let Some((rustc, rest)) = arguments.split_first() else {
        return failure("the recording wrapper was called without rustc");
    };
    let words: Vec<String> = rest.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let compiles = |name: &str| words.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == name);
    if take_from_template(&words).is_some() {
        return ExitCode::SUCCESS;
    }
    let mut command = Command::new(rustc);
    command.args(rest);
    if std::env::var(HELPER_VARIABLE).is_ok_and(|helper| compiles(&helper)) {
        // cargo only asks for the library; cells read the metadata faster from a separate file.
        command.arg("--emit=metadata");
    }
    if compiles(CELL_CRATE)
        && let Err(error) = std::fs::write(record, Value::from(words).to_string())
    {
        return failure(&format!("writing {}: {error}", record.display()));
    }
    crate::run(&mut command)
}

/// Links a crate that the template has into this user's store, in place of compiling it; `None` if there is none, or no
/// store.
///
/// cargo's own check fails for a template that somebody else has built, because their sources are in another folder. The
/// end of a library's name is a hash of package, version, features, profile, flags, toolchain and all dependencies, and the
/// same sources compiled again would be another crate for rustc.
fn take_from_template(words: &[String]) -> Option<()> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    take(words, &variable(recipe::STORE_VARIABLE)?, &variable(recipe::TEMPLATE_VARIABLE)?)
}

/// The same with these folders.
fn take(words: &[String], store: &Path, template: &Path) -> Option<()> {
    let after = |option: &str| words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1].as_str());
    let end = words.iter().find_map(|word| word.strip_prefix("extra-filename="))?;
    let name = format!("{}{end}", after("--crate-name")?);
    let output = Path::new(after("--out-dir")?);
    let compiled = template.join(TARGET).join(output.strip_prefix(store.join(TARGET)).ok()?);
    let endings = ["rlib", "rmeta", "so"].map(|ending| format!("lib{name}.{ending}"));
    let files: Vec<&String> = endings.iter().filter(|file| compiled.join(file).exists()).collect();
    // What cargo asks for: where a program is built, there is none of these.
    let source = words.iter().find(|word| word.ends_with(".rs")).filter(|_| !files.is_empty())?;
    for file in files {
        let link = output.join(file);
        let _ = std::fs::remove_file(&link);
        files::link(compiled.join(file), link).ok()?;
    }
    // cargo reads which files the crate was compiled from.
    let list = output.join(format!("{name}.d"));
    std::fs::write(&list, format!("{}: {source}\n\n{source}:\n", list.display())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_of_the_template_is_linked_and_no_other() {
        let base = std::env::temp_dir().join(format!("herbarium-wrapper-{}", std::process::id()));
        let (template, store) = (base.join("template"), base.join("store"));
        let (theirs, ours) = (template.join(TARGET).join("deps"), store.join(TARGET).join("deps"));
        std::fs::create_dir_all(&theirs).unwrap();
        std::fs::create_dir_all(&ours).unwrap();
        std::fs::write(theirs.join("libitoa-1a.rlib"), "machine code").unwrap();
        let words = |end: &str| {
            let line =
                format!("--crate-name itoa /s/lib.rs -C extra-filename=-{end} --out-dir {}", ours.display());
            line.split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(take(&words("2b"), &store, &template), None, "other features");
        assert_eq!(take(&words("1a"), &store, &template), Some(()));
        assert_eq!(std::fs::read_to_string(ours.join("libitoa-1a.rlib")).unwrap(), "machine code");
        assert!(std::fs::read_to_string(ours.join("itoa-1a.d")).unwrap().contains(": /s/lib.rs\n"));
        std::fs::remove_dir_all(&base).unwrap();
    }
}
