"""libtorch's set-up (kernel/setup/libtorch.py) on systems other than this one, against what the package registry lists for them.

setup/wheels.json holds the wheels of torch 2.13.0 for Python 3.12 and the newest of the two packages of NVIDIA, as the registry
listed them on 28 November 2026, and of each wheel the libraries, with those that they load (`readelf -d`, `objdump -p` and the
load commands of Mach-O; the system's own are left out).
"""

import importlib.util
import json
import pathlib
import platform
import re
import sys

import pytest
from packaging.requirements import Requirement
from packaging.tags import mac_platforms
from packaging.utils import parse_wheel_filename

TESTS = pathlib.Path(__file__).resolve().parent
WHEELS = json.loads((TESTS / "setup" / "wheels.json").read_text())["wheels"]

spec = importlib.util.spec_from_file_location("libtorch", TESTS.parent / "kernel" / "setup" / "libtorch.py")
libtorch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(libtorch)


def manylinux(machine, glibc=28):
    return [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 16, -1)]


# `sys.platform`, `platform.machine()`, the tags that pip takes there, and the library that torch itself is.
SYSTEMS = {
    "Linux on x86-64": ("linux", "x86_64", manylinux("x86_64"), "lib/libtorch_cpu.so"),
    "Linux on ARM": ("linux", "aarch64", manylinux("aarch64"), "lib/libtorch_cpu.so"),
    "a Mac with macOS 14": ("darwin", "arm64", [*mac_platforms((14, 0), "arm64")], "lib/libtorch_cpu.dylib"),
    "a Mac with macOS 26": ("darwin", "arm64", [*mac_platforms((26, 0), "arm64")], "lib/libtorch_cpu.dylib"),
    "Windows": ("win32", "AMD64", ["win_amd64"], "lib/torch_cpu.dll"),
}


def pretend(monkeypatch, system, machine):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)


def listed(requirement, tags):
    """The wheels that satisfy a requirement on a system with these tags."""
    wanted = Requirement(requirement)
    parsed = {name: parse_wheel_filename(name) for name in WHEELS}
    return [
        name for name, (package, version, _, wheel_tags) in parsed.items()
        if package == wanted.name and version in wanted.specifier and any(tag.platform in tags for tag in wheel_tags)
    ]


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_gets_one_wheel_and_all_that_its_libraries_load(system, monkeypatch):
    name, machine, tags, torch_cpu = SYSTEMS[system]
    pretend(monkeypatch, name, machine)
    (torch,) = listed(f"torch=={libtorch.VERSION}", tags)
    taken = {libtorch.wanted_of_torch(member): loads for member, loads in WHEELS[torch].items()}
    taken.pop(None)
    for requirement, library in libtorch.missing_in_wheel().items():
        (wheel,) = listed(requirement, tags)
        assert any(member.endswith("/" + library) for member in WHEELS[wheel]), wheel
        taken[f"lib/{library}"] = []
    assert torch_cpu in taken
    assert pathlib.Path(libtorch.library("", "torch_cpu")) == pathlib.Path(torch_cpu)
    loaded = {f"lib/{library}" for loads in taken.values() for library in loads}
    assert loaded <= taken.keys()
    # What belongs to Python or to a GPU stays in the wheel.
    assert not [member for member in taken if re.search("python|cuda(?!rt)|shm", member)]


@pytest.mark.parametrize(
    ("system", "machine", "advice"),
    [
        ("darwin", "x86_64", "Macs with Intel's processor are not supported"),
        ("linux", "riscv64", "build libtorch from PyTorch's sources and set LIBTORCH"),
        ("win32", "ARM64", "only for Linux on x86_64 and aarch64, macOS on arm64 and Windows on AMD64"),
    ],
)
def test_a_system_without_a_wheel_is_refused_before_anything_is_fetched(system, machine, advice, monkeypatch, tmp_path):
    pretend(monkeypatch, system, machine)
    monkeypatch.setattr(libtorch, "pip", lambda *_: pytest.fail("nothing must be fetched"))
    with pytest.raises(libtorch.Fault, match=f"no wheel for {system} on {machine}.*{advice}"):
        libtorch.assemble_cpu(str(tmp_path / "libtorch"))
    assert not [*tmp_path.iterdir()]


def test_a_libc_that_is_too_old_has_no_wheel():
    assert not listed(f"torch=={libtorch.VERSION}", manylinux("x86_64", glibc=27))
