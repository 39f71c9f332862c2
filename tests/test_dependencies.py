"""`:dep` next to the crate: what comes with the kernel costs nothing, the rest is built separately, once for all kernels."""

import pathlib
import uuid

import pytest
from test_crate_in_cells import Notebook, text_of

PLOTTERS = ':dep plotters = { version = "^0.3.0", default-features = false, features = ["evcxr", "all_series"] }'


def make_crate(folder, name, dependencies, source):
    (folder / name / "src").mkdir(parents=True)
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{dependencies}\n'
    (folder / name / "Cargo.toml").write_text(manifest)
    (folder / name / "src" / "lib.rs").write_text(source)
    return f':dep {name} = {{ path = "{folder / name}" }}\n'


@pytest.fixture
def started(tmp_path):
    running = []

    def start():
        running.append(Notebook(tmp_path))
        return running[-1]

    yield start
    for notebook in running:
        notebook.client.stop_channels()
        notebook.manager.shutdown_kernel(now=True)


def steps(messages):
    """What a build has shown of itself."""
    shown = [each for each in messages if each["msg_type"] in ("display_data", "update_display_data")]
    return [text_of(each) for each in shown if "herbarium-build" in str(each["content"].get("transient"))]


def value(messages):
    """The value of a cell."""
    return "".join(text_of(each) for each in messages if each["msg_type"] == "execute_result")


def printed(messages):
    return "".join(text_of(each) for each in messages if each["msg_type"] == "stream")


def test_dependencies(started, tmp_path):
    notebook = started()
    # What comes with the kernel can be named in the first cell, and has the crate's own types.
    notebook.text(
        "use image::RgbImage;\nlet small: image::RgbImage = RgbImage::new(2, 1);\n"
        'let found: serde_json::Value = serde_json::json!({"a": [1, 2]});\n'
        "#[derive(serde::Serialize, serde::Deserialize, Debug)] struct Flower { petals: u32 }\n"
        "let scale = tch::Tensor::from_slice(&[1f32]);\n"
        'let held: torch_file::Value = weights::torch_file::described(&scale)?;'
    )
    assert notebook.text("small.width()") == "2"
    assert notebook.text("held") == "tensor (1,) float32"
    assert notebook.text("serde_json::to_string(&Flower { petals: 5 })?") == '"{\\"petals\\":5}"'
    assert notebook.text("use plotters::prelude::*;\nlet red = plotters::style::RED;\n(red.0, &found[\"a\"][1])") == "(255, Number(2))"

    # Their lines cost nothing, and say what is there.
    for line in [PLOTTERS, ':dep image = "0.25"', ":dep serde_json", ':dep tch = "0.26"', ':dep torch-file = "0.1"']:
        messages, reply = notebook.run(line)
        assert reply["status"] == "ok" and not steps(messages), (line, messages)
        said = "".join(map(text_of, messages))
        assert f"{line.split()[1]} " in said and "comes with the kernel" in said, said
    assert "avif" in notebook.text(':dep image = "0.25"'), "a default feature that is not there is named"
    own = pathlib.Path(__file__).resolve().parent.parent / "crates" / "torch-file"
    for line in [f":dep {own}", f':dep torch-file = {{ path = "{own}" }}', ':dep torch-file = "7"']:
        assert "torch-file 0.1.0 comes with the kernel" in notebook.error(line), line
    assert "feature `roses`" in notebook.error(':dep image = { version = "0.25", features = ["roses"] }')

    # A crate that uses one of them takes and gives the crate's own types, and the crate stays as it is.
    uses = 'image = { version = "0.25", default-features = false, features = ["png"] }'
    source = "pub fn grow(from: &image::RgbImage) -> image::RgbImage { image::RgbImage::new(from.width() * 2, 1) }"
    grower = make_crate(tmp_path, "grower", uses, source)
    messages, reply = notebook.run(grower + "let grown: image::RgbImage = grower::grow(&small);\ngrown.width()")
    assert reply["status"] == "ok" and "4" in "".join(map(text_of, messages)), reply
    compiled = [step for step in steps(messages) if "Compiling" in step]
    assert [step for step in compiled if "grower" in step] and not [step for step in compiled if "image" in step]
    assert "[2]" in notebook.text("Tensor::zeros([2], (Kind::Float, Device::Cpu)).size()")

    # What does not build says why, and costs nothing.
    broken = make_crate(tmp_path, "weed", "", 'pub fn petals() -> u32 { "three" }')
    assert "mismatched types" in notebook.error(broken + "weed::petals()")
    assert "no-such-crate-anywhere" in notebook.error(':dep no-such-crate-anywhere = "1"')
    assert "not a dependency" in notebook.error(":dep rand = 1")
    assert notebook.text("(small.width(), grown.width())") == "(2, 4)"
    assert "comes with the kernel" in notebook.text(":show_deps") and "grower = " in notebook.text(":show_deps")

    # The compiler's help names nothing that is only below what cells can name.
    for wrong in ['Tensor::try_from("a")?', 'Tensor::try_from(vec!["a"])?']:
        said = notebook.error(wrong)
        assert "not" in said and "ndarray::" not in said and "half::" not in said, said


