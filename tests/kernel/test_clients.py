"""The programs that people run notebooks with, each tried on a small notebook: what they show is what the kernel gave."""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
import websocket
from conftest import KERNEL

BIN = pathlib.Path(sys.executable).parent
CELLS = ["let petals = vec![5, 3];", 'println!("one");\nprint!("two");', "petals.iter().sum::<i32>()"]


@pytest.fixture
def notebook(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    book.metadata["kernelspec"] = {"name": KERNEL, "display_name": "Rust", "language": "rust"}
    path = tmp_path / "flowers.ipynb"
    nbformat.write(book, path)
    return path


def check(path):
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source in CELLS]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert "".join(output.text for output in code[1].outputs) == "one\ntwo"
    assert code[2].outputs[0].data["text/plain"] == "8"


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=180, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_nbconvert_executes(notebook, tmp_path):
    run(BIN / "jupyter-nbconvert", "--to", "notebook", "--execute", notebook, "--output", "done.ipynb")
    check(tmp_path / "done.ipynb")


def test_papermill_executes(notebook, tmp_path):
    run(BIN / "papermill", "--no-progress-bar", notebook, tmp_path / "done.ipynb")
    check(tmp_path / "done.ipynb")


def test_jupyter_console():
    typed = "let petals = 8;\nfn twice(x: i32) -> i32 { x * 2 }\ntwice(petals)\n"
    command = [BIN / "jupyter-console", "--kernel", KERNEL, "--simple-prompt"]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=180)
    assert "16" in done.stdout, done.stdout + done.stderr


def test_jupyter_run_runs_scripts(tmp_path):
    """The scripts' names reach the kernel's command line too."""
    (tmp_path / "one.rs").write_text('let petals = 5;\nprintln!("one: {petals}");\n')
    (tmp_path / "two.rs").write_text('println!("two: {petals}");\n')
    # `jupyter run`, which by itself waits ten seconds for a cell, and so not long enough on every machine.
    patient = "from jupyter_client import runapp; runapp.OUTPUT_TIMEOUT = 120; runapp.main()"
    shown = run(sys.executable, "-c", patient, "--kernel", KERNEL, tmp_path / "one.rs", tmp_path / "two.rs")
    assert shown == "one: 5\ntwo: 5\n"


class Server:
    """A Jupyter server with Notebook 7 and JupyterLab, and one of its kernels over a websocket."""

    def __init__(self, folder):
        self.log = folder / "server.log"
        runtime = folder / "runtime"
        environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(folder / "config")}
        options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=secret"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([str(BIN / "jupyter-notebook"), *options], env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            for file in runtime.glob("jpserver-*.json"):
                try:
                    self.url = json.loads(file.read_text())["url"]
                    self.get("api/status")
                    return
                except (ValueError, OSError):
                    pass
            time.sleep(0.1)

    def request(self, path, method="GET", body=None):
        headers = {"Authorization": "token secret", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def get(self, path):
        return self.request(path)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


def test_notebook_7_offers_the_kernel(server):
    specs = json.loads(server.get("api/kernelspecs"))["kernelspecs"]
    assert specs[KERNEL]["spec"]["display_name"] == "Rust (Herbarium)"
    page = server.get("tree")
    assert "notebook" in page.lower() and "jupyter-config-data" in page


def test_a_kernel_over_the_servers_websocket(server):
    kernel = json.loads(server.request("api/kernels", "POST", {"name": KERNEL}))
    address = server.url.replace("http", "ws", 1) + f"api/kernels/{kernel['id']}/channels?token=secret"
    connection = websocket.create_connection(address, timeout=60)
    try:
        assert ask(connection, "kernel_info_request", {})[0]["content"]["protocol_version"] >= "5.3"
        reply, outputs = ask(connection, "execute_request", {"code": 'println!("\U0001f33a");\n6 * 7', "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True})
        assert reply["content"]["status"] == "ok"
        texts = [each["content"].get("text") or each["content"]["data"]["text/plain"] for each in outputs]
        assert texts == ["\U0001f33a\n", "42"]
        slow = {"code": 'println!("go"); loop { std::thread::sleep(std::time::Duration::from_millis(10)); }', "silent": False, "allow_stdin": False}

        def stop(message):
            if message["msg_type"] == "stream":
                server.request(f"api/kernels/{kernel['id']}/interrupt", "POST", {})

        reply, _ = ask(connection, "execute_request", slow, stop)
        assert reply["content"]["ename"] == "Interrupt"
        server.request(f"api/kernels/{kernel['id']}/restart", "POST", {})
        assert ask(connection, "execute_request", {"code": "1 + 1", "silent": False})[0]["content"]["execution_count"] == 1
    finally:
        connection.close()
        server.request(f"api/kernels/{kernel['id']}", "DELETE")


def ask(connection, kind, content, on_output=None):
    """The reply and the outputs, when the kernel is idle again."""
    message_id = f"{kind}-{time.time_ns()}"
    header = {"msg_id": message_id, "msg_type": kind, "username": "t", "session": "t", "version": "5.3", "date": ""}
    channel = "shell"
    connection.send(json.dumps({"channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}))
    reply, outputs, idle = None, [], False
    while reply is None or not idle:
        message = json.loads(connection.recv())
        if message["parent_header"].get("msg_id") != message_id:
            continue
        if message["channel"] == "shell":
            reply = message
        elif message["msg_type"] == "status":
            idle = message["content"]["execution_state"] == "idle"
        elif message["msg_type"] != "execute_input":
            outputs.append(message)
            if on_output:
                on_output(message)
    return reply, outputs
