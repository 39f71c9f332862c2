"""What a cell can do with the crate's functions and the packages that come with it: name, keep, show, draw.

The list of functions is read from the sources: one that returns something no example returns needs an example here.
"""

import base64
import pathlib
import re

import pytest
from test_crate_in_cells import Notebook, text_of

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = ROOT / "src"
# What the crate re-exports of another of the checkout.
NOTEBOOK = ROOT / "crates/herbarium-notebook/src"

# Two kinds of 32 pixels, four pictures each, and what is learned from them.
PREPARED = """
for split in ["train", "valid"] { for (label, colour) in [("1", [220, 40, 40]), ("2", [40, 40, 220])] { for number in 0..4u8 {
    let folder = format!("pictures/{split}/{label}");
    std::fs::create_dir_all(&folder)?;
    let at = |x: u32, y: u32| image::Rgb([colour[0], (8 * (x % 16) as u8).wrapping_add(number), colour[2] ^ (y as u8)]);
    image::RgbImage::from_fn(32, 32, at).save(format!("{folder}/{number}.png"))?;
} } }
std::fs::write("cat_to_name.json", r#"{"1": "rose", "2": "cornflower"}"#)?;
let cat_to_name = CategoryNames::from_json("cat_to_name.json")?;
fn steps() -> Compose { Compose::new(vec![to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]) }
let sets = ImageFolder::splits("pictures", &Splits { train: steps(), valid: steps() })?;
let names = sets.train.classes();
let loaders = sets.loaders(LoaderOptions { batch_size: 4, ..Default::default() });
let mut model = initialize_model("resnet18", 2, Pretrained::No, Device::Cpu)?;
let mut optimizer = Adam::new(model.trainable_parameters(), 1e-4);
let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
let criterion = CrossEntropyLoss::default();
let picture = "pictures/train/1/0.png";
let batch = loaders.valid.batch(0)?;
"""

# The functions' values, each bound by a `let` without a type.
EXAMPLES = {
    "get_model": 'models::get_model("squeezenet1_1", 3, Device::Cpu)?',
    "im_convert": "im_convert(&batch.images.get(0))?",
    "picture_grid": "viz::picture_grid(vec![viz::Panel::from(read_image(picture)?).title(\"rose\")], Grid::default())?",
    "plot_network": "plot_network(&model, [1, 3, 32, 32])?",
    "plot_means": 'plot_means(&[Measurement::new("g", "a", &[0.1, 0.2])], viz::MeansOptions::default())?',
    "plot_trade_off": 'viz::plot_trade_off(&[viz::TradeOff::new("a", 1.0, 0.5)], "seconds", "accuracy")?',
    "resize": "resize([32, 32])",
    "random_choice": "transforms::random_choice(vec![transforms::grayscale(), transforms::random_invert(0.5)])",
    "seed": "seed(3)",
    "clip_grad_norm": "train::clip_grad_norm(&model.trainable_parameters(), 1.0)?",
    "mixup": "train::mixup(&batch.images, 0.7)?",
    "compare": 'compare(&[("first", &v_train_model)])',
    "read_image": "read_image(picture)?",
    "decode_image": "data::decode_image(&std::fs::read(picture)?, data::ReadOptions::default())?",
    "describe": "notebook::describe(&batch.images)",
    "display": 'display("shown")',
    "draw_flowers": None,  # as data::flowers, which the other tests paint; a bool
    "download": None,  # needs a network; Downloaded is a struct of this crate
    "evaluate": "evaluate(&model, &loaders.valid, &criterion)?",
    "predict_all": "predict_all(&model, &loaders.valid)?",
    "find": 'weights::find("no such network")',
    "train_model": "train_model(&mut model, &loaders, &criterion, &mut optimizer, &mut scheduler, "
    "TrainOptions { num_epochs: 1, verbose: false, ..Default::default() })?",
    "flowers102": None,  # needs a network; PathBuf, as search_folders gives several of
    "grad_cam": "viz::grad_cam(&model, &batch.images.get(0), viz::GradCamOptions::default())?",
    "imagenet_classes": "weights::imagenet_classes()",
    "save": 'weights::save("own.safetensors", &model.state_dict())?',
    "interrupted": "interrupted()",
    "known_models": "models::known_models()",
    "list": "weights::list()",
    "load": 'weights::load("own.safetensors")?',
    "load_safetensors": 'weights::load_safetensors("own.safetensors")?',
    "lr_find": "lr_find(&mut model, &loaders.train, &criterion, &mut optimizer, "
    "train::LrFindOptions { num_it: 12, ..Default::default() })?",
    "most_confused": "viz::most_confused(&v_predict_all, &names, &cat_to_name, 1)?",
    "named": 'weights::named("resnet18")?',
    "num_epochs": "num_epochs(2, 1)?",
    "pca": "viz::pca(&batch.images.flatten(1, -1), 2)?",
    "search_folders": "weights::search_folders()",
}
# Whose values others are made of come first.
FIRST = ["train_model", "predict_all", "save"]


