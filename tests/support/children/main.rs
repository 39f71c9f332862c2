//! What tests have done in separate processes: the task is the argument. `tests/support/child.rs` starts it.

mod cache;
mod ranks;
#[path = "../mod.rs"]
mod support;
mod training;

fn main() {
    let task = std::env::args().nth(1).unwrap_or_default();
    match task.as_str() {
        "cache-changes-nothing" => cache::cache_changes_nothing(),
        "cache-fills-and-reads" => cache::cache_fills_and_reads(),
        "cache-is-never-stale" => cache::cache_is_never_stale(),
        "computes-faster" => training::computes_faster().unwrap(),
        "has-a-full-disk" => training::has_a_full_disk(),
        "is-interrupted" => training::is_interrupted(),
        "is-killed" => training::is_killed(),
        "is-seeded" => training::is_seeded(),
        "prints" => training::prints(),
        "trains-together" => ends(ranks::train_together()),
        "trains-with-python" => ends(ranks::trains_with_python()),
        _ => {
            eprintln!("{task:?} is no task: this program is for the tests in tests/, which start it");
            std::process::exit(2);
        }
    }
}

/// An error is printed and makes the process fail, as in a program's `main`.
fn ends(outcome: herbarium::Result<()>) {
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}
