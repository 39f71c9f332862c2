"""What this kernel promises beyond the protocol: order, errors, interrupts, crashes."""

import os
import pathlib
import re
import signal
import subprocess
import time

import nbformat
import pytest
import zmq
from conftest import KERNEL
from jupyter_client.manager import start_new_kernel
from jupyter_client.session import Session

SHOW = r"""fn show(kind: &str, text: &str, id: &str) {
    println!("\x1eherbarium {{\"type\":\"{kind}\",\"data\":{{\"text/plain\":\"{text}\"}},\"display_id\":\"{id}\"}}");
}"""


class Kernel:
    """A kernel and its client, with a `run` that returns what a cell gave."""

    def __init__(self, **environment):
        everything = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
        self.manager, self.client = start_new_kernel(kernel_name=KERNEL, startup_timeout=60, env=everything)

    def start(self, code, **options):
        return self.client.execute(code, **options)

    def finish(self, message_id, timeout=120, on_output=None):
        outputs, deadline = [], time.time() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.time()))
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind not in ("status", "execute_input"):
                outputs.append((kind, content))
                if on_output:
                    on_output(kind, content)
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"]["msg_id"] == message_id:
                return Result(outputs, reply["content"])

    def run(self, code, **options):
        return self.finish(self.start(code, **options))

    def interrupt(self):
        self.manager.interrupt_kernel()

    def pid(self):
        return self.manager.provisioner.pid

    def runtime(self):
        """The process that runs cells: the child of the kernel's child."""
        forwarder = [child for child in children(self.pid()) if "herbarium" in name(child)]
        return children(forwarder[-1])[-1]

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)


class Result:
    def __init__(self, outputs, reply):
        self.outputs, self.reply, self.status = outputs, reply, reply["status"]

    def text(self, stream="stdout"):
        return "".join(content["text"] for kind, content in self.outputs if kind == "stream" and content["name"] == stream)

    def errors(self):
        return [content for kind, content in self.outputs if kind == "error"]

    def kinds(self):
        return [kind for kind, _ in self.outputs]

    def plain(self):
        """Texts of all outputs, in order."""
        return [content["text"] if kind == "stream" else content["data"]["text/plain"] for kind, content in self.outputs]

    def shown_error(self):
        (error,) = self.errors()
        return "\n".join(error["traceback"])


def wait_for_file(path):
    """Code that waits until there is a file at `path`, an expression."""
    return f"while !std::path::Path::new(&{path}).exists() {{ std::thread::sleep(std::time::Duration::from_millis(5)); }}"


def children(pid):
    try:
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        return sorted(int(child) for task in tasks for child in (task / "children").read_text().split())
    except FileNotFoundError:
        return []


