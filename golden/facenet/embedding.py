"""The embedding that the last layer's output becomes on the host."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def embedding(bottleneck: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Scale the bottleneck's output, (E, 1, 1), to length 1: (E,).

    >>> embedding(np.array([[[3.0]], [[-4.0]]])).tolist()
    [0.6, -0.8]
    """
    flat = np.asarray(bottleneck, np.float64).reshape(-1)
    length = float(np.sqrt(flat @ flat))
    return flat / length if length else flat
