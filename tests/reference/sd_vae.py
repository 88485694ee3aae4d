#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The SD VAE and TAESD's decoder written down a second time, in PyTorch.

Prints the numbers that tests/model/test_autoencoder.c expects, and those of other sizes:

    sd_vae.py [ROWS COLUMNS]      of the latent, 2 3 by default

Weights and inputs are filled by the rule of tests/model/tiny.c. Not part of the build or of any
test: it needs torch and numpy, and exists so that the expected numbers can be had again.
"""
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def fill(k, shape, scale):
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B1)
    h = h + np.uint32((k + 1) * 0x85EBCA77 & 0xFFFFFFFF)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    values = ((h >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1) * scale
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class Resnet(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        self.norm1, self.conv1 = norm(inner), nn.Conv2d(inner, outer, 3, padding=1)
        self.norm2, self.conv2 = norm(outer), nn.Conv2d(outer, outer, 3, padding=1)
        if inner != outer:
            self.conv_shortcut = nn.Conv2d(inner, outer, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.group_norm = norm(channels)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        b, c, height, width = x.shape
        h = self.group_norm(x).flatten(2).transpose(1, 2)
        scores = self.to_q(h) @ self.to_k(h).transpose(1, 2) / c**0.5
        h = self.to_out[0](scores.softmax(-1) @ self.to_v(h))
        return x + h.transpose(1, 2).reshape(b, c, height, width)


class Resize(nn.Module):
    """Halves (zeros right and below only) or doubles."""

    def __init__(self, channels, up):
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(channels, channels, 3, padding=1 if up else 0, stride=1 if up else 2)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2) if self.up else F.pad(x, (0, 1, 0, 1)))


class Level(nn.Module):
    def __init__(self, inner, outer, blocks, up=None):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(inner if j == 0 else outer, outer)
                                      for j in range(blocks)])
        if up is not None:
            name = "upsamplers" if up else "downsamplers"
            setattr(self, name, nn.ModuleList([Resize(outer, up)]))

    def forward(self, x):
        for part in self.children():
            for layer in part:
                x = layer(x)
        return x


class Middle(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(channels, channels) for _ in range(2)])
        self.attentions = nn.ModuleList([Attention(channels)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(3, 128, 3, padding=1)
        self.down_blocks = nn.ModuleList([Level(128, 128, 2, False), Level(128, 256, 2, False),
                                          Level(256, 512, 2, False), Level(512, 512, 2)])
        self.mid_block = Middle(512)
        self.conv_norm_out, self.conv_out = norm(512), nn.Conv2d(512, 8, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(4, 512, 3, padding=1)
        self.mid_block = Middle(512)
        self.up_blocks = nn.ModuleList([Level(512, 512, 3, True), Level(512, 512, 3, True),
                                        Level(512, 256, 3, True), Level(256, 128, 3)])
        self.conv_norm_out, self.conv_out = norm(128), nn.Conv2d(128, 3, 3, padding=1)

    def forward(self, x):
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.quant_conv, self.post_quant_conv = nn.Conv2d(8, 8, 1), nn.Conv2d(4, 4, 1)

    def encode(self, x):
        return self.quant_conv(self.encoder(x))

    def decode(self, x):
        return self.decoder(self.post_quant_conv(x))


class Clamp(nn.Module):
    def forward(self, x):
        return 3 * torch.tanh(x / 3)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(*(layer for j in range(3) for layer in
                                    (nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())[:2 - j // 2]))

    def forward(self, x):
        return F.relu(x + self.conv(x))


def taesd_decoder():
    def finer():
        return [Block(), Block(), Block(), nn.Upsample(scale_factor=2),
                nn.Conv2d(64, 64, 3, padding=1, bias=False)]
    return nn.Sequential(Clamp(), nn.Conv2d(4, 64, 3, padding=1), nn.ReLU(), *finer(), *finer(),
                         *finer(), Block(), nn.Conv2d(64, 3, 3, padding=1))


def fill_weights(model, names, scale):
    state = model.state_dict()
    for k, name in enumerate(names):
        shape = tuple(state[name].shape)
        one = 1 if "norm" in name and name.endswith(".weight") else 0
        state[name] = fill(k, shape, scale if len(shape) > 1 else 0.125) + one
    model.load_state_dict(state)
    return model.eval()


def say(what, y, *points):
    y = y.double()[0]
    values = " ".join(f"{y[p].item():.6f}" for p in points)
    print(f"{what}: {tuple(y.shape)} sum {y.sum().item():.5f} squares {(y * y).sum().item():.5f} "
          f"{values}")


@torch.no_grad()
def main(rows, columns):
    vae = Vae()
    fill_weights(vae, sorted(vae.state_dict()), 0.03125)
    assert sum(p.numel() for p in vae.parameters()) == 83653863
    say("vae decode", vae.decode(fill(1000, (1, 4, rows, columns), 4)), (0, 0, 0), (1, 7, 9),
        (-1, -1, -1))
    say("vae encode", vae.encode(fill(1001, (1, 3, 8 * rows, 8 * columns), 1)), (0, 0, 0),
        (5, rows - 1, columns - 1), (-1, -1, -1))
    taesd = taesd_decoder()
    fill_weights(taesd, taesd.state_dict(), 0.0625)
    assert sum(p.numel() for p in taesd.parameters()) == 1222531
    say("taesd decode", taesd(fill(1000, (1, 4, rows, columns), 2)), (0, 0, 0), (-1, -1, -1))


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (2, 3)))
