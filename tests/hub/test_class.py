"""Three people log in and run the first cells of the notebook at once."""

import concurrent.futures
import contextlib
import os
import pathlib
import stat
import subprocess
import time

import nbformat
from browser import Browser, running
from conftest import HUB, INSTALLED, PREFIX, ROOT, megabytes, report

#: Up to the picture of the network.
CELLS = 12


def first_cells():
    book = nbformat.read(ROOT / "notebooks" / "flowers.ipynb", as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type == "code"][:CELLS]


def processes(user):
    """Of each of a user's processes, what it is and its share of memory in MB."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid != user.uid:
                continue
            share = next(line for line in (folder / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
            words = (folder / "cmdline").read_bytes().split(b"\0")
            role = dict(part.split(b"=", 1) for part in (folder / "environ").read_bytes().split(b"\0") if b"=" in part).get(b"HERBARIUM_ROLE", b"").decode()
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
        is_kernel = words[0].endswith(b"herbarium")
        found.append(((role or "kernel") if is_kernel else "server", int(share.split()[1]) / 1000, int(folder.name)))
    return found


def attend(hub, user, cells):
    """Seconds until this user's server is there, until the first cell has run, and for all cells after that."""
    start = time.monotonic()
    browser = Browser(hub, user.name)
    server = time.monotonic()
    kernel = browser.kernel()
    kernel.run(cells[0])
    first = time.monotonic()
    outputs = [kernel.run(cell) for cell in cells[1:]]
    assert any("image/png" in output.get("data", {}) or "image/svg+xml" in output.get("data", {}) for cell in outputs for output in cell)
    return {"server": server - start, "first_cell": first - server, "other_cells": time.monotonic() - first}, kernel


def reads_nothing(user, sockets):
    """Whether every attempt of a user to connect to somebody else's sockets is refused."""
    code = "import socket, sys\nfor path in sys.argv[1:]:\n    try: socket.socket(socket.AF_UNIX).connect(path)\n    except PermissionError: print('refused')"
    said = user.run(HUB / "python/bin/python", "-c", code, *sockets).stdout
    return said.split() == ["refused"] * len(sockets)


@contextlib.contextmanager
def opened(folders):
    """Lets everybody into folders; afterwards they are as closed as before, for the tests that follow."""
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in folders}
    try:
        for folder in modes:
            folder.chmod(0o755)
        yield
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)


def listens_over_tcp(pid):
    inodes = {os.readlink(link).strip("socket:[]") for link in pathlib.Path(f"/proc/{pid}/fd").iterdir() if os.readlink(link).startswith("socket:")}
    tables = "".join(pathlib.Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
    return any(line.split()[9] in inodes for line in tables.splitlines() if " 0A " in line)


def state_of(folder):
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_mode) for path in folder.rglob("*")}


def test_a_class_shares_one_installation(users, tmp_path_factory):
    before, cells = state_of(PREFIX), first_cells()
    folder = tmp_path_factory.mktemp("hub")
    folder.parent.chmod(0o755)
    folder.parent.parent.chmod(0o755)
    with running(folder) as hub, concurrent.futures.ThreadPoolExecutor(len(users)) as pool:
        attended = list(pool.map(lambda user: attend(hub, user, cells), users))
        for user, (seconds, kernel) in zip(users, attended):
            memory = {}
            for role, share, _ in processes(user):
                memory[role] = memory.get(role, 0) + share
            caches = megabytes(user.home / ".cache" / "herbarium")
            store = megabytes(user.home / ".cache" / "herbarium" / "shared")
            report(measurement="hub", user=user.name, seconds={name: round(value, 1) for name, value in seconds.items()},
                   megabytes={name: round(value) for name, value in memory.items()}, all_megabytes=round(sum(memory.values())),
                   cache_megabytes=round(caches, 1), store_megabytes=round(store, 1))
            assert not (user.home / ".cache" / "herbarium" / "template").exists()
            assert store < 20, "only this user's own cells"

        # What one user's cells print, no other can read.
        ada, bo, _ = users
        sockets = [path for path in ada.home.rglob("*-ipc-*") if path.is_socket()]
        assert len(sockets) == 5, sockets
        assert reads_nothing(bo, sockets)
        # Even where the folder is open.
        with opened(path for path in sockets[0].parents if path.is_relative_to(ada.home)):
            assert reads_nothing(bo, sockets)
        (kernel,) = [pid for role, _, pid in processes(ada) if role == "kernel"]
        assert not listens_over_tcp(kernel)
        for _, kernel in attended:
            kernel.channel.close()
    assert state_of(PREFIX) == before, "no user writes into the installation"
    report(measurement="hub", installed_megabytes=round(megabytes(INSTALLED)), template_megabytes=round(megabytes(INSTALLED / "template")))
