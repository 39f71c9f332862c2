"""Variables of cells with the crate are kept by the types that rustc infers, whatever these are."""

import os
import pathlib
import signal

import pytest

from test_crate_in_cells import Notebook, family


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    running = Notebook(tmp_path_factory.mktemp("types"))
    running.text("fn double(x: i32) -> i32 { 2 * x }\n"
                 "fn first(words: &str) -> &str { words.split(' ').next().unwrap_or_default() }\n"
                 "fn odd() -> impl Iterator<Item = i32> { vec![1, 3].into_iter() }\n"
                 "trait Part { type Whole; }\nimpl Part for i32 { type Whole = Vec<u8>; }\n"
                 "fn whole<T: Part>() -> Option<T::Whole> { None }\n"
                 "#[derive(Debug, Clone)] struct Petal<const N: usize>([f32; N]);\n"
                 "mod shop { #[derive(Debug)] pub struct Rose; mod inner { pub struct Secret; impl Secret { pub fn price(&self) -> i32 { 3 } } }\n"
                 "  pub fn secret() -> inner::Secret { inner::Secret } }")
    yield running
    running.client.stop_channels()
    running.manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("binds, uses, shown", [
    ("let x = [0u8; 4];", "x.len()", "4"),
    ("let x: [u8; _] = [1, 2, 3];", "x.len()", "3"),
    ("let x = vec![[1.5f32; 2]; 3];", "x[2][1]", "1.5"),
    ("let x: Vec<_> = (0..3).map(f64::from).collect();", "x", "[0.0, 1.0, 2.0]"),
    ("let x = double;", "x(4)", "8"),
    ("let x = first;", "x(\"a b\")", "\"a\""),
    ("let x = odd();", "x.as_slice()", "[1, 3]"),
    ("let x = whole::<i32>();", "x.is_none()", "true"),
    ("let x = Petal([1.0, 2.0]);", "&x.0", "[1.0, 2.0]"),
    ("let x = shop::Rose;", "&x", "Rose"),
    ("let x: Box<dyn Fn(&str) -> bool> = Box::new(|word| word.is_empty());", "x(\"\")", "true"),
    ("let x = std::collections::HashMap::from([(\"a\", Some(1))]);", "x[\"a\"]", "Some(1)"),
    ("let x = std::sync::Arc::new(std::sync::Mutex::new(1));", "*x.lock().unwrap()", "1"),
    ("let x = \"12\".parse::<i32>()?;", "x + 1", "13"),
    ("let Some((x, [_, y])) = Some((1, [2, 3])) else { panic!() };", "x + y", "4"),
    ("let x = Tensor::from(7) * 2;", "i64::try_from(&x)?", "14"),
    ("let x = serde_json::json!({\"a\": [1]});", "x[\"a\"][0].as_i64()", "Some(1)"),
    ("let x;\nif true { x = 5u8 } else { x = 6 }", "x", "5"),
    ("let mut x = None;\nx.get_or_insert(3u16);", "x", "Some(3)"),
])
def test_a_variable_is_kept(notebook, binds, uses, shown):
    notebook.text(binds)
    assert notebook.text(uses) == shown
    # What moves or changes a variable is compiled with its type, too.
    notebook.text("let kept = x;")
    assert notebook.text("let x = 1;\nx") == "1"


@pytest.mark.parametrize("binds, said, help", [
    ("let bad = |x: i32| x + 1;", "`bad` is a closure", "fn bad(…)"),
    ("let bad = (1, |x: i32| x + 1);", "`bad` has a type without a name, `(i32, {closure})`", "Box::new(|…| …)"),
    ("let bad = (0..9).filter(|x| x % 2 == 0);", "`bad` has a type without a name, `Filter<Range<i32>, {closure}>`", ".collect::<Vec<_>>()"),
    ("let bad = shop::secret();", "`bad` is of the type `Secret`, which cells cannot name", "keep what you need of it"),
    ("let bad = Some(double);", "`bad` is, or holds, one particular function", "Option<fn(…) -> …>"),
    ("let bad = { struct Thorn; Thorn };", "`bad` is of the type `Thorn`, which cells cannot name", "keep what you need of it"),
    ("let bad = Vec::new();", "[E0282] type annotations needed for `Vec<_>`", "let bad: Vec<T> = Vec::new();"),
    ("let list = vec![1];\nlet bad = &list[0];", "`bad` is a reference", ".to_vec()"),
])
def test_one_that_cannot_be_kept_is_an_error_before_the_cell_runs(notebook, binds, said, help):
    messages, reply = notebook.run(f'let fine = 1;\nprintln!("ran");\n{binds}')
    shown = "\n".join(reply["traceback"])
    assert said in reply["evalue"] and help in shown, shown
    assert f"line {2 + len(binds.splitlines())}, column 5" in shown, shown
    assert not any(message["msg_type"] == "stream" for message in messages), "nothing ran"
    assert notebook.text("1 + 1") == "2", "and the next cell works"


