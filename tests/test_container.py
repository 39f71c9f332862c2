"""The Containerfile without building it: what it says fits the project. `make test-container` builds it."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "container"))
import containerfile  # noqa: E402

STEPS = containerfile.parse((ROOT / "Containerfile").read_text())
TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")


def of(name):
    return [step for step in STEPS if step.name == name]


def test_the_base_image_has_the_rust_that_the_crates_need():
    (base,) = of("FROM")
    wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    assert re.fullmatch(rf"docker\.io/library/rust:{re.escape(wanted)}-\w+", base.text)


def test_every_command_is_one_that_the_shell_reads():
    for step in of("RUN"):
        read = subprocess.run(["sh", "-n", "-c", step.text], capture_output=True, text=True)
        assert read.returncode == 0, (step, read.stderr)


def test_what_is_copied_is_in_the_repository_and_not_ignored():
    is_ignored = containerfile.ignored((ROOT / ".containerignore").read_text())
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()
    for step in of("COPY"):
        assert step.text.startswith("--chown=learner:learner "), step
        for source in step.words()[:-1]:
            assert any(path == source or path.startswith(source + "/") for path in TRACKED), step
            assert not is_ignored(source), step
    assert not [path for path in TRACKED if is_ignored(path)]
    assert is_ignored("target/release/herbarium") and is_ignored("notebooks/best.safetensors") and is_ignored("kernel/setup/__pycache__")


def test_the_image_runs_without_roots_rights():
    assert [step.text for step in of("USER")] == ["learner"]
    rights = STEPS.index(of("USER")[0])
    assert all("apt-get" not in step.text for step in STEPS[rights:] if step.name == "RUN")


def test_a_changed_notebook_compiles_nothing():
    copied = next(number for number, step in enumerate(STEPS) if step.name == "COPY" and "notebooks" in step.words())
    assert not [step for step in STEPS[copied:] if step.name == "RUN"]


def test_the_devcontainer_builds_the_same_image():
    path = ROOT / ".devcontainer" / "devcontainer.json"
    container = json.loads(path.read_text())
    assert (path.parent / container["build"]["dockerfile"]).resolve() == ROOT / "Containerfile"
    assert (path.parent / container["build"]["context"]).resolve() == ROOT
    assert container["remoteUser"] == of("USER")[0].text
    (command,) = of("CMD")
    (port,) = of("EXPOSE")
    assert f"--port={port.text}" in command.list() and container["forwardPorts"] == [int(port.text)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("RUN true", "one FROM comes first"), ("FROM a\nADD b c", "line 2: ADD is not one of"), ("FROM a\nFROM b", "one FROM comes first")],
)
def test_a_file_that_is_not_understood_is_refused(text, fault):
    with pytest.raises(containerfile.Fault, match=fault):
        containerfile.parse(text)


def test_continued_lines_and_variables_are_read_as_a_builder_reads_them():
    first, run, env = containerfile.parse("# a\nFROM a:1\nRUN b \\\n    # of it\n    && c\nENV X=/x:$PATH Y=${X}")
    assert (first.text, run.text, run.line) == ("a:1", "b && c", 3)
    assert containerfile.assignments(env, {"PATH": "/bin"}) == {"X": "/x:/bin", "Y": ""}
