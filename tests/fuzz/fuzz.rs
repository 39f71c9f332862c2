//! `make fuzz`: feeds readers with files that were damaged in every way.
//!
//! `cargo bench --bench fuzz -- TARGET [RUNS] [FIRST]` makes RUNS files, of the numbers FIRST, FIRST + 1 …, which
//! are the same on every machine. A reader may accept or refuse a file; it must not panic, and the memory
//! it takes is measured. A file that made it panic is kept in `out/fuzz/`.

mod annotations;
mod mutate;
mod pictures;
mod run;
#[path = "../../crates/torch-file/tests/torch_files/fuzz_target.rs"]
mod torch;

use run::Target;

/// A new target is a file with its `target()` and one line here.
fn targets() -> Vec<Target> {
    vec![torch::target(), pictures::target(), annotations::target()]
}

fn main() {
    // cargo adds `--bench`.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |index: usize, default: u64| {
        arguments
            .get(index)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{text} is no number")))
    };
    let chosen: Vec<Target> = targets()
        .into_iter()
        .filter(|target| arguments.first().is_none_or(|name| name == target.name || name == "all"))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = targets().iter().map(|target| target.name).collect();
        eprintln!("there is no such target; the targets are: all, {}", names.join(", "));
        std::process::exit(2);
    }
    let mut failed = false;
    for target in chosen {
        let report = run::run(&target, number(1, 1_000_000), number(2, 0));
        println!("{report}");
        failed |= report.panics > 0;
    }
    std::process::exit(i32::from(failed));
}
