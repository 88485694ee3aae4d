# SPDX-License-Identifier: Apache-2.0
"""The steps from FiT to FiTv2 in small: equal models and budgets on rendered scenes.

    python recipe_steps.py FOLDER --cli build/app/cli/limn-cli [--steps 1500]

Trains one small model after the other in FOLDER (what is there already is continued), measures the
loss on new pictures four times on the way, and writes FOLDER/steps.svg and FOLDER/steps.md.
Needs nothing but Python 3.
"""
import argparse
import json
import pathlib
import subprocess

STAGES = 4
SIZES = ["128x128", "176x96", "96x176", "224x80"]
COLOURS = ["#888888", "#1c71d8", "#e66100", "#26a269", "#c01c28"]

# Letters as in the second paper's table of ablations: what differs from the configuration below.
RUNS = [
    ("A", "rectified flow", {}),
    ("B", "A + QK norm", {"qk_norm": "true"}),
    ("D", "A + mixed pictures", {"squares": "0.5"}),
    ("E", "B + mixed pictures", {"qk_norm": "true", "squares": "0.5"}),
    ("F", "E + logit-normal times", {"qk_norm": "true", "squares": "0.5", "uniform": "false"}),
]

CONFIG = """\
name: recipe step {letter}
seed: 11
autoencoder: {autoencoder}
model: {{hidden: 128, depth: 6, heads: 4, mlp_hidden: 341, lora_rank: 32, qk_norm: {qk_norm},
        context_size: 64}}
data: {{pictures: 4096, first: 2048, chunk: 256, grow_every: 64, shapes: {{128: 1}}, aspect: 3,
       squares: {squares}, cache: {cache}, validation: 32}}
batch: {{tokens: 1024}}
optimizer: {{learning_rate: 0.002, ema_decay: 0.995, uniform_times: {uniform}}}
schedule: {{steps: {steps}, warmup: 100, cosine_from: 0.5}}
run: {{checkpoint_minutes: 0, sheet_minutes: 0, keep: {stages}, validate_every: 1000000}}
"""


def configure(folder, letter, changes, steps):
    values = {"qk_norm": "false", "squares": "0", "uniform": "true"} | changes
    bundle = pathlib.Path(__file__).resolve().parent.parent / "limn-demo"
    path = folder / f"{letter}.yaml"
    path.write_text("# SPDX-License-Identifier: Apache-2.0\n" + CONFIG.format(
        letter=letter, steps=steps, stages=STAGES, autoencoder=bundle / "autoencoder.safetensors",
        cache=f"latents-{values['squares']}", **values))
    return path


def checkpoint(folder, letter, step):
    return folder / letter / "checkpoints" / f"step-{step:09d}"


def train(args, letter, changes):
    config = configure(args.folder, letter, changes, args.steps)
    for stage in range(1, STAGES + 1):
        if checkpoint(args.folder, letter, args.steps * stage // STAGES).exists():
            continue
        subprocess.run([args.cli, "train", config, "--out", args.folder / letter, "--resume",
                        "--threads", str(args.threads), "--max-steps",
                        str(args.steps * stage // STAGES - args.steps * (stage - 1) // STAGES)],
                       check=True)


def measure(args, letter, step, uniform):
    """Mean loss over the sizes, and the standard error of that mean."""
    command = [args.cli, "loss", "--json", "--threads", str(args.threads), "--methods", "none",
               "--pictures", str(args.pictures), "--sizes", ",".join(SIZES), "--model",
               checkpoint(args.folder, letter, step)] + ["--uniform-times"] * uniform
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["rows"]
    return [row["loss"] for row in found]


def draw(path, curves, steps):
    """Curves of (step, loss) as SVG."""
    width, height, left, bottom, top = 640, 360, 60, 40, 20
    values = [loss for _, points in curves for _, loss in points]
    low, high = min(values), max(values)

    def place(step, loss):
        return (left + (width - left - 190) * step / steps,
                top + (height - top - bottom) * (high - loss) / (high - low))

    out = ["<!-- SPDX-License-Identifier: Apache-2.0 -->",
           f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for part in range(5):
        loss = low + (high - low) * part / 4
        y = place(0, loss)[1]
        out.append(f'<path d="M{left} {y:.1f}H{width - 190}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{loss:.3f}</text>')
    for stage in range(1, STAGES + 1):
        step = steps * stage // STAGES
        out.append(f'<text x="{place(step, low)[0]:.1f}" y="{height - 18}" '
                   f'text-anchor="middle">{step}</text>')
    for i, (label, points) in enumerate(curves):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in points))
        out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[i]}" '
                   'stroke-width="2"/>'
                   f'<path d="M{width - 180} {30 + 20 * i}h20" stroke="{COLOURS[i]}" '
                   f'stroke-width="2"/><text x="{width - 155}" y="{34 + 20 * i}">{label}</text>')
    path.write_text("\n".join(out) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cli", default="limn-cli")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    args.folder = args.folder.resolve()
    args.folder.mkdir(exist_ok=True)
    curves, rows = [], []
    for letter, label, changes in RUNS:
        train(args, letter, changes)
        points = []
        for stage in range(1, STAGES + 1):
            step = args.steps * stage // STAGES
            losses = measure(args, letter, step, True)
            points.append((step, sum(losses) / len(losses)))
        normal = measure(args, letter, args.steps, False)
        curves.append((f"{letter}: {label}", points))
        rows.append([f"{letter}: {label}"] + [f"{x:.4f}" for x in losses] +
                    [f"{points[-1][1]:.4f}", f"{sum(normal) / len(normal):.4f}"])
        head = ["step"] + SIZES + ["mean", "mean, logit-normal times"]
        (args.folder / "steps.md").write_text("\n".join(
            "| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head)] + rows) + "\n")
        draw(args.folder / "steps.svg", curves, args.steps)


if __name__ == "__main__":
    main()
