#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the authors' code makes of Limn's tiny models: golden files of the tests.

    make_golden.py --official FiT --tiny-model build/tests/tiny-model --folder tests/golden

The weights are those of tests/tiny_model.c, so the files hold no weights.

official.safetensors has the velocity with every method on 9 x 11 tokens, and the last state of a run
of every solver on 3 x 4 tokens with guidance; "whole" of it is of a network whose blocks share no
modulation (use_sit with adaln_type normal). tests/model/test_official.c holds Limn to them, and
names the settings of each by its name.

gradient.safetensors has a batch of three pictures of different shapes, padded to one length as the
authors train, its loss, and of PyTorch's gradient of every parameter each FIFTH value.
tests/train/check_official.c holds Limn's pack of the three to it. ddpm.safetensors is the same of the
first version and the loss that it is trained on. Needs what compare.py needs.
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
WHOLE = dict(V2, adaln_type="normal")
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


def whole(side, out):
    run(side, out, "whole euler", compare.ode("euler", 4), 2.0)
    run(side, out, "whole sde-euler", compare.sde("Euler", 5, diffusion_form="sigma"))


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


FIFTH = 5
SHAPES = [(3, 4), (2, 5), (1, 3)]


def some_of_gradient(model):
    return {"d " + name: parameter.grad.flatten()[::FIFTH].clone()
            for name, parameter in model.named_parameters()}


def forget_gradient(model):
    for parameter in model.parameters():
        parameter.grad = None


def layout():
    """Of the padded batch: the mask, the positions, and the rows that are no padding."""
    longest = max(r * c for r, c in SHAPES)
    n = torch.tensor([r * c for r, c in SHAPES])
    mask = (torch.arange(longest)[None] < n[:, None]).float()
    grid = torch.zeros(len(SHAPES), 2, longest, dtype=torch.long)
    for i, (rows, columns) in enumerate(SHAPES):
        grid[i, 0, :n[i]] = torch.arange(columns).repeat(rows)
        grid[i, 1, :n[i]] = torch.arange(rows).repeat_interleave(columns)
    rows = torch.cat([torch.arange(longest)[m > 0] + i * longest for i, m in enumerate(mask)])
    return longest, n, mask, grid, rows


def gradient(side):
    """The loss is theirs: the masked mean, weighed so that every picture counts by its own tokens."""
    model, features = side.model, side.features
    longest, n, mask, grid, rows = layout()
    draw = torch.Generator().manual_seed(5)
    x, target = (torch.randn(len(SHAPES), longest, features, generator=draw) * mask[..., None]
                 for _ in range(2))
    t, y = torch.tensor([0.2, 0.5, 0.9]), torch.tensor([1, 4, 3])
    side.positions("none", 1, 1)
    forget_gradient(model)
    with torch.enable_grad():
        velocity = model(x, t, y, grid, mask, torch.tensor(SHAPES)[:, None])
        per_picture = ((velocity - target) ** 2).mean((1, 2)) * longest / n
        loss = per_picture.mean()
        loss.backward()
    return {"x": x.reshape(-1, features)[rows], "target": target.reshape(-1, features)[rows],
            "t": t, "loss": per_picture.detach(), **some_of_gradient(model)}


def chain_gradient(side):
    """The loss of every picture alone, without padding, for which theirs adds a bound that has no
    gradient; the gradient is that of the padded batch."""
    from fit.scheduler.improved_diffusion import create_diffusion
    diffusion, model, features = create_diffusion(""), side.model, side.features
    longest, n, mask, grid, rows = layout()
    draw = torch.Generator().manual_seed(6)
    data, noise = (torch.randn(len(SHAPES), features, longest, generator=draw) for _ in range(2))
    data *= mask[:, None]
    t, y = torch.tensor([0, 37, 999]), torch.tensor([1, 4, 3])
    side.positions("none", 1, 1)
    loss = []
    for i in range(len(SHAPES)):
        one = slice(i, i + 1)
        more = dict(y=y[one], grid=grid[one, :, :n[i]], mask=mask[one, :n[i]])
        loss += [diffusion.training_losses(model, data[one, :, :n[i]], t[one], more,
                                           noise[one, :, :n[i]])["loss"]]
    forget_gradient(model)
    with torch.enable_grad():
        more = dict(y=y, grid=grid, mask=mask)
        diffusion.training_losses(model, data, t, more, noise)["loss"].mean().backward()
    tokens = {"x": diffusion.q_sample(data, t, noise), "data": data, "noise": noise}
    return {**{name: x.mT.reshape(-1, features)[rows] for name, x in tokens.items()},
            "t": t.float(), "loss": torch.cat(loss), **some_of_gradient(model)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--official", required=True)
    parser.add_argument("--tiny-model", required=True)
    parser.add_argument("--folder", required=True)
    args = parser.parse_args()
    out = {}
    network = official_network(args.official)
    side = Tiny(args, network, V2, ())
    with torch.no_grad():
        methods(side, out)
        flows(side, out)
        learned = gradient(side)
        whole(Tiny(args, network, WHOLE, ("whole",)), out)
        chains(Tiny(args, network, V1, ("v1",)), out, "clamp ")
        network = compare.reload(args.official, True)
        side = Tiny(args, network, V1, ("v1",))
        chains(side, out, "")
        chain_learned = chain_gradient(side)
    commit = subprocess.run(["git", "-C", args.official, "rev-parse", "HEAD"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    for file, tensors in (("official", out), ("gradient", learned), ("ddpm", chain_learned)):
        path = os.path.join(args.folder, file + ".safetensors")
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path,
                  {"made by": "tests/reference/make_golden.py", "torch": torch.__version__,
                   "whlzy/FiT": commit})
        os.chmod(path, 0o644)


if __name__ == "__main__":
    main()
