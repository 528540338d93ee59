"""Parameters of every kind of file, by layer, as the file names them; and folded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from golden.arithmetic.fixed import FloatArray
from golden.config import InputError
from golden.graph.float_conv import Epsilon
from golden.importers.tensorflow.checkpoint import read_tf_checkpoint
from golden.networks.facenet.files import find_network, tensors_of
from golden.networks.facenet.names import renamed
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import fold_all, read_stored
from golden.study.parameters.model_parameters import (
    Parameter,
    ParameterFile,
    by_layer,
    read_parameters,
)
from golden.study.parameters.parameter_fold import default_epsilon, fold_parameters
from golden.tests.networks.facenet.facenet_narrow import BETA, DATA, LEFT_OVER, PREFIX, copy, file
from golden.tests.networks.yolov3_tiny import checkpoints

Tensors = dict[str, torch.Tensor]


def numbers() -> dict[str, FloatArray]:
    tensors = read_tf_checkpoint(PREFIX)
    return {name: x.astype(np.float64) for name, x in tensors.items() if name not in LEFT_OVER}


def torch_facenet(path: Path) -> tuple[Path, dict[str, str]]:
    """The narrow network in facenet-pytorch's names, with its classifier; and the names."""
    found = find_network(numbers())
    laid_out = tensors_of(found.graph, found.convs, "torch")
    state = {name: torch.from_numpy(x).to(torch.float32) for name, x in laid_out.items()}
    state["conv2d_1a.bn.num_batches_tracked"] = torch.tensor(5)
    state |= {"logits.weight": torch.ones(7, 32), "logits.bias": torch.zeros(7)}
    return checkpoints.write(path, state), renamed(found.graph, "tensorflow")


def test_a_tensorflow_checkpoint() -> None:
    found = read_parameters(PREFIX)
    assert (found.kind, found.facenet, len(found.files)) == ("tensorflow", True, 2)
    assert tuple(found.others) == LEFT_OVER
    tensors = read_tf_checkpoint(PREFIX)
    assert [one.name for one in found.parameters] == [x for x in tensors if x not in LEFT_OVER]
    for one in found.parameters:
        assert np.array_equal(one.values, tensors[one.name])
        assert one.name == f"{one.layer}/{one.part}"
    layers = by_layer(found.parameters)
    assert len(layers) == 133
    beta, mean, variance, weights = layers[BETA.removesuffix("/BatchNorm/beta")]
    assert [x.role for x in (beta, mean, variance, weights)] == [
        *("beta", "mean", "variance", "weight")
    ]
    assert (weights.axes, weights.values.shape, beta.axes) == ("HWIO", (1, 1, 112, 12), "O")
    bottleneck = {one.part: one for one in layers["InceptionResnetV1/Bottleneck"]}
    assert (bottleneck["weights"].axes, bottleneck["weights"].values.shape) == ("IO", (112, 32))


def test_the_same_network_in_torch(tmp_path: Path) -> None:
    path, names = torch_facenet(tmp_path / "facenet.pth")
    found = read_parameters(path)
    assert found.facenet and set(found.others) == {
        *("conv2d_1a.bn.num_batches_tracked", "logits.weight", "logits.bias")
    }
    assert len(by_layer(found.parameters)) == 133
    ours = {one.name: one for one in found.parameters}
    for one in read_parameters(PREFIX).parameters:
        other = ours[names[one.name]]
        assert other.role == one.role
        order = [one.axes.index(axis) for axis in other.axes]
        assert np.array_equal(one.values.transpose(order), other.values)


def outputs(layer: list[Parameter], epsilon: float) -> FloatArray:
    """What a layer makes of random pixels below its kernel, by torch's batch normalisation."""
    parts = {one.role: one.values.astype(np.float64) for one in layer}
    axes = next(one.axes for one in layer if one.role == "weight")
    wide = parts["weight"].transpose([axes.index(axis) for axis in "OIHW" if axis in axes])
    x = np.random.default_rng(3).normal(size=wide.shape[1:])
    sums = np.tensordot(wide, x, x.ndim) + parts.get("bias", 0.0)
    if "mean" not in parts:
        return sums
    torches = {role: torch.from_numpy(values) for role, values in parts.items()}
    found = torch.nn.functional.batch_norm(
        torch.from_numpy(sums[None]),
        *(torches["mean"], torches["variance"], torches.get("gamma"), torches["beta"]),
        eps=epsilon,
    )
    values: FloatArray = found[0].numpy()
    return values


def check_folded(source: ParameterFile, epsilon: float, given: float | None = None) -> None:
    folded, left = fold_parameters(source, given)
    assert not left
    before, after = by_layer(source.parameters), by_layer(folded)
    assert list(before) == list(after)
    for layer, parts in after.items():
        assert [one.role for one in parts] in (["weight", "bias"], ["bias", "weight"]), layer
        wanted, found = outputs(before[layer], epsilon), outputs(parts, 0)
        assert np.abs(found - wanted).max() < 1e-5 * max(1.0, np.abs(wanted).max()), layer
        assert all(one.values.dtype == np.float32 for one in parts)


def test_folding_a_tensorflow_checkpoint() -> None:
    source = read_parameters(PREFIX)
    assert default_epsilon(source) is Epsilon.SLIM
    check_folded(source, 0.001)
    check_folded(source, 0.1, 0.1)
    folded, _ = fold_parameters(source)
    bias = next(one for one in folded if one.name == BETA.replace("BatchNorm/beta", "biases"))
    assert BETA in bias.sources and len(bias.sources) == 4


