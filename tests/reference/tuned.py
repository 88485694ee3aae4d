# SPDX-License-Identifier: Apache-2.0
"""FiTv2 on PyTorch as one who cares for speed would write it, with the authors' weights.

The authors compare a mask with itself in every attention, which keeps PyTorch from its fast
kernels, and calculate the conditioning of every block in every evaluation. Here attention has no
mask and the best of PyTorch's kernels, the conditioning of all steps is calculated at once
beforehand, q, k and v are one product, and so are the two halves of SwiGLU. The arithmetic is
otherwise the authors'.
"""
import contextlib
import time
import types

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

KERNELS = (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION)


def record(run, warm=3):
    """One CUDA graph of what run() queues: what is returned replays it and gives its result."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(warm):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()

    def replay():
        graph.replay()
        return result
    return replay


def rotate(x, cosine, sine):
    """Pairs of neighbours, x [B][H][N][D], tables [B][1][N][D]."""
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    return x * cosine + torch.stack((-odd, even), -1).flatten(-2) * sine


def block(x, modulation, cosine, sine, heads, epsilon, w):
    """One block; modulation [B][6][1][C], w its weights."""
    shift, scale, gate, shift2, scale2, gate2 = modulation.unbind(1)
    B, N, C = x.shape
    y = F.layer_norm(x, (C,), eps=epsilon) * (1 + scale) + shift
    q, k, v = F.linear(y, *w["qkv"]).view(B, N, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
    q = rotate(F.layer_norm(q, q.shape[-1:], eps=epsilon), cosine, sine)
    k = rotate(F.layer_norm(k, k.shape[-1:], eps=epsilon), cosine, sine)
    y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, C)
    x = x + gate * F.linear(y, *w["proj"])
    y = F.layer_norm(x, (C,), eps=epsilon) * (1 + scale2) + shift2
    g, y = F.linear(y, *w["up"]).chunk(2, -1)
    return x + gate2 * F.linear(F.silu(g) * y, *w["down"])


def weights_of(official_block):
    attention, mlp = official_block.attn, official_block.mlp
    pair = lambda layer: (layer.weight, layer.bias)
    return {"qkv": pair(attention.qkv), "proj": pair(attention.proj), "down": pair(mlp.fc2),
            "up": tuple(torch.cat(both) for both in zip(pair(mlp.fc1_g), pair(mlp.fc1_x)))}


class Tuned:
    """The authors' `model` (use_sit, LoRA modulation) on given inputs, those of forward_with_cfg;
    `tables` are its cosines and sines [B][N][D], `guided` how many features guidance changes."""

    def __init__(self, model, given, tables, guided):
        self.model, self.given, self.guided = model, given, guided
        self.cosine, self.sine = (each.unsqueeze(1) for each in tables)
        self.weights = [weights_of(each) for each in model.blocks]
        self.heads = model.blocks[0].attn.num_heads
        self.block = block
        self.condition(given["t"])

    def condition(self, t):
        """The modulation of every block at the times t, rows in the order of y's."""
        m = self.model
        y = self.given["y"].repeat(len(t) // len(self.given["y"]))
        c = m.t_embedder(t.clamp(max=1)) + m.y_embedder(y, False)
        common = m.global_adaLN_modulation(c)
        self.modulation = [(each.adaLN_modulation(c) + common).unflatten(1, (6, 1, -1))
                           for each in m.blocks]
        self.last = m.final_layer.adaLN_modulation(c).unflatten(1, (2, 1, -1))

    def evaluate(self):
        """The guided velocity [N][features] at the first times of the last conditioning."""
        B = len(self.given["y"])
        x = self.model.x_embedder(self.given["x"])
        epsilon = self.model.blocks[0].norm1.eps
        for modulation, w in zip(self.modulation, self.weights):
            x = self.block(x, modulation[:B], self.cosine, self.sine, self.heads, epsilon, w)
        shift, scale = self.last[:B].unbind(1)
        x = F.layer_norm(x, x.shape[-1:], eps=epsilon) * (1 + scale) + shift
        v, plain = self.model.final_layer.linear(x)
        some = slice(0, self.guided)
        return torch.cat([torch.lerp(plain[:, some], v[:, some], self.given["cfg_scale"]),
                          v[:, self.guided:]], 1)

    def compile(self, mode=None, name="block"):
        """What was compiled under another name is kept: a graph may use its kernels."""
        code = block.__code__.replace(co_name=name)
        self.block = torch.compile(types.FunctionType(code, block.__globals__), dynamic=False,
                                   mode=mode)

    def fastest(self, mode):
        """Compiled and recorded once with each of PyTorch's kernels of attention: the fastest one's
        name and what replays it."""
        best = None
        for kernel in KERNELS:
            self.compile(mode, f"block_{kernel.name}")
            with contextlib.suppress(RuntimeError), sdpa_kernel(kernel):
                replay = record(self.evaluate)
                torch.cuda.synchronize()
                start = time.perf_counter()
                for _ in range(20):
                    replay()
                torch.cuda.synchronize()
                seconds = time.perf_counter() - start
                if not best or seconds < best[0]:
                    best = seconds, kernel.name, replay
        if not best:
            raise RuntimeError("none of PyTorch's kernels of attention takes this shape")
        return best[1:]
