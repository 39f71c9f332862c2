"""The crate built for cells: rebuilt by itself when something changed, never used half-built."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import nbformat
import pytest
from test_crate_in_cells import family

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HERBARIUM = TARGET / "release" / "herbarium"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "herbarium" / "template"


@pytest.fixture(scope="module")
def libtorch():
    spec = json.loads((ROOT / ".venv/share/jupyter/kernels/herbarium/kernel.json").read_text())
    return spec["env"]["LIBTORCH"]


@pytest.fixture
def changed(tmp_path):
    """The environment for a helper crate that no kernel has built, and a notebook that shows what is in it."""
    crate = tmp_path / "crate"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text(
        '[package]\nname = "garden"\nedition = "2024"\n\n'
        f'[dependencies]\nherbarium-notebook = {{ path = "{ROOT / "crates" / "herbarium-notebook"}" }}\n\n'
        '[package.metadata.notebook]\nprelude = "use garden::*;"\ncrates = ["herbarium-notebook"]\n'
    )
    # The second makes the library larger than the files that a test allows.
    (crate / "src" / "lib.rs").write_text("pub const PLANTS: u64 = 41;\npub static LARGE: [u8; 5_000_000] = [1; 5_000_000];\n")
    subprocess.run(["cargo", "generate-lockfile"], cwd=crate, check=True, capture_output=True)
    cell = nbformat.v4.new_code_cell("PLANTS + 1")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "changed.ipynb")
    return {**os.environ, "HERBARIUM_CRATE": str(crate), "XDG_CACHE_HOME": str(tmp_path / "cache"), "RUST_BACKTRACE": "0"}


def start(folder, environment, out, **options):
    command = [HERBARIUM, "run", folder / "changed.ipynb", "-o", folder / out]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def until_it_builds(run):
    for line in run.stdout:
        if "building the helper crate" in line:
            return
    raise AssertionError("the helper crate was not built")


def result(path):
    (cell,) = nbformat.read(path, as_version=4).cells
    # Before it stands the progress of the build.
    return cell.outputs[-1]["data"]["text/plain"]


def test_cells_find_what_comes_with_the_crate_without_a_kernelspec(tmp_path, libtorch):
    """`herbarium run` takes the checkout it was built in; the crate reads its own weights from there."""
    cell = nbformat.v4.new_code_cell('std::env::var("HERBARIUM_CRATE")?')
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "where.ipynb")
    environment = {name: value for name, value in os.environ.items() if name != "HERBARIUM_CRATE"}
    out = tmp_path / "out.ipynb"
    subprocess.run([HERBARIUM, "run", tmp_path / "where.ipynb", "-o", out], env={**environment, "LIBTORCH": libtorch}, check=True, timeout=600)
    crate = pathlib.Path(result(out).strip('"'))
    assert (crate / "weights" / "resnet18-painted.safetensors").exists()


def recipes(folder):
    """What was built whole in the cache that a test has for itself."""
    return list((folder / "cache").glob("herbarium/template/*/recipe.json"))


def test_two_kernels_at_once_build_a_changed_crate_once(changed, tmp_path):
    runs = [start(tmp_path, changed, f"out{number}.ipynb") for number in range(2)]
    said = [run.communicate(timeout=600)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert [result(tmp_path / f"out{number}.ipynb") for number in range(2)] == ["42", "42"]
    assert len(recipes(tmp_path)) == 1
    assert sum("Compiling garden" in text for text in said) == 1
    assert any("waiting for another kernel" in text for text in said)


def test_a_build_that_was_killed_or_found_no_room_is_made_anew(changed, tmp_path):
    killed = start(tmp_path, changed, "killed.ipynb", start_new_session=True)
    until_it_builds(killed)
    time.sleep(2)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(timeout=60)
    killed.stdout.close()
    assert recipes(tmp_path) == []

    # No file may be larger than eight megabytes: the crate's library is, and nothing that the template has before it. Python ignores the signal that tells of it,
    # and the children must, too, so that a write fails as on a full disk.
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, 8_000_000))
    full = start(tmp_path, changed, "full.ipynb", preexec_fn=limit, restore_signals=False)
    said = full.communicate(timeout=600)[0]
    assert full.returncode == 1 and "building the helper crate" in said, said
    assert recipes(tmp_path) == []

    run = start(tmp_path, changed, "out.ipynb")
    said = run.communicate(timeout=600)[0]
    assert run.returncode == 0, said
    assert result(tmp_path / "out.ipynb") == "42"


def is_the_script(pid):
    try:
        return b"build-script-build" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_interrupt_stops_what_builds_at_once(changed, tmp_path):
    """Here a build script, which by itself would run for an hour."""
    crate = pathlib.Path(changed["HERBARIUM_CRATE"])
    (crate / "src" / "build.rs").write_text("fn main() { std::thread::sleep(std::time::Duration::from_secs(3600)) }\n")
    manifest = (crate / "Cargo.toml").read_text()
    (crate / "Cargo.toml").write_text(manifest.replace("[package]\n", '[package]\nbuild = "src/build.rs"\n'))
    run = start(tmp_path, changed, "out.ipynb", start_new_session=True)
    until_it_builds(run)
    deadline = time.monotonic() + 300
    while not (scripts := [pid for pid in family(run.pid) if is_the_script(pid)]):
        assert run.poll() is None and time.monotonic() < deadline, "the build script was not started"
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1 and "Interrupt" in said and "before it ran" in said, said
    deadline = time.monotonic() + 60
    while any(is_the_script(pid) for pid in scripts):
        assert time.monotonic() < deadline, "the build script still runs"
        time.sleep(0.02)
    assert recipes(tmp_path) == [], "a half-built crate is never used"
