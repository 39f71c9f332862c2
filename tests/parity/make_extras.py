#!/usr/bin/env python3
"""Makes `checkpoints/extras_2.pth` and `extras_4.pth`: a state dict beside what people keep with it.

The files are what torch.save writes of such a dictionary with pickle protocols 2 and 4. The two names of PyTorch's
that a tensor needs are stood in for, so that numpy is all that it takes.

    .venv/bin/python tests/parity/make_extras.py
"""

import argparse
import collections
import datetime
import decimal
import enum
import io
import math
import pathlib
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def module(name, **content):
    made = sys.modules[name] = types.ModuleType(name)
    for key, value in content.items():
        if isinstance(value, type) or callable(value):
            value.__module__ = name
        setattr(made, key, value)
    return made


def _rebuild_tensor_v2(*arguments):
    raise NotImplementedError


class FloatStorage:
    pass


class Sampler:
    def __init__(self):
        self.seed = 3


class ModelState(collections.OrderedDict):
    pass


class Config(dict):
    pass


class Phase(enum.Enum):
    FROZEN = "frozen"


module("torch", FloatStorage=FloatStorage)
module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)
module("mine", Sampler=Sampler, ModelState=ModelState, Config=Config, Phase=Phase)
for shown in (Sampler, ModelState, Config, Phase):
    shown.__qualname__ = shown.__name__


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    """Pickles as torch's tensors do."""

    def __init__(self, key, *shape):
        self.shape, self.storage = shape, Storage(key, [float(number) for number in range(1, math.prod(shape) + 1)])

    def __reduce__(self):
        strides = tuple(math.prod(self.shape[axis + 1:]) for axis in range(len(self.shape)))
        hooks = collections.OrderedDict()
        return _rebuild_tensor_v2, (self.storage, 0, self.shape, strides, False, hooks)


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", FloatStorage, value.key, "cpu", len(value.values)
        return None


def checkpoint():
    weight, bias = Tensor("0", 2, 3), Tensor("1", 2)
    state = ModelState({"model.fc.weight": weight, "model.fc.bias": bias})
    state._metadata = {"version": 1}
    summer = datetime.timezone(datetime.timedelta(hours=2))
    counts = collections.Counter("aab")
    nested = collections.defaultdict(list)
    nested["train"].append(np.float32(0.5))
    grid = np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3))
    return [weight, bias], {
        "model_state_dict": state,
        "best_acc": np.float64(0.91), "epoch": np.int64(7), "flag": np.bool_(True), "name": np.str_("daisy"),
        "history": np.array([1.0, 2.0, 3.0]), "grid": grid, "big_endian": np.array([1, -2], dtype=">i2"),
        "counts": np.array([1, 60000], dtype=np.uint16), "nothing": np.zeros((0, 3), dtype=np.float32),
        "classes": np.array(["daisy", "rose"]), "mixed": np.array(["a", 3, None], dtype=object),
        "dtype": np.dtype("float32"),
        "when": datetime.datetime(2024, 5, 1, 12, 30, 5, 250000),
        "where": datetime.datetime(2024, 5, 1, 12, 30, tzinfo=summer),
        "day": datetime.date(2024, 5, 1), "took": datetime.timedelta(days=1, seconds=3725),
        "args": argparse.Namespace(lr=0.01, out=pathlib.PurePosixPath("/runs/a"), sampler=Sampler()),
        "config": Config(depth=18), "nested": nested, "letters": counts, "queue": collections.deque([1, 2]),
        "labels": frozenset([5]), "price": decimal.Decimal("1.50"), "phase": Phase.FROZEN,
        "optimizer_class": Config, "root": math.sqrt, "key": 2**100, "random": np.random.RandomState(0).get_state(),
        "pairs": {(0, 1): "both", None: "none", 0.5: "half"},
    }


def write(protocol):
    tensors, value = checkpoint()
    out = io.BytesIO()
    Pickler(out, protocol=protocol).dump(value)
    stem = f"extras_{protocol}"
    with zipfile.ZipFile(HERE / "checkpoints" / f"{stem}.pth", "w") as archive:
        def add(name, content):
            archive.writestr(zipfile.ZipInfo(f"{stem}/{name}"), content)
        add("data.pkl", out.getvalue())
        add("byteorder", b"little")
        for tensor in tensors:
            values = tensor.storage.values
            add(f"data/{tensor.storage.key}", struct.pack(f"<{len(values)}f", *values))
        add("version", b"3\n")


if __name__ == "__main__":
    write(2)
    write(4)
