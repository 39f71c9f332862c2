"""A JupyterHub of its own, and what a browser does with it."""

import contextlib
import json
import socket
import subprocess
import time
import uuid

import requests
import websocket
from conftest import HUB, PREFIX

PASSWORD = "flowers-and-ferns"
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = ["{hub}/node_modules/.bin/configurable-http-proxy"]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = ["{hub}/python/bin/jupyterhub-singleuser"]
c.Spawner.environment = {{"JUPYTER_PATH": "{prefix}/share/jupyter", "JUPYTER_CONFIG_PATH": "{folder}"}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/secret"
"""
#: What docs/hub.md tells a hub's administrator to write.
SERVER_CONFIG = 'c.KernelManager.transport = "ipc"\n'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(folder):
    """The hub's address."""
    folder.chmod(0o755)
    port = free_port()
    names = {"port": port, "hub_port": free_port(), "proxy_port": free_port(), "hub": HUB, "prefix": PREFIX, "folder": folder, "password": PASSWORD}
    (folder / "hub_config.py").write_text(CONFIG.format(**names))
    (folder / "jupyter_server_config.py").write_text(SERVER_CONFIG)
    command = [HUB / "python/bin/jupyterhub", "-f", folder / "hub_config.py"]
    with (folder / "hub.log").open("w") as log:
        hub = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            yield f"http://127.0.0.1:{port}", folder / "hub.log"
        finally:
            hub.terminate()
            hub.wait(timeout=120)


def waited(what, ready, log, seconds=300):
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, f"{what}\n{log.read_text()[-5000:]}"
        time.sleep(0.2)
    return found


class Browser:
    """One user, logged in, with a server."""

    def __init__(self, hub, name):
        (self.url, self.log), self.name, self.session = hub, name, requests.Session()
        waited("the hub answers", self.answers, self.log)
        self.session.get(f"{self.url}/hub/login")
        self.post("/hub/login", data={"username": name, "password": PASSWORD, "_xsrf": self.session.cookies["_xsrf"]})
        self.post(f"/hub/api/users/{name}/server")
        token = self.post(f"/hub/api/users/{name}/tokens", json={"note": "test"}).json()["token"]
        self.session.headers["Authorization"] = f"token {token}"
        waited("the server starts", self.has_server, self.log)

    def answers(self):
        with contextlib.suppress(requests.ConnectionError):
            return self.session.get(f"{self.url}/hub/api/").ok

    def has_server(self):
        return self.session.get(f"{self.url}/hub/api/users/{self.name}").json()["server"]

    def post(self, path, **content):
        xsrf = next((cookie.value for cookie in self.session.cookies if cookie.name == "_xsrf"), "")
        answer = self.session.post(self.url + path, headers={"X-XSRFToken": xsrf, "Referer": f"{self.url}/hub/"}, **content)
        assert answer.ok, (path, answer.status_code, answer.text[:1000])
        return answer

    def kernel(self):
        kernel = self.post(f"/user/{self.name}/api/kernels", json={"name": "herbarium"}).json()["id"]
        address = f"{self.url}/user/{self.name}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        header = [f"Authorization: {self.session.headers['Authorization']}"]
        return Kernel(websocket.create_connection(address, header=header, timeout=600))


class Kernel:
    def __init__(self, channel):
        self.channel = channel

    def run(self, code):
        """What a cell shows."""
        identity = uuid.uuid4().hex
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        header = {"msg_id": identity, "username": "", "session": identity, "msg_type": "execute_request", "version": "5.3"}
        self.channel.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
        outputs = []
        while True:
            message = json.loads(self.channel.recv())
            if message["parent_header"].get("msg_id") != identity:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            assert kind != "error", content
            if kind in ("execute_result", "display_data", "stream"):
                outputs.append(content)
            if kind == "status" and content["execution_state"] == "idle":
                return outputs
