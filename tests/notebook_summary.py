"""The last lines of `make notebook`: how many pictures there are, and how well the network learned.

usage: notebook_summary.py NOTEBOOK HTML
"""

import os
import re
import sys

import nbformat


def outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield from cell.outputs


def pictures(notebook):
    return sum(mime.startswith("image/") for output in outputs(notebook) for mime in output.get("data", {}))


def accuracies(notebook):
    """The rows of the notebook's own table: (what, head alone, all layers)."""
    text = "".join(output.text for output in outputs(notebook) if output.output_type == "stream")
    return re.findall(r"^(the tutorial's way|with the mistakes corrected) +([\d.]+) ± [\d.]+ +([\d.]+) ± [\d.]+$", text, re.M)


def main():
    path, html = sys.argv[1:]
    notebook = nbformat.read(path, as_version=4)
    print(f"{path}: {pictures(notebook)} pictures; as a page: {html} ({os.path.getsize(html) // 1000} kB)")
    for what, frozen, fine in accuracies(notebook):
        print(f"best validation accuracy, {what}: {frozen} with the head alone, {fine} with all layers")


if __name__ == "__main__":
    main()
