#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An evaluation of FiTv2 beside PyTorch, on the same processor cores or the same card.

    bench_vs_torch.py --limn build/app/cli/limn-cli --official FiT [OPTION...]

FiT is a clone (bare or not) of github.com/whlzy/FiT. All sides have the made-up weights, state and
class that engine/include/fit/fit-bench.h describes, and take turns: a second of one, a second of
the other. An evaluation is that of a run with guidance: two images of so many tokens. The authors'
code calculates the conditioning in every evaluation; Limn and the tuned peer do so once for a run,
so a twentieth of what 20 evaluations need is added to their time. A ratio is the median over the
turns of the peer's time over Limn's in the same turn.

Peers are the authors' code as PyTorch runs it ("eager"), compiled ("compile"), compiled block by
block and recorded as one CUDA graph ("graph", on a card only), and tuned.py ("tuned": compiled, and
recorded on a card). On a processor there are also the network exported to ONNX Runtime
("onnxruntime", which has no bf16 on processors and is left out there) and OpenVINO ("openvino"),
all with Limn's number of threads.

    bench_vs_torch.py --device cuda --shape xl --tokens 256,1024,4096 --precision bf16 \\
        --peers eager,graph,tuned --limn build/app/cli/limn-cli --official FiT

Errors are relative distances (L2) from the authors' code in f32. Who is too far off fails: Limn at
1e-4 in f32 and 1.2 times the authors' own error in bf16, a peer at 1e-3 and twice that error. A
failure withholds its time, Limn's all of the row, and is the exit status.

