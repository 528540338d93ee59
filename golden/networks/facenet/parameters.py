"""A FaceNet network with its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from golden.graph.float_conv import FloatConv, StoredConv
from golden.networks.facenet.structure import Structure


@dataclass(frozen=True, slots=True, eq=False)
class FaceNet:
    """A network with its numbers.

    Parameters
    ----------
    structure : Structure
    convs : dict of str to StoredConv
        By node, in data-flow order, batch normalisation apart.
    unknown : tuple of str
        Names in its file that are no part of the network.
    """

    structure: Structure
    convs: dict[str, StoredConv]
    unknown: tuple[str, ...] = ()

    def folded(self) -> dict[str, FloatConv]:
        """Fold batch normalisation and a branch's scale into weights and biases, by node.

        Raises
        ------
        InputError
            If a folded value is NaN or infinite.
        """
        nodes = self.structure.convs
        return {name: scaled(conv.folded(), nodes[name].scale) for name, conv in self.convs.items()}


def scaled(conv: FloatConv, scale: float) -> FloatConv:
    """Multiply a convolution's output by `scale`."""
    return FloatConv(conv.name, conv.weight * scale, conv.bias * scale)
