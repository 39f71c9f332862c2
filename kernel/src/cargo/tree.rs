//! Creates a second target folder for cargo that shares the first one's large files.

use std::path::Path;

/// Fills `to` with what is below `from` and has a name that is `wanted`: hard links for what cargo only
/// reads, copies of the small files that it writes again.
pub fn link_tree(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name();
        if name == "incremental" || name == ".cargo-lock" || !wanted(&name.to_string_lossy()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            link_tree(&source, &target, wanted)?;
        } else if !target.exists() {
            let linked = entry.metadata()?.len() > 64 * 1024 && std::fs::hard_link(&source, &target).is_ok();
            if !linked {
                copy_with_time(&source, &target)?;
            }
        }
    }
    Ok(())
}

/// cargo compares modification times, so a copy keeps its file's.
fn copy_with_time(source: &Path, target: &Path) -> std::io::Result<()> {
    std::fs::copy(source, target)?;
    let modified = source.metadata()?.modified()?;
    std::fs::File::options().write(true).open(target)?.set_modified(modified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_shared_and_small_ones_copied_with_their_times() {
        let base = std::env::temp_dir().join(format!("herbarium-tree-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        std::fs::create_dir_all(from.join("deps")).unwrap();
        std::fs::write(from.join("deps/large.rlib"), vec![7; 100_000]).unwrap();
        std::fs::write(from.join("deps/small.d"), "x").unwrap();
        std::fs::write(from.join("deps/mine.so"), "x").unwrap();
        link_tree(&from, &to, &|name| name != "mine.so").unwrap();
        let modified = |path: std::path::PathBuf| path.metadata().unwrap().modified().unwrap();
        assert_eq!(std::fs::read(to.join("deps/large.rlib")).unwrap().len(), 100_000);
        assert_eq!(modified(from.join("deps/small.d")), modified(to.join("deps/small.d")));
        assert!(!to.join("deps/mine.so").exists());
        std::fs::write(to.join("deps/small.d"), "changed").unwrap();
        assert_eq!(std::fs::read_to_string(from.join("deps/small.d")).unwrap(), "x");
        std::fs::remove_dir_all(&base).unwrap();
    }
}
