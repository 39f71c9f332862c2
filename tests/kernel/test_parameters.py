"""Parameters of a notebook: on the command line, in files, and by papermill."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

DECLARED = 'let mut epochs: i64 = 20; // how many\nlet name = "rose";\nlet rates = vec![0.1];\nlet best: Option<String> = None;'
SHOWN = 'format!("{epochs} {name} {rates:?} {best:?}")'


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "in.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("# A notebook"),
        nbformat.v4.new_code_cell(DECLARED, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(SHOWN),
    ]
    kernelspec = {"name": "herbarium", "display_name": "Rust (Herbarium)", "language": "rust"}
    metadata = {"kernelspec": kernelspec, "language_info": {"name": "rust"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def herbarium(*arguments):
    command = [os.environ["HERBARIUM_BIN"], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def injected_and_shown(path):
    done = nbformat.read(path, 4)
    nbformat.validate(done)
    (cell,) = [cell for cell in done.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert done.cells.index(cell) == 2, "after the cell that declares them"
    return cell.source, done.cells[-1].outputs[-1]["data"]["text/plain"].strip('"').replace('\\"', '"')


def test_run_gives_parameters_the_types_of_their_defaults(notebook, tmp_path):
    given = tmp_path / "given.yaml"
    given.write_text("epochs: 3\nrates: [1, 1e-3]\n")
    out = tmp_path / "out.ipynb"
    ran = herbarium("run", notebook, "-p", "epochs=7", "-p", "name=7", "--parameters-file", given, "-p", "best", "x", "-o", out)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    source, shown = injected_and_shown(out)
    assert source.splitlines()[:2] == ["// Parameters", "let mut epochs: i64 = 7;"], source
    assert shown == '7 7 [1.0, 0.001] Some("x")'
    # Once more on what came of it: the cell is replaced.
    again = herbarium("run", out, "-p", "epochs=1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert injected_and_shown(out)[1] == "1 rose [0.1] None"


def test_wrong_values_are_refused_before_anything_runs(notebook, tmp_path):
    before = notebook.read_text()
    for given, says in [
        ("epochs=seven", "`epochs` must be a whole number of type i64, but `seven` is not; its default is 20"),
        ("epoch=7", "`epoch` is not a parameter of this notebook; its parameters are `epochs`, `name`"),
        ("epochs", "`-p epochs` has no value"),
    ]:
        ran = herbarium("run", notebook, "-p", given)
        assert ran.returncode == 2 and says in ran.stderr + ran.stdout, ran.stdout + ran.stderr
    assert notebook.read_text() == before


def test_a_table_says_what_can_be_given(notebook):
    table = herbarium("parameters", notebook).stdout.splitlines()
    assert table[0].split() == ["epochs:", "i64", "20", "how", "many"] and len(table) == 4, table


@pytest.fixture
def papermill(tmp_path, monkeypatch):
    """papermill, for which the kernel under test is the one of the notebook's name."""
    spec = tmp_path / "jupyter" / "kernels" / "herbarium"
    spec.mkdir(parents=True)
    argv = [os.environ["HERBARIUM_BIN"], "kernel", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps(
        {"argv": argv, "display_name": "Rust (Herbarium)", "language": "rust", "interrupt_mode": "message"}
    ))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    def run(*arguments):
        command = [sys.executable, "-m", "papermill", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run


def test_papermill_knows_rust(notebook, tmp_path, papermill):
    out = tmp_path / "out.ipynb"
    ran = papermill(notebook, out, "-p", "epochs", "7", "-p", "name", "7", "-y", "rates: [1, 2]", "--no-progress-bar")
    assert ran.returncode == 0, ran.stderr
    source, shown = injected_and_shown(out)
    assert "let mut epochs: i64 = 7;" in source and shown == "7 7 [1.0, 2.0] None", source
    refused = papermill(notebook, tmp_path / "not.ipynb", "-p", "epochs", "seven", "--no-progress-bar")
    assert refused.returncode != 0 and "`epochs` must be a whole number" in refused.stderr, refused.stderr
    listed = papermill("--help-notebook", notebook)
    assert "epochs: i64 (default 20)" in listed.stdout and "how many" in listed.stdout, listed.stdout + listed.stderr
