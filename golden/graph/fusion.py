"""Which layers run in another's jobs, by the graph alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from golden.graph.float_graph import Node
from golden.graph.layers import sources


def fused(nodes: Sequence[Any]) -> dict[str, str]:
    """Pools and upsamplings that run behind a convolution, with its name; nodes in data-flow order.

    One does if nobody else reads the convolution.
    """
    convs = {node.name for node in nodes if node.kind == "conv"}
    read = [source for node in nodes for source in sources(node)]
    return {
        node.name: node.source
        for node in nodes
        if node.kind in ("pool", "upsample")
        and node.source in convs
        and read.count(node.source) == 1
    }


def makers(nodes: Sequence[Node]) -> dict[str, str]:
    """The layer whose jobs make each node, in data-flow order.

    A concatenation is made where its first reader's input is put together.

    >>> from golden.graph.float_graph import Conv
    >>> from golden.graph.layers import ConcatLayer, PoolLayer
    >>> pools = PoolLayer("pool1", "conv1"), PoolLayer("pool2", "pool1")
    >>> both = ConcatLayer("both", ("pool1", "pool2"))
    >>> makers((Conv("conv1", "image", 3, 4), *pools, both, Conv("conv2", "both", 8, 4)))
    {'conv1': 'conv1', 'pool1': 'conv1', 'pool2': 'pool2', 'both': 'conv2', 'conv2': 'conv2'}
    """
    behind = fused(nodes)
    found: dict[str, str] = {}
    for node in nodes:
        if node.kind == "concat":
            readers = (after.name for after in nodes if node.name in sources(after))
            found[node.name] = next(readers, node.name)
        else:
            found[node.name] = behind.get(node.name, node.name)
    return found
