"""Parameters for Rust notebooks in papermill: `papermill in.ipynb out.ipynb -p epochs 7`.

What is Rust is written by the kernel's own program (`herbarium parameters --translate`), which knows the types of the
defaults in the notebook's cell tagged `parameters`.
"""

import json
import shutil
import subprocess

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from papermill.engines import NBClientEngine
from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

KERNEL = "herbarium"
# The kernel's name, and the languages that notebooks of Rust kernels say they are in.
NAMES = (KERNEL, "rust", "Rust")


class Engine(NBClientEngine):
    """papermill's own engine, by which this module is found."""


class RustTranslator(Translator):
    """Writes the cell with the parameters' values."""

    # The cell that declares the parameters of the notebook at hand. papermill inspects it, and then asks for the values'
    # cell without it.
    _declared = ""

    @classmethod
    def inspect(cls, parameters_cell):
        cls._declared = parameters_cell["source"]
        known = _ask({"cell": cls._declared})["parameters"]
        return [
            Parameter(name=one["name"], inferred_type_name=one["type"], default=one["default"], help=one["help"])
            for one in known
        ]

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        declared, cls._declared = cls._declared, ""
        values = {name: _plain(value) for name, value in parameters.items()}
        answer = _ask({"cell": declared, "values": values})
        if answer["error"]:
            raise PapermillException(answer["error"])
        return answer["code"].replace("// Parameters", cls.comment(comment), 1)

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}".strip()


def _plain(value):
    """A value that JSON has; of others (dates, paths) the text."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _ask(question):
    """The kernel's answer to a question about parameters."""
    command = [_program(), "parameters", "--translate"]
    asked = subprocess.run(command, input=json.dumps(question), capture_output=True, encoding="utf-8")
    if asked.returncode != 0:
        raise PapermillException(f"{' '.join(command)} failed: {asked.stderr.strip()}")
    return json.loads(asked.stdout)


def _program():
    """The program that the kernelspec starts."""
    try:
        return KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except NoSuchKernel:
        found = shutil.which("herbarium")
        if found is None:
            raise PapermillException(
                "the herbarium kernel is not installed here (make kernel, or herbarium install)"
            ) from None
        return found


for name in NAMES:
    papermill_translators.register(name, RustTranslator)
