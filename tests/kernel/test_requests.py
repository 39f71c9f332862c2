"""Requests of every kind and form, signatures, and what outputs are made of."""

import hashlib
import hmac

import pytest
import zmq
from conftest import KERNEL
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session
from test_kernel import Kernel


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.stop()


def states(kernel, message_id):
    """What is published for a request, up to the kernel being idle again."""
    published = []
    while published[-1:] != ["idle"]:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == message_id:
            published.append(message["content"].get("execution_state", message["msg_type"]))
    return published


def send(kernel, channel, kind, content):
    """Sends a request, and returns what is published for it and the reply, if there is one."""
    message = kernel.client.session.msg(kind)
    message["content"] = content
    socket = getattr(kernel.client, f"{channel}_channel")
    socket.send(message)
    published = states(kernel, message["header"]["msg_id"])
    # Replies come in order: one to a later request says that there is none to this.
    last = kernel.client.session.msg("kernel_info_request")
    socket.send(last)
    replies = {}
    # A client that waits for a slow start asks several times, and has those answers still to come.
    while last["header"]["msg_id"] not in replies:
        reply = socket.get_msg(timeout=60)
        replies[reply["parent_header"]["msg_id"]] = reply
    assert replies[last["header"]["msg_id"]]["msg_type"] == "kernel_info_reply"
    return published, replies.get(message["header"]["msg_id"])


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_connect_says_the_ports(kernel, channel):
    published, reply = send(kernel, channel, "connect_request", {})
    info = kernel.manager.get_connection_info()
    ports = {name: info[name] for name in info if name.endswith("_port")}
    assert published == ["busy", "idle"] and reply["msg_type"] == "connect_reply"
    assert reply["content"] == {"status": "ok", **ports} and len(ports) == 5


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_an_unknown_request_is_dealt_with(kernel, channel):
    for kind in ("nonsense_request", "usage_request", "debug_request", "stream"):
        assert send(kernel, channel, kind, {"command": "x"}) == (["busy", "idle"], None)


@pytest.mark.parametrize("kind, content", [
    ("execute_request", {}),
    ("execute_request", {"code": 3}),
    ("execute_request", {"code": "1", "silent": "perhaps"}),
    ("complete_request", {}),
    ("complete_request", {"code": "a", "cursor_pos": "b"}),
    ("inspect_request", {"code": ["code"], "cursor_pos": 1}),
    ("is_complete_request", {}),
    ("history_request", {}),
])
def test_a_malformed_request_gets_an_error_for_a_reply(kernel, kind, content):
    published, reply = send(kernel, "shell", kind, content)
    assert published == ["busy", "idle"]
    assert reply["msg_type"] == kind.replace("request", "reply")
    assert reply["content"]["status"] == "error" and kind in reply["content"]["evalue"]


def test_a_position_outside_of_the_code_is_its_start_or_end(kernel):
    for content, expected in [
        ({"code": "let", "cursor_pos": -1}, 0),
        ({"code": "let", "cursor_pos": 99}, 3),
        ({"code": "let"}, 3),
        ({"code": "", "cursor_pos": None}, 0),
    ]:
        published, reply = send(kernel, "shell", "complete_request", content)
        assert published == ["busy", "idle"] and reply["content"]["status"] == "ok"
        assert reply["content"]["cursor_end"] == expected, content
    published, reply = send(kernel, "shell", "inspect_request", {"code": "let", "cursor_pos": -7})
    assert published == ["busy", "idle"] and reply["content"]["status"] == "ok"


def test_control_answers_what_shell_does_but_runs_no_cells(kernel):
    for kind, content in [("kernel_info_request", {}), ("is_complete_request", {"code": "1"}), ("comm_info_request", {})]:
        _, reply = send(kernel, "control", kind, content)
        assert reply["content"]["status"] in ("ok", "complete")
    _, reply = send(kernel, "control", "execute_request", {"code": "std::process::exit(1)", "silent": False})
    assert reply is None
    assert kernel.run("40 + 2").plain() == ["42"]


