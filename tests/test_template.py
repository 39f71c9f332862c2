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

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HERBARIUM = TARGET / "release" / "herbarium"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "herbarium" / "template"


@pytest.fixture(scope="module")
def libtorch():
    spec = json.loads((ROOT / ".venv/share/jupyter/kernels/herbarium/kernel.json").read_text())
    return spec["env"]["LIBTORCH"]


@pytest.fixture
def changed(tmp_path, libtorch):
    """The environment for a copy of the crate with one line changed, and a notebook that shows the line."""
    crate = tmp_path / "crate"
    for folder in ["src", "crates"]:
        shutil.copytree(ROOT / folder, crate / folder)
    for name in ["Cargo.toml", "Cargo.lock"]:
        shutil.copy(ROOT / name, crate)
    with open(crate / "src" / "lib.rs", "a") as library:
        library.write("\n/// What changed.\npub const CHANGED: u64 = 41;\n")
    cell = nbformat.v4.new_code_cell("herbarium::CHANGED + Tensor::ones([1], (Kind::Int64, Device::Cpu)).int64_value(&[0]) as u64")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "changed.ipynb")
    return {**os.environ, "HERBARIUM_CRATE": str(crate), "LIBTORCH": libtorch, "RUST_BACKTRACE": "0"}


def start(folder, environment, out, **options):
    command = [HERBARIUM, "run", folder / "changed.ipynb", "-o", folder / out]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


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


def recipes():
    return set(CACHE.glob("*/recipe.json"))


def test_two_kernels_at_once_build_a_changed_crate_once(changed, tmp_path):
    before = recipes()
    runs = [start(tmp_path, changed, f"out{number}.ipynb") for number in range(2)]
    said = [run.communicate(timeout=600)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert [result(tmp_path / f"out{number}.ipynb") for number in range(2)] == ["42", "42"]
    assert len(recipes() - before) == 1
    assert sum("Compiling herbarium" in text for text in said) == 1
    assert any("waiting for another kernel" in text for text in said)


def test_a_build_that_was_killed_or_found_no_room_is_made_anew(changed, tmp_path):
    before = recipes()
    killed = start(tmp_path, changed, "killed.ipynb", start_new_session=True)
    for line in killed.stdout:
        if "building the helper crate" in line:
            break
    time.sleep(2)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(timeout=60)
    killed.stdout.close()
    assert recipes() - before == set()

    # No file may be larger than four megabytes: the crate's library is, and no program of the template. Python ignores the signal that tells of it,
    # and the children must, too, so that a write fails as on a full disk.
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
    full = start(tmp_path, changed, "full.ipynb", preexec_fn=limit, restore_signals=False)
    said = full.communicate(timeout=600)[0]
    assert full.returncode == 1 and "building the helper crate" in said, said
    assert recipes() - before == set()

    run = start(tmp_path, changed, "out.ipynb")
    said = run.communicate(timeout=600)[0]
    assert run.returncode == 0, said
    assert result(tmp_path / "out.ipynb") == "42"


def descendants(pid):
    found = []
    for task in pathlib.Path("/proc").glob(f"{pid}/task/*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(child)]
    return found


def name(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


def test_an_interrupt_stops_the_compilers_at_once(changed, tmp_path):
    before = recipes()
    run = start(tmp_path, changed, "out.ipynb", start_new_session=True)
    deadline = time.monotonic() + 300
    while not (compilers := [pid for pid in descendants(run.pid) if name(pid) == "rustc"]):
        assert run.poll() is None and time.monotonic() < deadline, "no compiler was started"
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1 and "Interrupt" in said and "before it ran" in said, said
    assert not [pid for pid in compilers if name(pid) == "rustc"]
    assert recipes() == before, "a half-built crate is never used"
