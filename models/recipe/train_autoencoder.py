#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the demo autoencoder "limn-f8c8": 8x8 pixels become one latent pixel of 8 channels.

Two phases. First encoder and decoder together; then the encoder is frozen (diffusion training may
begin on its latents) and the decoder alone goes on, which changes no latent.

Pictures come as raw RGB files, FILE:WIDTHxHEIGHT each; see README.md for how they are rendered.
Loss: L1 at full, half and quarter size, and L1 of the differences between neighbours, with dark
pixels weighing up to twice as much (night scenes are otherwise paid for by bright ones), and the
mean square that PSNR measures, as --squares says. --hard draws the classes that are hardest to
compress more often.
"""
import argparse
import copy
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

EXPORT_SECONDS = 300  # a decoder phase may be interrupted: what it has gained is on disk


def conv(i, o, stride=1, kernel=3):
    return nn.Conv2d(i, o, kernel, stride, kernel // 2)


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x):
        return x + self.conv2(F.silu(self.conv1(F.silu(x))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in, self.down1, self.res1 = conv(12, 32), conv(32, 64, 2), Residual(64)
        self.down2, self.res2, self.conv_out = conv(64, 96, 2), Residual(96), conv(96, 8)

    def forward(self, x):
        x = F.silu(self.conv_in(F.pixel_unshuffle(x, 2)))
        x = F.silu(self.res1(self.down1(x)))
        return self.conv_out(F.silu(self.res2(self.down2(x))))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in, self.res1, self.res2 = conv(8, 128), Residual(128), Residual(128)
        self.up1, self.res3, self.res4 = conv(128, 256, kernel=1), Residual(64), Residual(64)
        self.up2, self.res5, self.conv_out = conv(64, 128, kernel=1), Residual(32), conv(32, 12)

    def forward(self, z):
        x = self.res2(self.res1(self.conv_in(z)))
        x = self.res4(self.res3(F.pixel_shuffle(self.up1(x), 2)))
        x = F.silu(self.res5(F.pixel_shuffle(self.up2(x), 2)))
        return F.pixel_shuffle(self.conv_out(x), 2)


class Pictures:
    """Random crops out of memory-mapped raw files."""

    def __init__(self, names, hard=(), weight=3.0, classes=16):
        self.sets, self.shares = [], []
        for name in names:
            path, size = name.rsplit(":", 1)
            w, h = map(int, size.split("x"))
            self.sets.append(np.memmap(path, np.uint8, "r").reshape(-1, h, w, 3))
            shares = np.where(np.isin(np.arange(len(self.sets[-1])) % classes, hard), weight, 1.0)
            self.shares.append(shares / shares.sum())
        counts = np.array([len(s) for s in self.sets], float)
        self.weights = counts / counts.sum()

    def batch(self, rng, n, crop):
        out = np.empty((n, crop, crop, 3), np.uint8)
        for i in range(n):
            which = rng.choice(len(self.sets), p=self.weights)
            s = self.sets[which]
            k = rng.choice(len(s), p=self.shares[which])
            y, x = rng.integers(s.shape[1] - crop + 1), rng.integers(s.shape[2] - crop + 1)
            out[i] = s[k, y:y + crop, x:x + crop]
            if rng.random() < 0.5:
                out[i] = out[i, :, ::-1]
        x = torch.from_numpy(out).permute(0, 3, 1, 2).float() / 127.5 - 1
        return x.contiguous(memory_format=torch.channels_last)


def loss_of(y, x, squares):
    weight = 1 + (1 - x.mean(1, keepdim=True)) / 2
    total = squares * (y - x).square().mean()
    for scale, share in ((1, 1.0), (2, 0.5), (4, 0.5)):
        if scale > 1:
            x, y, weight = (F.avg_pool2d(v, 2) for v in (x, y, weight))
        d = y - x
        total = total + share * (d.abs() * weight).mean()
        total = total + 0.6 * share * ((d[..., 1:] - d[..., :-1]).abs().mean()
                                       + (d[..., 1:, :] - d[..., :-1, :]).abs().mean())
    return total


def noisy(z, limits):
    """Every picture has a level of its own, so that clean latents come out clean."""
    low, high = limits
    level = low + (high - low) * torch.rand(len(z), 1, 1, 1)
    return z + level * torch.randn_like(z)


def folded(encoder, norm):
    """The encoder with the standardisation of its output inside the last convolution."""
    encoder = copy.deepcopy(encoder)
    scale = torch.rsqrt(norm.running_var + norm.eps)
    with torch.no_grad():
        encoder.conv_out.weight.mul_(scale[:, None, None, None])
        encoder.conv_out.bias.sub_(norm.running_mean).mul_(scale)
    return encoder


def export(path, encoder, decoder):
    tensors = {f"{name}.{key}": value.detach().float().contiguous().clone(
        memory_format=torch.contiguous_format)
        for name, module in (("encoder", encoder), ("decoder", decoder))
        for key, value in module.state_dict().items()}
    save_file(tensors, path + ".tmp", metadata={"format": "limn-f8c8"})
    os.replace(path + ".tmp", path)


@torch.no_grad()
def psnr(encoder, decoder, pictures, classes=16):
    """Per class; picture i shows class i mod `classes`."""
    scores = [[] for _ in range(classes)]
    for i in range(len(pictures)):
        x = torch.from_numpy(np.array(pictures[i])).permute(2, 0, 1)[None].float() / 127.5 - 1
        y = decoder(encoder(x)).clamp(-1, 1)
        scores[i % classes].append(10 * math.log10(4 / F.mse_loss(y, x).item()))
    return [round(sum(s) / len(s), 2) for s in scores if s]


def train(args, pictures, held_out):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    encoder, decoder, norm = Encoder(), Decoder(), nn.BatchNorm2d(8, affine=False, momentum=0.02)
    if args.resume:
        for name, module in (("encoder.", encoder), ("decoder.", decoder)):
            module.load_state_dict({key[len(name):]: value.float()
                                    for key, value in load_file(args.resume).items()
                                    if key.startswith(name)})
        norm = None
    modules = [m.to(memory_format=torch.channels_last) for m in (encoder, decoder)]
    joint = norm is not None
    average = copy.deepcopy(decoder)
    parameters = [p for m in (modules if joint else [decoder]) for p in m.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    begun, step, saved = time.time(), 0, 0.0
    while (spent := time.time() - begun) < args.minutes * 60:
        progress = spent / (args.minutes * 60)
        rate = args.lr * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group["lr"] = max(rate, args.lr * 0.01)
        x = pictures.batch(rng, args.batch, args.crop)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            with torch.set_grad_enabled(joint):
                z = encoder(x).float()
                z = norm(z) if joint else z
            y = decoder(noisy(z, args.noise)).float()
        loss = loss_of(y, x, args.squares)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        decay = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for a, p in zip(average.parameters(), decoder.parameters()):
                a.lerp_(p, 1 - decay)
        step += 1
        if not joint and spent - saved > EXPORT_SECONDS:
            export(args.output, encoder, average)
            saved = spent
        if step % 200 == 0:
            print(f"{spent / 60:6.2f} min  step {step}  loss {loss.item():.4f}", flush=True)
    if joint:
        norm.eval()
        encoder = folded(encoder, norm)
        # Running statistics lag behind the last weights: measure the latents once more.
        with torch.no_grad():
            z = torch.cat([encoder(pictures.batch(rng, 16, 128)) for _ in range(16)])
            exact = nn.BatchNorm2d(8, affine=False)
            exact.running_mean, exact.running_var = z.mean((0, 2, 3)), z.var((0, 2, 3))
            encoder = folded(encoder, exact)
    export(args.output, encoder, average)
    print(json.dumps({"steps": step, "psnr": psnr(encoder, average, held_out)}), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--images", nargs="+", required=True, metavar="FILE:WxH")
    p.add_argument("--held-out", required=True, metavar="FILE:WxH")
    p.add_argument("--output", required=True, help="autoencoder.safetensors")
    p.add_argument("--resume", help="an output: freezes its encoder and trains the decoder")
    p.add_argument("--squares", type=float, default=0, help="weight of the mean square")
    p.add_argument("--noise", type=float, nargs=2, default=[0.12, 0.12], metavar=("LOW", "HIGH"),
                   help="what a diffusion model's small errors look like to the decoder")
    p.add_argument("--hard", type=int, nargs="+", default=[], metavar="CLASS")
    p.add_argument("--hard-weight", type=float, default=3, help="how much more often")
    p.add_argument("--minutes", type=float, default=12)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--crop", type=int, default=64)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--bf16", action="store_true")
    args = p.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    train(args, Pictures(args.images, args.hard, args.hard_weight), Pictures([args.held_out]).sets[0])


if __name__ == "__main__":
    main()
