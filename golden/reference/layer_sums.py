"""The sums of a network's convolutions, which any other way to its products must arrive at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.graph.layers import ConvLayer
from golden.graph.network import Network
from golden.reference import kernels


@dataclass(frozen=True, slots=True, eq=False)
class LayerSums:
    """One convolution, what it reads, and its sums."""

    layer: ConvLayer
    input: Int16Array
    """int16 (I, H, W)."""
    sums: Int64Array
    """int64 (O, OH, OW). Bias excluded."""

    @property
    def macs(self) -> int:
        """Multiplications, padding included."""
        channels, height, width = self.input.shape
        return self.layer.macs((channels, height, width))


def layer_sums(network: Network, tensors: Mapping[str, Int16Array]) -> Iterator[LayerSums]:
    """Sum every convolution's products on a run's tensors, int16 (C, H, W), in data-flow order."""
    for layer in network.convs():
        read = tensors[layer.source]
        yield LayerSums(layer, read, kernels.conv_accumulate(read, layer))
