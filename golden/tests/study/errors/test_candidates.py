"""Networks side by side: what each one computes, and how their boxes are counted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, NumberFormat, ProductMode
from golden.networks.yolov3_tiny import detection
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_convs, read_network
from golden.networks.yolov3_tiny.graph import HEADS
from golden.networks.yolov3_tiny.retune_patch import Patch, write_patch
from golden.quantization.layers import quantize_image
from golden.reference import float_model
from golden.reference.run import run
from golden.study.detection.detections import LISTED, DetectionOptions, Total, compare, listing
from golden.study.detection.matching import Agreement
from golden.study.errors.candidates import Candidate, Heads, Maker, check_names, parse_name
from golden.vision.datasets import Sample
from golden.vision.images import default_image, load, preprocess

SIZE = 96
PLAIN = NumericOptions()


@pytest.fixture(scope="module")
def pixels() -> npt.NDArray[np.float32]:
    return preprocess(load(default_image()), SIZE)


@pytest.fixture(scope="module")
def maker(files: ModelFiles) -> Maker:
    return Maker(files, PLAIN, None, SIZE)


@pytest.mark.parametrize(
    "name",
    [
        *("", "floats", "q7.8", "q7.8:", "q7.9:full", "per_layer:half", "full:q7.8"),
        *("per_layer:full:9", "per_layer:full:8:8", "weights", "weights:", "weights:q7.8:8:1"),
    ],
)
def test_a_wrong_name_says_what_there_is(name: str) -> None:
    with pytest.raises(ConfigError, match=r"choose float, teacher, weights:FORMAT or FORMAT:MODE"):
        parse_name(name, PLAIN)


def test_choices_that_contradict_each_other_are_refused_early() -> None:
    check_names(["float", "teacher", "weights:q7.8", "q7.8:cut_floor", "per_layer:full:8"], PLAIN)
    with pytest.raises(ConfigError, match=r"mode cut_floor is defined for format q7\.8 only"):
        check_names(["per_layer:cut_floor"], PLAIN)
    with pytest.raises(ConfigError, match=r"format q7\.8 is 16 bits wide"):
        check_names(["q7.8:full:8"], PLAIN)
    with pytest.raises(ConfigError, match=r"q7\.8:full: it is there twice"):
        check_names(["q7.8:full", "float", "q7.8:full"], PLAIN)


def same(found: Heads, wanted: Mapping[str, npt.NDArray[np.floating]]) -> bool:
    return all(np.array_equal(found[head], wanted[head]) for head in HEADS)


def test_integers_are_bit_true(
    files: ModelFiles, maker: Maker, pixels: npt.NDArray[np.float32]
) -> None:
    options = NumericOptions(format=NumberFormat.Q7_8, mode=ProductMode.CUT_ROUND)
    network = build_yolov3_tiny(files, options, input_size=SIZE, retune=None)
    values = run(network, quantize_image(pixels, 8)[0])
    candidate = maker.make("q7.8:cut_round")
    found = candidate.heads(pixels)
    assert same(found, {head: values[head] / 2.0**8 for head in HEADS})
    assert candidate.about["kind"] == "bit_true"
    assert candidate.about["mode"] == "cut_round"


def test_floats_have_the_hardware_slope_and_the_teacher_its_own(
    files: ModelFiles, maker: Maker, pixels: npt.NDArray[np.float32]
) -> None:
    network = read_network(files, PLAIN, None)
    for name, slope in (("float", 1 / 8), ("teacher", 0.1)):
        candidate = maker.make(name)
        wanted = float_model.run(network, pixels, slope)
        found = candidate.heads(pixels)
        assert found["pred_2"].dtype == np.float64
        for head in HEADS:
            np.testing.assert_allclose(found[head], wanted[head], atol=1e-3)
        assert candidate.about["slope"] == slope


def test_rounded_weights_lie_close_to_the_floats_and_apart(
    maker: Maker, pixels: npt.NDArray[np.float32]
) -> None:
    wanted = maker.make("float").heads(pixels)["pred_1"]
    errors = {
        name: np.abs(maker.make(name).heads(pixels)["pred_1"] - wanted).max()
        for name in ("weights:q7.8", "weights:per_layer")
    }
    assert 0 < errors["weights:per_layer"] < errors["weights:q7.8"] / 10 < 1


def test_a_patch_tunes_all_but_the_teacher(
    files: ModelFiles, maker: Maker, pixels: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    about = {"weights_sha256": files.sha256, "slope": "1/8"}
    folded = read_convs(files, PLAIN, None)
    scale = {name: np.full(len(conv.bias), 0.5) for name, conv in folded.items()}
    shift = {name: np.zeros(len(conv.bias)) for name, conv in folded.items()}
    write_patch(tmp_path / "half.safetensors", Patch(scale, shift, about))
    tuned = Maker(files, PLAIN, tmp_path / "half.safetensors", SIZE)
    for name in ("float", "weights:q7.8", "q7.8:full"):
        assert not same(tuned.make(name).heads(pixels), maker.make(name).heads(pixels))
    assert same(tuned.make("teacher").heads(pixels), maker.make("teacher").heads(pixels))


# Counting


def fixed(name: str, cells: Mapping[tuple[int, int], float]) -> Candidate:
    """A network that sees one kind of box, 135 x 169 pixels, at these cells of pred_2."""

    def heads(_: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.floating]]:
        values = {"pred_1": np.full((18, 12, 12), -50.0), "pred_2": np.full((18, 6, 6), -50.0)}
        for (row, column), objectness in cells.items():
            values["pred_2"][6:12, row, column] = (0, 0, -1, -1, objectness, 50)
        return values

    return Candidate(name, ("dog",), heads, {"kind": "float"})


LOOKING = DetectionOptions("plain", 192)


def pictures(count: int) -> list[Sample]:
    image = Image.new("RGB", (192, 192))
    return [Sample(f"picture {n}", image, Path("there.png")) for n in range(count)]


def test_boxes_are_held_against_the_first_networks() -> None:
    first = fixed("float", {(1, 1): 3, (4, 4): 2})
    other = fixed("q7.8:full", {(1, 1): 2, (1, 4): 1})
    totals = [Total(first), Total(other)]
    for one in compare([first, other], pictures(3), LOOKING):
        for total, found, matched in zip(totals, one.found, one.matched, strict=True):
            total.add(found, matched)
        shown = listing(one.found[1], one.matched[1])
        assert [box["overlap_with_first"] for box in shown["boxes"]] == [1, None]
    assert [total.boxes for total in totals] == [6, 6]
    counts = totals[1].agreement
    assert (counts.matched, counts.extra, counts.missed) == (3, 3, 3)
    assert totals[0].agreement == Agreement(6, 0, 0, 6.0, 0.0)
    change = 1 / (1 + np.exp(-2.0)) - 1 / (1 + np.exp(-3.0))
    assert counts.mean_change == pytest.approx(change)


def test_how_pictures_are_looked_at_decides() -> None:
    network = fixed("float", {(1, 1): 3, (1, 2): 2})
    (shown,) = pictures(1)
    near = LOOKING.detect([network], shown)[0]
    assert (len(near.boxes), near.candidates) == (2, 2)
    assert len(DetectionOptions("plain", 192, 0.9).detect([network], shown)[0].boxes) == 1
    assert len(DetectionOptions("plain", 192, overlap=0.1).detect([network], shown)[0].boxes) == 1


def test_crowds_are_counted_whole_and_listed_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = fixed("float", {(r, c): 3 + r / 9 for r in range(6) for c in range(6)})
    monkeypatch.setattr(detection, "CANDIDATES", 20)
    monkeypatch.setattr("golden.study.detection.detections.LISTED", 5)
    total = Total(everywhere)
    for one in compare([everywhere], pictures(2), DetectionOptions("plain", 192, overlap=1)):
        total.add(one.found[0], one.matched[0])
        shown = listing(one.found[0], one.matched[0])
        assert (shown["count"], shown["candidates"], len(shown["boxes"])) == (20, 36, 5)
    assert (total.boxes, total.candidates, total.cut_pictures) == (40, 72, 2)
    assert LISTED == 100