def test_a_private_type_can_be_used_within_its_cell(notebook):
    assert notebook.text("shop::secret().price()") == "3"
    assert notebook.text("{ let secret = shop::secret(); secret.price() }") == "3"


def test_types_are_listed_by_their_short_names(notebook):
    notebook.text("let boxes = vec![Some(Petal([1.0]))];\nlet picture = image::RgbImage::new(2, 2);")
    listed = notebook.text(":vars")
    assert "Vec<Option<Petal<1>>>" in listed and "ImageBuffer<Rgb<u8>, Vec<u8>>" in listed, listed
    assert "evcxr" not in listed


def test_errors_name_types_as_they_are_written(notebook):
    notebook.text("let words = vec![String::from(\"a\")];")
    _, reply = notebook.run("let more = 1;\nlet number: i32 = words;")
    shown = "\n".join(reply["traceback"])
    assert "expected `i32`, found `Vec<String>`" in shown, shown


def answer(notebook, request):
    """The reply to a request about a place in a cell."""
    while True:
        reply = notebook.client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == request:
            return reply["content"]


def completions(notebook, code):
    return answer(notebook, notebook.client.complete(code, len(code)))["matches"]


def analysts(notebook):
    """The processes with rust-analyzer below the kernel's."""
    pids = family(notebook.manager.provisioner.pid)
    return [pid for pid in pids if b"HERBARIUM_ROLE=analysis" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()]


def test_cells_do_not_need_rust_analyzer_and_completions_start_it_again(notebook):
    assert "rand" in completions(notebook, "Tensor::ran")
    (first,) = analysts(notebook)
    os.kill(first, signal.SIGKILL)
    assert notebook.text("let after = vec![1];\nafter.len()") == "1"
    assert "len" in completions(notebook, "after.le")
    (second,) = analysts(notebook)
    assert second != first


def test_names_of_crates_and_modules_do_not_get_mixed_up(notebook):
    notebook.text("let pixels = image::RgbImage::new(2, 3);\nlet greeting = vec![String::from(\"hello\")];")
    notebook.text("mod image { #[derive(Debug)] pub struct Frame(pub u8); }\nlet frame = image::Frame(3);")
    assert notebook.text("frame") == "Frame(3)"
    notebook.text("let other = ::image::RgbImage::new(4, 5);")
    assert notebook.text("(pixels.height(), other.height())") == "(3, 5)"
    # A module that is called as one of std's, and its change.
    notebook.text("mod string { pub const N: usize = 1; }")
    assert notebook.text("mod string { pub const N: usize = 2; }") == "", "nothing is lost"
    assert notebook.text("greeting") == '["hello"]'


def test_functions_are_kept_as_pointers_or_refused(notebook):
    notebook.text("let make: fn(&'static str) -> String = String::from;")
    assert notebook.text("make(\"a\")") == '"a"'
    _, reply = notebook.run("let maker = String::from;\nlet made: String = maker(\"a\");")
    if reply["status"] == "error":
        assert "`maker`" in reply["evalue"], reply
    assert notebook.text("1 + 1") == "2"


def test_unstable_features_are_refused_as_ever(notebook):
    _, reply = notebook.run("#![feature(never_type)]\nlet before = 1;")
    assert "[E0554]" in reply["evalue"], reply
    assert notebook.text("let after = vec![\"#![feature(x)]\"];\nafter.len()") == "1"
    assert notebook.text("after[0].len()") == "14"


def test_errors_say_the_column_behind_other_variables(notebook):
    code = "let one = 1; let (two, None) = (2, None::<u8>) else { panic!() }; let three: String = two;"
    _, reply = notebook.run(code)
    assert f"line 1, column {code.index('two;') + 1}" in "\n".join(reply["traceback"]), reply["traceback"]
    notebook.text(code.replace("String", "i32"))
    assert notebook.text("(one, two, three, None::<u8>)") == "(1, 2, 2, None)"


def test_completions_and_documentation_know_what_cells_have_defined(notebook):
    notebook.text("struct Nectar { sugar: f32 }\n"
                  "impl Nectar { /// What bees look for.\nfn sweetness(&self) -> f32 { self.sugar } }\nlet nectar = Nectar { sugar: 0.3 };")

    found = answer(notebook, notebook.client.complete("let é = 1;\nnectar.sw", 20))
    assert found["matches"] == ["sweetness"] and (found["cursor_start"], found["cursor_end"]) == (18, 20), found
    assert "Nectar" in completions(notebook, "Nect")
    assert "let nectar: Nectar" in answer(notebook, notebook.client.inspect("nectar", 3))["data"]["text/plain"]
    assert "What bees look for." in answer(notebook, notebook.client.inspect("nectar.sweetness", 10))["data"]["text/plain"]
