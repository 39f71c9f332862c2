//! A short run of `make fuzz`.

#[path = "../../../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../../tests/fuzz/run.rs"]
mod run;
#[path = "fuzz_target.rs"]
pub mod torch;

#[test]
fn a_few_thousand_damaged_pytorch_files() {
    let report = run::run(&torch::target(), 5_000, 7_000_000);
    println!("{report}");
    assert_eq!(report.panics, 0);
    assert!(report.accepted > 0 && report.accepted < report.files);
}
