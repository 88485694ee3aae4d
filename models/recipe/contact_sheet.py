#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Paints every class of a model at several shapes and puts the pictures on one sheet.

    python contact_sheet.py SHEET.png --cli build/app/cli/limn-cli --model models/limn-demo \
        --sizes 128x128,128x128,176x88,88x176,224x80 --seed 1

Rows are classes, columns are sizes; column k uses seed + k. Needs Pillow.
"""
import argparse
import json
import os
import subprocess
import tempfile

from PIL import Image

GAP = 4


def paint(args, class_id, size, seed, folder):
    path = os.path.join(folder, f"{class_id}-{size}-{seed}.png")
    command = [args.cli, "generate", "--model", args.model, "--class", str(class_id), "--size",
               size, "--seed", str(seed), "--extrapolation", args.extrapolation, "--output", path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Image.open(path).convert("RGB")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("sheet")
    p.add_argument("--cli", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--sizes", required=True, help="WxH,WxH,...")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--extrapolation", default="auto")
    args = p.parse_args()
    classes = json.loads(subprocess.run([args.cli, "classes", "--model", args.model, "--json"],
                                        check=True, stdout=subprocess.PIPE).stdout)
    sizes = args.sizes.split(",")
    extents = [tuple(map(int, size.split("x"))) for size in sizes]
    row = max(h for _, h in extents) + GAP
    sheet = Image.new("RGB", (sum(w + GAP for w, _ in extents) + GAP, len(classes) * row + GAP),
                      (24, 24, 24))
    with tempfile.TemporaryDirectory() as folder:
        for r, one in enumerate(classes):
            x = GAP
            for k, (w, h) in enumerate(extents):
                picture = paint(args, one["id"], sizes[k], args.seed + k, folder)
                sheet.paste(picture, (x, GAP + r * row + (row - GAP - h) // 2))
                x += w + GAP
    sheet.save(args.sheet, optimize=True)


if __name__ == "__main__":
    main()
