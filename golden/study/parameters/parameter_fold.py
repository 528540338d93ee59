"""Batch normalisation folded into the weights before it, in the file's own order of axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from golden.arithmetic.fixed import FloatArray, check_finite
from golden.config import InputError
from golden.graph.float_conv import Epsilon, deviation
from golden.study.parameters.model_parameters import Parameter, ParameterFile, Role, by_layer

Deviation = Epsilon | float
"""How a standard deviation is kept from zero: a rule, or what is added to the variance."""


def default_epsilon(file: ParameterFile) -> Epsilon:
    """Return the rule that a network was trained with, which no file says.

    FaceNet's and TensorFlow-slim's adds 0.001 to the variance, torch's 0.00001; Darknet adds
    0.000001 to the deviation.
    """
    if file.kind == "darknet":
        return Epsilon.DARKNET
    return Epsilon.SLIM if file.facenet or file.kind == "tensorflow" else Epsilon.TORCH


def fold_parameters(
    file: ParameterFile, epsilon: float | None = None
) -> tuple[tuple[Parameter, ...], tuple[str, ...]]:
    """Fold every batch normalisation whose weights are known.

    ``gamma * (w * x + b - mean) / deviation + beta`` becomes a weight and a bias: computed in
    float64, then rounded to the type of the weights.

    Parameters
    ----------
    epsilon : float, optional
        Added to a variance; `default_epsilon` unless given.

    Returns
    -------
    parameters : tuple of Parameter
        A weight and a bias a layer, where one was folded; the others as they were.
    left : tuple of str
        Layers whose batch normalisation stays, because no weights stand before it by name.

    Raises
    ------
    InputError
        If a variance is negative, or a folded value is not finite.
    """
    chosen = default_epsilon(file) if epsilon is None else epsilon
    made: list[Parameter] = []
    left: list[str] = []
    for layer, several in by_layer(file.parameters).items():
        roles = {parameter.role: parameter for parameter in several}
        if "variance" not in roles:
            made += several
        elif "O" not in (roles["weight"].axes if "weight" in roles else ""):
            made += several
            left.append(layer)
        else:
            made += _folded(layer, roles, chosen)
    return tuple(made), tuple(left)


def _folded(
    layer: str, roles: Mapping[Role, Parameter], epsilon: Deviation
) -> tuple[Parameter, Parameter]:
    """Return the weight and the bias of one layer."""
    values = {role: one.values.astype(np.float64) for role, one in roles.items()}
    weight = roles["weight"]
    sides = [1] * weight.values.ndim
    sides[weight.axes.index("O")] = -1
    kind = weight.values.dtype
    with np.errstate(all="ignore"):
        gain = values.get("gamma", np.ones(())) / _deviation(roles["variance"], epsilon)
        bias = values["beta"] + (values.get("bias", np.zeros(())) - values["mean"]) * gain
        scaled, bias = (values["weight"] * gain.reshape(sides)).astype(kind), bias.astype(kind)
    tail = "biases" if weight.part == "weights" else "bias"
    part = weight.part.removesuffix("weights").removesuffix("weight") + tail
    name = weight.name.removesuffix(weight.part) + part
    check_finite(scaled, f"{weight.name}, folded,")
    check_finite(bias, f"{name}, folded,")
    sources = tuple(one.name for one in roles.values())
    return (
        Parameter(weight.name, layer, weight.part, "weight", weight.axes, scaled, sources),
        Parameter(name, layer, part, "bias", "O", bias, sources),
    )


def _deviation(variance: Parameter, epsilon: Deviation) -> FloatArray:
    values = variance.values.astype(np.float64)
    if (values < 0).any():
        index = int(np.argmax(values < 0))
        raise InputError(f"{variance.name}[{index}] is {values[index]}: 0 or more is wanted")
    if isinstance(epsilon, Epsilon):
        return deviation(values, epsilon)
    found: FloatArray = np.sqrt(values + epsilon)
    return found
