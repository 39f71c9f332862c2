"""The crate in the kernel's cells: order of output, errors, interrupts, and further crates, through a Jupyter client."""

import base64
import contextlib
import os
import pathlib
import re
import tempfile

import jupyter_client
import pytest


class Notebook:
    """A running kernel, as a notebook sees it."""

    def __init__(self, folder, kernel="herbarium"):
        self.manager = jupyter_client.KernelManager(kernel_name=kernel)
        # What a cell asks for without success here must not come from a network.
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, "HERBARIUM_OFFLINE": "1"})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=300)

    def run(self, code, during=None, timeout=300):
        """The cell's messages on iopub, and its reply. `during` is called with each message."""
        request = self.client.execute(code)
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != request:
                continue
            messages.append(message)
            if during:
                during(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == request:
                return messages, reply["content"]

    def text(self, code):
        """All the text that a cell which succeeds shows."""
        messages, reply = self.run(code)
        assert reply["status"] == "ok", reply
        return "".join(text_of(message) for message in messages)

    def error(self, code):
        """What a cell which fails says, once, and without a C++ backtrace."""
        messages, reply = self.run(code)
        assert reply["status"] == "error"
        errors = [message["content"] for message in messages if message["msg_type"] == "error"]
        assert len(errors) == 1 and errors[0]["evalue"] == reply["evalue"]
        everything = "\n".join([errors[0]["evalue"], *errors[0]["traceback"], *map(text_of, messages)])
        assert "c10::Error" not in everything and "frame #" not in everything, everything
        return errors[0]["ename"] + ": " + errors[0]["evalue"]


def text_of(message):
    content = message["content"]
    if message["msg_type"] == "stream":
        return content["text"]
    return content.get("data", {}).get("text/plain", "") if "data" in content else ""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    running = Notebook(tmp_path_factory.mktemp("cells"))
    running.run("let data_dir = data::flowers()?;")
    yield running
    running.client.stop_channels()
    running.manager.shutdown_kernel(now=True)


def test_text_and_pictures_come_in_the_order_of_the_cell(notebook):
    messages, reply = notebook.run(
        'let red = Tensor::ones([3, 8, 8], (Kind::Float, Device::Cpu));\n'
        'println!("one");\ndisplay(&im_convert(&red)?);\nprint!("two");\ndisplay(&im_convert(&(&red * 0.5))?);\nprintln!("three");'
    )
    assert reply["status"] == "ok"
    shown = []
    for message in messages:
        if message["msg_type"] == "stream":
            shown += message["content"]["text"].split()
        elif message["msg_type"] == "display_data":
            assert base64.b64decode(message["content"]["data"]["image/png"]).startswith(b"\x89PNG")
            shown.append("picture")
    assert shown == ["one", "picture", "two", "picture", "three"]


def test_a_display_is_updated_in_its_place(notebook):
    messages, _ = notebook.run('let handle = display("first");\nhandle.update("second");')
    (made,) = [m["content"] for m in messages if m["msg_type"] == "display_data"]
    (updated,) = [m["content"] for m in messages if m["msg_type"] == "update_display_data"]
    assert made["transient"]["display_id"] == updated["transient"]["display_id"]
    assert "first" in made["data"]["text/plain"] and "second" in updated["data"]["text/plain"]


def test_a_tensor_says_what_it_is(notebook):
    shown = notebook.text("Tensor::from_slice(&[1f32, 2.0, 3.0]).view([1, 3])")
    assert "[1, 3]" in shown and "Float" in shown and "3" in shown


def test_errors_name_what_is_wrong_and_keep_the_variables(notebook):
    assert notebook.run("let kept = vec![1, 2, 3];")[1]["status"] == "ok"
    assert "/nowhere" in notebook.error('ImageFolder::new("/nowhere", Compose::new(vec![to_tensor()]))?;')
    assert "resnet18" in notebook.error('initialize_model("resnet19", 12, Pretrained::No, Device::Cpu)?;')
    assert "weights" in notebook.error('initialize_model("resnet152", 12, Pretrained::Required, Device::Cpu)?;')
    assert "3 x" in notebook.error(
        "Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).f_matmul(&Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)))?;"
    ).replace("2x3", "3 x")
    notebook.error("Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).matmul(&Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)));")
    notebook.error('panic!("a petal is missing");')
    notebook.error("let wrong: i32 = \"text\";")
    assert "[1, 2, 3]" in notebook.text("kept")


MULTIPLY = "Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).matmul(&Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)));"


@pytest.mark.parametrize("code, line", [
    (f"let before = 1;\n\n{MULTIPLY}", f"line 3: {MULTIPLY}"),
    # The innermost line of the cell, where the same text stands twice too.
    (f"fn multiply() {{\n    {MULTIPLY}\n}}\nif false {{\n    {MULTIPLY}\n}}\nfor number in 0..3 {{\n    if number == 2 {{\n        multiply();\n    }}\n}}", f"line 2: {MULTIPLY}"),
    # In std, where the caller is unknown.
    ("let now = std::time::Instant::now();\nnow - std::time::Duration::MAX;", "line 2: now - std::time::Duration::MAX;"),
    ("let none: Option<u8> = None;\nnone.unwrap();", "line 2: none.unwrap();"),
])
def test_a_panic_anywhere_says_the_line_of_the_cell(notebook, code, line):
    _, reply = notebook.run(code)
    shown = re.sub("\x1b\\[[0-9;]*m", "", "\n".join(reply["traceback"]))
    assert reply["ename"] == "Panic" and line in shown, shown


def test_a_panic_in_a_function_of_an_earlier_cell_says_where_it_is_called(notebook):
    notebook.text(f"fn from_before() {{ {MULTIPLY} }}")
    _, reply = notebook.run("let here = 1;\nfrom_before();")
    assert "from_before();" in reply["traceback"][2] and "line 2:" in reply["traceback"][2], reply
    # Optimised, and with another crate.
    _, reply = notebook.run(f":opt 2\nlet here = 2;\n{MULTIPLY}")
    assert "line 3:" in "\n".join(reply["traceback"]), reply
    notebook.text(":opt 0")


def test_an_array_whose_length_rustc_infers_is_kept(notebook):
    notebook.text("let beside = 5;\nlet sizes: [i64; _] = [2, 3];")
    assert notebook.text("beside") == "5"
    assert notebook.text("sizes") == "[2, 3]"


def test_what_was_on_stderr_before_a_question_mark_stays_there(notebook):
    messages, reply = notebook.run('eprintln!("a warning");\nlet unused = 1;\nImageFolder::new("/nowhere", Compose::new(vec![to_tensor()]))?;')
    assert "".join(text_of(message) for message in messages) == "a warning\n"
    assert "/nowhere" in reply["evalue"] and "a warning" not in reply["evalue"]
    shown = "\n".join(reply["traceback"])
    assert "line 3:" in shown and "Not kept, because the cell failed: unused" in shown


def test_a_failing_value_fails_the_cell(notebook):
    assert "shapes cannot be multiplied" in notebook.error(
        "let wide = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));\nwide.f_matmul(&wide)"
    )
    assert "[2, 3]" in notebook.text("wide.size()")


def test_libtorch_errors_are_short(notebook):
    error = notebook.error("Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).f_view([7])?;")
    assert error == "Error: libtorch: shape '[7]' is invalid for input of size 6"


def test_vars_tells_types_and_sizes(notebook):
    notebook.text('let grid = Tensor::zeros([4, 5], (Kind::Int64, Device::Cpu));\nlet words = vec!["a", "b"];')
    shown = notebook.text(":vars")
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert "Tensor" in lines["grid"] and "torch.Size([4, 5]) Int64" in lines["grid"]
    assert "Vec<&str>" in lines["words"].replace("'static ", "") and "2 elements" in lines["words"]
    assert list(lines) == sorted(lines)
    assert "[4, 5]" in notebook.text("grid.size()"), "they are still there"


def test_a_progress_bar_moves_in_its_place(notebook):
    messages, reply = notebook.run(
        'let mut bar = Progress::new("Epoch 0", 4).unit("batch");\n'
        'for _ in 0..3 { std::thread::sleep(std::time::Duration::from_millis(130)); bar.set_postfix("loss=0.5"); bar.update(1); }\n'
        'println!("between");\nbar.update(1);\nbar.close();'
    )
    assert reply["status"] == "ok"
    (made,) = [message["content"] for message in messages if message["msg_type"] == "display_data"]
    updates = [message["content"] for message in messages if message["msg_type"] == "update_display_data"]
    assert len(updates) >= 3
    assert {update["transient"]["display_id"] for update in updates} == {made["transient"]["display_id"]}
    shown = [update["data"]["text/plain"] for update in updates]
    assert any("1/4" in text and "loss=0.5" in text and "batch/s" in text for text in shown), shown
    last = updates[-1]["data"]
    assert "100%" in last["text/plain"] and "4/4" in last["text/plain"] and "loss=0.5" in last["text/plain"]
    assert 'value="4" max="4"' in last["text/html"]


def test_two_hundred_cells_leave_no_files_and_little_memory(notebook):
    def state():
        kernel = notebook.manager.provisioner.pid
        (folder,) = pathlib.Path(tempfile.gettempdir()).glob(f"herbarium-kernel-{kernel}-*")
        files = [path for path in folder.rglob("*") if path.is_file()]
        return len(files), sum(map(resident, family(kernel)))

    for number in range(20):
        notebook.text(f"let counted = {number};\ncounted")
    files_before, memory_before = state()
    for number in range(200):
        assert str(number + 1) in notebook.text(f"let counted = {number};\ncounted + 1")
    files_after, memory_after = state()
    assert files_after <= files_before + 3, "a cell leaves files behind"
    # evcxr keeps each cell's library loaded, some 0.1 MB; this is ten times that.
    assert memory_after - memory_before < 200 * 1_000_000


def family(pid):
    """A process and all that it and those have started."""
    found = [pid]
    for task in pathlib.Path("/proc").glob(f"{pid}/task/*/children"):
        # It may have ended meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in task.read_text().split():
                found += family(int(child))
    return found


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def test_the_stop_button_ends_training_and_keeps_everything(notebook):
    notebook.text(
        """
let splits = Splits {
    train: Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    valid: Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
};
let loaders = ImageFolder::splits(&data_dir, &splits)?.loaders(LoaderOptions { batch_size: 32, shuffle: true, ..Default::default() });
let mut model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu)?;
model.freeze_all_but_head();
let mut optimizer = Adam::new(model.trainable_parameters(), 1e-2);
let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
"""
    )
    stopped = []

    def stop(message):
        if not stopped and "valid Loss" in text_of(message):
            notebook.manager.interrupt_kernel()
            stopped.append(message)

    messages, reply = notebook.run(
        """
let history = train_model(&mut model, &loaders, &CrossEntropyLoss::new(), &mut optimizer, &mut scheduler,
    TrainOptions { num_epochs: 500, checkpoint: "stopped.safetensors".into(), ..Default::default() })?;
""",
        during=stop,
    )
    assert stopped, "training printed no epoch"
    assert "true" in notebook.text("history.interrupted")
    assert "1" in notebook.text("history.epochs() > 0 && history.epochs() < 500").replace("true", "1")
    assert "Checkpoint" in notebook.text('Checkpoint::load("stopped.safetensors")?')
    assert "[32, 12]" in notebook.text("model.forward(&loaders.valid.batch(0)?.images)?.size()")


def test_the_crates_own_dep_line_costs_nothing_and_others_work(notebook):
    messages, reply = notebook.run(':dep herbarium = { path = ".." }')
    assert reply["status"] == "ok" and not [each for each in messages if "Compiling" in str(each["content"])]
    assert "12,345" in notebook.text(
        ':dep itoa = "1"\nlet digits = itoa::Buffer::new().format(12345).to_owned();\nformat!("{},{}", &digits[..2], &digits[2..])'
    )
    assert "[2]" in notebook.text("Tensor::zeros([2], (Kind::Float, Device::Cpu)).size()")


def test_commands_find_the_tools_that_the_user_has(notebook):
    """Not those of the kernel, which compile cells."""
    ours = os.environ["PATH"]
    assert notebook.text('!echo "$PATH ${CARGO_HOME-} ${RUSTC-}"').split("\n")[0] == f"{ours} {os.environ.get('CARGO_HOME', '')} "
    assert ours in notebook.text('println!("{}", std::env::var("PATH")?);')


def test_completion_knows_the_crate(notebook):
    code = "data_dir.joi"
    request = notebook.client.complete(code, len(code))
    while True:
        reply = notebook.client.get_shell_msg(timeout=120)
        if reply["parent_header"].get("msg_id") == request:
            break
    assert "join" in reply["content"]["matches"]


def test_variables_that_a_cell_does_not_name_stay(notebook):
    notebook.text('let kept = Tensor::from_slice(&[1i64, 2, 3]); let mut word = String::from("rose");')
    assert notebook.text("1 + 1") == "2"
    assert "a bud" in notebook.error('let never = 1; panic!("a bud")')
    assert notebook.text("word += \"s\";\nprintln!(\"{word} {kept}\")").splitlines()[0].startswith("roses ")
    # In a text, in a macro of the cell, in a closure: all of these name it.
    assert notebook.text('println!("{word}")') == "roses\n"
    assert notebook.text("macro_rules! shout { ($text:expr) => { $text.to_uppercase() } }\nshout!(word)") == '"ROSES"'
    assert notebook.text("(|| kept.size1())()?") == "3"
    # Moved away, and there no more.
    notebook.text("drop(kept);")
    assert "kept" in notebook.error("kept.size()")
    assert notebook.text("word.len()") == "5"


def test_a_model_outlives_the_cell_that_fails_to_replace_it(notebook):
    notebook.text('let mut model_ft = initialize_model("resnet18", 3, Pretrained::No, Device::Cpu)?; let batch = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));')
    parameters = notebook.text("model_ft.named_parameters().numel()")
    notebook.error(
        'let mut model_ft = initialize_model("resnet18", 5, Pretrained::No, Device::Cpu)?;\n'
        'model_ft.load_state_dict(&weights::load("wrong name")?, Strictness::Strict)?;'
    )
    notebook.error("let batch = batch.view([7]);")
    notebook.error('let number: i32 = "x".parse()?;\nlet other = (model_ft, batch);')
    assert notebook.text("model_ft.named_parameters().numel()") == parameters
    assert "[2, 3]" in notebook.text("batch.size()")
    assert "[6]" in notebook.text("let batch = batch.view([6]);\nbatch.size()")
    # Interrupts that a cell hears end it by a separate error.
    notebook.error('let batch = 1; Err::<(), _>("stopped")?;')
    assert "[6]" in notebook.text("batch.size()")


#: What PyTorch's users type of a tensor, and what the error advises.
OF_TENSORS = {
    "t.shape": "t.size()",
    "t.dtype": "t.kind()",
    "t.ndim": "t.dim()",
    "t.T": "t.tr()",
    "t[0]": "t.get(0)",
    "t[:, 0]": "t.select(1, 0)",
    "t.item()": "t.double_value(&[])",
    "t.numpy()": "Vec::<f64>::try_from(t.to_kind(Kind::Double).reshape([-1]))?",
    "t.tolist()": "Vec::<f64>::try_from(t.to_kind(Kind::Double).reshape([-1]))?",
    "t.cuda()": "t.to_device(Device::cuda_if_available())",
    "t.cpu()": "t.to_device(Device::Cpu)",
    "t.long()": "t.to_kind(Kind::Int64)",
    "t.view(2, 3)": "t.view([2, 3])",
    "t > 0.5": "t.gt(0.5)",
    "t.len()": "t.size()[0]",
    "torch.zeros(2, 3)": "Tensor::zeros([2, 3], (Kind::Float, Device::Cpu))",
    "torch.tensor([1.0, 2.0])": "Tensor::from_slice(&[1.0, 2.0])",
    "torch.arange(5)": "Tensor::arange(5, (Kind::Float, Device::Cpu))",
    "torch.cuda.is_available()": "tch::Cuda::is_available()",
    "Tensor::zeros(2, 3)": "Tensor::zeros([2, 3], (Kind::Float, Device::Cpu))",
}


def test_the_advice_on_tensors_works(notebook):
    notebook.run("let t = Tensor::rand([1, 6], (Kind::Float, Device::Cpu)).view([2, 3]);")
    missing = []
    for mistake, advice in OF_TENSORS.items():
        _, reply = notebook.run(mistake)
        if reply["status"] != "error" or f"`{advice}`" not in "\n".join(reply["traceback"]):
            missing.append((mistake, advice, reply.get("traceback")))
    assert not missing, missing
    typed = [advice for advice in OF_TENSORS.values() if advice != "t.double_value(&[])"]
    notebook.text("\n".join(f"let _ = {advice};" for advice in typed) + "\nlet _ = t.mean(Kind::Float).double_value(&[]);")


def test_what_moves_its_operand_shows_its_value(notebook):
    notebook.run("let moved = Tensor::from_slice(&[1f32, 2.0]);")
    assert "torch.Size([2])" in notebook.text("moved + 1")
    assert "`moved` was moved away" in "\n".join(notebook.run("moved")[1]["traceback"])
    assert "torch.Size([2])" in notebook.text("let bound = Tensor::from_slice(&[1f32, 2.0]);\nbound * 2")


def test_a_picture_of_the_learners_own_is_kept(notebook):
    notebook.run("let small = image::RgbImage::new(2, 1);")
    assert "2 x 1" in notebook.text("small")


def test_the_advice_on_a_moved_tensor_or_model_works(notebook):
    notebook.text('let mut model_ft = initialize_model("resnet18", 3, Pretrained::No, Device::Cpu)?; let batch = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));')
    notebook.text("let other = (model_ft, batch);")
    _, reply = notebook.run("batch.size()")
    said = "\n".join(reply["traceback"])
    assert "`batch.copy()`" in said and "`batch.shallow_clone()`" in said and "batch.clone()" not in said, said
    _, reply = notebook.run("model_ft.named_parameters().numel()")
    said = "\n".join(reply["traceback"])
    assert "`&model_ft` or `&mut model_ft`" in said and "clone()`" not in said, said
    notebook.text(
        "let (mut model_ft, batch) = other; fn lend(model: &mut Model, tensors: [Tensor; 2], lent: &Tensor) {}\n"
        "lend(&mut model_ft, [batch.copy(), batch.shallow_clone()], &batch);"
    )
    assert "[2, 3]" in notebook.text("batch.size()")


def test_a_type_that_is_defined_anew_takes_its_own_variables_only(notebook):
    petal = "#[derive(Debug)] struct Petal(i32);\n#[derive(Debug)] struct Flower { petals: Vec<Petal> }\n"
    notebook.text(petal + "let petal = Petal(1); let flower = Flower { petals: vec![Petal(2)] }; let stays = 7;")
    # The same cell once more changes no type.
    notebook.text("#[derive(Debug)]  struct Petal(i32); // as before\nlet again = 1;")
    assert notebook.text("(&petal, &flower.petals)") == "(Petal(1), [Petal(2)])"
    # One that does not compile loses nothing.
    assert "CompileError" in notebook.error("#[derive(Debug)] struct Petal(String);\nlet wrong: i32 = \"1\";")
    assert notebook.text("petal") == "Petal(1)"
    told = notebook.text("#[derive(Debug)] struct Petal(String);\nlet other = Petal(String::from(\"rose\"));")
    assert "`petal`" in told and "`flower`" in told and "stays" not in told, told
    for lost in ["petal", "flower"]:
        assert lost in notebook.error(lost)
    assert notebook.text("(&other, stays)") == '(Petal("rose"), 7)'


def test_a_foreign_function_that_no_library_has_costs_the_cell_only(notebook):
    notebook.text("let stays = 8;")
    missing = "unsafe extern \"C\" { fn no_library_has_this() -> i32; }\nunsafe { no_library_has_this() }"
    assert "no_library_has_this" in notebook.error(missing)
    assert notebook.text("stays") == "8"
    assert notebook.text('unsafe extern "C" { fn abs(x: i32) -> i32; }\nunsafe { abs(-3) }') == "3"


def test_a_cell_asks_and_shows_what_has_no_line_feed(notebook, tmp_path):
    seen = tmp_path / "seen"
    code = f'print!("."); while !std::path::Path::new("{seen}").exists() {{ std::thread::sleep(std::time::Duration::from_millis(5)); }}\n'
    code += 'print!("Which flower? ");\nlet mut flower = String::new();\nstd::io::stdin().read_line(&mut flower)?;\nprintln!("{}", flower.trim());'

    def answer(message):
        if text_of(message) == ".":
            seen.touch()
            assert notebook.client.get_stdin_msg(timeout=60)["content"]["prompt"] == "Which flower? "
            notebook.client.input("a rose")

    messages, reply = notebook.run(code, during=answer)
    assert reply["status"] == "ok", reply
    assert "".join(map(text_of, messages)) == ".a rose\n"
