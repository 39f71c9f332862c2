//! The lines of a cell from addresses in its library.
//!
//! Cells are compiled without line tables, which would cost some 20 ms each. If a panic inside a library needs a line,
//! the cell is compiled again with them: the code is the same, at the same addresses.

use std::path::Path;
use std::process::Command;

use addr2line::{Context, LookupResult, gimli};
use object::{Object, ObjectSection};

/// rustc's arguments in addition to the cell's.
const WITH_LINES: &str = "-Cprefer-dynamic -Cdebuginfo=line-tables-only -Cstrip=none";

/// The lines, in the source that was compiled, of the calls at these addresses. `folder` is the cells' crate, `cargo`
/// the template's. Empty if they cannot be found.
pub fn of_addresses(cargo: &Path, folder: &Path, addresses: &[u64]) -> Vec<usize> {
    compile(cargo, folder).and_then(|library| look_up(&library, folder, addresses)).unwrap_or_default()
}

/// The cell's library with line tables.
fn compile(cargo: &Path, folder: &Path) -> Option<Vec<u8>> {
    let output =
        Command::new(cargo).arg("build").current_dir(folder).env("RUSTFLAGS", WITH_LINES).output().ok()?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let artifact = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(message["filenames"][0].as_str()?.to_owned())
    });
    let library = artifact?;
    let bytes = std::fs::read(&library).ok();
    // Of no use to anybody else.
    let _ = std::fs::remove_file(library);
    bytes
}

fn look_up(library: &[u8], folder: &Path, addresses: &[u64]) -> Option<Vec<usize>> {
    let file = object::File::parse(library).ok()?;
    let endian =
        if file.is_little_endian() { gimli::RunTimeEndian::Little } else { gimli::RunTimeEndian::Big };
    let section = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let data =
            file.section_by_name(id.name()).and_then(|section| section.data().ok()).unwrap_or_default();
        Ok(gimli::EndianSlice::new(data, endian))
    };
    let context = Context::from_dwarf(gimli::Dwarf::load(section).ok()?).ok()?;
    let source = folder.join("src/lib.rs");
    Some(addresses.iter().filter_map(|address| line_in(&context, *address, &source)).collect())
}

/// The line in `source` at an address; code inlined from elsewhere is skipped.
fn line_in<R: gimli::Reader>(context: &Context<R>, address: u64, source: &Path) -> Option<usize> {
    let mut frames = match context.find_frames(address) {
        LookupResult::Output(frames) => frames.ok()?,
        // Tables in another file: none are written so here.
        LookupResult::Load { .. } => return None,
    };
    while let Ok(Some(frame)) = frames.next() {
        if let Some(location) = frame.location
            && location.file.is_some_and(|file| Path::new(file) == source)
        {
            return location.line.map(|line| line as usize);
        }
    }
    None
}
