"""Folded batch normalisation against torch's own, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from golden.config import InputError
from golden.graph.float_conv import BatchNorm, Epsilon, FloatConv, embed_in_centre, fold


def random_norm(rng: np.random.Generator, channels: int) -> BatchNorm:
    beta, mean = rng.normal(size=(2, channels))
    gamma, variance = rng.uniform(0.2, 3, (2, channels))
    return BatchNorm("conv1", beta, gamma, mean, variance)


def test_torch_normalises_to_the_same(rng: np.random.Generator) -> None:
    weight, x = rng.normal(size=(4, 3, 3, 3)), torch.from_numpy(rng.normal(size=(1, 3, 8, 8)))
    norm = random_norm(rng, 4)
    raw = functional.conv2d(x, torch.from_numpy(weight))
    mean, variance = torch.from_numpy(norm.mean), torch.from_numpy(norm.variance)
    gamma, beta = torch.from_numpy(norm.gamma), torch.from_numpy(norm.beta)
    expected = functional.batch_norm(raw, mean, variance, gamma, beta, eps=1e-5)
    folded = fold(weight, norm, Epsilon.TORCH)
    bias = torch.from_numpy(folded.bias)
    actual = functional.conv2d(x, torch.from_numpy(folded.weight), bias)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


def test_darknet_adds_its_epsilon_after_the_root() -> None:
    one = np.ones(1)
    norm = BatchNorm("conv1", 2 * one, 3 * one, 5 * one, 0 * one)
    folded = fold(np.full((1, 1, 1, 1), 7.0), norm)
    assert folded.weight.item() == pytest.approx(7 * 3 / 1e-6)
    assert folded.bias.item() == pytest.approx(2 - 5 * 3 / 1e-6)


def test_bad_statistics_are_named() -> None:
    good, bad = np.ones(3), np.array([1.0, np.nan, 1.0])
    with pytest.raises(InputError, match=r"conv3 mean\[1\] is nan"):
        BatchNorm("conv3", good, good, bad, good)
    with pytest.raises(InputError, match=r"conv3 variance\[2\] is -1"):
        BatchNorm("conv3", good, good, good, np.array([0.0, 1.0, -1.0]))
    with pytest.raises(InputError, match=r"conv3 weight\[0, 0, 0, 0\] is inf"):
        FloatConv("conv3", np.full((1, 1, 1, 1), np.inf), np.zeros(1))
    with pytest.raises(InputError, match=r"conv3: weight .* and bias .* disagree"):
        FloatConv("conv3", np.zeros((2, 1, 1, 1)), np.zeros(1))


def test_an_embedded_kernel_convolves_to_the_same(rng: np.random.Generator) -> None:
    conv = FloatConv("c", rng.normal(size=(4, 3, 1, 1)), rng.normal(size=4))
    large = embed_in_centre(conv, 3)
    assert np.count_nonzero(large.weight) == conv.weight.size
    x = torch.from_numpy(rng.normal(size=(1, 3, 6, 6)))
    expected = functional.conv2d(x, torch.from_numpy(conv.weight))
    actual = functional.conv2d(x, torch.from_numpy(large.weight), padding=1)
    torch.testing.assert_close(actual, expected)
