"""What is installed for all users: readable by all, written by none, and clear where something is wrong."""

import fcntl
import os
import shutil
import stat
import subprocess
import time

from conftest import HERBARIUM, INSTALLED, PREFIX, ROOT, megabytes

SUM = "let petals = vec![5, 3]; petals.iter().sum::<i32>()"


def test_all_may_read_and_nobody_else_writes(installation):
    for path in [PREFIX, *PREFIX.rglob("*")]:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            assert mode & 0o022 == 0 and mode & 0o004, path
            assert not stat.S_ISDIR(mode) or mode & 0o001, path


def test_a_user_needs_no_rust_and_writes_only_below_the_cache(users):
    user = users[0]
    said = user.cells(SUM, 'std::process::Command::new("rustc").arg("-V").output()?.status.success()')
    assert "\n8\n" in said and "\ntrue\n" in said, said
    written = {path.relative_to(user.home).parts[0] for path in user.home.rglob("*") if path.is_file() and time.time() - path.stat().st_mtime < 3600}
    assert written <= {".cache", ".local", ".jupyter", ".ipython", ".npm"}, written
    assert megabytes(user.home / ".cache" / "herbarium" / "shared") < 20


def test_doctor_and_list_know_of_it(users):
    said = users[0].run("herbarium", "doctor").stdout
    (line,) = [line for line in said.splitlines() if "all users" in line]
    assert line.startswith("ok") and str(INSTALLED) in line and "rustc" in line, said
    assert str(PREFIX) in users[0].run("herbarium", "list").stdout


def test_a_read_only_home(users):
    """Here one that belongs to somebody else."""
    user, fallback = users[1], f"/tmp/herbarium-cache-{users[1].uid}"
    # One that an earlier test has left there would still belong to the user.
    shutil.rmtree(user.home / ".cache", ignore_errors=True)
    os.chown(user.home, 0, 0)
    user.home.chmod(0o555)
    before = {path: path.lstat().st_mtime_ns for path in user.home.rglob("*")}
    try:
        said = user.cells(SUM, "data::flowers()?.display().to_string()", cwd="/tmp")
        assert "\n8\n" in said and f"{fallback}/herbarium" in said, said
        assert {path: path.lstat().st_mtime_ns for path in user.home.rglob("*")} == before
        assert os.stat(fallback).st_mode & 0o077 == 0
    finally:
        os.chown(user.home, user.uid, user.gid)
        user.home.chmod(0o700)
        shutil.rmtree(fallback, ignore_errors=True)


def test_a_fallback_that_somebody_else_has_made_is_not_used(users):
    user, fallback = users[1], f"/tmp/herbarium-cache-{users[1].uid}"
    os.mkdir(fallback, 0o777)
    try:
        said = user.cells(SUM, environment=user.environment(HOME="/proc/nowhere"), cwd="/tmp")
        assert f"{fallback} cannot be used" in said, said
    finally:
        shutil.rmtree(fallback)


def test_another_crate_is_compiled_beside_the_template(users):
    user = users[2]
    said = user.cells(':dep itoa = "1"', 'itoa::Buffer::new().format(42).to_owned()')
    assert '\n"42"\n' in said, said
    # What the template has is linked, and not copied.
    assert megabytes(user.home / ".cache" / "herbarium" / "shared") < 60


def test_who_may_not_write_is_told_what_to_type(users):
    user = users[0]
    denied = user.run(INSTALLED / "bin" / "herbarium", "install", "--system")
    assert denied.returncode == 2 and "sudo env" in denied.stdout and "--prefix" in denied.stdout, denied.stdout
    closed = user.run(INSTALLED / "bin" / "herbarium", "install", "--system", "--prefix", user.home / "closed")
    assert closed.returncode == 2 and f"cannot enter {user.home}" in closed.stdout, closed.stdout


def test_a_compiler_that_has_changed_is_named(users):
    kernels = INSTALLED / "kernels.json"
    text = kernels.read_text()
    try:
        kernels.write_text(text.replace("rustc 1.", "rustc 0."))
        said = users[0].run("herbarium", "doctor").stdout
        assert "was built by rustc 0." in said and f"herbarium install --system --prefix {PREFIX}" in said, said
    finally:
        kernels.write_text(text)


def test_a_second_installation_compiles_nothing(installation):
    environment = {**os.environ, "HERBARIUM_CRATE": str(ROOT)}
    again = subprocess.run([HERBARIUM, "install", "--system", "--prefix", PREFIX], env=environment, capture_output=True, text=True)
    assert again.returncode == 0 and "Compiling" not in again.stdout, again.stdout


def test_a_second_installation_at_once_is_refused(installation):
    environment = {**os.environ, "HERBARIUM_CRATE": str(ROOT)}
    before = (INSTALLED / "kernels.json").read_text()
    with open(INSTALLED / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["install", "--system"], ["uninstall", "--system"]):
            second = subprocess.run([HERBARIUM, *command, "--prefix", PREFIX], env=environment, capture_output=True, text=True)
            assert second.returncode == 2 and "is running: wait for it to end" in second.stderr, second
    assert (INSTALLED / "kernels.json").read_text() == before
