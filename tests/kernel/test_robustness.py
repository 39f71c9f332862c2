"""What a kernel withstands: crashes, forged and garbled messages, long sessions, neighbours, its own end."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import pytest
import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from jupyter_client.session import DELIM, Session
from test_kernel import Kernel, children, gone, name, wait_for_text


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    assert kernel.run("40 + 2").plain() == ["42"]
    yield kernel
    kernel.stop()


def folder_of(pid):
    return next(pathlib.Path(os.environ["TMPDIR"]).glob(f"herbarium-kernel-{pid}-*"), None)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.3", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


# Crashes


def killed_from_outside(kernel):
    message_id = kernel.start('println!("go"); loop { std::thread::sleep(std::time::Duration::from_millis(10)); }')
    wait_for_text(kernel, message_id, "go")
    os.kill(kernel.runtime(), signal.SIGKILL)
    return kernel.finish(message_id)


@pytest.mark.parametrize("how, what", [
    ("unsafe { *(8 as *mut u64) = 1; }", "SIGSEGV"),
    (killed_from_outside, "SIGKILL"),
    ("std::process::exit(3)", "exit status 3"),
    ("let huge: Vec<u8> = Vec::with_capacity(1 << 50);", "1048576.0 GiB of memory"),
    ("fn deep(n: u64) -> u64 { let a = [n; 1000]; deep(n + 1) + a[3] }\ndeep(1)", "SIGABRT"),
])
def test_a_crash_costs_the_variables_and_no_more(kernel, how, what):
    kernel.run(":clear\nlet gone = 1;")
    result = how(kernel) if callable(how) else kernel.run(how)
    assert kernel.run("40 + 2").plain() == ["42"]
    assert result.reply["ename"] == "Crash" and what in result.reply["evalue"]
    shown = result.shown_error()
    assert "This variable is gone: gone" in shown and "new program" in shown
    assert "gone` was lost in cell" in kernel.run("gone").shown_error()


def test_a_cell_that_cannot_be_loaded_loses_nothing(kernel):
    kernel.run("let kept = 7;")
    result = kernel.run('unsafe extern "C" { fn nobody_has_this(); }\nunsafe { nobody_has_this() }')
    assert result.status == "error", result.outputs
    assert kernel.run("kept").plain() == ["7"]


# Messages that nobody should send


HONEST = [
    ("kernel_info_request", {}),
    ("complete_request", {"code": "let x = Vec::ne", "cursor_pos": 15}),
    ("inspect_request", {"code": "Vec::new", "cursor_pos": 8, "detail_level": 0}),
    ("is_complete_request", {"code": "fn f() {"}),
    ("history_request", {"hist_access_type": "search", "pattern": "*", "n": 3, "unique": True, "output": False, "raw": True}),
    ("comm_info_request", {}),
    ("comm_open", {"comm_id": "c", "target_name": "t", "data": {}}),
    ("input_reply", {"value": "x", "status": "ok"}),
]


def mutated(parts, chance):
    """The message's parts with some of what a broken or hostile sender could do to them."""
    parts = [bytearray(part) for part in parts]
    for _ in range(chance.randint(1, 4)):
        index = chance.randrange(len(parts))
        part = parts[index]
        match chance.randrange(8):
            case 0 if part:
                part[chance.randrange(len(part))] ^= 1 << chance.randrange(8)
            case 1:
                del part[chance.randint(0, len(part)):]
            case 2 if len(parts) > 1:
                del parts[index]
            case 3:
                parts.insert(index, bytearray(part))
            case 4:
                part[chance.randint(0, len(part)):0] = chance.randbytes(chance.randint(1, 40))
            case 5:
                parts[index] = bytearray(part.replace(b"}", chance.choice([b"", b",}", b':1e999}', b"]", b"null}"])))
            case 6:
                parts[index] = bytearray(part.replace(b'"', chance.choice([b"", b'\\"', b"\xff", b"\x00"])))
            case 7:
                parts[index] = bytearray(chance.choice([b"", b"{}", b"[]", b"null", b"-1", b'"', b"[" * 2000, b'{"a":' * 2000]))
    return [bytes(part) for part in parts]


def spoiled(wire, session):
    """The message with a content that is not the signed one, should the mutations have left the signature right: a part
    more at the end, for one, is a buffer, which no signature covers."""
    if DELIM in wire:
        signature = wire.index(DELIM) + 1
        signed = wire[signature + 1 : signature + 5]
        if len(signed) == 4 and wire[signature] == session.sign(signed):
            wire[signature + 4] += b" "
    return wire


