"""Kernels on another machine: JupyterLab here, the kernels behind a Kernel Gateway, and a notebook run through both.

`make test-gateway` installs the gateway into an environment of its own and gives its program as HERBARIUM_GATEWAY. The gateway
runs in a folder and with a kernelspec that JupyterLab does not know, as on a different machine.
"""

import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid

import nbformat
import pytest
import websocket

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TOKEN = secrets.token_hex()
# What a first build of the crate may take, on a busy machine.
PATIENCE = 1800


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A web server of Jupyter's, reached with the token."""

    def __init__(self, command, port, log, **options):
        self.address, self.log = f"127.0.0.1:{port}", log
        with open(log, "w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **options)
        while not self.answers():
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.2)

    def answers(self):
        try:
            return bool(self.ask("GET", "/api"))
        except OSError:
            return False

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{self.address}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or "null")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Kernel:
    """A kernel as a browser uses it: through the server's REST interface and its web socket."""

    def __init__(self, server):
        self.server = server
        self.id = server.ask("POST", "/api/kernels", {"name": "herbarium"})["id"]
        address = f"ws://{server.address}/api/kernels/{self.id}/channels?token={TOKEN}"
        self.socket = websocket.create_connection(address, timeout=PATIENCE)

    def send(self, code):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "gateway", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        self.socket.send(json.dumps(message))
        return header["msg_id"]

    def outputs(self, message_id):
        """The messages that belong to a cell, as they come; its reply last."""
        reply, idle = None, False
        while not (reply and idle):
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") != message_id:
                continue
            if message["msg_type"] == "execute_reply":
                reply = message
            elif message["msg_type"] == "status":
                idle = message["content"]["execution_state"] == "idle"
            else:
                yield message
        yield reply

    def run(self, code):
        return [*self.outputs(self.send(code))]


def text(messages):
    return "".join(message["content"].get("text", "") + message["content"].get("data", {}).get("text/plain", "") for message in messages)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab's server, with all kernels behind a gateway."""
    far, near = tmp_path_factory.mktemp("far"), tmp_path_factory.mktemp("near")
    program = os.environ["HERBARIUM_GATEWAY"]
    shutil.copytree(pathlib.Path(sys.prefix) / "share/jupyter/kernels/herbarium", far / "jupyter/kernels/herbarium")
    ports = free_port(), free_port()
    gateway = Server(
        [program, f"--KernelGatewayApp.port={ports[0]}", "--KernelGatewayApp.port_retries=0", f"--KernelGatewayApp.auth_token={TOKEN}",
         "--KernelGatewayApp.env_process_whitelist=HOME", "--JupyterWebsocketPersonality.env_whitelist=HERBARIUM_EPOCHS"],
        ports[0], far / "log", cwd=far, env={**os.environ, "JUPYTER_PATH": str(far / "jupyter")},
    )
    server = Server(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={ports[1]}", "--ServerApp.port_retries=0",
         f"--IdentityProvider.token={TOKEN}", f"--gateway-url=http://127.0.0.1:{ports[0]}", f"--GatewayClient.auth_token={TOKEN}",
         "--GatewayClient.allowed_envs=HERBARIUM_EPOCHS"],
        ports[1], near / "log", cwd=near, env={**os.environ, "HERBARIUM_EPOCHS": "1,1"},
    )
    server.far = far
    yield server
    server.stop()
    gateway.stop()


@pytest.fixture(scope="module")
def kernel(lab):
    kernel = Kernel(lab)
    yield kernel
    kernel.socket.close()
    lab.ask("DELETE", f"/api/kernels/{kernel.id}")


def test_the_gateways_kernels_are_listed(lab):
    specs = lab.ask("GET", "/api/kernelspecs")["kernelspecs"]
    assert specs["herbarium"]["spec"]["display_name"] == "Rust (Herbarium)"


def test_the_notebook_runs_on_the_gateway(lab, kernel):
    notebook = nbformat.read(ROOT / "notebooks" / "flowers.ipynb", as_version=4)
    pictures = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        *outputs, reply = kernel.run(cell.source)
        may_fail = "raises-exception" in cell.metadata.get("tags", [])
        assert reply["content"]["status"] == "ok" or may_fail, (cell.source, outputs)
        pictures += sum("image/png" in message["content"].get("data", {}) or "image/jpeg" in message["content"].get("data", {}) for message in outputs)
    assert pictures >= 4
    # What the notebook writes stays on the gateway's machine.
    assert [*lab.far.glob("*.safetensors")]


def test_only_allowed_variables_reach_the_kernel(kernel):
    assert '"1,1"' in text(kernel.run('std::env::var("HERBARIUM_EPOCHS").unwrap()'))
    assert "NotPresent" in text(kernel.run('std::env::var("JUPYTER_PATH")'))


def test_the_stop_button_goes_through(lab, kernel):
    kernel.run("let kept = vec![1, 2, 3];")
    cell = kernel.send('println!("started"); loop { std::hint::spin_loop(); }')
    outputs = kernel.outputs(cell)
    for message in outputs:
        if "started" in text([message]):
            lab.ask("POST", f"/api/kernels/{kernel.id}/interrupt", {})
            break
    *_, reply = outputs
    assert reply["content"]["status"] == "error"
    assert "[1, 2, 3]" in text(kernel.run("kept"))


def test_a_restart_through_the_gateway_forgets_variables(lab, kernel):
    lab.ask("POST", f"/api/kernels/{kernel.id}/restart", {})
    kernel.socket.close()
    kernel.socket = websocket.create_connection(f"ws://{lab.address}/api/kernels/{kernel.id}/channels?token={TOKEN}", timeout=PATIENCE)
    *_, reply = kernel.run("kept")
    assert reply["content"]["status"] == "error"
    assert "6" in text(kernel.run("Tensor::from_slice(&[1i64, 2, 3]).sum(Kind::Int64)"))
