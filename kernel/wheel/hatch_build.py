"""What a wheel has besides its Python: the kernel's programs, and the checkout's sources.

`make wheel` builds the programs first and says with `HERBARIUM_TARGET` where they are.
"""

import os
import pathlib
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ["herbarium", "herbarium-cargo"]
#: What cargo needs to build the crate for cells, with the weights that come with it. Cargo asks for the sources of tests and
#: benches, too, since the manifest names them.
SOURCES = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE-*", "src/**/*", "crates/**/*", "kernel/Cargo.toml", "kernel/src/**/*", "examples/*.rs",
           "tests/**/*.rs", "weights/*-painted.safetensors"]


def programs(target):
    """The programs and tch's compiled wrapper, where `make wheel` has left them."""
    release = target / "release"
    wrappers = sorted(target.glob("libtch/release/build/torch-sys-*/out/libtch.a"), key=lambda path: path.stat().st_mtime)
    found = {release / name: f"herbarium/bin/{name}" for name in PROGRAMS}
    if wrappers:
        found[wrappers[-1]] = "herbarium/crate/prebuilt/libtch.a"
    missing = [str(path) for path in found if not path.is_file()] or ([] if wrappers else ["libtch.a"])
    if missing:
        raise SystemExit(f"not built yet: {', '.join(missing)}; run `make wheel` in {CHECKOUT}")
    return found


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        files = programs(pathlib.Path(os.environ.get("HERBARIUM_TARGET", CHECKOUT / "target")))
        files[CHECKOUT / "kernel/setup/libtorch.py"] = "herbarium/libtorch.py"
        for pattern in SOURCES:
            for path in CHECKOUT.glob(pattern):
                if path.is_file() and "target" not in path.parts[len(CHECKOUT.parts):]:
                    files[path] = f"herbarium/crate/{path.relative_to(CHECKOUT)}"
        build_data["force_include"].update({str(path): name for path, name in files.items()})
        build_data["pure_python"] = False
        # The programs need no particular Python.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