def test_ten_thousand_mutated_messages(kernel, tmp_path):
    chance = random.Random(2026)
    info = kernel.manager.get_connection_info()
    mark = tmp_path / "executed"
    harmful = [
        ("execute_request", {"code": f'!touch "{mark}"', "silent": True, "store_history": False, "allow_stdin": False}),
        ("shutdown_request", {"restart": False}),
        ("interrupt_request", {}),
    ]
    count = kernel.run("1").reply["execution_count"]
    honest = Session(key=info["key"], signature_scheme=info["signature_scheme"])
    forger = Session(key=b"guessed", signature_scheme=info["signature_scheme"])
    context = zmq.Context.instance()
    sockets = {}
    for channel in ("shell", "control", "stdin"):
        sockets[channel] = context.socket(zmq.DEALER)
        sockets[channel].linger = 0
        sockets[channel].connect(f"tcp://{info['ip']}:{info[channel + '_port']}")
    for number in range(10_000):
        channel = chance.choice(list(sockets))
        if number % 2:
            # Signed as it should be, after it was garbled: only what cannot run anything, so that whatever is made of it
            # must be harmless.
            kind, content = chance.choice(HONEST)
            message = honest.serialize(honest.msg(kind, content))
            delimiter, _, *body = message
            body = mutated(body, chance)
            wire = [delimiter, honest.sign(body), *body]
        else:
            # A message with a signature that a mutation spoiled, or by somebody who has not the key.
            kind, content = chance.choice(HONEST + harmful * 3)
            session = chance.choice([honest, forger])
            message = session.serialize(session.msg(kind, content))
            wire = spoiled(mutated(message, chance), honest)
        sockets[channel].send_multipart(wire)
        if number % 200 == 0:
            # Not faster than the kernel reads, so that none is dropped on the way.
            assert kernel.client.is_alive()
            kernel.client.kernel_info(reply=True, timeout=60)
    for each in sockets.values():
        each.close()
    assert kernel.run("40 + 2", timeout=60).plain() == ["42"]
    assert kernel.run("1").reply["execution_count"] == count + 2, "nothing else was executed"
    assert not mark.exists()
    # More of the kind without the protocol: not even a greeting.
    for _ in range(100):
        port = info[chance.choice(["shell", "control", "stdin", "iopub", "hb"]) + "_port"]
        with socket.create_connection((info["ip"], port), timeout=5) as connection:
            connection.sendall(chance.randbytes(chance.randint(0, 2000)))
    assert kernel.run("40 + 2").plain() == ["42"]


def test_it_listens_on_the_address_of_the_connection_file_only(tmp_path):
    ports = dict(zip(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), free_ports(5)))
    file = tmp_path / "connection.json"
    # Another address of this machine than every other test's.
    write_connection_file(str(file), ip="127.0.0.3", key=b"a-key", **ports)
    process = subprocess.Popen([os.environ["HERBARIUM_BIN"], "kernel", "-f", str(file)], cwd=tmp_path)
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        listening = {}
        everything = [process.pid, *all_below(process.pid)]
        assert len(everything) >= 3
        for pid in everything:
            listening.update(listening_of(pid))
        assert set(listening) == set(ports.values())
        assert set(listening.values()) == {"0300007F"}, "127.0.0.3, byte by byte from the last"
        client.shutdown()
        assert process.wait(timeout=30) == 0
    finally:
        client.stop_channels()
        process.kill()