Not part of the build or of any test. Needs torch and einops, and for the last two peers onnx,
onnxscript and onnxruntime, or openvino. What the authors' repository lacks or
does not need here (fit.model.sincos, triton), and timm's SwiGLU, are stood in for.
"""
import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

from official import deviation, made_up, official_network, times_on_device
from tuned import Tuned, record

SHAPES = {  # as in engine/bench.c: width, blocks, heads
    "t": (256, 12, 4),
    "s": (384, 12, 6),
    "m": (384, 16, 6),
    "b": (768, 15, 12),
    "xl": (1152, 36, 16),
}
CLASSES, CHANNELS, PATCH = 1000, 4, 2
CLASS, SCALE, TIME, STEPS = 3, 1.5, 0.5, 20
GUIDED = (CHANNELS - 1) * PATCH * PATCH  # the authors guide all channels but the last
COMPILED = "max-autotune-no-cudagraphs"  # within a graph of our own


def build(network, shape):
    width, depth, heads = SHAPES[shape]
    model = network(context_size=256, patch_size=PATCH, in_channels=CHANNELS, hidden_size=width,
                    depth=depth, num_heads=heads, num_classes=CLASSES, learn_sigma=False,
                    use_sit=True, use_swiglu=True, q_norm="layernorm", k_norm="layernorm",
                    adaln_type="lora", adaln_lora_dim=width // 4).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shape_of = tuple(parameter.shape)
            parameter.copy_(made_up(name, shape_of, deviation(name, shape_of)))
    return model


def inputs(tokens, dtype, device="cpu"):
    rows = int(tokens**0.5)
    while tokens % rows:
        rows -= 1
    columns = tokens // rows
    grid = torch.stack([torch.arange(columns).repeat(rows),
                        torch.arange(rows).repeat_interleave(columns)]).repeat(2, 1, 1)
    state = made_up("state", (tokens, CHANNELS * PATCH * PATCH), 1)
    given = dict(x=torch.stack([state, state]).to(dtype), t=torch.full((2,), TIME, dtype=dtype),
                 y=torch.tensor([CLASS, CLASSES]), grid=grid,
                 mask=torch.ones(2, tokens, dtype=dtype), size=torch.tensor([[rows, columns]] * 2))
    return {name: value.to(device) for name, value in given.items()} | {"cfg_scale": SCALE}


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def timed(run, device, duration):
    """The median of what run() takes until its result is there."""
    times = []
    begun = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begun < duration:
        start = time.perf_counter()
        run()
        wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class Peer:
    """The authors' code; `how` is "eager", "compile" or "graph". Peers of one precision share their
    model."""

    def __init__(self, model, how, dtype, args, tokens):
        self.name = how
        self.device = args.device
        self.inputs = inputs(tokens, dtype, args.device)
        self.model = model
        self.forward = torch.compile(model.forward, dynamic=False) if how == "compile" else None
        self.replay = self.record() if how == "graph" else None

    def record(self):
        blocks = list(self.model.blocks)
        for each in blocks:
            each.compile(dynamic=False, mode=COMPILED)
        with torch.inference_mode():
            replay = record(self.evaluate)
        for each in blocks:
            each._compiled_call_impl = None  # the other peers' blocks are the authors'
        return replay

    def evaluate(self):
        """Of the guided evaluation, [2][tokens][features] on the device."""
        self.model.__dict__.pop("forward", None)
        if self.forward:
            self.model.forward = self.forward
        return self.model.forward_with_cfg(**self.inputs)

    def run(self):
        with torch.inference_mode():
            return self.replay() if self.replay else self.evaluate()

    def velocity(self):
        """Of the guided evaluation, [tokens][features] in f32."""
        return self.run()[0].float().cpu().numpy()

    def seconds(self, duration):
        return timed(self.run, self.device, duration)


class TunedPeer(Peer):
    def __init__(self, model, how, dtype, args, tokens):
        self.name = how
        self.device = args.device
        self.inputs = inputs(tokens, dtype, args.device)
        model.__dict__.pop("forward", None)
        with torch.inference_mode():
            self.tuned = Tuned(model, self.inputs, model.tables_now, GUIDED)
            self.times = self.inputs["t"].repeat(STEPS)
            if args.device == "cuda":
                kernel, self.replay = self.tuned.fastest(COMPILED)
                self.name += f" ({kernel.lower().removesuffix('_attention')})"
            else:
                self.tuned.compile()
                self.replay = self.tuned.evaluate

    def velocity(self):
        return self.run().float().cpu().numpy()

    def seconds(self, duration):
        with torch.inference_mode():
            kept = self.tuned.modulation, self.tuned.last  # which a graph may read
            conditioning = timed(lambda: self.tuned.condition(self.times), self.device,
                                 duration / 10)
            self.tuned.modulation, self.tuned.last = kept
        return super().seconds(duration) + conditioning / STEPS


class Exported(Peer):
    """The network outside PyTorch; only guidance is added here."""

    def __init__(self, model, how, dtype, args, tokens):
        super().__init__(model, how, dtype, args, tokens)
        given = inputs(tokens, torch.float32)
        self.x, self.t = given["x"].numpy(), given["t"].numpy()
        network = Network(model, given).eval()
        make = self.onnxruntime if how == "onnxruntime" else self.openvino
        self.run = make(network, (given["x"], given["t"]), dtype, args.threads)

    @staticmethod
    def onnxruntime(network, example, dtype, threads):
        import onnxruntime
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "network.onnx")
            torch.onnx.export(network, example, path, dynamo=True, input_names=["x", "t"],
                              verbose=False)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            session = onnxruntime.InferenceSession(path, options,
                                                   providers=["CPUExecutionProvider"])
        return lambda x, t: session.run(None, {"x": x, "t": t})[0]

    @staticmethod
    def openvino(network, example, dtype, threads):
        import openvino
        model = openvino.convert_model(network, example_input=example,
                                       input=[list(each.shape) for each in example])
        compiled = openvino.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32"})
        request = compiled.create_infer_request()
        return lambda x, t: request.infer([x, t])[compiled.output(0)]

    def velocity(self):
        guided, plain = self.run(self.x, self.t)
        guided = guided.copy()
        guided[:, :GUIDED] = plain[:, :GUIDED] + SCALE * (guided[:, :GUIDED] - plain[:, :GUIDED])
        return guided


class Network(torch.nn.Module):
    """Of its inputs only state and time change."""

    def __init__(self, model, given):
        super().__init__()
        self.model, self.given = model, given

    def forward(self, x, t):
        return self.model(x, t, *(self.given[name] for name in ("y", "grid", "mask", "size")))


def tables_in(model, tokens, dtype, device):
    """Positions of the grid in f32, rounded once. The reference's tables stay f32 and are rounded
    after cosine and sine, or positions themselves would be: kinder to its error, at no cost."""
    grid = inputs(tokens, torch.float32, device)["grid"]
    cosine, sine = model.tables(grid)
    tables = model.tables_now = cosine.to(dtype), sine.to(dtype)
    model.rel_pos_embed.get_cached_2d_rope_from_grid = lambda _: tables


def peers_new(exact, args, precision, tokens):
    """The peers of that precision from the model in f32."""
    narrow = precision == "bf16"
    dtype = torch.bfloat16 if narrow else torch.float32
    model = copy.deepcopy(exact).to(dtype) if narrow else exact
    tables_in(model, tokens, dtype, args.device)
    tables_in(exact, tokens, torch.float32, args.device)
    peers = []
    for how in args.peers.split(","):
        if how == "onnxruntime" and narrow:
            continue
        if how in ("eager", "compile", "graph"):
            peers.append(Peer(model, how, dtype, args, tokens))
        elif how == "tuned":
            peers.append(TunedPeer(model, how, dtype, args, tokens))
        else:  # exported in f32; OpenVINO rounds by itself
            exact.__dict__.pop("forward", None)
            peers.append(Exported(exact, how, dtype, args, tokens))
        peers[-1].velocity()
    return peers


def limn(args, precision, tokens, seconds):
    """Seconds of an evaluation with its part of the conditioning, the row, and the velocity."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "velocity.npy")
        run = subprocess.run(
            [args.limn, "bench", "evaluation", "--json", "--model-shape", args.shape, "--tokens",
             str(tokens), "--threads", str(args.threads), "--precision", precision, "--seconds",
             str(seconds), "--backend", args.device, "--output", output], check=True,
            stdout=subprocess.PIPE)
        told = json.loads(run.stdout)
        conditioning, evaluation = told["rows"]
        args.machine = told["device"]
        return (evaluation["median_s"] + conditioning["median_s"] / STEPS, evaluation,
                np.load(output))


