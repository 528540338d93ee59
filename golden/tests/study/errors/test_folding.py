"""Folded and unfolded networks agree, and a wrong folding would be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from golden.graph import float_conv
from golden.graph.float_conv import Epsilon
from golden.networks.yolov3_tiny.files.fetch import ModelFiles, model_files
from golden.networks.yolov3_tiny.files.reading import read_stored
from golden.networks.yolov3_tiny.graph import graph
from golden.study.errors.folding import folding_errors, unfolded
from golden.tests.networks.yolov3_tiny import checkpoints
from golden.vision.images import default_image, load, preprocess

PIXELS = preprocess(load(default_image()), 96)


def test_the_official_network_folds_without_loss(files: ModelFiles) -> None:
    found = folding_errors(read_stored(files), PIXELS, 0.125)
    assert [layer.name for layer in found][:2] == ["conv1", "conv2"] and len(found) == 13
    assert [layer.name for layer in found if not layer.normalised] == ["pred_1", "pred_2"]
    for layer in found:
        assert 0 < layer.float32 < 2e-5 * layer.largest
        assert 0 < layer.float64 < 1e-12 * layer.largest


def test_the_wrong_epsilon_is_seen(files: ModelFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = read_stored(files)
    good = folding_errors(stored, PIXELS, 0.125)
    torchs = float_conv.deviation
    monkeypatch.setattr(float_conv, "deviation", lambda v, _: torchs(v, Epsilon.TORCH))
    bad = folding_errors(stored, PIXELS, 0.125)
    assert bad[0].float64 > 1e-3 and bad[0].float32 > 100 * good[0].float32


def test_a_folded_checkpoint_has_nothing_to_fold(tmp_path: Path) -> None:
    stored = checkpoints.stored()
    path = checkpoints.write(tmp_path / "x.pth", checkpoints.tensors(stored))
    for layer in folding_errors(read_stored(model_files(path)), PIXELS[:, :32, :32], 0.125):
        assert not layer.normalised and layer.float64 == layer.float32 == 0


def test_unfolded_is_torchs_own_layers() -> None:
    stored = checkpoints.stored(normalised=True, biased=True)
    state = checkpoints.tensors(stored)
    conv, norm = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
    conv.load_state_dict({k: state[f"conv2.convs.0.{k}"] for k in ("weight", "bias")})
    keys = ("weight", "bias", "running_mean", "running_var")
    norm.load_state_dict({k: state[f"conv2.convs.1.{k}"] for k in keys}, strict=False)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((16, 9, 9)))
    node = graph().convs["conv2"]
    with torch.no_grad():
        wanted = nn.Sequential(conv, norm).double().eval()(x[None])[0]
    np.testing.assert_allclose(unfolded(node, x, stored["conv2"]), wanted, rtol=1e-11, atol=1e-12)
    darknets = replace(stored["conv2"], epsilon=Epsilon.DARKNET)
    assert not np.allclose(unfolded(node, x, darknets), wanted, rtol=1e-9)
