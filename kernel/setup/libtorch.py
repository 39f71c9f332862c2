#!/usr/bin/env python3
"""Finds libtorch 2.13.0 or assembles it from the package registry's wheels, and prints its folder.

The order: an existing LIBTORCH, a Python torch of that version, the folder assembled earlier in the
user's cache, and only then a download. What was assembled is listed with sizes and checksums in
`herbarium.json` beside it: an incomplete or damaged folder is noticed and rebuilt.

Standard library only; it runs before anything is installed.
"""

import argparse
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

VERSION = "2.13.0"
# The registry's Linux wheels are built with CUDA, and their libtorch_cpu.so asks for these two
# libraries even where there is no GPU.
CUDA_STUBS = {
    "nvidia-cuda-runtime>=13,<14": "libcudart.so.13",
    "nvidia-cuda-cupti>=13,<14": "libcupti.so.13",
}
# The systems and processors, as Python names them, for which the registry has a wheel of this version, and what the wheel lacks.
# tests/setup/wheels.json holds what it lists.
WHEELS = {
    ("linux", "x86_64"): CUDA_STUBS,
    ("linux", "aarch64"): CUDA_STUBS,
    ("darwin", "arm64"): {},
    ("win32", "AMD64"): {},
}
# Resolved for one fixed Python: only the C++ libraries are used, and every Python has the same ones.
ANY_PYTHON = ("--only-binary=:all:", "--python-version=3.12", "--implementation=cp")
# What libtorch with CUDA takes, in GB: its wheels, and what is unpacked of them.
CUDA_FETCHED, CUDA_ON_DISK = 2.5, 3.9
MANIFEST = "herbarium.json"


class Fault(Exception):
    """Something that a person has to fix; the text says what and how."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "herbarium")


def version_of(folder):
    """The version a libtorch folder states of itself, or None."""
    for name, pattern in (
        ("build-version", r"^([0-9.]+)"),
        ("version.py", r"__version__ = '([0-9.]+)"),
        ("include/torch/csrc/api/include/torch/version.h", r'#define TORCH_VERSION "([0-9.]+)'),
        ("include/torch/version.h", r'#define TORCH_VERSION "([0-9.]+)'),
    ):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                found = re.search(pattern, file.read(), re.M)
            if found:
                return found.group(1)
    return None


def library(folder, stem):
    name = {"darwin": f"lib{stem}.dylib", "win32": f"{stem}.dll"}.get(sys.platform, f"lib{stem}.so")
    return os.path.join(folder, "lib", name)


def missing_in_wheel():
    """The requirements, each with a library of it, that this system's wheel of torch leaves to other packages."""
    system = (sys.platform, platform.machine())
    if system in WHEELS:
        return WHEELS[system]
    if system == ("darwin", "x86_64"):
        advice = ("Macs with Intel's processor are not supported. On a Mac with Apple's processor, this Python "
                  f"({sys.executable}) is one for Intel's: use one for arm64")
    else:
        advice = "build libtorch from PyTorch's sources and set LIBTORCH to its folder"
    raise Fault(f"PyTorch {VERSION} has no wheel for {system[0]} on {system[1]}, only for Linux on x86_64 and aarch64, macOS on arm64 "
                f"and Windows on AMD64: {advice}")


def from_environment():
    folder = os.environ.get("LIBTORCH")
    if not folder:
        return None
    if not os.path.isfile(library(folder, "torch_cpu")):
        raise Fault(f"LIBTORCH is {folder}, but there is no {library(folder, 'torch_cpu')}: correct or unset LIBTORCH")
    version = version_of(folder)
    if version is not None and version != VERSION:
        raise Fault(f"LIBTORCH is {folder}, which is version {version}: Herbarium needs {VERSION}. Unset LIBTORCH to have it assembled")
    return folder


def from_python():
    """A torch package of the right version, found without importing it."""
    for python in (sys.executable, shutil.which("python3")):
        if not python:
            continue
        code = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')"
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True)
        folder = answer.stdout.strip()
        if folder and version_of(folder) == VERSION and os.path.isfile(library(folder, "torch_cpu")):
            return folder
    return None


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def count_headers(folder):
    return sum(len(names) for _, _, names in os.walk(os.path.join(folder, "include")))


