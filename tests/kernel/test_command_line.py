"""What the program's commands refuse, without a kernel."""

import os
import subprocess

import pytest


def herbarium(*arguments):
    return subprocess.run([os.environ["HERBARIUM_BIN"], *arguments], capture_output=True, text=True, errors="replace", timeout=120)


@pytest.mark.parametrize("name", ["", ".", "..", "../../../project", "PROJECT", "unfinished"])
def test_uninstall_removes_only_kernels_of_its_own(tmp_path, name):
    project, unfinished = tmp_path / "project", tmp_path / "share" / "jupyter" / "kernels" / "unfinished"
    for folder in (project, unfinished):
        folder.mkdir(parents=True)
    refused = herbarium("uninstall", str(project) if name == "PROJECT" else name, "--prefix", str(tmp_path))
    says = "is not Herbarium's" if name == "unfinished" else "cannot be a kernel's name"
    assert refused.returncode == 2 and says in refused.stderr, refused
    assert project.exists() and unfinished.exists()


def test_a_name_that_is_no_text_is_refused():
    for command in ("run", "export", "parameters"):
        refused = herbarium(command, b"caf\xe9.ipynb")
        assert refused.returncode == 2 and "is not UTF-8: rename it" in refused.stderr, refused
        assert "panicked" not in refused.stderr, refused
