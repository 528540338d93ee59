"""A tensor found by its name, and shown before and after its codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden.arithmetic.sm8 import Sm8Mode, bin_to_float
from golden.config import InputError
from golden.study.parameters.code_table import (
    close_names,
    find_tensor,
    histograms,
    rows,
    write_plot,
)
from golden.study.parameters.coding import Choice, Coded, coded
from golden.study.parameters.model_parameters import Parameter
from golden.tests.networks.facenet import facenet_narrow
from golden.tests.networks.facenet.facenet_narrow import BETA

NAMES = [name for name in facenet_narrow.contents() if name.startswith("Inc")]


def of(values: object, n: int = 3, mode: Sm8Mode = Sm8Mode.REFERENCE) -> Coded:
    tensor = np.array(values, np.float32)
    parameter = Parameter("net/a/beta", "net/a", "beta", "beta", "", tensor)
    return coded(parameter, Choice(mode, n))


@pytest.mark.parametrize(
    "text",
    [
        BETA,
        "Block8/Branch_0/Conv2d_1x1/BatchNorm/beta",
        "Block8.Branch_0.Conv2d_1x1.BatchNorm.beta",
        "/Block8/Branch_0/Conv2d_1x1/BatchNorm/beta",
    ],
)
def test_an_abbreviation_that_one_tensor_has(text: str) -> None:
    assert find_tensor(NAMES, text) == BETA


def test_an_end_comes_before_a_run() -> None:
    names = ["net/up/weights", "net/up/weights/average", "other/w"]
    assert find_tensor(names, "up/weights") == "net/up/weights"
    assert find_tensor(names, "weights/average") == "net/up/weights/average"


def test_names_that_mean_many_or_none() -> None:
    with pytest.raises(InputError, match=r"beta means \d+ tensors, such as Inception.* and \d+ mo"):
        find_tensor(NAMES, "beta")
    with pytest.raises(InputError, match=rf"no such tensor among \d+; close names: {BETA}, "):
        find_tensor(NAMES, "block8/Branch_0/Conv2d_1x1/BatchNorm/betta")
    for text in ("", "/", "ranch_0/Conv2d_1x1/BatchNorm/beta", "xyzzy"):
        with pytest.raises(InputError, match="no such tensor among"):
            find_tensor(NAMES, text)
    assert close_names(NAMES, "xyzzy") == []


@pytest.mark.parametrize("mode", Sm8Mode)
def test_rows_are_the_values_in_order(mode: Sm8Mode) -> None:
    values = [[-4.5, 0.0, 100.0], [0.2, -0.2, 1.0]]
    listed = rows(of(values, mode=mode), 5)
    assert [row.index for row in listed] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    for row in listed:
        assert row.value == np.float32(values[row.index[0]][row.index[1]])
        assert row.after == bin_to_float(row.code, 3) and row.error == row.after - row.value
    zero = "00000001" if mode is Sm8Mode.REFERENCE else "00000000"
    assert [row.code for row in listed[:3]] == ["10100100", zero, "01111111"]
    assert len(rows(of(values), 99)) == 6 and rows(of(values), 0) == []
    assert rows(of(7.0), 4)[0].index == ()


def test_histograms_count_every_value_once(rng: np.random.Generator) -> None:
    values = rng.normal(size=(4, 50)) * 9
    one = of(values)
    found = histograms(one, 16)
    assert sum(found.before) == sum(found.after) == 200
    assert found.edges[0] == min(values.astype(np.float32).min(), one_after(one).min())
    assert np.array_equal(np.histogram(one_after(one), found.edges)[0], found.after)
    lines = found.lines()
    assert len(lines) == 16 and all(len(line) < 80 for line in lines)
    fullest = lines[int(np.argmax(found.before))]
    assert f"{max(found.before)}" in fullest and fullest.count("█") >= 20
    for nothing in ([], [0.5]):
        assert sum(histograms(of(nothing)).before) == len(nothing)


def one_after(one: Coded) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([row.after for row in rows(one, 10**6)])


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    write_plot(tmp_path / "plots" / "x.png", of([0.1, -3.0, 17.0]))
    assert (tmp_path / "plots" / "x.png").read_bytes().startswith(b"\x89PNG")
