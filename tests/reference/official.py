#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The authors' code as the programs beside this file use it, and weights for it.

What the authors' repository lacks or does not need here (fit.model.sincos, triton), and timm's
SwiGLU, are stood in for. Needs torch and einops.
"""
import contextlib
import math
import subprocess
import sys
import tempfile
import types

import numpy as np
import torch


def made_up(name, shape, deviation):
    """The rule of fit-bench.h."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(key)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    values = ((z >> np.uint64(40)).astype(np.float64) / 8388608 - 1) * np.sqrt(3) * deviation
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def deviation(name, shape):
    if len(shape) == 1:
        return 0.02
    if "embedding_table" in name:
        return 1
    return (0.3 if "adaLN_modulation" in name else 1) / np.sqrt(shape[1])


class Anything(types.ModuleType):
    """A module whose every name is a decorator that does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)

    def __call__(self, *args, **kwargs):
        plain = len(args) == 1 and isinstance(args[0], types.FunctionType) and not kwargs
        return args[0] if plain else self


class SwiGLU(torch.nn.Module):
    """timm's, of which the authors' code needs no more."""

    def __init__(self, in_features, hidden_features, out_features=None, bias=True):
        super().__init__()
        self.fc1_g = torch.nn.Linear(in_features, hidden_features, bias=bias)
        self.fc1_x = torch.nn.Linear(in_features, hidden_features, bias=bias)
        self.fc2 = torch.nn.Linear(hidden_features, out_features or in_features, bias=bias)

    def forward(self, x):
        return self.fc2(torch.nn.functional.silu(self.fc1_g(x)) * self.fc1_x(x))


def official_network(path, without_clamp=False):
    """The authors' FiT class, for which the rest of their package can then be imported too.

    Their released network is told min(t, 1), which is right for their second version and breaks
    their first, whose t is up to 999: without_clamp takes it out.
    """
    folder = tempfile.mkdtemp(prefix="official-")
    archive = subprocess.run(["git", "-C", path, "archive", "HEAD", "fit"], check=True,
                             stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
    if without_clamp:
        file = f"{folder}/fit/model/fit_model.py"
        with open(file) as stream:
            text = stream.read()
        assert text.count("max=1.0)") == 1
        with open(file, "w") as stream:
            stream.write(text.replace("max=1.0)", "max=1e9)"))
    sys.path.insert(0, folder)
    for name in ("fit.model.sincos", "fit.utils.eval_utils", "triton", "triton.language", "timm",
                 "timm.layers", "timm.layers.mlp"):
        sys.modules.setdefault(name, Anything(name))
    sys.modules["timm.layers.mlp"].SwiGLU = SwiGLU
    from fit.model.fit_model import FiT
    del sys.modules["triton"], sys.modules["triton.language"]  # torch.compile looks for them
    # they ask it for what is PyTorch's own choice anyway, and later versions lack it
    torch.backends.cuda.sdp_kernel = lambda **_: contextlib.nullcontext()
    return FiT


def times_on_device():
    """The authors make the frequencies of a time on the processor and copy them to the card, which
    cannot be recorded: the same formula, calculated there."""
    from fit.model.modules import TimestepEmbedder

    def timestep_embedding(t, dim, max_period=10000):
        half = dim // 2
        k = torch.arange(half, dtype=torch.float32, device=t.device)
        angles = t[:, None] * torch.exp(-math.log(max_period) * k / half)[None]
        return torch.cat([angles.cos(), angles.sin()], -1).to(t.dtype)

    TimestepEmbedder.timestep_embedding = staticmethod(timestep_embedding)
