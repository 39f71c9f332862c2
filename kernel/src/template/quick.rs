//! Compiles a cell faster: the same rustc, given only what a cell needs.
//!
//! Half the compile time of a short cell went into irrelevant files: rustc opened every dependency of the helper
//! crate twice, the C compiler started three nested linkers, and these read all symbols of the helper crate. So a
//! cell gets a folder with only the crates' metadata, the toolchain's own linker without the C compiler, and a
//! stand-in for the helper crate's library, with its name and metadata but no code; the loader finds the real one
//! by that name. Undefined symbols go unnoticed at link time, so a cell that names foreign functions is compiled
//! the usual way.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::commands::{c_compiler, empty_library, output, write};
use super::recipe::CELL_CRATE;
use crate::error::{Error, Result};
use crate::sys;

/// The C libraries that a cell's machine code may call directly, by their sonames.
const SYSTEM: [&str; 3] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];
/// Libraries that rustc names to the linker and a cell does not call.
const UNUSED: [&str; 5] = ["util", "rt", "pthread", "dl", "stdc++"];
/// The header before a crate's metadata in a library, followed by the length in eight bytes.
const METADATA_MARK: &[u8] = b"rust\0\0\0\n";

/// The results of a template's build, and the linker.
pub struct Compiled<'a> {
    /// The folder with the crates for the target.
    pub crates: &'a Path,
    /// The folder with the crates for this machine, procedural macros among them.
    pub macros: &'a Path,
    /// The helper crate's library.
    pub helper: &'a str,
    pub rustc: &'a Path,
    /// The toolchain's own linker.
    pub linker: &'a Path,
}

impl Compiled<'_> {
    /// rustc's arguments for a cell; `None` where this machine does not compile one with them.
    pub fn arguments(&self, folder: &Path, usual: &[String]) -> Option<Vec<String>> {
        if !cfg!(target_os = "linux") || !self.linker.exists() {
            return None;
        }
        let arguments = self.prepare(folder, usual).and_then(|arguments| {
            self.try_out(folder, &arguments)?;
            Ok(arguments)
        });
        arguments.ok()
    }

    /// Fills `folder` and says how it is used.
    fn prepare(&self, folder: &Path, usual: &[String]) -> Result<Vec<String>> {
        let library = self.crate_without_code(folder)?;
        let crates = folder.join("crates");
        self.link_metadata(&crates)?;
        let system = folder.join("system");
        link_system(&system)?;
        let mut arguments = vec![
            format!("-Clinker={}", self.linker.display()),
            "-Clinker-flavor=ld.lld".to_owned(),
            "-L".to_owned(),
            format!("native={}", system.display()),
        ];
        arguments.extend(without_code(usual, self.helper, &crates, &library));
        // rustc passes `--as-needed`, which would drop the stand-in, as it has no symbols.
        arguments.push("-Clink-arg=--no-as-needed".to_owned());
        arguments.push(format!("-Clink-arg={}", library.display()));
        Ok(arguments)
    }

    /// The helper crate as rustc reads it and the linker names it.
    fn crate_without_code(&self, folder: &Path) -> Result<PathBuf> {
        let name = format!("lib{}.so", self.helper);
        let metadata = self.crates.join(format!("lib{}.rmeta", self.helper));
        let metadata = std::fs::read(&metadata).map_err(Error::file(&metadata))?;
        let mut section = METADATA_MARK.to_vec();
        section.extend((metadata.len() as u64).to_le_bytes());
        section.extend(metadata);
        let (content, assembly) = (folder.join("metadata"), folder.join("metadata.s"));
        let include = format!(".section .rustc,\"\",%progbits\n.incbin \"{}\"\n", content.display());
        write(&assembly, &include)?;
        std::fs::write(&content, section).map_err(Error::file(&content))?;
        let library = folder.join(&name);
        let mut compiler = c_compiler();
        compiler.args(["-shared", "-nostdlib"]).arg(format!("-Wl,-soname,{name}"));
        output(compiler.arg(&assembly).arg("-o").arg(&library))?;
        for file in [content, assembly] {
            std::fs::remove_file(&file).map_err(Error::file(&file))?;
        }
        Ok(library)
    }

    /// Links to the metadata of all crates but the helper crate, and to the procedural macros.
    fn link_metadata(&self, crates: &Path) -> Result<()> {
        std::fs::create_dir_all(crates).map_err(Error::file(crates))?;
        let own = format!("lib{}.", self.helper);
        for (folder, ending) in [(self.crates, "rmeta"), (self.macros, "so")] {
            for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
                let path = entry.map_err(Error::file(folder))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.extension().is_some_and(|found| found == ending) && !name.starts_with(&own) {
                    let link = crates.join(&*name);
                    sys::link(&path, &link).map_err(Error::file(&link))?;
                }
            }
        }
        Ok(())
    }

    /// Compiles a cell that uses the crate, and checks that its library depends on the crate's.
    fn try_out(&self, folder: &Path, arguments: &[String]) -> Result<()> {
        let source = folder.join("try.rs");
        let text = format!(
            "extern crate {} as _;\n#[unsafe(no_mangle)]\npub extern \"C\" fn cell() {{ ::herbarium_notebook::end_cell(); }}\n",
            self.helper
        );
        write(&source, &text)?;
        let mut rustc = Command::new(self.rustc);
        rustc.args(["--crate-name", CELL_CRATE, "--edition=2024", "--crate-type", "cdylib", "--emit=link"]);
        output(rustc.args(arguments).arg("--out-dir").arg(folder).arg(&source))?;
        let library = folder.join(format!("lib{CELL_CRATE}.so"));
        let machine_code = std::fs::read(&library).map_err(Error::file(&library))?;
        let name = format!("lib{}.so\0", self.helper);
        let asks = machine_code.windows(name.len()).any(|bytes| bytes == name.as_bytes());
        for file in [source, library] {
            std::fs::remove_file(&file).map_err(Error::file(&file))?;
        }
        if asks {
            Ok(())
        } else {
            Err(Error::Start("a cell's library does not ask for the crate's".to_owned()))
        }
    }
}

