"""How long it takes from `pip install` of the wheel to the first cell's result, with nothing in any cache.

    make test-wheel

One JSON line for each step, in seconds. What is fetched comes from the package registries at the network's speed; the lines
say how many MB that was, for other networks. Then the wheel's other commands are tried.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIRST_CELL = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="herbarium", startup_timeout=300)
out = []
def hook(message):
    content = message["content"]
    out.append(content.get("text") or content.get("data", {}).get("text/plain") or content.get("evalue", ""))
reply = client.execute_interactive("Tensor::rand([3, 4], (Kind::Float, Device::Cpu)).sum(Kind::Float)", timeout=600, output_hook=hook)
client.stop_channels()
manager.shutdown_kernel(now=True)
print("".join(out))
sys.exit(reply["content"]["status"] != "ok")
"""


def megabytes(*folders):
    files = (path for folder in folders for path in pathlib.Path(folder).rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file() and not path.is_symlink()) / 1e6


def say(step, seconds, **more):
    print(json.dumps({"measurement": "wheel", "step": step, "seconds": seconds, **more}), flush=True)


def measured(step, command, environment):
    """Runs a step, with its progress on standard error, prints its seconds, and returns what it has said."""
    start = time.monotonic()
    seconds = lambda: round(time.monotonic() - start, 1)
    said = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            print(f"{seconds():6} s  {line}", end="", file=sys.stderr, flush=True)
            said.append(line)
    say(step, seconds())
    if process.returncode != 0:
        raise SystemExit(f"{step} failed")
    return "".join(said)


def say_of_libtorch(said):
    """What of the set-up was fetching and unpacking libtorch, by its own report and pip's."""
    fetched = sum(float(size) for size in re.findall(r"Downloading \S+ \(([\d.]+) MB\)", said))
    say("of that, libtorch", int(re.search(r"libtorch: .* \((\d+) s\)", said)[1]), fetched_mb=round(fetched))


def main():
    (wheel,) = (ROOT / "dist").glob("herbarium-*.whl")
    with tempfile.TemporaryDirectory(prefix="herbarium-first-") as folder:
        place = pathlib.Path(folder)
        venv.create(place / "python", with_pip=True)
        python = place / "python" / "bin" / "python"
        left_out = {"LIBTORCH", "LD_LIBRARY_PATH", "HERBARIUM_CRATE", "CARGO_TARGET_DIR", "PYTHONPATH"}
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        environment |= {
            "PATH": f"{python.parent}:{environment['PATH']}",
            "XDG_CACHE_HOME": str(place / "cache"),
            # cargo's index and crates are fetched, too.
            "CARGO_HOME": str(place / "cargo"),
            "RUSTUP_HOME": environment.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup")),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_DATA_DIR": str(place / "jupyter"),
        }
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        measured("Jupyter's client, which most have", [*pip, "jupyter_client"], environment)
        start = time.monotonic()
        measured("pip install", [*pip, wheel], environment)
        herbarium = python.parent / "herbarium"
        said = measured("herbarium setup", [herbarium, "setup"], environment)
        shown = measured("first cell", [python, "-c", FIRST_CELL], environment).splitlines()[-1]
        total = time.monotonic() - start
        say_of_libtorch(said)
        say("all but the client", round(total, 1), shown=shown, wheel_mb=round(wheel.stat().st_size / 1e6, 1),
            crates_mb=round(megabytes(place / "cargo" / "registry" / "cache")),
            on_disk_mb=round(megabytes(place / "cache", place / "python")))
        # What needs libtorch and finds it without being told.
        measured("herbarium doctor", [herbarium, "doctor"], environment)
        cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": "tch::Cuda::is_available()"}
        notebook = place / "one.ipynb"
        notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}))
        measured("herbarium run", [herbarium, "run", notebook], environment)


if __name__ == "__main__":
    sys.exit(main())
