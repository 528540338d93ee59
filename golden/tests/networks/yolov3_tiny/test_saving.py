"""Models written again: same order and format, every number read back, nothing half written."""

from __future__ import annotations

import errno
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from golden.arithmetic.fixed import quantize
from golden.config import ConfigError, InputError
from golden.files import sha256_of
from golden.graph.float_conv import BatchNorm, FloatConv, StoredConv, neutral
from golden.networks.yolov3_tiny.files.fetch import ModelFiles, model_files
from golden.networks.yolov3_tiny.files.reading import fold_all, read_stored
from golden.networks.yolov3_tiny.files.saving import check_saved, save_folded, save_like
from golden.tests.networks.yolov3_tiny import checkpoints


def representable(stored: dict[str, StoredConv], frac: int = 8) -> dict[str, FloatConv]:
    """The folded convolutions on a grid."""
    return {
        name: FloatConv(
            name,
            quantize(conv.folded().weight, frac)[0] / 2.0**frac,
            quantize(conv.folded().bias, 16, 25)[0] / 2.0**16,
        )
        for name, conv in stored.items()
    }


def assert_equal(path: Path, wanted: dict[str, FloatConv]) -> None:
    stored = read_stored(model_files(path))
    found = fold_all(stored, path)
    assert list(found) == list(wanted)
    for name, conv in wanted.items():
        assert np.array_equal(found[name].weight, conv.weight)
        assert np.array_equal(found[name].bias, conv.bias)


def test_a_neutral_normalisation_changes_nothing_in_any_reader() -> None:
    draw = np.random.default_rng(3)
    weight = (draw.integers(-32768, 32768, (64, 5, 3, 3)) / 2.0**20).astype(np.float64)
    weight[0, 0, 0] = [2.0**-24, -1.0, 127.99609375]
    bias = (draw.integers(-(1 << 24), 1 << 24, 64) / 2.0**20).astype(np.float64)
    one = np.ones(64)
    like = StoredConv("c", weight, None, BatchNorm("c", one, one, one, one))
    norm = neutral(FloatConv("c", weight, bias), like).norm
    assert norm is not None
    for kind in (np.float32, np.float64):
        w, beta, gamma, mean, variance = (
            x.astype(kind) for x in (weight, norm.beta, norm.gamma, norm.mean, norm.variance)
        )
        for deviation in (
            np.sqrt(variance) + kind(1e-6),  # Darknet
            np.sqrt(variance + kind(1e-5)),  # torch, and Darknet's fork when it folds
            np.sqrt(variance + kind(1e-3)),
        ):
            folded = w * (gamma / deviation)[:, None, None, None]
            assert np.array_equal(folded.astype(np.float64), weight)
            assert np.array_equal((beta - mean * gamma / deviation).astype(np.float64), bias)
            sums = w[:, 0, 0, 2]  # or the sum is normalised, not the weights
            assert np.array_equal((sums - mean) / deviation * gamma + beta, sums + beta)


def test_darknet_comes_back_as_darknet(files: ModelFiles, tmp_path: Path) -> None:
    wanted = representable(read_stored(files))
    path = tmp_path / "again.weights"
    written = save_like(files, wanted, path)
    assert [file.name for file in written] == ["again.weights", "again.cfg", "again.names"]
    assert_equal(path, wanted)
    check_saved(path, wanted)
    source, again = files.weights.read_bytes(), path.read_bytes()
    assert len(again) == len(source) and again[:20] == source[:20]
    stored = read_stored(model_files(path))
    assert stored["conv_set_2"].weight.shape == (256, 1024, 1, 1)
    assert stored["pred_1"].weight.shape == (255, 256, 1, 1)
    assert sha256_of(files.weights) == files.sha256


@pytest.mark.parametrize("form", [{}, {"normalised": True}, {"normalised": True, "biased": True}])
def test_a_checkpoint_keeps_keys_order_and_company(form: dict[str, bool], tmp_path: Path) -> None:
    stored = checkpoints.stored(**form)
    state = OrderedDict((f"module.{k}", x) for k, x in checkpoints.tensors(stored).items())
    state["module.a_tracker_in.max_val"] = torch.tensor([0.7])
    state.move_to_end("module.pred_1.bias", last=False)
    whole = {"epoch": 3, "state_dict": state}
    files = model_files(checkpoints.write(tmp_path / "x.pth", whole))
    wanted = representable(read_stored(files))
    path = tmp_path / "out" / "x.pth"
    save_like(files, wanted, path)
    assert_equal(path, wanted)
    again = torch.load(path, weights_only=True)
    assert list(again) == ["epoch", "state_dict"] and again["epoch"] == 3
    assert list(again["state_dict"]) == list(state)
    assert again["state_dict"]["module.a_tracker_in.max_val"] == torch.tensor([0.7])
    assert {x.dtype for x in again["state_dict"].values()} == {torch.float32}
    assert sha256_of(files.weights) == files.sha256