def faults_in(folder, thorough=False):
    """What is missing or damaged in an assembled folder; empty when it is whole."""
    try:
        with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
            manifest = json.load(file)
        files, headers = manifest["files"], manifest["headers"]
    except (OSError, ValueError, KeyError) as error:
        return [f"{MANIFEST}: {error}"]
    found = []
    if count_headers(folder) != headers:
        found.append(f"include/ has {count_headers(folder)} files instead of {headers}")
    for name, facts in files.items():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            found.append(f"{name} is missing")
        elif os.path.getsize(path) != facts["size"]:
            found.append(f"{name} has {os.path.getsize(path)} bytes instead of {facts['size']}")
        elif thorough and sha256(path) != facts["sha256"]:
            found.append(f"{name} has another checksum")
    return found


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        raise Fault("pip could not fetch libtorch's wheel. Check the network and the free space, then run the same command again: "
                    "what was already fetched is kept by pip. Where pip finds no matching version, the system is too old: "
                    "Linux needs glibc 2.28 or newer (not musl), a Mac needs macOS 14 or newer")


def download(requirement, folder):
    """One wheel for this platform, whatever this Python's version is."""
    before = set(os.listdir(folder))
    pip("download", "--no-deps", *ANY_PYTHON, "--dest", folder, requirement)
    (name,) = set(os.listdir(folder)) - before
    return os.path.join(folder, name)


def unpack(wheel, wanted, folder):
    """Writes the wheel's members for which `wanted(name)` gives a path; zipfile checks each member's CRC."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                target = None if member.is_dir() else wanted(member.filename)
                if target is None:
                    continue
                path = os.path.join(folder, target)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    except zipfile.BadZipFile as error:
        raise Fault(f"{wheel} is damaged ({error}): run the same command again") from error


def wanted_of_torch(name):
    """The C++ headers and the CPU libraries of torch's wheel; nothing of Python's or CUDA's."""
    if name.startswith("torch/include/"):
        return name[len("torch/"):]
    if re.fullmatch(r"torch/lib/(lib[^/]+|[^/]+\.(dll|lib))", name):
        library_name = os.path.basename(name)
        if not re.search(r"cuda|python|nvrtc|nvshmem|shm|global_deps|^libtorch\.so$", library_name):
            return name[len("torch/"):]
    return None


def write_manifest(folder):
    files = {}
    beside = os.path.join(os.path.dirname(folder), "nvidia", "*", "lib", "*")
    for path in sorted(glob.glob(os.path.join(folder, "lib", "*"))) + sorted(glob.glob(beside)):
        if os.path.isfile(path) and not os.path.islink(path):
            files[os.path.relpath(path, folder)] = {"size": os.path.getsize(path), "sha256": sha256(path)}
    some_header = os.path.join("include", "torch", "csrc", "api", "include", "torch", "torch.h")
    path = os.path.join(folder, some_header)
    files[some_header] = {"size": os.path.getsize(path), "sha256": sha256(path)}
    with open(os.path.join(folder, MANIFEST), "w", encoding="utf-8") as file:
        json.dump({"version": VERSION, "headers": count_headers(folder), "files": files}, file, indent=1)


def assemble_cpu(folder):
    """libtorch without a GPU: on Linux, 440 MB of libraries out of a 527 MB wheel."""
    missing = missing_in_wheel()
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="libtorch-", dir=os.path.dirname(folder)) as work:
        wheels, made = os.path.join(work, "wheels"), os.path.join(work, "libtorch")
        os.makedirs(wheels)
        say(f"libtorch {VERSION}: fetching torch's wheel (430 to 530 MB on Linux, 110 to 120 MB elsewhere)")
        torch = download(f"torch=={VERSION}", wheels)
        say("libtorch: unpacking the headers and the CPU libraries")
        unpack(torch, wanted_of_torch, made)
        with open(os.path.join(made, "build-version"), "w", encoding="utf-8") as file:
            file.write(VERSION + "\n")
        for requirement, name in missing.items():
            wheel = download(requirement, wheels)
            unpack(wheel, lambda member, name=name: f"lib/{name}" if member.endswith("/" + name) else None, made)
        if sys.platform == "linux":
            # What links with -ltorch then needs nothing of CUDA.
            os.symlink("libtorch_cpu.so", os.path.join(made, "lib", "libtorch.so"))
        write_manifest(made)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(made, folder)


def resolved_with_cuda():
    """torch and NVIDIA's libraries that it asks for, as pip resolves them: `name==version` each.

    `cccl` and `crt` are headers that CUDA's own include. What torch asks for beside them (triton, sympy, …) is for Python alone.
    """
    with tempfile.TemporaryDirectory(prefix="libtorch-") as work:
        report = os.path.join(work, "report.json")
        pip("install", "--dry-run", "--quiet", "--ignore-installed", *ANY_PYTHON, "--target", work, "--report", report,
            f"torch=={VERSION}", "cuda-toolkit[cccl,crt]")
        with open(report, encoding="utf-8") as file:
            found = [entry["metadata"] for entry in json.load(file)["install"]]
    wanted = [one for one in found if one["name"] == "torch" or one["name"].startswith("nvidia-")]
    return sorted(f"{one['name']}=={one['version']}" for one in wanted)


