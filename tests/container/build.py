#!/usr/bin/env python3
"""Builds the image of the Containerfile and runs cells in it: `make test-container`.

With a container engine (podman, or docker with its daemon) that is all that happens. Without one, this executes the file's steps
itself, as root on Debian: in a folder over this machine's own system (overlayfs), in which only the base image's Rust is added and
nothing that the steps write stays. There the cells run as the image's user, too.
"""

import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

import containerfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "Containerfile"
# What the base image `rust` sets.
BASE = {
    "PATH": "/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "RUSTUP_HOME": "/usr/local/rustup",
    "CARGO_HOME": "/usr/local/cargo",
}
# Where this machine reaches the package registries.
PASSED_ON = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "RUSTUP_DIST_SERVER")
CHECK = ["herbarium", "run", "tests/first_cells.ipynb", "-o", "/tmp/first_cells.ipynb"]


def say(text):
    print(f"container: {text}", flush=True)


def engine():
    """A container engine that answers, or none."""
    for name in ("podman", "docker"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True).returncode == 0:
            return name
    return None


def with_engine(name):
    subprocess.run([name, "build", "--file", FILE, "--tag", "herbarium-test", ROOT], check=True)
    subprocess.run([name, "run", "--rm", "--network=none", "herbarium-test", *CHECK], check=True)
    subprocess.run([name, "rmi", "herbarium-test"], check=True)


class Folder:
    """The steps' system: this machine's, with all changes in `place`."""

    def __init__(self, place):
        self.root = place / "root"
        changes, work, temporary, homes = (place / name for name in ("changes", "work", "tmp", "home"))
        for folder in (self.root, changes, work, temporary, homes):
            folder.mkdir()
        temporary.chmod(0o1777)
        mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={changes},workdir={work}", self.root)
        mount("-t", "proc", "proc", self.root / "proc")
        # Single devices and not the folder: what removes this system must never reach the machine's own.
        devices = self.root / "dev"
        mount("-t", "tmpfs", "tmpfs", devices)
        for name in ("null", "zero", "full", "random", "urandom"):
            (devices / name).touch()
            mount("--bind", f"/dev/{name}", devices / name)
        (devices / "shm").mkdir(mode=0o1777)
        (devices / "shm").chmod(0o1777)
        (devices / "fd").symlink_to("/proc/self/fd")
        mount("--bind", temporary, self.root / "tmp")
        mount("--bind", homes, self.root / "home")
        self.variables, self.user, self.workdir = dict(BASE), "root", "/"
        self.passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.add_base()

    def add_base(self):
        """What the base image has and this machine has not: Rust for every user, and no user but root."""
        for account in pwd.getpwall():
            if 1000 <= account.pw_uid < 60000:
                self.run("root", ["userdel", account.pw_name])
        toolchain = pathlib.Path(output("rustc", "--print", "sysroot"))
        home, cargo = self.root / "usr/local/rustup", self.root / "usr/local/cargo"
        (cargo / "bin").mkdir(parents=True)
        for tool in ("rustup", "cargo", "rustc"):
            shutil.copy(shutil.which("rustup"), cargo / "bin" / tool)
        shutil.copytree(toolchain, home / "toolchains" / toolchain.name, symlinks=True)
        (home / "settings.toml").write_text(f'version = "12"\nprofile = "minimal"\ndefault_toolchain = "{toolchain.name}"\n')
        subprocess.run(["chmod", "--recursive", "a+rwX", home, cargo], check=True)

    def run(self, user, command):
        """Runs a command as a user, in the working folder, with the variables of the steps before."""
        variables = [f"{name}={value}" for name, value in (self.passed_on | self.variables).items()]
        change = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        within = ["chroot", self.root, *change, "env", "--ignore-environment", f"--chdir={self.workdir}", *variables, *command]
        result = subprocess.run(within, stdin=subprocess.DEVNULL)
        if result.returncode:
            raise containerfile.Fault(f"`{' '.join(map(str, command))}` ended with {result.returncode}")

    def inside(self, path):
        return self.root / os.path.join(self.workdir, path).lstrip("/")

    def copy(self, step):
        """COPY --chown=… SOURCE... TARGET"""
        *sources, target = step.words()
        is_ignored = containerfile.ignored((ROOT / ".containerignore").read_text())

        def left_out(folder, names):
            return [name for name in names if is_ignored(str((pathlib.Path(folder) / name).relative_to(ROOT)))]

        for source in sources:
            to = self.inside(target)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=left_out, dirs_exist_ok=True)
            else:
                to = to / pathlib.Path(source).name if target.endswith("/") else to
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / source, to)
            owner = next((word.split("=")[1] for word in step.text.split() if word.startswith("--chown=")), "root:root")
            self.run("root", ["chown", "--recursive", owner, target])

    def execute(self, step):
        if step.name == "RUN":
            self.run(self.user, ["/bin/sh", "-c", step.text])
        elif step.name == "COPY":
            self.copy(step)
        elif step.name == "ENV":
            self.variables |= containerfile.assignments(step, self.variables)
        elif step.name == "USER":
            self.user = step.text
        elif step.name == "WORKDIR":
            self.workdir = step.text
            self.inside("").mkdir(parents=True, exist_ok=True)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def without_engine(place):
    """Executes the steps; this process has namespaces of mounts and processes for itself, which end with it."""
    steps = containerfile.parse(FILE.read_text())
    folder = Folder(pathlib.Path(place))
    for step in steps:
        say(f"line {step.line}: {step.name} {step.text[:100]}")
        start = time.monotonic()
        folder.execute(step)
        say(f"line {step.line}: {time.monotonic() - start:.0f} s")
    folder.run(folder.user, CHECK)
    (command,) = (step.list() for step in steps if step.name == "CMD")
    folder.run(folder.user, [command[0], *command[1:2], "--version"])


def main():
    if sys.argv[1:2] == ["--inside"]:
        return without_engine(sys.argv[2])
    name = engine()
    if name:
        return with_engine(name)
    if os.getuid() != 0 or not shutil.which("unshare"):
        raise containerfile.Fault("there is neither podman nor a docker that answers, and without one this needs root on Linux")
    say("no container engine answers: the steps are executed in a folder over this machine's own system")
    # Removed from out here, where what is mounted in it was never seen.
    with tempfile.TemporaryDirectory(prefix="herbarium-container-") as place:
        inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, __file__, "--inside", place]
        if subprocess.run(inside).returncode:
            raise containerfile.Fault("the steps did not all succeed; the lines above say which did not")


if __name__ == "__main__":
    try:
        main()
    except containerfile.Fault as fault:
        sys.exit(f"container: {fault}")
