"""The other side of tests/checkpoints_parity.rs: models and the tutorial's checkpoints, both ways.

    peer_checkpoints.py FOLDER models NAME…     loads FOLDER/NAME.pth strictly, writes FOLDER/NAME.theirs.pth
    peer_checkpoints.py FOLDER checkpoints      goes on from FOLDER/OPTIMIZER.ours.pt for one step, writes what
                                                came of it; writes FOLDER/OPTIMIZER.theirs.pt, and one step further
"""

import pathlib
import sys
import warnings

import safetensors.torch
import torch
import torchvision

warnings.filterwarnings("ignore")
folder, what, names = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
CLASSES = 5


def model_of(name):
    options = {"init_weights": False} if name == "inception_v3" else {}
    return torchvision.models.get_model(name, weights=None, num_classes=CLASSES, **options)


def models():
    for name in names:
        state = torch.load(folder / f"{name}.pth", weights_only=True)
        model = model_of(name)
        assert list(state) == list(model.state_dict()), name
        model.load_state_dict(state, strict=True)
        changed = {key: tensor + 1 for key, tensor in model.state_dict().items()}
        model.load_state_dict(changed)
        torch.save(torch.nn.DataParallel(model).state_dict(), folder / f"{name}.theirs.pth")


OPTIMIZERS = {
    "adam": lambda groups: torch.optim.Adam(groups, lr=1e-3),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=1e-3),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=1e-2, momentum=0.9),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=1e-3, momentum=0.9),
}


def step(model, optimizer):
    """One step on pictures and labels that a formula gives; batch norms still, as the Rust side has them."""
    model.eval()
    count = 2 * 3 * 32 * 32
    images = ((torch.arange(count) * 7919 % 1000) / 500 - 1).reshape(2, 3, 32, 32)
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(images), torch.tensor([1, 3])).backward()
    optimizer.step()


def save(model, path):
    safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, path)


def checkpoints():
    for name in names:
        # Ours: the tutorial's own lines take it up.
        model = model_of("resnet18")
        optimizer = OPTIMIZERS[name](model.fc.parameters())
        checkpoint = torch.load(folder / f"{name}.ours.pt", weights_only=True)
        assert checkpoint["best_acc"] == 0.625 and checkpoint["epoch"] == 4, checkpoint["best_acc"]
        model.load_state_dict(checkpoint["state_dict"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        assert len(optimizer.state) == 2, optimizer.state
        step(model, optimizer)
        save(model, folder / f"{name}.ours.next.safetensors")

        # Theirs: the whole network, as in the tutorial's second phase.
        model = model_of("resnet18")
        optimizer = OPTIMIZERS[name](model.parameters())
        for _ in range(2):
            step(model, optimizer)
        accuracy = torch.tensor(0.75, dtype=torch.float64)
        tutorial = {"state_dict": model.state_dict(), "best_acc": accuracy, "optimizer": optimizer.state_dict()}
        torch.save(tutorial, folder / f"{name}.theirs.pt")
        step(model, optimizer)
        save(model, folder / f"{name}.theirs.next.safetensors")


{"models": models, "checkpoints": checkpoints}[what]()
print(f"Python read and wrote {', '.join(names)}")
