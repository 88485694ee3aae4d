# SPDX-License-Identifier: Apache-2.0
"""The steps from FiT to FiTv2 in small: equal models and budgets on rendered scenes.

    python recipe_steps.py FOLDER --cli build/app/cli/limn-cli [--steps 1500]

Trains one small model after the other in FOLDER (what is there already is continued), measures the
loss on new pictures four times on the way and how far what it paints lies from new pictures, and
writes FOLDER/steps.svg and FOLDER/steps.md. Needs nothing but Python 3.
"""
import argparse
import json
import pathlib
import subprocess

STAGES = 4
SIZES = ["128x128", "176x96", "96x176", "224x80"]
EVALUATIONS = "25"  # of the network for a painted picture: of Euler's method, or of DDIM
COLOURS = ["#888888", "#1c71d8", "#e66100", "#26a269", "#c01c28"]

# FiT's blocks, and FiTv2's: what its modulation saves became depth, 1.55 M parameters in both.
FIT = "depth: 4, mlp_hidden: 512, lora_rank: 0"
REASSIGNED = {"blocks": "depth: 6, mlp_hidden: 341, lora_rank: 32"}
QK_NORM, MIXED, LOGIT_NORMAL = {"qk_norm": "true"}, {"squares": "0.5"}, {"uniform": "false"}

# Letters as in the second paper's table of ablations, which has C and FiTv2 with reassigned parameters
# and the others without: what differs from the configuration below. DDPM is the first FiT.
RUNS = [
    ("DDPM", "before A", {"objective": "ddpm"}),
    ("A", "rectified flow", {}),
    ("A-r", "A, reassigned", REASSIGNED),
    ("B", "A + QK norm", QK_NORM),
    ("C", "B, reassigned", QK_NORM | REASSIGNED),
    ("D", "A + mixed pictures", MIXED),
    ("D-r", "D, reassigned", MIXED | REASSIGNED),
    ("E", "B + mixed pictures", QK_NORM | MIXED),
    ("E-r", "E, reassigned", QK_NORM | MIXED | REASSIGNED),
    ("F", "E + logit-normal times", QK_NORM | MIXED | LOGIT_NORMAL),
    ("FiTv2", "F, reassigned", QK_NORM | MIXED | LOGIT_NORMAL | REASSIGNED),
]

CONFIG = """\
name: recipe step {letter}
seed: 11
autoencoder: {autoencoder}
model: {{objective: {objective}, hidden: 128, heads: 4, {blocks}, qk_norm: {qk_norm},
        context_size: 64}}
data: {{pictures: 4096, first: 2048, chunk: 256, grow_every: 64, shapes: {{128: 1}}, aspect: 3,
       squares: {squares}, cache: {cache}, validation: 32}}
batch: {{tokens: 1024}}
optimizer: {{learning_rate: 0.002, ema_decay: 0.995, uniform_times: {uniform}}}
schedule: {{steps: {steps}, warmup: 100, cosine_from: 0.5}}
run: {{checkpoint_minutes: 0, sheet_minutes: 0, keep: {stages}, validate_every: 1000000}}
"""


def configure(folder, letter, changes, steps):
    values = {"qk_norm": "false", "squares": "0", "uniform": "true", "blocks": FIT,
              "objective": "rectified-flow"} | changes
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


def ask(args, command, letter, step, *words):
    """What a measuring command of limn-cli says about a checkpoint, kept in FOLDER/measured.json."""
    kept = args.folder / "measured.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    key = " ".join([letter, str(step), command, *words])
    if key not in found:
        out = subprocess.run([args.cli, command, "--json", "--threads", str(args.threads),
                              "--pictures", str(args.pictures[command]), *words, "--model",
                              checkpoint(args.folder, letter, step)],
                             check=True, capture_output=True).stdout
        found[key] = json.loads(out)
        kept.write_text(json.dumps(found, indent=1))
    return found[key]


def measure_loss(args, letter, step, *words):
    """Of every size."""
    rows = ask(args, "loss", letter, step, "--methods", "none", "--sizes", ",".join(SIZES), *words)
    return [row["loss"] for row in rows["rows"]]