# Signatures


def test_a_message_counts_once(kernel, tmp_path):
    """Whoever records a message and sends it again, on whatever channel, gets nothing."""
    kernel.run("let mut times = 0;")
    info = kernel.manager.get_connection_info()
    session = Session(key=info["key"], signature_scheme=info["signature_scheme"])
    wire = session.serialize(session.msg("execute_request", {"code": "times += 1;", "silent": False, "store_history": True, "allow_stdin": False}))
    sockets = {}
    for channel in ("shell", "control"):
        sockets[channel] = zmq.Context.instance().socket(zmq.DEALER)
        sockets[channel].connect(f"tcp://{info['ip']}:{info[channel + '_port']}")
    sockets["shell"].send_multipart(wire)
    assert sockets["shell"].poll(60_000)
    sockets["shell"].recv_multipart()
    for socket in [sockets["shell"], sockets["shell"], sockets["control"]]:
        socket.send_multipart(wire)
        # An honest one after it is answered, and so it has been read.
        socket.send_multipart(session.serialize(session.msg("kernel_info_request")))
        assert socket.poll(60_000)
        identities, answer = session.feed_identities(socket.recv_multipart())
        assert session.deserialize(answer)["msg_type"] == "kernel_info_reply"
        socket.close(0) if socket is sockets["control"] else None
    sockets["shell"].close(0)
    assert kernel.run("times").plain() == ["1"]


def test_hmac_sha512():
    manager = KernelManager(kernel_name=KERNEL, session=Session(signature_scheme="hmac-sha512"))
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        info = manager.get_connection_info()
        assert info["signature_scheme"] == "hmac-sha512"
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.connect(f"tcp://{info['ip']}:{info['shell_port']}")
        session = Session(key=info["key"], signature_scheme="hmac-sha512")
        for scheme, digest in [("hmac-sha256", hashlib.sha256), ("hmac-sha512", hashlib.sha512)]:
            delimiter, _, *parts = session.serialize(session.msg("kernel_info_request"))
            signature = hmac.new(info["key"], b"".join(parts), digest).hexdigest().encode()
            socket.send_multipart([delimiter, signature, *parts])
        answer = session.feed_identities(socket.recv_multipart())[1]
        assert hmac.new(info["key"], b"".join(answer[1:5]), hashlib.sha512).hexdigest().encode() == answer[0]
        # One answer: the other was not signed as the connection file says.
        assert not socket.poll(500)
        socket.close(0)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# Outputs


def test_json_types_arrive_as_objects(kernel):
    types = ["application/json", "application/vnd.vegalite.v5+json", "application/vnd.plotly.v1+json", "application/vnd.dataresource+json", "application/geo+json"]
    for mime in types:
        text = r'{\"a\": [1, {\"b\": null}]}'
        block = f'println!("EVCXR_BEGIN_CONTENT {mime}\\n{{}}\\nEVCXR_END_CONTENT", "{text}");'
        as_text = f'println!("\\x1eherbarium {{{{\\"type\\":\\"display\\",\\"data\\":{{{{\\"{mime}\\":{{:?}}}}}}}}}}", "{text}");'
        as_object = f'println!("\\x1eherbarium {{{{\\"type\\":\\"display\\",\\"data\\":{{{{\\"{mime}\\":{{}}}}}}}}}}", "{text}");'
        result = kernel.run("\n".join([block, as_text, as_object]))
        shown = [content["data"] for _, content in result.outputs]
        assert shown == [{mime: {"a": [1, {"b": None}]}}] * 3, result.outputs
    broken = kernel.run('println!("EVCXR_BEGIN_CONTENT application/json\\nnot json\\nEVCXR_END_CONTENT");')
    assert broken.outputs[0][1]["data"] == {"application/json": "not json"}
