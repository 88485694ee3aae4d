#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limn's numbers beside those of the authors' code on PyTorch.

    compare.py --limn build/app/cli/limn-cli --official FiT [--part PART]... [--markdown FILE]

FiT is a clone (bare or not) of github.com/whlzy/FiT. Both sides get the same random weights, through
a safetensors file and limn-cli import with the authors' configuration, and the same noise, which
Limn draws as torch does on a processor. An error is the relative distance (L2) of Limn's result from
theirs in f32. The program ends with 1 if one is beyond its tolerance.

Weights are normal with the deviation 1 / sqrt(inputs), 0.3 of that where they modulate; nothing is
zero, or whole branches would not be looked at.

    small    every method, shape and batch on a network of 4 blocks
    solvers  one whole run of every solver on that network, with guidance
    v1       the same for the first version: DDPM in 250 steps, DDIM, with and without their clamp
    vae      SD VAE and TAESD against sd_vae.py
    xl       FiTv2-XL/2: every method on six shapes; bf16 beside PyTorch's own bf16
    xl-run   FiTv2-XL/2: the latent after 50 guided Euler steps
    3b       FiTv2-3B/2 on three shapes; needs 14 GB

Without --part all but the last two. Not part of the build or of any test. Needs torch, einops,
torchdiffeq, safetensors, PyYAML, tqdm and Pillow.
"""
import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

import sd_vae
from official import deviation, official_network

METHODS = {  # Limn's name: the authors' frequencies, decoupled
    "none": ("normal", False),
    "pi": ("linear", False),
    "ntk": ("ntk-aware", False),
    "ntk-by-parts": ("ntk-by-parts", False),
    "yarn": ("yarn", False),
    "ntk-pro1": ("ntk-aware-pro1", False),
    "ntk-pro2": ("ntk-aware-pro2", False),
    "vision-pi": ("linear", True),
    "vision-ntk": ("ntk-aware", True),
    "vision-ntk-by-parts": ("ntk-by-parts", True),
    "vision-yarn": ("yarn", True),
    "vision-ntk-pro1": ("ntk-aware-pro1", True),
    "vision-ntk-pro2": ("ntk-aware-pro2", True),
}
SHAPES = [(16, 16), (20, 20), (32, 8), (10, 26), (24, 18), (17, 33)]  # rows, columns
TRAINED = 16  # tokens a side
STEP, SAMPLED, ROUNDED = 1e-4, 1e-3, 1.2  # tolerances: an evaluation, a run, bf16 over torch's


def relative(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


class Side:
    """One model on both sides."""

    def __init__(self, args, config_path, changes=None, network=None):
        self.args = args
        self.folder = tempfile.mkdtemp(prefix="compare-", dir=args.folder)
        text = subprocess.run(["git", "-C", args.official, "show", f"HEAD:configs/{config_path}"],
                              check=True, stdout=subprocess.PIPE).stdout
        config = yaml.safe_load(text)
        self.params = config["diffusion"]["network_config"]["params"]
        self.params.update(changes or {})
        config_file = self.at("config.yaml")
        with open(config_file, "w") as file:
            yaml.safe_dump(config, file)
        self.network = network or args.network
        self.model = self.make()
        save_file(self.model.state_dict(), self.at("weights.safetensors"))
        self.limn("import", self.at("weights.safetensors"), "--config", config_file, "--output",
                  self.at("bundle"), *self.autoencoder())
        os.remove(self.at("weights.safetensors"))
        self.features = 4 * self.params["in_channels"]
        self.sit = self.params.get("use_sit", False)

    def autoencoder(self):
        return ()

    def make(self):
        torch.manual_seed(1)
        model = self.network(**{k: v for k, v in self.params.items() if k != "abs_pos_embed"})
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.normal_(0, float(deviation(name, tuple(parameter.shape))))
        return model.eval()

    def at(self, name):
        return os.path.join(self.folder, name)

    def limn(self, *words):
        command = [self.args.limn, *map(str, words), "--threads", str(self.args.threads)]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode:
            raise SystemExit(f"{' '.join(command)}: {run.stderr}")
        return run.stdout

    def positions(self, method, rows, columns):
        """As the authors' sampling script configures them."""
        from fit.model.rope import VisionRotaryEmbedding
        frequencies, decoupled = METHODS[method]
        self.model.rel_pos_embed = VisionRotaryEmbedding(
            self.params["hidden_size"] // self.params["num_heads"], frequencies,
            max_pe_len_h=rows, max_pe_len_w=columns, decouple=decoupled, ori_max_pe_len=TRAINED)

    @staticmethod
    def inputs(rows, columns, batch):
        grid = torch.stack([torch.arange(columns).repeat(rows),
                            torch.arange(rows).repeat_interleave(columns)]).repeat(batch, 1, 1)
        return dict(grid=grid, mask=torch.ones(batch, rows * columns),
                    size=torch.tensor([[[rows, columns]]]).repeat(batch, 1, 1))

    def latent(self, tokens, rows, columns):
        return self.model.unpatchify(tokens, (2 * rows, 2 * columns)).numpy()

    @torch.no_grad()
    def their_velocity(self, x, t, label, rows, columns, scale, power, dtype=torch.float32):
        batch = len(x)
        y = torch.full((batch,), label)
        times = torch.full((batch,), t, dtype=dtype)
        more = self.inputs(rows, columns, batch if scale == 1 else 2 * batch)
        more["mask"] = more["mask"].to(dtype)
        x = x.to(dtype)
        if scale == 1:
            return self.model(x, times, y, **more).float()
        null = torch.full((batch,), self.params["num_classes"])
        out = self.model.forward_with_cfg(torch.cat([x, x]), torch.cat([times, times]),
                                          torch.cat([y, null]), **more, cfg_scale=scale,
                                          scale_pow=power)
        return out[:batch].float()

    def our_velocity(self, x, t, label, rows, columns, scale, power, method, precision):
        state = self.at("x.npy")
        np.save(state, self.latent(x, rows, columns))
        self.limn("velocity", "--model", self.at("bundle"), "--latent", state, "--time", t,
                  "--class", label, "--guidance", scale, "--guidance-power", power,
                  "--extrapolation", method, "--precision", precision, "--output",
                  self.at("v.npy"))
        return np.load(self.at("v.npy"))

    def velocity_error(self, method, rows, columns, batch=1, t=0.4, scale=1, power=0,
                       precision="f32"):
        self.positions(method, rows, columns)
        generator = torch.Generator().manual_seed(rows * 100 + columns)
        x = torch.randn(batch, rows * columns, self.features, generator=generator)
        theirs = self.latent(self.their_velocity(x, t, 7, rows, columns, scale, power), rows,
                             columns)
        ours = self.our_velocity(x, t, 7, rows, columns, scale, power, method, precision)
        if precision == "f32":
            return relative(ours, theirs)
        tables = self.model.rel_pos_embed
        self.model.bfloat16()
        self.model.rel_pos_embed = tables.float()
        exact = tables.get_cached_2d_rope_from_grid(self.inputs(rows, columns, batch)["grid"])
        narrow = tuple(table.bfloat16() for table in exact)  # rounded once, not at each step
        tables.get_cached_2d_rope_from_grid = lambda _: narrow
        rounded = self.latent(self.their_velocity(x, t, 7, rows, columns, 1, 0, torch.bfloat16),
                              rows, columns)
        return relative(ours, theirs), relative(rounded, theirs)

    def our_run(self, rows, columns, seed, scale, *words):
        said = self.limn("generate", "--model", self.at("bundle"), "--size",
                         f"{16 * columns}x{16 * rows}", "--seed", seed, "--class", 7, "--guidance",
                         scale, "--noise-source", "torch", "--extrapolation", "none", "--precision",
                         "f32", "--save-latent", self.at("z.npy"), "--output", self.at("z.png"), "--json", *words)
        return np.load(self.at("z.npy")), json.loads(said)[0]["evaluations"]


