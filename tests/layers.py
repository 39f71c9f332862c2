"""Checks that each module of src/, and of the kernel, uses only modules of the layers before its own.

The layers stand in docs/architecture.md, numbered lists below the headings that CRATES names: the modules that a
line names in backticks before its colon make up that layer. Modules of one layer do not use each other. In a folder
of the kernel, no files use each other in a circle. What is there only on Unix is named in the kernel's `sys` alone.
Tests at the foot of a file (`#[cfg(test)] mod tests`) and files that only tests compile may use anything.

    python3 tests/layers.py [ROOT]
"""

import re
import sys
from pathlib import Path

# The folders with sources, each with the heading of its list.
CRATES = {"src": "Layers", "kernel/src": "The kernel's layers"}
# Where `#[path]` leads a crate's own modules, and folders with a program by itself, whose paths begin at its own root.
ELSEWHERE = {("cargo", "source"): "source"}
PROGRAMS = ("cargo",)
# Comments and literals hold no paths. A character literal is matched only where it is not a lifetime.
COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^\n]+?|[^'\\\n])'""",
    re.DOTALL,
)
TESTS_AT_THE_FOOT = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod \w+ \{", re.MULTILINE)
TEST_FILE = re.compile(r"#\[cfg\(test\)\]\n(?:\s*(?:///|#\[).*\n)*\s*(?:pub(?:\([^)]*\))? )?mod (\w+);")
UNIX = re.compile(r"\b(std::os::unix|tokio::signal::unix|rustix::|libc::)")
PATH_FROM_CRATE = re.compile(r"(?<![\w:])(?:\$?crate|(?P<up>(?:super::)*super))\s*::\s*(?=[\w{*])")


def layers(architecture, heading):
    """The number of the layer of each module, by the modules' names."""
    section = architecture.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
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


def module_of(file, src):
    """The module at the top of a crate that a file belongs to."""
    parts = file.relative_to(src).with_suffix("").parts
    return ELSEWHERE.get(parts[:2], "main" if parts[0] in PROGRAMS else parts[0])


def upward(root, folder, heading):
    """The paths in a crate that point to a layer which is not before their own."""
    src = root / folder
    layer = layers((root / "docs/architecture.md").read_text(), heading)
    library = src / "lib.rs"
    at_the_root = names_at_the_root(library.read_text()) if library.exists() else {}
    found, known = [], set()
    for file in source_files(src):
        module = module_of(file, src)
        if module in ("lib", "main", "build"):
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
    found += [f"docs/architecture.md: the module `{name}` is not in {folder}/" for name in layer if name not in known]
    return found


def circle(used):
    """The modules of a circle in what each module uses, in order; none where there is no circle."""
    done = set()

    def follow(module, way):
        if module in way:
            return way[way.index(module) :]
        if module in done:
            return []
        for other in sorted(used.get(module, ())):
            if found := follow(other, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(used) if (found := follow(module, []))), [])


def circles(root, src):
    """The folders below `src` whose files use each other in a circle."""
    found = []
    for folder in sorted(path for path in src.rglob("*") if path.is_dir()):
        names = {path.stem for path in folder.iterdir()} - {"mod", "main"}
        used = {}
        for file in source_files(folder):
            module = file.relative_to(folder).with_suffix("").parts[0]
            used.setdefault(module, set()).update(name for name, _ in uses(file, folder) if name in names and name != module)
        if way := circle(used):
            found.append(f"{folder.relative_to(root)}: {' uses '.join([*way, way[0]])}")
    return found


def elsewhere(root):
    """What is there on Unix only, outside of the kernel's module for that."""
    src, found = root / "kernel/src", []
    for file in source_files(src):
        text = blank(file.read_text())
        foot = TESTS_AT_THE_FOOT.search(text)
        if file.relative_to(src).parts[0] not in ("sys", "sys.rs"):
            for use in UNIX.finditer(text[: foot.start()] if foot else text):
                line = text.count("\n", 0, use.start()) + 1
                found.append(f"{file.relative_to(root)}:{line}: `{use.group()}` belongs into `sys`")
    return found


def faults(root):
    found = elsewhere(root)
    for folder, heading in CRATES.items():
        if (root / folder).exists():
            found += upward(root, folder, heading)
    return found + circles(root, root / "kernel/src")


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    found = faults(root)
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
