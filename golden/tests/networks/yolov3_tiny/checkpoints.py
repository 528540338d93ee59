"""Checkpoints of the network with random numbers, fused and not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from golden.arithmetic.fixed import FloatArray
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv
from golden.networks.yolov3_tiny.files.state_dict import tensors_of
from golden.networks.yolov3_tiny.graph import HEADS, graph
from golden.networks.yolov3_tiny.torch_model import YOLOv3_tiny_quantize_bnfuse

Tensors = dict[str, torch.Tensor]

ORDER = [
    name
    for name in YOLOv3_tiny_quantize_bnfuse().state_dict()
    if name.endswith("weight") or name.endswith("bias")
]


@cache
def stored(
    classes: int = 20, kernel: int = 3, normalised: bool = False, biased: bool = False
) -> dict[str, StoredConv]:
    """Every convolution of a checkpoint in its order; a float32 holds each number."""
    draw = np.random.default_rng(5)

    def numbers(*shape: int, scale: float = 1.0, offset: float = 0.0) -> FloatArray:
        values: FloatArray = np.empty(shape)
        values[...] = draw.standard_normal(shape, np.float32) * np.float32(scale)
        return (values + offset).astype(np.float32).astype(np.float64)

    nodes = graph(classes, set_2_kernel=kernel).convs
    found: dict[str, StoredConv] = {}
    for name in dict.fromkeys(key.split(".")[0] for key in ORDER):
        node = nodes[name]
        shape = node.weight_shape
        fan_in = node.in_channels * node.kernel[0] ** 2
        weight, channels = numbers(*shape, scale=fan_in**-0.5), node.out_channels
        if not normalised or name in HEADS:
            found[name] = StoredConv(name, weight, numbers(channels, scale=0.1))
            continue
        norm = BatchNorm(
            name,
            numbers(channels, scale=0.1),
            numbers(channels, scale=0.1, offset=1),
            numbers(channels, scale=0.1),
            np.abs(numbers(channels)),
        )
        bias = numbers(channels, scale=0.1) if biased else None
        found[name] = StoredConv(name, weight, bias, norm, Epsilon.TORCH)
    return found


def tensors(convs: dict[str, StoredConv]) -> Tensors:
    """The state dict of stored convolutions."""
    return {
        key: torch.from_numpy(values).to(torch.float32)
        for name, conv in convs.items()
        for key, values in tensors_of(conv, head=name in HEADS).items()
        if values is not None
    }


def write(path: Path, content: object) -> Path:
    """Write a checkpoint as its ending says."""
    if path.suffix == ".safetensors":
        assert isinstance(content, dict)
        save_file(content, path)
    else:
        torch.save(content, path)
    return path
