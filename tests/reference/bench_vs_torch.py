#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An evaluation of FiTv2 beside the authors' code on PyTorch, on the same processor cores.

    bench_vs_torch.py --limn build/app/cli/limn-cli --official FiT [OPTION...]

FiT is a clone (bare or not) of github.com/whlzy/FiT. All sides have the made-up weights, state and
class that engine/include/fit/fit-bench.h describes, and take turns: a second of one, a second of
the other. An evaluation is that of a run with guidance: two images of so many tokens. The peers
calculate the conditioning in every evaluation; Limn does so once for a run, so a twentieth of
what 20 evaluations need is added to its time. A ratio is the median over the turns of the peer's
time over Limn's in the same turn.

Peers are PyTorch as it runs the code ("eager"), compiled ("compile"), and the network exported to
ONNX Runtime ("onnxruntime", which has no bf16 on processors and is left out there) and OpenVINO
("openvino"), all with Limn's number of threads.

Errors are relative distances (L2) from PyTorch in f32. A velocity that is too far off fails the
run: 1e-4 in f32, 1.2 times PyTorch's own error in bf16.

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

from official import deviation, made_up, official_network

SHAPES = {  # as in engine/bench.c: width, blocks, heads
    "t": (256, 12, 4),
    "s": (384, 12, 6),
    "m": (384, 16, 6),
    "b": (768, 15, 12),
    "xl": (1152, 36, 16),
}
CLASSES, CHANNELS, PATCH = 1000, 4, 2
CLASS, SCALE, TIME, STEPS = 3, 1.5, 0.5, 20


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


def inputs(tokens, dtype):
    rows = int(tokens**0.5)
    while tokens % rows:
        rows -= 1
    columns = tokens // rows
    grid = torch.stack([torch.arange(columns).repeat(rows),
                        torch.arange(rows).repeat_interleave(columns)]).repeat(2, 1, 1)
    state = made_up("state", (tokens, CHANNELS * PATCH * PATCH), 1)
    return dict(x=torch.stack([state, state]).to(dtype), t=torch.full((2,), TIME, dtype=dtype),
                y=torch.tensor([CLASS, CLASSES]), grid=grid, mask=torch.ones(2, tokens, dtype=dtype),
                size=torch.tensor([[rows, columns]] * 2), cfg_scale=SCALE)


class Peer:
    """PyTorch; `how` is "eager" or "compile". Peers of one precision share their model."""

    def __init__(self, model, how, dtype, args, tokens):
        self.name = how
        self.inputs = inputs(tokens, dtype)
        self.model = model
        self.forward = torch.compile(model.forward, dynamic=False) if how == "compile" else None

    def velocity(self):
        """Of the guided evaluation, [tokens][features] in f32."""
        self.model.__dict__.pop("forward", None)
        if self.forward:
            self.model.forward = self.forward
        with torch.inference_mode():
            return self.model.forward_with_cfg(**self.inputs)[0].float().numpy()

    def seconds(self, duration):
        times = []
        begun = time.perf_counter()
        while len(times) < 3 or time.perf_counter() - begun < duration:
            start = time.perf_counter()
            self.velocity()
            times.append(time.perf_counter() - start)
        return statistics.median(times)


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
        some = (CHANNELS - 1) * PATCH * PATCH  # the authors guide all channels but the last
        guided[:, :some] = plain[:, :some] + SCALE * (guided[:, :some] - plain[:, :some])
        return guided


class Network(torch.nn.Module):
    """Of its inputs only state and time change."""

    def __init__(self, model, given):
        super().__init__()
        self.model, self.given = model, given

    def forward(self, x, t):
        return self.model(x, t, *(self.given[name] for name in ("y", "grid", "mask", "size")))


def tables_in(model, tokens, dtype):
    """Positions of the grid in f32, rounded once. The reference's tables stay f32 and are rounded
    after cosine and sine, or positions themselves would be: kinder to its error, at no cost."""
    grid = inputs(tokens, torch.float32)["grid"]
    cosine, sine = model.tables(grid)
    tables = cosine.to(dtype), sine.to(dtype)
    model.rel_pos_embed.get_cached_2d_rope_from_grid = lambda _: tables


