"""A kernelspec for the binary under test, in a separate folder.

The binary is HERBARIUM_BIN, or the release build in cargo's target folder. Run with:

    python -m pytest tests/kernel
"""

import json
import os
import pathlib
import shutil
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = pathlib.Path(os.environ.get("HERBARIUM_BIN", TARGET / "release" / "herbarium"))
KERNEL = "herbarium-under-test"

_folder = pathlib.Path(tempfile.mkdtemp(prefix="herbarium-tests-"))


def pytest_configure(config):
    if not BINARY.exists():
        raise SystemExit(f"{BINARY} is missing: cargo build --release -p herbarium-kernel")
    # A copy, so that a build that continues meanwhile changes nothing.
    binary = _folder / "herbarium"
    shutil.copy2(BINARY, binary)
    spec = _folder / "jupyter" / "kernels" / KERNEL
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [str(binary), "kernel", "-f", "{connection_file}"],
                "display_name": "Rust (Herbarium)",
                "language": "rust",
                "interrupt_mode": "message",
            }
        )
    )


@pytest.fixture(autouse=True, scope="module")
def surroundings():
    """The environment of these tests alone, so that one call of pytest may run others beside them."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JUPYTER_PATH", str(_folder / "jupyter"))
        environment.setenv("XDG_DATA_HOME", str(_folder / "data"))
        environment.setenv("TMPDIR", str(_folder))
        environment.setenv("HERBARIUM_BIN", str(_folder / "herbarium"))
        # The kernel alone: it must work where neither libtorch nor the helper crate is.
        environment.setenv("HERBARIUM_PLAIN", "1")
        environment.delenv("RUST_BACKTRACE", raising=False)
        yield


def pytest_unconfigure(config):
    shutil.rmtree(_folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A check that is left out is a failure: each of Jupyter's own has its sample, and nothing here depends on luck."""
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"left out: {report.longrepr}"
    return report