class Report:
    def __init__(self):
        self.rows = []

    def add(self, part, what, error, limit):
        self.rows.append((part, what, error, limit))
        mark = "" if error <= limit else "   FAIL"
        print(f"{part:8} {what:62} {error:9.1e}  (at most {limit:.1e}){mark}", flush=True)

    def failed(self):
        return sum(not error <= limit for _, _, error, limit in self.rows)

    def markdown(self, path):
        with open(path, "w") as file:
            file.write("| part | what | error | at most |\n| --- | --- | --- | --- |\n")
            for part, what, error, limit in self.rows:
                file.write(f"| {part} | {what} | {error:.1e} | {limit:.1e} |\n")


# ---- networks ----

SMALL = dict(hidden_size=192, depth=4, num_heads=4, adaln_lora_dim=48)
SMALL_V1 = dict(hidden_size=144, depth=3, num_heads=2)


def nearest_methods(side, rows, columns):
    """The least distance of two methods' results: what a tolerance has to stay below."""
    results = []
    x = torch.randn(1, rows * columns, side.features, generator=torch.Generator().manual_seed(1))
    for method in METHODS:
        side.positions(method, rows, columns)
        results.append(side.their_velocity(x, 0.4, 7, rows, columns, 1, 0))
    return min(relative(a, b) for i, a in enumerate(results) for b in results[:i])


