"""The stop button while the first cell waits for the kernel to start."""

import time

from conftest import KERNEL
from jupyter_client.manager import KernelManager
from test_kernel import Kernel


class Starting(Kernel):
    """A kernel that is used at once: its sockets answer long before its session can run a cell."""

    def __init__(self):
        self.manager = KernelManager(kernel_name=KERNEL)
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)


def wait_for_busy(kernel, message_id):
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == message_id and message["msg_type"] == "execute_input":
            return


def test_an_interrupt_while_the_kernel_starts_stops_the_cell_and_not_the_start():
    stopped_early = 0
    for _ in range(3):
        kernel = Starting()
        first, second = kernel.start('println!("never");'), kernel.start("2")
        wait_for_busy(kernel, first)
        kernel.interrupt()
        result = kernel.finish(first)
        assert kernel.finish(second).status == "aborted"
        # The session may have started in the meantime, and the cell be at its compiling, or beyond.
        if result.status == "error":
            assert result.reply["ename"] == "Interrupt" and "before it ran" in result.reply["evalue"]
            assert result.text() == ""
            stopped_early += 1
        third = kernel.run("let kept = 40;\nkept + 2")
        assert third.plain() == ["42"] and third.reply["execution_count"] == result.reply["execution_count"] + 1
        assert kernel.run("kept").plain() == ["40"]
        kernel.stop()
    assert stopped_early, "the cell was never stopped while it waited"


def test_an_interrupt_before_the_first_cell_does_nothing():
    kernel = Starting()
    kernel.interrupt()
    # It comes by a separate socket, and must not come after the cell.
    time.sleep(0.3)
    assert kernel.run("40 + 2").plain() == ["42"]
    kernel.interrupt()
    time.sleep(0.3)
    assert kernel.run("40 + 3").plain() == ["43"]
    kernel.stop()


def test_completions_are_there_before_the_first_cell():
    kernel = Starting()
    # While it starts and after that: rust-analyzer knows methods, what is known without it does not.
    deadline = time.monotonic() + 60
    while True:
        reply = kernel.client.complete("String::from_ut", 15, reply=True, timeout=60)
        if "from_utf8" in reply["content"]["matches"]:
            break
        assert time.monotonic() < deadline, reply["content"]
        time.sleep(0.2)
    kernel.stop()
