"""Whose anchors, masks and size count: the model's own description's, or the official ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden.config import InputError
from golden.networks.yolov3_tiny.files.fetch import OFFICIAL_SHA256, WEIGHTS, ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_description
from golden.networks.yolov3_tiny.graph import ANCHOR_SIZES
from golden.tests.networks.yolov3_tiny.descriptions import ANCHORS, description

HALVED = "anchors = 5,7, 11.5,13.5, 18.5,29, 40.5,41, 67.5,84.5, 172,159.5"


def model(folder: Path, cfg: str, official: bool, own: bool = True) -> ModelFiles:
    """Weights of 75 channels, with a description of their name or of another."""
    weights = folder / "mine.weights"
    path = folder / ("mine.cfg" if own else "official.cfg")
    path.write_text(cfg)
    header = np.array([0, 2, 0, 0, 0], "<i4").tobytes()
    weights.write_bytes(header + bytes(4 * 8_720_134))
    return ModelFiles(weights, path, None, OFFICIAL_SHA256[WEIGHTS] if official else "", False)


def published(anchors: str = ANCHORS) -> str:
    """The published description's masks."""
    sections = description(255)
    sections[-1] = sections[-1].replace("3,4,5", "0,1,2")
    return "\n".join(sections).replace(ANCHORS, anchors)


def test_the_official_weights_have_their_trained_mask(tmp_path: Path) -> None:
    said = read_description(model(tmp_path, published(), official=True))
    assert said.anchors.sides == ANCHOR_SIZES
    assert "mask 1,2,3" in said.note


def test_anchors_of_a_description_count_beside_the_official_weights_too(tmp_path: Path) -> None:
    said = read_description(model(tmp_path, published(HALVED), official=True))
    assert said.anchors.sides == {
        head: tuple((width / 2, height / 2) for width, height in pairs)
        for head, pairs in ANCHOR_SIZES.items()
    }


def test_a_user_s_own_mask_counts(tmp_path: Path) -> None:
    said = read_description(model(tmp_path, published(), official=False))
    assert said.anchors.sides["pred_1"] == ((10, 14), (23, 27), (37, 58))


def test_weights_without_a_description_get_the_official_anchors_and_a_line(tmp_path: Path) -> None:
    said = read_description(model(tmp_path, published(), official=False, own=False))
    assert (said.classes, said.size, said.anchors.sides) == (20, None, ANCHOR_SIZES)
    assert "no .cfg is beside mine.weights" in said.note


def test_a_description_of_another_network_is_refused(tmp_path: Path) -> None:
    cfg = published().replace("size=2", "size=2\npadding=0", 1)
    with pytest.raises(InputError, match=r"line 17: layer 1 \[maxpool\]: padding=0"):
        read_description(model(tmp_path, cfg, official=True))