def part_small(args, report):
    side = Side(args, "fitv2/config_fitv2_xl.yaml", SMALL)
    for method in METHODS:
        worst = max(side.velocity_error(method, *shape) for shape in SHAPES)
        report.add("small", f"{method}, worst of {len(SHAPES)} shapes", worst, STEP)
    report.add("small", "nothing but the method changed: it must show (tolerance over distance)",
               STEP / nearest_methods(side, 17, 33), 0.1)
    report.add("small", "batch of 3, 20x12", side.velocity_error("none", 20, 12, batch=3), STEP)
    for power in (0, 2):
        for t in (0.0, 0.3, 1.0):
            error = side.velocity_error("vision-ntk", 20, 12, 2, t, 1.5, power)
            report.add("small", f"guidance 1.5, power {power}, batch of 2, t = {t}", error, STEP)
    report.add("small", "1x1", side.velocity_error("none", 1, 1), STEP)
    side = Side(args, "fitv2/config_fitv2_xl.yaml", dict(SMALL, adaln_type="normal"))
    for method in ("none", "vision-ntk"):
        worst = max(side.velocity_error(method, *shape) for shape in SHAPES)
        report.add("small", f"adaln_type normal, {method}, worst of {len(SHAPES)} shapes", worst,
                   STEP)


def part_xl(args, report, name="fitv2/config_fitv2_xl.yaml", part="xl"):
    side = Side(args, name)
    methods, shapes = (METHODS, SHAPES) if part == "xl" else (("none", "vision-ntk"), SHAPES[:3])
    for rows, columns in shapes:
        for method in methods:
            report.add(part, f"{rows}x{columns} {method}",
                       side.velocity_error(method, rows, columns), STEP)
    if part != "xl":
        return
    report.add(part, "16x16, guidance 1.5, batch of 2", side.velocity_error("none", 16, 16, 2,
                                                                            scale=1.5), STEP)
    ours, theirs = side.velocity_error("none", 16, 16, precision="bf16")
    report.add(part, f"bf16 16x16; PyTorch's own {theirs:.1e}", ours, ROUNDED * theirs)


# ---- runs ----

def sampler():
    from fit.scheduler.transport import Sampler, create_transport
    return Sampler(create_transport("Linear", "velocity", None, None, None, "lognorm"))


def ode(solver, steps, **settings):
    """Their num_steps counts times, not intervals."""
    return sampler().sample_ode(sampling_method=solver, num_steps=steps + 1, **settings)


def sde(solver, steps, **settings):
    return sampler().sample_sde(sampling_method=solver, num_steps=steps, **settings)


@torch.no_grad()
def their_run(side, sample, rows, columns, seed, scale, power=0.0, label=7):
    """As their sampling script does it; the count of evaluations beside the latent."""
    side.positions("none", rows, columns)
    torch.manual_seed(seed)
    z = torch.randn(1, rows * columns, side.features)
    y = torch.tensor([label, side.params["num_classes"]])
    calls = [0]

    def model(*words, **more):
        calls[0] += 1
        return side.model.forward_with_cfg(*words, **more)

    states = sample(torch.cat([z, z]), model, y=y, **side.inputs(rows, columns, 2),
                    cfg_scale=scale, scale_pow=power)
    return side.latent(states[-1][:1], rows, columns)[0], calls[0]


