#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The products and the attention of a block of FiTv2 beside ggml's, on the same processor cores.

    bench_vs_ggml.py --limn build/app/cli/limn-cli --ggml GGML --build FOLDER [OPTION...]

GGML is a checkout of github.com/ggml-org/ggml. It is built twice in FOLDER, for this processor with
all its abilities: as it comes, which is how stable-diffusion.cpp uses it, and with its llamafile
products. Both sides take turns; a time is the median of the turns' medians. A result that is too
far from sums in double precision fails the run: for either side 1e-4 in f32 and 2e-2 otherwise.

A block has the products qkv, proj, gate, up (of gate's size) and down, and one attention, for two
images. ggml's best is the fastest of its types and ways for each of them.

Not part of the build or of any test. Needs cmake and a C++ compiler; no Python package.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

SHAPES = {  # width, heads, hidden width of the MLP
    "s": (384, 6, 1024),
    "b": (768, 12, 2048),
    "xl": (1152, 16, 3072),
}
PARTS = {"qkv": 1, "proj": 1, "gate": 2, "down": 1, "attention": 1}  # times in a block
BUILDS = {"as it comes": "OFF", "with llamafile": "ON"}


def build(args, name):
    folder = os.path.join(args.build, name.replace(" ", "-"))
    program = os.path.join(folder, "bench_ggml")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench_ggml.c")
    if os.path.exists(program) and os.path.getmtime(program) > os.path.getmtime(source):
        return program
    quiet = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["cmake", "-S", args.ggml, "-B", folder, "-DCMAKE_BUILD_TYPE=Release",
                    "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF", "-DGGML_BUILD_TESTS=OFF",
                    "-DGGML_BUILD_EXAMPLES=OFF", f"-DGGML_LLAMAFILE={BUILDS[name]}"], **quiet)
    subprocess.run(["cmake", "--build", folder, "-j", str(os.cpu_count())], **quiet)
    subprocess.run(["cc", "-O2", "-I", os.path.join(args.ggml, "include"), "-c", source, "-o",
                    program + ".o"], check=True)
    libraries = [os.path.join(folder, "src", f"lib{part}.a")
                 for part in ("ggml", "ggml-cpu", "ggml-base")]
    subprocess.run(["c++", "-o", program, program + ".o", *libraries, "-fopenmp", "-lpthread",
                    "-ldl", "-lm"], check=True)
    return program


def run_ggml(program, args):
    width, heads, hidden = SHAPES[args.shape]
    numbers = [args.threads, args.seconds, args.tokens, width, heads, hidden]
    lines = subprocess.run([program, *map(str, numbers)], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    return {(row["what"], row["way"]): row for row in map(json.loads, lines)}


def run_limn(args, precision):
    rows = json.loads(subprocess.run(
        [args.limn, "bench", "gemm", "attention", "--json", "--model-shape", args.shape,
         "--tokens", str(args.tokens), "--threads", str(args.threads), "--precision", precision,
         "--seconds", str(args.seconds)], check=True, stdout=subprocess.PIPE).stdout)["rows"]
    return {(row["part"] if row["part"] == "attention" else row["name"].split()[0], precision): row
            for row in rows}


def sides(args):
    """Names and functions; each gives its rows by (what, way)."""
    yield "Limn bf16", lambda: run_limn(args, "bf16")
    yield "Limn f32", lambda: run_limn(args, "f32")
    for name in BUILDS:
        program = build(args, name)
        yield f"ggml {name}", lambda program=program: run_ggml(program, args)


def measure(args):
    """{side: {(what, way): (seconds, error)}}"""
    turns = {}
    everyone = list(sides(args))
    for _ in range(args.turns):
        for name, run in everyone:
            for key, row in run().items():
                turns.setdefault(name, {}).setdefault(key, []).append(row)
    return {name: {key: (statistics.median(r["median_s"] for r in rows), rows[-1]["error"])
                   for key, rows in of_side.items()} for name, of_side in turns.items()}


def is_right(way, error):
    return error <= (1e-4 if way.endswith("f32") else 2e-2)


def best_of(rows, what):
    """Seconds, way and error of the fastest way."""
    return min((time, way, error) for (name, way), (time, error) in rows.items() if name == what)


def report(args, result):
    best = {name: {what: best_of(rows, what) for what in PARTS} for name, rows in result.items()}
    for what in PARTS:
        print(f"{what:10}" + "".join(
            f" | {name}: {1e3 * b[what][0]:8.3f} ms ({b[what][1]}, {b[what][2]:.1e})"
            for name, b in best.items()))
    block = {name: sum(n * b[what][0] for what, n in PARTS.items()) for name, b in best.items()}
    for name, time in block.items():
        print(f"all of a block, {args.shape}, {args.tokens} tokens, {args.threads} threads: "
              f"{name} {1e3 * time:.2f} ms, {time / block['Limn bf16']:.2f} x")
    return block


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--limn", required=True, help="limn-cli")
    parser.add_argument("--ggml", required=True, help="a checkout of ggml")
    parser.add_argument("--build", required=True, help="folder to build ggml in")
    parser.add_argument("--shape", default="xl", choices=SHAPES)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one row in one turn")
    parser.add_argument("--json", help="where to append the result, in one line")
    args = parser.parse_args()
    result = measure(args)
    block = report(args, result)
    wrong = [(name, key, error) for name, rows in result.items()
             for key, (_, error) in rows.items() if not is_right(key[1], error)]
    for name, (what, way), error in wrong:
        print(f"FAIL: {name}, {what} in {way}: error {error:.1e}")
    if args.json:
        with open(args.json, "a") as file:
            rows = {name: {" ".join(key): row for key, row in rows.items()}
                    for name, rows in result.items()}
            file.write(json.dumps(dict(shape=args.shape, tokens=args.tokens, threads=args.threads,
                                       block_s=block, rows=rows)) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
