"""The tutorial's two phases in PyTorch, seed by seed, for tests/training/learning.rs to compare its accuracies with.

Run with Python, torch, torchvision and safetensors:
    python tests/parity/tutorial_seeds.py [--mended] [--epochs=6,4] DATA WEIGHTS SEED...
DATA has train/ and valid/; WEIGHTS is a safetensors file of a ResNet18, its weights float32 or one byte each with a scale
for each output channel (src/weights/quantized.rs). As the tutorial has it: so many epochs of the head with Adam at 1e-2,
then, from the best checkpoint, so many of all layers at 1e-3, batch norms moving in both. Mended: batch norms stand still,
validation pictures have the scale of training pictures, all layers learn at 1e-4.
Prints a line for each seed: the seed, and the best validation accuracy of either phase.
"""

import argparse
import copy
import functools
import pathlib

import torch
from safetensors.torch import load_file
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

ENDING = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
# What is the same in every epoch, and what is not.
TRAIN = transforms.Resize([96, 96]), transforms.Compose([
    transforms.RandomRotation(45),
    transforms.CenterCrop(64),
    transforms.RandomHorizontalFlip(p=0.5),
    transforms.RandomVerticalFlip(p=0.5),
    transforms.ColorJitter(brightness=0.2, contrast=0.1, saturation=0.1, hue=0.1),
    transforms.RandomGrayscale(p=0.025),
    *ENDING,
])
VALID = transforms.Resize([64, 64]), transforms.Compose(ENDING)
VALID_MENDED = transforms.Resize([96, 96]), transforms.Compose([transforms.CenterCrop(64), *ENDING])


def loader(folder, transform):
    first, rest = transform
    read = functools.cache(lambda path: first(datasets.folder.default_loader(path)))
    return DataLoader(datasets.ImageFolder(folder, rest, loader=read), batch_size=128, shuffle=True)


def accuracy(model, batches):
    model.eval()
    with torch.no_grad():
        right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in batches)
    return right / len(batches.dataset)


def phase(model, train, valid, mended, lr, decay_after, epochs, best, weights):
    """The best accuracy and its weights, which may be those given."""
    optimizer = optim.Adam([parameter for parameter in model.parameters() if parameter.requires_grad], lr=lr)
    scheduler = optim.lr_scheduler.StepLR(optimizer, decay_after, 0.1)
    for _ in range(epochs):
        # A ResNet has nothing but its batch norms that differs between the two.
        model.train(not mended)
        for images, labels in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        scheduler.step()
        reached = accuracy(model, valid)
        if reached > best:
            best, weights = reached, copy.deepcopy(model.state_dict())
    return best, weights


def pretrained(path):
    """The weights without a head, widened where they are one byte each."""
    state = load_file(path)
    scales = {name.removesuffix(".scale"): state.pop(name) for name in list(state) if name.endswith(".scale")}
    for name, scale in scales.items():
        state[name] = state[name].float() * scale.view(-1, *[1] * (state[name].dim() - 1))
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def both_phases(args, seed):
    torch.manual_seed(seed)
    train = loader(args.data / "train", TRAIN)
    valid = loader(args.data / "valid", VALID_MENDED if args.mended else VALID)
    model = models.resnet18()
    model.load_state_dict(pretrained(args.weights), strict=False)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(model.fc.in_features, len(train.dataset.classes))
    head_epochs, epochs = map(int, args.epochs.split(","))
    head, best = phase(model, train, valid, args.mended, 1e-2, 10, head_epochs, 0.0, model.state_dict())
    model.load_state_dict(best)
    for parameter in model.parameters():
        parameter.requires_grad = True
    lr = 1e-4 if args.mended else 1e-3
    layers, _ = phase(model, train, valid, args.mended, lr, 7, epochs, head, best)
    return head, layers


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--mended", action="store_true")
    parser.add_argument("--epochs", default="6,4")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights")
    parser.add_argument("seeds", type=int, nargs="+")
    given = parser.parse_args()
    for number in given.seeds:
        head_best, layers_best = both_phases(given, number)
        print(number, f"{head_best:.4f} {layers_best:.4f}", flush=True)
