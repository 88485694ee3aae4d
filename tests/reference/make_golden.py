#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/official.safetensors: what the authors' code makes of Limn's tiny models.

    make_golden.py --official FiT --tiny-model build/tests/tiny-model --output FILE

The weights are those of tests/tiny_model.c, so the file holds results only: the velocity with every
method on 9 x 11 tokens, and the last state of a run of every solver on 3 x 4 tokens with guidance.
tests/model/test_official.c holds Limn to them, and names the settings of each by its name. Needs
what compare.py needs.
"""
import argparse
import os
import subprocess
import tempfile

import torch
from safetensors.torch import load_file, save_file

import compare
from official import official_network

SIZES = dict(context_size=64, patch_size=2, in_channels=8, hidden_size=64, depth=2, num_heads=2,
             num_classes=4, use_swiglu=True)
V2 = dict(SIZES, learn_sigma=False, use_sit=True, q_norm="layernorm", k_norm="layernorm",
          adaln_type="lora", adaln_lora_dim=16)
V1 = dict(SIZES, learn_sigma=True, use_swiglu_large=True)
CLASS, SEED, SCALE = 1, 3, 1.5


class Tiny(compare.Side):
    """A side without Limn."""

    def __init__(self, args, network, params, version):
        with tempfile.TemporaryDirectory() as folder:
            bundle = os.path.join(folder, "tiny")
            subprocess.run([args.tiny_model, bundle, *version], check=True)
            weights = load_file(os.path.join(bundle, "transformer.safetensors"))
        self.params, self.features = params, 4 * params["in_channels"]
        self.model = network(**params).eval()
        self.model.load_state_dict(weights)


def methods(side, out):
    rows, columns = 9, 11
    compare.TRAINED = 8
    x = torch.randn(1, rows * columns, side.features, generator=torch.Generator().manual_seed(1))
    out["state"] = torch.from_numpy(side.latent(x, rows, columns)[0].copy())
    for method in compare.METHODS:
        side.positions(method, rows, columns)
        v = side.their_velocity(x, 0.4, CLASS, rows, columns, SCALE, 0)
        out[f"velocity {method}"] = torch.from_numpy(side.latent(v, rows, columns)[0].copy())


def run(side, out, name, sample, power=0.0):
    latent, _ = compare.their_run(side, sample, 3, 4, SEED, SCALE, power, CLASS)
    out[name] = torch.from_numpy(latent.copy())


def flows(side, out):
    for limn, theirs in (("euler", "euler"), ("midpoint", "midpoint"), ("heun", "heun2"),
                         ("rk4", "rk4"), ("heun3", "heun3")):
        run(side, out, limn, compare.ode(theirs, 4))
    run(side, out, "euler power", compare.ode("euler", 4), 2.0)
    run(side, out, "dopri5", compare.ode("dopri5", 4, atol=1e-6, rtol=1e-5))
    for form in ("sigma", "linear", "constant", "decreasing", "increasing-decreasing"):
        run(side, out, f"sde-euler {form}", compare.sde("Euler", 5, diffusion_form=form))
    run(side, out, "sde-heun constant", compare.sde("Heun", 5, diffusion_form="constant"))
    for last in ("Tweedie", "Euler"):
        run(side, out, f"sde-euler last {last.lower()}",
            compare.sde("Euler", 5, diffusion_form="sigma", last_step=last, last_step_size=0.1,
                        diffusion_norm=0.5))


def chains(side, out, name):
    for what, spacing, eta in (("ddpm", "12", None), ("ddim", "12", 0.0), ("ddim eta", "12", 1.0),
                               ("ddim even", "ddim10", 0.0)):
        end = compare.their_chain(side, 3, 4, SEED, SCALE, spacing, eta, CLASS)
        out[name + what] = torch.from_numpy(end.copy())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--official", required=True)
    parser.add_argument("--tiny-model", required=True)
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    out = {}
    network = official_network(args.official)
    side = Tiny(args, network, V2, ())
    with torch.no_grad():
        methods(side, out)
        flows(side, out)
        chains(Tiny(args, network, V1, ("v1",)), out, "clamp ")
        network = compare.reload(args.official, True)
        chains(Tiny(args, network, V1, ("v1",)), out, "")
    commit = subprocess.run(["git", "-C", args.official, "rev-parse", "HEAD"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    save_file({name: tensor.contiguous() for name, tensor in out.items()}, args.output,
              {"made by": "tests/reference/make_golden.py", "torch": torch.__version__,
               "whlzy/FiT": commit})


if __name__ == "__main__":
    main()
