#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders scenes with limn-cli into one raw RGB file, as train_autoencoder.py reads them.

Picture i shows class i mod 16 and has seed FIRST + i, so two files share no picture as long as
their ranges of seeds do not meet.
"""
import argparse
import concurrent.futures
import os
import subprocess
import tempfile

import numpy as np
from PIL import Image

CLASSES = 16


def render(cli, folder, i, seed, size):
    path = os.path.join(folder, f"{i}.png")
    subprocess.run([cli, "render", "--class", str(i % CLASSES), "--seed", str(seed),
                    "--size", size, "--output", path], check=True, stdout=subprocess.DEVNULL)
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    os.unlink(path)
    return pixels


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("output", help="raw RGB file")
    p.add_argument("--count", type=int, required=True)
    p.add_argument("--size", required=True, metavar="WxH")
    p.add_argument("--first", type=int, required=True, help="seed of the first picture")
    p.add_argument("--cli", default="limn-cli")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder, open(args.output + ".tmp", "wb") as out, \
            concurrent.futures.ThreadPoolExecutor(args.threads) as pool:
        for pixels in pool.map(lambda i: render(args.cli, folder, i, args.first + i, args.size),
                               range(args.count)):
            out.write(pixels.tobytes())
    os.replace(args.output + ".tmp", args.output)


if __name__ == "__main__":
    main()
