"""A module that learns the range of the tensors that pass through it."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from golden.models.state_dict import TRACKED, TRACKED_SCALE

MOMENTUM: Final = 0.1
"""Part of a running average that the newest picture makes."""
_SCALE_OF_8_BITS: Final = 127.0


class AveragedRangeTracker(nn.Module):
    """Running average of the smallest and the largest value that a tensor takes.

    The first tensor sets both, every later one moves them by `momentum`. They move while
    the module is in training mode, and are saved with the model. A checkpoint that has
    ``scale``, 127 over the running largest magnitude, is read as a range around zero.

    Parameters
    ----------
    momentum : float
        Part of the average that the newest tensor makes, above 0 and at most 1.

    Raises
    ------
    ValueError
        If `momentum` is out of range.

    >>> tracker = AveragedRangeTracker(momentum=0.25)
    >>> for values in ([-1.0, 2.0], [-3.0, 6.0]):
    ...     _ = tracker(torch.tensor(values))
    >>> tracker.min_val.tolist(), tracker.max_val.tolist()
    ([-1.5], [3.0])
    """

    min_val: torch.Tensor
    max_val: torch.Tensor
    first_a: torch.Tensor

    def __init__(self, momentum: float = MOMENTUM) -> None:
        super().__init__()
        if not 0 < momentum <= 1:
            raise ValueError(f"momentum {momentum}: above 0 and at most 1 is wanted")
        self.momentum = momentum
        for name in TRACKED:
            self.register_buffer(name, torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` as it is; in training mode, learn its range."""
        if self.training:
            self.update_range(x.detach().min(), x.detach().max())
        return x

    def update_range(self, low: torch.Tensor, high: torch.Tensor) -> None:
        """Take the range of one more tensor into the average."""
        weight = self.momentum if self.first_a.item() else 1.0
        self.min_val.lerp_(low.to(self.min_val), weight)
        self.max_val.lerp_(high.to(self.max_val), weight)
        self.first_a.fill_(1)

    def extra_repr(self) -> str:
        """Return what ``print`` shows in brackets."""
        return f"momentum={self.momentum}"

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        scale = state_dict.pop(prefix + TRACKED_SCALE, None)
        if scale is not None:
            largest = torch.where(scale > 0, _SCALE_OF_8_BITS / scale, torch.zeros_like(scale))
            state_dict.setdefault(prefix + "min_val", -largest)
            state_dict.setdefault(prefix + "max_val", largest)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
