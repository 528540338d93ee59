"""The choices that SM8 leaves: how a magnitude is rounded, and which fraction bits are best."""

from __future__ import annotations

from enum import Enum


class Sm8Mode(str, Enum):
    """How a magnitude is brought to n fraction bits; `golden.sm8` says it exactly."""

    REFERENCE = "reference"
    ROUND_TO_NEAREST = "round_to_nearest"


class Best(str, Enum):
    """How fraction bits are chosen for a tensor: least squared error, or nothing clamped."""

    MSE = "mse"
    MAX = "max"
