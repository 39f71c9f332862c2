"""What a cell reads from standard input, and what becomes of its other streams."""

import os
import pty
import signal
import subprocess

import nbformat
import pytest
from test_kernel import Kernel, herbarium_run, session_is_whole, wait_for_file, write_notebook  # noqa: F401

READ = "let mut line = String::new();\nstd::io::stdin().read_line(&mut line)?;\nprintln!(\"got {line:?}\");"


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    kernel.run("use std::io::Read;\nuse std::os::fd::{FromRawFd, OwnedFd};")
    yield kernel
    kernel.stop()


def ask(kernel, code, *answers):
    """Runs a cell, answers its questions, and returns them with what it gave."""
    message_id = kernel.start(code, allow_stdin=True)
    asked = []
    for answer in answers:
        asked.append(kernel.client.get_stdin_msg(timeout=60)["content"])
        kernel.client.input(answer)
    return asked, kernel.finish(message_id)


def test_a_read_asks(kernel):
    asked, result = ask(kernel, READ, "Rosa é 🌺")
    assert asked == [{"prompt": "", "password": False}]
    assert result.text() == 'got "Rosa é 🌺\\n"\n'


def test_what_was_printed_without_an_end_is_the_question(kernel):
    asked, result = ask(kernel, 'println!("hello");\nprint!("Name? ");\n' + READ, "Rosa")
    assert asked == [{"prompt": "Name? ", "password": False}]
    assert result.text() == 'hello\ngot "Rosa\\n"\n'


def test_every_line_is_a_question(kernel):
    code = 'for line in std::io::stdin().lines() {\n    let line = line?;\n    if line.is_empty() { break; }\n    println!("{line}");\n}'
    asked, result = ask(kernel, code, "one", "two", "")
    assert len(asked) == 3 and result.text() == "one\ntwo\n"


def test_a_long_line_is_whole_and_a_short_read_keeps_the_rest(kernel):
    asked, result = ask(kernel, READ.replace("{line:?}", "{}").replace("\");", "\", line.len());"), "a" * 100_000)
    assert result.text() == "got 100001\n"
    first = "let mut byte = [0];\nstd::fs::File::from(unsafe { OwnedFd::from_raw_fd(0) }).read_exact(&mut byte)?;\nprintln!(\"{byte:?}\");"
    asked, result = ask(kernel, first, "xy")
    assert result.text() == "[120]\n", result.outputs
    assert kernel.run(READ.replace("let mut", "#[allow(unused)]\nlet mut")).text() == 'got "y\\n"\n'


def test_nobody_to_ask_is_the_cells_error(kernel):
    kernel.run("let kept = 7;")
    for code in (READ, READ.replace("?;", ".unwrap();"), "let _ = std::io::stdin().read_line(&mut String::new());"):
        result = kernel.run('print!("Name? ");\n' + code, allow_stdin=False)
        assert result.reply["ename"] == "InputError" and "allow_stdin" in result.reply["evalue"], result.outputs
        assert result.text() == "Name? "
    assert kernel.run("kept").plain() == ["7"]
    _, result = ask(kernel, READ, "again")
    assert result.status == "ok"


def test_an_interrupt_ends_a_question(kernel):
    kernel.run("let kept = 8;")
    message_id = kernel.start(READ, allow_stdin=True)
    late = kernel.client.get_stdin_msg(timeout=60)
    kernel.interrupt()
    result = kernel.finish(message_id)
    assert result.reply["ename"] == "Interrupt", result.outputs
    assert kernel.run("kept").plain() == ["8"]
    # An answer that comes after that is not one to the next question.
    message_id = kernel.start(READ, allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=60)
    kernel.client.stdin_channel.send(kernel.client.session.msg("input_reply", {"value": "late"}, parent=late))
    kernel.client.input("in time")
    assert kernel.finish(message_id).text() == 'got "in time\\n"\n'


def test_a_thread_that_reads_takes_nothing_from_the_kernel(kernel, tmp_path):
    """It reads all the time, in its own cell and in the next ones."""
    stop = tmp_path / "stop"
    kernel.run(f'let reader = std::thread::spawn(|| {{ let mut reads = 0; while !std::path::Path::new("{stop}").exists() {{ let _ = std::io::stdin().read_line(&mut String::new()); reads += 1; std::thread::yield_now(); }} reads }});', allow_stdin=False)
    for number in range(3):
        result = kernel.run(f"{number} + 1", allow_stdin=False)
        assert result.status == "ok" and result.plain() == [str(number + 1)]
    stop.touch()
    assert kernel.run("reader.join().unwrap() > 0", allow_stdin=False).plain() == ["true"]
    asked, result = ask(kernel, 'let read = std::thread::spawn(|| { let mut line = String::new(); std::io::stdin().read_line(&mut line).map(|_| line) }).join().unwrap()?; read', "to a thread")
    assert result.plain() == ['"to a thread\\n"'], result.outputs
    refused = kernel.run("std::thread::spawn(|| std::io::stdin().read_line(&mut String::new())).join().unwrap()?;", allow_stdin=False)
    assert refused.reply["ename"] == "InputError"


