//! Data sets and loaders, as a learner meets them: what they give, print and refuse.

mod cache;
#[path = "../support/child.rs"]
mod child;
mod folders;
mod health;
mod lists;
mod loader;
mod pictures;
mod pipelines;
mod shared_cache;
#[path = "../support/mod.rs"]
mod support;

/// Short runs of `make fuzz`.
#[path = "../fuzz"]
mod fuzz {
    mod annotations;
    mod mutate;
    mod pictures;
    mod run;

    fn few(target: run::Target, files: u64) {
        let report = run::run(&target, files, 9_000_000);
        println!("{report}");
        assert_eq!(report.panics, 0);
        assert!(report.accepted > 0 && report.accepted < report.files);
    }

    #[test]
    fn a_few_thousand_damaged_pictures() {
        few(pictures::target(), 10_000);
    }

    #[test]
    fn a_few_thousand_damaged_annotation_files() {
        few(annotations::target(), 3_000);
    }
}
