#!/usr/bin/env python3
"""Makes the fixtures `transforms_more` and `pictures` beside this file.

What torchvision computes on PIL images, and what PIL reads out of picture files, in the form of
`transforms`: a manifest of operations with their parameters, and the expected pixels (uint8, CHW) by
name. Needs torch, torchvision, Pillow and safetensors; the manifests say with which versions they were
made. No chance is involved: run again with the same versions, the same files come out.

    python3 tests/parity/make_transforms.py
"""

import io
import json
import pathlib

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image, ImageOps, features
from safetensors.torch import save_file
from torchvision.transforms import InterpolationMode, autoaugment
from torchvision.transforms import functional as F

HERE = pathlib.Path(__file__).parent
INPUT = "../transforms/input.png"
MODES = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}
SMALL = [25, 35]
VERSIONS = {
    "torchvision": torchvision.__version__,
    "torch": torch.__version__,
    "pillow": PIL.__version__,
    "libjpeg_turbo": features.version("libjpeg_turbo"),
    "webp": features.version("webp"),
}


def chw(picture):
    return torch.from_numpy(np.asarray(picture.convert("RGB")).transpose(2, 0, 1).copy())


def small(picture, size=SMALL):
    return F.resize(picture, size)


def operations():
    """Each operation: its entry in the manifest, and the function of the resized input."""
    ops = []

    def add(name, op, function, after_resize=SMALL, **parameters):
        entry = {"name": name, "op": op}
        if after_resize is not None:
            entry["after_resize"] = after_resize
        ops.append((entry | parameters, function))

    for mode in MODES:
        for size in ([17, 23], [40, 60], [25, 20], [50, 35]):
            add(f"resize_{mode}_{size[0]}x{size[1]}", "resize", lambda p, m=mode, s=size: F.resize(p, s, MODES[m]),
                size=size, interpolation=mode)
    for mode in ("bicubic", "nearest"):
        add(f"resize_large_{mode}", "resize", lambda p, m=mode: F.resize(p, [41, 57], MODES[m]), None,
            size=[41, 57], interpolation=mode)
    for side, most in ((15, None), (15, 18), (30, 36), (40, None)):
        add(f"resize_short_{side}_{most}", "resize_short_side",
            lambda p, s=side, m=most: F.resize(p, [s], max_size=m), size=side, max_size=most,
            interpolation="bilinear")
    for mode in MODES:
        for degrees in (-45.0, 17.3, 90.0, 133.7, 180.0, 270.0):
            for expand in (False, True):
                add(f"rotate_{mode}_{degrees}_{expand}", "rotate",
                    lambda p, m=mode, d=degrees, e=expand: F.rotate(p, d, MODES[m], e, None, [9, 120, 250]),
                    degrees=degrees, interpolation=mode, expand=expand, fill=[9, 120, 250])
        add(f"rotate_{mode}_center", "rotate", lambda p, m=mode: F.rotate(p, 30.0, MODES[m], False, [5, 7], 77),
            degrees=30.0, interpolation=mode, expand=False, center=[5, 7], fill=[77, 77, 77])
        for number, (degrees, translate, scale, shear, center) in enumerate((
            (0.0, [7, -5], 1.0, [0.0, 0.0], None),
            (25.0, [0, 0], 1.3, [0.0, 0.0], None),
            (-70.0, [3, 4], 0.6, [11.0, 0.0], None),
            (5.0, [-2, 1], 1.1, [-8.0, 21.0], [3, 30]),
        )):
            add(f"affine_{mode}_{number}", "affine",
                lambda p, m=mode, d=degrees, t=translate, s=scale, h=shear, c=center:
                    F.affine(p, d, t, s, h, MODES[m], [1, 2, 3], c),
                degrees=degrees, translate=translate, scale=scale, shear=shear, center=center,
                interpolation=mode, fill=[1, 2, 3])
        start = [[0, 0], [34, 0], [34, 24], [0, 24]]
        for number, end in enumerate(([[3, 2], [30, 4], [33, 22], [1, 20]], [[8, 0], [34, 6], [26, 24], [0, 12]])):
            add(f"perspective_{mode}_{number}", "perspective",
                lambda p, m=mode, e=end: F.perspective(p, start, e, MODES[m], [200, 100, 50]),
                start=start, end=end, interpolation=mode, fill=[200, 100, 50])
        add(f"resized_crop_{mode}", "resized_crop",
            lambda p, m=mode: F.resized_crop(p, 20, 31, 120, 99, [30, 40], MODES[m]), None,
            top=20, left=31, height=120, width=99, size=[30, 40], interpolation=mode)
    for mode in ("constant", "edge", "reflect", "symmetric"):
        for number, padding in enumerate(([3, 3, 3, 3], [0, 5, 9, 1], [-4, 2, 6, -7], [25, 22, 30, 41])):
            if number == 3 and mode == "constant":
                continue
            add(f"pad_{mode}_{number}", "pad", lambda p, m=mode, b=padding: F.pad(p, b, (4, 5, 250), m),
                padding=padding, fill=[4, 5, 250], padding_mode=mode, after_resize=[20, 24])
    add("invert", "invert", F.invert)
    for bits in (1, 3, 8):
        add(f"posterize_{bits}", "posterize", lambda p, b=bits: F.posterize(p, b), bits=bits)
    for threshold in (0, 99.5, 128, 256):
        add(f"solarize_{threshold}", "solarize", lambda p, t=threshold: F.solarize(p, t), threshold=threshold)
    add("autocontrast", "autocontrast", F.autocontrast)
    add("autocontrast_of_grey", "autocontrast", lambda p: F.autocontrast(F.to_grayscale(p, 3)), grey=True)
    add("equalize", "equalize", F.equalize)
    for factor in (0.0, 0.5, 1.0, 1.9):
        add(f"sharpness_{factor}", "sharpness", lambda p, f=factor: F.adjust_sharpness(p, f), factor=factor)
    for kernel, sigma in (([3, 3], [0.5, 0.5]), ([5, 9], [1.7, 0.8]), ([23, 23], [2.0, 2.0])):
        add(f"gaussian_blur_{kernel[0]}x{kernel[1]}", "gaussian_blur",
            lambda p, k=kernel, s=sigma: F.gaussian_blur(p, k, s), kernel_size=kernel, sigma=sigma)
    for factor in (0.0, 0.31, 2.7):
        for name in ("brightness", "contrast", "saturation"):
            add(f"{name}_{factor}", name, lambda p, n=name, f=factor: getattr(F, f"adjust_{n}")(p, f), factor=factor)
    for factor in (-0.5, -0.21, 0.5):
        add(f"hue_{factor}", "hue", lambda p, f=factor: F.adjust_hue(p, f), factor=factor)
    for index in range(5):
        add(f"five_crop_{index}", "five_crop", lambda p, i=index: F.five_crop(p, [16, 21])[i], size=[16, 21],
            index=index)
    for index in (5, 8, 9):
        for vertical in (False, True):
            add(f"ten_crop_{index}_{vertical}", "ten_crop",
                lambda p, i=index, v=vertical: F.ten_crop(p, [16, 21], v)[i], size=[16, 21], index=index,
                vertical_flip=vertical)
    for name, magnitude in (("ShearX", 0.3), ("ShearY", -0.2), ("TranslateX", 7.9), ("TranslateY", -5.2),
                            ("Rotate", 21.0), ("Brightness", -0.4), ("Color", 0.7), ("Contrast", 0.9),
                            ("Sharpness", 0.9), ("Posterize", 3.0), ("Solarize", 110.5), ("AutoContrast", 0.0),
                            ("Equalize", 0.0), ("Invert", 0.0), ("Identity", 0.0)):
        for mode in ("nearest", "bilinear"):
            if mode == "bilinear" and name not in ("ShearX", "ShearY", "TranslateX", "Rotate"):
                continue
            add(f"augment_{name}_{mode}", "augment",
                lambda p, n=name, g=magnitude, m=mode: autoaugment._apply_op(p, n, g, MODES[m], [3, 6, 9]),
                augmentation=name, magnitude=magnitude, interpolation=mode, fill=[3, 6, 9])
    return ops


