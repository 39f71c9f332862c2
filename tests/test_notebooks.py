"""Every notebook through a real Jupyter client, on the drawn flowers with small settings; what they share; the Chinese editions."""

import pathlib
import re
import shutil

import nbclient
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from rerun_notebooks import code_cells, without_pictures

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"
#: The English editions.
ENGLISH = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if not path.stem.endswith("_zh"))
#: The English editions that have a Chinese one.
TRANSLATED = [name for name in ENGLISH if (NOTEBOOKS / f"{name}_zh.ipynb").exists()]
#: Those that end with exercises; the tutorial itself has none, and tests of its own for all that it shows.
LESSONS = [name for name in ENGLISH if name != "flowers"]


def read(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def may_fail(cell):
    return "raises-exception" in cell.metadata.get("tags", [])


def errors(cell):
    return [output for output in cell.outputs if output.output_type == "error"]


def trains(cell):
    """Whether a second run of the cell would take as long as a training."""
    return re.search(r"\b(train_\w+|fine_tune|lr_find|draw_plants)\(", cell.source)


#: Smaller values for the cells tagged `parameters`.
QUICK = {"number_of_seeds": 1, "pictures": 8}


def quick(cell):
    """A cell of parameters, with the small values."""
    if "parameters" in cell.metadata.get("tags", []):
        for name, value in QUICK.items():
            cell.source = re.sub(rf"(let {name}\b[^=]*= )\d+", rf"\g<1>{value}", cell.source)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Two notebooks that train at the same time on two cores, with two threads each, take twice as long as with one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def few_flowers(tmp_path_factory):
    """A quarter of the drawn flowers: what a notebook does with them takes a quarter of the time."""
    manager, client = start_new_kernel(kernel_name="herbarium", startup_timeout=300)
    try:
        found = []
        client.execute_interactive(
            "println!(\"{}\", data::flowers()?.display());", timeout=600, output_hook=lambda message: found.append(message["content"].get("text", ""))
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    drawn = pathlib.Path("".join(found).strip().splitlines()[-1])
    folder = tmp_path_factory.mktemp("flowers") / "few"
    shutil.copytree(drawn, folder, ignore=lambda _, names: [name for name in sorted(names) if name.endswith(".jpg") and int(name[-9:-4]) % 4])
    return folder


@pytest.mark.parametrize("name", LESSONS)
def test_runs_from_top_to_bottom_and_cell_by_cell_again(name, few_flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("HERBARIUM_EPOCHS", "1,1")
    monkeypatch.setenv("HERBARIUM_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HERBARIUM_OFFLINE", "1")
    monkeypatch.setenv("HERBARIUM_DATA", str(few_flowers))
    notebook = read(name)
    for cell in notebook.cells:
        quick(cell)
    client = nbclient.NotebookClient(
        notebook, kernel_name="herbarium", timeout=600, startup_timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        counts = [cell.execution_count for cell in code_cells(notebook)]
        assert counts == list(range(1, len(counts) + 1))
        for cell in code_cells(notebook):
            assert bool(errors(cell)) == may_fail(cell), cell.source
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and not trains(cell):
                client.execute_cell(cell, index)
                assert bool(errors(cell)) == may_fail(cell), f"a second time: {cell.source}"


@pytest.mark.parametrize("name", ENGLISH)
def test_is_committed_with_its_outputs(name):
    """Run from top to bottom, with no failure but those that are meant, and with no path of the machine it ran on."""
    notebook = read(name)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert bool(errors(cell)) == may_fail(cell), cell.source
    assert notebook.metadata.kernelspec.name == "herbarium"


@pytest.mark.parametrize("name", LESSONS)
def test_says_what_one_will_be_able_to_do_and_ends_with_exercises(name):
    notebook = read(name)
    assert re.search(r"After this notebook you (can|know)", notebook.cells[0].source)
    headings = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "markdown" and cell.source.startswith("## Exercises")]
    assert len(headings) == 1
    solutions = [cell for cell in notebook.cells[headings[0] :] if cell.cell_type == "code"]
    assert len(solutions) >= 2
    assert all(cell.metadata.get("jupyter", {}).get("source_hidden") for cell in solutions), "solutions are folded"


def shown_text(notebook):
    """All that the code cells show as text."""
    found = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            found.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(found)


#: A result as a text quotes it: 0.87, or 87 %.
NUMBER = re.compile(r"(?<![\w.])(\d+\.\d+|\d+(?= ?%))(?![\w.]*\w)")
#: What is not prose: headings, code, links, formulas.
NOT_PROSE = re.compile(r"^#[^\n]*|```.*?```|`[^`]*`|\]\([^)]*\)|\$[^$]*\$", re.S | re.M)


def is_shown(number, text):
    """Whether `text` has a number that rounds to this one; for a percentage, the share."""
    if "." in number:
        digits = len(number.split(".")[1])
        return any(f"{float(found):.{digits}f}" == number for found in re.findall(r"\d+\.\d+", text))
    shares = [float(found) for found in re.findall(r"\d*\.\d+", text)]
    return any(round(100 * share) == int(number) for share in shares) or re.search(rf"(?<!\d){number} ?%", text)


@pytest.mark.parametrize("name", ENGLISH)
def test_each_number_that_a_text_names_stands_in_the_outputs(name):
    """A rerun that changes a result fails here until the text says the new one. Constants and figures from elsewhere are
    listed in the cell's metadata, under `facts`."""
    notebook = read(name)
    shown = shown_text(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            facts = cell.metadata.get("facts", [])
            for number in NUMBER.findall(NOT_PROSE.sub(" ", cell.source)):
                assert number in facts or is_shown(number, shown), f"{number} is not shown: {cell.source}"


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_chinese_edition_has_the_same_code_and_text_outputs(name):
    def without_comments(cell):
        return [re.sub(r"\s*(^|\s)///? .*$", "", line) for line in cell.source.splitlines()]

    english, chinese = read(name), read(f"{name}_zh")
    assert [cell.cell_type for cell in english.cells] == [cell.cell_type for cell in chinese.cells]
    for ours, theirs in zip(code_cells(english), code_cells(chinese)):
        assert without_comments(ours) == without_comments(theirs)
        assert ours.execution_count == theirs.execution_count
        assert theirs.outputs == without_pictures(ours.outputs), "run tests/rerun_notebooks.py"
    for cell in chinese.cells:
        if cell.cell_type == "markdown":
            assert re.search(r"[一-鿿]", cell.source), cell.source


def test_flowers_leads_to_the_others():
    (last,) = [cell.source for cell in read("flowers").cells if "## IV. Where to go next" in cell.source]
    for name in LESSONS:
        assert f"({name}.ipynb)" in last, name
