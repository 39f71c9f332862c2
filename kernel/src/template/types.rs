//! Whether the toolchain's rustc tells the types of variables.

use std::path::Path;

use super::commands::{output, write};
use super::outside;
use super::recipe::WHOLE_PATHS;
use crate::source::types::CRATES;

/// A cell as the kernel has it compiled (`source::types`), as far as it matters here.
const CELL: &str = "\
mod evcxr_crates { extern crate std; }
pub struct Store;
impl Store { #[inline(never)] pub fn put_inferred<T: 'static, const INDEX: usize>(&mut self, _: T) {} }
pub fn cell(store: &mut Store) { store.put_inferred::<_, 0>(std::collections::HashMap::<u8, Vec<i32>>::new()); }
";
/// What its MIR must say.
const CALL: &str = "put_inferred::<std::collections::HashMap<u8, std::vec::Vec<i32>>, 0>(";

/// Whether the toolchain accepts unstable features.
pub fn is_nightly(rustc: &Path) -> bool {
    let version = output(outside::command(rustc).arg("--version")).unwrap_or_default();
    version.contains("-nightly") || version.contains("-dev")
}

/// Tries it in a folder of the template. A toolchain that does not know the unstable option, or writes types in another way,
/// is one in which rust-analyzer is asked for them.
pub fn are_told(rustc: &Path, template: &Path) -> bool {
    let folder = template.join("seed/types");
    let source = folder.join("cell.rs");
    if write(&source, CELL).is_err() {
        return false;
    }
    let mut command = outside::command(rustc);
    command
        .args(["--crate-name", "cell", "--crate-type", "lib", "--edition", "2024", "--emit=mir"])
        .args([WHOLE_PATHS, "--out-dir"])
        .arg(&folder)
        .arg(&source)
        .env("RUSTC_BOOTSTRAP", "1");
    let succeeded = command.output().is_ok_and(|output| output.status.success());
    let mir = std::fs::read_to_string(folder.join("cell.mir")).unwrap_or_default();
    succeeded && mir.replace(&format!("{CRATES}::"), "").contains(CALL)
}
