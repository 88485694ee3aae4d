#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the cost of an evaluation grows with tokens, threads and the size of the model.

    bench_scaling.py --limn build/app/cli/limn-cli --json scaling.json [--svg scaling.svg]
    bench_scaling.py --from scaling.json --svg scaling.svg

Shape S for 64 to 4096 tokens, and shapes N to XL at 256 tokens, on 1 and 2 threads. The times of
S are fitted with t = a + b tokens + c tokens^2, by least squares of relative errors: b is what the
products cost each token, c what attention costs each pair of them.

Not part of the build or of any test. Needs no Python package.
"""
import argparse
import json
import math
import subprocess
import sys

TOKENS = (64, 128, 256, 512, 1024, 2048, 4096)
SIZES = ("n", "t", "s", "m", "b", "xl")
THREADS = (1, 2)
INK = {1: "#1c71d8", 2: "#e66100"}


def evaluations(args, shape, threads, tokens):
    run = subprocess.run(
        [args.limn, "bench", "evaluation", "--json", "--model-shape", shape, "--threads",
         str(threads), "--tokens", ",".join(map(str, tokens)), "--seconds", str(args.seconds)],
        check=True, stdout=subprocess.PIPE)
    found = json.loads(run.stdout)
    rows = [row for row in found["rows"] if row["tokens"] and row["part"] == "evaluation"]
    wrong = [row["name"] for row in rows if not row["right"]]
    if wrong:
        sys.exit(f"wrong results: {', '.join(wrong)}")
    return [dict(shape=shape, threads=threads, device=found["device"], tokens=row["tokens"],
                 precision=row["precision"], median_s=row["median_s"], floor_s=row["floor_s"],
                 gflops=row["flops"] * 1e-9, gemm=row["gemm"], attention=row["attention"],
                 rest=row["rest"]) for row in rows]


def measure(args):
    rows = []
    for threads in THREADS:
        rows += evaluations(args, "s", threads, TOKENS)
        for shape in SIZES:
            if shape != "s":
                rows += evaluations(args, shape, threads, (256,))
    return rows


def solve(a, b):
    """a x = b by Gauss's elimination with pivots."""
    n = len(b)
    m = [row[:] + [value] for row, value in zip(a, b)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[pivot] = m[pivot], m[i]
        for r in range(n):
            if r != i:
                factor = m[r][i] / m[i][i]
                m[r] = [x - factor * y for x, y in zip(m[r], m[i])]
    return [m[i][n] / m[i][i] for i in range(n)]


def fit(points):
    """a, b, c and the largest relative error of t = a + b n + c n^2."""
    lines = [([1 / t, n / t, n * n / t], 1.0) for n, t in points]
    normal = [[sum(line[i] * line[j] for line, _ in lines) for j in range(3)] for i in range(3)]
    right = [sum(line[i] * one for line, one in lines) for i in range(3)]
    a, b, c = solve(normal, right)
    worst = max(abs(a + b * n + c * n * n - t) / t for n, t in points)
    return a, b, c, worst


def curve(rows, threads):
    return [(r["tokens"], r["median_s"]) for r in rows
            if r["shape"] == "s" and r["threads"] == threads]


def report(rows):
    print(rows[0]["device"].rsplit(",", 2)[0], rows[0]["precision"])
    print("shape tokens threads        ms  % of the floor  products attention rest %")
    for r in rows:
        print(f"{r['shape']:5} {r['tokens']:6} {r['threads']:7} {1e3 * r['median_s']:9.2f} "
              f"{100 * r['floor_s'] / r['median_s']:15.0f} {100 * r['gemm']:9.0f} "
              f"{100 * r['attention']:9.0f} {100 * r['rest']:4.0f}")
    for threads in THREADS:
        a, b, c, worst = fit(curve(rows, threads))
        print(f"S, {threads} threads: t = {1e3 * a:.2f} ms + {1e6 * b:.1f} us n + "
              f"{1e9 * c:.2f} ns n^2, within {100 * worst:.0f} %; half of it is quadratic at "
              f"{b / c:.0f} tokens")


def plot(rows):
    """The curve of S, both axes logarithmic; circles are measured, lines the fits."""
    width, height, left, bottom = 640, 400, 64, 48
    low, high = 1e-3 * 4, 10.0
    x = lambda n: left + (width - left - 24) * math.log2(n / 64) / 6
    y = lambda t: height - bottom - (height - bottom - 24) * math.log(t / low) / math.log(high / low)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="13">',
             '<!-- SPDX-License-Identifier: Apache-2.0 -->',
             f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for n in TOKENS:
        parts.append(f'<path d="M{x(n):.1f} 24V{height - bottom}" stroke="#ddd"/>'
                     f'<text x="{x(n):.1f}" y="{height - bottom + 18}" '
                     f'text-anchor="middle">{n}</text>')
    for t, name in ((0.01, "10 ms"), (0.1, "100 ms"), (1, "1 s"), (10, "10 s")):
        parts.append(f'<path d="M{left} {y(t):.1f}H{width - 24}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y(t) + 4:.1f}" text-anchor="end">{name}</text>')
    for threads in THREADS:
        points, ink = curve(rows, threads), INK[threads]
        a, b, c, _ = fit(points)
        steps = [64 * 2 ** (i / 8) for i in range(49)]
        line = "L".join(f"{x(n):.1f} {y(a + b * n + c * n * n):.1f}" for n in steps)
        parts.append(f'<path d="M{line}" fill="none" stroke="{ink}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x(n):.1f}" cy="{y(t):.1f}" r="4" fill="{ink}"/>'
                  for n, t in points]
        parts.append(f'<text x="{left + 16}" y="{24 + 20 * threads}" fill="{ink}">{threads} '
                     f'thread{"s" if threads > 1 else ""}</text>')
    parts.append(f'<text x="{(width + left) / 2}" y="{height - 8}" text-anchor="middle">tokens of '
                 'each of the two images of an evaluation, shape S</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--limn", help="limn-cli")
    parser.add_argument("--from", dest="saved", help="rows of an earlier run instead of measuring")
    parser.add_argument("--seconds", type=float, default=0.4, help="of each row")
    parser.add_argument("--json", help="where to write the rows")
    parser.add_argument("--svg", help="where to draw the curve")
    args = parser.parse_args()
    if not args.saved and not args.limn:
        parser.error("--limn or --from is needed")
    if args.saved:
        with open(args.saved) as file:
            rows = json.load(file)
    else:
        rows = measure(args)
    report(rows)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)
    if args.svg:
        with open(args.svg, "w") as file:
            file.write(plot(rows))


if __name__ == "__main__":
    main()