def exported(text):
    """The names that a module's file gives to the outside."""
    names = set(re.findall(r"^pub fn (\w+)", text, re.M))
    for body in re.findall(r"^pub use ([^;]+);", re.sub(r"//.*", "", text), re.M):
        inner = re.search(r"\{(.*)\}", body, re.S)
        parts = inner.group(1).split(",") if inner else [body]
        names |= {part.strip().split("::")[-1] for part in parts}
    return names


def functions():
    """The public functions of the prelude and of the modules that it names, each with the types it may return."""
    returned = {}
    for file in [*SOURCES.rglob("*.rs"), *NOTEBOOK.rglob("*.rs")]:
        for name, rest in re.findall(r"^pub fn (\w+)([^{]*?)\s*(?:where[^{]*)?\{", file.read_text(), re.M):
            returned.setdefault(name, set()).add(rest.split("->")[-1].strip() if "->" in rest else "()")
    names = exported((SOURCES / "prelude.rs").read_text())
    for module in ["data", "models", "notebook", "train", "transforms", "viz", "weights"]:
        assert module in names or f"self, " in (SOURCES / "prelude.rs").read_text()
        names |= exported((SOURCES / module / "mod.rs").read_text())
    return {name: returned[name] for name in names if name in returned}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    running = Notebook(tmp_path_factory.mktemp("api"))
    yield running
    running.client.stop_channels()
    running.manager.shutdown_kernel(now=True)


def succeed(notebook, code):
    """The messages of a cell that succeeds."""
    messages, reply = notebook.run(code)
    assert reply["status"] == "ok", f"{code}\n{reply.get('evalue')}\n" + "\n".join(reply.get("traceback", []))
    return messages


def data_of(messages):
    """The bundles that a cell showed, in their order."""
    return [message["content"]["data"] for message in messages if "data" in message["content"]]


def test_every_function_has_an_example_of_what_it_returns():
    known = functions()
    assert len(known) > 100, sorted(known)
    covered = set().union(*(known[name] for name in EXAMPLES))
    # What nothing is shown of.
    covered |= {"()"}
    missing = {name: kinds for name, kinds in known.items() if not kinds <= covered}
    # Two functions have one name where each module has its own; the other's values are shown by its example.
    missing = {name: kinds - covered for name, kinds in missing.items() if name not in EXAMPLES}
    assert not missing, f"add an example for {missing}"


def test_what_functions_return_is_kept_and_shown(notebook):
    succeed(notebook, PREPARED)
    examples = {name: code for name, code in EXAMPLES.items() if code}
    for name in FIRST:
        succeed(notebook, f"let v_{name} = {examples.pop(name)};")
    # A bound value, and none that the next cell has lost.
    succeed(notebook, "\n".join(f"let v_{name} = {code};" for name, code in examples.items()))
    shown = data_of(succeed(notebook, "\n".join(f"(v_{name}).evcxr_display();" for name in [*examples, *FIRST])))
    # `()` shows nothing: seed and save; a display's handle neither, what it is of is shown already.
    silent = {"seed", "save", "display"}
    assert len(shown) == len(examples) + len(FIRST) - len(silent), [bundle["text/plain"][:60] for bundle in shown]
    for bundle in shown:
        assert len(bundle["text/plain"]) < 25_000


