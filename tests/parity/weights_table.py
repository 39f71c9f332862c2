"""Writes the table of torchvision's ImageNet weights and the class names, or checks that they are up to date.

    python tests/parity/weights_table.py          writes src/weights/catalog/rows.rs and imagenet_classes.txt
    python tests/parity/weights_table.py --check  fails when they are not what this torchvision says
"""

import pathlib
import re
import sys

import torchvision
from torchvision.models import get_model_weights

FOLDER = pathlib.Path(__file__).parents[2] / "src/weights/catalog"
MODELS = """
    resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d wide_resnet50_2 alexnet
    vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn squeezenet1_0 squeezenet1_1
    densenet121 densenet161 densenet169 densenet201 inception_v3 mobilenet_v2 mobilenet_v3_large
    mobilenet_v3_small efficientnet_b0 convnext_tiny
""".split()
# torchvision's own weights are under its licence; these two it took over from elsewhere.
LICENCES = {"inception_v3": "Apache-2.0", "efficientnet_b0": "Apache-2.0"}


def rows():
    classes = None
    text = [
        "//! The weights as torchvision describes them. Written by tests/parity/weights_table.py: not to be edited.\n",
        "use super::Row;\n",
        f"/// Of torchvision {torchvision.__version__.split('+')[0]}.",
        "#[rustfmt::skip]",
        "pub(super) const ROWS: &[Row] = &[",
    ]
    for model in MODELS:
        default = get_model_weights(model).DEFAULT
        for weights in get_model_weights(model):
            # Others (vgg16's IMAGENET1K_FEATURES) classify nothing.
            if not re.fullmatch(r"IMAGENET1K_V\d", weights.name):
                continue
            metrics, transforms = weights.meta["_metrics"]["ImageNet-1K"], weights.transforms()
            checksum = re.search(r"-([0-9a-f]{8})\.pth$", weights.url).group(1)
            assert transforms.mean == [0.485, 0.456, 0.406] and transforms.std == [0.229, 0.224, 0.225]
            assert classes in (None, weights.meta["categories"])
            classes = weights.meta["categories"]
            base, file = weights.url.rsplit("/", 1)
            assert base == "https://download.pytorch.org/models"
            text.append(
                f'    Row {{ model: "{model}", version: "{weights.name}", default: {str(weights is default).lower()}, '
                f'file: "{file}", checksum: "{checksum}", mebibytes: {weights.meta["_file_size"]:.3f}, '
                f'parameters: {weights.meta["num_params"]}, acc1: {metrics["acc@1"]}, acc5: {metrics["acc@5"]}, '
                f"resize: {transforms.resize_size[0]}, crop: {transforms.crop_size[0]}, "
                f'bicubic: {str(transforms.interpolation.value == "bicubic").lower()}, '
                f'licence: "{LICENCES.get(model, "BSD-3-Clause")}" }},'
            )
    return "\n".join([*text, "];", ""]), "\n".join([*classes, ""])


names = ("rows.rs", "imagenet_classes.txt")
for name, text in zip(names, rows()):
    path = FOLDER / name
    if "--check" not in sys.argv:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path} is not what torchvision {torchvision.__version__} says: run {sys.argv[0]}")
print(f"the weights' table and class names are those of torchvision {torchvision.__version__}")
