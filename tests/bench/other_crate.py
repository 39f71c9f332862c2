"""What a kernel with a crate of its own saves: polars, beside plain evcxr, in one run.

    .venv/bin/python tests/bench/other_crate.py

One JSON line for each step, in seconds. The kernel is built into a folder by itself, with nothing that was compiled before. With
HERBARIUM_PEER_EVCXR=/path/to/evcxr_jupyter the same cells run there, where the first one compiles polars; once more in a second
kernel, as evcxr keeps nothing for it.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
LINE = 'polars = { version = "0.55", default-features = false, features = ["fmt"] }'
USE = "use polars::prelude::*;"
# environment.md shows it: the function that displays a frame as a table.
TABLE = re.search(r"--prelude '(fn table.*?)\n?'\n```", (ROOT / "environment.md").read_text(), re.DOTALL)[1]
FRAME = 'let frame = df!["flower" => ["rose", "lily"], "petals" => [5, 6]]?;\nprintln!("{frame}");'
WARM = 'let frame{n} = df!["flower" => ["rose", "lily"], "petals" => [{n}, 6]]?;\nprintln!("{{}}", frame{n}.height());'
RUNS = 10


def report(what, **figures):
    print(json.dumps({"what": what} | figures), flush=True)


class Spec(KernelSpecManager):
    def __init__(self, argv, variables):
        super().__init__()
        self.spec = KernelSpec(argv=argv, env=variables, interrupt_mode="message")

    def get_kernel_spec(self, kernel_name):
        return self.spec


class Kernel:
    """A kernel, with the seconds to its first answer."""

    def __init__(self, argv, variables):
        self.manager = KernelManager(kernel_spec_manager=Spec(argv, variables))
        self.launched = time.perf_counter()
        self.manager.start_kernel(cwd=tempfile.gettempdir())
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)
        self.started = time.perf_counter() - self.launched

    def run(self, code):
        """Seconds from sending a cell to its end, and its outputs."""
        outputs = []
        start = time.perf_counter()
        reply = self.client.execute_interactive(code, timeout=3600, output_hook=outputs.append, allow_stdin=False)
        seconds = time.perf_counter() - start
        assert reply["content"]["status"] == "ok", (code, outputs)
        return seconds, [message["content"] for message in outputs]

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def measure(name, kernel, first):
    """The first result, and the median of warm cells."""
    cell, outputs = kernel.run(first)
    first_result = time.perf_counter() - kernel.launched
    assert "rose" in "".join(output.get("text", "") for output in outputs), outputs
    warm = sorted(kernel.run(WARM.format(n=n))[0] for n in range(RUNS))
    report(name, kernel=round(kernel.started, 2), first_cell=round(cell, 2), launch_to_first_result=round(first_result, 2),
           warm_cell_median=round(warm[RUNS // 2], 3))


def ours(folder):
    program = TARGET / "release" / "herbarium"
    variables = {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_DATA_HOME": str(folder / "data")}
    start = time.perf_counter()
    subprocess.run(
        [program, "install", "--name", "polars", "--display-name", "Rust (polars)", "--crate", LINE, "--prelude", USE, "--prelude", TABLE,
         "--prefix", folder],
        env=os.environ | variables, check=True,
    )
    report("herbarium: building the kernel, once for a user", seconds=round(time.perf_counter() - start, 1))
    spec = json.loads((folder / "share/jupyter/kernels/polars/kernel.json").read_text())
    for turn in ("first", "second"):
        kernel = Kernel(spec["argv"], spec["env"] | variables)
        try:
            measure(f"herbarium: the {turn} kernel", kernel, FRAME)
            _, outputs = kernel.run("table(&frame)")
            (html,) = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
            assert "<td>6</td>" in html, html
        finally:
            kernel.stop()


def evcxr(program, turn):
    kernel = Kernel([program, "--control_file", "{connection_file}"], {})
    try:
        seconds, _ = kernel.run(f":dep {LINE}\n{USE}")
        report(f"evcxr: `:dep` in the {turn} kernel", seconds=round(seconds, 1))
        measure(f"evcxr: the {turn} kernel", kernel, FRAME)
    finally:
        kernel.stop()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="herbarium-bench-"))
    try:
        ours(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if "HERBARIUM_PEER_EVCXR" in os.environ:
        evcxr(os.environ["HERBARIUM_PEER_EVCXR"], "first")
        evcxr(os.environ["HERBARIUM_PEER_EVCXR"], "second")


if __name__ == "__main__":
    main()
