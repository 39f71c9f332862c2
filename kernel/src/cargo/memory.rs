//! A cache of compiled cells: a kernel's own first cells, and those of a notebook that is run again.
//!
//! rustc's output depends only on the cell's text, the arguments and the template, so the library and
//! messages of an earlier compile can be reused. Texts that read something from outside (`env!`,
//! `include!`) are not cached.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::Tools;

/// The folder in a template.
const FOLDER: &str = "cells";
/// The most cells that are cached: some 50 MB.
const MOST: usize = 1000;
const SOURCE: &str = "source.rs";
const MESSAGES: &str = "messages";
const LIBRARY: &str = "cell.so";

/// One cell's place in the cache.
pub struct Remembered {
    folder: PathBuf,
    source: String,
}

impl Remembered {
    /// The place for a cell with this text, compiled with these arguments.
    pub fn of(tools: &Tools, arguments: &[OsString], source: &Path) -> Option<Remembered> {
        let source = std::fs::read_to_string(source).ok()?;
        if ["env!", "include"].iter().any(|outside| source.contains(outside)) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (arguments, &source).hash(&mut hasher);
        let place = Path::new(FOLDER).join(format!("{:016x}", hasher.finish()));
        Some(Remembered { folder: tools.place(place), source })
    }

    /// The messages of an earlier compile, whose library is copied to `library`. A cell that did not
    /// compile has only messages.
    pub fn recall(&self, library: &Path) -> Option<(Vec<String>, bool)> {
        let known = std::fs::read_to_string(self.folder.join(SOURCE)).ok()?;
        if known != self.source {
            return None;
        }
        let messages = std::fs::read_to_string(self.folder.join(MESSAGES)).ok()?;
        let kept = self.folder.join(LIBRARY);
        let succeeded = kept.exists();
        if succeeded {
            // A copy: evcxr moves the file, and the kernel's folder may be on another disk.
            std::fs::copy(kept, library).ok()?;
        }
        Some((messages.lines().map(str::to_owned).collect(), succeeded))
    }

    /// Caches a compile. A failure only costs time, so it is not reported.
    pub fn keep(&self, messages: &[String], library: Option<&Path>) {
        let Some(all) = self.folder.parent() else { return };
        make_room(all, MOST);
        let unfinished = self.folder.with_extension(std::process::id().to_string());
        if std::fs::create_dir_all(&unfinished).is_err() {
            return;
        }
        let kept = std::fs::write(unfinished.join(SOURCE), &self.source)
            .and_then(|()| std::fs::write(unfinished.join(MESSAGES), messages.join("\n")))
            .and_then(|()| library.map_or(Ok(0), |library| std::fs::copy(library, unfinished.join(LIBRARY))))
            .and_then(|_| std::fs::rename(&unfinished, &self.folder));
        if kept.is_err() {
            // Another kernel cached the same cell, or the disk is full.
            let _ = std::fs::remove_dir_all(&unfinished);
        }
    }
}

/// Where a folder has `most` cells, removes the tenth that was cached first.
fn make_room(all: &Path, most: usize) {
    let mut cells: Vec<PathBuf> =
        std::fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    if cells.len() < most {
        return;
    }
    // Only now: each time is a question to the system, and there is room for most cells.
    cells.sort_by_cached_key(|cell| cell.metadata().and_then(|facts| facts.modified()).ok());
    for cell in cells.iter().take(most.div_ceil(10)) {
        // A cell without its library would be taken for one that did not compile.
        let aside = cell.with_extension(format!("removed-{}", std::process::id()));
        let _ = std::fs::rename(cell, &aside).and_then(|()| std::fs::remove_dir_all(&aside));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_cells_make_room() {
        let all = std::env::temp_dir().join(format!("herbarium-room-{}", std::process::id()));
        for number in 0..20 {
            std::fs::create_dir_all(all.join(number.to_string())).unwrap();
            let when = std::time::UNIX_EPOCH + std::time::Duration::from_secs(number);
            std::fs::File::open(all.join(number.to_string())).unwrap().set_modified(when).unwrap();
        }
        make_room(&all, 21);
        assert!(all.join("0").exists());
        make_room(&all, 20);
        let left = |number: &str| all.join(number).exists();
        assert!(!left("0") && !left("1") && left("2") && left("19"));
        assert_eq!(std::fs::read_dir(&all).unwrap().count(), 18);
        std::fs::remove_dir_all(&all).unwrap();
    }

    #[test]
    fn a_cell_comes_back_with_its_library_and_no_other_does() {
        let base = std::env::temp_dir().join(format!("herbarium-memory-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let (source, library) = (base.join("lib.rs"), base.join("libctx.so"));
        std::fs::write(&source, "let x = 1;").unwrap();
        std::fs::write(&library, "machine code").unwrap();
        let arguments = [OsString::from("-C"), OsString::from("opt-level=0")];
        let tools =
            Tools { template: base.join("template"), store: base.join("store"), recipe: Default::default() };
        let place = |arguments: &[OsString]| Remembered::of(&tools, arguments, &source).unwrap();
        assert_eq!(place(&arguments).recall(&library), None);
        place(&arguments).keep(&["a warning".to_owned()], Some(&library));
        std::fs::remove_file(&library).unwrap();
        assert_eq!(place(&arguments).recall(&library), Some((vec!["a warning".to_owned()], true)));
        assert_eq!(std::fs::read_to_string(&library).unwrap(), "machine code");
        // A user's own cells, and those that came with the template.
        assert!(tools.store.join(FOLDER).exists() && !tools.template.exists());
        std::fs::rename(&tools.store, &tools.template).unwrap();
        assert!(place(&arguments).recall(&library).is_some());
        assert_eq!(place(&arguments[..1]).recall(&library), None);
        place(&arguments[1..]).keep(&["an error".to_owned()], None);
        assert_eq!(place(&arguments[1..]).recall(&library), Some((vec!["an error".to_owned()], false)));
        std::fs::write(&source, "let x = env!(\"HOME\");").unwrap();
        assert!(Remembered::of(&tools, &arguments, &source).is_none());
        std::fs::remove_dir_all(&base).unwrap();
    }
}
