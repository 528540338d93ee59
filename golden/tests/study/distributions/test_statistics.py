"""Streamed statistics say of a stream what numpy says of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from golden.config import InputError
from golden.study.distributions.statistics import (
    PERCENTILE_ERROR,
    PERCENTILES,
    UPPER,
    Limits,
    Statistics,
)


def stream(rng: np.random.Generator) -> list[np.ndarray]:
    """Numbers of very different sizes, in pieces of very different lengths."""
    pieces = [
        rng.normal(0.3, 2, (3, 40, 41)),
        rng.normal(-100, 1e-3, (7,)),
        rng.standard_cauchy(5000),
        np.exp2(rng.uniform(-60, 60, 3000)) * rng.choice([-1, 1], 3000),
        np.zeros(11),
        np.array([-0.0]),
    ]
    return [piece.astype(np.float32) for piece in pieces]


def filled(pieces: list[np.ndarray], **limits: Limits) -> Statistics:
    stats = Statistics("x", limits)
    for piece in pieces:
        stats.add(piece)
    return stats


def test_moments_and_range_are_those_of_the_whole(rng: np.random.Generator) -> None:
    pieces = [rng.normal(1000, 0.01, 5001).astype(np.float32) for _ in range(9)]
    stats = filled(pieces)
    whole = np.concatenate(pieces).astype(np.float64)
    assert (stats.count, stats.low, stats.high) == (whole.size, whole.min(), whole.max())
    assert stats.mean == pytest.approx(whole.mean(), rel=1e-12)
    assert stats.std == pytest.approx(whole.std(), rel=1e-9)


def test_percentiles_are_within_the_stated_error(rng: np.random.Generator) -> None:
    pieces = stream(rng)
    stats = filled(pieces)
    whole = np.concatenate([piece.ravel() for piece in pieces]).astype(np.float64)
    wanted = (0.0, *PERCENTILES, 100.0)
    exact = np.percentile(whole, wanted, method="inverted_cdf")
    np.testing.assert_allclose(stats.percentiles(wanted), exact, rtol=PERCENTILE_ERROR)


def test_error_of_a_percentile_is_no_smaller_than_stated() -> None:
    low = np.nextafter(np.float32(1), np.float32(2))
    stats = filled([np.array([0.5, low, 3], np.float32)])
    assert stats.percentiles([50.0])[0] / low - 1 == pytest.approx(PERCENTILE_ERROR, rel=1e-3)


@pytest.mark.parametrize("frac", [-3, 0, 8, 14, 24])
def test_rounded_to_zero_is_exact(frac: int, rng: np.random.Generator) -> None:
    tie = np.float32(2.0 ** (-frac - 1))
    ties = [-tie, tie, np.nextafter(tie, np.float32(9)), np.nextafter(tie, np.float32(0)), 0.0]
    pieces = [*stream(rng), np.array(ties, np.float32)]
    whole = np.concatenate([piece.ravel() for piece in pieces]).astype(np.float64)
    exact = np.count_nonzero((np.rint(np.ldexp(whole, frac)) == 0) & (whole != 0))
    assert filled(pieces).rounds_to_zero(frac) == exact


def test_limits_count_what_is_beyond_and_not_what_is_on_the_low_edge() -> None:
    values = np.array([-2.5, -2.0, 0.0, 2.999, 3.0, 4.0], np.float32)
    stats = filled([values[:2], values[2:]], narrow=Limits(-2, 3), wide=Limits(-9, 9))
    assert stats.beyond == {"narrow": 3, "wide": 0}


def test_bins_hold_their_numbers_and_all_of_them(rng: np.random.Generator) -> None:
    pieces = stream(rng)
    stats = filled(pieces)
    lower, upper, counts = stats.bins()
    assert counts.sum() == stats.count == sum(piece.size for piece in pieces)
    assert np.all(np.diff(lower) > 0) and np.all(lower <= upper)
    for piece in pieces:
        values = piece.ravel().astype(np.float64)
        place = np.searchsorted(upper, values)
        # Of a negative number's bin the lower edge belongs to it, not the upper.
        place = np.where((values < 0) & (upper[place] == values), place + 1, place)
        assert np.all((lower[place] <= values) & (values <= upper[place]))


def test_octaves_and_shares_agree_with_counting(rng: np.random.Generator) -> None:
    values = rng.normal(0, 3, 20_000).astype(np.float32)
    stats = filled([values, np.zeros(5, np.float32)])
    negative, positive = stats.octaves()
    for exponent, count in positive.items():
        inside = (values > 2.0 ** (exponent - 1)) & (values <= 2.0**exponent)
        assert count == np.count_nonzero(inside)
    assert sum(negative.values()) + sum(positive.values()) + 5 == stats.count
    edges = np.array([-16.0, -1, -0.25, 0.25, 1, 16])
    exact = np.histogram(np.append(values, np.zeros(5)), edges)[0] / stats.count
    np.testing.assert_allclose(stats.shares(edges), exact, atol=1e-12)
    assert stats.shares(np.linspace(-20, 20, 99)).sum() == pytest.approx(1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name_and_index(bad: float) -> None:
    values = np.ones((2, 3), np.float32)
    values[1, 2] = bad
    with pytest.raises(InputError, match=r"x\[1, 2\] is -?(nan|inf)"):
        filled([values])


def test_largest_floats_have_a_bin() -> None:
    most = np.finfo(np.float32).max
    stats = filled([np.array([-most, most], np.float32)])
    assert stats.percentiles([1.0, 100.0]).tolist() == pytest.approx([-most, most], rel=1 / 256)
    assert np.all(np.diff(UPPER) >= 0)


def test_statistics_of_nothing() -> None:
    stats = filled([np.zeros(0, np.float32)])
    assert stats.count == 0 and stats.std == 0
    assert np.isnan(stats.percentiles([50.0])).all()


def test_extremes_remember_where_they_came_from() -> None:
    stats = Statistics("x")
    for name, value in (("a", 1.0), ("b", 5.0), ("c", 5.0), ("d", -1.0)):
        stats.add(np.array([value]), name)
    assert (stats.low_at, stats.high_at) == ("d", "b")
