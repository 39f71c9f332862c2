"""Makes the fixtures in tests/parity/models with PyTorch and torchvision.

    python tests/parity/make_models.py [MODEL…]

needs torch, torchvision, safetensors and torchinfo. For each model: the printed text, names, shapes and types
of the state dict, and the logits for weights and an input that a formula gives (the same form as other sets of
such fixtures have, see manifest.json); and in init.json the mean and standard deviation of every tensor that
torchvision draws after a seed; and in summary.json what torchinfo tells of it.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torchinfo
import torchvision
from safetensors.torch import save_file

OUT = Path(__file__).parent / "models"
CLASSES = 102
SEED = 7

# Side of the input and gain: those of the networks without batch norms are larger, or nothing is left at the end.
MODELS = {
    **{name: (64, 3.0) for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")},
    **{name: (64, 3.0) for name in ("resnext50_32x4d", "wide_resnet50_2")},
    "alexnet": (96, 6.0),
    **{f"vgg{depth}{norm}": (64, 6.0) for depth in (11, 13, 16, 19) for norm in ("", "_bn")},
    "squeezenet1_0": (64, 6.0),
    "squeezenet1_1": (96, 6.0),
    **{f"densenet{depth}": (64, 3.0) for depth in (121, 161, 169, 201)},
    "inception_v3": (96, 3.0),
    **{name: (64, 3.0) for name in ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small")},
    "efficientnet_b0": (64, 3.0),
    "convnext_tiny": (64, 1.0),
}

# The networks whose whole table of torchinfo is kept; of the others its totals.
TABLES = ("resnet18", "squeezenet1_1", "mobilenet_v3_small")

TOLD = {
    "noise(n, k)": "element i of n: 2*frac(43758.5453*sin(12.9898*i + 78.233*k)) - 1, all in float64",
    "weights": "tensor number k in state_dict order (integer tensors count but keep their value), s = noise(numel, k): "
    "running_var 1+0.2s; running_mean 0.1s; other 1-d weight 1+0.1s; other 1-d 0.05s; "
    "all others s*sqrt(gain/fan_in), fan_in = numel/shape[0]; then cast to float32",
    "input": "noise(numel, 1000) reshaped, cast to float32",
    "mode": "eval",
}


def noise(count, k):
    wave = 43758.5453 * np.sin(12.9898 * np.arange(count, dtype=np.float64) + 78.233 * k)
    return 2.0 * (wave - np.floor(wave)) - 1.0


def formula(name, tensor, k, gain):
    if not tensor.is_floating_point():
        return tensor
    s = noise(tensor.numel(), k)
    if name.endswith("running_var"):
        s = 1.0 + 0.2 * s
    elif name.endswith("running_mean"):
        s = 0.1 * s
    elif tensor.dim() == 1:
        s = 1.0 + 0.1 * s if name.endswith("weight") else 0.05 * s
    else:
        s = s * np.sqrt(gain / (tensor.numel() / tensor.shape[0]))
    return torch.from_numpy(s.astype(np.float32)).reshape(tensor.shape)


def build(name):
    torch.manual_seed(SEED)
    return torchvision.models.get_model(name, num_classes=CLASSES)


def drawn(model):
    """Mean and standard deviation of each floating tensor."""
    told = lambda value: float(f"{value:.5g}")
    tensors = [tensor.double() for tensor in model.state_dict().values() if tensor.is_floating_point()]
    return [[told(tensor.mean().item()), told(tensor.std(unbiased=False).item())] for tensor in tensors]


def info(name, model, side):
    told = torchinfo.summary(
        model, (2, 3, side, side), verbose=0, depth=3, mode="eval", device="cpu",
        col_names=("output_size", "num_params", "mult_adds", "trainable"), row_settings=("var_names", "depth"),
    )  # fmt: skip
    if name in TABLES:
        (OUT / f"{name}.summary.txt").write_text(str(told) + "\n")
    keys = ("total_params", "trainable_params", "total_mult_adds", "total_input", "total_output_bytes", "total_param_bytes")
    return {"input": [2, 3, side, side], **{key: int(getattr(told, key)) for key in keys}}


def main(names):
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    OUT.mkdir(exist_ok=True)
    models, logits, init, summary = {}, {}, {}, {}
    for name in names or MODELS:
        side, gain = MODELS[name]
        model = build(name)
        init[name] = drawn(model)
        (OUT / f"{name}.repr.txt").write_text(f"{model}\n")
        summary[name] = info(name, model.eval(), side)
        state = model.state_dict()
        model.load_state_dict({key: formula(key, tensor, k, gain) for k, (key, tensor) in enumerate(state.items())})
        shape = [2, 3, side, side]
        images = torch.from_numpy(noise(int(np.prod(shape)), 1000).astype(np.float32)).reshape(shape)
        logits[name] = model.eval()(images).contiguous()
        models[name] = {
            "input": shape,
            "gain": gain,
            "num_classes": CLASSES,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "state_dict": [[key, list(value.shape), str(value.dtype)[6:]] for key, value in state.items()],
        }
        print(f"{name}: logits of size {logits[name].abs().max():.3g}, deviation {logits[name].std():.3g}", flush=True)
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "torchinfo": torchinfo.__version__}
    compact = {"separators": (",", ":")}
    (OUT / "manifest.json").write_text(json.dumps({"made_with": versions, **TOLD, "models": models}, **compact) + "\n")
    drawn_by = {"made_with": versions, "seed": SEED, "num_classes": CLASSES, "models": init}
    (OUT / "init.json").write_text(json.dumps(drawn_by, **compact) + "\n")
    (OUT / "summary.json").write_text(json.dumps({"made_with": versions, "num_classes": CLASSES, "models": summary}) + "\n")
    save_file(logits, OUT / "logits.safetensors")


if __name__ == "__main__":
    main(sys.argv[1:])
