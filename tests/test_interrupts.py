"""Fifty presses of the stop button at random moments of a training: nothing is lost by any of them."""

import os
import pathlib
import random
import re
import signal
import threading

import pytest
from test_crate_in_cells import Notebook, text_of

PREPARE = """
let data_dir = data::flowers()?;
let transforms = Splits {
    train: Compose::new(vec![resize([32, 32]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    valid: Compose::new(vec![resize([32, 32]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
};
let loaders = ImageFolder::splits(&data_dir, &transforms)?.loaders(LoaderOptions { batch_size: 16, shuffle: true, ..Default::default() });
let mut model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu)?;
let mut optimizer = Sgd::new(model.trainable_parameters(), 1e-3);
let mut scheduler = StepLr::new(&optimizer, 10, 0.5);
let criterion = CrossEntropyLoss::new();
let kept = vec![String::from("rose"), String::from("tulip")];
"""
TRAIN = """
let history = train_model(&mut model, &loaders, &criterion, &mut optimizer, &mut scheduler,
    TrainOptions { num_epochs: 1000, checkpoint: "stopped.safetensors".into(), ..Default::default() })?;
"""
# The same text each time, so that it is compiled once.
CHECK = """
let logits = model.forward(&loaders.valid.batch(0)?.images)?;
let finite = i64::try_from(logits.isfinite().all())? == 1;
let checkpoint = Checkpoint::load("stopped.safetensors")?;
let mut other = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu)?;
other.load_state_dict(&checkpoint.state_dict, Strictness::Strict)?;
println!("{:?} finite {finite} whole {} kept {:?} lr {}", logits.size(), checkpoint.state_dict.len(), kept, optimizer.lr());
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    running = Notebook(tmp_path_factory.mktemp("interrupts"))
    running.text(PREPARE)
    running.text(TRAIN.replace("1000", "1"))
    running.text(CHECK)
    yield running
    running.client.stop_channels()
    running.manager.shutdown_kernel(now=True)


def test_fifty_interrupts_lose_nothing(notebook):
    chance = random.Random(50)
    heard = 0
    for number in range(50):
        timer = threading.Timer(chance.uniform(0.0, 1.2), notebook.manager.interrupt_kernel)

        def begin(message=None):
            if timer.ident is None and (message is None or message["msg_type"] in ("stream", "display_data")):
                timer.start()

        # Every other time from when the cell is sent, so that its compile and its first steps are met too; else from the
        # first that the training shows.
        if number % 2:
            begin()
        messages, reply = notebook.run(TRAIN, during=begin, timeout=120)
        timer.join()
        said = "".join(map(text_of, messages)) + str(reply)
        # Stopped while it was compiled, or by the training itself; never ended by force.
        if reply["status"] == "ok":
            heard += 1
        else:
            assert reply["ename"] == "Interrupt" and "no variables were lost" in reply["evalue"], said
        checked = notebook.text(CHECK)
        found = re.fullmatch(r'\[16, 12\] finite true whole (\d+) kept \["rose", "tulip"\] lr (\S+)\n', checked)
        assert found and int(found[1]) > 100 and float(found[2]) > 0, (number, checked, said)
    assert heard >= 25, heard


ANOTHER = """
let mut second = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu)?;
let untouched = second.state_dict().deep_copy()?;
let mut optimizer_two = Sgd::new(second.trainable_parameters(), 1e-3);
let mut scheduler_two = StepLr::new(&optimizer_two, 10, 0.5);
"""


def test_one_press_stops_every_training_of_a_cell(notebook):
    notebook.text(ANOTHER)
    stopped = []

    def stop(message):
        if not stopped and "Epoch 0" in text_of(message):
            notebook.manager.interrupt_kernel()
            stopped.append(True)

    messages, reply = notebook.run(
        """
