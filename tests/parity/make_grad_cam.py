"""Grad-CAM computed directly in PyTorch, for tests/viz/insight.rs to be compared with.

Run with Python, torch, torchvision and safetensors:  python tests/parity/make_grad_cam.py
Weights and input are the formula's of models/manifest.json, so that the fixture holds the maps alone.
Formula: Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391; the map is enlarged bilinearly
(align_corners=False) to the picture's size and divided by its greatest value.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torchvision import models

HERE = Path(__file__).parent
CASES = [("resnet18", "layer4", 7), ("resnet18", "layer2", 54), ("resnet18", "layer1", 30), ("resnet18", "layer2", 7)]


def noise(n, k):
    wave = 43758.5453 * np.sin(12.9898 * np.arange(n, dtype=np.float64) + 78.233 * k)
    return 2.0 * (wave - np.floor(wave)) - 1.0


def fill(model, gain):
    state = model.state_dict()
    for k, (name, tensor) in enumerate(state.items()):
        if not tensor.is_floating_point():
            continue
        s = noise(tensor.numel(), k).reshape(tensor.shape)
        if name.endswith("running_var"):
            value = 1 + 0.2 * s
        elif name.endswith("running_mean"):
            value = 0.1 * s
        elif tensor.dim() == 1:
            value = 1 + 0.1 * s if name.endswith("weight") else 0.05 * s
        else:
            value = s * np.sqrt(gain / (tensor.numel() / tensor.shape[0]))
        state[name] = torch.from_numpy(np.asarray(value)).to(torch.float32)
    model.load_state_dict(state)
    return model.eval()


def grad_cam(model, images, layer, target):
    kept = {}

    def keep(_module, _inputs, output):
        kept["activation"] = output

    handle = model.get_submodule(layer).register_forward_hook(keep)
    logits = model(images)
    handle.remove()
    activation = kept["activation"]
    (gradient,) = torch.autograd.grad(logits[0, target], activation)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = torch.relu((weights * activation).sum(dim=1, keepdim=True))
    cam = F.interpolate(cam, size=images.shape[2:], mode="bilinear", align_corners=False)[0, 0]
    # Where nothing speaks for the class the map is 0 everywhere.
    return (cam / cam.max().clamp_min(1e-30)).detach()


def main():
    told = json.loads((HERE / "models" / "manifest.json").read_text())["models"]
    maps, cases = {}, []
    for name, layer, target in CASES:
        spec = told[name]
        model = fill(getattr(models, name)(num_classes=spec["num_classes"]), spec["gain"])
        shape = [1, *spec["input"][1:]]
        images = torch.from_numpy(noise(int(np.prod(shape)), 1000)).reshape(shape).to(torch.float32)
        key = f"{name}.{layer}.{target}"
        maps[key] = grad_cam(model, images, layer, target).contiguous()
        cases.append({"key": key, "model": name, "layer": layer, "class": target, "gain": spec["gain"],
                      "num_classes": spec["num_classes"], "input": shape})
        print(key, maps[key].shape, float(maps[key].mean()))
    out = HERE / "grad_cam"
    out.mkdir(exist_ok=True)
    save_file(maps, out / "maps.safetensors")
    (out / "manifest.json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
