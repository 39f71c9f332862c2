"""Runs the notebooks from top to bottom and keeps their outputs in them; the Chinese editions get the same text.

    python tests/rerun_notebooks.py [NAME ...]      all, if none is named: flowers, why_thirty_percent, …

A Chinese edition has the same code, so it is not run: it gets the English one's execution counts and outputs, without the
pictures, which are not stored twice.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import nbformat

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
HERBARIUM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "herbarium"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def without_pictures(outputs):
    """The outputs that are text, as text alone: pages have pictures in them."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if not any(mime.startswith("image/") for mime in data):
            text = {"data": {"text/plain": data["text/plain"]}} if "text/plain" in data else {}
            kept.append(nbformat.from_dict({**output, **text}))
    return kept


def run(name):
    """Runs the English edition, in a copy that takes its place when all went well."""
    source = NOTEBOOKS / f"{name}.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        executed = pathlib.Path(folder) / source.name
        subprocess.run([HERBARIUM, "run", source, "-o", executed], check=True, cwd=NOTEBOOKS)
        source.write_bytes(executed.read_bytes())


def translate_outputs(name):
    """Gives the Chinese edition what the English one shows."""
    edition = NOTEBOOKS / f"{name}_zh.ipynb"
    if not edition.exists():
        return
    english, chinese = (nbformat.read(path, as_version=4) for path in (NOTEBOOKS / f"{name}.ipynb", edition))
    for ours, theirs in zip(code_cells(english), code_cells(chinese), strict=True):
        theirs.execution_count = ours.execution_count
        theirs.outputs = without_pictures(ours.outputs)
    nbformat.write(chinese, edition)


def main(names):
    all_names = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if not path.stem.endswith("_zh"))
    for name in names or all_names:
        run(name)
        translate_outputs(name)


if __name__ == "__main__":
    main(sys.argv[1:])
