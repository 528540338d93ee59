"""The networks that ``make sim`` runs: one description each, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tb.choices import choose
from tb.networks.base import DecodedOutput, NetworkAdapter, Outputs, QuantizedNetwork
from tb.networks.digits import Digits
from tb.networks.facenet import FaceNet
from tb.networks.yolov3_tiny import YoloV3Tiny

__all__ = ["NETWORKS", "DecodedOutput", "NetworkAdapter", "Outputs", "QuantizedNetwork", "find"]

NETWORKS: Final[Mapping[str, NetworkAdapter]] = {
    net.name: net for net in (YoloV3Tiny(), FaceNet(), Digits())
}
"""By the name that ``NET`` has; the first is the default."""


def find(name: str) -> NetworkAdapter:
    """Return the network of that name.

    Raises
    ------
    ConfigError
        If there is none; the text lists those there are.

    >>> find("facenet").size
    160
    """
    return NETWORKS[choose("NET", name, NETWORKS)]