/// The usual arguments with the crates' metadata in place of the crates, in the linker's own words.
fn without_code(usual: &[String], helper: &str, crates: &Path, library: &Path) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut rest = usual.iter().peekable();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), rest.peek()) {
            ("-L", Some(place)) if place.starts_with("dependency=") => {
                rest.next();
            }
            ("--extern", Some(named)) if named.starts_with(&format!("{helper}=")) => {
                rest.next();
                arguments.push("--extern".to_owned());
                arguments.push(format!("{helper}={}", library.display()));
            }
            ("--extern", Some(named)) if named.ends_with(".rlib") => {
                // Crates inside the helper crate's library are read only from their metadata.
                let (name, path) = named.split_once('=').unwrap_or((named, ""));
                let file = Path::new(path).with_extension("rmeta");
                let file = crates.join(file.file_name().unwrap_or_default());
                rest.next();
                arguments.push("--extern".to_owned());
                arguments.push(format!("{name}={}", file.display()));
            }
            (argument, _) => arguments.push(argument.replace("-Clink-arg=-Wl,-rpath,", "-Clink-arg=-rpath=")),
        }
    }
    arguments.push("-L".to_owned());
    arguments.push(format!("dependency={}", crates.display()));
    arguments
}

/// The system's libraries under the names by which the linker looks for them.
fn link_system(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    for name in SYSTEM {
        let found = PathBuf::from(output(c_compiler().arg(format!("-print-file-name={name}")))?);
        if !found.is_absolute() {
            return Err(Error::Start(format!("the C compiler does not say where {name} is")));
        }
        let link = folder.join(format!("{}.so", name.split('.').next().unwrap_or(name)));
        sys::link(&found, &link).map_err(Error::file(&link))?;
    }
    for name in UNUSED {
        empty_library(&folder.join(format!("lib{name}.so")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_given_metadata_in_the_linkers_words() {
        let usual = "-C embed-bitcode=no -L dependency=/t/deps --extern herbarium=/t/deps/libherbarium.so \
                     --extern serde=/t/serde.rlib -Clink-arg=-Wl,-rpath,/torch -L native=/torch";
        let usual: Vec<String> = usual.split_whitespace().map(str::to_owned).collect();
        let arguments =
            without_code(&usual, "herbarium", Path::new("/q/crates"), Path::new("/q/libherbarium.so"));
        assert_eq!(
            arguments.join(" "),
            "-C embed-bitcode=no --extern herbarium=/q/libherbarium.so --extern serde=/q/crates/serde.rmeta \
             -Clink-arg=-rpath=/torch -L native=/torch -L dependency=/q/crates"
        );
    }
}
