"""Variables whose full type is unknown: the cell says so, and nothing else is lost."""

import pytest
from test_kernel import Kernel


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    kernel.run("fn filled<const N: usize>() -> [u8; N] { [7; N] }\nlet before = vec![1, 2];")
    yield kernel
    kernel.stop()


def later_cells_work(kernel):
    assert kernel.run("before.len()").plain() == ["2"]
    assert kernel.run("let after = 3;\nafter + 1").plain() == ["4"]


@pytest.mark.parametrize("code, name, said", [
    # rustc infers these lengths, the analysis that names the types for the next cells does not.
    ("let petals: [u8; _] = [1, 2, 3];", "petals", "[u8; _]"),
    ("let pair = (1, 2);\nlet nested: Vec<[f32; _]> = vec![[0.5, 1.5]];", "nested", "Vec<[f32; _]>"),
])
def test_an_array_of_unknown_length_is_not_kept_and_all_else_is(kernel, code, name, said):
    result = kernel.run(f'println!("ran");\nlet beside = 5;\n{code}')
    assert result.status == "error", result.outputs
    shown = result.shown_error()
    assert f"`{name}`" in shown and said in shown, shown
    assert f"let {name}: " in shown, "says what to write"
    assert f"line {2 + len(code.splitlines())}, column 5" in shown, shown
    assert result.text() == "ran\n", "the cell ran, once"
    assert kernel.run("beside").plain() == ["5"]
    gone = kernel.run(f"{name}.len()")
    assert gone.status == "error" and f"`{name}`" in gone.shown_error()
    later_cells_work(kernel)


def test_a_length_that_is_written_is_kept(kernel):
    assert kernel.run("let written: [u8; 4] = filled();\nwritten.len()").plain() == ["4"]
    assert kernel.run("written[3]").plain() == ["7"]
    later_cells_work(kernel)


def test_a_length_from_a_generic_function_is_kept_or_named(kernel):
    """Whether the type is found depends on the analysis; that the next cells run does not."""
    result = kernel.run("let given = filled::<{ 2 + 2 }>();")
    if result.status == "error":
        assert "`given`" in result.shown_error() and "let given: " in result.shown_error()
    else:
        assert kernel.run("given.len()").plain() == ["4"]
    later_cells_work(kernel)


@pytest.mark.parametrize("code, name", [
    ("let beside = 6;\nlet empty = Vec::new();", "empty"),
    ('let parsed = "1".parse().unwrap();', "parsed"),
    ("let nothing = None;", "nothing"),
    ("let given = Default::default();", "given"),
    ("let gathered = (0..3).collect();", "gathered"),
    ("let identity = |x| x;", "identity"),
])
def test_a_type_that_nobody_can_tell_is_asked_for(kernel, code, name):
    kernel.run("let beside = 5;")
    result = kernel.run(code)
    assert result.status == "error", result.outputs
    shown = result.shown_error()
    assert f"`{name}`" in shown or f"{name}: " in shown, shown
    assert "evcxr" not in shown.lower(), shown
    assert kernel.run("beside").plain() == ["5"], "a cell that did not run changes nothing"
    later_cells_work(kernel)


def test_a_variable_in_whose_place_such_a_one_comes(kernel):
    kernel.run("let replaced = String::from(\"old\");")
    result = kernel.run("let replaced: [u8; _] = [1, 2];")
    assert result.status == "error" and "`replaced`" in result.shown_error()
    assert kernel.run("let replaced: [u8; 2] = [1, 2];\nreplaced[1]").plain() == ["2"]
    later_cells_work(kernel)
