"""One installation for all users of this machine, and users for it. `make test-hub` runs these tests, as root."""

import json
import os
import pathlib
import pwd
import subprocess

import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERBARIUM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "herbarium"
HUB = pathlib.Path(os.environ["HERBARIUM_HUB"])
PREFIX = HUB / "prefix"
INSTALLED = PREFIX / "lib" / "herbarium"
NAMES = ["herbarium-ada", "herbarium-bo", "herbarium-cy"]


def report(**measurement):
    with open(os.environ["HERBARIUM_HUB_OUT"], "a") as file:
        file.write(json.dumps(measurement) + "\n")


def megabytes(folder):
    """What a folder takes on disk; files that something else holds too count where they are first seen, as with du."""
    said = subprocess.run(["du", "-s", "--block-size=1000", folder], capture_output=True, text=True, check=True).stdout
    return int(said.split()[0]) / 1000


class User:
    def __init__(self, name):
        self.name = name
        subprocess.run(["useradd", "--create-home", "--user-group", "--shell", "/bin/bash", name], check=True)
        known = pwd.getpwnam(name)
        self.uid, self.gid, self.home = known.pw_uid, known.pw_gid, pathlib.Path(known.pw_dir)
        self.home.chmod(0o700)

    def environment(self, **more):
        return {"HOME": str(self.home), "PATH": f"{PREFIX}/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": self.name, **more}

    def run(self, *command, limits=(), cgroup=None, environment=None, **options):
        """What a command says, as this user, below limits that `prlimit` sets, and in a cgroup."""
        command = [*(["prlimit", *limits] if limits else []), *map(str, command)]
        options = {"cwd": self.home, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 600, **options}
        as_user = {"user": self.uid, "group": self.gid, "extra_groups": []}
        if cgroup:
            user = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
            command, as_user = ["sh", "-c", 'echo $$ > "$0"; exec "$@"', str(cgroup / "cgroup.procs"), *user, *command], {}
        return subprocess.run(command, env=environment or self.environment(), **as_user, **options)

    def cells(self, *sources, **options):
        """What cells say in a new session of `herbarium run`; one that fails ends nothing."""
        folder = HUB / "work" / self.name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"]}) for source in sources]
        path = folder / "cells.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        path.chmod(0o644)
        return self.run("herbarium", "run", path, "-o", folder / "out.ipynb", **options).stdout

    def remove(self):
        subprocess.run(["pkill", "-KILL", "-u", str(self.uid)])
        subprocess.run(["userdel", "--remove", self.name], capture_output=True)


@pytest.fixture(scope="session")
def installation():
    """Made below a umask that lets nobody else read anything."""
    environment = {**os.environ, "HERBARIUM_CRATE": str(ROOT)}
    command = [HERBARIUM, "install", "--system", "--prefix", PREFIX]
    done = subprocess.run(command, env=environment, preexec_fn=lambda: os.umask(0o077), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    return INSTALLED


@pytest.fixture(scope="session")
def users(installation):
    for name in NAMES:
        subprocess.run(["userdel", "--remove", name], capture_output=True)
    made = [User(name) for name in NAMES]
    yield made
    for user in made:
        user.remove()
