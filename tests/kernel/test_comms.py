"""Comms as the protocol has them for a kernel that knows no targets."""

import pytest
from test_kernel import Kernel


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.stop()


def sent(kernel, kind, content):
    """Sends on shell, and returns what is published for it, up to the kernel being idle again."""
    message = kernel.client.session.msg(kind, content)
    kernel.client.shell_channel.send(message)
    published = []
    while True:
        answer = kernel.client.get_iopub_msg(timeout=30)
        if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        published.append(answer)
        if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
            return published


def kinds(messages):
    return [message["msg_type"] for message in messages]


def test_a_comm_to_an_unknown_target_is_closed(kernel):
    published = sent(kernel, "comm_open", {"comm_id": "c1", "target_name": "nobody", "data": {"a": 1}})
    assert kinds(published) == ["status", "comm_close", "status"]
    assert published[1]["content"] == {"comm_id": "c1", "data": {}}
    # The target's module and the data may be missing.
    published = sent(kernel, "comm_open", {"comm_id": "c2", "target_name": "nobody", "target_module": None})
    assert published[1]["content"]["comm_id"] == "c2"


def test_no_comm_is_ever_open(kernel):
    sent(kernel, "comm_open", {"comm_id": "c3", "target_name": "jupyter.widget", "data": {}})
    for options in ({}, {"target_name": "jupyter.widget"}):
        reply = kernel.client.comm_info(reply=True, timeout=30, **options)
        assert reply["content"] == {"status": "ok", "comms": {}}


@pytest.mark.parametrize("kind", ["comm_msg", "comm_close"])
def test_a_message_to_no_comm_is_ignored(kernel, kind):
    assert kinds(sent(kernel, kind, {"comm_id": "nobody", "data": {"a": [1]}})) == ["status", "status"]
    assert kernel.run("40 + 2").plain() == ["42"]