def test_a_child_process_finds_it_empty(kernel):
    assert kernel.run('let copied = std::process::Command::new("cat").output()?.stdout; copied.len()').plain() == ["0"]


CLOSE = "fn shut(fd: i32) { drop(unsafe { std::fs::File::from_raw_fd(fd) }); }"


def test_closed_streams_are_opened_again(kernel, tmp_path):
    kernel.run(f"let kept = 9;\n{CLOSE}")
    assert kernel.run('shut(1); println!("after");').text() == "after\n"
    assert kernel.run('shut(2); eprintln!("after");').text("stderr") == "after\n"
    for stream in (1, 2):
        result = kernel.run(f'shut({stream}); let lost = 1; panic!("boom")')
        assert result.reply["ename"] == "Panic" and "boom" in result.reply["evalue"], result.outputs
    # What takes a closed stream's number keeps it until the cell ends, and no longer.
    file = tmp_path / "file"
    result = kernel.run(f'shut(0); shut(1);\nlet files = [(); 2].map(|()| std::fs::File::create("{file}").unwrap());\nprintln!("into the file");\nstd::mem::forget(files);\nlet lost = 1; panic!("boom")')
    assert result.reply["ename"] == "Panic" and result.text() == "", result.outputs
    assert "into the file" in file.read_text()
    assert kernel.run('println!("here"); kept').plain() == ["here\n", "9"]
    assert "cannot find value `lost`" in kernel.run("lost").shown_error()
    _, result = ask(kernel, READ, "still")
    assert result.text() == 'got "still\\n"\n'


# Text without a line feed


@pytest.mark.parametrize("stream, write", [("stdout", 'print!(".")'), ("stderr", 'eprint!(".")')])
def test_text_without_a_line_feed_shows_while_the_cell_runs(kernel, tmp_path, stream, write):
    """The cell continues only after each was seen."""
    code = f'for number in 0..3 {{ {write}; let seen = format!("{tmp_path}/{{number}}"); {wait_for_file("seen")} }}'
    seen = []

    def on_output(kind, content):
        assert kind == "stream" and content["name"] == stream
        for _ in content["text"]:
            (tmp_path / str(len(seen))).touch()
            seen.append(".")

    result = kernel.finish(kernel.start(code), on_output=on_output)
    assert result.text(stream) == "..." and len(result.outputs) == 3


def test_stderr_that_never_rests_shows_while_the_cell_runs(kernel, tmp_path):
    seen = tmp_path / "seen"
    code = f'while !std::path::Path::new("{seen}").exists() {{ eprintln!("step"); std::thread::sleep(std::time::Duration::from_millis(2)); }}'
    kernel.finish(kernel.start(code), on_output=lambda kind, content: seen.touch())


# herbarium run


def test_run_without_a_terminal_does_not_wait(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ["1", READ])
    # A standard input that never ends.
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb", stdin=subprocess.PIPE)
    while process.poll() is None:
        if not process.stdout.readline():
            break
    assert process.wait(timeout=60) == 1
    process.stdin.close()
    (error,) = nbformat.read(tmp_path / "out.ipynb", 4).cells[1]["outputs"]
    assert error["ename"] == "InputError" and "terminal" in error["evalue"]


def test_an_interrupt_ends_a_run_though_its_cell_comes_to_a_good_end(tmp_path):
    slow = 'println!("go"); std::thread::sleep(std::time::Duration::from_secs(3));'
    write_notebook(tmp_path / "in.ipynb", [slow, 'println!("the next");'])
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb", stdin=subprocess.DEVNULL)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.strip() in ("go", b"go"):
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 1
    assert "was interrupted, after 1 cell" in str(lines[-1])
    first, second = nbformat.read(tmp_path / "out.ipynb", 4).cells
    assert first["outputs"][0]["text"] == "go\n" and not second["outputs"]


def test_run_asks_on_a_terminal(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ['print!("Name? ");\n' + READ])
    ours, theirs = pty.openpty()
    command = [os.environ["HERBARIUM_BIN"], "run", str(tmp_path / "in.ipynb"), "-o", str(tmp_path / "out.ipynb")]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    while b"Name? " not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, b"Rosa\n")
    while process.poll() is None or b"ran 1 cell" not in shown:
        try:
            shown += os.read(ours, 1000)
        except OSError:
            break
    assert process.wait(timeout=60) == 0, shown
    os.close(ours)
    text = "".join(output["text"] for output in nbformat.read(tmp_path / "out.ipynb", 4).cells[0]["outputs"])
    assert text == 'Name? Rosa\ngot "Rosa\\n"\n'