def test_pictures_show_as_pictures(notebook):
    succeed(notebook, 'image::RgbImage::from_pixel(64, 48, image::Rgb([9, 99, 9])).save("leaf.png")?;\nlet leaf = read_image("leaf.png")?;')
    succeed(notebook, "let dynamic = image::DynamicImage::from(leaf.clone());\nlet grey = dynamic.to_luma8();")
    for value in ["leaf", "&leaf", "dynamic", "grey", 'read_image("leaf.png")']:
        (bundle,) = data_of(succeed(notebook, value))
        assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG") and "64 x 48" in bundle["text/plain"]
    assert "nowhere.png" in notebook.error('read_image("nowhere.png")')
    messages = succeed(notebook, "display(&leaf);")
    assert "image/png" in data_of(messages)[0]
    assert "64" in notebook.text("leaf.dimensions()")


# The kinds of charts of plotters' own tutorial for notebooks: shapes, text, areas in areas, lines with a legend, points,
# bars, and points with their distributions beside them.
TUTORIAL = [
    "evcxr_figure((300, 10), |root| {\n    root.fill(&BLUE)?;\n    Ok(())\n})",
    'evcxr_figure((320, 50), |root| {\n    root.fill(&GREEN)?;\n'
    '    root.draw(&Text::new("Roses from plotters", (15, 15), ("Arial", 20).into_font()))?;\n    Ok(())\n})',
    """fn carpet(depth: u32, area: DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<(), Box<dyn std::error::Error>> {
    for (number, part) in area.split_evenly((3, 3)).into_iter().enumerate() {
        if number == 4 { part.fill(&WHITE)?; } else if depth > 0 { carpet(depth - 1, part)?; }
    }
    Ok(())
}
evcxr_figure((270, 270), |root| { root.fill(&BLACK)?; carpet(2, root) }).style("width: 200px")""",
    """let areas = evcxr_figure((400, 200), |root| {
    let root = root.titled("Two areas", ("sans-serif", 16).into_font())?;
    for (area, colour) in root.split_evenly((1, 2)).iter().zip([&RED, &CYAN]) { area.fill(colour)?; }
    Ok(())
});
areas""",
    """evcxr_figure((640, 480), |root| {
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("sine and cosine", ("Arial", 30).into_font())
        .margin(8).x_label_area_size(40).y_label_area_size(40)
        .build_cartesian_2d(-3.2f32..3.2f32, -1.1f32..1.1f32)?;
    chart.configure_mesh().x_desc("x").y_desc("y").draw()?;
    chart.draw_series(LineSeries::new((-32..=32).map(|x| x as f32 / 10.0).map(|x| (x, x.sin())), &RED))?
        .label("sine").legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], &RED));
    chart.draw_series(PointSeries::of_element((-16..=16).map(|x| x as f32 / 5.0).map(|x| (x, x.cos())), 3, &BLUE,
        &|at, size, style| EmptyElement::at(at) + Circle::new((0, 0), size, style.filled())))?.label("cosine");
    chart.configure_series_labels().background_style(&WHITE.mix(0.8)).border_style(&BLACK).draw()?;
    Ok(())
}).style("width: 60%")""",
    """evcxr_figure((640, 480), |root| {
    let mut chart = ChartBuilder::on(&root).x_label_area_size(40).y_label_area_size(40)
        .build_cartesian_2d((0u32..10u32).into_segmented(), 0u32..10u32)?;
    chart.configure_mesh().disable_x_mesh().draw()?;
    let counts = [0u32, 1, 1, 1, 4, 2, 5, 7, 8, 6, 4, 2, 1, 8, 3, 3, 3, 4, 4, 3, 3, 3];
    chart.draw_series(Histogram::vertical(&chart).style(RED.mix(0.5).filled()).data(counts.iter().map(|count| (*count, 1))))?;
    chart.draw_series([ErrorBar::new_vertical(SegmentValue::CenterOf(5u32), 2, 4, 6, BLUE.filled(), 10)])?;
    Ok(())
})""",
    """let points: Vec<(f64, f64)> = (0..200u32).map(|i| (f64::from(i * 37 % 101) / 101.0, f64::from(i * i * 17 % 103) / 103.0)).collect();
evcxr_figure((640, 480), |root| {
    let root = root.titled("Points and their distributions", ("Arial", 20).into_font())?;
    let areas = root.split_by_breakpoints([560], [80]);
    let mut above = ChartBuilder::on(&areas[0]).y_label_area_size(40).build_cartesian_2d(0u32..20u32, 0f64..0.5f64)?;
    let mut beside = ChartBuilder::on(&areas[3]).x_label_area_size(40).build_cartesian_2d(0f64..0.5f64, 0u32..20u32)?;
    let mut chart = ChartBuilder::on(&areas[2]).x_label_area_size(40).y_label_area_size(40).build_cartesian_2d(0f64..1f64, 0f64..1f64)?;
    chart.configure_mesh().disable_x_mesh().disable_y_mesh().draw()?;
    chart.draw_series(points.iter().map(|(x, y)| Circle::new((*x, *y), 3, GREEN.filled())))?;
    let across = Histogram::vertical(&above).style(RED.filled()).margin(0).data(points.iter().map(|(x, _)| ((x * 20.0) as u32, 0.01)));
    above.draw_series(across)?;
    let up = Histogram::horizontal(&beside).style(GREEN.filled()).margin(0).data(points.iter().map(|(_, y)| ((y * 20.0) as u32, 0.01)));
    beside.draw_series(up)?;
    Ok(())
})""",
]


