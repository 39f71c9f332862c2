"""Reads a Containerfile, as far as this project's uses the language, and which files of its context an ignore file leaves out."""

import fnmatch
import json
import re
from dataclasses import dataclass


class Fault(Exception):
    """What is wrong with the file, and in which line."""


@dataclass
class Step:
    line: int
    name: str
    text: str
    """What follows the instruction's name, continued lines joined."""

    def words(self):
        return [word for word in self.text.split() if not word.startswith("--")]

    def list(self):
        """The value of an instruction in JSON's form."""
        return json.loads(self.text)


KNOWN = {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "CMD"}


def parse(text):
    """The steps of a Containerfile, in order."""
    steps, lines = [], text.splitlines()
    at = 0
    while at < len(lines):
        first, whole = at + 1, ""
        while at < len(lines):
            line = lines[at].strip()
            at += 1
            # Comments may stand between the lines of one instruction.
            if line.startswith("#"):
                continue
            whole += line.removesuffix("\\")
            if not line.endswith("\\"):
                break
        if not whole.strip():
            continue
        name, _, rest = whole.strip().partition(" ")
        if name not in KNOWN:
            raise Fault(f"line {first}: {name} is not one of {', '.join(sorted(KNOWN))}")
        steps.append(Step(first, name, rest.strip()))
    if not steps or steps[0].name != "FROM" or any(step.name == "FROM" for step in steps[1:]):
        raise Fault("one FROM comes first")
    return steps


def expand(text, variables):
    """`$NAME` and `${NAME}`, as ENV and WORKDIR have them; one that is not set is nothing."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: variables.get(found[1] or found[2], ""), text)


def assignments(step, variables):
    """The variables that an ENV sets, in the form `NAME=VALUE ...`."""
    found = {}
    for word in step.text.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise Fault(f"line {step.line}: ENV takes NAME=VALUE, not {word}")
        found[name] = expand(value, variables)
    return found


def ignored(ignore_file):
    """Whether a path of the context, relative to it, is left out."""
    patterns = [line.strip() for line in ignore_file.splitlines() if line.strip() and not line.startswith("#")]

    def is_ignored(path):
        parts = path.split("/")
        above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        for pattern in patterns:
            anywhere, _, rest = pattern.rpartition("**/")
            names = parts if pattern.startswith("**/") else above
            if any(fnmatch.fnmatchcase(name, rest.strip("/") if not anywhere else rest) for name in names):
                return True
        return False

    return is_ignored
