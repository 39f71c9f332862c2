"""evcxr's commands: each line of `:help` works, and none costs the cells after it."""

import pytest
from test_kernel import Kernel

# What is typed for each line of `:help`, and a part of what is shown or, after a pause, of the next cells' output.
EXAMPLES = {
    "!COMMAND": ("!echo shown", "shown"),
    "?NAME": ("?counted", "u8"),
    ":vars": (":vars", "counted: u8"),
    ":show_deps": (":show_deps", ""),
    ":build_env": (':build_env FLOWER=rose\nenv!("FLOWER")', "rose"),
    ":doc": (":doc counted", "u8"),
    ":efmt": (":efmt {:?}", "Error format: {:?}"),
    ":env": (':env FLOWER=aster\n:restart\nstd::env::var("FLOWER").unwrap()', "aster"),
    ":explain": (":explain", "did not match"),
    ":fmt": (":fmt {:#?}\n(1,)", "(\n    1,\n)"),
    ":help": (":help", ":dep"),
    ":last_compile_dir": (":last_compile_dir", "/"),
    ":offline": (":offline 1", "true"),
    ":opt": (":opt 2", "2"),
    ":t": (":t counted", "u8"),
    ":timing": (":timing", "true"),
    ":type": (":type counted", "u8"),
    ":types": (":types\n1u64", "u64"),
    ":version": (":version", "."),
    ":restart": (":restart", "A new program has started"),
    ":clear": (":clear", "forgotten"),
}
OPPOSITE = {":efmt": ":efmt {}", ":fmt": ":fmt {:?}", ":offline": ":offline 0", ":opt": ":opt 0", ":timing": ":timing", ":types": ":types"}


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.stop()


def everything(result):
    """What is shown below the cell, and in the pager."""
    pager = [page["data"]["text/plain"] for page in result.reply.get("payload", [])]
    return "\n".join(result.plain() + pager)


def test_each_line_of_help_works(kernel, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "plot_of_land"\nversion = "0.1.0"\nedition = "2024"\n')
    (tmp_path / "src" / "lib.rs").write_text("pub fn size() -> u32 { 7 }")
    examples = {":dep": (f":dep {tmp_path}\nplot_of_land::size()", "7"), **EXAMPLES}
    listed = [line.split()[0] for line in everything(kernel.run(":help")).splitlines()]
    assert sorted(listed) == sorted(examples)
    for name, (code, expected) in examples.items():
        kernel.run("let counted = 1u8;")
        if name == ":explain":
            kernel.run('let wrong: i32 = "1";')
        result = kernel.run(code)
        assert result.status == "ok" and expected in everything(result), (code, result.outputs)
        if name in OPPOSITE:
            assert kernel.run(OPPOSITE[name]).status == "ok"
        assert kernel.run("1 + 1").plain() == ["2"], f"after {code}"


def test_commands_that_would_break_later_cells_are_refused(kernel):
    for code in [":toolchain stable", ":codegen_backend cranelift", ":time_passes", ":cache 500", ":linker mold", ":quit", ":opt 9"]:
        result = kernel.run(f"{code}\n1")
        assert result.reply["ename"] == "CommandError" and code.split()[0] in result.reply["evalue"], result.outputs
        assert kernel.run("1 + 1").plain() == ["2"], f"after {code}"
    assert "RUSTUP_TOOLCHAIN" in kernel.run(":toolchain stable").reply["evalue"]


def test_restart_and_clear_forget_what_they_say(kernel):
    kernel.run("fn planted() -> u32 { 3 }\nlet gone = planted();")
    assert "gone" in kernel.run(":restart").text()
    assert kernel.run("planted()").plain() == ["3"], "definitions stay"
    assert kernel.run(":clear").status == "ok"
    assert kernel.run("planted()").reply["ename"] == "CompileError"
    assert kernel.run("let again = 4; again").plain() == ["4"]
    assert kernel.run("again").plain() == ["4"]
