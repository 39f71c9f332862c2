"""Reads what the Rust test wrote, and writes PyTorch files of every kind for it to read.

Usage: peer_files.py FOLDER; there is FOLDER/ours.pt.
"""

import collections
import pathlib
import sys
import warnings
import zipfile

import safetensors.torch
import torch

warnings.filterwarnings("ignore")
folder = pathlib.Path(sys.argv[1])


def check_ours():
    ours = torch.load(folder / "ours.pt", weights_only=True)
    tensors = ours["tensors"]
    assert isinstance(tensors, collections.OrderedDict)
    whole = torch.arange(24.0).reshape(4, 6)
    for name, dtype in {
        "Half": torch.half,
        "BFloat16": torch.bfloat16,
        "Double": torch.double,
        "Int": torch.int,
        "Int64": torch.long,
        "Int16": torch.short,
        "Int8": torch.int8,
        "Uint8": torch.uint8,
        "Bool": torch.bool,
        "ComplexFloat": torch.complex64,
    }.items():
        assert torch.equal(tensors[name], whole.to(dtype)), name
    assert torch.equal(tensors["turned"], whole.T)
    assert torch.equal(tensors["view"], whole[1:3, 1:4])
    assert tensors["scalar"].shape == () and tensors["scalar"] == 2.5
    assert tensors["empty"].shape == (0, 3)
    assert tensors["whole"].data_ptr() == tensors["whole again"].data_ptr()
    assert ours["numbers"] == [0, 255, 256, -1, -(2**63), 0.1, float("inf")]
    assert ours["texts"] == ["", 'käse "10"\n❀']
    assert ours["bytes"] == bytes(range(256))
    assert ours["tuple"] == (True, False, None, (), {})
    assert ours[7] == "a number as key"
    # Other readers of zip archives find nothing wrong with it either, and values are aligned.
    with zipfile.ZipFile(folder / "ours.pt") as archive:
        assert archive.testzip() is None
    mapped = torch.load(folder / "ours.pt", weights_only=True, mmap=True)
    assert torch.equal(mapped["tensors"]["view"], whole[1:3, 1:4])


def write_theirs():
    whole = torch.randn(4, 6)
    state = collections.OrderedDict(
        {
            "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
            "whole": whole,
            "turned": whole.T,
            "part": whole[1:3, 2:5],
            "expanded": torch.randn(3, 1).expand(3, 4),
            "half": whole.half(),
            "bfloat16": whole.bfloat16(),
            "count": torch.tensor(7),
            "flags": whole > 0,
            "bytes": torch.arange(5, dtype=torch.uint8),
            "empty": torch.zeros(0, 3),
            "parameter": torch.nn.Parameter(torch.randn(3)),
        }
    )
    plain = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    safetensors.torch.save_file(plain, folder / "expected.safetensors")

    torch.save(state, folder / "theirs_zip.pth")
    torch.save(state, folder / "theirs_protocol_3.pth", pickle_protocol=3)
    torch.save(state, folder / "theirs_protocol_4.pth", pickle_protocol=4)
    torch.save(state, folder / "theirs_protocol_5.pth", pickle_protocol=5)
    torch.save(state, folder / "theirs_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, folder / "theirs_parallel.pth")
    nested = {"epoch": 3, "model_state_dict": state, "args": {"lr": [0.1, {"deep": (1, None)}], "big": 2**40}}
    torch.save(nested, folder / "theirs_nested.pth")
    torch.serialization.set_crc32_options(False)
    torch.save(state, folder / "theirs_without_crc.pth")
    torch.serialization.set_crc32_options(True)
    # Compressed, as other tools write.
    with (
        zipfile.ZipFile(folder / "theirs_zip.pth") as source,
        zipfile.ZipFile(folder / "theirs_deflated.pth", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    # The versions of layers that a module's state dict carries along.
    state._metadata = collections.OrderedDict({"": {"version": 1}, "conv": {"version": 2}})
    torch.save(state, folder / "theirs_with_metadata.pth")
    torch.save(state, folder / "theirs_with_metadata_legacy.pth", _use_new_zipfile_serialization=False)

    # Its tensors are read, its class is not needed.
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(3)), folder / "whole_model.pth")
    torch.save({"a": torch.eye(3).to_sparse()}, folder / "refused_sparse.pth")
    torch.save({"a": torch.quantize_per_tensor(whole, 0.1, 0, torch.qint8)}, folder / "refused_quantized.pth")
    torch.save({"a": pathlib.PurePosixPath("/etc")}, folder / "refused_path.pth")


check_ours()
write_theirs()
print("Python agrees with what was written")
