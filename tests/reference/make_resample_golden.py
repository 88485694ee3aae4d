# SPDX-License-Identifier: Apache-2.0
"""Prints the table of tests/train/check_pictures.c: what the reference's pre-processing makes of
pictures of many sizes, with Pillow doing the resampling. Needs Pillow and numpy."""
import math

import numpy as np
from PIL import Image

SIZES = [(500, 375), (256, 256), (257, 300), (1024, 1024), (640, 480), (333, 777), (1200, 90),
         (400, 100), (200, 100), (8, 100), (100, 8), (255, 500), (1031, 519), (32, 32), (300, 2000),
         (513, 512)]
SIDES = [256, 128]


def picture(width, height):
    """Hashed noise over slow waves: every weight of a filter matters."""
    y, x = np.mgrid[0:height, 0:width].astype(np.uint32)
    channels = []
    for c in range(3):
        h = x * np.uint32(0x9E3779B1) + y * np.uint32(0x85EBCA77) + np.uint32(c) * np.uint32(77)
        h ^= h >> np.uint32(15)
        h *= np.uint32(0x2C1B3C6D)
        h ^= h >> np.uint32(12)
        wave = ((x * np.uint32(3) + y * np.uint32(5 + c)) >> np.uint32(2)) & np.uint32(127)
        channels.append(((h >> np.uint32(24)) // np.uint32(2) + wave).astype(np.uint8))
    return Image.fromarray(np.stack(channels, axis=-1), 'RGB')


def resize_arr(image, side):
    w, h = image.size
    width, height = w, h
    if w * h >= side ** 2:
        width = math.sqrt(w / h) * side
        height = width * h / w
    elif w < 16:
        width, height = 16, 16 * h / w
    elif h < 16:
        height, width = 16, 16 * w / h
    size = (int(width / 16) * 16, int(height / 16) * 16)
    if 0 in size or size[0] * size[1] > side ** 2:
        return None
    return image if size == image.size else image.resize(size, resample=Image.BICUBIC)


def center_crop_arr(image, side):
    if image.size[0] <= side or image.size[1] <= side:
        return None
    while min(*image.size) >= 2 * side:
        image = image.resize(tuple(x // 2 for x in image.size), resample=Image.BOX)
    scale = side / min(*image.size)
    image = image.resize(tuple(round(x * scale) for x in image.size), resample=Image.BICUBIC)
    pixels = np.array(image)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return Image.fromarray(pixels[top:top + side, left:left + side])


def fnv(image):
    h = 0xcbf29ce484222325
    for b in image.tobytes():
        h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
    return h


for side in SIDES:
    for width, height in SIZES:
        source = picture(width, height)
        whole, crop = resize_arr(source, side), center_crop_arr(source, side)
        w, h = whole.size if whole else (0, 0)
        print('    {%d, %d, %d, %d, %d, 0x%016x, 0x%016x},' %
              (width, height, side, w, h, fnv(whole) if whole else 0, fnv(crop) if crop else 0))
