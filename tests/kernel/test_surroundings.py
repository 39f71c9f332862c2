"""What a kernel makes of a machine that is not as it should be."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
from conftest import KERNEL, ROOT
from jupyter_client import KernelManager
from test_kernel import Kernel, wait_for_text


def temporary_folder(tmp_path, kind):
    match kind:
        case "missing":
            return tmp_path / "nowhere"
        case "a file":
            (tmp_path / "file").touch()
            return tmp_path / "file"
        case "quoted":
            folder = tmp_path / "it's \"here\", and\\there"
            folder.mkdir()
            return folder


@pytest.mark.parametrize("kind", ["missing", "a file", "quoted"])
def test_a_folder_for_temporary_files_is_found(tmp_path, kind):
    wanted = temporary_folder(tmp_path, kind)
    kernel = Kernel(TMPDIR=str(wanted))
    assert kernel.run("let petals = vec![5];\npetals.len()").plain() == ["1"]
    # What can be used is left to the cells as it is; what cannot, is replaced for them too.
    found = kernel.run('println!("{}", std::env::temp_dir().display()); std::fs::write(std::env::temp_dir().join("herbarium-test"), "")?;')
    folder = pathlib.Path(found.text().rstrip("\n"))
    assert found.status == "ok" and (folder == wanted) == (kind == "quoted"), found.outputs
    (folder / "herbarium-test").unlink()
    kernel.stop()
    assert not wanted.is_dir() or not list(wanted.iterdir())


def test_a_rust_that_is_too_old_is_named(tmp_path):
    """With the crate, which is built by the Rust on the PATH; libtorch need not be whole for that."""
    rustc = tmp_path / "rustc"
    rustc.write_text('#!/bin/sh\necho "rustc 1.70.0 (90c541806 2023-05-31)"\n')
    rustc.chmod(0o755)
    (tmp_path / "libtorch" / "lib").mkdir(parents=True)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HERBARIUM_CRATE": str(ROOT),
        "LIBTORCH": str(tmp_path / "libtorch"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    kernel = Kernel(HERBARIUM_PLAIN=None, **environment)
    result = kernel.run("1 + 1")
    kernel.stop()
    assert result.reply["ename"] == "StartError", result.outputs
    for part in ("1.70.0", "1.95", "rustup update"):
        assert part in result.reply["evalue"], result.reply["evalue"]
    done = subprocess.run([os.environ["HERBARIUM_BIN"], "doctor"], env={**os.environ, **environment}, capture_output=True, text=True)
    (line,) = [line for line in done.stdout.splitlines() if line.split()[1:2] == ["Rust"]]
    assert line.startswith("FAIL") and "1.70.0" in line and "1.95" in line and done.returncode == 1


@pytest.mark.parametrize("mode, advice", [(0o700, "may not read the libtorch"), (None, "there is no libtorch")])
def test_a_libtorch_that_this_user_may_not_read(mode, advice):
    """Looked at by a user who is not its owner; where the tests have no other user, by one who has locked himself out."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="herbarium-locked-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        libtorch, crate = folder / "libtorch", folder / "crate"
        crate.mkdir()
        # A crate that stands on tch.
        (crate / "Cargo.toml").touch()
        (crate / "Cargo.lock").write_text('[[package]]\nname = "torch-sys"\n')
        binary = shutil.copy2(os.environ["HERBARIUM_BIN"], folder / "herbarium")
        other_user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        if mode is not None:
            (libtorch / "lib").mkdir(parents=True)
            libtorch.chmod(mode if other_user else 0)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LIBTORCH": str(libtorch), "HERBARIUM_CRATE": str(crate)}
        done = subprocess.run([binary, "doctor"], env=environment, cwd="/", capture_output=True, text=True, **other_user)
        (line,) = [line for line in done.stdout.splitlines() if line.split()[1:2] == ["libtorch"]]
        assert line.startswith("FAIL") and advice in line and "make libtorch" in line, line
        if libtorch.exists():
            assert f"chmod -R a+rX {libtorch}" in line
            libtorch.chmod(0o755)
            (libtorch / "lib" / "libc10.so").touch(0o600 if other_user else 0)
            done = subprocess.run([binary, "doctor"], env=environment, cwd="/", capture_output=True, text=True, **other_user)
            assert advice in done.stdout
    finally:
        libtorch.chmod(0o700) if libtorch.exists() else None
        shutil.rmtree(folder)


def test_unix_sockets_are_for_their_owner_alone(tmp_path):
    """Whatever the umask is; and a kernel that starts in the place of one that was killed finds no socket in its way."""
    manager = KernelManager(kernel_name=KERNEL, transport="ipc", connection_file=str(tmp_path / "kernel.json"))
    said = tmp_path / "said"
    umask = os.umask(0)
    try:
        with said.open("w") as log:
            manager.start_kernel(stderr=log)
            first = pathlib.Path(f"{manager.ip}-{manager.iopub_port}")
            for _ in range(2):
                client = manager.client()
                client.start_channels()
                client.wait_for_ready(timeout=60)
                sockets = list(tmp_path.glob("kernel-ipc-*"))
                assert {socket.stat().st_mode & 0o777 for socket in sockets} == {0o600} and len(sockets) == 5
                client.stop_channels()
                os.kill(manager.provisioner.pid, signal.SIGKILL)
                manager.provisioner.process.wait()
                assert first.is_socket(), "left behind"
                manager.start_kernel(stderr=log)
    finally:
        os.umask(umask)
        manager.shutdown_kernel(now=True)
    assert "TCP" not in said.read_text()


def test_a_kernel_over_tcp_warns_and_one_that_cannot_encrypt_says_so(tmp_path):
    file = tmp_path / "kernel.json"
    keys = {"curve_publickey": "k" * 40, "curve_secretkey": "s" * 40}
    addresses = {"transport": "tcp", "ip": "127.0.0.1", "key": "k", "signature_scheme": "hmac-sha256"}
    ports = {f"{name}_port": 0 for name in ("shell", "iopub", "stdin", "control", "hb")}

    def start(**more):
        file.write_text(json.dumps({**addresses, **ports, **more}))
        return subprocess.Popen([os.environ["HERBARIUM_BIN"], "kernel", "-f", file], stderr=subprocess.PIPE, text=True)

    with start(**keys) as refused:
        said = refused.stderr.read()
    assert refused.returncode == 2 and "CurveZMQ" in said and "--KernelManager.transport=ipc" in said
    with start() as kernel:
        line = next(line for line in kernel.stderr if "TCP" in line)
        kernel.terminate()
    assert "--KernelManager.transport=ipc" in line


def test_a_program_that_a_cell_starts_has_no_part_in_the_kernel():
    kernel = Kernel()
    found = kernel.run('let about = std::process::Command::new(std::env::var("HERBARIUM_BIN")?).arg("version").output()?;\n'
                       'print!("{}", String::from_utf8_lossy(&about.stdout));')
    kernel.stop()
    assert found.text().startswith("herbarium "), found.outputs


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
def test_a_kernel_that_a_server_ends_says_so_in_the_cell_that_runs(by):
    """A limit on time, as a batch system or a hub that culls has it."""
    kernel = Kernel()
    message_id = kernel.start('println!("go"); loop { std::thread::sleep(std::time::Duration::from_millis(9)); }')
    wait_for_text(kernel, message_id, "go")
    os.kill(kernel.pid(), by)
    while (message := kernel.client.get_iopub_msg(timeout=60))["msg_type"] != "error":
        pass
    assert message["content"]["ename"] == "Terminated" and "time limit" in message["content"]["evalue"]
    kernel.stop()