def part_solvers(args, report):
    side = Side(args, "fitv2/config_fitv2_xl.yaml", SMALL)
    rows, columns, scale, seed = 12, 20, 1.5, 11

    def check(what, sample, words, power=0.0, same_calls=True, limit=SAMPLED):
        theirs, calls = their_run(side, sample, rows, columns, seed, scale, power)
        ours, made = side.our_run(rows, columns, seed, scale, "--guidance-power", power, *words)
        note = f", {made} evaluations"
        if made != calls:  # theirs evaluates anew for the score, which follows from the velocity
            note += f" (there {calls})"
        report.add("solvers", what + note, relative(ours, theirs),
                   limit if made == calls or not same_calls else -1)

    for limn, theirs, steps in (("euler", "euler", 50), ("midpoint", "midpoint", 25),
                                ("heun", "heun2", 25), ("rk4", "rk4", 13), ("heun3", "heun3", 17)):
        check(f"{limn}, {steps} steps", ode(theirs, steps),
              ("--solver", limn, "--steps", steps))
    check("euler, 50 steps, guidance power 2", ode("euler", 50),
          ("--solver", "euler", "--steps", 50), 2.0)
    for rtol in (1e-3, 1e-5):
        check(f"dopri5, rtol {rtol:g}, coupled", ode("dopri5", 10, atol=1e-6, rtol=rtol),
              ("--solver", "dopri5", "--steps", 10, "--error-norm", "coupled", "--rtol", rtol),
              same_calls=False, limit=max(SAMPLED, rtol))
    forms = ("sigma", "linear", "constant", "decreasing", "increasing-decreasing")
    for method in ("Euler", "Heun"):
        for form in forms:
            check(f"sde-{method.lower()}, {form}, 25 steps",
                  sde(method, 25, diffusion_form=form, last_step="Mean"),
                  ("--solver", f"sde-{method.lower()}", "--diffusion", form, "--steps", 25),
                  same_calls=False)
        for last in ("Tweedie", "Euler"):
            check(f"sde-{method.lower()}, last step {last.lower()}, norm 0.5",
                  sde(method, 25, diffusion_form="sigma", last_step=last,
                      diffusion_norm=0.5, last_step_size=0.1),
                  ("--solver", f"sde-{method.lower()}", "--last-step", last.lower(), "--steps", 25,
                   "--diffusion-norm", 0.5, "--last-step-size", 0.1), same_calls=False)


def part_xl_run(args, report):
    side = Side(args, "fitv2/config_fitv2_xl.yaml")
    theirs, _ = their_run(side, ode("euler", 50), 16, 16, 5, 1.5)
    ours, _ = side.our_run(16, 16, 5, 1.5, "--solver", "euler", "--steps", 50)
    report.add("xl-run", "XL/2, 16x16, guidance 1.5, 50 euler steps", relative(ours, theirs),
               SAMPLED)


def reload(official, without_clamp):
    """The network anew, from another text; what does not depend on it stays loaded."""
    for name in [name for name in sys.modules if name.startswith("fit.model.")]:
        if hasattr(sys.modules[name], "__file__"):
            sys.modules.pop(name)
    return official_network(official, without_clamp)


def part_v1(args, report):
    rows, columns, seed, scale = 12, 10, 3, 1.5
    for clamp in (True, False):
        side = Side(args, "fit/config_fit_xl.yaml", SMALL_V1, reload(args.official, not clamp))
        for words, spacing, eta in (((), "250", None), ((), "50", 0.0), ((), "50", 1.0),
                                    (("--even-spacing",), "ddim50", 0.0)):
            theirs = their_chain(side, rows, columns, seed, scale, spacing, eta)
            what = "ddpm" if eta is None else "ddim"
            words += ("--solver", what, "--steps", spacing.removeprefix("ddim"))
            words += ("--v1-clamp",) if clamp else ()
            words += () if eta is None else ("--eta", eta)
            ours, _ = side.our_run(rows, columns, seed, scale, *words)
            what += f", respacing {spacing}" + ("" if eta is None else f", eta {eta:g}")
            report.add("v1", what + (", their clamp" if clamp else ""), relative(ours, theirs),
                       SAMPLED)


