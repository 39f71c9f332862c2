//! A short run of `make fuzz`.

#[path = "../fuzz/mutate.rs"]
mod mutate;
#[path = "../fuzz/run.rs"]
mod run;
#[path = "../fuzz/torch.rs"]
pub mod torch;

#[test]
fn a_few_thousand_damaged_pytorch_files() {
    let report = run::run(&torch::target(), 5_000, 7_000_000);
    println!("{report}");
    assert_eq!(report.panics, 0);
    assert!(report.accepted > 0 && report.accepted < report.files);
}
