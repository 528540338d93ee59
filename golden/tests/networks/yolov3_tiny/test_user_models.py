"""Models that users train: any number of classes, their own anchors, masks and sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.arithmetic.numerics import NumericOptions
from golden.config import InputError
from golden.graph.float_graph import FloatNetwork
from golden.graph.image_size import ImageSize, Rectangle
from golden.networks.yolov3_tiny.detection import find
from golden.networks.yolov3_tiny.files.fetch import OFFICIAL_SHA256, WEIGHTS, model_files
from golden.networks.yolov3_tiny.files.own_size import size_beside
from golden.networks.yolov3_tiny.files.reading import (
    model_note,
    read_description,
    read_network,
)
from golden.networks.yolov3_tiny.files.saving import copy_companions
from golden.networks.yolov3_tiny.files.shaping import hardware_network
from golden.networks.yolov3_tiny.graph import ANCHOR_SIZES, VOC_CLASSES, graph
from golden.reference import float_model
from golden.tests.networks.yolov3_tiny.checkpoints import stored, tensors, write
from golden.tests.networks.yolov3_tiny.user_models import ANCHORS, write_user_model

OPTIONS = NumericOptions()
HALVED = tuple(side // 2 for side in ANCHORS)


def network_of(path: Path) -> FloatNetwork:
    return read_network(model_files(path), OPTIONS)


@pytest.mark.parametrize("classes", [1, 2, 7, 43, 80])
def test_any_number_of_classes_has_heads_of_its_own(classes: int, tmp_path: Path) -> None:
    network = network_of(write_user_model(tmp_path, classes))
    assert network.classes == tuple(f"kind {number}" for number in range(classes))
    assert len(network.convs["pred_1"].bias) == len(network.convs["pred_2"].bias)
    assert len(network.convs["pred_1"].bias) == 3 * (5 + classes)


def test_only_80_classes_are_cut_to_those_of_voc() -> None:
    convs = {name: conv.folded() for name, conv in stored(25, 1, normalised=True).items()}
    names = (*VOC_CLASSES, *(f"kind {number}" for number in range(5)))
    assert hardware_network(convs, names).classes == names


@pytest.mark.parametrize(
    ("masks", "anchors", "wanted"),
    [
        (("3,4,5", "0,1,2"), ANCHORS, ((10, 14), (23, 27), (37, 58))),
        (("3,4,5", "1,2,3"), ANCHORS, ANCHOR_SIZES["pred_1"]),
        (("3,4,5", "1,2,3"), HALVED, ((11, 13), (18, 29), (40, 41))),
    ],
)
def test_anchors_and_masks_are_those_of_the_description(
    masks: tuple[str, str],
    anchors: tuple[int, ...],
    wanted: tuple[tuple[float, float], ...],
    tmp_path: Path,
) -> None:
    path = write_user_model(tmp_path, 2, anchors=anchors, masks=masks)
    network = network_of(path)
    assert network.anchors.sides["pred_1"] == wanted
    assert network.anchors == read_description(model_files(path)).anchors


def test_boxes_have_the_sizes_of_the_anchors(tmp_path: Path) -> None:
    size = Rectangle(height=64, width=96)
    network = network_of(write_user_model(tmp_path, 1, size, HALVED, seen=1))
    picture = np.random.default_rng(3).random((3, 64, 96), np.float32)
    values = float_model.run(network, picture, OPTIONS.slope.real)
    heads = {name: values[name] for name in ("pred_1", "pred_2")}
    limits = network.classes, (64, 96), "plain", size, 0.0, 1.0
    found = find(heads, *limits, anchors=network.anchors).boxes  # type: ignore[arg-type]
    inside = [box for box in found if box.left > 0 < box.top and box.right < 96 and box.bottom < 64]
    sides = {(round(box.right - box.left, 3), round(box.bottom - box.top, 3)) for box in inside}
    cells = [
        (head, anchor, row, column)
        for head, stride in (("pred_1", 16), ("pred_2", 32))
        for anchor in range(3)
        for row in range(64 // stride)
        for column in range(96 // stride)
    ]
    boxes = set()
    for head, anchor, row, column in cells:
        width, height = network.anchors.sides[head][anchor]
        wide, high = heads[head][6 * anchor + 2 : 6 * anchor + 4, row, column]
        boxes.add((round(width * float(np.exp(wide)), 3), round(height * float(np.exp(high)), 3)))
    assert inside and sides <= boxes


def test_the_official_weights_keep_the_masks_that_they_were_trained_with(tmp_path: Path) -> None:
    files = model_files(write_user_model(tmp_path, 80))
    assert read_description(files).anchors.sides["pred_1"][0] == (10, 14)
    official = read_description(replace(files, sha256=OFFICIAL_SHA256[WEIGHTS]))
    assert official.anchors.sides == ANCHOR_SIZES
    assert "1,2,3" in official.note


@pytest.mark.parametrize(
    ("size", "wanted"), [(None, None), (96, 96), (Rectangle(384, 640), Rectangle(384, 640))]
)
def test_the_size_is_that_of_the_description(
    size: ImageSize | None, wanted: ImageSize | None, tmp_path: Path
) -> None:
    assert size_beside(write_user_model(tmp_path, 1, size)) == wanted


def test_a_size_that_the_network_cannot_have_is_refused(tmp_path: Path) -> None:
    path = write_user_model(tmp_path, 1, Rectangle(height=380, width=640))
    with pytest.raises(InputError, match=r"mine.cfg.*640x380.*multiple of 32"):
        size_beside(path)


def test_a_description_beside_a_checkpoint_counts(tmp_path: Path) -> None:
    model = write(tmp_path / "mine.safetensors", tensors(stored(20, 3)))
    assert network_of(model).anchors.sides == ANCHOR_SIZES
    assert "no .cfg" in model_note(model_files(model))
    write_user_model(tmp_path, 20, 96, HALVED)
    (tmp_path / "mine.names").unlink()
    assert network_of(model).anchors.sides["pred_1"][0] == (5, 7)
    assert size_beside(model) == 96
    write_user_model(tmp_path, 3)
    with pytest.raises(InputError, match=r"20 classes, but .*mine.cfg says classes=3"):
        read_network(replace(model_files(model), names=None), OPTIONS)


def test_the_graph_of_one_class_has_18_channels() -> None:
    assert graph(1).shapes((3, 64, 96))["pred_1"] == (18, 4, 6)
    assert graph(7).shapes((3, 96, 64))["pred_2"] == (36, 3, 2)


def test_what_is_written_keeps_the_anchors(tmp_path: Path) -> None:
    source = write_user_model(tmp_path, 2, 96, HALVED)
    files = model_files(source)
    for name in ("again.weights", "again.pth"):
        copies = copy_companions(files, tmp_path / name)
        assert [copy.name for copy in copies] == ["again.cfg", "again.names"]
        assert (tmp_path / "again.cfg").read_bytes() == source.with_suffix(".cfg").read_bytes()


def test_the_official_description_is_copied_with_the_trained_mask(tmp_path: Path) -> None:
    files = replace(model_files(write_user_model(tmp_path, 80)), sha256=OFFICIAL_SHA256[WEIGHTS])
    assert copy_companions(files, tmp_path / "again.pth") == [tmp_path / "again.names"]
    copy_companions(files, tmp_path / "again.weights")
    again = replace(files, cfg=tmp_path / "again.cfg", weights=tmp_path / "again.weights")
    assert read_description(replace(again, sha256="0")).anchors.sides == ANCHOR_SIZES
