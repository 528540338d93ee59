"""Checkpoints: every form of them is read, and what is wrong with one is named in a line."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from golden.arithmetic.numerics import NumericOptions
from golden.config import InputError, Slope
from golden.graph.float_conv import StoredConv
from golden.networks.yolov3_tiny.files.fetch import ModelFiles, model_files
from golden.networks.yolov3_tiny.files.reading import read_convs, read_network
from golden.networks.yolov3_tiny.files.state_dict import read_stored
from golden.networks.yolov3_tiny.graph import VOC_CLASSES
from golden.networks.yolov3_tiny.retune_patch import read_patch
from golden.tests.networks.yolov3_tiny import checkpoints

OPTIONS = NumericOptions(slope=Slope.EIGHTH)
FORMS = {
    "fused": {"normalised": False},
    "unfused": {"normalised": True},
    "unfused, biased": {"normalised": True, "biased": True},
    "1x1, 255 channels": {"classes": 80, "kernel": 1},
}


@pytest.fixture(scope="module")
def fused() -> dict[str, StoredConv]:
    return checkpoints.stored()


def assert_same(found: dict[str, StoredConv], wanted: dict[str, StoredConv]) -> None:
    assert list(found) == list(wanted)
    for name, conv in wanted.items():
        assert np.array_equal(found[name].weight, conv.weight)
        assert (found[name].bias is None) == (conv.bias is None)
        assert np.array_equal(found[name].folded().weight, conv.folded().weight)
        assert np.array_equal(found[name].folded().bias, conv.folded().bias)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_every_form_is_read(form: str, suffix: str, tmp_path: Path) -> None:
    wanted = checkpoints.stored(**FORMS[form])  # type: ignore[arg-type]
    path = checkpoints.write(tmp_path / f"x{suffix}", checkpoints.tensors(wanted))
    found = read_stored(path)
    if suffix == ".safetensors":  # its writer sorts by name
        found = {name: found[name] for name in wanted}
    assert_same(found, wanted)


def test_what_training_adds_is_no_obstacle(tmp_path: Path) -> None:
    wanted = checkpoints.stored(normalised=True)
    state = checkpoints.tensors(wanted)
    state["conv1.convs.1.num_batches_tracked"] = torch.tensor(7)
    state |= {"a_tracker3.scale": torch.ones(1), "a_tracker3.first_a": torch.ones(1)}
    state |= {"a_tracker_in.min_val": torch.zeros(1), "a_tracker_in.max_val": torch.ones(1)}
    parallel = OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
    whole = {"epoch": 3, "state_dict": parallel, "optimizer": {"lr": 0.1}}
    assert_same(read_stored(checkpoints.write(tmp_path / "x.pt", whole)), wanted)


def test_halves_are_read(fused: dict[str, StoredConv], tmp_path: Path) -> None:
    state = {name: x.to(torch.float16) for name, x in checkpoints.tensors(fused).items()}
    found = read_stored(checkpoints.write(tmp_path / "x.pth", state))
    assert found["conv3"].weight[1, 2, 0, 1] == state["conv3.convs.0.weight"][1, 2, 0, 1].item()


def test_folding_is_torchs_own(tmp_path: Path) -> None:
    stored = checkpoints.stored(normalised=True, biased=True)
    state = checkpoints.tensors(stored)
    found = read_stored(checkpoints.write(tmp_path / "x.pth", state))["conv2"].folded()
    conv, norm = nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32)
    conv.load_state_dict({k: state[f"conv2.convs.0.{k}"] for k in ("weight", "bias")})
    keys = ("weight", "bias", "running_mean", "running_var")
    norm.load_state_dict({k: state[f"conv2.convs.1.{k}"] for k in keys}, strict=False)
    other = fuse_conv_bn_eval(conv.double().eval(), norm.double().eval())
    np.testing.assert_allclose(found.weight, other.weight.detach().numpy(), rtol=1e-12)
    assert other.bias is not None
    np.testing.assert_allclose(found.bias, other.bias.detach().numpy(), rtol=1e-12, atol=1e-15)


def test_heads_keep_75_channels_and_their_names(
    fused: dict[str, StoredConv], tmp_path: Path
) -> None:
    path = checkpoints.write(tmp_path / "x.pth", checkpoints.tensors(fused))
    network = read_network(model_files(path), OPTIONS)
    assert network.classes == VOC_CLASSES and network.embedded_zero_taps == {}
    path.with_suffix(".names").write_text("\n".join(f"kind{i}" for i in range(20)))
    assert read_network(model_files(path), OPTIONS).classes[3] == "kind3"


def test_80_classes_are_cut_to_vocs(files: ModelFiles, tmp_path: Path) -> None:
    wanted = checkpoints.stored(80, 1)
    path = checkpoints.write(tmp_path / "x.pth", checkpoints.tensors(wanted))
    network = read_network(model_files(path), OPTIONS)
    assert network.classes == VOC_CLASSES and network.embedded_zero_taps == {"conv_set_2": 8}
    bias = wanted["pred_1"].bias
    assert bias is not None and files.names is not None
    person = 5 + files.names.read_text().split("\n").index("person")
    assert network.convs["pred_1"].bias[5 + VOC_CLASSES.index("person")] == bias[person]


def test_another_number_of_classes_needs_names(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path / "x.pth", checkpoints.tensors(checkpoints.stored(2)))
    with pytest.raises(InputError, match=r"x\.pth: 2 classes without names: .*x\.names"):
        read_network(model_files(path), OPTIONS)
    path.with_suffix(".names").write_text("mask\nface\n")
    network = read_network(model_files(path), OPTIONS)
    assert network.classes == ("mask", "face")
    assert network.convs["pred_2"].bias.shape == (21,)


def remove(state: checkpoints.Tensors) -> None:
    del state["conv3.convs.0.bias"]


def rename(state: checkpoints.Tensors) -> None:
    state["conv4.conv.0.weight"] = state.pop("conv4.convs.0.weight")


def reshape(state: checkpoints.Tensors) -> None:
    state["conv5.convs.0.weight"] = state["conv5.convs.0.weight"][:, :, :1, :1].clone()


def other_heads(state: checkpoints.Tensors) -> None:
    state["pred_1.weight"] = state["pred_1.weight"][:60].clone()


def no_head(state: checkpoints.Tensors) -> None:
    state["pred_2.weight"] = state["pred_2.weight"][:74].clone()


def half_normalised(state: checkpoints.Tensors) -> None:
    state["conv1.convs.1.weight"] = torch.ones(16)


def nan(state: checkpoints.Tensors) -> None:
    state["conv6.convs.0.weight"][1, 2, 0, 1] = torch.nan


def infinite(state: checkpoints.Tensors) -> None:
    state["pred_1.bias"][4] = -torch.inf


def absurd(state: checkpoints.Tensors) -> None:
    state["conv7.convs.0.bias"][9] = 2.0**100


def integers(state: checkpoints.Tensors) -> None:
    state["conv2.convs.0.bias"] = torch.ones(32, dtype=torch.int32)


def scalar(state: checkpoints.Tensors) -> None:
    state["pred_2.weight"] = torch.tensor(1.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove, r"missing: conv3\.convs\.0\.bias$"),
        (rename, r"missing: conv4\.convs\.0\.weight; extra: conv4\.conv\.0\.weight$"),
        (reshape, r"conv5\.convs\.0\.weight is \(256, 128, 1, 1\), \(256, 128, 3, 3\) is wanted"),
        (other_heads, r"pred_1\.weight is \(60, 256, 1, 1\), \(75, 256, 1, 1\) is wanted"),
        (no_head, r"pred_2\.weight is \(74, 512, 1, 1\), \(75, 512, 1, 1\) is wanted"),
        (scalar, r"pred_2\.weight is \(\), \(75, 512, 1, 1\) is wanted"),
        (half_normalised, r"missing: conv1\.convs\.1\.bias, conv1\.convs\.1\.running_mean, .*var"),
        (nan, r"conv6 weight\[1, 2, 0, 1\] is nan"),
        (infinite, r"pred_1 bias\[4\] is -inf"),
        (absurd, r"conv7\.convs\.0\.bias\[9\] is 1\.26765e\+30: the file is damaged"),
        (integers, r"conv2\.convs\.0\.bias is int32, .*: plain floats are wanted"),
    ],
)
def test_a_wrong_tensor_is_named(
    spoil: Callable[[checkpoints.Tensors], None],
    message: str,
    fused: dict[str, StoredConv],
    tmp_path: Path,
) -> None:
    state = {name: x.clone() for name, x in checkpoints.tensors(fused).items()}
    spoil(state)
    for suffix in (".pth", ".safetensors"):
        path = checkpoints.write(tmp_path / f"x{suffix}", state)
        with pytest.raises(InputError, match=rf"^\S*x\{suffix}: .*{message}") as caught:
            read_convs(model_files(path), OPTIONS)
        assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_network_is_recognised(tmp_path: Path) -> None:
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 2))
    for suffix in (".pth", ".safetensors"):
        path = checkpoints.write(tmp_path / f"x{suffix}", other.state_dict())
        with pytest.raises(InputError) as caught:
            read_stored(path)
        output = str(caught.value)
        assert "a checkpoint of another network than YOLOv3-tiny: missing: conv1.convs" in output
        assert "and 23 more; extra: " in output and "0.weight" in output and "and 6 more" in output


class Harmful:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = checkpoints.write(tmp_path / "x.pth", {"conv1.convs.0.weight": Harmful(trap)})
    with pytest.raises(InputError, match=r"x\.pth: holds code \(posix\.mkdir\), which is not run"):
        read_stored(path)
    path.write_bytes(pickle.dumps(Harmful(trap)))
    with pytest.raises(InputError, match=r"x\.pth: (holds code|not a torch file)"):
        read_stored(path)
    assert not trap.exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_whole_models_and_programs_are_refused(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    path = checkpoints.write(tmp_path / "x.pth", model)
    with pytest.raises(InputError, match=r"holds code \(torch\.nn\.modules\.linear\.Linear\)"):
        read_stored(path)
    torch.jit.trace(model, torch.ones(1, 2)).save(str(path))  # type: ignore[no-untyped-call]
    with pytest.raises(InputError, match="TorchScript program, which is not run"):
        read_stored(path)
    for content, kind in ((torch.ones(3), "Tensor"), ({"epoch": 1}, "dict"), ([1, 2], "list")):
        with pytest.raises(InputError, match=f"holds a {kind}, not named tensors"):
            read_stored(checkpoints.write(path, content))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_file_is_refused(
    suffix: str, fused: dict[str, StoredConv], tmp_path: Path
) -> None:
    path = checkpoints.write(tmp_path / f"x{suffix}", checkpoints.tensors(fused))
    data = path.read_bytes()
    half = len(data) // 2
    bit = data[:half] + bytes([data[half] ^ 0x40]) + data[half + 1 :]
    cut = (data[:-3], data[:1000], data[:5], b"", b"hello " * 99, b"\x80\x02." + data[:9])
    for content in cut if suffix == ".safetensors" else (bit, *cut):  # which has no checksum
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"x\{suffix}: .*(damaged|a text)") as caught:
            read_stored(path)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(InputError, match=rf"x\{suffix} does not exist"):
        read_stored(path)


def test_a_state_dict_two_keys_deep_is_named(tmp_path: Path) -> None:
    state = checkpoints.tensors(checkpoints.stored())
    path = checkpoints.write(tmp_path / "x.pth", {"epoch": 1, "model": {"state_dict": state}})
    with pytest.raises(InputError, match=r"two keys deep, in \['model'\]\['state_dict'\]"):
        read_stored(path)


def test_a_patch_of_another_kind_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"this is .*; give a patch of convpe retune"):
        read_patch(path)
