"""The reference model held against two other implementations before each run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.dataflow.fused_layer import FusedLayer
from golden.dataflow.lowering import lower_input
from golden.dataflow.sampling import sample_tiles
from golden.dataflow.tile import make_job
from golden.graph.layers import (
    AverageLayer,
    ConvLayer,
    Layer,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
    sources,
)
from golden.reference import spec, torch_oracle
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import MIN_MACS, Picture, Prepared


class OracleError(AssertionError):
    """Two of the golden models disagree: nothing may be compared with either."""


def check_oracles(
    prepared: Prepared, options: SimOptions, picture: Picture, print_line: Callable[[str], None]
) -> None:
    """Hold the golden models against each other on all that is about to be compared.

    Whole layers on torch against the compiled kernels, and the plain specification on
    sampled tiles.

    Raises
    ------
    OracleError
        They are not equal to the bit.
    """
    tensors = picture.tensors
    for fused in prepared.fused_layers:
        print_line(f"checking the golden models against each other: {fused.name}")
        for name in fused.outputs:
            node = prepared.network.node(name)
            inputs = [tensors[source] for source in sources(node)]
            _same(name, "torch", _by_torch(node, inputs, prepared.config.act_w), tensors[name])
            if isinstance(node, ConvLayer):
                _check_tiles(prepared, options, fused, picture)


def _by_torch(node: Layer, inputs: list[Int16Array], act_w: int) -> Int16Array:
    """A node's output as torch computes it."""
    if isinstance(node, ConvLayer):
        return torch_oracle.conv(inputs[0], node)
    if isinstance(node, PoolLayer):
        return torch_oracle.pool(inputs[0], node)
    if isinstance(node, UpsampleLayer):
        return torch_oracle.upsample(inputs[0], node)
    if isinstance(node, ResidualLayer):
        return torch_oracle.residual(inputs, node, act_w)
    if isinstance(node, AverageLayer):
        return torch_oracle.average(inputs[0], node, act_w)
    return np.concatenate(inputs)


def _check_tiles(
    prepared: Prepared, options: SimOptions, fused: FusedLayer, picture: Picture
) -> None:
    node = prepared.network.node(fused.name)
    assert isinstance(node, ConvLayer)
    lowered = lower_input(node, picture.tensors[node.source])
    for cell in sample_tiles(fused, prepared.config, options.seed, MIN_MACS[options.sim]):
        tile = fused.conv_tile(cell)
        job = make_job(fused.conv, lowered, tile)
        values = spec.conv(job.input, job.layer)
        _same(fused.name, "the specification", values, tile.of(picture.tensors[fused.name]))


def _same(name: str, oracle_name: str, one: Int16Array, other: Int16Array) -> None:
    if not np.array_equal(one, other):
        raise OracleError(f"{name}: {oracle_name} and the compiled kernel disagree")
