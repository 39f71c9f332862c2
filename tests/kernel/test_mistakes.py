"""What the compiler says of a mistake: of what was typed, and with advice that works when it is typed."""

import re

import pytest
from test_kernel import Kernel


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    kernel.run(
        "use std::collections::HashMap;\n"
        "let v = vec![3, 1, 2, 9, 8, 7]; let n = 5; let name = \"rose\"; let yes = true; let maybe = Some(1);\n"
        "#[derive(Debug)] struct Wilted;\n"
        "fn water(dry: bool) -> Result<i32, Wilted> { if dry { Err(Wilted) } else { Ok(1) } }"
    )
    yield kernel
    kernel.stop()


def shown(kernel, code):
    result = kernel.run(code)
    assert result.status == "error", (code, result.outputs)
    text = re.sub("\x1b\\[[0-9;]*m", "", result.shown_error())
    for unknown in ("evcxr", "cargo add", "found keyword `fn`"):
        assert unknown not in text.lower(), text
    return text


def works(kernel, code):
    result = kernel.run(code)
    assert result.status == "ok", (code, [error["traceback"] for error in result.errors()])
    return result


@pytest.mark.parametrize("code, says, line, column", [
    ("let a = std::", "expected identifier, found the end of the cell", 1, 14),
    ("let a = 1\nlet b = 2;", "expected `;`, found keyword `let`", 1, 10),
    ("let x = (1 + 2;", "unclosed delimiter", 1, 16),
    ("use std::collections::{HashSet, Herbarium};", "unresolved import `std::collections::Herbarium`", 1, 33),
    ("let w = vec![3, 1, 2]; w.sort()", "cannot borrow `w` as mutable", 1, 24),
    ("let c = |x| x + 1;\nundefined()", "cannot find function `undefined`", 2, 1),
    ("BTreeMap::new()", "cannot find", 1, 1),
])
def test_the_compilers_error_comes_first_and_is_about_the_cell(kernel, code, says, line, column):
    text = shown(kernel, code)
    assert says in text.splitlines()[0], text
    assert f"--> line {line}, column {column}\n" in text, text


def test_what_breaks_an_earlier_cell_says_which_line(kernel):
    works(kernel, "fn petals() -> i32 { 5 }\nfn twice() -> i32 { petals() * 2 }")
    text = shown(kernel, 'fn petals() -> String { "five".into() }')
    assert "an earlier cell" in text and "`fn twice() -> i32 { petals() * 2 }`" in text, text
    assert kernel.run("twice()").plain() == ["10"]


def test_a_missing_crate_is_a_dep_line(kernel):
    assert '`:dep blossoms = "*"`' in shown(kernel, "blossoms::count()")
    assert '`:dep blossoms = "*"`' in shown(kernel, "use blossoms::count;")


def test_suggestions_can_be_typed(kernel):
    """Each suggestion is the whole line, and the line works."""
    for mistake, advice in [
        ("let w = vec![3, 1, 2];\nw.sort()", "let mut w = vec![3, 1, 2];"),
        ("n += 1", "let mut n = n;"),
        ("colour = 5;", "let colour = 5;"),
        ("let s = 'rose';", 'let s = "rose";'),
        ("if yes and n > 1 { 1 } else { 2 }", "if yes && n > 1 { 1 } else { 2 }"),
        ("let got = water(false)?;", 'let got = water(false).map_err(|_| "it failed")?;'),
        ("let one = maybe?;", 'let one = maybe.ok_or("there is no value")?;'),
        ('let parsed: i32 = "5".parse()?; return parsed', 'let parsed: i32 = "5".parse()?; parsed'),
    ]:
        text = shown(kernel, mistake)
        assert f"`{advice}`" in text, text
        works(kernel, advice)