def test_safetensors_keep_order_types_and_metadata(tmp_path: Path) -> None:
    stored = checkpoints.stored()
    state = {k: x.to(torch.float16) for k, x in checkpoints.tensors(stored).items()}
    like = write_in_order(tmp_path / "x.safetensors", state, {"made": "here"})
    files = model_files(like)
    wanted = representable(read_stored(files))
    wanted["conv1"].bias[0] = 1 + 2.0**-16
    path = tmp_path / "out.safetensors"
    save_like(files, wanted, path)
    assert_equal(path, wanted)
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"made": "here"}
        types = {name: file.get_tensor(name).dtype for name in state}
    assert list(header(path)) == list(state)
    assert types["conv7.convs.0.weight"] is torch.float16  # 11 bits hold them
    assert types["conv1.convs.0.bias"] is torch.float32  # not every number of it


def write_in_order(path: Path, state: checkpoints.Tensors, metadata: dict[str, str]) -> Path:
    """Write tensors in an order that the library's writer would not choose."""
    start, head, data = 0, {"__metadata__": metadata}, []
    fields: dict[str, Any] = dict(head)
    for name, tensor in state.items():
        data.append(tensor.numpy().tobytes())
        stop = start + len(data[-1])
        fields[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(fields).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(data))
    return path


def header(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    fields: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    fields.pop("__metadata__")
    return fields


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_folded_model_is_a_checkpoint(suffix: str, files: ModelFiles, tmp_path: Path) -> None:
    convs = fold_all(read_stored(files), files.weights)
    path = tmp_path / f"folded{suffix}"
    assert save_folded(files, convs, path) == [path, tmp_path / "folded.names"]
    stored = read_stored(model_files(path))
    assert stored["pred_2"].weight.shape == (255, 512, 1, 1)
    for name, conv in convs.items():
        assert stored[name].norm is None
        np.testing.assert_allclose(stored[name].weight, conv.weight, rtol=1e-7, atol=1e-30)


def test_a_folded_checkpoint_keeps_its_ranges(tmp_path: Path) -> None:
    stored = checkpoints.stored(normalised=True)
    state = checkpoints.tensors(stored)
    for name, value in (("min_val", -3.0), ("max_val", 5.0), ("first_a", 1.0)):
        state[f"a_tracker7.{name}"] = torch.tensor([value])
    files = model_files(checkpoints.write(tmp_path / "x.pth", state))
    save_folded(files, fold_all(stored, files.weights), tmp_path / "y.pth")
    again = torch.load(tmp_path / "y.pth", weights_only=True)
    assert again["a_tracker7.max_val"].item() == 5 and again["a_tracker7.min_val"].item() == -3


def test_targets_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    stored = checkpoints.stored()
    files = model_files(checkpoints.write(tmp_path / "x.pth", checkpoints.tensors(stored)))
    convs = fold_all(stored, files.weights)
    (tmp_path / "link.pth").symlink_to(files.weights)
    for target in (files.weights, tmp_path / "link.pth"):
        for save in (save_like, save_folded):
            with pytest.raises(ConfigError, match="is the source itself: give another file"):
                save(files, convs, target)
    with pytest.raises(ConfigError, match=r"the source is a \.pth file: write one too"):
        save_like(files, convs, tmp_path / "x.weights")
    with pytest.raises(ConfigError, match=r"is written as \.pth, \.pt, \.safetensors"):
        save_folded(files, convs, tmp_path / "x.weights")
    assert sha256_of(files.weights) == files.sha256


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".weights"])
def test_a_full_disk_leaves_the_old_file(
    suffix: str, files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if suffix != ".weights":
        state = checkpoints.tensors(checkpoints.stored())
        files = model_files(checkpoints.write(tmp_path / f"x{suffix}", state))
    convs = representable(read_stored(files))
    path = tmp_path / "out" / f"y{suffix}"
    path.parent.mkdir()
    path.write_bytes(b"old")
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        real(self, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save_like(files, convs, path)
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [
        (path.name, b"old")
    ]


def test_what_was_not_written_as_meant_is_found(tmp_path: Path) -> None:
    stored = checkpoints.stored()
    files = model_files(checkpoints.write(tmp_path / "x.pth", checkpoints.tensors(stored)))
    convs = fold_all(stored, files.weights)
    check_saved(files.weights, convs)
    bias = convs["conv5"].bias.copy()
    bias[3] += 2.0**-20
    convs["conv5"] = FloatConv("conv5", convs["conv5"].weight, bias)
    with pytest.raises(InputError, match="conv5 was not written as it was meant"):
        check_saved(files.weights, convs)
