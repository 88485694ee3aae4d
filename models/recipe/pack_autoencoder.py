#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stores an autoencoder in bfloat16 and shows what that costs on held-out pictures."""
import argparse
import os
import sys

import torch
from safetensors.torch import load_file, save_file

from train_autoencoder import Decoder, Encoder, Pictures, psnr

HIGHEST_LOSS = 0.1  # dB, of any class


def modules_of(tensors):
    modules = Encoder(), Decoder()
    for name, module in zip(("encoder.", "decoder."), modules):
        module.load_state_dict({key[len(name):]: value.float() for key, value in tensors.items()
                                if key.startswith(name)})
    return modules


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("input")
    p.add_argument("output")
    p.add_argument("--held-out", nargs="+", required=True, metavar="FILE:WxH")
    args = p.parse_args()
    exact = load_file(args.input)
    packed = {key: value.to(torch.bfloat16).contiguous() for key, value in exact.items()}
    lost = 0.0
    for name in args.held_out:
        pictures = Pictures([name]).sets[0]
        before, after = (psnr(*modules_of(t), pictures) for t in (exact, packed))
        print(f"{name}\n  float32   {before}\n  bfloat16  {after}")
        lost = max(lost, *(b - a for b, a in zip(before, after)))
    if lost > HIGHEST_LOSS:
        sys.exit(f"bfloat16 loses {lost:.2f} dB, more than {HIGHEST_LOSS}")
    save_file(packed, args.output + ".tmp", metadata={"format": "limn-f8c8"})
    os.chmod(args.output + ".tmp", 0o644)
    os.replace(args.output + ".tmp", args.output)


if __name__ == "__main__":
    main()