def test_folding_facenet_in_torch(tmp_path: Path) -> None:
    source = read_parameters(torch_facenet(tmp_path / "facenet.safetensors")[0])
    assert default_epsilon(source) is Epsilon.SLIM
    check_folded(source, 0.001)


def test_folding_yolo_in_torch(tmp_path: Path) -> None:
    stored = checkpoints.stored(normalised=True)
    state = {f"module.{key}": x for key, x in checkpoints.tensors(stored).items()}
    source = read_parameters(checkpoints.write(tmp_path / "yolo.pth", state))
    assert list(by_layer(source.parameters)) == list(stored) and not source.facenet
    folded, left = fold_parameters(source)
    assert not left
    wanted = fold_all(stored, tmp_path)
    for layer, parts in by_layer(folded).items():
        roles = {one.role: one.values for one in parts}
        assert np.array_equal(roles["weight"], wanted[layer].weight.astype(np.float32))
        assert np.array_equal(roles["bias"], wanted[layer].bias.astype(np.float32))


def test_a_darknet_file(files: ModelFiles) -> None:
    source = read_parameters(files.weights)
    stored = read_stored(files)
    assert (source.kind, list(by_layer(source.parameters))) == ("darknet", list(stored))
    named = {one.name: one for one in source.parameters}
    norm = stored["conv3"].norm
    assert norm is not None
    assert np.array_equal(named["conv3.norm.variance"].values, norm.variance)
    folded, left = fold_parameters(source)
    wanted = fold_all(stored, files.weights)
    assert not left
    for one in folded:
        whole = wanted[one.layer].weight if one.role == "weight" else wanted[one.layer].bias
        assert np.array_equal(one.values, whole.astype(np.float32))


def test_any_state_dict(tmp_path: Path) -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 5),
        torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 3, dtype=torch.bfloat16),
    )
    found = read_parameters(checkpoints.write(tmp_path / "x.pth", net.state_dict()))
    assert list(by_layer(found.parameters)) == ["0", "1", "3"]
    assert [one.role for one in found.parameters] == [
        *("weight", "bias", "gamma", "beta", "mean", "variance", "weight", "bias")
    ]
    assert list(found.others) == ["1.num_batches_tracked"]
    _, left = fold_parameters(found)
    assert left == ("1",)  # which convolution it follows, its name does not say


def spoil(folder: Path, change: Tensors, ending: str = ".pth") -> Path:
    """A small layer with batch normalisation, and something wrong."""
    state = {
        **{"a.conv.weight": torch.ones(2, 3, 1, 1), "a.bn.weight": torch.ones(2)},
        **{"a.bn.bias": torch.zeros(2), "a.bn.running_mean": torch.zeros(2)},
        **{"a.bn.running_var": torch.ones(2)},
    }
    return checkpoints.write(folder / f"x{ending}", state | change)


def test_what_is_refused(tmp_path: Path) -> None:
    nan = torch.tensor([1.0, float("nan")])
    for change, message in (
        ({"a.bn.running_var": nan}, r"x\.pth: a\.bn\.running_var\[1\] is nan: a finite"),
        ({"a.conv.weight": torch.full((2, 3, 1, 1), torch.inf)}, r"weight\[0, 0, 0, 0\] is inf"),
        ({"a.bn.bias": torch.zeros(3)}, r"a\.bn\.bias has shape \(3,\), a has 2 output channels"),
    ):
        with pytest.raises(InputError, match=message):
            read_parameters(spoil(tmp_path, change))
    source = read_parameters(spoil(tmp_path, {"a.bn.running_var": torch.tensor([1.0, -0.5])}))
    with pytest.raises(InputError, match=r"a\.bn\.running_var\[1\] is -0\.5: 0 or more"):
        fold_parameters(source)
    source = read_parameters(spoil(tmp_path, {"a.bn.running_var": torch.zeros(2)}))
    with pytest.raises(InputError, match=r"a\.conv\.weight, folded,\[0, 0, 0, 0\] is inf"):
        fold_parameters(source, 0.0)
    half = checkpoints.write(tmp_path / "h.pth", {"a.bn.running_mean": torch.ones(2)})
    with pytest.raises(InputError, match="batch normalisation has no beta and no variance"):
        read_parameters(half)
    only = checkpoints.write(tmp_path / "o.pth", {"step": torch.tensor(1)})
    with pytest.raises(InputError, match="no layer's parameters in it; it holds step"):
        read_parameters(only)
    for name, message in (
        ("none.ckpt", "does not exist; give a"),
        ("x.pb", "a text file.*; give a"),
    ):
        (tmp_path / "x.pb").write_bytes(b"graph")
        with pytest.raises(InputError, match=message):
            read_parameters(tmp_path / name)


def test_facenet_has_to_be_whole(tmp_path: Path) -> None:
    path, _ = torch_facenet(tmp_path / "x.pth")
    state = torch.load(path, weights_only=True)
    gone = state.pop("repeat_2.4.branch1.1.bn.running_mean")
    with pytest.raises(InputError, match=r"repeat_2\.4\.branch1\.1\.bn\.running_mean is missing"):
        read_parameters(checkpoints.write(path, state))
    state["repeat_2.4.branch1.1.bn.running_mean"] = gone * float("nan")
    with pytest.raises(InputError, match=r"x\.pth: repeat_2.*running_mean\[0\] is nan"):
        read_parameters(checkpoints.write(path, state))


def test_a_truncated_checkpoint_is_one_line(tmp_path: Path) -> None:
    prefix = copy(tmp_path)
    file(prefix, DATA).write_bytes(b"")
    with pytest.raises(InputError, match="truncated, or of another checkpoint"):
        read_parameters(prefix)
