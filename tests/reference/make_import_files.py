#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as they are published, of random weights: what limn-cli import is tried with.

    make_import_files.py --official FiT --folder FOLDER [NAME...]

FiT is a clone (bare or not) of github.com/whlzy/FiT. Without names, all of these are made:

    xl          fitv2_xl.safetensors       2.7 GB   as FiTv2_XL/model_ema.safetensors
    v1          fit_xl.bin                 3.3 GB   as FiTv1_xl/model_ema.bin
    3b          fitv2_3b.bin              11.9 GB   as FiTv2_3B/model_ema.bin: Zip64, tensors with
                                                    attributes (_rebuild_from_type_v2)
    vae         vae_new.safetensors, .bin           AutoencoderKL with today's names
    vae-old     vae_old.safetensors, .bin  335 MB   ... with diffusers' names before 2023
    vae-ldm     vae_ldm.safetensors, .bin           ... with the names of CompVis, behind
                                                    first_stage_model. and beside other tensors
    taesd       taesd_decoder.safetensors, .pth 5 MB
    taesd-tiny  taesd_tiny.safetensors, .bin        ... as diffusers' AutoencoderTiny, encoder too
    sample      torch_tiny.bin              few KB  what tests/files/test_torch.c reads
    yaml        the authors' configurations, unchanged

Tensor names, shapes and order are those of the authors' module, built without memory for its
weights; the values come from one file of random numbers, so that 3B needs little memory here too.
Not part of the build or of any test. Needs torch, safetensors, PyYAML and einops.
"""
import argparse
import os
import re
import subprocess

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

import sd_vae
from official import official_network

RANDOM_VALUES = 96 << 20  # more than the largest tensor has


class RandomValues:
    """float32 of a normal distribution as memory maps of one file: copies of nothing."""

    def __init__(self, path):
        self.path, self.at = path, 0
        if not os.path.exists(path):
            draw = np.random.default_rng(1)
            with open(path, "wb") as file:
                for _ in range(RANDOM_VALUES >> 20):
                    file.write((0.02 * draw.standard_normal(1 << 20, np.float32)).tobytes())

    def tensor(self, shape):
        n = int(np.prod(shape))
        self.at = (self.at + 4096) % ((RANDOM_VALUES - n) // 1024 * 1024)
        values = np.memmap(self.path, np.float32, "c", 4 * self.at, n)
        return torch.from_numpy(values).reshape(tuple(shape))


def network_state(official, config, values):
    """The state dict of the network that a configuration of the authors describes."""
    params = yaml.safe_load(config)["diffusion"]["network_config"]["params"]
    for name in ("pretrain_ckpt", "ignore_keys", "finetune"):
        params.pop(name, None)
    with torch.device("meta"):
        model = official(**params)
    return {name: values.tensor(tensor.shape) for name, tensor in model.state_dict().items()}


def with_attributes(state):
    """As tensors that passed through a sharded training: pickled with what else they carry."""
    for tensor in state.values():
        tensor.was_sharded = True
    return state


def old_names(state):
    names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.",
             ".to_out.0.": ".proj_attn."}
    out = {}
    for name, tensor in state.items():
        for new, old in names.items():
            name = name.replace(new, old)
        out[name] = tensor
    return out


def ldm_names(state):
    rules = [(r"down_blocks\.(\d)\.resnets", r"down.\1.block"),
             (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
             (r"mid_block\.resnets\.0", "mid.block_1"), (r"mid_block\.resnets\.1", "mid.block_2"),
             (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
             (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
             (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"),
             ("conv_norm_out", "norm_out"), ("conv_shortcut", "nin_shortcut")]
    out = {"model.diffusion_model.input_blocks.0.0.weight": torch.randn(320, 4, 3, 3),
           "model_ema.decay": torch.tensor(0.9999)}
    for name, tensor in state.items():
        if "mid_block.attentions" in name and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        for pattern, to in rules:
            name = re.sub(pattern, to, name)
        name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
        name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0",
                      lambda m: f"up.{3 - int(m[1])}.upsample", name)
        out["first_stage_model." + name] = tensor.contiguous()
    return out


def tiny_names(state):
    """AutoencoderTiny counts its decoder's layers without the clamp and has an encoder."""
    out = {"encoder.layers.0.weight": torch.randn(64, 3, 3, 3), "encoder.layers.0.bias":
           torch.randn(64)}
    for name, tensor in state.items():
        number, rest = name.split(".", 1)
        out[f"decoder.layers.{int(number) - 1}.{rest}"] = tensor
    return out


