#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A step of training beside the authors' network on PyTorch, on the same cores or card.

    bench_train_vs_torch.py --limn build/app/cli/limn-cli --official FiT [OPTION...]

FiT is a clone (bare or not) of github.com/whlzy/FiT. A step is what a run repeats: forward and
backward of 2048 tokens with the loss of rectified flow, clipping, AdamW and the moving average of
the weights. The sides take turns: some steps of one, some of the other; a ratio is the median over
the turns of the peer's time over Limn's in the same turn. PyTorch runs as it is ("eager") and
compiled ("compile"), each in f32 and with its automatic bf16; its optimiser and its moving average
are its fused ones. Not part of the build or of any test. Needs torch and einops.
"""
import argparse
import json
import statistics
import subprocess

import torch

import bench_vs_torch as base
from official import official_network

PACK = 2048  # tokens of a step, as in engine/bench_train.c
DECAY = 0.9999


class Peer:
    def __init__(self, network, how, precision, args, tokens):
        self.name = f"{how} {precision}"
        self.device = device = args.device
        self.model = base.build(network, args.shape).to(device).train()
        images = PACK // tokens
        given = base.inputs(tokens, torch.float32, device)
        generator = torch.Generator().manual_seed(1)
        features = given["x"].shape[-1]
        self.x = torch.randn(images, tokens, features, generator=generator).to(device)
        self.target = torch.randn(images, tokens, features, generator=generator).to(device)
        self.t = torch.rand(images, generator=generator).to(device)
        self.y = torch.arange(images, device=device) % base.CLASSES
        self.more = (given["grid"][:1].repeat(images, 1, 1),
                     torch.ones(images, tokens, device=device),
                     given["size"][:1].repeat(images, 1))
        self.forward = torch.compile(self.model, dynamic=False) if how == "compile" else self.model
        self.autocast = torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
        self.weights = list(self.model.parameters())
        self.optimiser = torch.optim.AdamW(self.weights, 1e-4, betas=(0.9, 0.95), weight_decay=0,
                                           fused=True)
        self.average = [w.detach().clone() for w in self.weights]
        self.step()
        self.step()

    def step(self):
        grid, mask, size = self.more
        with self.autocast:
            velocity = self.forward(self.x, self.t, self.y, grid, mask, size)
        loss = (velocity.float() - self.target).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0, foreach=True)
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1 - DECAY)

    def seconds(self, duration):
        return base.timed(self.step, self.device, duration)


def limn(args, precision, tokens):
    run = subprocess.run([args.limn, "bench", "train", "--json", "--model-shape", args.shape,
                          "--tokens", str(tokens), "--threads", str(args.threads), "--precision",
                          precision, "--seconds", str(args.seconds), "--backend", args.device],
                         check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)["rows"][0]


def compare(network, args, tokens):
    precisions = args.precision.split(",")
    peers = [Peer(network, how, precision, args, tokens)
             for how in args.peers.split(",") for precision in precisions]
    ours = {precision: [] for precision in precisions}
    floor = {}
    theirs = [[] for _ in peers]
    for _ in range(args.turns):
        for precision, times in ours.items():
            row = limn(args, precision, tokens)
            times.append(row["median_s"])
            floor[precision] = row["floor_s"]
        for peer, times in zip(peers, theirs):
            times.append(peer.seconds(args.seconds))
    print(f"{args.shape} {PACK // tokens} x {tokens} tokens, {args.threads} threads: Limn " +
          ", ".join(f"{precision} {1e3 * statistics.median(times):.0f} ms "
                    f"({100 * floor[precision] / statistics.median(times):.0f} % of the floor)"
                    for precision, times in ours.items()), flush=True)
    for peer, times in zip(peers, theirs):
        ratio = statistics.median(t / o for t, o in zip(times, ours[precisions[0]]))
        print(f"      {peer.name:14} {1e3 * statistics.median(times):7.0f} ms, {ratio:.2f} x of "
              f"Limn's {precisions[0]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--limn", required=True, help="limn-cli")
    parser.add_argument("--official", required=True, help="a clone of the authors' repository")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--shape", default="s", choices=base.SHAPES)
    parser.add_argument("--tokens", default="64,256")
    parser.add_argument("--peers", default="eager,compile")
    parser.add_argument("--precision", default="bf16,f32",
                        help="of both sides; ratios are of Limn's first. PyTorch imitates bf16 for "
                             "minutes where the processor has none")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of one side's turn")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = official_network(args.official)
    for tokens in args.tokens.split(","):
        compare(network, args, int(tokens))


if __name__ == "__main__":
    main()
