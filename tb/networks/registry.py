"""The networks that ``make sim`` runs: one description each, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from golden.config import ConfigError
from tb.networks.base import Built, Net, Said
from tb.networks.digits import Digits
from tb.networks.facenet import FaceNet
from tb.networks.yolov3_tiny import Yolo

__all__ = ["NETS", "Built", "Net", "Said", "find"]

NETS: Final[Mapping[str, Net]] = {net.name: net for net in (Yolo(), FaceNet(), Digits())}
"""By the name that ``NET`` has; the first is the default."""


def find(name: str) -> Net:
    """Return the network of that name.

    Raises
    ------
    ConfigError
        If there is none; the text lists those there are.

    >>> find("facenet").size
    160
    """
    if name not in NETS:
        *first, last = NETS
        raise ConfigError(f"NET={name}: choose {', '.join(first)} or {last}")
    return NETS[name]
