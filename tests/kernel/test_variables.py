"""Variables of earlier cells after a cell that fails: all are there but what its code has moved away."""

import re

import pytest
from test_kernel import Kernel


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.stop()


def value(kernel, code):
    result = kernel.run(code)
    assert result.status == "ok", result.shown_error()
    return result.plain()[-1]


def failure(kernel, code):
    result = kernel.run(code)
    assert result.status == "error", result.outputs
    shown = re.sub("\x1b\\[[0-9;]*m", "", result.shown_error())
    assert "evcxr" not in shown.lower(), shown
    return shown


FAILS = 'let never: i32 = "x".parse()?;'
"""The ways in which a cell fails."""


@pytest.mark.parametrize("fails", [FAILS, 'panic!("a bud");', "None::<i32>.unwrap();"])
def test_what_a_failed_cell_binds_again_has_its_old_value(kernel, fails):
    value(kernel, 'let big = String::from("an hour\'s work"); let mut count = 1; let (left, right) = (1, 2); 0')
    shown = failure(kernel, f'let big = 3.5; count += 1; let left = "l"; let right = vec![left];\n{fails}')
    assert "Still with the old value, because the cell failed: big, left, right" in shown
    assert "gone" not in shown and "line 2: " + fails in shown, shown
    assert value(kernel, "(&big, count, left, right)") == '("an hour\'s work", 2, 1, 2)'
    # Several times, by patterns, and with the old value in use.
    failure(kernel, f"let count = count + 1; let count = count * 10; let Some(left) = Some(left + 1) else {{ panic!() }};\n{fails}")
    failure(kernel, f"let [left, right] = [7, 8]; println!(\"{{big}} {{left}}\");\n{fails}")
    assert value(kernel, "(&big, count, left, right)") == '("an hour\'s work", 2, 1, 2)'
    assert value(kernel, "count += 1; count") == "3", "as mutable as it was"
    assert value(kernel, "let [left, right] = [7, 8]; (left, right)") == "(7, 8)"
    assert value(kernel, "(left, right)") == "(7, 8)"


def test_the_let_that_fails_keeps_what_it_would_replace(kernel):
    value(kernel, "let number = 5; 0")
    assert "old value" in failure(kernel, 'let number: i32 = "x".parse()?;')
    assert value(kernel, "number") == "5"
    # Its full type is unknown, so it is not kept either.
    assert "`number`" in failure(kernel, "let number: [u8; _] = [1, 2];")
    assert value(kernel, "number + 1") == "6"


def test_what_would_be_moved_is_there_until_then(kernel):
    value(kernel, "let petals = vec![1, 2]; let leaf = String::from(\"green\"); 0")
    for moves in [
        "let other = petals;",
        "let petals: Vec<i32> = petals.into_iter().rev().collect();",
        "if petals.len() > 99 { drop(petals); }\n" + FAILS,
        "for _ in 0..0 { drop(petals); break; }\n" + FAILS,
        "let handle = std::thread::spawn(move || petals.len());",
        "let closure = || drop(petals);",
        "let (a, b) = (petals, leaf);",
    ]:
        before = "" if FAILS in moves else FAILS + "\n"
        shown = failure(kernel, before + moves)
        assert "gone" not in shown, shown
        assert value(kernel, "(petals.len(), &leaf)") == '(2, "green")', moves
    # A cell that does not come to its move loses nothing by it either.
    value(kernel, "if petals.len() > 99 { drop(petals); }\n0")
    assert value(kernel, "petals") == "[1, 2]"


@pytest.mark.parametrize("moves, line", [
    ("let other = petals;", "let other = petals;"),
    ("let petals: Vec<i32> = petals.into_iter().rev().collect();", "let petals: Vec<i32> = petals.into_iter().rev().collect();"),
    ("if petals.len() == 2 {\n    drop(petals);\n}", "drop(petals);"),
    ("let first = 1; let length = std::thread::spawn(move || petals.len()).join().unwrap();", "let length = std::thread::spawn(move || petals.len()).join().unwrap();"),
    ("petals = { drop(petals); \"x\".parse::<i32>()?; vec![] };", "petals = { drop(petals); \"x\".parse::<i32>()?; vec![] };"),
])
def test_what_was_moved_is_gone_and_the_line_said(kernel, moves, line):
    value(kernel, "let mut petals = vec![1, 2]; let kept = 4; 0")
    shown = failure(kernel, f"kept.count_ones();\n{moves}\n{FAILS}")
    number = 2 + (line == "drop(petals);")
    assert f"This variable is gone: petals, which line {number} moved away: `{line}`" in shown, shown
    shown = failure(kernel, "petals.len()")
    assert "`petals` was moved away in cell [" in shown and f"`{line}`" in shown, shown
    assert value(kernel, "kept") == "4"