def measure_distance(args, letter):
    """The mean over seeds, how much they differ, and that of real pictures from other ones."""
    found = [ask(args, "distance", letter, args.steps, "--size", SIZES[0], "--guidance", "1",
                 "--steps", EVALUATIONS, "--seed", str(seed)) for seed in range(args.seeds)]
    distances = [one["distance"] for one in found]
    return (mean(distances), max(distances) - min(distances),
            mean([one["real_distance"] for one in found]))


def write_table(path, rows):
    head = ["step", "distance"] + SIZES + ["mean", "mean, logit-normal times"]
    lines = [head, ["---"] * len(head)] + rows
    path.write_text("\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n")


def mean(values):
    return sum(values) / len(values)


def is_reassigned(letter):
    return any(letter == run[0] and "blocks" in run[2] for run in RUNS)


def colour_of(letter):
    """Every run but the first is followed by the same one reassigned."""
    return COLOURS[([run[0] for run in RUNS].index(letter) - 1) // 2]


def draw(path, curves, steps):
    """Curves of (step, loss) as SVG; a network and the same reassigned, dashed, have one colour."""
    width, height, left, bottom, top, key = 660, 360, 60, 40, 20, 200
    values = [loss for _, _, points in curves for _, loss in points]
    low, high = min(values), max(values)

    def place(step, loss):
        return (left + (width - left - key) * step / steps,
                top + (height - top - bottom) * (high - loss) / (high - low))

    out = ["<!-- SPDX-License-Identifier: Apache-2.0 -->",
           f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for part in range(5):
        loss = low + (high - low) * part / 4
        y = place(0, loss)[1]
        out.append(f'<path d="M{left} {y:.1f}H{width - key}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{loss:.3f}</text>')
    for stage in range(1, STAGES + 1):
        step = steps * stage // STAGES
        out.append(f'<text x="{place(step, low)[0]:.1f}" y="{height - 18}" '
                   f'text-anchor="middle">{step}</text>')
    for i, (letter, label, points) in enumerate(curves):
        style = f'fill="none" stroke="{colour_of(letter)}" stroke-width="2"'
        if is_reassigned(letter):
            style += ' stroke-dasharray="5 3"'
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in points))
        out.append(f'<polyline points="{line}" {style}/>'
                   f'<path d="M{width - key + 10} {30 + 20 * i}h20" {style}/>'
                   f'<text x="{width - key + 35}" y="{34 + 20 * i}">{letter}: {label}</text>')
    path.write_text("\n".join(out) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cli", default="limn-cli")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=2, help="sets of pictures for the distance")
    parser.add_argument("--rows", nargs="+", choices=[run[0] for run in RUNS],
                        default=[run[0] for run in RUNS])
    args = parser.parse_args()
    args.pictures = {"loss": 64, "distance": 512}
    args.folder = args.folder.resolve()
    args.folder.mkdir(exist_ok=True)
    curves, rows, spreads = [], [], []
    for letter, label, changes in RUNS:
        if letter not in args.rows:
            continue
        train(args, letter, changes)
        losses = ["-"] * (len(SIZES) + 2)
        if "objective" not in changes:
            steps = [args.steps * stage // STAGES for stage in range(1, STAGES + 1)]
            even = [measure_loss(args, letter, step, "--uniform-times") for step in steps]
            curves.append((letter, label,
                           [(step, mean(found)) for step, found in zip(steps, even)]))
            normal = mean(measure_loss(args, letter, args.steps))
            losses = [f"{x:.4f}" for x in even[-1] + [mean(even[-1]), normal]]
        distance, spread, real = measure_distance(args, letter)
        spreads.append(spread)
        rows.append([f"{letter}: {label}", f"{distance:.3f}"] + losses)
        write_table(args.folder / "steps.md", rows)
        if curves:
            draw(args.folder / "steps.svg", curves, args.steps)
    print(f"two sets of new pictures are {real:.3f} apart")
    if args.seeds > 1:
        print(f"the distances of other sets differ by up to {max(spreads):.3f}")


if __name__ == "__main__":
    main()
