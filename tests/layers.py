"""Checks that each module of src/ uses only modules of the layers before its own.

The layers stand in docs/architecture.md, a numbered list below the heading "Layers": the modules that a
line names in backticks before its colon make up that layer. Modules of one layer do not use each other.
Tests at the foot of a file (`#[cfg(test)] mod tests`) and files that only tests compile may use anything.

    python3 tests/layers.py [ROOT]
"""

import re
import sys
from pathlib import Path

# Comments and literals hold no paths. A character literal is matched only where it is not a lifetime.
COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^\n]+?|[^'\\\n])'""",
    re.DOTALL,
)
TESTS_AT_THE_FOOT = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod \w+ \{", re.MULTILINE)
TEST_FILE = re.compile(r"#\[cfg\(test\)\]\n(?:\s*(?:///|#\[).*\n)*\s*(?:pub(?:\([^)]*\))? )?mod (\w+);")
PATH_FROM_CRATE = re.compile(r"(?<![\w:])(?:\$?crate|(?P<up>(?:super::)*super))\s*::\s*(?=[\w{*])")


def layers(architecture):
    """The number of the layer of each module, by the modules' names."""
    section = architecture.split("\n## Layers\n", 1)[1].split("\n## ", 1)[0]
    found = {}
    for number, names in re.findall(r"^(\d+)\. ([^:]+):", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            found[name] = int(number)
    return found


def blank(text):
    """The text with comments and literals as spaces: every other character keeps its place."""
    return COMMENT_OR_LITERAL.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def heads(text, at):
    """The first segment of each path that begins at `at`, with its place: several in `{a, b::{c, d}}`."""
    if text[at] != "{":
        return [(re.match(r"[\w*]+", text[at:]).group(), at)]
    depth, found, wanted = 0, [], False
    for position in range(at, len(text)):
        character = text[position]
        if character == "{":
            depth += 1
            wanted = depth == 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return found
        elif character == "," and depth == 1:
            wanted = True
        elif wanted and not character.isspace():
            found.append((re.match(r"[\w*]+", text[position:]).group(), position))
            wanted = False
    return found


def names_at_the_root(library):
    """Where a name that lib.rs re-exports lives: `Result` in `error`."""
    found = {}
    for module, names in re.findall(r"^pub(?:\(crate\))? use (\w+)::(\{[^}]*\}|\w+);", blank(library), re.MULTILINE):
        for name in re.findall(r"\w+", names):
            found.setdefault(name, module)
    return found


def source_files(src):
    """Each module's files but those that only tests compile."""
    tests = set()
    files = sorted(src.rglob("*.rs"))
    for file in files:
        folder = file.parent if file.name in ("mod.rs", "lib.rs") else file.with_suffix("")
        for name in TEST_FILE.findall(file.read_text()):
            tests |= {folder / f"{name}.rs", folder / name}
    return [file for file in files if file not in tests and not tests & set(file.parents)]


def uses(file, src):
    """Yields what a file uses of the crate: each path's first name below the crate's root, and its line."""
    text = blank(file.read_text())
    foot = TESTS_AT_THE_FOOT.search(text)
    text = text[: foot.start()] if foot else text
    inside = len(file.relative_to(src).with_suffix("").parts) - (file.name == "mod.rs")
    for path in PATH_FROM_CRATE.finditer(text):
        # `super` reaches the crate's root from a file as deep as there are `super`s.
        if path["up"] and path["up"].count("super") < inside:
            continue
        for name, position in heads(text, path.end()):
            yield name, text.count("\n", 0, position) + 1


def faults(root):
    src = root / "src"
    layer = layers((root / "docs/architecture.md").read_text())
    at_the_root = names_at_the_root((src / "lib.rs").read_text())
    found, known = [], set()
    for file in source_files(src):
        module = file.relative_to(src).with_suffix("").parts[0]
        if module in ("lib", "build"):
            continue
        known.add(module)
        if module not in layer:
            found.append(f"{file.relative_to(root)}: the module `{module}` is in no layer of docs/architecture.md")
            continue
        for name, line in uses(file, src):
            # A name may be a module's and a function's at once: `seed`.
            used = name if name in layer else at_the_root.get(name)
            if used in layer and used != module and layer[used] >= layer[module]:
                found.append(
                    f"{file.relative_to(root)}:{line}: `{module}` (layer {layer[module]}) uses `{used}`"
                    f" (layer {layer[used]}); a module may use only the layers before its own"
                )
    found += [f"docs/architecture.md: the module `{name}` is not in src/" for name in layer if name not in known]
    return found


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    found = faults(root)
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
