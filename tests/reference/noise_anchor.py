#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which corner of the noise shall stay where it is while a canvas grows?

    noise_anchor.py --limn build/app/cli/limn-cli [--model FOLDER] [OPTION...]

Every seed has one field of noise, and a canvas is a window on it: from its top left corner, or
centred, by the latent pixel or by the whole token. Each canvas of a drag (one token more in width, or
in both sides) is painted, and each picture compared with the one before, where both have the same
noise ("noise") and where both lie on a screen that shows them centred ("screen"). What is printed
is the mean absolute difference of 8-bit values over those parts, with its standard error over
classes and seeds. A fresh seed of the same size says how far pictures can be apart ("another seed").

Not part of the build or of any test. Needs numpy and Pillow.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy
from PIL import Image

CHANNELS, FIELD, TOKEN = 8, 96, 16  # of the bundled model; the field's side in latent pixels
LATENT = 8  # pixels per latent pixel
ANCHORS = ("top-left", "centre, by latent pixel", "centre, by token")


def origin(anchor, side):
    """Where a window of `side` pixels begins in the field, in latent pixels."""
    begin = (FIELD - side // LATENT) / 2
    if anchor == ANCHORS[0]:
        return 0
    return int(begin) if anchor == ANCHORS[1] else int(begin) // 2 * 2


def paint(options, fields, class_id, size, anchor, folder):
    """One picture per seed, as arrays of [height][width][3]."""
    width, height = size
    x, y = origin(anchor, width), origin(anchor, height)
    noise = fields[:, :, y:y + height // LATENT, x:x + width // LATENT]
    numpy.save(folder / "noise.npy", noise)
    subprocess.run([options.limn, "generate", "--class", str(class_id), "--size",
                    f"{width}x{height}", "--steps", str(options.steps), "--threads", "1",
                    "--noise", folder / "noise.npy", "--count", str(len(fields)), "--output",
                    folder / "out"] + (["--model", options.model] if options.model else []),
                   check=True, capture_output=True)
    files = sorted((folder / "out").glob("*.png"), key=lambda p: int(p.stem.split("-")[-1]))
    pictures = [numpy.asarray(Image.open(f).convert("RGB"), dtype=numpy.int16) for f in files]
    for file in files:
        file.unlink()
    return pictures


def apart(a, b, x, y):
    """The mean difference of a from the part of b that begins at (x, y)."""
    height, width = a.shape[:2]
    return numpy.abs(a - b[y:y + height, x:x + width]).mean()


def shift(anchor, small, large):
    """Where the small window lies in the large one, in pixels of the picture."""
    return (origin(anchor, small) - origin(anchor, large)) * LATENT


def compare(before, after, sizes, anchor, found):
    (w0, h0), (w1, h1) = sizes
    for a, b in zip(before, after):
        found["noise"].append(apart(a, b, shift(anchor, w0, w1), shift(anchor, h0, h1)))
        found["screen"].append(apart(a, b, (w1 - w0) // 2, (h1 - h0) // 2))


def drag(options, fields, sizes, anchor, folder):
    found = {"noise": [], "screen": [], "seed": []}
    for class_id in options.classes:
        before = None
        for i, size in enumerate(sizes):
            pictures = paint(options, fields, class_id, size, anchor, folder)
            if before:
                compare(before, pictures, (sizes[i - 1], size), anchor, found)
            found["seed"] += [apart(a, b, 0, 0) for a, b in zip(pictures, pictures[1:])]
            before = pictures
    return found


def said(values):
    return f"{numpy.mean(values):6.2f} ± {numpy.std(values) / len(values) ** 0.5:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limn", required=True)
    parser.add_argument("--model")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--classes", type=int, nargs="*", default=[0, 3, 7, 12])
    options = parser.parse_args()
    fields = numpy.random.default_rng(1).standard_normal(
        (options.seeds, CHANNELS, FIELD, FIELD)).astype(numpy.float32)
    drags = {"width 128 to 256, height 128": [(w, 128) for w in range(128, 257, TOKEN)],
             "both 128 to 256": [(s, s) for s in range(128, 257, TOKEN)]}
    print(f"{'drag':30} {'anchor':25} {'noise':>14} {'screen':>14} {'another seed':>14}")
    with tempfile.TemporaryDirectory() as name:
        for what, sizes in drags.items():
            for anchor in ANCHORS:
                found = drag(options, fields, sizes, anchor, pathlib.Path(name))
                print(f"{what:30} {anchor:25} {said(found['noise']):>14} "
                      f"{said(found['screen']):>14} {said(found['seed']):>14}", flush=True)


if __name__ == "__main__":
    main()