def make_transforms(source):
    folder = HERE / "transforms_more"
    folder.mkdir(exist_ok=True)
    entries, expected = [], {}
    for entry, function in operations():
        picture = small(source, entry["after_resize"]) if "after_resize" in entry else source
        expected[entry["name"]] = chw(function(picture))
        entries.append(entry)
    write(folder, {"input": INPUT, "layout": "CHW, uint8", "ops": entries}, expected)


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def pictures(source):
    """Files by name: their bytes."""
    files = {}
    rgb = small(source, [29, 43])
    grey = rgb.convert("L")
    for name, options in {
        "444": {"subsampling": 0}, "422": {"subsampling": 1}, "420": {"subsampling": 2},
        "progressive": {"progressive": True}, "progressive_444": {"progressive": True, "subsampling": 0},
        "restart": {"restart_marker_blocks": 2}, "optimized": {"optimize": True, "quality": 40},
        "finest": {"quality": 100}, "coarsest": {"quality": 1}, "rgb": {"keep_rgb": True},
    }.items():
        files[f"jpeg_{name}.jpg"] = encoded(rgb, "JPEG", **options)
    files["jpeg_grey.jpg"] = encoded(grey, "JPEG")
    files["jpeg_grey_progressive.jpg"] = encoded(grey, "JPEG", progressive=True)
    files["jpeg_cmyk.jpg"] = encoded(rgb.convert("CMYK"), "JPEG")
    files["jpeg_cmyk_progressive.jpg"] = encoded(rgb.convert("CMYK"), "JPEG", progressive=True)
    for width, height in ((1, 1), (2, 3), (5, 4), (17, 33)):
        files[f"jpeg_{width}x{height}.jpg"] = encoded(rgb.resize((width, height)), "JPEG")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        files[f"orientation_{orientation}.jpg"] = encoded(rgb.resize((14, 9)), "JPEG", exif=exif)
    files["draft.jpg"] = encoded(small(source, [83, 121]), "JPEG", quality=85)
    files["draft_444.jpg"] = encoded(small(source, [65, 91]), "JPEG", subsampling=0, progressive=True)
    files["draft_422.jpg"] = encoded(small(source, [65, 91]), "JPEG", subsampling=1)

    tiny = rgb.resize((21, 15))
    palette = tiny.quantize(30)
    alpha = tiny.convert("RGBA")
    alpha.putalpha(tiny.convert("L"))
    files["png_rgb.png"] = encoded(tiny, "PNG")
    files["png_grey.png"] = encoded(tiny.convert("L"), "PNG")
    files["png_alpha.png"] = encoded(alpha, "PNG")
    files["png_grey_alpha.png"] = encoded(alpha.convert("LA"), "PNG")
    files["png_palette.png"] = encoded(palette, "PNG")
    files["png_palette_4.png"] = encoded(tiny.quantize(9), "PNG", bits=4)
    files["png_palette_1.png"] = encoded(tiny.quantize(2), "PNG", bits=1)
    files["png_palette_transparent.png"] = encoded(palette, "PNG", transparency=3)
    files["png_1.png"] = encoded(tiny.convert("1"), "PNG")
    wide = (np.asarray(tiny.convert("L")).astype(np.uint16) * 257 + np.arange(21, dtype=np.uint16) * 3)
    files["png_grey_16.png"] = encoded(Image.fromarray(np.minimum(wide, 65535).astype(np.uint16)), "PNG")
    files["png_grey_16_dark.png"] = encoded(Image.fromarray((wide // 300).astype(np.uint16)), "PNG")
    files["webp_lossless.webp"] = encoded(tiny, "WEBP", lossless=True)
    files["webp_lossless_alpha.webp"] = encoded(alpha, "WEBP", lossless=True, exact=True)
    files["webp_lossy.webp"] = encoded(rgb, "WEBP", quality=80)
    files["webp_lossy_alpha.webp"] = encoded(alpha, "WEBP", quality=80)
    files["bmp_rgb.bmp"] = encoded(tiny, "BMP")
    files["bmp_rgba.bmp"] = encoded(alpha, "BMP")
    files["bmp_grey.bmp"] = encoded(tiny.convert("L"), "BMP")
    files["bmp_palette.bmp"] = encoded(palette, "BMP")
    files["bmp_1.bmp"] = encoded(tiny.convert("1"), "BMP")
    files["gif.gif"] = encoded(palette, "GIF")
    files["gif_interlaced.gif"] = encoded(palette, "GIF", interlace=True)
    files["gif_grey.gif"] = encoded(tiny.convert("L"), "GIF")
    files["gif_transparent.gif"] = encoded(palette, "GIF", transparency=2)
    files["gif_animated.gif"] = encoded(palette, "GIF", save_all=True, append_images=[ImageOps.invert(tiny)])
    files |= more_pictures(tiny, alpha, wide)
    return files


def more_pictures(tiny, alpha, wide):
    """TIFF (but for palettes, which are refused) and PNM."""
    grey = tiny.convert("L")
    grey_16 = Image.fromarray(np.minimum(wide, 65535).astype(np.uint16))
    files = {"tiff_rgb.tif": encoded(tiny, "TIFF")}
    for name, compression in {"lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate", "packbits": "packbits"}.items():
        files[f"tiff_{name}.tif"] = encoded(tiny, "TIFF", compression=compression)
    files["tiff_grey.tif"] = encoded(grey, "TIFF")
    files["tiff_alpha.tif"] = encoded(alpha, "TIFF")
    files["tiff_1.tif"] = encoded(tiny.convert("1"), "TIFF")
    files["tiff_cmyk.tif"] = encoded(tiny.convert("CMYK"), "TIFF")
    files["tiff_grey_16.tif"] = encoded(grey_16, "TIFF")
    files["pnm_rgb.ppm"] = encoded(tiny, "PPM")
    files["pnm_grey.pgm"] = encoded(grey, "PPM")
    files["pnm_1.pbm"] = encoded(tiny.convert("1"), "PPM")
    files["pnm_grey_16.pgm"] = encoded(grey_16, "PPM")
    values = " ".join(str(int(value) * 15 // 255) for value in np.asarray(tiny).flatten())
    files["pnm_text_15.ppm"] = f"P3\n# by hand\n{tiny.width} {tiny.height}\n15\n{values}\n".encode()
    return files


def make_pictures(source):
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    entries, expected = [], {}

    def add(name, file, picture, **parameters):
        entries.append({"name": name, "file": file} | parameters)
        expected[name] = chw(picture)

    for file, content in pictures(source).items():
        (folder / file).write_bytes(content)
        name = file.replace(".", "_")
        add(name, file, Image.open(io.BytesIO(content)))
        if file.startswith("orientation"):
            add(f"{name}_upright", file, ImageOps.exif_transpose(Image.open(io.BytesIO(content))),
                exif_orientation=True)
        if file.startswith("draft"):
            for divisor in (2, 3, 4, 8):
                picture = Image.open(io.BytesIO(content))
                least = [picture.height // divisor, picture.width // divisor]
                picture.draft("RGB", (least[1], least[0]))
                add(f"{name}_{divisor}", file, picture, at_least=least)
    write(folder, {"layout": "CHW, uint8", "pictures": entries}, expected)


def write(folder, manifest, expected):
    (folder / "manifest.json").write_text(json.dumps(manifest | VERSIONS, indent=1) + "\n")
    save_file(expected, folder / "expected.safetensors")
    (folder / "expected.safetensors").chmod(0o644)


if __name__ == "__main__":
    torch.set_num_threads(1)
    input_picture = Image.open(HERE / "transforms_more" / INPUT if (HERE / "transforms_more").exists()
                               else HERE / "transforms" / "input.png").convert("RGB")
    make_transforms(input_picture)
    make_pictures(input_picture)
