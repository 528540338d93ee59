"""Errors of one run against another, and of integers against floats."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from golden.config import InputError, Slope
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.study.dumps.comparison import compare, only_in
from golden.study.dumps.dump import Dump
from golden.study.errors.format_errors import HEADLINE, float_against_fixed, make_pairings
from golden.study.errors.layer_errors import ErrorSum, RunErrors
from golden.study.errors.plots import plot_errors
from golden.vision.datasets import Sample
from golden.vision.images import default_image, load

REFERENCE = np.array([[[1.0, -2.0], [0.5, 4.0]]])
VALUES = np.array([[[1.0, -2.5], [0.75, 4.25]]])


def test_figures_are_those_worked_out_by_hand() -> None:
    total = ErrorSum("conv1")
    total.add(REFERENCE, VALUES, picture="dog")
    found = total.result()
    assert (found.count, found.min, found.max, found.mean) == (4, -0.5, 0.25, 0.0)
    assert found.rms == pytest.approx(math.sqrt((0.25 + 2 * 0.0625) / 4))
    assert found.sqnr_db == pytest.approx(10 * math.log10(21.25 / 0.375))
    assert found.equal == 0.25
    worst = found.worst
    assert (worst.picture, worst.index, worst.reference, worst.value) == (
        *("dog", (0, 0, 1), -2.0, -2.5),
    )


def test_pictures_add_up_to_one_large_one(rng: np.random.Generator) -> None:
    wanted, got = rng.normal(size=(2, 3, 8, 5))
    got[2, 6, 3] = 9.0
    whole, parts = ErrorSum("a"), ErrorSum("a")
    whole.add(wanted, got)
    parts.add(wanted[:, :4], got[:, :4], picture="first")
    parts.add(wanted[:, 4:], got[:, 4:], picture="second")
    one, many = asdict(whole.result()), asdict(parts.result())
    assert many.pop("worst")["picture"] == "second"
    assert one.pop("worst")["index"] == (2, 6, 3)
    assert many == pytest.approx(one)


@pytest.mark.parametrize(
    ("reference", "values", "exact"),
    [(REFERENCE, REFERENCE, True), (0 * REFERENCE, VALUES, False), (0 * VALUES, 0 * VALUES, True)],
)
def test_a_ratio_that_is_not_finite_is_null(
    reference: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    exact: bool,
) -> None:
    total = ErrorSum("a")
    total.add(reference, values)
    found = asdict(total.result())
    assert (found["sqnr_db"], found["exact"]) == (None, exact)
    json.dumps(found, allow_nan=False)


def test_integers_are_equal_to_the_floats_that_they_are_nearest_to() -> None:
    real = Dump({"a": np.array([[[0.3, 0.7, -1.1]]])})
    nearest = np.rint(real.tensors["a"] * 4).astype(np.int16)
    for ints, share in ((nearest, 1.0), (nearest + np.array([0, 0, 1], np.int16), 2 / 3)):
        fixed = Dump({"a": ints}, {"a": 2})
        assert compare(real, fixed)[0].equal == pytest.approx(share)
        assert compare(fixed, real)[0].equal == pytest.approx(share)
    coarse, fine = Dump({"a": nearest}, {"a": 2}), Dump({"a": nearest * np.int16(4)}, {"a": 4})
    assert compare(coarse, fine)[0].exact
    assert compare(Dump({"a": nearest}, {"a": 2}), Dump({"a": nearest}, {"a": 3}))[0].equal == 0


def test_layers_that_only_one_run_has_are_named() -> None:
    first = Dump({"a": REFERENCE, "b": REFERENCE, "c": REFERENCE})
    second = Dump({"c": VALUES, "d": VALUES, "a": VALUES})
    found = compare(first, second)
    assert [layer.name for layer in found] == ["a", "c"]
    assert (only_in(first, second), only_in(second, first)) == (("b",), ("d",))
    with pytest.raises(InputError, match=r"no layer in common: one has a, b, c, the other d$"):
        compare(first, Dump({"d": VALUES}))


def test_what_cannot_be_compared_is_named() -> None:
    with pytest.raises(
        InputError, match=r"conv3: one run has shape \(1, 2, 2\), the other \(1, 1, 2"
    ):
        compare(Dump({"conv3": REFERENCE}), Dump({"conv3": VALUES[:, :1]}))
    bad = VALUES.copy()
    bad[0, 1, 0] = np.nan
    with pytest.raises(InputError, match=r"conv3\[0, 1, 0\] is nan"):
        RunErrors().add({"conv3": REFERENCE}, {"conv3": bad})
    with pytest.raises(ValueError, match="nothing was compared"):
        ErrorSum("a").result()


def test_plot_of_a_run_without_error(tmp_path: Path) -> None:
    total = ErrorSum("a")
    total.add(REFERENCE, REFERENCE)
    plot_errors({"same": [total.result()]}, tmp_path / "new" / "errors.png", "same")
    assert (tmp_path / "new" / "errors.png").read_bytes()[:4] == b"\x89PNG"


def test_formats_rank_as_measured(files: ModelFiles) -> None:
    """The floor destroys the heads; each further format gains what it is known to."""
    formats = [
        (name, replace(made, slope=Slope.THIRTEEN_128THS)) for name, made in HEADLINE.items()
    ]
    shown = [Sample(path.name, load(path), path) for path in [default_image()]]
    pairings = make_pairings(files, formats, 96, None)
    results = float_against_fixed(pairings, shown, size=96)
    layers = [{layer.name: layer for layer in result.errors.results()} for result in results]
    assert len({id(pairing.real) for pairing in pairings}) == 1
    for head in ("pred_1", "pred_2"):
        decibels = [one[head].sqnr_db for one in layers]
        floor, rounded, full, wide, narrow, before = (value or 0.0 for value in decibels)
        assert floor < 5 < 20 < rounded < full < wide - 15
        assert narrow < before < full
    assert [one["image"].count for one in layers] == [3 * 96 * 96] * 6
    assert all(result.pictures == 1 for result in results)
