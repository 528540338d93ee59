"""The golden part of ``make bench``: what it writes, and that nothing wrong is ever timed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from golden.config import ConfigError, PoolPad, ProductMode
from golden.graph.layers import ConvLayer
from golden.reference.run import run
from golden.study import speed
from golden.tests.small_networks import branches, chain
from tb.cli import app
from tb.console import EXIT_INTERRUPTED, EXIT_RED
from tb.flows.benchmark import golden_speed
from tb.flows.benchmark.record import GOLDEN_SCHEMA, GoldenRecord, GoldenRun, MeasureError

COMMIT = "0123456789abcdef" * 2 + "01234567"
RUN = GoldenRun("golden kernels", "full", "per_layer", 0.05, 3_000_000, 400_000_000, 0.25)
RECORD = GoldenRecord(COMMIT, [RUN])


def validate(document: dict[str, Any]) -> None:
    jsonschema.validate(document, json.loads(GOLDEN_SCHEMA.read_text()))


def frame(mode: ProductMode = ProductMode.FULL) -> speed.Frame:
    network = chain(PoolPad.ZERO, (17, 14), mode)
    image = np.random.default_rng(3).integers(-400, 400, network.input_shape).astype(np.int16)
    return speed.Frame(network, run(network, image))


def test_what_is_written_is_as_described(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "bench" / "golden.json")
    document = json.loads((tmp_path / "bench" / "golden.json").read_text())
    validate(document)
    (made,) = document["runs"]
    assert document["threads"] == 1
    assert made["macs_per_second"] == pytest.approx(6e7)
    assert made["ratio_to_torch_float64"] == 0.25
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["golden.json"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["runs"].clear(),
        lambda document: document.pop("machine"),
        lambda document: document.update(threads=2),
        lambda document: document.update(more=1),
        lambda document: document["runs"][0].update(mode="cut"),
        lambda document: document["runs"][0].update(format="q8.8"),
        lambda document: document["runs"][0].update(seconds=0),
        lambda document: document["runs"][0].pop("peak_bytes"),
    ],
)
def test_the_schema_refuses_what_is_not_as_described(
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    document = json.loads(RECORD.to_json())
    spoil(document)
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    path.write_text("before")
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(RECORD, runs=[replace(RUN, ratio=float("inf"))]).write(path)
    assert path.read_text() == "before"


@pytest.mark.parametrize("name", ["seconds", "macs", "peak_bytes", "ratio"])
def test_nothing_done_is_no_measurement(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} 0"):
        replace(RUN, **{name: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ProductMode)
def test_every_way_of_ours_arrives_at_the_oracles_sums(mode: ProductMode) -> None:
    made = frame(mode)
    expected = speed.expected_sums(made)
    for name in (speed.KERNELS, speed.FRAME):
        way = speed.make_way(name, made, expected)
        assert way.name == name and way.wrong(way.work()) == 0
        assert way.frame.macs == sum(made.network.macs().values())


def test_the_others_are_exact_but_for_float32() -> None:
    network = branches((8, 10))
    first = network.node("conv1")
    assert isinstance(first, ConvLayer)
    large = replace(first, weight=first.weight * np.int16(300))
    network = replace(network, nodes=(large, *network.nodes[1:]))
    draw = np.random.default_rng(1)
    image = draw.integers(-32768, 32768, network.input_shape).astype(np.int16)
    made = speed.Frame(network, run(network, image))
    wrong = {way.name: way.wrong(way.work()) for way in speed.ways([made])}
    assert tuple(wrong) == speed.NAMES
    assert wrong.pop(speed.FLOAT32) > 0
    assert set(wrong.values()) == {0}


@pytest.mark.parametrize("name", [speed.KERNELS, speed.FLOAT64, speed.GEMM])
def test_one_wrong_sum_is_not_timed(name: str) -> None:
    made = frame()
    expected = speed.expected_sums(made)
    expected[1][0, 0, 0] += 1
    way = speed.make_way(name, made, expected)
    with pytest.raises(MeasureError, match=f"^{name}, full, q7.8: 1 values differ"):
        golden_speed._checked(way, lambda: None)


def test_what_is_not_exact_is_called_so() -> None:
    made = frame()
    expected = speed.expected_sums(made)
    expected[1][0, 0, 0] += 1
    way = speed.make_way(speed.FLOAT32, made, expected)
    assert golden_speed._checked(way, lambda: None) == "torch float32 conv2d (not exact)"


def test_works_run_in_turn() -> None:
    order: list[str] = []
    works = [lambda: order.append("a"), lambda: order.append("b")]
    seconds = golden_speed.time_in_turn(works, 3, lambda: None)
    assert order == ["a", "b"] * 3
    assert len(seconds) == 2 and min(seconds) >= 0


def bench(base: Path) -> tuple[int, str]:
    text = StringIO()
    code = golden_speed.bench_golden(Console(file=text, width=200), base, size=32, rounds=1)
    return code, text.getvalue()


@pytest.mark.slow
@pytest.mark.usefixtures("official")
def test_measures_and_writes(tmp_path: Path) -> None:
    code, text = bench(tmp_path)
    assert code == 0, text
    document = json.loads((tmp_path / "golden.json").read_text())
    validate(document)
    names = [one["name"].removesuffix(" (not exact)") for one in document["runs"]]
    assert names == [speed.KERNELS] * 4 + [speed.FRAME] * 4 + list(speed.NAMES[2:])
    modes = [one["mode"] for one in document["runs"]]
    assert modes[:4] == modes[4:8] == ["full", "full", "cut_floor", "cut_round"]
    assert all(10**7 < one["peak_bytes"] < 10**9 for one in document["runs"])
    assert len({one["peak_bytes"] for one in document["runs"]}) > 1
    assert text.count("GMAC/s") == len(names)


@pytest.mark.parametrize(
    ("error", "code", "output"),
    [
        (MeasureError("golden kernels: 1 value"), EXIT_RED, "golden kernels: 1 value"),
        (KeyboardInterrupt(), EXIT_INTERRUPTED, "interrupted by the user"),
    ],
)
def test_what_fails_leaves_no_file(
    error: BaseException, code: int, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: Any) -> None:
        raise error

    (tmp_path / "golden.json").write_text("of the last time")
    monkeypatch.setattr(golden_speed, "measure", fails)
    found, text = bench(tmp_path)
    assert found == code
    assert text == f"FAILED  golden: {output}\n"
    assert list(tmp_path.iterdir()) == []


def test_either_part_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from tb.flows.benchmark import command

    ran: list[str] = []

    def runs(name: str, code: int) -> Callable[..., int]:
        return lambda *given: (ran.append(name), code)[1]  # type: ignore[func-returns-value]

    monkeypatch.setattr(golden_speed, "bench_golden", runs("golden", 0))
    monkeypatch.setattr(command, "bench", runs("sim", 1))
    codes = [
        CliRunner().invoke(app, ["bench", *words]).exit_code
        for words in ([], ["--part", "golden"], ["--part", "sim"])
    ]
    assert ran == ["sim", "golden", "golden", "sim"]
    assert codes == [1, 0, 1]
    with pytest.raises(ConfigError, match="PART=rtl: choose sim or golden"):
        done = CliRunner().invoke(app, ["bench", "--part", "rtl"])
        assert done.exception is not None
        raise done.exception
