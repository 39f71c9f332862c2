"""The tutorial's notebook, run through a real Jupyter client on the drawn flowers with few epochs."""

import base64
import copy
import io
import os
import pathlib
import re

import nbclient
import nbformat
import numpy
import PIL.Image
import pytest

from notebook_summary import accuracies

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "flowers.ipynb"


def texts(cell):
    """All that a cell shows as text."""
    found = []
    for output in cell.outputs:
        found.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "".join(found)


def pictures(cell):
    """The cell's pictures, decoded."""
    forms = [output.get("data", {}) for output in cell.outputs]
    data = [form[mime] for form in forms for mime in ("image/png", "image/jpeg") if mime in form]
    return [PIL.Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB") for picture in data]


def find(notebook, what):
    """The one code cell whose source has `what` in it."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and what in cell.source]
    return cell


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def executed(folder):
    """The notebook after a run with 2 + 1 epochs; then two of its cells once more, as a learner would."""
    environment = pytest.MonkeyPatch()
    environment.setenv("HERBARIUM_EPOCHS", "2,1")
    environment.delenv("HERBARIUM_DATA", raising=False)
    environment.setenv("HERBARIUM_WEIGHTS", str(folder))
    environment.setenv("HERBARIUM_OFFLINE", "1")
    # Another file's kernel trains at the same time, and the threads of both would wait for each other.
    environment.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, kernel_name="herbarium", timeout=600, startup_timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        first = copy.deepcopy(notebook)
        first.metadata["again"] = []
        # Every cell but those that train a second time, from the last to the first.
        for index, cell in reversed(list(enumerate(notebook.cells))):
            if cell.cell_type == "code" and "train_model(" not in cell.source:
                first.metadata["again"].append(client.execute_cell(cell, index))
    environment.undo()
    return first


def test_every_step_of_the_tutorial_is_there(executed):
    headings = re.findall(r"^#+ (.*)$", "\n".join(cell.source for cell in executed.cells if cell.cell_type == "markdown"), re.M)
    for step in ["I. The task", "II. Step by step", "(1) The pictures", "2.1 Where", "2.2 Preparing", "2.3 The names", "(2) The network",
                 "5. Optimizer", "6. The training loop", "(3) Training", "1. First phase", "2. Second phase", "(4) Testing",
                 "3. Take the most probable", "(5) The predictions", "III. Looking back"]:
        assert any(heading.startswith(step) for heading in headings), step


def test_every_block_of_the_tutorial_has_its_cell():
    """docs/tutorial.md names a piece of code for each; it stands in one of the notebook's code cells."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    rows = [line for line in (ROOT / "docs" / "tutorial.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 30
    for row in rows:
        piece = re.search(r"`([^`]+)`[^`]*\|$", row).group(1)
        assert any(piece in source for source in cells), row


def test_the_loop_by_hand_gives_the_numbers_of_train_model(executed):
    """The same seed, the same first epoch: losses within 1e-4, since layers may be computed in another order."""
    def first_epoch(what):
        lines = re.findall(r"^(train|valid) Loss: (\d+\.\d+) Acc: (\d+\.\d+)$", texts(find(executed, what)), re.M)[:2]
        assert [phase for phase, _, _ in lines] == ["train", "valid"]
        return [(float(loss), float(accuracy)) for _, loss, accuracy in lines]

    by_hand, by_crate = first_epoch("train_by_hand(&mut"), first_epoch("let frozen_history = train_model(")
    for ours, theirs in zip(by_hand, by_crate):
        assert ours == pytest.approx(theirs, abs=1.1e-4)


def test_no_cell_fails_and_counts_run_from_one(executed):
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


def test_what_python_prints_is_printed(executed):
    shown = texts(find(executed, "image_datasets = "))
    assert "Dataset ImageFolder" in shown and "Number of datapoints: 480" in shown and "Number of datapoints: 120" in shown
    assert "RandomRotation(degrees=[-45.0, 45.0], interpolation=nearest, expand=False, fill=0)" in shown
    classes = re.findall(r"\w+", texts([cell for cell in executed.cells if cell.source == "class_names"][0]))
    assert classes == sorted(map(str, range(1, 13)))
    network = texts([cell for cell in executed.cells if cell.source == "model_ft"][0])
    assert network.startswith("ResNet(\n  (conv1): Conv2d(3, 64, kernel_size=(7, 7)")
    assert "(fc): Linear(in_features=512, out_features=12, bias=True)" in network
    assert re.search(r"Params to learn:\n\s+fc.weight\n\s+fc.bias", texts(find(executed, "params_to_learn()")))


def test_training_prints_the_tutorials_lines(executed):
    for what, epochs in [("epochs.frozen, checkpoint", 2), ("best_acc: checkpoint.best_acc", 1)]:
        shown = texts(find(executed, what))
        assert [f"Epoch {epoch}/{epochs - 1}" in shown for epoch in range(epochs)] == [True] * epochs
        assert len(re.findall(r"^(?:train|valid) Loss: \d+\.\d{4} Acc: [01]\.\d{4}$", shown, re.M)) == 2 * epochs
        assert re.search(r"^Best val Acc: [01]\.\d+", shown, re.M)
    assert len(accuracies(executed)) == 2


def test_pictures_are_pictures(executed):
    shown = [picture for cell in executed.cells if cell.cell_type == "code" for picture in pictures(cell)]
    assert len(shown) >= 5
    for picture in shown:
        pixels = numpy.asarray(picture)
        assert pixels.std() > 5, "a picture of one colour"


def test_the_grid_has_titles_in_green_and_red(executed, folder):
    cell = find(executed, "prediction_grid(")
    (grid,) = pictures(cell)
    said = texts(cell)
    pixels = numpy.asarray(grid).astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    strong_green = ((green > red + 70) & (green > blue + 70)).any()
    strong_red = ((red > green + 90) & (red > blue + 90)).any()
    assert strong_green or strong_red
    assert grid.width >= 800, said


def test_the_checkpoints_are_beside_the_notebook(executed, folder):
    # The second phase writes its own only if it beats the first, which one epoch need not do.
    assert {"best.safetensors", "best_corrected.safetensors"} <= set(os.listdir(folder))
    assert not [name for name in os.listdir(folder) if name.startswith(".") and "best" in name]


def test_cells_run_again_in_any_order(executed):
    again = executed.metadata["again"]
    assert len(again) > 15
    assert not [output for cell in again for output in cell.outputs if output.output_type == "error"]
    assert len(pictures(find_in(again, "prediction_grid("))) == 1


def find_in(cells, what):
    (cell,) = [cell for cell in cells if what in cell.source]
    return cell
