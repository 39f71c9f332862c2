//! Who reads this process's standard output.

use std::sync::OnceLock;

/// What reads standard output; it decides how a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Herbarium's kernel: `HERBARIUM_KERNEL=1`.
    Herbarium,
    /// Another kernel, or evcxr's own prompt, built on evcxr: `EVCXR_IS_RUNTIME` is set.
    Evcxr,
    /// A terminal or a file.
    Plain,
}

/// Whether what is shown can be changed in place: under Herbarium's kernel.
pub fn is_live() -> bool {
    host() == Host::Herbarium
}

/// The host of this process. It never changes, so the environment is read once.
pub(crate) fn host() -> Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    *HOST.get_or_init(|| {
        if std::env::var_os("HERBARIUM_KERNEL").is_some_and(|value| value == "1") {
            Host::Herbarium
        } else if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
            Host::Evcxr
        } else {
            Host::Plain
        }
    })
}