def wanted_with_cuda(name):
    """The libraries and headers of torch's and NVIDIA's wheels, where the libraries look for each other."""
    if name.startswith(("nvidia/", "torch/include/")):
        return name
    if name.startswith("torch/lib/lib") and name.count("/") == 2:
        return None if re.search(r"python|libshm|global_deps", name) else name
    return None


def gigabytes_free(folder):
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free / 1e9


def graphics_card():
    """What NVIDIA's driver says of the first GPU, or None."""
    try:
        query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True)
    except OSError:
        return None
    return answer.stdout.strip().split("\n")[0] if answer.returncode == 0 and answer.stdout.strip() else None


def assemble_cuda(folder):
    """libtorch with CUDA, and NVIDIA's libraries beside it; LIBTORCH is its `torch` folder."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Fault("HERBARIUM_CUDA=1 is for Linux on x86-64: unset it")
    place = os.path.dirname(folder)
    free = gigabytes_free(place)
    say(f"libtorch {VERSION} with CUDA: {CUDA_FETCHED} GB to fetch, which pip may keep in its cache as well, and {CUDA_ON_DISK} GB in {place}; "
        f"{free:.0f} GB are free there")
    # The largest wheel lies there beside what was unpacked.
    if free < CUDA_ON_DISK + 0.6:
        raise Fault(f"{place} needs {CUDA_ON_DISK + 0.6:.1f} GB for libtorch with CUDA, and {free:.1f} GB are free: make room, "
                    "set XDG_CACHE_HOME to a folder on another disk, or unset HERBARIUM_CUDA")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="libtorch-", dir=os.path.dirname(place)) as work:
        wheels, made = os.path.join(work, "wheels"), os.path.join(work, "libtorch")
        os.makedirs(wheels)
        for requirement in resolved_with_cuda():
            wheel = download(requirement, wheels)
            unpack(wheel, wanted_with_cuda, made)
            os.remove(wheel)
        with open(os.path.join(made, "torch", "build-version"), "w", encoding="utf-8") as file:
            file.write(VERSION + "\n")
        write_manifest(os.path.join(made, "torch"))
        shutil.rmtree(place, ignore_errors=True)
        os.rename(made, place)
    card = graphics_card()
    say(f"libtorch: the GPU is {card}" if card else
        "libtorch: no GPU is found on this machine (nvidia-smi, which comes with NVIDIA's driver, shows none): training runs on the CPU")


def locate(check_only=False):
    cuda = os.environ.get("HERBARIUM_CUDA") == "1"
    folder = from_environment()
    if folder and cuda and not os.path.isfile(library(folder, "torch_cuda")):
        raise Fault(f"HERBARIUM_CUDA is 1, but LIBTORCH is {folder}, which is built without CUDA: unset one of the two")
    folder = folder or from_python()
    if folder and (not cuda or os.path.isfile(library(folder, "torch_cuda"))):
        return folder
    if cuda:
        folder, assemble = os.path.join(cache_folder(), f"libtorch-{VERSION}-cuda", "torch"), assemble_cuda
    else:
        folder, assemble = os.path.join(cache_folder(), f"libtorch-{VERSION}-cpu"), assemble_cpu
    found = faults_in(folder)
    if found and check_only:
        raise Fault(f"{folder}: {'; '.join(found)}")
    if found:
        if os.path.exists(folder):
            say(f"libtorch: {folder} is incomplete ({found[0]}): rebuilding it")
        assemble(folder)
        found = faults_in(folder, thorough=True)
        if found:
            raise Fault(f"libtorch: {folder} is incomplete after it was assembled: {'; '.join(found)}")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verify", action="store_true", help="compare every library's checksum; repair what differs")
    options = parser.parse_args()
    try:
        folder = locate()
        if options.verify and os.path.isfile(os.path.join(folder, MANIFEST)):
            found = faults_in(folder, thorough=True)
            if found:
                say(f"libtorch: {'; '.join(found)}: rebuilding it")
                os.remove(os.path.join(folder, MANIFEST))
                folder = locate()
        print(os.path.abspath(folder))
    except Fault as fault:
        say(f"libtorch: {fault}")
        return 1
    except OSError as error:
        say(f"libtorch: {error}: check the free space and the permissions of {cache_folder()}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
