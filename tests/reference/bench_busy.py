#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is left of Limn's speed beside a process that never rests.

    bench_busy.py --limn build/app/cli/limn-cli [OPTION...]

Runs of the sampler (20 Euler steps, guided, made-up weights) are timed alone and beside the busy
process, in turns. The busy process's own processor time says what it left free:

    free share = (processors - its processor time / the time that passed) / processors
    achieved   = speed beside it / speed alone / free share

Below --bar for any number of tokens the run fails. The machine must be quiet otherwise.

Not part of the build or of any test. Needs no Python package.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def sampling_s(args, tokens, threads):
    """Median seconds of a run of the sampler."""
    run = subprocess.run(
        [args.limn, "bench", "sampling", "--json", "--model-shape", args.shape, "--threads",
         str(threads), "--tokens", str(tokens), "--seconds", str(args.seconds)],
        check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)["rows"][-1]["median_s"]


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def beside_busy(args, tokens):
    """Median seconds of a run, and the share of the processors left free meanwhile."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        begun, used = time.monotonic(), processor_seconds(busy.pid)
        seconds = sampling_s(args, tokens, args.threads)
        passed = time.monotonic() - begun
        used = processor_seconds(busy.pid) - used
    finally:
        busy.kill()
        busy.wait()
    return seconds, (args.threads - used / passed) / args.threads


def measure(args, tokens):
    alone, beside, free = [], [], []
    for _ in range(args.turns):
        alone.append(sampling_s(args, tokens, args.threads))
        seconds, share = beside_busy(args, tokens)
        beside.append(seconds)
        free.append(share)
    speeds = statistics.median(a / b for a, b in zip(alone, beside))
    achieved = statistics.median(a / b / f for a, b, f in zip(alone, beside, free))
    return dict(shape=args.shape, tokens=tokens, threads=args.threads,
                alone_s=statistics.median(alone), beside_s=statistics.median(beside),
                free=statistics.median(free), speed=speeds, achieved=achieved)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--limn", required=True, help="limn-cli")
    parser.add_argument("--shape", default="s")
    parser.add_argument("--tokens", default="64,256")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of one side's turn")
    parser.add_argument("--bar", type=float, default=0.6)
    parser.add_argument("--json", help="where to append the results, one a line")
    args = parser.parse_args()
    ok = True
    for tokens in map(int, args.tokens.split(",")):
        r = measure(args, tokens)
        ok = ok and r["achieved"] >= args.bar
        print(f"{r['shape']}, {tokens} tokens, {r['threads']} threads: 20 steps alone "
              f"{1e3 * r['alone_s']:.0f} ms, beside a busy process {1e3 * r['beside_s']:.0f} ms: "
              f"{100 * r['speed']:.0f} % of the speed; {100 * r['free']:.0f} % of the processors "
              f"were free; {100 * r['achieved']:.0f} % of the free share"
              f"{'' if r['achieved'] >= args.bar else '  FAIL'}", flush=True)
        if args.json:
            with open(args.json, "a") as file:
                file.write(json.dumps(r) + "\n")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
