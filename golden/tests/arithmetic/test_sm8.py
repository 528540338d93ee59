"""The codec SM8 against its rule written out a second time, one number and one digit at a time."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from golden.arithmetic.sm8 import (
    Best,
    Sm8Mode,
    bin_to_float,
    decode,
    encode,
    float_to_bin,
    fraction_to_bin,
)
from golden.config import ConfigError, InputError
from golden.export.memory_files import Base, code_lines, read_codes
from golden.study.parameters.sm8_errors import best_fraction, errors_of, together

REFERENCE, NEAREST = Sm8Mode.REFERENCE, Sm8Mode.ROUND_TO_NEAREST
ALL_N = range(8)


def digits_of_fraction(fraction: Fraction, n: int) -> str:
    """Double, and write down whether a whole came out: n times."""
    text = ""
    for _ in range(n):
        fraction *= 2
        text += "1" if fraction >= 1 else "0"
        fraction -= int(fraction)
    return text


def digits_of_integer(whole: int, places: int) -> str:
    """Divide by two, and write down what is left over: so many times."""
    text = ""
    for _ in range(places):
        text = str(whole % 2) + text
        whole //= 2
    assert whole == 0
    return text


def written_out(x: float, n: int) -> str:
    """The rule `reference`, in digits and exact fractions."""
    exact = Fraction(x)
    sign = "1" if exact < 0 else "0"
    exact = abs(exact)
    step = Fraction(1, 2**n)
    exact = max(min(exact, Fraction(2) ** (7 - n) - step), step)
    whole = exact.numerator // exact.denominator
    return sign + digits_of_integer(whole, 7 - n) + digits_of_fraction(exact - whole, n)


def rounded(x: float, n: int) -> str:
    """The rule `round_to_nearest`; Python rounds a half to even."""
    magnitude = min(round(abs(Fraction(x)) * 2**n), 127)
    sign = "1" if x < 0 and magnitude else "0"
    return sign + format(magnitude, "07b")


def interesting(n: int) -> list[float]:
    """Every representable number, its neighbours, the middles, and the ends of float."""
    step = 2.0**-n
    centres = [k * step / 2 for k in range(260)]
    centres += [0.0, 1e-300, 5e-324, 2.0**-1022, 1e300, 1.7976931348623157e308, 128.0, 1e6, 0.1]
    centres += [float(np.float32(1e-45)), float(np.finfo(np.float32).max)]
    near = [math.nextafter(x, to) for x in centres for to in (math.inf, 0.0)]
    numbers = [x for x in centres + near if math.isfinite(x)]
    return numbers + [-x for x in numbers]


@pytest.mark.parametrize("n", ALL_N)
@pytest.mark.parametrize(("mode", "rule"), [(REFERENCE, written_out), (NEAREST, rounded)])
def test_codes_are_those_of_the_rule_written_out(n: int, mode: Sm8Mode, rule: object) -> None:
    assert callable(rule)
    numbers = interesting(n)
    wanted = [rule(x, n) for x in numbers]
    assert float_to_bin(numbers, n, mode).tolist() == wanted
    assert encode(numbers, n, mode).tolist() == [int(text, 2) for text in wanted]


@pytest.mark.parametrize(
    ("x", "text"), [(-4.5, "10100100"), (0.0, "00000001"), (100.0, "01111111"), (-0.0, "00000001")]
)
def test_worked_values(x: float, text: str) -> None:
    assert str(float_to_bin(x, 3)) == text == written_out(x, 3)


@pytest.mark.parametrize("n", ALL_N)
@pytest.mark.parametrize("mode", Sm8Mode)
def test_every_representable_number_survives(n: int, mode: Sm8Mode) -> None:
    least = 1 if mode is REFERENCE else 0
    codes = np.array([c for c in range(256) if c & 127 >= least and c != 128], np.uint8)
    numbers = decode(codes, n)
    assert np.array_equal(encode(numbers, n, mode), codes)
    assert len(set(numbers.tolist())) == len(codes)
    texts = float_to_bin(numbers, n, mode)
    assert np.array_equal(bin_to_float(texts, n), numbers)


@pytest.mark.parametrize("n", ALL_N)
def test_digits_of_a_fraction(n: int) -> None:
    numbers = [x for x in interesting(n) if abs(x) < 1e9]
    wanted = [digits_of_fraction(abs(Fraction(x)) % 1, n) for x in numbers]
    assert fraction_to_bin(numbers, n).tolist() == wanted


def test_shape_and_type_stay() -> None:
    x = np.linspace(-3, 3, 24, dtype=np.float32).reshape(2, 3, 4)
    codes = encode(x, 4)
    assert codes.shape == x.shape and codes.dtype == np.uint8
    assert decode(codes, 4).shape == x.shape and float_to_bin(x, 4).shape == x.shape
    assert encode(np.float32(0.3), 4).shape == () and encode([], 4).shape == (0,)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match=r"conv/beta\[1, 0\] is nan: a finite"):
        encode([[0.0], [math.nan]], 3, name="conv/beta")
    with pytest.raises(InputError, match=r"beta\[0\] is -inf"):
        best_fraction([-math.inf], Best.MAX, name="beta")
    for n in (-1, 8):
        with pytest.raises(ConfigError, match=rf"n = {n} fraction bits: give 0 to 7"):
            encode(0.5, n)
        with pytest.raises(ConfigError, match=rf"n = {n} fraction bits"):
            decode([1], n)
    for text in ("1010010", "101001002", "", "1010 010"):
        with pytest.raises(ValueError, match="eight digits"):
            bin_to_float(["10100100", text], 3)


@pytest.mark.parametrize("mode", Sm8Mode)
@pytest.mark.parametrize("n", [0, 3, 7])
def test_errors_are_those_of_the_values(n: int, mode: Sm8Mode, rng: np.random.Generator) -> None:
    x = np.concatenate([rng.normal(size=500) * 20.0 ** rng.uniform(-3, 2), [0.0, 300.0, -300.0]])
    found = errors_of(x, n, mode)
    rule = written_out if mode is REFERENCE else rounded
    after = bin_to_float([rule(v, n) for v in x.tolist()], n)
    assert found.count == 503
    assert found.max_error == np.abs(after - x).max()
    assert found.rms_error == pytest.approx(np.sqrt(np.mean((after - x) ** 2)))
    step = 2.0**-n
    top = 128 * step if mode is REFERENCE else 127.5 * step
    assert found.clamped_high == np.sum(np.abs(x) >= top)
    small = np.abs(x) < step if mode is REFERENCE else (np.abs(x) <= step / 2) & (x != 0)
    assert found.clamped_low == np.sum(small)


def test_errors_of_several_tensors_join(rng: np.random.Generator) -> None:
    parts = [rng.normal(size=size) for size in (3, 50, 400)]
    joined, whole = together([errors_of(x, 5) for x in parts]), errors_of(np.concatenate(parts), 5)
    assert joined.rms_error == pytest.approx(whole.rms_error)
    assert (joined.count, joined.max_error) == (whole.count, whole.max_error)
    assert joined.clamped_low == whole.clamped_low and joined.clamped_high == whole.clamped_high
    assert together([]).count == 0


@pytest.mark.parametrize("mode", Sm8Mode)
def test_best_fraction_is_the_best(mode: Sm8Mode, rng: np.random.Generator) -> None:
    for scale in (1e-9, 0.003, 0.4, 1.0, 3.0, 40.0, 127.0, 1000.0):
        x = rng.normal(size=200) * scale
        squares = [np.mean((decode(encode(x, n, mode), n) - x) ** 2) for n in ALL_N]
        chosen = best_fraction(x, Best.MSE, mode)
        assert squares[chosen] == pytest.approx(min(squares), rel=1e-12)
        fits = [n for n in ALL_N if errors_of(x, n, mode).clamped_high == 0]
        assert best_fraction(x, Best.MAX, mode) == (max(fits) if fits else 0)
    assert best_fraction(np.zeros(4), Best.MSE, mode) == 7 == best_fraction([], Best.MAX, mode)


@pytest.mark.parametrize("base", ["bits", "hex"])
def test_files_of_codes_read_back(base: Base, tmp_path: Path, rng: np.random.Generator) -> None:
    codes = rng.integers(0, 256, (3, 4, 50)).astype(np.uint8)
    path = tmp_path / "x"
    path.write_bytes(code_lines(codes, base))
    lines = path.read_text().splitlines()
    assert [int(line, 2 if base == "bits" else 16) for line in lines] == codes.ravel().tolist()
    assert np.array_equal(read_codes(path, base), codes.ravel())
    path.write_text("\n".join([*lines[:5], lines[5][:-1], *lines[6:]]))
    with pytest.raises(InputError, match=f"line 6 is '{lines[5][:-1]}'"):
        read_codes(path, base)
    with pytest.raises(InputError, match="cannot be read"):
        read_codes(tmp_path / "none", base)