def test_the_stop_button_ends_a_build(started, tmp_path):
    notebook = started()
    notebook.text("let kept = 1u32;")
    slow = make_crate(tmp_path, "slow", "", "pub fn grown() -> u32 { 7 }")
    (tmp_path / "slow" / "build.rs").write_text("fn main() { std::thread::sleep(std::time::Duration::from_secs(600)); }")
    stopped = []

    def stop(message):
        if not stopped and "Compiling slow" in text_of(message):
            notebook.manager.interrupt_kernel()
            stopped.append(message)

    messages, reply = notebook.run(slow + "slow::grown()", during=stop)
    assert stopped and reply["status"] == "error" and reply["ename"] == "Interrupt", reply
    (tmp_path / "slow" / "build.rs").unlink()
    messages, reply = notebook.run(slow + "slow::grown() + kept")
    assert value(messages) == "8", messages


def test_a_second_kernel_finds_what_the_first_has_built(started, monkeypatch):
    # A set of lines that no other run has asked for.
    line = f':dep dtoa_{uuid.uuid4().hex[:8]} = {{ package = "dtoa", version = "1" }}'
    name = line.split()[1]
    use = f"let mut digits = {name}::Buffer::new();\ndigits.format(1.25).len()"
    first = started()
    messages, reply = first.run(f"{line}\n{use}")
    assert reply["status"] == "ok"
    assert steps(messages)[0].startswith("Resolving") and steps(messages)[-1].startswith("Built in")
    # It needs no network for it, and without one has what was fetched before.
    monkeypatch.setenv("CARGO_HTTP_PROXY", "127.0.0.1:9")
    second = started()
    messages, reply = second.run(f"{line}\n{use}")
    assert reply["status"] == "ok" and not steps(messages), messages
    assert value(messages) == "4"
    other = line.replace('"1"', '"1.0"')
    messages, reply = second.run(f"{other}\n1")
    assert value(messages) == "1" and "was fetched before" in printed(messages), messages
    assert "cannot be reached" in second.error(':dep never-fetched-crate = "1"')


def test_two_versions_of_one_crate_are_said_before_anything_is_built(started):
    first = started()
    # Two versions of one crate are said before anything is built, with a way that works.
    clash = first.error(':dep serde_json = "0.9"')
    assert "serde_json 1." in clash
    advice = clash.split("`")[-2]
    messages, _ = first.run(f"{advice}\nserde_json_0_9::to_string(&vec![1])?")
    assert value(messages) == '"[1]"', messages
    # What that uses is another serde, which is said before it is built.
    texts = list(map(text_of, messages))
    said = next(place for place, text in enumerate(texts) if "serde 0.9" in text and "different" in text)
    assert not [text for text in texts[:said] if "Compiling" in text], texts
    assert first.text("serde_json::json!([1]).to_string()") == '"[1]"', "the kernel's own is what it was"
