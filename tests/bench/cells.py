"""How long a learner waits, one JSON line a measurement: the kernel's start, and each kind of cell.

With HERBARIUM_PEER_PYTHON=/path/to/python (with ipykernel, torch 2.13.0, torchvision 0.28.0 and matplotlib) Python's
kernel is measured in turn with ours, and each line has its figures and the ratio of the medians.
"""

import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import jupyter_client
import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A learner reads before the first cell; meanwhile the kernel starts.
READING = 5
RUNS = int(os.environ.get("HERBARIUM_BENCH_RUNS", "5"))
FIRST = {
    "rust": "let t = Tensor::rand([2, 3], (Kind::Float, Device::Cpu));\nt.sum(Kind::Float).double_value(&[])",
    "python": "import torch, torchvision\nimport matplotlib.pyplot as plt\nt = torch.rand(2, 3)\nt.sum().item()",
}
# Where compiled cells are kept: one that has the same text is not compiled again.
STORE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "herbarium/template"
# Kinds of cells: what, Rust, Python. `{n}` is another number each time, so that no cell is the one before.
CELLS = [
    ("a println!", 'println!("{n}")', "print({n})"),
    ("a trailing expression", "{n} + 1", "{n} + 1"),
    ("a let of a known type", "let a = {n};", "a = {n}"),
    ("a let of a tensor", "let b = Tensor::rand([2, {n}], (Kind::Float, Device::Cpu));", "b = torch.rand(2, {n})"),
    ("a use of a variable", "a + {n}", "a + {n}"),
    ("a compile error", "let wrong: i32 = \"{n}\";", "int('x{n}')"),
]


class Kernel:
    """A kernel of one kind, started and stopped."""

    def __init__(self, kind):
        self.kind = kind
        if kind == "python":
            manager = jupyter_client.KernelManager(kernel_name="peer", kernel_spec_manager=Peer())
        else:
            manager = jupyter_client.KernelManager(kernel_name="herbarium")
        self.manager = manager
        self.launched = time.perf_counter()
        manager.start_kernel(cwd=tempfile.gettempdir())
        self.client = manager.client()
        self.client.start_channels()

    def kernel_info(self):
        """Seconds from launch to the answer to kernel_info."""
        self.client.wait_for_ready(timeout=300)
        return time.perf_counter() - self.launched

    def run(self, code):
        """Seconds from execute_request to idle, and whether the cell succeeded."""
        [result] = self.run_all([code])
        return result

    def run_all(self, codes):
        """The same for several cells that are sent at once: each counts from the end of the one before."""
        start, results = time.perf_counter(), []
        for request in [self.client.execute(code) for code in codes]:
            error, end = self.wait(request)
            results.append((end - start, error))
            start = end
        return results

    def wait(self, request):
        """The error of a cell, if it fails, and when it ended."""
        status = None
        while True:
            message = self.client.get_iopub_msg(timeout=600)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "error":
                status = message["content"]
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return status, time.perf_counter()

    def restart(self):
        """Seconds from the request to restart to the answer to kernel_info."""
        start = time.perf_counter()
        self.manager.restart_kernel(now=False)
        self.client.wait_for_ready(timeout=300)
        return time.perf_counter() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)