def test_what_is_moved_and_replaced_is_kept(kernel):
    value(kernel, "let mut list = vec![1, 2, 3]; 0")
    value(kernel, "list = list.into_iter().rev().collect();\n0")
    assert value(kernel, "list") == "[3, 2, 1]"
    failure(kernel, f"for _ in 0..3 {{ list = list.into_iter().rev().collect(); }}\n{FAILS}")
    assert value(kernel, "list") == "[1, 2, 3]", "as far as the cell had changed it"
    value(kernel, "drop(list); list = vec![4];\n0")
    assert value(kernel, "list.push(5); &list") == "[4, 5]"


def test_a_move_within_the_cell_that_made_the_value(kernel):
    count = kernel.run("let v3 = vec![1]; let v4 = v3;").reply["execution_count"]
    shown = failure(kernel, "v3")
    assert f"`v3` was moved away in cell [{count}]: `let v4 = v3;`" in shown and "`v3.clone()`" in shown, shown
    assert value(kernel, "v4") == "[1]"


def test_the_advice_on_a_moved_variable_works(kernel):
    kernel.run("struct Bud { open: bool }\nlet bud = Bud { open: true }; let word = String::from(\"rose\");")
    kernel.run("let taken = (bud, word);")
    shown = failure(kernel, "word.len()")
    assert "`word.clone()`" in shown and "`&word`" in shown
    shown = failure(kernel, "bud.open")
    assert "clone()`" not in shown and "`&bud`" in shown, shown
    kernel.run("let bud = Bud { open: true }; let word = String::from(\"rose\");")
    kernel.run("let taken = (word.clone(), &word, &bud).0;")
    assert value(kernel, "(word.len(), bud.open)") == "(4, true)"


def test_a_return_ends_the_cell_and_is_said(kernel):
    value(kernel, "let kept = 4; 0")
    result = kernel.run("let kept = 5; let new = 6;\nif kept == 5 { return Ok(()); }\nNone::<i32>.unwrap();")
    if result.status == "error":
        # Before any cell of the session has had a `?`.
        result = kernel.run("let kept = 5; let new = 6;\nif kept == 5 { return; }\nNone::<i32>.unwrap();")
    assert result.status == "ok", result.shown_error()
    assert result.text("stderr") == "The cell ended at a `return`. Still with the old value: kept. Not kept: new.\n"
    assert value(kernel, "kept") == "4"
    assert "`new`" in failure(kernel, "new")


def test_a_type_that_changes_says_at_once_what_that_costs(kernel):
    kernel.run("#[derive(Debug)] struct Petal { length: i32 }\nlet petal = Petal { length: 1 }; let stays = 7;")
    result = kernel.run("#[derive(Debug)] struct Petal { length: String }")
    assert result.status == "ok"
    said = "Lost, because this cell changes its type: `petal`. Run the cell that makes it again.\n"
    assert result.text("stderr") == said
    count = result.reply["execution_count"]
    result = kernel.run("stays")
    assert result.plain() == ["7"], "and nothing more of it in the next cell"
    assert f"`petal` was lost in cell [{count}], which changes its type" in failure(kernel, "petal")
    kernel.run('let petal = Petal { length: String::from("long") };')
    assert value(kernel, "petal.length.len()") == "4"


def test_the_failing_line_where_it_holds_two_statements(kernel):
    shown = failure(kernel, 'let one = 1; None::<i32>.unwrap(); let two = 2;\nlet three = 3;')
    assert "line 1: let one = 1; None::<i32>.unwrap(); let two = 2;" in shown, shown
    shown = failure(kernel, 'let one = 1; let two: i32 = "x".parse()?;')
    assert 'line 1: let one = 1; let two: i32 = "x".parse()?;' in shown, shown
    shown = failure(kernel, "let one = 1;\nfn bloom() { None::<i32>.unwrap(); } bloom();")
    assert "line 2: fn bloom()" in shown, shown


def test_places_of_errors_stay_true_beside_variables_that_come_back(kernel):
    value(kernel, 'let text = String::from("a"); 0')
    shown = failure(kernel, 'let text = text.len(); let é = 1;\nlet b = é; let wrong: i32 = "é";')
    assert "line 2, column 29" in shown, shown
    shown = failure(kernel, "drop(text);\ntext.len()")
    assert "E0382" in shown and "line 2, column 1" in shown, shown
    assert value(kernel, "text") == '"a"'
