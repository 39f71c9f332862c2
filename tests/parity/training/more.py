"""Writes more.json beside this file: what PyTorch's optimizers, schedulers and losses compute, in float64.

    python tests/parity/training/more.py

Optimizers take six steps on five weights w[i] = 0.1 * (i + 1) whose gradient in step s is
sin(s + 2 i) + 0.3 w[i]; the first two weights are the first parameter group, the others the second one.
Schedulers start from a learning rate of 0.1 in the first group and 0.02 in the second.
"""

import json
import math
import pathlib
import warnings

import torch
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim import lr_scheduler as S

warnings.filterwarnings("ignore")


def optimizers():
    cases = [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
        ("SGD", {"momentum": 0.8, "nesterov": True}),
        ("Adam", {}),
        ("Adam", {"weight_decay": 0.1}),
        ("AdamW", {"weight_decay": 0.1}),
        ("RMSprop", {}),
        ("RMSprop", {"alpha": 0.9, "momentum": 0.9, "centered": True, "weight_decay": 0.01}),
    ]
    kinds = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW, "RMSprop": RMSprop}
    told = []
    for kind, options in cases:
        w = [torch.tensor([0.1 * (i + 1)], dtype=torch.float64, requires_grad=True) for i in range(5)]
        groups = [{"params": w[:2], "lr": 0.05}, {"params": w[2:], "weight_decay": 0.2}]
        opt = kinds[kind](groups, lr=0.01, **options)
        for step in range(6):
            opt.zero_grad()
            for i, one in enumerate(w):
                one.grad = torch.sin(torch.tensor([step + 2.0 * i], dtype=torch.float64)) + 0.3 * one.detach()
            opt.step()
        told.append({"kind": kind, "options": options, "weights": [float(one) for one in w]})
    return told


def schedulers():
    def curve(name, make, steps, metric=None):
        w = [torch.zeros(1, requires_grad=True) for _ in range(2)]
        opt = SGD([{"params": w[:1], "lr": 0.1}, {"params": w[1:], "lr": 0.02}], lr=0.1, momentum=0.9)
        sch = make(opt)
        rows = []
        for step in range(steps):
            rows.append([group["lr"] for group in opt.param_groups] + [opt.param_groups[0]["momentum"]])
            opt.step()
            sch.step(metric[step]) if metric else sch.step()
        return {"name": name, "rows": rows, "metric": metric}

    metric = [1.0 / (1 + min(s, 6)) + 0.01 * (s > 9) for s in range(30)]
    return [
        curve("LinearLR", lambda o: S.LinearLR(o, 0.25, 1.0, 6), 12),
        curve("LinearLR down", lambda o: S.LinearLR(o, 1.0, 0.1, 6), 12),
        curve("CosineAnnealingLR past its end", lambda o: S.CosineAnnealingLR(o, 7, 0.001), 25),
        curve("OneCycleLR", lambda o: S.OneCycleLR(o, [0.5, 0.1], total_steps=20), 20),
        curve("OneCycleLR linear", lambda o: S.OneCycleLR(o, [0.5, 0.1], total_steps=20, pct_start=0.25,
              anneal_strategy="linear", div_factor=10, final_div_factor=100), 20),
        curve("OneCycleLR three phases", lambda o: S.OneCycleLR(o, [0.5, 0.1], total_steps=30, three_phase=True,
              cycle_momentum=False), 30),
        curve("SequentialLR", lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, 1.0, 5),
              S.CosineAnnealingLR(o, 10)], [5]), 15),
        curve("SequentialLR of three", lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.5, 1.0, 3),
              S.StepLR(o, 2, 0.5), S.ExponentialLR(o, 0.9)], [4, 9]), 15),
        curve("ChainedScheduler", lambda o: S.ChainedScheduler([S.LinearLR(o, 0.1, 1.0, 5),
              S.ExponentialLR(o, 0.9)]), 12),
        curve("ReduceLROnPlateau", lambda o: S.ReduceLROnPlateau(o, factor=0.3, patience=2, cooldown=3,
              min_lr=0.001), 30, metric),
    ]


def losses():
    logits = torch.tensor([[math.sin(3.0 * i + j) for j in range(4)] for i in range(5)], dtype=torch.float64)
    labels = torch.tensor([0, 3, 2, 1, 3])
    weight = [1.0, 0.5, 2.0, 0.25]
    told = []
    for smoothing, weighted in [(0.0, False), (0.1, False), (0.0, True), (0.2, True)]:
        x = logits.clone().requires_grad_(True)
        w = torch.tensor(weight, dtype=torch.float64) if weighted else None
        loss = torch.nn.functional.cross_entropy(x, labels, weight=w, label_smoothing=smoothing)
        loss.backward()
        told.append({"label_smoothing": smoothing, "weight": weight if weighted else None,
                     "loss": loss.item(), "gradient": x.grad.flatten().tolist()})
    return {"labels": labels.tolist(), "cases": told}


told = {
    "written_with": f"torch {torch.__version__}",
    "optimizers": optimizers(),
    "schedulers": schedulers(),
    "cross_entropy": losses(),
}
path = pathlib.Path(__file__).with_name("more.json")
path.write_text(json.dumps(told, indent=1) + "\n")