class Peer(KernelSpecManager):
    """Jupyter's own way to start the peer's ipykernel."""

    def get_kernel_spec(self, kernel_name):
        argv = [os.environ["HERBARIUM_PEER_PYTHON"], "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


def kinds():
    return ["rust", "python"] if os.environ.get("HERBARIUM_PEER_PYTHON") else ["rust"]


def report(what, seconds):
    """`seconds` has a list for each kind."""
    line = {"what": what, "unit": "s"}
    for kind, values in seconds.items():
        prefix = "" if kind == "rust" else "python_"
        line[prefix + "median"] = round(statistics.median(values), 4)
        line[prefix + "minimum"] = round(min(values), 4)
        line[prefix + "maximum"] = round(max(values), 4)
        line["runs"] = len(values)
    if seconds.get("python"):
        line["ratio"] = round(statistics.median(seconds["rust"]) / statistics.median(seconds["python"]), 3)
    print(json.dumps(line), flush=True)


def forget_compiled_cells():
    for cells in STORE.glob("*/cells"):
        shutil.rmtree(cells, ignore_errors=True)


def starts():
    info = {kind: [] for kind in kinds()}
    first = {kind: [] for kind in kinds()}
    restart = {kind: [] for kind in kinds()}
    for _ in range(RUNS):
        for kind in kinds():
            forget_compiled_cells()
            with Kernel(kind) as kernel:
                info[kind].append(kernel.kernel_info())
                _, error = kernel.run(FIRST[kind])
                assert error is None, error
                first[kind].append(time.perf_counter() - kernel.launched)
                begun = time.perf_counter()
                kernel.restart()
                _, error = kernel.run(FIRST[kind])
                assert error is None, error
                restart[kind].append(time.perf_counter() - begun)
    report("launch to kernel_info", info)
    report("launch to the first tensor's sum", first)
    report("restart to the first tensor's sum", restart)


def phases():
    """Where the time of one warm cell goes, and the floor: rustc and the linker alone on an empty cell."""
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        os.environ["HERBARIUM_TRACE"] = str(trace)
        parts = {"analysis": [], "cargo's place": [], "rustc and linker": [], "rustc without the linker": [], "load, run and answer": []}
        with Kernel("rust") as kernel:
            kernel.kernel_info()
            kernel.run(FIRST["rust"])
            for n in range(RUNS + 1):
                trace.unlink(missing_ok=True)
                begun = time.time()
                elapsed, error = kernel.run(f"let a = {n};")
                assert error is None, error
                (line,) = map(json.loads, trace.read_text().splitlines())
                if n > 0:
                    parts["analysis"].append(line["started"] - begun)
                    parts["cargo's place"].append(line["ended"] - line["started"] - (line["rustc_ended"] - line["rustc_started"]))
                    parts["rustc and linker"].append(line["rustc_ended"] - line["rustc_started"])
                    parts["rustc without the linker"].append(without_linker(line["command"], cells_of(kernel), folder))
                    parts["load, run and answer"].append(begun + elapsed - line["ended"])
        del os.environ["HERBARIUM_TRACE"]
        for what, seconds in parts.items():
            report(f"a warm let, of it {what}", {"rust": seconds})
        source = pathlib.Path(folder) / "empty.rs"
        source.write_text('#[unsafe(no_mangle)]\npub extern "C" fn cell() {}\n')
        rustc = subprocess.run(["rustup", "which", "rustc"], capture_output=True, text=True).stdout.strip() or "rustc"
        for what, kind in [("rustc alone", "obj"), ("rustc and linker", "link")]:
            command = [rustc, "--crate-type", "cdylib", "-C", "prefer-dynamic", "--emit", kind, "--out-dir", folder, str(source)]
            seconds = []
            for _ in range(RUNS + 1):
                begun = time.perf_counter()
                subprocess.run(command, check=True)
                seconds.append(time.perf_counter() - begun)
            report(f"the floor: an empty cell, {what}", {"rust": seconds[1:]})


def cells_of(kernel):
    """The folder of the crate that a kernel's cells become."""
    folders = pathlib.Path(tempfile.gettempdir()).glob(f"herbarium-kernel-{kernel.manager.provisioner.pid}-*")
    return next(folders) / "cells"


def without_linker(command, cells, folder):
    """Seconds for rustc's work on the last cell once more, up to its machine code."""
    command = ["--emit=obj" if word == "--emit=link" else word for word in command]
    command[command.index("--out-dir") + 1] = folder
    begun = time.perf_counter()
    subprocess.run(command, cwd=cells, check=True, capture_output=True)
    return time.perf_counter() - begun


def hot_loop():
    """A loop that computes: as cells are compiled by default, with `:opt 2`, and in a separate program at that level."""
    loop = "let mut x = {n}u64;\nfor i in 0..200_000_000u64 { x = x.wrapping_mul(6364136223846793005).wrapping_add(i ^ (x >> 33)); }\nx"
    with tempfile.TemporaryDirectory() as folder, Kernel("rust") as kernel:
        kernel.kernel_info()
        kernel.run(FIRST["rust"])
        for what, before in [("a hot loop, cells' default", None), ("a hot loop after `:opt 2`", ":opt 2")]:
            if before:
                kernel.run(before)
            report(what, {"rust": [kernel.run(loop.replace("{n}", str(n)))[0] for n in range(RUNS)]})
        source = pathlib.Path(folder) / "own.rs"
        source.write_text("fn main() {" + loop.replace("{n}", "1").replace("\nx", '\nprintln!("{x}");') + "}")
        subprocess.run(["rustc", "-C", "opt-level=2", "-o", f"{folder}/own", str(source)], check=True)
        seconds = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            subprocess.run([f"{folder}/own"], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - begun)
        report("the same loop in a program, opt-level 2", {"rust": seconds})


# Loops whose turns are short: what a check at each turn costs shows in them first.
TURNS = {
    "Collatz": "let mut most = 0u64;\nfor start in 1..{n}u64 { let mut n = start; let mut steps = 0u64; while n != 1 { n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 }; steps += 1; } most = most.max(steps); }\nresult = most;",
    "a xor-shift chain": "let mut x = 88172645463325252u64;\nfor _ in 0..{n}u64 { x ^= x << 13; x ^= x >> 7; x ^= x << 17; }\nresult = x;",
    "a vector's sum": "let v: Vec<u64> = (0..4000).collect();\nlet mut sum = 0u64;\nfor _ in 0..{n} / 4000 { for x in &v { sum += x; } }\nresult = sum;",
    "nested loops": "let side = {n}usize;\nlet (a, b) = (vec![1.5f64; side * side], vec![0.5f64; side * side]);\nlet mut total = 0.0;\nfor i in 0..side { for j in 0..side { let mut sum = 0.0; for k in 0..side { sum += a[i * side + k] * b[k * side + j]; } total += sum; } }\nresult = total as u64;",
}
# How many turns: not optimised, and optimised.
LENGTHS = {"Collatz": (100_000, 700_000), "a xor-shift chain": (10_000_000, 150_000_000), "a vector's sum": (12_000_000, 400_000_000), "nested loops": (180, 500)}


def stop_checks():
    """The checks by which the stop button stops loops: the same loop with and without, in turn. Functions that other
    languages call have none."""
    with Kernel("rust") as kernel:
        kernel.kernel_info()
        kernel.run(FIRST["rust"])
        for level, which in [(":opt 0", 0), (":opt 2", 1)]:
            kernel.run(level)
            for what, loop in TURNS.items():
                code = loop.replace("{n}", str(LENGTHS[what][which]))
                pairs = [(timed(kernel, code, "fn"), timed(kernel, code, 'extern "C" fn')) for _ in range(RUNS)]
                line = {"what": f"{what}, {level}", "unit": "s", "runs": RUNS}
                line["checked"], line["unchecked"] = (round(statistics.median(side), 4) for side in zip(*pairs))
                line["ratio"] = round(statistics.median(checked / unchecked for checked, unchecked in pairs), 3)
                print(json.dumps(line), flush=True)


def timed(kernel, code, kind):
    """Seconds that the cell itself says for a piece of code in a separate function."""
    function = f"#[inline(never)] {kind} work() -> u64 {{ let result: u64;\n{code}\nresult }}"
    cell = f"{{ {function}\nlet begun = std::time::Instant::now();\nstd::hint::black_box(work());\nprintln!(\"seconds {{}}\", begun.elapsed().as_secs_f64()); }}"
    request = kernel.client.execute(cell)
    seconds = None
    while True:
        message = kernel.client.get_iopub_msg(timeout=600)
        if message["parent_header"].get("msg_id") != request:
            continue
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == "stream" and message["content"]["text"].startswith("seconds "):
            seconds = float(message["content"]["text"].split()[1])
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return seconds


def stop_button():
    """Seconds from the press of the stop button to the end of the cell."""
    for what, loop in [("an empty loop", "loop {}"), ("a loop that prints", 'loop { println!("x"); }')]:
        seconds = []
        with Kernel("rust") as kernel:
            kernel.kernel_info()
            kernel.run(FIRST["rust"])
            for _ in range(RUNS):
                request = kernel.client.execute(f'println!("go");\n{loop}')
                pressed = None
                while True:
                    message = kernel.client.get_iopub_msg(timeout=600)
                    if message["parent_header"].get("msg_id") != request:
                        continue
                    if message["msg_type"] == "stream" and pressed is None:
                        pressed = time.perf_counter()
                        kernel.manager.interrupt_kernel()
                    if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                        break
                seconds.append(time.perf_counter() - pressed)
        report(f"the stop button to the end of {what}", {"rust": seconds})


def disk():
    """What a kernel's folder takes beside the shared template, after the cells above."""
    with Kernel("rust") as kernel:
        kernel.kernel_info()
        for n in range(20):
            kernel.run(f"let v{n} = vec![{n}];")
        _, error = kernel.run(":last_compile_dir")
        folders = sorted(pathlib.Path(tempfile.gettempdir()).glob("herbarium-kernel-*"), key=os.path.getmtime)
        size = sum(path.stat().st_size for path in folders[-1].rglob("*") if path.is_file())
    print(json.dumps({"what": "a kernel's folder after 20 cells", "unit": "MB", "value": round(size / 1e6, 2)}), flush=True)


def three_at_once():
    seconds = []
    for _ in range(RUNS):
        forget_compiled_cells()
        start = time.perf_counter()
        kernels = [Kernel("rust") for _ in range(3)]
        for kernel in kernels:
            kernel.kernel_info()
        requests = [(kernel, kernel.client.execute(FIRST["rust"])) for kernel in kernels]
        for kernel, request in requests:
            kernel.client.get_shell_msg(timeout=300)
        seconds.append(time.perf_counter() - start)
        for kernel in kernels:
            kernel.__exit__()
    report("three kernels at once, launch to the first tensor's sum", {"rust": seconds})


def cells():
    seconds = {what: {kind: [] for kind in kinds()} for what, _, _ in CELLS}
    kernels = {kind: Kernel(kind) for kind in kinds()}
    for kind, kernel in kernels.items():
        kernel.kernel_info()
        kernel.run(FIRST[kind])
    for n in range(RUNS + 1):
        for what, rust, python in CELLS:
            for kind, kernel in kernels.items():
                code = (rust if kind == "rust" else python).replace("{n}", str(n + 2))
                elapsed, error = kernel.run(code)
                assert (error is not None) == ("error" in what), (what, error)
                # The first round warms up.
                if n > 0:
                    seconds[what][kind].append(elapsed)
    for kernel in kernels.values():
        kernel.__exit__()
    for what, values in seconds.items():
        report(what, values)


def notebook():
    """The notebook's own cells, but for those that train or draw: in a kernel that has started, and run at once."""
    os.environ["HERBARIUM_EPOCHS"] = "1,1"
    cells_in_a_row("a cell of flowers.ipynb that neither trains nor draws", READING)
    cells_in_a_row("a cell of flowers.ipynb, all run at once on launch", 0)
    cells_in_a_row("a cell of flowers.ipynb, all run again, in a new kernel", 0, compiled=True)


def cells_in_a_row(what, reading, compiled=False):
    """All cells of the notebook: one after the other when the kernel has been there for `reading` seconds, or all sent at once on
    launch. `compiled`: as they have been compiled before."""
    notebook = nbformat.read(ROOT / "notebooks" / "flowers.ipynb", as_version=4)
    if not compiled:
        forget_compiled_cells()
    slow = ["train_model(", ".plot(", "show_batch(", "prediction_grid(", "im_convert("]
    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    with Kernel("rust") as kernel:
        kernel.kernel_info()
        time.sleep(reading)
        results = [kernel.run(code) for code in codes] if reading else kernel.run_all(codes)
    assert not any(error for _, error in results), results
    seconds = sorted(elapsed for code, (elapsed, _) in zip(codes, results) if not any(word in code for word in slow))
    report(what, {"rust": seconds})
    # The nearest rank.
    line = {"what": "the same, 95th percentile", "unit": "s", "value": round(seconds[math.ceil(0.95 * len(seconds)) - 1], 4)}
    print(json.dumps(line), flush=True)


def main():
    measurements = [starts, three_at_once, cells, notebook, phases, hot_loop, stop_checks, stop_button, disk]
    chosen = sys.argv[1:] or [measurement.__name__ for measurement in measurements]
    for measurement in measurements:
        if measurement.__name__ in chosen:
            measurement()


if __name__ == "__main__":
    main()