let first = train_model(&mut model, &loaders, &criterion, &mut optimizer, &mut scheduler, TrainOptions { num_epochs: 1000, ..Default::default() })?;
let next = train_model(&mut second, &loaders, &criterion, &mut optimizer_two, &mut scheduler_two, TrainOptions { num_epochs: 1000, ..Default::default() })?;
let looked = evaluate(&model, &loaders.valid, &criterion)?;
println!("{} {} {}", first.interrupted, next.interrupted, next.epochs());
""",
        during=stop,
        timeout=120,
    )
    assert stopped and reply["status"] == "ok", reply
    assert "true true 0\n" in "".join(map(text_of, messages))
    assert "true" in notebook.text("second.state_dict().iter().all(|(name, tensor)| untouched.get(name).is_some_and(|other| other == tensor))")
    # The next cell trains again.
    assert "false 1" in notebook.text(
        'let again = train_model(&mut second, &loaders, &criterion, &mut optimizer_two, &mut scheduler_two, TrainOptions { num_epochs: 1, ..Default::default() })?;\n'
        'println!("{} {}", again.interrupted, again.epochs());'
    )


def test_a_loop_of_ones_own_stops_and_the_next_cell_does_not(notebook):
    def stop(message):
        if text_of(message).startswith("go"):
            notebook.manager.interrupt_kernel()

    _, reply = notebook.run('println!("go");\nloop { for batch in loaders.train.iter() { batch?; } }', during=stop, timeout=60)
    assert reply["ename"] == "Interrupt", reply
    assert "90" in notebook.text('let mut seen = 0;\nfor batch in loaders.train.iter() { batch?; seen += 1; }\nprintln!("{}", if seen > 5 { 90 } else { seen });')


def test_any_loop_stops_and_what_listens_decides_itself(notebook):
    def stopped(code):
        pressed = []

        def press(message):
            if text_of(message).startswith("go") and not pressed:
                pressed.append(notebook.manager.interrupt_kernel())

        messages, reply = notebook.run(code, during=press, timeout=60)
        assert pressed
        return "".join(map(text_of, messages)), reply

    for loop in ["loop {}", "let mut n = kept.len();\nwhile n > 0 { n ^= 1024; }", "(0u64..).for_each(|x| { std::hint::black_box(x); });"]:
        for optimised in [":opt 2", ":opt 0"]:
            notebook.run(optimised)
            _, reply = stopped(f'println!("go");\n{loop}')
            assert reply["ename"] == "Interrupt" and reply["evalue"].startswith("Interrupted"), (loop, reply)
    # A loop that asks is not stopped, nor is what the cell then prints.
    said, reply = stopped('println!("go");\nlet mut turns = 0;\nwhile !interrupted() { for _ in 0..9 { turns += 1; } }\nprintln!("{}", turns > 0);')
    assert reply["status"] == "ok" and said.endswith("true\n"), (said, reply)
    # What listened earlier in the cell does not make its loops deaf.
    _, reply = stopped('let _looked = evaluate(&model, &loaders.valid, &criterion)?;\nprintln!("go");\nloop {}')
    assert reply["ename"] == "Interrupt" and reply["evalue"].startswith("Interrupted"), reply
    assert "rose" in notebook.text("kept")


def runtime_of(pid):
    """The process that runs the cells: the last of the kernel's, its children and theirs."""
    below = [int(child) for task in pathlib.Path("/proc").glob(f"{pid}/task/*/children") for child in task.read_text().split()]
    below = [child for child in below if "herbarium" in pathlib.Path(f"/proc/{child}/comm").read_text()]
    return runtime_of(below[-1]) if below else pid


def test_a_signal_between_two_cells_is_meant_for_neither(notebook):
    for _ in range(5):
        os.kill(runtime_of(notebook.manager.provisioner.pid), signal.SIGINT)
        assert "false" in notebook.text('println!("{}", interrupted());')


def test_an_interrupt_is_not_heard_by_a_later_cell(notebook):
    messages, reply = notebook.run(
        'println!("go");\nstd::thread::sleep(std::time::Duration::from_secs(1));',
        during=lambda message: text_of(message).startswith("go") and notebook.manager.interrupt_kernel(),
    )
    assert reply["status"] == "ok", reply
    assert "false" in notebook.text("interrupted()")


def test_a_cell_that_listens_is_waited_for(notebook):
    """A batch may take longer than a cell that does not listen is given."""
    code = """
println!("go");
let mut rounds = 0;
while !interrupted() { std::thread::sleep(std::time::Duration::from_secs(7)); rounds += 1; }
rounds"""
    pressed = []

    def press(message):
        if text_of(message).startswith("go") and not pressed:
            pressed.append(notebook.manager.interrupt_kernel())

    messages, reply = notebook.run(code, during=press)
    said = "".join(map(text_of, messages))
    assert reply["status"] == "ok" and "Waiting for the running batch to end" in said, (said, reply)
    assert "rose" in notebook.text("kept")
