"""Boxes as Ultralytics' Detect layer decodes them, from a checkpoint to a manifest."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.arithmetic.numerics import NumericOptions
from golden.config import InputError
from golden.export.reader import read_integers
from golden.export.writer import write_integers
from golden.graph.anchors import Anchors, BoxDecoding
from golden.networks.yolov3_tiny.detection import STRIDES, decode
from golden.networks.yolov3_tiny.files.fetch import model_files
from golden.networks.yolov3_tiny.files.reading import (
    fold_all,
    read_description,
    read_network,
    read_stored,
)
from golden.networks.yolov3_tiny.files.saving import check_saved, save_like, unsaid
from golden.networks.yolov3_tiny.graph import ANCHOR_SIZES
from golden.tests.networks.yolov3_tiny import checkpoints
from golden.tests.networks.yolov3_tiny.descriptions import description
from golden.tests.networks.yolov3_tiny.test_torch_names import numbered
from golden.tests.small_networks import branches

SQUARED = Anchors(ANCHOR_SIZES, BoxDecoding.ULTRALYTICS)


@pytest.mark.parametrize("head", ["pred_1", "pred_2"])
def test_every_box_is_that_of_the_formula(head: str) -> None:
    rows, columns, classes = 2, 3, 1
    values = np.random.default_rng(1).normal(0, 2, (3 * (5 + classes), rows, columns))
    corners, _ = decode(values, head, SQUARED)
    plain, _ = decode(values, head, Anchors(ANCHOR_SIZES))
    found = iter(zip(corners, plain, strict=True))
    for anchor, (width, height) in enumerate(ANCHOR_SIZES[head]):
        for row in range(rows):
            for column in range(columns):
                t = [float(values[anchor * 6 + i, row, column]) for i in range(4)]
                s = [1 / (1 + math.exp(-x)) for x in t]
                squared, darknet = next(found)
                x, y = ((2 * s[i] - 0.5 + (column, row)[i]) * STRIDES[head] for i in (0, 1))
                w, h = 4 * s[2] ** 2 * width, 4 * s[3] ** 2 * height
                assert squared == pytest.approx([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
                x, y = ((s[i] + (column, row)[i]) * STRIDES[head] for i in (0, 1))
                w, h = math.exp(t[2]) * width, math.exp(t[3]) * height
                assert darknet == pytest.approx([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def checkpoint(folder: Path) -> Path:
    """A checkpoint with Ultralytics' names."""
    names = {own: name for name, own in numbered().items()}
    tensors = checkpoints.tensors(checkpoints.stored(normalised=True))
    return checkpoints.write(folder / "u.pth", {names[k]: x for k, x in tensors.items()})


@pytest.mark.parametrize("described", [False, True])
def test_a_checkpoint_says_its_decoding_whatever_lies_beside_it(
    described: bool, tmp_path: Path
) -> None:
    path = checkpoint(tmp_path)
    if described:
        path.with_suffix(".cfg").write_text("\n".join(description(75)))
    said = read_description(model_files(path))
    assert said.anchors.decoding is BoxDecoding.ULTRALYTICS
    assert (said.anchors == SQUARED) is not described
    assert "SiLU" in said.note
    assert ("no .cfg" in said.note) is not described
    assert read_network(model_files(path), NumericOptions()).anchors == said.anchors


def test_what_the_torch_model_s_names_do_not_keep_is_said(tmp_path: Path) -> None:
    assert "Detect" in unsaid(model_files(checkpoint(tmp_path)), tmp_path / "y.pth")
    tensors = checkpoints.tensors(checkpoints.stored())
    assert not unsaid(
        model_files(checkpoints.write(tmp_path / "x.pth", tensors)), tmp_path / "y.pth"
    )


def test_what_is_written_like_it_reads_back_equal(tmp_path: Path) -> None:
    files = model_files(checkpoint(tmp_path))
    convs = {
        name: replace(conv, weight=np.round(conv.weight * 256) / 256, bias=np.round(conv.bias))
        for name, conv in fold_all(read_stored(files), files.weights).items()
    }
    save_like(files, convs, tmp_path / "again.pth")
    check_saved(tmp_path / "again.pth", convs)
    again = read_description(model_files(tmp_path / "again.pth"))
    assert again.anchors.decoding is BoxDecoding.ULTRALYTICS


def test_a_manifest_keeps_the_decoding(tmp_path: Path) -> None:
    made = branches((12, 10))
    path = write_integers(tmp_path, made, write_hex=False)
    assert "decoding" not in json.loads(path.read_text())
    path = write_integers(tmp_path, replace(made, anchors=SQUARED), write_hex=False)
    assert read_integers(path).network.anchors == SQUARED
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "decoding": "v8"}))
    with pytest.raises(InputError, match="decoding is 'v8': darknet or ultralytics is wanted"):
        read_integers(path)