def listening_of(pid):
    """The ports on which a process listens, and the address of each as the system writes it; none if it has ended."""
    found = {}
    try:
        inodes = {os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
        for family in ("tcp", "tcp6", "udp"):
            for line in pathlib.Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
                address, state, inode = [line.split()[column] for column in (1, 3, 9)]
                if state == "0A" and f"socket:[{inode}]" in inodes:
                    found[int(address.split(":")[1], 16)] = address.split(":")[0]
    except FileNotFoundError:
        pass
    return found


# Neighbours and the end


def test_three_kernels_in_one_folder(tmp_path):
    started = [Kernel() for _ in range(3)]
    ids = [kernel.start(f"let mine = {number};\nmine") for number, kernel in enumerate(started)]
    for number, (kernel, message_id) in enumerate(zip(started, ids)):
        assert kernel.finish(message_id).plain() == [str(number)]
    folders = [folder_of(kernel.pid()) for kernel in started]
    assert all(folders) and len(set(folders)) == 3
    first, second, third = started
    runtime = second.runtime()
    os.kill(second.pid(), signal.SIGKILL)
    assert [kernel.run("mine").plain() for kernel in (first, third)] == [["0"], ["2"]]
    deadline = time.monotonic() + 60
    while folders[1].exists():
        assert time.monotonic() < deadline, "a killed kernel leaves files behind"
        time.sleep(0.05)
    assert gone(runtime)
    assert folders[0].exists() and folders[2].exists()
    second.client.stop_channels()
    second.manager.shutdown_kernel(now=True)
    first.stop()
    third.stop()
    assert not [folder for folder in folders if folder.exists()]


def test_a_kernel_that_is_killed_while_it_compiles_leaves_nothing():
    kernel = Kernel()
    kernel.run("1")
    folder = folder_of(kernel.pid())
    functions = "\n".join(f"fn g{i}(x: u64) -> u64 {{ (0..x).map(|y| y * {i}).filter(|y| y % 3 == 1).sum() }}" for i in range(800))
    kernel.start(f"{{ {functions}\n }}")
    deadline = time.monotonic() + 120
    while not [pid for pid in all_below(kernel.pid()) if name_or_nothing(pid) == "rustc"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(kernel.pid(), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < deadline, sorted(folder.rglob("*"))[:20]
        time.sleep(0.05)
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def test_a_killed_kernel_leaves_no_process_of_its_cells():
    """Those of shell commands and of cells, whoever their parents have become."""
    kernel = Kernel()
    kernel.run('let kept = std::process::Command::new("sleep").arg("30000.1").spawn()?;')
    kernel.run('std::process::Command::new("setsid").args(["sleep", "30000.2"]).spawn()?;')
    kernel.run("!sleep 30000.3 > /dev/null 2>&1 &")
    crash = "std::process::Command::new(\"sleep\").arg(\"30000.4\").spawn().unwrap(); std::process::abort()"
    assert kernel.run(crash).status == "error"
    kernel.start("!sleep 30000.5; echo never")
    deadline = time.monotonic() + 60
    while len(sleepers()) < 5:
        assert time.monotonic() < deadline, sleepers()
        time.sleep(0.02)
    os.kill(kernel.pid(), signal.SIGKILL)
    while sleepers():
        assert time.monotonic() < deadline + 60, sleepers()
        time.sleep(0.02)
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def sleepers():
    """The processes that sleep as long as no others do."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and b"\x0030000." in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def all_below(pid):
    found = children(pid)
    for child in found:
        found = found + all_below(child)
    return found


def name_or_nothing(pid):
    try:
        return name(pid).strip()
    except FileNotFoundError:
        return ""


def test_history_outlives_the_kernel():
    said = f"let remembered = {time.time_ns()};"
    first = Kernel()
    first.run(said)
    first.stop()
    second = Kernel()
    reply = second.client.history(hist_access_type="search", pattern=said, n=1, reply=True, timeout=30)
    assert [entry[2] for entry in reply["content"]["history"]] == [said]
    session = second.client.history(hist_access_type="range", session=-1, start=1, stop=2, reply=True, timeout=30)
    assert session["content"]["history"][0][2] == said
    second.stop()


def test_user_expressions_are_values_or_errors(kernel):
    reply = kernel.run("let leaves = 4;", user_expressions={"twice": "leaves * 2", "wrong": "leaves * \"a\""}).reply
    values = reply["user_expressions"]
    assert values["twice"] == {"status": "ok", "data": {"text/plain": "8"}, "metadata": {}}
    assert values["wrong"]["status"] == "error" and values["wrong"]["ename"] == "CompileError"
    json.dumps(reply["user_expressions"])
    assert kernel.run('panic!("x")', user_expressions={"a": "1"}).reply["user_expressions"] in ({}, None)


# Traps of notebooks


@pytest.mark.parametrize("code, told", [
    ("let v = vec![1];\nlet part = &v[0];", ["`part` is a reference", "line 2", ".clone()"]),
    ("let double = |x: i32| x * 2;", ["`double` is a closure", "line 1, column 5", "fn double(…)", "Box<dyn Fn(…) -> …>"]),
    ("fn few() -> impl Iterator<Item = i32> { 0..3 }\nlet some = few();", ["`some` has a type without a name", "Box<dyn Iterator<Item = i32>>", "collect"]),
    ("let borrowed = vec![1].iter();", ["cannot hold a reference", ".clone()"]),
    ("struct Bare;\nBare", ["Debug", "line 2, column 1"]),
])
def test_the_known_traps_in_plain_words(kernel, code, told):
    result = kernel.run(code)
    assert result.status == "error"
    shown = result.shown_error()
    for text in told:
        assert text in shown, shown
    assert "evcxr" not in shown.lower(), shown


def test_a_moved_variable_says_where_it_went(kernel):
    kernel.run("let model = String::new();")
    count = kernel.run("let other = model;").reply["execution_count"]
    shown = kernel.run("model.len()").shown_error()
    assert f"`model` was moved away in cell [{count}]: `let other = model;`" in shown and "model.clone()" in shown
    failed = kernel.run('let half = 1; panic!("x")').reply["execution_count"]
    assert f"cell [{failed}] was to make `half`, but failed" in kernel.run("half").shown_error()
    kernel.run("let model = 1;")
    assert kernel.run("model").plain() == ["1"]
