"""The tutorial in JupyterLab in a real browser: run from the menu, watched while it trains, stopped by the button."""

import os
import pathlib
import re
import shutil

import pytest
from lab import NOTEBOOK, Lab, Server, By, Keys, pictures_of, text_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "out"


PICTURE = "panel.content.widgets[arguments[0]].node.querySelector('.jp-OutputArea-output img')"
# Green and red pixels of a picture in the rows of its titles: those that are mostly the background's white.
COLOURS = f"""const img = {PICTURE}, canvas = document.createElement('canvas');
canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
const context = canvas.getContext('2d'); context.drawImage(img, 0, 0);
const data = context.getImageData(0, 0, canvas.width, canvas.height).data; let green = 0, red = 0;
for (let y = 0; y < canvas.height; y++) {{
    let white = 0, g = 0, r = 0;
    for (let x = 0; x < canvas.width; x++) {{
        const i = 4 * (y * canvas.width + x), [R, G, B] = [data[i], data[i + 1], data[i + 2]];
        white += R > 250 && G > 250 && B > 250; g += G > R + 60 && G > B + 60; r += R > G + 90 && R > B + 90;
    }}
    if (white > canvas.width * 0.6) {{ green += g; red += r; }}
}}
return [green, red];"""


def colours_of_titles(lab, index):
    return lab.js(NOTEBOOK + COLOURS, index)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "flowers.ipynb", folder / "notebooks")
    OUT.mkdir(exist_ok=True)
    # The drawn flowers, no pretrained weights, few epochs; unless somebody wants a picture of something else.
    defaults = {"HERBARIUM_EPOCHS": "4,1", "HERBARIUM_WEIGHTS": str(folder), "HERBARIUM_OFFLINE": "1"}
    server = Server(folder, {name: value for name, value in defaults.items() if name not in os.environ})
    try:
        lab = Lab(server, "notebooks/flowers.ipynb", tmp_path_factory.mktemp("profile"))
        try:
            yield lab
        finally:
            lab.stop()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def executed(lab):
    """All cells, run from the menu; and what the first training's cell showed on the way."""
    training = next(cell["index"] for cell in lab.cells() if "epochs.frozen, checkpoint" in cell["source"])
    lab.js(NOTEBOOK + "window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    seen = {"texts": [], "pictures": []}

    def watch():
        outputs = lab.outputs(training)
        texts = "".join(text_of(output) for output in outputs)
        pictures = [picture for output in outputs for picture in pictures_of(output)]
        running = lab.js(NOTEBOOK + "return panel.content.widgets[arguments[0]].model.executionState", training) == "running"
        for key, value in (("texts", texts), ("pictures", pictures)):
            if running and value and (not seen[key] or seen[key][-1] != value):
                seen[key].append(value)

    last = lab.cells()[-1]["index"]
    lab.menu("Run", "runmenu:run-all")
    lab.wait(lambda: lab.status() == "busy", 60, "the run to begin")
    lab.wait(lambda: watch() or lab.js(NOTEBOOK + "return panel.content.widgets[arguments[0]].model.executionCount", last), 1200, "the last cell")
    lab.until_idle(120)
    return seen


def test_every_cell_ran_and_none_failed(lab, executed):
    cells = [cell for cell in lab.cells() if cell["source"].strip()]
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
    failed = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert not failed, failed


def test_the_display_moved_while_it_trained(lab, executed):
    assert len(executed["texts"]) >= 3, "the progress did not move"
    assert len(executed["pictures"]) >= 2, "the curves did not move"
    # And they are in the page, drawn, not only in its data.
    index = lab.cell("epochs.frozen, checkpoint")["index"]
    lab.show(index)
    drawn = "[...panel.content.widgets[arguments[0]].node.querySelectorAll('.jp-OutputArea-output :is(svg, img)')]"
    lab.wait(lambda: lab.js(NOTEBOOK + f"return {drawn}.some(each => each.getBoundingClientRect().width > 200)", index), 30, "the curves")
    lab.driver.save_screenshot(str(OUT / "browser_training.png"))


def test_the_grid_is_in_the_page_with_green_and_red_titles(lab, executed):
    index = lab.cell("prediction_grid(")["index"]
    lab.show(index)
    lab.wait(lambda: lab.js(NOTEBOOK + f"const img = {PICTURE}; return img?.complete && img.naturalWidth >= 800", index), 60, "the grid's picture")
    green, red = colours_of_titles(lab, index)
    said = "".join(text_of(output) for output in lab.outputs(index))
    right, shown = map(int, re.search(r"(\d+) of (\d+) predictions are right", said).groups())
    assert shown == 8
    assert (green > 20) == (right > 0), (green, said)
    assert (red > 20) == (right < shown), (red, said)
    image = lab.js(NOTEBOOK + f"const img = {PICTURE}; img.scrollIntoView({{block: 'center'}}); return img", index)
    image.screenshot(str(OUT / "browser_grid.png"))
    assert (OUT / "browser_grid.png").stat().st_size > 20_000


def test_right_is_green_and_wrong_is_red(lab, executed):
    """However little the few epochs have taught: with half of the true names taken from the predictions."""
    lab.run(
        "let mut half = dataloaders.valid.batch(0)?;\n"
        "let guessed = model_ft.forward(&half.images)?.argmax(1, false);\n"
        "half.labels = (&guessed + 1).remainder(class_names.len() as i64);\n"
        "half.labels.narrow(0, 0, 4).copy_(&guessed.narrow(0, 0, 4));\n"
        "let half_preds = model_ft.predict(&half.images)?;"
    )
    said = lab.run("prediction_grid(&half, &half_preds, &class_names, &cat_to_name, Grid { rows: 2, columns: 4 })?")
    assert "4 of 8 predictions are right" in said, said
    index = lab.cell("prediction_grid(&half, ")["index"]
    lab.show(index)
    lab.wait(lambda: lab.js(NOTEBOOK + f"const img = {PICTURE}; return img?.complete && img.naturalWidth >= 800", index), 60, "the picture")
    green, red = colours_of_titles(lab, index)
    assert green > 100 and red > 100, (green, red)


def test_tab_completes(lab, executed):
    lab.new_cell("class_names.is_em")
    lab.keys(Keys.TAB)
    # A single completion is inserted at once, several are offered.
    def completed():
        offered = "".join(each.text for each in lab.driver.find_elements(By.CSS_SELECTOR, ".jp-Completer"))
        source = lab.js(NOTEBOOK + "return panel.content.activeCell.model.sharedModel.source")
        return "is_empty" in offered or source == "class_names.is_empty"

    lab.wait(completed, 60, "is_empty to be completed")
    lab.keys(Keys.ESCAPE)
    lab.new_cell("model_ft.params_")
    lab.keys(Keys.TAB)
    lab.wait(lambda: "params_to_learn" in lab.js(NOTEBOOK + "return panel.content.activeCell.model.sharedModel.source")
             or "params_to_learn" in lab.driver.find_element(By.CSS_SELECTOR, ".jp-Completer").text, 60, "params_to_learn")
    lab.keys(Keys.ESCAPE)


def test_several_completions_open_the_box(lab, executed):
    lab.new_cell("data_dir.is_")
    lab.keys(Keys.TAB)
    lab.wait(lambda: "is_dir" in lab.driver.find_element(By.CSS_SELECTOR, ".jp-Completer").text, 60, "the completer's box")
    lab.keys(Keys.ESCAPE)


def test_the_tooltip_opens(lab, executed):
    lab.new_cell("prediction_grid(")
    lab.keys(Keys.TAB, shift=True)
    lab.wait(lambda: "prediction_grid" in lab.driver.find_element(By.CSS_SELECTOR, ".jp-Tooltip").text, 60, "the tooltip")
    lab.keys(Keys.ESCAPE)


def test_the_stop_button_ends_training_and_keeps_the_variables(lab, executed):
    assert "12" in lab.run("let kept = class_names.len();\nkept")
    training = lab.new_cell(
        "let mut long_optimizer = Adam::new(model_ft.trainable_parameters(), 1e-3);\n"
        "let mut long_scheduler = StepLr::new(&long_optimizer, 10, 0.1);\n"
        "let history = train_model(&mut model_ft, &dataloaders, &criterion, &mut long_optimizer, &mut long_scheduler,\n"
        '    TrainOptions { num_epochs: 500, checkpoint: "stopped.safetensors".into(), ..Default::default() })?;'
    )
    lab.keys(Keys.ENTER, shift=True)
    lab.wait(lambda: any(text_of(output).strip() for output in lab.outputs(training)), 120, "the training to say something")
    assert lab.status() == "busy", lab.outputs(training)
    lab.click("[data-command='notebook:interrupt-kernel']")
    lab.until_idle(60)
    assert not [output for output in lab.outputs(training) if output["output_type"] == "error"]
    assert "true" in lab.run("history.interrupted")
    assert "12" in lab.run("kept")
    assert "12" in lab.run("model_ft.forward(&dataloaders.valid.batch(0)?.images)?.size()")
