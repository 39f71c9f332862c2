"""Progress that others show: cargo's of a build, and bars that write over themselves."""

import nbformat
import pytest
from conftest import KERNEL
from nbclient import NotebookClient
from test_kernel import Kernel, herbarium_run, wait_for_file, write_notebook

# A build script that takes its time: what is compiled is shown a few times a second at most.
SLOW = "fn main() { std::thread::sleep(std::time::Duration::from_millis(600)); }"


def make_crate(folder, name, dependencies, source):
    (folder / name / "src").mkdir(parents=True)
    needs = "".join(f'{other} = {{ path = "../{other}" }}\n' for other in dependencies)
    (folder / name / "Cargo.toml").write_text(
        f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n{needs}'
    )
    (folder / name / "build.rs").write_text(SLOW)
    (folder / name / "src" / "lib.rs").write_text(source)


@pytest.fixture
def garden(tmp_path):
    """Three crates, each of which needs the next, without a registry."""
    make_crate(tmp_path, "garden", ["flowerbed"], "pub fn petals() -> u32 { flowerbed::petals() + 1 }")
    make_crate(tmp_path, "flowerbed", ["bulb"], "pub fn petals() -> u32 { bulb::petals() * 2 }")
    make_crate(tmp_path, "bulb", [], "pub fn petals() -> u32 { 3 }")
    return f':dep garden = {{ path = "{tmp_path / "garden"}" }}\n'


@pytest.fixture
def kernel():
    kernel = Kernel()
    kernel.run("1")
    yield kernel
    kernel.stop()


def test_a_build_says_what_it_compiles_in_one_output(kernel, garden):
    shown = []

    def on_output(kind, content):
        if kind in ("display_data", "update_display_data"):
            shown.append((kind, content["transient"]["display_id"], content["data"]["text/plain"]))

    result = kernel.finish(kernel.start(garden + "println!(\"{}\", garden::petals());"), on_output=on_output)
    assert result.status == "ok" and result.text() == "7\n", result.outputs
    texts = [text for _, _, text in shown]
    places = [next(i for i, text in enumerate(texts) if f"Compiling {name} v0.1.0" in text) for name in ("bulb", "flowerbed", "garden")]
    assert places == sorted(places), texts
    assert [kind for kind, _, _ in shown] == ["display_data"] + ["update_display_data"] * (len(shown) - 1)
    assert len({identity for _, identity, _ in shown}) == 1
    assert texts[-1].startswith("Built in ") and places[-1] < len(texts) - 1
    # The build comes before what the cell itself shows, but for its last word.
    printed = result.kinds().index("stream")
    assert all(kind == "update_display_data" for kind in result.kinds()[printed + 1:])
    assert kernel.run("garden::petals()").plain() == ["7"], "and is not shown again"


def test_a_build_that_fails_says_why(kernel, garden, tmp_path):
    (tmp_path / "bulb" / "src" / "lib.rs").write_text("pub fn petals() -> u32 { \"three\" }")
    result = kernel.run(garden + "garden::petals()")
    assert result.status == "error" and "mismatched types" in result.shown_error(), result.outputs
    assert kernel.run("40 + 2").plain() == ["42"]


def test_a_notebook_keeps_the_end_of_a_build(garden, tmp_path):
    write_notebook(tmp_path / "in.ipynb", [garden + "garden::petals()"])
    notebook = nbformat.read(tmp_path / "in.ipynb", 4)
    NotebookClient(notebook, kernel_name=KERNEL, timeout=120).execute()
    built, value = notebook.cells[0]["outputs"]
    assert built["data"]["text/plain"].startswith("Built in ") and value["data"]["text/plain"] == "7"
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    built, value = nbformat.read(tmp_path / "out.ipynb", 4).cells[0]["outputs"]
    assert built["data"]["text/plain"].startswith("Built in ") and value["data"]["text/plain"] == "7"


# Text that goes back to the start of its line, as the bars of other crates do.

BAR = r"""use std::io::Write;
fn bar(mut to: impl Write) {
    for step in 1..=10 {
        write!(to, "\r{}{:3}%", ERASE, step * 10).unwrap();
        to.flush().unwrap();
        after(step);
    }
    writeln!(to).unwrap();
}
"""
PAUSE = "fn after(_: i32) { std::thread::sleep(std::time::Duration::from_millis(80)); }"
PLAIN, ERASE = 'const ERASE: &str = "";\n', 'const ERASE: &str = "\\x1b[2K";\n'


@pytest.mark.parametrize("stream, erase", [("stdout", PLAIN), ("stderr", PLAIN), ("stderr", ERASE)])
def test_a_bar_comes_while_it_moves(kernel, tmp_path, stream, erase):
    """Each step waits until the one before it was seen."""
    kernel.run(erase + BAR + "fn after(step: i32) { " + wait_for_file(f'format!("{tmp_path}/{{step}}")') + " }")
    pieces = []

    def see(kind, content):
        if content["name"] == stream and "%" in content["text"]:
            pieces.append(content["text"])
            (tmp_path / str(len(pieces))).touch()

    result = kernel.finish(
        kernel.start(f'println!("before");\nbar(std::io::{stream}());\nprintln!("after");'), on_output=see
    )
    assert result.status == "ok" and len(pieces) == 10
    mark = "\x1b[2K" if erase is ERASE else ""
    expected = "".join(f"\r{mark}{step * 10:3}%" for step in range(1, 11)) + "\n"
    everything = result.text(stream).replace("before\n", "").replace("after\n", "")
    assert everything == expected, "all of it, in order"
    assert result.text().startswith("before\n") and result.text().endswith("after\n")


@pytest.mark.parametrize("stream, erase", [("stdout", PLAIN), ("stderr", ERASE)])
def test_a_notebook_keeps_the_end_of_a_bar(tmp_path, stream, erase):
    write_notebook(tmp_path / "in.ipynb", [erase + BAR + PAUSE, f"bar(std::io::{stream}());"])
    # What the kernel's own runner writes.
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    # What a client writes that joins streams; how it does is its own affair, the kernel gives it what it needs.
    joined = nbformat.read(tmp_path / "in.ipynb", 4)
    NotebookClient(joined, kernel_name=KERNEL, timeout=120, coalesce_streams=True).execute()
    for notebook in (nbformat.read(tmp_path / "out.ipynb", 4), joined):
        (text,) = notebook.cells[1]["outputs"]
        assert text["name"] == stream and text["text"].replace("\x1b[2K", "") == "100%\n", text
