"""Kernels with crates of the user's choice: installed, used, listed and removed as a user does it."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from test_crate_in_cells import Notebook
from test_template import CACHE, HERBARIUM

NAME = "garden"
CRATES = [
    'ndarray = "0.16"',
    'plotters = { version = "0.3.7", default-features = false, features = ["evcxr", "svg_backend", "line_series"] }',
]
PRELUDE = "use ndarray::prelude::*;\nuse plotters::prelude::*;\nlet rows = Array1::<f64>::ones(3);"
CHART = """evcxr_figure((200, 100), |root| {
    let mut chart = ChartBuilder::on(&root).build_cartesian_2d(0.0..3.0, 0.0..9.0)?;
    chart.draw_series(LineSeries::new(sums.iter().enumerate().map(|(x, y)| (x as f64, *y)), &RED))?;
    Ok(())
})"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A folder of Jupyter's with nothing in it, where kernels are looked for."""
    folder = tmp_path_factory.mktemp("prefix")
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder / "share/jupyter")
    yield folder
    herbarium("uninstall", NAME, "--prefix", folder)
    os.environ.pop("JUPYTER_PATH") if before is None else os.environ.update(JUPYTER_PATH=before)


def herbarium(*arguments, **environment):
    # No libtorch is needed, and none is found.
    known = {name: value for name, value in os.environ.items() if name not in ("LIBTORCH", "HERBARIUM_CRATE", "HERBARIUM_PLAIN")}
    answer = subprocess.run([HERBARIUM, *arguments], env={**known, **environment}, capture_output=True, text=True, timeout=900)
    return answer.returncode, answer.stdout + answer.stderr


def install(prefix, *arguments, name=NAME):
    return herbarium("install", "--prefix", prefix, "--name", name, *arguments)


def crates(lines):
    return [word for line in lines for word in ("--crate", line)]


