"""A notebook on several processes, and as a program: `herbarium run --processes`, `herbarium export`."""

import os
import pathlib
import re
import struct
import subprocess
import zlib

import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HERBARIUM = pathlib.Path(os.environ.get("HERBARIUM_BIN", TARGET / "release" / "herbarium"))

CELLS = [
    ("markdown", "# Colours\n\nA network that trains in no time."),
    (
        "code",
        ':dep herbarium = { path = ".." }\nuse herbarium::prelude::*;\n'
        "use herbarium::models::layers::{AdaptiveAvgPool2d, Conv2d, ConvOptions, Flatten, Linear, Sequential};",
    ),
    (
        "code",
        "let steps = Compose::new(vec![to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);\n"
        'let sets = ImageFolder::splits("colours", &Splits { train: steps.clone(), valid: steps })?;\n'
        "let loaders = sets.loaders(LoaderOptions { batch_size: 8, shuffle: true, ..Default::default() });\n"
        "loaders.train.dataset_len()    // pictures",
    ),
    (
        "code",
        "fn network(classes: usize) -> Result<Model> {\n"
        "    let net = Sequential::new()\n"
        "        .with(Conv2d::new(3, 8, ConvOptions::kernel(3).stride(2))?)\n"
        "        .with(AdaptiveAvgPool2d::new(2, 2))\n"
        "        .with(Flatten)\n"
        "        .with(Linear::new(32, classes as i64)?);\n"
        '    Model::from_module("small", Box::new(net), &["3"], classes, Device::Cpu)\n'
        "}\n"
        "seed(1);\n"
        "let mut model = network(sets.train.classes().len())?;\n"
        "let mut optimizer = Adam::new(model.trainable_parameters(), 3e-3);\n"
        "let mut scheduler = StepLr::new(&optimizer, 10, 0.1);\n"
        "let criterion = CrossEntropyLoss::new();",
    ),
    (
        "code",
        "let options = TrainOptions { num_epochs: 3, checkpoint: \"best.safetensors\".into(), ..Default::default() };\n"
        "let history = train_model(&mut model, &loaders, &criterion, &mut optimizer, &mut scheduler, options)?;\n"
        "history.info",
    ),
    ("code", "// MISHAP"),
    (
        "code",
        "let evaluation = predict_all(&model, &loaders.valid)?;\n"
        'println!("accuracy {:.4} of {}, losses {:.3?}", evaluation.accuracy, evaluation.images, history.valid_losses);',
    ),
]

#: Ends rank 1's program, once.
MISHAP = (
    'if std::env::var("RANK").as_deref() == Ok("1") && !std::path::Path::new("happened").exists() {\n'
    '    std::fs::write("happened", "")?;\n'
    "    std::process::abort();\n"
    "}"
)


def png(colour, size=12):
    """A PNG file of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(colour) * size for _ in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A notebook with its pictures: three classes that differ by colour, with overlapping shades."""
    folder = tmp_path_factory.mktemp("processes")
    for phase, count in [("train", 16), ("valid", 7)]:
        for label in range(3):
            place = folder / "colours" / phase / str(label)
            place.mkdir(parents=True)
            for number in range(count):
                colour = [90 + 7 * ((number * (channel + 3)) % 11) for channel in range(3)]
                colour[label] += 40
                (place / f"{number}.png").write_bytes(png(colour))
    return folder


def write(path, mishap=""):
    notebook = nbformat.v4.new_notebook()
    for kind, source in CELLS:
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        notebook.cells.append(make(source.replace("// MISHAP", mishap)))
    nbformat.write(notebook, path)


def herbarium(folder, *words):
    return subprocess.run([HERBARIUM, *words], cwd=folder, capture_output=True, text=True, timeout=900)


def text_of(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join(shown)


def test_a_notebook_runs_on_two_processes_and_again_after_a_failure(folder):
    write(folder / "in.ipynb", MISHAP)
    ran = herbarium(folder, "run", "--processes", "2", "in.ipynb", "-o", "out.ipynb")
    # Rank 1's end is reported with its number and its cell, and ends the run.
    assert ran.returncode != 0, ran.stdout
    assert "rank 1: [5/6] if std::env::var" in ran.stderr and "SIGABRT" in ran.stderr, ran.stderr
    assert "rank 1" in text_of(nbformat.read(folder / "out.ipynb", 4))
    (folder / "happened").unlink()

    ran = herbarium(folder, "run", "in.ipynb", "-o", "out.ipynb", "--processes=2", "--restarts=1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all 2 processes start again (1 of 1)" in ran.stderr
    # One set of outputs, in which the second start's training has nothing left to do.
    done = nbformat.read(folder / "out.ipynb", 4)
    nbformat.validate(done)
    text = text_of(done)
    assert "2 processes" in text and "of 21, losses" in text, text
    assert "Resuming after epoch 2" in text, text
    assert ran.stdout.count("accuracy") == 1 and ran.stdout.splitlines()[-1].startswith("out.ipynb: ran 6 cells")
    # The first run's checkpoint is kept beside the second's, as for any training that begins again.
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["best.previous.safetensors", "best.safetensors", "colours", "happened", "in.ipynb", "out.ipynb"]


def test_a_notebook_becomes_a_program_that_prints_the_same(folder):
    write(folder / "whole.ipynb")
    ran = herbarium(folder, "run", "whole.ipynb", "-o", "whole_out.ipynb")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = re.search(r"accuracy .*", text_of(nbformat.read(folder / "whole_out.ipynb", 4))).group()

    exported = herbarium(folder, "export", "whole.ipynb", "-o", "program")
    assert exported.returncode == 0, exported.stderr
    # The command that it prints works, here in the folder where the crate is compiled already.
    command = exported.stdout.strip().split(": ", 2)[-1]
    program = folder / "program"
    assert command == f"cargo run --release --manifest-path {program}/Cargo.toml --config {program}/.cargo/config.toml"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    ran = subprocess.run(command.split(), cwd=folder, env=environment, capture_output=True, text=True, timeout=1800)
    assert ran.returncode == 0, ran.stderr
    assert said in ran.stdout and ran.stdout.startswith("48\n"), ran.stdout
    source = (folder / "program" / "src" / "main.rs").read_text()
    assert "// # Colours" in source and source.index("fn network") < source.index("fn main")
    again = herbarium(folder, "export", "whole.ipynb", "-o", "program")
    assert again.returncode == 2 and "already exists" in again.stderr
