"""The `herbarium` command: `herbarium setup` prepares this machine; everything else is the program's."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / "bin" / "herbarium"

SETUP = """\
Usage: herbarium setup [--user | --prefix DIR | --system]

Fetches libtorch, registers the kernel with Jupyter, and builds the crate that cells use. Without an option the kernel is
registered in this Python's environment, or for the user where Python is the system's. What is there already is kept.
With --system it installs all of it once for all users of the machine.
"""


class Fault(Exception):
    """Something to mend first; the text says what and how."""


def say(text):
    print(f"herbarium: {text}", file=sys.stderr, flush=True)


def need_tools():
    """Rust with the standard library's sources, and a linker."""
    for tool, advice in (("cargo", "install Rust (https://rustup.rs), then open a new terminal"), ("c++", "install a C++ compiler (on Debian: apt install g++)")):
        if not shutil.which(tool):
            raise Fault(f"`{tool}` is not found: {advice}, and run `herbarium setup` again")
    if os.path.isdir(os.path.join(sysroot(), "lib/rustlib/src/rust/library/core")):
        return
    added = shutil.which("rustup") and subprocess.run(["rustup", "component", "add", "rust-src"]).returncode == 0
    if not added:
        raise Fault("the standard library's sources are missing, which the kernel reads: `rustup component add rust-src`, or the distribution's package of them (rust-src)")


def sysroot():
    """The Rust toolchain's folder."""
    try:
        found = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True)
    except OSError as error:
        raise Fault(f"rustc cannot be run: {error}") from error
    if found.returncode != 0:
        # rustup says what to do, as where no toolchain is chosen.
        raise Fault(f"rustc cannot be run: {found.stderr.strip()}")
    return found.stdout.strip()


def libtorch():
    """libtorch's folder; fetched on the first use."""
    found = subprocess.run([sys.executable, HERE / "libtorch.py"], stdout=subprocess.PIPE, text=True)
    if found.returncode != 0:
        raise Fault("libtorch is not there; the lines above say why")
    return found.stdout.strip()


def destination(options):
    """The options of `herbarium install`: where the kernel is registered."""
    is_environment = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    return options or (["--prefix", sys.prefix] if is_environment else ["--user"])


def setup(options):
    if {"-h", "--help"} & set(options):
        print(SETUP, end="")
        return 0
    start = time.monotonic()
    try:
        need_tools()
        os.environ["LIBTORCH"] = libtorch()
    except Fault as fault:
        say(fault)
        return 1
    say(f"libtorch: {os.environ['LIBTORCH']} ({time.monotonic() - start:.0f} s)")
    installed = subprocess.run([PROGRAM, "install", *destination(options)]).returncode
    if installed == 0:
        say(f"ready after {time.monotonic() - start:.0f} s: start Jupyter and choose Rust (Herbarium)")
    return installed


def main():
    arguments = sys.argv[1:]
    os.environ.setdefault("HERBARIUM_CRATE", str(HERE / "crate"))
    if arguments[:1] == ["setup"]:
        return setup(arguments[1:])
    if "LIBTORCH" not in os.environ:
        from . import libtorch as setup_of_libtorch

        # Where it is not there, the program says what to do, if it needs it.
        with contextlib.suppress(setup_of_libtorch.Fault, OSError):
            os.environ["LIBTORCH"] = setup_of_libtorch.locate(check_only=True)
    os.execv(PROGRAM, [str(PROGRAM), *arguments])