def sample():
    """One of everything that a checkpoint of torch may hold; the values are those of their place."""
    def counted(*shape):
        return torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape)

    tied = counted(2, 3)
    state = torch.nn.Linear(4, 3).state_dict()  # an OrderedDict with _metadata
    state["weight"], state["bias"] = counted(3, 4), -counted(3)
    state["half"], state["brain"] = counted(5).half(), counted(2, 2, 2).bfloat16()
    state["long"], state["scalar"], state["empty"] = counted(3).long(), counted(1)[0], counted(0, 4)
    state["tied.a"] = state["tied.b"] = tied
    state["row"] = counted(4, 6)[2:3]  # a part of a larger storage
    state["parameter"] = torch.nn.Parameter(counted(2))
    state["carrying"] = counted(3)
    state["carrying"].note = "an attribute"
    return {"model": state, "ema": {"weight": 2 * counted(3, 4)}, "step": 70000}


def both(folder, stem, state, ending=".bin"):
    state = {name: tensor.detach() for name, tensor in state.items()}
    save_file(state, os.path.join(folder, stem + ".safetensors"))
    torch.save(state, os.path.join(folder, stem + ending))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    torch.manual_seed(1)

    def config(path):
        return subprocess.run(["git", "-C", args.official, "show", f"HEAD:configs/{path}"],
                              check=True, stdout=subprocess.PIPE).stdout

    def network(path):
        values = RandomValues(os.path.join(args.folder, "random.f32"))
        return network_state(official_network(args.official), config(path), values)

    def at(name):
        return os.path.join(args.folder, name)

    def configurations():
        for path in ("fit/config_fit_xl.yaml", "fitv2/config_fitv2_xl.yaml",
                     "fitv2/config_fitv2_3B.yaml", "fitv2/config_fitv2_hr_xl.yaml",
                     "fitv2/config_fitv2_hr_3B.yaml"):
            with open(at(os.path.basename(path)), "wb") as file:
                file.write(config(path))

    makers = {
        "xl": lambda: save_file(network("fitv2/config_fitv2_xl.yaml"), at("fitv2_xl.safetensors")),
        "v1": lambda: torch.save(network("fit/config_fit_xl.yaml"), at("fit_xl.bin")),
        "3b": lambda: torch.save(with_attributes(network("fitv2/config_fitv2_3B.yaml")),
                                 at("fitv2_3b.bin")),
        "vae": lambda: both(args.folder, "vae_new", sd_vae.Vae().state_dict()),
        "vae-old": lambda: both(args.folder, "vae_old", old_names(sd_vae.Vae().state_dict())),
        "vae-ldm": lambda: both(args.folder, "vae_ldm", ldm_names(sd_vae.Vae().state_dict())),
        "taesd": lambda: both(args.folder, "taesd_decoder", sd_vae.taesd_decoder().state_dict(),
                              ".pth"),
        "taesd-tiny": lambda: both(args.folder, "taesd_tiny",
                                   tiny_names(sd_vae.taesd_decoder().state_dict())),
        "sample": lambda: torch.save(sample(), at("torch_tiny.bin")),
        "yaml": configurations,
    }
    for name in args.names or makers:
        makers[name]()
        print(name)
    if os.path.exists(at("random.f32")):
        os.remove(at("random.f32"))


if __name__ == "__main__":
    main()
