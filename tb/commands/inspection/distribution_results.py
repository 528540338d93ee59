"""JSON of ``convpe distributions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from golden.config import NumberFormat
from golden.networks.yolov3_tiny.graph import HEADS
from golden.study.distributions.collect import (
    RAIL,
    SOURCE_PICTURES,
    SOURCE_RANGE,
    Fate,
    Measured,
    extremes,
    inputs,
)
from golden.study.distributions.statistics import PERCENTILE_ERROR, PERCENTILES, Tally
from golden.study.distributions.weights import weight_fates, weight_scales


def document(found: Measured) -> dict[str, Any]:
    """JSON of everything measured."""
    exact = found.integer_network
    inner = [tally for name, tally in found.tensors.items() if name not in HEADS]
    return {
        "percentile_error": PERCENTILE_ERROR,
        "range": {
            **_ends(extremes(found.tensors.values())),
            "without_heads": _ends(extremes(inner)),
            "source": {
                "low": SOURCE_RANGE[0],
                "high": SOURCE_RANGE[1],
                "pictures": SOURCE_PICTURES,
                "tensor": None,
            },
        },
        "layers": [{"name": n.name, "inputs": list(inputs(n))} for n in found.network.nodes],
        "weights": {name: _weights(found, name) for name in found.weights},
        "tensors": {
            name: {**_summary(tally), "formats": _fates(found.fates(name))}
            for name, tally in found.tensors.items()
        },
        "bit_true": exact
        and {
            "format": exact.options.format.value,
            "mode": exact.options.mode.value,
            "tensors": {
                name: {
                    **_summary(tally),
                    "frac": exact.fracs()[name],
                    "at_a_rail": tally.beyond[RAIL] / tally.count if tally.limits else None,
                }
                for name, tally in found.integers.items()
            },
        },
    }


def _ends(ends: tuple[Tally, Tally]) -> dict[str, Any]:
    low, high = ends
    return {
        "low": {"value": low.low, "tensor": low.name, "picture": low.low_at},
        "high": {"value": high.high, "tensor": high.name, "picture": high.high_at},
    }


def _weights(found: Measured, name: str) -> dict[str, Any]:
    stages = found.weights[name]
    made: dict[str, Any] = {
        stage.replace(" ", "_"): _summary(tally) for stage, tally in stages.items()
    }
    scales = weight_scales(name, found.formats, found.options)
    return {**made, "formats": _fates(weight_fates(stages, scales))}


def _fates(fates: Mapping[NumberFormat, Fate]) -> dict[str, Any]:
    return {
        label.value: {
            "frac": fate.scale.frac,
            "bits": fate.scale.width,
            "saturated": fate.saturated,
            "saturated_before_activation": fate.saturated_ahead,
            "rounded_to_zero": fate.zeroed,
        }
        for label, fate in fates.items()
    }


def _summary(tally: Tally) -> dict[str, Any]:
    negative, positive = tally.octaves()
    percentiles = tally.percentiles().tolist()
    return {
        "count": tally.count,
        "min": tally.low,
        "max": tally.high,
        "mean": tally.mean,
        "std": tally.std,
        "zero": tally.zeros / tally.count,
        "percentiles": {f"{p:g}": x for p, x in zip(PERCENTILES, percentiles, strict=True)},
        "octaves": {
            "negative": {str(exponent): count for exponent, count in negative.items()},
            "zero": tally.zeros,
            "positive": {str(exponent): count for exponent, count in positive.items()},
        },
    }