def peers_new(exact, args, precision, tokens):
    """The peers of that precision from the model in f32."""
    narrow = precision == "bf16"
    dtype = torch.bfloat16 if narrow else torch.float32
    model = copy.deepcopy(exact).to(dtype) if narrow else exact
    tables_in(model, tokens, dtype)
    tables_in(exact, tokens, torch.float32)
    peers = []
    for how in args.peers.split(","):
        if how == "onnxruntime" and narrow:
            continue
        if how in ("eager", "compile"):
            peers.append(Peer(model, how, dtype, args, tokens))
        else:  # exported in f32; OpenVINO rounds by itself
            exact.__dict__.pop("forward", None)
            peers.append(Exported(exact, how, dtype, args, tokens))
        peers[-1].velocity()
    return peers


def limn(args, precision, tokens, seconds):
    """Seconds of an evaluation, of its part of the conditioning, and the velocity."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "velocity.npy")
        run = subprocess.run(
            [args.limn, "bench", "evaluation", "--json", "--model-shape", args.shape, "--tokens",
             str(tokens), "--threads", str(args.threads), "--precision", precision, "--seconds",
             str(seconds), "--output", output], check=True, stdout=subprocess.PIPE)
        rows = json.loads(run.stdout)["rows"]
        conditioning, evaluation = rows[0]["median_s"], rows[1]["median_s"]
        return evaluation, conditioning / STEPS, rows[1], np.load(output)


def distance(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def compare(args, precision, tokens, model, exact):
    peers = peers_new(model, args, precision, tokens)
    ours, theirs, last = [], [[] for _ in peers], None
    for _ in range(args.turns):
        last = limn(args, precision, tokens, args.seconds)
        ours.append(last[0] + last[1])
        for times, peer in zip(theirs, peers):
            times.append(peer.seconds(args.seconds))
    error = distance(last[3], exact)
    errors = [distance(peer.velocity(), exact) for peer in peers]
    torch_errors = [e for e, peer in zip(errors, peers) if not isinstance(peer, Exported)]
    limit = 1e-4 if precision == "f32" else 1.2 * min(torch_errors)
    result = dict(shape=args.shape, tokens=tokens, precision=precision, threads=args.threads,
                  limn_s=statistics.median(ours), limn_error=error, right=error <= limit,
                  floor_s=last[2]["floor_s"], peers=[])
    for peer, times, its_error in zip(peers, theirs, errors):
        result["peers"].append(dict(name=peer.name, s=statistics.median(times), error=its_error,
                                    ratio=statistics.median(t / o for t, o in zip(times, ours))))
    return result


def report(r):
    line = (f"{r['shape']:>3} {r['tokens']:5} tokens {r['precision']:4} {r['threads']} threads: "
            f"Limn {1e3 * r['limn_s']:8.2f} ms ({100 * r['floor_s'] / r['limn_s']:3.0f} % of the "
            f"floor, error {r['limn_error']:.1e})")
    for p in r["peers"]:
        line += f"\n      {p['name']:12} {1e3 * p['s']:8.2f} ms, {p['ratio']:.2f} x ({p['error']:.1e})"
    print(line + ("" if r["right"] else "  FAIL: the velocity is too far off"), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--limn", required=True, help="limn-cli")
    parser.add_argument("--official", required=True, help="a clone of the authors' repository")
    parser.add_argument("--shape", default="s", choices=SHAPES)
    parser.add_argument("--tokens", default="64,256")
    parser.add_argument("--precision", default="bf16,f32")
    parser.add_argument("--peers", default="eager,compile")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of one side's turn")
    parser.add_argument("--json", help="where to append the results, one a line")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    model = build(official_network(args.official), args.shape)
    model.tables = model.rel_pos_embed.get_cached_2d_rope_from_grid
    results = []
    for tokens in map(int, args.tokens.split(",")):
        tables_in(model, tokens, torch.float32)
        exact = Peer(model, "eager", torch.float32, args, tokens).velocity()
        for precision in args.precision.split(","):
            torch._dynamo.reset()
            results.append(compare(args, precision, tokens, model, exact))
            report(results[-1])
    if args.json:
        with open(args.json, "a") as file:
            for result in results:
                file.write(json.dumps(result) + "\n")
    return 0 if all(r["right"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
