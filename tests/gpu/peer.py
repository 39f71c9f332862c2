"""What bench.rs measures, in PyTorch: eager, channels-last, autocast. One JSON line a figure: images/s with a DataLoader as
fast as it gets (worker processes, pinned memory), and of one batch that is there already, which no training has.

    python3 tests/gpu/peer.py cuda|cpu

torch alone is needed: ResNet18 is written out, as torchvision has it.
"""

import json
import os
import sys
import time

import torch
from torch import nn

CLASSES = 102
# Side of a picture, pictures of a batch, batches of an epoch: as in bench.rs.
SHAPES = {"cuda": [(64, 128, 40), (224, 128, 15)], "cpu": [(64, 32, 3)]}
EPOCHS = 3


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inside = 64
    for outside, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(inside, outside, stride), Block(outside, outside, 1)]
        inside = outside
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, CLASSES))


class Noise(torch.utils.data.Dataset):
    """The same noise in every picture, with different labels."""

    def __init__(self, size, length):
        self.values, self.length = torch.rand(3, size, size) - 0.5, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.values.clone(), index % CLASSES


def batches_of(device, size, batch, batches, loader):
    """A function that gives an epoch's batches: of a DataLoader, or one batch again and again."""
    if not loader:
        images, labels = torch.rand(batch, 3, size, size) - 0.5, torch.arange(batch) % CLASSES
        if device == "cuda":
            images, labels = images.pin_memory(), labels.pin_memory()
        return lambda: ((images, labels) for _ in range(batches))
    workers = min(8, len(os.sched_getaffinity(0)))
    options = {"num_workers": workers, "persistent_workers": True, "pin_memory": device == "cuda"}
    loader = torch.utils.data.DataLoader(Noise(size, batch * batches), batch, **options)
    return lambda: loader


def rate(device, size, batch, batches, frozen, dtype, loader):
    """Pictures per second of the best epoch after the first."""
    torch.manual_seed(0)
    model = resnet18().to(device, memory_format=torch.channels_last)
    if frozen:
        model.requires_grad_(False)
        model[-1].requires_grad_(True)
    optimizer = torch.optim.Adam([one for one in model.parameters() if one.requires_grad], 1e-3)
    criterion = nn.CrossEntropyLoss()
    scaler = torch.amp.GradScaler(device, enabled=dtype == torch.float16)
    epoch_of = batches_of(device, size, batch, batches, loader)
    model.train()
    best = 0.0
    for epoch in range(EPOCHS):
        corrects = torch.zeros((), device=device, dtype=torch.int64)
        start = time.perf_counter()
        for images, labels in epoch_of():
            x = images.to(device, non_blocking=True, memory_format=torch.channels_last)
            y = labels.to(device, non_blocking=True)
            optimizer.zero_grad()
            with torch.autocast(device, dtype, enabled=dtype != torch.float32):
                logits = model(x)
                loss = criterion(logits, y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            loss.item()
            corrects += (logits.argmax(1) == y).sum()
        corrects.item()
        if epoch > 0:
            best = max(best, batch * batches / (time.perf_counter() - start))
    return best


def main():
    device = sys.argv[1]
    if device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"no GPU": torch.__version__}))
        return
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if device == "cuda":
        dtypes["float16"] = torch.float16
    for size, batch, batches in SHAPES[device]:
        for frozen in (True, False):
            for name, dtype in dtypes.items():
                figure = {"phase": "head alone" if frozen else "all layers", "size": size, "batch": batch, "precision": name}
                rates = [rate(device, size, batch, batches, frozen, dtype, loader) for loader in (True, False)]
                print(json.dumps({**figure, "images_per_s": rates[0], "without_loader": rates[1]}), flush=True)


if __name__ == "__main__":
    main()