def test_plotters_tutorial_for_notebooks(notebook):
    succeed(notebook, "use plotters::prelude::*;")
    for cell in TUTORIAL:
        bundle = data_of(succeed(notebook, cell))[-1]
        assert "<svg " in bundle["text/html"] and "</svg>" in bundle["text/html"]
    assert 'style="width: 60%"' in data_of(succeed(notebook, TUTORIAL[4]))[-1]["text/html"]
    # The picture is kept, and so is what it was made of.
    assert "400 x 200" in notebook.text("areas") and "200" in notebook.text("points.len()")


def test_a_learners_drawing_stands_beside_photographs(notebook):
    succeed(
        notebook,
        """let losses = vec![2.1, 1.2, 0.9, 0.8];
let drawing = Figure::draw((320, 240), |area| {
    let mut chart = ChartBuilder::on(&area).margin(8).x_label_area_size(24).y_label_area_size(32)
        .build_cartesian_2d(0..3, 0.0..2.5)?;
    chart.configure_mesh().draw()?;
    chart.draw_series(LineSeries::new((0..).zip(losses.iter().copied()), &BLUE))?;
    Ok(())
})?;
drawing.save("drawing.svg")?;""",
    )
    assert "image/png" in data_of(succeed(notebook, "drawing"))[0]
    both = 'viz::picture_grid(vec![viz::Panel::from(leaf.clone()).title("a leaf"), drawing.clone().into()], Grid { rows: 1, columns: 2 })'
    (bundle,) = data_of(succeed(notebook, both))
    assert "a leaf" in bundle["text/plain"] and "image/png" in bundle
    succeed(notebook, 'BitMapBackend::new("bitmap.png", (64, 48)).into_drawing_area().fill(&RED)?;\nlet bitmap = read_image("bitmap.png")?;')
    assert "[255, 0, 0]" in notebook.text("bitmap.get_pixel(3, 3)")


def test_what_cannot_be_drawn_fails_its_cell(notebook):
    told = notebook.error('evcxr_figure((300, 100), |root| { root.titled("x", ("Fraktur", 20))?; Ok(()) })')
    assert "register_font" in told and "Panic" not in told, told
    assert "out of paint" in notebook.error('Figure::draw((300, 100), |_| Err("out of paint".into()))')
    assert "320" in notebook.text("drawing.width()"), "variables are kept"


def test_json_is_at_hand(notebook):
    succeed(notebook, """let value: serde_json::Value = serde_json::from_str(r#"{"rose": [1, 2]}"#)?;""")
    assert "2" in notebook.text('value["rose"][1]') and text_of is not None