def name(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text()


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    kernel.run(SHOW)
    yield kernel
    kernel.stop()


@pytest.fixture(autouse=True)
def session_is_whole(request):
    """After each test, the next cell runs."""
    yield
    if "kernel" in request.fixturenames:
        kernel = request.getfixturevalue("kernel")
        assert kernel.run("40 + 2").plain() == ["42"]


# Output


def test_text_without_a_newline_belongs_to_its_cell(kernel):
    assert kernel.run('print!("a");').text() == "a"
    assert kernel.run('print!("b")').text() == "b"
    flushed = kernel.run('use std::io::Write; print!("c"); std::io::stdout().flush().unwrap();')
    assert flushed.text() == "c"
    assert kernel.run('print!("d"); 5').plain() == ["d", "5"]


def test_text_comes_while_the_cell_runs(kernel, tmp_path):
    """The cell continues only after what it has written was seen."""
    code = 'for i in 0..3 { print!("{i}"); std::io::Write::flush(&mut std::io::stdout()).unwrap(); '
    code += wait_for_file(f'format!("{tmp_path}/{{i}}")') + " }"
    seen = []

    def see(kind, content):
        for digit in content["text"]:
            (tmp_path / digit).touch()
            seen.append(digit)

    assert kernel.finish(kernel.start(code), on_output=see).text() == "012"
    assert seen == ["0", "1", "2"]


def test_pictures_and_text_keep_their_order(kernel):
    result = kernel.run('show("display", "1", "a"); print!("x"); show("display", "2", "b"); println!("y"); show("result", "3", "c");')
    assert result.plain() == ["1", "x", "2", "y\n", "3"]
    assert result.kinds() == ["display_data", "stream", "display_data", "stream", "execute_result"]
    assert result.outputs[0][1]["transient"] == {"display_id": "a"}


def test_blocks_in_evcxrs_form_are_bundles(kernel):
    block = r'println!("EVCXR_BEGIN_CONTENT {}\n{}\nEVCXR_END_CONTENT", $mime, $body);'
    kernel.run("macro_rules! block { ($mime:expr, $body:expr) => { " + block + " } }")
    result = kernel.run('for i in 0..2 { block!("text/html", "<b>"); block!("text/plain", i); } print!("end");')
    assert [kind for kind in result.kinds()] == ["display_data", "display_data", "stream"]
    assert result.outputs[1][1]["data"] == {"text/html": "<b>", "text/plain": "1"}


def test_updates_and_clearing(kernel):
    result = kernel.run('show("display", "1", "bar"); show("update", "2", "bar"); println!("\\x1eherbarium {{\\"type\\":\\"clear\\",\\"wait\\":true}}");')
    assert result.kinds() == ["display_data", "update_display_data", "clear_output"]
    assert result.outputs[2][1] == {"wait": True}


def test_a_broken_message_is_said_and_harms_nothing(kernel):
    result = kernel.run('println!("\\x1eherbarium nonsense"); print!("after");')
    assert result.status == "ok" and result.text() == "after"
    assert "could not be read" in result.text("stderr")


def test_the_unit_value_is_no_value(kernel):
    assert kernel.run("()").outputs == []
    assert kernel.run("if true { let _ = 1; }").outputs == []


def test_100_mb_of_text(kernel):
    before = memory(kernel.pid())
    size = 0

    def count(kind, content):
        nonlocal size
        size += len(content["text"])

    code = 'let line = "0123456789".repeat(100); for _ in 0..100_000 { println!("{line}"); }'
    result = kernel.finish(kernel.start(code), timeout=300, on_output=count)
    assert result.status == "ok" and size == 100_100_000
    assert memory(kernel.pid()) - before < 150_000_000


def memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_silent_cells_say_nothing(kernel):
    count = kernel.run("1").reply["execution_count"]
    silent = kernel.run('println!("x"); 7', silent=True)
    assert silent.outputs == [] and silent.status == "ok"
    assert kernel.run("1").reply["execution_count"] == count + 1


# Errors


def test_a_question_mark_is_one_error(kernel):
    result = kernel.run('println!("before");\nErr::<(), _>("no such flower\\nsecond line")?;\nlet never = 1;')
    assert result.status == "error" and result.reply["ename"] == "Error"
    assert result.reply["evalue"] == "no such flower\nsecond line"
    assert result.text() == "before\n" and result.text("stderr") == ""
    assert "never" in result.shown_error()


@pytest.mark.parametrize("before, kept", [('eprintln!("a warning");', "a warning\n"), ('eprint!("half a line");', "half a line"), ("", "")])
def test_what_was_on_stderr_before_a_question_mark_stays_there(kernel, before, kept):
    result = kernel.run(f'{before}\nlet unused = 1;\nErr::<(), _>("no such flower\\nsecond line")?;')
    assert result.reply["evalue"] == "no such flower\nsecond line"
    assert result.text("stderr") == kept and result.text() == ""
    assert "line 3:" in result.shown_error() and "unused" in result.shown_error()


def test_an_error_that_says_nothing_is_one_still(kernel):
    result = kernel.run('eprintln!("a warning");\nErr::<(), _>("")?;')
    assert result.reply["ename"] == "Error" and result.text("stderr") == "a warning\n"


def test_a_panic_is_one_error_with_its_line(kernel):
    result = kernel.run('eprintln!("a warning");\nlet petals = vec![1];\npetals[7];')
    assert result.reply["ename"] == "Panic" and "index is 7" in result.reply["evalue"]
    assert result.text("stderr") == "a warning\n"
    assert "line 3:" in result.shown_error() and "Not kept, because the cell failed: petals" in result.shown_error()


def test_variables_survive_a_panic(kernel):
    kernel.run("let kept = vec![1, 2];")
    kernel.run('println!("{}", kept.len()); panic!("x")')
    assert kernel.run("kept.len()").plain() == ["2"]


def test_a_reported_error_is_the_cells_error(kernel):
    result = kernel.run('println!("\\x1eherbarium {{\\"type\\":\\"error\\",\\"ename\\":\\"Shape\\",\\"evalue\\":\\"3 != 4\\",\\"traceback\\":[\\"t\\"]}}"); panic!("x")')
    assert (result.reply["ename"], result.reply["evalue"], result.shown_error()) == ("Shape", "3 != 4", "t")


def test_a_panic_that_is_caught_is_no_error(kernel):
    result = kernel.run('let _ = std::thread::spawn(|| panic!("in a thread")).join(); print!("went on");')
    assert result.status == "ok" and result.text() == "went on"
    assert "in a thread" in result.text("stderr")


def test_compile_errors_are_in_the_cells_lines(kernel):
    result = kernel.run('let a = 1;\nlet b: i32 = "é";\nundefined(a)')
    error = result.shown_error()
    assert result.reply["ename"] == "CompileError"
    assert "line 2, column 14" in error and 'let b: i32 = "é";' in error and "E0308" in error
    assert "undefined" in error and "evcxr" not in error


def test_unknown_commands_are_errors(kernel):
    assert "Unrecognised command" in kernel.run(":nonsense").shown_error()


def test_waiting_cells_are_aborted(kernel):
    ids = [kernel.start(code) for code in ("std::thread::sleep(std::time::Duration::from_millis(500)); panic!()", "1", "2")]
    results = [kernel.finish(each) for each in ids]
    assert [result.status for result in results] == ["error", "aborted", "aborted"]
    ids = [kernel.start('std::thread::sleep(std::time::Duration::from_millis(500)); panic!()', stop_on_error=False), kernel.start("1")]
    assert [kernel.finish(each).status for each in ids] == ["error", "ok"]


# Interrupts and crashes


def test_an_interrupt_ends_what_does_not_listen(kernel):
    kernel.run("let lost_one = 1; let lost_two = String::new();")
    message_id = kernel.start('println!("go"); std::thread::sleep(std::time::Duration::from_secs(3600));')
    waiting = kernel.start("1")
    wait_for_text(kernel, message_id, "go")
    kernel.interrupt()
    result = kernel.finish(message_id)
    assert result.reply["ename"] == "Interrupt"
    assert "lost_one, lost_two" in result.shown_error()
    assert kernel.finish(waiting).status == "aborted"


def wait_for_text(kernel, message_id, text):
    seen = ""
    while text not in seen:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == message_id and message["msg_type"] == "stream":
            seen += message["content"]["text"]


LISTENER = """
mod stop {
    pub static STOP: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    unsafe extern "C" { fn signal(number: i32, handler: extern "C" fn(i32)) -> usize; }
    extern "C" fn set(_: i32) { STOP.store(true, std::sync::atomic::Ordering::SeqCst); }
    pub fn listen() { unsafe { signal(2, set); } }
    pub fn heard() -> bool { STOP.swap(false, std::sync::atomic::Ordering::SeqCst) }
}
fn train() -> Result<(), String> {
    stop::listen();
    println!("training");
    loop {
        std::thread::sleep(std::time::Duration::from_millis(10));
        if stop::heard() { return Err("stopped by the user".into()); }
    }
}
"""


def test_an_interrupt_that_is_heard_keeps_the_variables(kernel):
    kernel.run(LISTENER)
    kernel.run("let kept_on_interrupt = 5;")
    message_id = kernel.start("train()?")
    wait_for_text(kernel, message_id, "training")
    kernel.interrupt()
    result = kernel.finish(message_id)
    assert (result.reply["ename"], result.reply["evalue"]) == ("Interrupt", "stopped by the user")
    assert kernel.run("kept_on_interrupt").plain() == ["5"]


def test_a_second_interrupt_ends_at_once_what_does_not_stop(kernel):
    kernel.run("mod deaf { extern \"C\" fn hear(_: i32) {} unsafe extern \"C\" { fn signal(n: i32, h: extern \"C\" fn(i32)) -> usize; } pub fn listen() { unsafe { signal(2, hear); } } }")
    message_id = kernel.start('deaf::listen(); println!("go"); loop { std::thread::sleep(std::time::Duration::from_millis(10)); }')
    wait_for_text(kernel, message_id, "go")
    kernel.interrupt()
    time.sleep(1.5)
    kernel.interrupt()
    result = kernel.finish(message_id)
    assert result.reply["ename"] == "Interrupt" and "second interrupt" in result.reply["evalue"]


def test_an_interrupt_while_compiling_keeps_the_variables(kernel):
    kernel.run("let kept_while_compiling = 6;")
    # Enough to compile for a while.
    body = "\n".join(f"fn g{i}(x: u64) -> u64 {{ (0..x).map(|y| y * {i}).filter(|y| y % 3 == 1).sum() }}" for i in range(1500))
    calls = " + ".join(f"g{i}(3)" for i in range(1500))
    message_id = kernel.start(f"{{ {body}\n println!(\"{{}}\", {calls}); }}")
    time.sleep(2.5)
    kernel.interrupt()
    result = kernel.finish(message_id)
    assert result.reply["ename"] == "Interrupt" and "before it ran" in result.reply["evalue"]
    assert kernel.run("kept_while_compiling").plain() == ["6"]


def test_an_interrupt_without_a_cell_does_nothing(kernel):
    kernel.run("let there = 1;")
    kernel.interrupt()
    # It comes by a separate socket, and must not come after the next cell.
    time.sleep(0.5)
    assert kernel.run("there").plain() == ["1"]


@pytest.mark.parametrize("code, what", [
    ("std::process::exit(3)", "exit status 3"),
    ("std::process::abort()", "SIGABRT"),
    ("unsafe { *(8 as *mut u64) = 1; }", "SIG"),
])
def test_a_crash_says_what_happened(kernel, code, what):
    kernel.run(":clear\nlet gone = 1;")
    result = kernel.run(f'print!("last words"); std::io::Write::flush(&mut std::io::stdout()).unwrap(); {code}')
    assert result.reply["ename"] == "Crash" and what in result.reply["evalue"]
    assert result.text() == "last words"
    assert "This variable is gone: gone" in result.shown_error()


def test_a_killed_program_is_replaced(kernel):
    kernel.run("let killed = 1;")
    os.kill(kernel.runtime(), signal.SIGKILL)
    time.sleep(0.5)
    result = kernel.run("1 + 1")
    assert result.errors() == [] and "2" in result.plain()
    assert "SIGKILL" in result.text("stderr") and "killed" in result.text("stderr")
    message_id = kernel.start('println!("go"); loop { std::thread::sleep(std::time::Duration::from_millis(10)); }')
    wait_for_text(kernel, message_id, "go")
    os.kill(kernel.runtime(), signal.SIGKILL)
    assert "SIGKILL" in kernel.finish(message_id).reply["evalue"]


def test_a_restarted_program_has_no_variables(kernel):
    kernel.run("let before_restart = 1;")
    assert "before_restart" in kernel.run(":restart").text()
    assert kernel.run("before_restart").reply["ename"] == "CompileError"
    assert kernel.run("let before_restart = 2;\nbefore_restart").plain() == ["2"]


# Commands, the shell, input


def test_evcxrs_commands(kernel):
    kernel.run("let shown_variable = 1u8;")
    assert "shown_variable: u8" in kernel.run(":vars").plain()[0]
    assert ":dep" in kernel.run(":help").plain()[0]
    assert kernel.run(":type shown_variable").plain() == ["shown_variable: u8"]
    kernel.run(":timing")
    timed = kernel.run("1")
    assert "Took" in timed.text()
    kernel.run(":timing")


def test_the_shell_streams_and_fails(kernel, tmp_path):
    seen = tmp_path / "seen"
    message_id = kernel.start(f"!echo one; while [ ! -e {seen} ]; do sleep 0.05; done; echo two")
    result = kernel.finish(message_id, on_output=lambda kind, content: seen.touch())
    assert result.text() == "one\ntwo\n"
    failed = kernel.run("!echo oops >&2; exit 4\nprintln!(\"never\")")
    assert failed.reply["ename"] == "ShellError" and "exit status 4" in failed.reply["evalue"]
    assert failed.text("stderr") == "oops\n" and failed.text() == ""
    mixed = kernel.run("!echo first\nprintln!(\"second\");")
    assert mixed.text() == "first\nsecond\n"


def test_input(kernel):
    code = r"""println!("EVCXR_INPUT_REQUEST:name? ");
let mut answer = String::new();
std::io::stdin().read_line(&mut answer).unwrap();
println!("hello {}", answer.trim());"""
    message_id = kernel.start(code, allow_stdin=True)
    request = kernel.client.get_stdin_msg(timeout=60)
    assert request["content"] == {"prompt": "name? ", "password": False}
    kernel.client.input("Rosa")
    assert kernel.finish(message_id).text() == "hello Rosa\n"


# What is answered while a cell runs


def test_a_busy_kernel_answers(kernel, tmp_path):
    """The cell ends only after all has been answered."""
    kernel.run("let busy_name = 1;")
    answered = tmp_path / "answered"
    message_id = kernel.start('println!("go"); ' + wait_for_file(f'"{answered}"'))
    wait_for_text(kernel, message_id, "go")
    client = kernel.client
    asked = {
        client.kernel_info(): "kernel_info_reply",
        client.complete("busy_na"): "complete_reply",
        client.inspect("busy_name"): "inspect_reply",
        client.is_complete("1"): "is_complete_reply",
        client.history(hist_access_type="tail", n=1): "history_reply",
        client.comm_info(): "comm_info_reply",
    }
    replies = {}
    while len(replies) < len(asked):
        reply = client.get_shell_msg(timeout=60)
        replies[reply["msg_type"]] = reply["content"]
    assert set(replies) == set(asked.values())
    assert replies["complete_reply"]["matches"] == ["busy_name"]
    assert client.is_alive() and client.hb_channel.is_beating()
    answered.touch()
    assert kernel.finish(message_id).status == "ok"


def test_wrong_signatures_are_ignored(kernel):
    info = kernel.manager.get_connection_info()
    wrong = Session(key=b"wrong", signature_scheme=info["signature_scheme"])
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(f"tcp://{info['ip']}:{info['shell_port']}")
    wrong.send(socket, "execute_request", {"code": "std::process::exit(1)", "silent": False})
    socket.send_multipart([b"not", b"a", b"message"])
    socket.send_multipart([b"<IDS|MSG>"])
    assert not socket.poll(1000)
    socket.close(0)


def test_comms_are_closed(kernel):
    message = kernel.client.session.msg("comm_open", {"comm_id": "c1", "target_name": "nobody", "data": {}})
    kernel.client.shell_channel.send(message)
    while True:
        answer = kernel.client.get_iopub_msg(timeout=60)
        if answer["parent_header"].get("msg_id") == message["header"]["msg_id"] and answer["msg_type"] == "comm_close":
            assert answer["content"]["comm_id"] == "c1"
            break


# The end


def test_nothing_is_left_behind():
    kernel = Kernel()
    info = kernel.client.kernel_info(reply=True, timeout=60)
    assert info["content"]["protocol_version"] >= "5.4"
    message_id = kernel.start('println!("go"); loop {}')
    wait_for_text(kernel, message_id, "go")
    pid, runtime = kernel.pid(), kernel.runtime()
    folder = pathlib.Path(os.environ["TMPDIR"])
    assert list(folder.glob(f"herbarium-kernel-{pid}-*"))
    kernel.stop()
    assert not list(folder.glob(f"herbarium-kernel-{pid}-*"))
    assert gone(runtime)


def test_the_cells_die_with_a_killed_kernel():
    kernel = Kernel()
    message_id = kernel.start('println!("go"); loop {}')
    wait_for_text(kernel, message_id, "go")
    runtime = kernel.runtime()
    os.kill(kernel.pid(), signal.SIGKILL)
    assert gone(runtime)
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def gone(pid):
    for _ in range(50):
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


# herbarium run


def herbarium_run(notebook, out, **options):
    return subprocess.Popen(
        [os.environ["HERBARIUM_BIN"], "run", str(notebook), "-o", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options,
    )


def write_notebook(path, cells):
    notebook = nbformat.v4.new_notebook()
    for cell in cells:
        tags = ["raises-exception"] if cell.startswith("// fails\n") else []
        notebook.cells.append(nbformat.v4.new_code_cell(cell, metadata={"tags": tags}))
    nbformat.write(notebook, path)
    return [cell["id"] for cell in notebook.cells]


def test_run_writes_a_valid_notebook(tmp_path):
    cells = [SHOW, 'print!("a"); show("display", "old", "x");', '// fails\nErr::<(), _>("bad")?;', 'show("update", "new", "x"); 7']
    ids = write_notebook(tmp_path / "in.ipynb", cells)
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out" / "done.ipynb")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "[4/4]" in output and "4 cells" in output.splitlines()[-1]
    done = nbformat.read(tmp_path / "out" / "done.ipynb", 4)
    nbformat.validate(done)
    assert [cell["id"] for cell in done.cells] == ids
    assert [cell["execution_count"] for cell in done.cells] == [1, 2, 3, 4]
    kinds = [[output["output_type"] for output in cell["outputs"]] for cell in done.cells]
    assert kinds == [[], ["stream", "display_data"], ["error"], ["execute_result"]]
    assert done.cells[1]["outputs"][1]["data"] == {"text/plain": "new"}
    assert not list((tmp_path / "out").glob(".*"))


def test_run_answers_a_question_in_the_cell(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ["?Vec::<i32>::with_capacity"])
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    (shown,) = nbformat.read(tmp_path / "out.ipynb", 4).cells[0]["outputs"]
    assert "with_capacity" in shown["data"]["text/plain"]


def test_run_leaves_out_what_is_tagged_so_and_keeps_its_outputs(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ["let a = 1;", 'panic!("left out")', "a + 1"])
    notebook = nbformat.read(tmp_path / "in.ipynb", 4)
    notebook.cells[1]["metadata"]["tags"] = ["skip-execution"]
    notebook.cells[1]["outputs"] = [nbformat.v4.new_output("stream", text="earlier")]
    nbformat.write(notebook, tmp_path / "in.ipynb")
    output, _ = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb").communicate(timeout=120)
    done = nbformat.read(tmp_path / "out.ipynb", 4)
    assert [cell["execution_count"] for cell in done.cells] == [1, None, 2], output
    assert done.cells[1]["outputs"][0]["text"] == "earlier"


def test_run_refuses_a_place_that_it_could_not_write_to_before_the_first_cell(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ['std::fs::write("ran", "")?;'])
    output, _ = (process := herbarium_run(tmp_path / "in.ipynb", tmp_path)).communicate(timeout=120)
    assert process.returncode == 2 and f"Name a file: {tmp_path}/out.ipynb" in output, output
    assert not (tmp_path / "ran").exists()


def test_run_that_runs_nothing_keeps_the_outputs_of_an_earlier_run(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ["6 * 7"])
    herbarium_run(tmp_path / "in.ipynb", tmp_path / "in.ipynb").communicate(timeout=120)
    ran = (tmp_path / "in.ipynb").read_text()
    assert "42" in ran
    nowhere = {name: value for name, value in os.environ.items() if name != "HERBARIUM_PLAIN"} | {"HERBARIUM_CRATE": str(tmp_path)}
    output, _ = (process := herbarium_run(tmp_path / "in.ipynb", tmp_path / "in.ipynb", env=nowhere)).communicate(timeout=120)
    assert process.returncode == 1 and "cannot start" in output, output
    assert (tmp_path / "in.ipynb").read_text() == ran


def test_run_stops_at_a_failure_and_writes_what_ran(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ["1", 'panic!("stop here")', "3"])
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "stop here" in output
    done = nbformat.read(tmp_path / "out.ipynb", 4)
    assert [cell["execution_count"] for cell in done.cells] == [1, 2, None]
    assert done.cells[1]["outputs"][0]["ename"] == "Panic"


def test_run_can_be_interrupted(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ['println!("go"); loop { std::thread::sleep(std::time::Duration::from_millis(9)); }'])
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb", start_new_session=True)
    while "go" != process.stdout.readline().strip():
        pass
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "Interrupt" in output


@pytest.mark.parametrize("lasting", ["loop { std::thread::sleep(std::time::Duration::from_millis(9)); }",
                                     # The system's own wait hears no interrupt.
                                     "std::thread::sleep(std::time::Duration::from_secs(999));"])
def test_run_writes_its_notebook_when_it_is_told_to_end(tmp_path, lasting):
    write_notebook(tmp_path / "in.ipynb", ["6 * 7", f'println!("go"); {lasting}', "3"])
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb", start_new_session=True)
    while "go" != process.stdout.readline().strip():
        pass
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, output
    done = nbformat.read(tmp_path / "out.ipynb", 4)
    assert [cell["execution_count"] for cell in done.cells] == [1, 2, None]
    assert done.cells[0]["outputs"][0]["data"]["text/plain"] == "42"
    assert done.cells[1]["outputs"][0]["text"] == "go\n" and done.cells[1]["outputs"][-1]["output_type"] == "error"


def test_run_can_be_interrupted_before_its_first_cell(tmp_path):
    write_notebook(tmp_path / "in.ipynb", ["loop { std::thread::sleep(std::time::Duration::from_millis(9)); }"])
    process = herbarium_run(tmp_path / "in.ipynb", tmp_path / "out.ipynb", start_new_session=True)
    status, sigint = pathlib.Path(f"/proc/{process.pid}/status"), 1 << (signal.SIGINT - 1)
    while not int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) & sigint:
        pass
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "was interrupted, after" in output


def test_run_says_what_is_wrong_with_a_file(tmp_path):
    (tmp_path / "bad.ipynb").write_text("{}")
    for path in ("bad.ipynb", "missing.ipynb"):
        process = herbarium_run(tmp_path / path, tmp_path / "out.ipynb")
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 2 and path in output
    assert not (tmp_path / "out.ipynb").exists()
