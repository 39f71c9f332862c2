//! The Rust versions that can compile cells.

use std::process::Command;

/// The oldest.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// What is wrong with a rustc of this version (`rustc 1.70.0 (90c541806 2023-05-31)`), and what to do.
pub fn check(about: &str) -> Result<(), String> {
    let version = about.split_whitespace().nth(1).unwrap_or_default();
    match (numbers(version), numbers(OLDEST)) {
        (Some(found), Some(oldest)) if found < oldest => Err(format!(
            "rustc is {version}, and cells need {OLDEST} or newer: run `rustup update`, or put a newer Rust first on the PATH"
        )),
        _ => Ok(()),
    }
}

/// The same for the rustc on the PATH, if there is one.
pub fn check_installed() -> Result<(), String> {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or(Ok(()), |output| check(&String::from_utf8_lossy(&output.stdout)))
}

/// Major and minor.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_rustc_is_named_with_what_to_do() {
        let error = check("rustc 1.70.0 (90c541806 2023-05-31)").unwrap_err();
        assert!(
            error.contains("1.70.0") && error.contains(OLDEST) && error.contains("rustup update"),
            "{error}"
        );
        for good in [
            &*format!("rustc {OLDEST}.0"),
            "rustc 1.200.0-nightly (a 2030-01-01)",
            "rustc 2.0.1",
            "rustc",
            "",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }
}
