"""The check of the layers (tests/layers.py) finds what points upward, and nothing else."""

import layers

ARCHITECTURE = """# Architecture

## Layers

1. `error`: errors.
2. `files`, `seed`: what serves everybody.
3. `data`: pictures in `batches`.

## More

1. `unrelated`: a list further down.
"""

LIBRARY = """mod error;
mod files;
pub mod data;
mod seed;
pub use error::{Error, Result};
pub use seed::seed;
"""

GOOD = {
    "error.rs": "//! See [`crate::data`].\n/* crate::data */\npub struct Error(&'static str);\npub type Result<T> = T;\n",
    "files.rs": 'use crate::Result;\nconst TEXT: &str = "crate::data::Batch";\nconst RAW: &str = r#"crate::data"#;\n'
    "#[cfg(test)]\nmod tests {\n    use crate::data::Batch;\n}\n",
    "seed.rs": "use super::error;\npub fn seed() -> char { '\"' }\n",
    "data/mod.rs": "mod loader;\n#[cfg(test)]\nmod tests;\nuse crate::{Error, files::{self, write}, seed};\n",
    "data/loader.rs": "use super::super::files;\nuse super::Batch;\nuse crate::data::Set;\n",
    "data/tests.rs": "use crate::anything;\n",
}


def faults_of(folder, changes):
    """What is found in a small crate with some of its files changed."""
    (folder / "docs").mkdir()
    (folder / "docs/architecture.md").write_text(ARCHITECTURE)
    for name, text in ({"lib.rs": LIBRARY} | GOOD | changes).items():
        file = folder / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return layers.faults(folder)


def test_downward_paths_comments_texts_and_tests_are_no_faults(tmp_path):
    assert faults_of(tmp_path, {}) == []


def test_an_upward_path_is_found_wherever_it_stands(tmp_path):
    found = faults_of(
        tmp_path,
        {
            "error.rs": "pub struct Error(\n    Box<crate::data::Report>,\n);\n",
            "files.rs": "use crate::{\n    Error,\n    data::{Batch, files},\n};\n",
            "seed.rs": "use super::files;\n",
            "data/loader.rs": "macro_rules! m { () => { $crate::files::x() } }\nmod inner { use crate::prelude; }\n",
        },
    )
    assert found == [
        "src/error.rs:2: `error` (layer 1) uses `data` (layer 3); a module may use only the layers before its own",
        "src/files.rs:3: `files` (layer 2) uses `data` (layer 3); a module may use only the layers before its own",
        "src/seed.rs:1: `seed` (layer 2) uses `files` (layer 2); a module may use only the layers before its own",
    ]


def test_a_name_at_the_crates_root_counts_as_its_modules(tmp_path):
    [found] = faults_of(tmp_path, {"error.rs": "use crate::seed;\n"})
    assert found.startswith("src/error.rs:1: `error` (layer 1) uses `seed` (layer 2)")
    (tmp_path / "more").mkdir()
    library = LIBRARY + "pub use data::Batch;\n"
    [found] = faults_of(tmp_path / "more", {"lib.rs": library, "files.rs": "fn f() -> crate::Batch { todo!() }\n"})
    assert "`files` (layer 2) uses `data` (layer 3)" in found


def test_list_and_source_name_the_same_modules(tmp_path):
    found = faults_of(tmp_path, {"viz/mod.rs": "", "seed.rs": ""})
    assert found == ["src/viz/mod.rs: the module `viz` is in no layer of docs/architecture.md"]
    (tmp_path / "src/seed.rs").unlink()
    assert "docs/architecture.md: the module `seed` is not in src/" in layers.faults(tmp_path)


def test_a_circle_in_a_folder_of_the_kernel_is_found(tmp_path):
    files = {
        "kernel/src/main.rs": "mod session;\n",
        "kernel/src/session/mod.rs": "mod cell;\nmod error;\nmod event;\n",
        "kernel/src/session/cell.rs": "use super::error::of;\n",
        "kernel/src/session/error.rs": "use super::event;\n#[cfg(test)]\nmod tests {\n    use super::super::cell;\n}\n",
        "kernel/src/session/event.rs": "",
    }
    architecture = ARCHITECTURE + "\n## The kernel's layers\n\n1. `session`: cells.\n"

    def found(changes):
        folder = tmp_path / str(len(changes))
        for name, text in ({"docs/architecture.md": architecture} | files | changes).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return layers.faults(folder)

    assert found({}) == []
    circle = {"kernel/src/session/event.rs": "use super::{cell::Cell, Event};\n"}
    assert found(circle) == ["kernel/src/session: cell uses error uses event uses cell"]
    upward = {"kernel/src/jupyter.rs": "", "kernel/src/session/event.rs": "use crate::jupyter;\n"}
    assert any("in no layer" in fault for fault in found(upward))


def test_what_is_there_on_unix_only_is_found_outside_of_sys(tmp_path):
    kernel = tmp_path / "kernel/src"
    (kernel / "sys").mkdir(parents=True)
    (kernel / "sys.rs").write_text("use rustix::process::Pid;\n")
    (kernel / "sys/files.rs").write_text("use std::os::unix::fs::symlink;\n")
    (kernel / "run.rs").write_text("// libc::exit\nuse std::fs;\nfn end() { libc::_exit(1) }\n#[cfg(test)]\nmod tests {\n    use std::os::unix::fs;\n}\n")
    assert layers.elsewhere(tmp_path) == ["kernel/src/run.rs:3: `libc::` belongs into `sys`"]
