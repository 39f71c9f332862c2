//! The texts that evcxr writes, as its cargo gets them.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use evcxr::{CommandContext, EvalContext};

/// A stand-in for rustc that keeps a copy of each cell's text.
const RUSTC: &str = "#!/bin/sh\ncase \"$*\" in *'--crate-name ctx'*) cp src/lib.rs \"KEPT/$(ls KEPT | wc -l).rs\";; esac\nexec \"$@\"\n";

/// One that takes variables, binds one, and may end by a `?`.
pub const WITH_VARIABLES: &str = "let last = big.len() + bigger.len();\nOk::<(), String>(())?;";
/// Cells of all the forms that evcxr knows, in order.
pub const CELLS: [&str; 12] = [
    "let big = String::from(\"rose\"); let mut bigger = String::new();",
    WITH_VARIABLES,
    "struct Petal(i32);\nfn petal() -> Petal { Petal(1) }",
    "1 + 1;",
    "bigger.push('a');\nbigger",
    "let petals = vec![petal()];",
    "let kept = std::mem::take(&mut bigger);",
    "drop(petals);",
    "let big = 3;",
    "panic!(\"on purpose\");",
    "for number in 0..3 { if number == big { return; } }",
    "Err(\"on purpose\".to_string())?;",
];

/// Every text that was compiled for a cell, in order.
pub fn texts(cell: &str) -> Vec<String> {
    static WRITTEN: LazyLock<HashMap<&str, Vec<String>>> = LazyLock::new(write_all);
    WRITTEN[cell].clone()
}

/// Runs all cells in one session of evcxr's.
fn write_all() -> HashMap<&'static str, Vec<String>> {
    let folder = std::env::temp_dir().join(format!("herbarium-evcxr-{}", std::process::id()));
    let (kept, cells) = (folder.join("kept"), folder.join("cells"));
    for folder in [&kept, &cells] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let rustc = folder.join("rustc.sh");
    std::fs::write(&rustc, RUSTC.replace("KEPT", &kept.display().to_string())).unwrap();
    std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).unwrap();
    let configuration = format!("[evcxr]\ntmpdir = {:?}\nopt_level = \"0\"\n", cells.display().to_string());
    std::fs::write(cells.join("evcxr.toml"), configuration).unwrap();
    let here = std::env::current_dir().unwrap();
    std::env::set_current_dir(&cells).unwrap();
    // Without a role, the kernel's program acts as evcxr's own child process.
    let started = EvalContext::with_subprocess_command(Command::new(env!("CARGO_BIN_EXE_herbarium")));
    std::env::set_current_dir(here).unwrap();
    let mut evcxr = CommandContext::with_eval_context(started.unwrap().0);
    evcxr.execute(&format!(":build_env RUSTC_WRAPPER={}", rustc.display())).unwrap();
    let written = CELLS.map(|cell| {
        let before = count(&kept);
        // Some are to fail.
        if let Err(error) = evcxr.execute(cell) {
            eprintln!("{cell}\n{error}");
        }
        let texts = (before..count(&kept))
            .map(|number| std::fs::read_to_string(kept.join(format!("{number}.rs"))).unwrap());
        (cell, texts.collect())
    });
    drop(evcxr);
    std::fs::remove_dir_all(&folder).unwrap();
    written.into_iter().collect()
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