# One mistake each: rustc finds all of them at once.
NAMES = {
    "range(10)": "0..10",
    "range(1, 9, 2)": "(1..9).step_by(2)",
    "print(n)": 'println!("{:?}", n)',
    "print(\"n is\", n)": 'println!("n is {:?}", n)',
    "len(v)": "v.len()",
    "str(n)": "n.to_string()",
    "int(3.7)": "3.7 as i64",
    "abs(-3)": "-3_i32.abs()",
    "list(range(3))": "(0..3).into_iter().collect::<Vec<_>>()",
    "sorted(v)": "{ let mut sorted = v.clone(); sorted.sort(); sorted }",
    "max(n, 3)": "std::cmp::max(n, 3)",
    "sum(v)": "v.iter().sum::<i32>()",
    "True": "true",
    "math.sqrt(2)": "f64::sqrt(2.0)",
    "math.pi": "std::f64::consts::PI",
    "help(HashMap)": "?HashMap",
    "dir(v)": "?v",
}
# rustc checks types after names.
TYPES = {
    "v.shape": "v.len()",
    "name.upper()": "name.to_uppercase()",
    "v[n]": "v[n as usize]",
    "2 ** 3": "2_i32.pow(3)",
    "name * 3": "name.repeat(3)",
    "[0] * 4": "vec![0; 4]",
    "n / 2.0": "n as f64 / 2.0",
}
# Not Rust by their form: one cell each, without a compilation.
FORMS = {
    "# a comment": "// a comment",
    "import numpy as np": "use std::collections::HashMap;",
    "def area(width, height=1):\n    return width * height": "fn area(width: f64, height: f64) -> f64 { todo!() }",
    "class Flower:\n    pass": "struct Flower {}",
    "%%time\n1 + 1": ":timing",
    "%whos": ":vars",
    "for i in range(3):\n    print(i)": "for i in 0..3 { }",
    "if yes and not n == 3:\n    print(n)": "if yes && !(n == 3) { }",
    "let size = if n > 3 { 1 } elif n > 2 { 2 } else { 3 };": "let size = if n > 3 { 1 } else if n > 2 { 2 } else { 3 };",
    "let text = f'{n} of {name}';": 'format!("{n} of {name}")',
    "print('a rose')": 'println!("a rose")',
    "let half = 1 if yes else 2;": "if yes { 1 } else { 2 }",
    "let doubled = [x * 2 for x in v];": "v.iter().map(|x| x * 2).collect::<Vec<_>>()",
    "lambda x: x * 2": "[1, 2].map(|x| x * 2)",
    "maybe is None": "maybe.is_none()",
    "n not in v": "!v.contains(&n)",
    "assert n == 5, 'why'": "assert_eq!(n, 5)",
    "let d = {'a': 1};": 'std::collections::HashMap::from([("a", 1)])',
    "v[0:2]": "&v[0..2]",
}


def test_habits_from_python_have_their_line_of_help(kernel):
    for mistakes in (NAMES, TYPES):
        text = shown(kernel, "\n".join(f"{{ let _ = {mistake}; }}" for mistake in mistakes))
        for mistake, advice in mistakes.items():
            assert f"`{advice}`" in text, f"{mistake}: {advice} is not in\n{text}"
        typed = [advice for advice in mistakes.values() if not advice.startswith("?")]
        works(kernel, "\n".join(f"{{ let _ = {advice}; }}" for advice in typed))
    typed = []
    for mistake, advice in FORMS.items():
        text = shown(kernel, mistake)
        assert f"`{advice}`" in text, f"{mistake}: {advice} is not in\n{text}"
        if advice.startswith(":dep"):
            continue
        if advice.startswith(":"):
            works(kernel, advice)
        else:
            is_statement = advice.startswith(("//", "use ", "fn ", "struct ", "let "))
            typed.append(advice if is_statement else f"let _ = {advice};")
    kernel.run(":timing")
    works(kernel, "\n".join(f"{{ {advice}\n}}" for advice in typed))


def test_questions_of_ipython(kernel):
    for asked in ("v?", "HashMap??"):
        advice = "?" + asked.rstrip("?")
        assert f"`{advice}`" in shown(kernel, asked)
    assert kernel.run("?HashMap").status == "ok"


def test_a_byte_order_mark_is_no_part_of_a_cell(kernel):
    assert kernel.run("\ufeff40 + 2").plain() == ["42"]
    assert kernel.run("\ufeff:vars").status == "ok"
    assert "line 1, column 1\n" in shown(kernel, "\ufeffundefined")