def nothing_is_installed(prefix):
    return not any((prefix / "share/jupyter/kernels").glob("*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--name", "a b"], "cannot be a kernel's name"),
        (["--name", "herbarium", "--crate", "rand"], "choose another --name"),
        (["--crate", "rand"], "needs a name"),
        (["--name", NAME, "--crate", "rand = 1"], "`--crate rand = 1` is not a dependency: write `--crate 'NAME = \"VERSION\"'`"),
        (["--name", NAME, "--crate", 'ndarray = "99"'], "failed to select a version for the requirement `ndarray = \"^99\"`"),
        (["--name", NAME, "--crate", "./nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_installed_is_refused_and_leaves_nothing(prefix, arguments, told):
    code, said = herbarium("install", "--prefix", prefix, *arguments)
    assert code == 2 and told in said, said
    assert nothing_is_installed(prefix)


def test_a_crate_that_does_not_compile_leaves_nothing(prefix, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/lib.rs").write_text("pub fn weed() -> u8 { \"no number\" }\n")
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "weed"\nedition = "2024"\n')
    code, said = install(prefix, "--crate", str(tmp_path))
    assert code == 2 and "mismatched types" in said and "weed" in said, said
    assert nothing_is_installed(prefix)


def test_a_kernel_with_other_crates(prefix, tmp_path):
    # A prelude that does not compile says why; what was compiled by then is used by the second attempt.
    code, said = install(prefix, *crates(CRATES), "--prelude", PRELUDE.replace("ndarray::", "ndaray::"))
    assert code == 2 and "the prelude does not run" in said and "ndaray" in said, said
    assert nothing_is_installed(prefix)
    code, said = install(prefix, "--display-name", "Rust (garden)", *crates(CRATES), "--prelude", PRELUDE)
    assert code == 0 and "Compiling ndarray" not in said, said

    spec = json.loads((prefix / "share/jupyter/kernels" / NAME / "kernel.json").read_text())
    assert spec["display_name"] == "Rust (garden)" and "LIBTORCH" not in spec["env"]
    _, listed = herbarium("list", "--prefix", prefix)
    assert re.search(rf"^{NAME} +Rust \(garden\) .*{NAME}\n +ndarray 0.16, plotters 0.3.7\n$", listed), listed
    _, doctor = herbarium("doctor", VIRTUAL_ENV=str(prefix))
    assert re.search(rf"^ok +kernel {NAME} +ndarray 0.16, plotters 0.3.7; .* MB$", doctor, re.M), doctor
    code, said = install(prefix, *crates(CRATES))
    assert code == 2 and f"`herbarium uninstall {NAME} --prefix {prefix}`" in said, said

    notebook = Notebook(tmp_path, kernel=NAME)
    try:
        # The crates are there in the first cell, and have types that the next cells know.
        assert notebook.text("let table = array![[1.0, 2.0], [3.0, 4.0]];\ntable.dot(&table)") == "[[7.0, 10.0],\n [15.0, 22.0]], shape=[2, 2], strides=[2, 1], layout=Cc (0x5), const ndim=2"
        assert notebook.text("rows.sum()") == "3.0", "a variable of the prelude"
        assert notebook.text("let sums = table.sum_axis(Axis(0));\nsums.len()") == "2"
        messages, reply = notebook.run(CHART)
        assert reply["status"] == "ok", reply
        (page,) = [message["content"]["data"]["text/html"] for message in messages if message["msg_type"] in ("display_data", "execute_result")]
        assert "<svg" in page and "polyline" in page
        # What every kernel has: updates in place, errors with their lines, the table of variables, what is given.
        messages, _ = notebook.run('let shown = display("first");\nshown.update("second");')
        assert [message["msg_type"] for message in messages if "display" in message["msg_type"]] == ["display_data", "update_display_data"]
        assert "not a number" in notebook.error('let number: f64 = "weed".parse::<f64>().map_err(|_| "not a number")?;')
        # Habits that concern the tensors of another crate are not this kernel's.
        _, reply = notebook.run("let _ = len(sums); let _ = torch.zeros(2, 3);")
        advice = "\n".join(reply["traceback"])
        assert "`sums.len()`" in advice and "`torch`" in advice and "Tensor" not in advice, advice
        variables = notebook.text(":vars")
        assert "table" in variables and "sums" in variables
        given = notebook.text(":show_deps")
        assert 'ndarray = "0.16' in given and 'plotters = "0.3.7" (comes with the kernel)' in given
        assert "ndarray 0.16" in notebook.text(':dep ndarray = "0.16"')
    finally:
        notebook.client.stop_channels()
        notebook.manager.shutdown_kernel(now=True)

    templates = set(CACHE.iterdir())
    code, said = herbarium("uninstall", NAME, "--prefix", prefix)
    assert code == 0 and "removed" in said, said
    assert nothing_is_installed(prefix)
    removed = templates - set(CACHE.iterdir())
    assert any(path.is_dir() or path.suffix == "" for path in removed), "its template goes, too"


def test_another_programs_kernel_is_left_alone(prefix):
    folder = prefix / "share/jupyter/kernels/python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["python"], "display_name": "Python", "language": "python"}')
    code, said = herbarium("uninstall", "python3", "--prefix", prefix)
    assert code == 2 and "is not Herbarium's" in said and folder.exists()
    code, said = install(prefix, name="python3")
    assert code == 2 and "already" in said and "choose another --name" in said and "uninstall" not in said, said
    assert "python3" not in herbarium("list", "--prefix", prefix)[1]
    shutil.rmtree(folder)


def test_an_installation_for_all_users_that_fails_registers_no_kernel(prefix, tmp_path):
    """In the program that `herbarium install --system` starts; its crate cannot be a kernel's."""
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "weed"\nedition = "2024"\n')
    (tmp_path / "Cargo.lock").write_text("version = 4\n")
    code, said = herbarium("install", "--prefix", prefix, HERBARIUM_CRATE=str(tmp_path), HERBARIUM_INSTALL_INTO=str(tmp_path / "all"))
    assert code == 2 and "[package.metadata.notebook]" in said, said
    assert nothing_is_installed(prefix)