@torch.no_grad()
def their_chain(side, rows, columns, seed, scale, spacing, eta, label=7):
    """DDPM, or DDIM when there is an eta."""
    from fit.scheduler.improved_diffusion import create_diffusion
    diffusion = create_diffusion(timestep_respacing=spacing, learn_sigma=True)
    side.positions("none", rows, columns)
    torch.manual_seed(seed)
    z = torch.randn(1, side.features, rows * columns)
    z = torch.cat([z, z])
    more = dict(y=torch.tensor([label, side.params["num_classes"]]),
                **side.inputs(rows, columns, 2), cfg_scale=scale)
    sample, eta = ((diffusion.p_sample_loop, {}) if eta is None
                   else (diffusion.ddim_sample_loop, dict(eta=eta)))
    end = sample(side.model.forward_with_cfg, z.shape, z, clip_denoised=False, model_kwargs=more,
                 progress=False, device="cpu", **eta)
    return side.latent(end[:1], rows, columns)[0]


# ---- autoencoders ----

class WithAutoencoder(Side):
    def __init__(self, args, autoencoder):
        self.second = autoencoder
        super().__init__(args, "fitv2/config_fitv2_xl.yaml", dict(SMALL, depth=1))

    def autoencoder(self):
        save_file(self.second.state_dict(), self.at("autoencoder.safetensors"))
        return "--autoencoder", self.at("autoencoder.safetensors")

    def decoded(self, latent):
        np.save(self.at("z.npy"), latent)
        self.limn("decode", "--model", self.at("bundle"), "--latent", self.at("z.npy"), "--output",
                  self.at("rgb.npy"))
        return np.load(self.at("rgb.npy")).transpose(2, 0, 1)


@torch.no_grad()
def part_vae(args, report):
    from PIL import Image
    scaling = 0.18215
    torch.manual_seed(2)
    vae, latents = sd_vae.Vae().eval(), [(8, 8), (32, 32), (20, 48)]
    side = WithAutoencoder(args, vae)
    for h, w in latents:
        z = torch.randn(1, 4, h, w)
        theirs = vae.decode(z / scaling)[0].numpy()
        report.add("vae", f"SD VAE decode {8 * w}x{8 * h}", relative(side.decoded(z[0].numpy()),
                                                                     theirs), STEP)
        pixels = np.random.default_rng(h).integers(0, 256, (8 * h, 8 * w, 3), np.uint8)
        Image.fromarray(pixels).save(side.at("rgb.png"))
        side.limn("encode", "--model", side.at("bundle"), "--image", side.at("rgb.png"),
                  "--output", side.at("z.npy"))
        x = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        theirs = scaling * vae.encode(x)[0, :4].numpy()
        report.add("vae", f"SD VAE encode {8 * w}x{8 * h}, the mean",
                   relative(np.load(side.at("z.npy")), theirs), STEP)
    taesd = sd_vae.taesd_decoder().eval()
    side = WithAutoencoder(args, taesd)
    for h, w in latents:
        z = torch.randn(1, 4, h, w)
        theirs = 2 * taesd(z)[0].numpy() - 1
        report.add("vae", f"TAESD decode {8 * w}x{8 * h}", relative(side.decoded(z[0].numpy()),
                                                                    theirs), STEP)


PARTS = {
    "small": part_small, "solvers": part_solvers, "v1": part_v1, "vae": part_vae, "xl": part_xl,
    "xl-run": part_xl_run,
    "3b": lambda args, report: part_xl(args, report, "fitv2/config_fitv2_3B.yaml", "3b"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limn", required=True, help="limn-cli")
    parser.add_argument("--official", required=True, help="a clone of the authors' repository")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", help="where to write the table")
    args = parser.parse_args()
    args.limn = os.path.abspath(args.limn)
    torch.set_num_threads(args.threads)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="compare-") as args.folder:
        args.network = official_network(args.official)
        for part in args.part or [part for part in PARTS if part not in ("xl-run", "3b")]:
            PARTS[part](args, report)
            gc.collect()
    if args.markdown:
        report.markdown(args.markdown)
    print(f"{len(report.rows)} compared, {report.failed()} failed")
    return 1 if report.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
