"""The tutorial's two phases in PyTorch, seed by seed, for tests/training.rs to compare its accuracies with.

Run with Python, torch, torchvision and safetensors:
    python tests/parity/tutorial_seeds.py DATA WEIGHTS SEED...
DATA has train/ and valid/; WEIGHTS is a safetensors file of a ResNet18. As the tutorial has it: six epochs of the head with
Adam at 1e-2, then, from the best checkpoint, four of all layers at 1e-3, batch norms moving in both.
Prints a line for each seed: the seed, and the best validation accuracy of either phase.
"""

import copy
import pathlib
import sys

import torch
from safetensors.torch import load_file
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

ENDING = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
TRAIN = transforms.Compose([
    transforms.Resize([96, 96]),
    transforms.RandomRotation(45),
    transforms.CenterCrop(64),
    transforms.RandomHorizontalFlip(p=0.5),
    transforms.RandomVerticalFlip(p=0.5),
    transforms.ColorJitter(brightness=0.2, contrast=0.1, saturation=0.1, hue=0.1),
    transforms.RandomGrayscale(p=0.025),
    *ENDING,
])
VALID = transforms.Compose([transforms.Resize([64, 64]), *ENDING])


def loader(folder, transform):
    return DataLoader(datasets.ImageFolder(folder, transform), batch_size=128, shuffle=True)


def accuracy(model, batches):
    model.eval()
    with torch.no_grad():
        right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in batches)
    return right / len(batches.dataset)


def phase(model, train, valid, lr, decay_after, epochs, best, weights):
    """The best accuracy and its weights, which may be those given."""
    optimizer = optim.Adam([parameter for parameter in model.parameters() if parameter.requires_grad], lr=lr)
    scheduler = optim.lr_scheduler.StepLR(optimizer, decay_after, 0.1)
    for _ in range(epochs):
        model.train()
        for images, labels in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        scheduler.step()
        reached = accuracy(model, valid)
        if reached > best:
            best, weights = reached, copy.deepcopy(model.state_dict())
    return best, weights


def both_phases(data, weights, seed):
    torch.manual_seed(seed)
    train, valid = loader(data / "train", TRAIN), loader(data / "valid", VALID)
    model = models.resnet18()
    pretrained = {name: value for name, value in load_file(weights).items() if not name.startswith("fc.")}
    model.load_state_dict(pretrained, strict=False)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(model.fc.in_features, len(train.dataset.classes))
    head, best = phase(model, train, valid, 1e-2, 10, 6, 0.0, model.state_dict())
    model.load_state_dict(best)
    for parameter in model.parameters():
        parameter.requires_grad = True
    layers, _ = phase(model, train, valid, 1e-3, 7, 4, head, best)
    return head, layers


if __name__ == "__main__":
    for seed in sys.argv[3:]:
        head, layers = both_phases(pathlib.Path(sys.argv[1]), sys.argv[2], int(seed))
        print(seed, f"{head:.4f} {layers:.4f}", flush=True)
