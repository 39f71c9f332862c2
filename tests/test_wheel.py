"""The wheel: what pip installs, as far as it goes without fetching libtorch. tests/bench/first_cell.py does the rest."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder of packages with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", ROOT / "kernel" / "wheel"],
                   env={**os.environ, "HERBARIUM_TARGET": str(TARGET)}, check=True)
    (wheel,) = (folder / "dist").glob("herbarium-*-py3-none-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", wheel], check=True)
    return folder / "site"


def herbarium(installed, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in ("LIBTORCH", "HERBARIUM_CRATE")}
    environment |= {"PYTHONPATH": str(installed), **variables}
    return subprocess.run([installed / "bin" / "herbarium", *arguments], env=environment, capture_output=True, text=True)


def test_pip_installs_the_program(installed):
    version = herbarium(installed, "version")
    assert version.stdout.startswith("herbarium "), version
    assert "herbarium setup" in herbarium(installed, "help").stdout
    assert "Fetches libtorch" in herbarium(installed, "setup", "--help").stdout


def test_before_the_setup_it_says_what_to_type(installed, tmp_path):
    answer = herbarium(installed, "install", "--prefix", str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert answer.returncode == 2
    assert "libtorch is not set up: run `herbarium setup`" in answer.stderr


def test_after_the_setup_it_finds_libtorch(installed, tmp_path):
    """Stands for what `herbarium setup` fetches."""
    folder = tmp_path / "herbarium" / "libtorch-2.13.0-cpu"
    (folder / "lib").mkdir(parents=True)
    (folder / "herbarium.json").write_text(json.dumps({"version": "2.13.0", "headers": 0, "files": {}}))
    (folder / "build-version").write_text("2.13.0\n")
    found = herbarium(installed, "doctor", XDG_CACHE_HOME=str(tmp_path)).stdout
    # A Python's own torch comes first.
    assert re.search(r"ok    libtorch +2\.13\.0", found), found


def test_setup_says_which_tool_is_missing(installed, tmp_path):
    (tmp_path / "python3").symlink_to(sys.executable)
    answer = herbarium(installed, "setup", PATH=str(tmp_path))
    assert answer.returncode == 1
    assert "`cargo` is not found: install Rust" in answer.stderr


def test_setup_passes_on_what_rustup_advises(installed, tmp_path):
    (tmp_path / "python3").symlink_to(sys.executable)
    advice = "error: rustup could not choose a version of rustc to run\nhelp: run 'rustup default stable'"
    for name, script in [("cargo", "exit 0"), ("c++", "exit 0"), ("rustc", f'echo "{advice}" >&2\nexit 1')]:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    answer = herbarium(installed, "setup", PATH=str(tmp_path))
    assert answer.returncode == 1
    assert f"rustc cannot be run: {advice}" in answer.stderr and "Traceback" not in answer.stderr, answer.stderr
    (tmp_path / "rustc").unlink()
    answer = herbarium(installed, "setup", PATH=str(tmp_path))
    assert answer.returncode == 1
    assert "rustc cannot be run: " in answer.stderr and "Traceback" not in answer.stderr, answer.stderr


def test_the_sources_are_all_that_cargo_needs(installed):
    crate = installed / "herbarium" / "crate"
    shown = subprocess.run(["cargo", "metadata", "--locked", "--format-version=1"], cwd=crate, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    members = {package["name"] for package in json.loads(shown.stdout)["packages"] if package["source"] is None}
    assert {"herbarium", "herbarium-notebook", "pillow-pixels", "torch-file", "torch-c10d", "torch-cpp"} <= members
    assert (crate / "weights" / "resnet18-painted.safetensors").exists()
    assert (crate / "prebuilt" / "libtch.a").exists()