def distance(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def compare(args, precision, tokens, model, exact):
    peers = peers_new(model, args, precision, tokens)
    ours, theirs, last = [], [[] for _ in peers], None
    for _ in range(args.turns):
        last = limn(args, precision, tokens, args.seconds)
        ours.append(last[0])
        for times, peer in zip(theirs, peers):
            times.append(peer.seconds(args.seconds))
    error = distance(last[2], exact)
    errors = [distance(peer.velocity(), exact) for peer in peers]
    official = [e for e, peer in zip(errors, peers) if type(peer) is Peer] or errors
    limit, peer_limit = (1e-4, 1e-3) if precision == "f32" else (1.2 * min(official),
                                                                2 * min(official))
    result = dict(machine=args.machine, torch=torch.__version__, shape=args.shape, tokens=tokens,
                  precision=precision, threads=args.threads, limn_error=error,
                  right=error <= limit, floor_s=last[1]["floor_s"], peers=[])
    if result["right"]:
        result["limn_s"] = statistics.median(ours)
    for peer, times, its_error in zip(peers, theirs, errors):
        row = dict(name=peer.name, error=its_error, right=its_error <= peer_limit)
        if row["right"] and result["right"]:
            row["s"] = statistics.median(times)
            row["ratio"] = statistics.median(t / o for t, o in zip(times, ours))
        result["peers"].append(row)
    return result


def report(r):
    line = (f"{r['shape']:>3} {r['tokens']:5} tokens {r['precision']:4}, {r['machine']}: Limn ")
    if not r["right"]:
        print(f"{line}FAIL: error {r['limn_error']:.1e}", flush=True)
        return
    line += (f"{1e3 * r['limn_s']:8.2f} ms ({100 * r['floor_s'] / r['limn_s']:3.0f} % of the "
             f"floor, error {r['limn_error']:.1e})")
    for p in r["peers"]:
        line += f"\n      {p['name']:20} "
        line += (f"{1e3 * p['s']:8.2f} ms, {p['ratio']:.2f} x ({p['error']:.1e})" if p["right"]
                 else f"FAIL: error {p['error']:.1e}")
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--limn", required=True, help="limn-cli")
    parser.add_argument("--official", required=True, help="a clone of the authors' repository")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--shape", default="s", choices=SHAPES)
    parser.add_argument("--tokens", default="64,256")
    parser.add_argument("--precision", default="bf16,f32")
    parser.add_argument("--peers", default="eager,compile")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of one side's turn")
    parser.add_argument("--json", help="where to append the results, one a line")
    args = parser.parse_args()
    card, processor = {"graph"}, {"onnxruntime", "openvino"}
    impossible = set(args.peers.split(",")) & (card if args.device == "cpu" else processor)
    if impossible:
        parser.error(f"{', '.join(sorted(impossible))}: not with --device {args.device}")
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    network = official_network(args.official)
    times_on_device()
    model = build(network, args.shape).to(args.device)
    model.tables = model.rel_pos_embed.get_cached_2d_rope_from_grid
    results = []
    for tokens in map(int, args.tokens.split(",")):
        tables_in(model, tokens, torch.float32, args.device)
        exact = Peer(model, "eager", torch.float32, args, tokens).velocity()
        for precision in args.precision.split(","):
            torch._dynamo.reset()
            results.append(compare(args, precision, tokens, model, exact))
            report(results[-1])
    if args.json:
        with open(args.json, "a") as file:
            for result in results:
                file.write(json.dumps(result) + "\n")
    return 0 if all(r["right"] and all(p["right"] for p in r["peers"]) for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
