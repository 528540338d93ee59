"""The digits' network: trained, folded, in integers; and what is wrong with a file of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from golden.arithmetic.numerics import NumericOptions
from golden.config import InputError
from golden.graph.layers import ConvLayer
from golden.networks.digits.build import (
    build_digits,
    convs_of,
    quantized,
    read_convs,
    read_off,
    scores_in_floats,
    scores_in_integers,
)
from golden.networks.digits.graph import GRAPH, HEAD
from golden.networks.digits.samples import FULL, Samples, load_samples, prepare, write_pictures
from golden.networks.digits.training import LeNet, train
from golden.reference import torch_oracle
from golden.reference.run import run

Tensors = dict[str, torch.Tensor]


@lru_cache(maxsize=1)
def trained() -> Tensors:
    return train()


def share(found: object, samples: Samples) -> float:
    return float(np.mean(found == samples.labels))


def test_the_trained_network_reads_the_digits_kept_away() -> None:
    kept = load_samples()[1]
    model = LeNet()
    model.load_state_dict(trained())
    model.eval()
    with torch.no_grad():
        unfolded = model(torch.from_numpy(kept.pictures)).numpy()
    folded = scores_in_floats(convs_of(trained()), kept)
    np.testing.assert_allclose(np.array(folded)[:, :, 0, 0], unfolded, atol=1e-3)
    assert share(read_off(folded), kept) > 0.95
    assert share(read_off(scores_in_floats(convs_of(LeNet().state_dict()), kept)), kept) < 0.5


@pytest.mark.parametrize(
    ("act_w", "weight_w", "changed"), [(16, 16, 1), (16, 8, 4), (8, 8, 8)], ids=str
)
def test_integers_read_nearly_the_same(act_w: int, weight_w: int, changed: int) -> None:
    kept = load_samples()[1]
    convs = convs_of(trained())
    network = build_digits(convs, NumericOptions(act_w=act_w, weight_w=weight_w))
    found = read_off(scores_in_integers(network, kept))
    assert share(found, kept) > 0.95
    assert np.count_nonzero(found != read_off(scores_in_floats(convs, kept))) <= changed


def test_one_seed_gives_one_network() -> None:
    few = load_samples()[0].first(64)
    state = torch.random.get_rng_state()
    one, again, other = (train(few, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["fc3.weight"], other["fc3.weight"])
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.are_deterministic_algorithms_enabled()


def test_golden_models_agree_on_every_layer() -> None:
    network = build_digits(convs_of(trained()))
    values = run(network, quantized(network, load_samples()[1].pictures[0]))
    convs = [node for node in network.nodes if isinstance(node, ConvLayer)]
    assert [layer.name for layer in convs] == [*GRAPH.convs]
    for layer in convs:
        found = torch_oracle.conv(values[layer.source], layer)
        np.testing.assert_array_equal(found, values[layer.name])


def test_the_split_keeps_each_digit_apart() -> None:
    trained_on, kept = load_samples()
    assert len(trained_on.labels) == 1437 and len(kept.labels) == 360
    assert np.bincount(kept.labels).min() >= 35
    seen = {picture.tobytes() for picture in trained_on.pictures}
    assert not any(picture.tobytes() in seen for picture in kept.pictures)
    assert len(kept.first(5).labels) == len(kept.first(5).pictures) == 5


def test_pictures_come_back_from_their_files(tmp_path: Path) -> None:
    kept = load_samples()[1].first(3)
    paths = write_pictures(kept, tmp_path / "new" / "folder")
    assert [path.stem[-1] for path in paths] == [str(label) for label in kept.labels]
    assert sorted(paths) == paths
    for path, picture in zip(paths, kept.pictures, strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(prepare(image), picture)


def test_a_larger_and_brighter_picture_is_fitted() -> None:
    levels = np.zeros((16, 24), np.uint8)
    levels[:, 12:] = 255
    found = prepare(Image.fromarray(levels))
    assert found.shape == (1, 8, 8)
    assert found.min() == 0 and found.max() == 1 < 255 / FULL


def test_a_file_is_read_back(tmp_path: Path) -> None:
    save_file(trained(), tmp_path / "lenet.safetensors")
    convs = read_convs(tmp_path / "lenet.safetensors")
    for name, conv in convs_of(trained()).items():
        np.testing.assert_array_equal(convs[name].weight, conv.weight)
    assert convs[HEAD].weight.shape == (10, 84, 1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("fc1.bias"), "fc1.bias: no such tensor"),
        (lambda t: t.pop("norm2.running_var"), "norm2.running_var: no such tensor"),
        (
            lambda t: t.update({"fc1.weight": torch.zeros(120, 65)}),
            r"fc1.weight: its shape is \(120, 65\), \(120, 16, 2, 2\) is wanted",
        ),
        (lambda t: t["conv2.weight"].fill_(float("nan")), "conv2"),
    ],
    ids=["bias", "variance", "shape", "nan"],
)
def test_what_is_wrong_with_a_file_is_named(
    tmp_path: Path,
    change: object,
    message: str,
) -> None:
    tensors = {name: tensor.clone() for name, tensor in LeNet().state_dict().items()}
    assert callable(change)
    change(tensors)
    path = tmp_path / "bad.safetensors"
    save_file(tensors, path)
    with pytest.raises(InputError, match=rf"bad\.safetensors: .*{message}"):
        read_convs(path)
