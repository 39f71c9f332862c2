"""JupyterLab in headless Chromium, and what a person does there: menus, cells, keys, buttons."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

BIN = pathlib.Path(sys.executable).parent
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1100",
    # 2 for pictures that are to be sharp on paper and on dense screens.
    f"--force-device-scale-factor={os.environ.get('HERBARIUM_BROWSER_SCALE', '1')}",
]
# The page's own objects say what a picture of the page can only hint at: which cells have run, and whether the kernel is idle.
NOTEBOOK = "const panel = window.jupyterapp.shell.currentWidget; const kernel = panel?.sessionContext?.session?.kernel;"


class Server:
    """JupyterLab's server in a separate folder."""

    def __init__(self, folder, environment):
        self.folder, self.log = folder, folder / "server.log"
        self.runtime = folder / "runtime"
        # JupyterLab asks before it fetches its news; the question would stand in the pictures.
        quiet = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True)
        quiet.write_text('{"fetchNews": "false"}')
        environment = {
            **os.environ, **environment,
            "JUPYTER_RUNTIME_DIR": str(self.runtime), "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        command = [
            BIN / "jupyter-lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=flowers",
            f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True",
        ]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([str(part) for part in command], env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not (files := list(self.runtime.glob("jpserver-*.json"))):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        self.url = json.loads(files[0].read_text())["url"]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Lab:
    """A browser with one notebook open."""

    def __init__(self, server, notebook, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(60)
        self.driver.get(f"{server.url}lab/tree/{notebook}?token=flowers")
        self.wait(lambda: self.js(NOTEBOOK + "return kernel?.status === 'idle' && panel.content.widgets.length > 0"), 300, "the notebook and its kernel")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, timeout, what):
        """Waits for something to become true; what the page throws meanwhile is only that it is not there yet."""
        waiting = WebDriverWait(self.driver, timeout, poll_frequency=0.2, ignored_exceptions=[Exception])
        try:
            return waiting.until(lambda _: condition())
        except Exception as error:
            self.driver.save_screenshot(str(pathlib.Path("out") / "browser_failure.png"))
            raise AssertionError(f"waited {timeout} s for {what}") from error

    def click(self, selector, text=None):
        def find():
            found = [each for each in self.driver.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]
            found = [each for each in found if text is None or text in each.text]
            return found and (found[0].click() or True)

        self.wait(find, 30, f"{selector} {text or ''}")

    def menu(self, name, command):
        self.click(".lm-MenuBar-itemLabel", name)
        self.click(f".lm-Menu [data-command='{command}']")

    def status(self):
        return self.js(NOTEBOOK + "return kernel.status")

    def cells(self):
        """The code cells: place in the notebook, source, execution count, whether they run, outputs."""
        script = """return panel.content.widgets.map((cell, index) => [cell.model, index]).filter(([model, _]) => model.type === 'code')
            .map(([model, index]) => ({index, source: model.sharedModel.source, count: model.executionCount,
                state: model.executionState, outputs: model.outputs.toJSON()}));"""
        return self.js(NOTEBOOK + script)

    def cell(self, what):
        """The first code cell with `what` in it."""
        return next(cell for cell in self.cells() if what in cell["source"])

    def outputs(self, index):
        return self.js(NOTEBOOK + "return panel.content.widgets[arguments[0]].model.outputs.toJSON()", index)

    def until_idle(self, timeout, during=lambda: None):
        """Waits until the kernel has nothing to do and no cell waits for it."""
        def idle():
            during()
            waiting = "panel.content.widgets.some(cell => cell.model.type === 'code' && cell.model.executionState === 'running')"
            return self.js(NOTEBOOK + f"return kernel.status === 'idle' && !{waiting}")

        self.wait(idle, timeout, "the kernel to be idle")

    def new_cell(self, source):
        """A new cell at the end, active and being edited, with the cursor at its end. Returns its place."""
        script = """const notebook = panel.content; notebook.activeCellIndex = notebook.widgets.length - 1; return null"""
        self.js(NOTEBOOK + script)
        count = len(self.js(NOTEBOOK + "return panel.content.widgets.map(cell => cell.model.type)"))
        self.js("window.jupyterapp.commands.execute('notebook:insert-cell-below')")
        self.wait(lambda: self.js(NOTEBOOK + "return panel.content.widgets.length") == count + 1, 30, "a new cell")
        self.js(NOTEBOOK + "panel.content.activeCell.model.sharedModel.setSource(arguments[0]); panel.content.mode = 'edit'", source)
        ready = "const editor = panel.content.activeCell.editor; if (!editor) return false; editor.focus(); " \
            "editor.setCursorPosition(editor.getPositionAt(arguments[0].length)); return editor.hasFocus()"
        self.wait(lambda: self.js(NOTEBOOK + ready, source), 30, "the new cell's editor")
        return count

    def keys(self, *keys, shift=False):
        action = ActionChains(self.driver)
        if shift:
            action.key_down(Keys.SHIFT)
        action.send_keys(*keys)
        if shift:
            action.key_up(Keys.SHIFT)
        action.perform()

    def run(self, source, timeout=120):
        """Runs a new cell with Shift and Enter, and returns the text of its outputs."""
        index = self.new_cell(source)
        self.keys(Keys.ENTER, shift=True)
        self.wait(lambda: self.js(NOTEBOOK + "return panel.content.widgets[arguments[0]].model.executionCount", index), timeout, source)
        self.until_idle(timeout)
        return "".join(text_of(output) for output in self.outputs(index))

    def show(self, index):
        """Brings a cell into view; cells out of view are not in the page."""
        self.js(NOTEBOOK + "panel.content.activeCellIndex = arguments[0]; panel.content.scrollToItem(arguments[0], 'start')", index)
        self.wait(lambda: self.js(NOTEBOOK + "return panel.content.widgets[arguments[0]].isAttached", index), 30, "the cell in the page")

    def stop(self):
        self.driver.quit()


def joined(text):
    return "".join(text) if isinstance(text, list) else text


def text_of(output):
    return joined(output.get("text") or output.get("data", {}).get("text/plain") or output.get("evalue") or "")


def pictures_of(output):
    """Pictures of their own, and those in HTML."""
    data = output.get("data", {})
    own = [joined(data[kind]) for kind in ("image/png", "image/jpeg", "image/svg+xml") if kind in data]
    html = joined(data.get("text/html", ""))
    return own + re.findall(r"<svg.*?</svg>|<img [^>]*>", html, re.S)
