"""The results of check.sh as tables in Markdown; fails where the devices disagree or a check failed.

    python3 tests/gpu/table.py FOLDER CARD VERSION DEVICE…
"""

import json
import re
import sys
from pathlib import Path

# How far the accuracies of two devices may be apart: the batches are the same, the rounding is not.
TOLERANCE = 0.1


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


def accuracies(path):
    """The best validation accuracy of each phase of the tutorial's program."""
    return [float(found) for found in re.findall(r"^Best val Acc: ([0-9.]+)$", path.read_text(), re.M)]


def key(figure):
    return figure["phase"], figure["size"], figure["batch"], figure["precision"]


def main():
    folder, card, version, *devices = sys.argv[1:]
    folder, faults = Path(folder), []
    print(f"\n{card}, libtorch {version}\n\n| the flowers program | best accuracy, both phases | seconds |\n|---|---|---|")
    reached = {}
    for device in devices:
        reached[device] = accuracies(folder / device / "tutorial.txt")
        if len(reached[device]) != 2:
            faults.append(f"the program on the {device} printed {len(reached[device])} accuracies instead of 2")
        text = ", ".join(f"{accuracy:.3f}" for accuracy in reached[device])
        print(f"| {device} | {text} | {(folder / device / 'seconds').read_text().strip()} |")
    if len(devices) == 2:
        for phase, pair in enumerate(zip(*reached.values())):
            if abs(pair[0] - pair[1]) > TOLERANCE:
                faults.append(f"phase {phase}: the accuracies {pair} differ by more than {TOLERANCE}")
    print(
        "\n| device | phase | pixels | batch | precision | Herbarium, images/s | PyTorch, images/s | ratio | PyTorch, one batch from memory |\n"
        "|---|---|---|---|---|---|---|---|---|")
    checks = []
    for device in devices:
        ours = lines(folder / device / "ours.jsonl")
        peer = {key(one): one for one in lines(folder / device / "peer.jsonl") if "phase" in one}
        figures = [one for one in ours if "phase" in one]
        if not figures:
            faults.append(f"nothing was measured on the {device}: {ours}")
        for one in figures:
            theirs = peer.get(key(one))
            compared = "not measured | | "
            if theirs:
                ratio = one["images_per_s"] / theirs["images_per_s"]
                compared = f"{theirs['images_per_s']:.0f} | {ratio:.2f} | {theirs['without_loader']:.0f}"
            print(f"| {device} | {' | '.join(map(str, key(one)))} | {one['images_per_s']:.0f} | {compared} |")
        checks += [(device, one) for one in ours if "check" in one]
    print()
    for device, one in checks:
        print(f"{'ok  ' if one['ok'] else 'FAIL'} {device}: {one['check']} ({one['told']})")
        if not one["ok"]:
            faults.append(f"{device}: {one['check']}")
    for fault in faults:
        print(f"FAIL {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
