"""FaceNet in floats and in integers, on a network of a few channels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, InputError, NumberFormat, ProductMode, Standardization
from golden.export.reader import read_integers
from golden.export.writer import write_integers
from golden.graph.layers import ConvLayer, PoolLayer, ResidualLayer, sources
from golden.graph.network import Network
from golden.networks.facenet.build import build_facenet
from golden.networks.facenet.files import FaceNet, read_facenet, read_named, tensors_of
from golden.networks.facenet.graph import BOTTLENECK, facenet
from golden.networks.facenet.pictures import prepare, prepare_all
from golden.networks.facenet.seeded import seeded
from golden.quantization.fraction_bits import choose_formats, format_groups, reach
from golden.quantization.layers import quantize_image
from golden.reference import float_model, spec
from golden.reference.run import run
from golden.study.dumps.inference import differences
from golden.study.facenet import block_ends, embedding, network_errors
from golden.tests.networks.facenet.facenets import SIZE, narrow, narrow_network, pictures
from golden.tests.networks.facenet.torch_model import torch_model

W8A8 = NumericOptions(act_w=8, weight_w=8)
CUT = NumericOptions(format=NumberFormat.Q7_8, mode=ProductMode.CUT_ROUND)


def build(options: NumericOptions | None = None) -> Network:
    return build_facenet(narrow_network().folded(), options, pictures(), SIZE)


def quantised(network: Network) -> Int16Array:
    return quantize_image(pictures()[0], network.input_frac, network.options.act_w)[0]


def test_one_seed_gives_one_network() -> None:
    one, same, other = narrow_network(), seeded(narrow()), seeded(narrow(), 2)
    for name in one.convs:
        np.testing.assert_array_equal(one.folded().convs[name].bias, same.folded().convs[name].bias)
    name = "Repeat_2.block8_5.Conv2d_1x1"
    assert not np.array_equal(one.convs[name].weight, other.convs[name].weight)


def test_a_seeded_network_neither_explodes_nor_dies() -> None:
    network = narrow_network()
    values = float_model.run(network.folded(), pictures()[0], dtype=torch.float64)
    for name in block_ends(network.graph).values():
        assert 0.1 < np.sqrt((values[name] ** 2).mean()) < 20, name
        assert np.count_nonzero(values[name]) > values[name].size / 4, name


def test_folding_changes_nothing() -> None:
    network = narrow_network()
    model = torch_model(network, torch.float64)
    images = np.stack(pictures()).astype(np.float64)
    with torch.no_grad():
        apart = model.layers(torch.from_numpy(images))
        embeddings = model(torch.from_numpy(images)).numpy()
    for index, image in enumerate(images):
        merged = float_model.run(network.folded(), image, dtype=torch.float64)
        assert list(merged) == list(apart)
        for name, values in merged.items():
            np.testing.assert_allclose(apart[name][index].numpy(), values, atol=1e-9)
        np.testing.assert_allclose(embeddings[index], embedding(merged[BOTTLENECK]), atol=1e-12)
    np.testing.assert_allclose((embeddings**2).sum(axis=1), 1)


def test_a_branch_is_scaled_once() -> None:
    network = narrow_network()
    name = "Repeat.block35_1.Conv2d_1x1"
    plain, folded = network.convs[name], network.folded().convs[name]
    np.testing.assert_allclose(folded.weight, 0.17 * plain.weight)
    assert plain.bias is not None
    np.testing.assert_allclose(folded.bias, 0.17 * plain.bias)


@pytest.mark.parametrize("options", [NumericOptions(), W8A8, CUT], ids=["16/16", "8/8", "cut"])
def test_three_golden_models_agree(options: NumericOptions) -> None:
    network = build(options)
    values = run(network, quantised(network))
    assert set(differences(network, values).values()) == {0}
    for node in network.nodes:
        inputs = [values[name] for name in sources(node)]
        if isinstance(node, ConvLayer):
            again = spec.conv(inputs[0], node)
        elif isinstance(node, PoolLayer):
            again = spec.pool(inputs[0], node, options.act_w)
        else:
            continue
        np.testing.assert_array_equal(again, values[node.name])


def test_the_integers_are_the_floats_as_near_as_their_bits_allow() -> None:
    network = narrow_network()
    exact = network_errors(network, build(), pictures())
    assert [block.name for block in exact.blocks] == [*block_ends(network.graph)]
    assert min(block.sqnr_db or 0 for block in exact.blocks) > 45
    assert min(exact.cosines) > 0.99999
    rough = network_errors(network, build(W8A8), pictures())
    assert min(rough.cosines) < min(exact.cosines)
    assert max(block.sqnr_db or 0 for block in rough.blocks) < 40


def test_a_wrong_network_is_told_by_its_errors() -> None:
    network = build()
    node = network.node("Repeat_1.block17_4.Conv2d_1x1")
    assert isinstance(node, ConvLayer)
    wrong = replace(node, weight=np.ascontiguousarray(-node.weight))
    nodes = tuple(wrong if each.name == node.name else each for each in network.nodes)
    errors = network_errors(narrow_network(), replace(network, nodes=nodes), pictures())
    found = {block.name: block.sqnr_db or 0 for block in errors.blocks}
    assert found["Repeat_1.block17_3"] > 45 > 30 > found["Repeat_1.block17_4"]


def test_the_trunk_loses_fraction_bits_only_where_it_adds() -> None:
    weights = narrow_network()
    name = "Repeat_2.block8_2.Conv2d_1x1"
    loud = replace(weights.convs[name], weight=64 * weights.convs[name].weight)
    grown = FaceNet(weights.graph, {**weights.convs, name: loud})
    network = build_facenet(grown.folded(), calibration=pictures(), input_size=SIZE)
    fracs = network.fracs()
    shifts = {node.name: node.shift for node in network.nodes if isinstance(node, ResidualLayer)}
    assert len(shifts) == 21 and shifts["Repeat_2.block8_1.add"] >= 3
    assert sum(shifts.values()) == fracs["Conv2d_4b_3x3"] - fracs["Block8.add"]
    assert fracs["Conv2d_4b_3x3"] == fracs["Repeat.block35_1.Conv2d_1x1"]
    assert fracs["Logits.AvgPool_1a_8x8"] == fracs["Block8.add"]
    assert set(differences(network, run(network, quantised(network))).values()) == {0}
    errors = network_errors(grown, network, pictures())
    assert min(block.sqnr_db or 0 for block in errors.blocks) > 40


def test_formats_hold_what_was_seen_and_no_less_than_they_can() -> None:
    network, options = narrow_network(), NumericOptions()
    real = network.folded()
    room = reach(real, pictures(), options)
    formats = choose_formats(real, room, options)
    group = format_groups(network.graph)
    for name, frac in formats.output.items():
        assert frac == formats.output[group[name]]
        if name != "image":
            assert room[name] * 2.0**frac <= 32767.5
    for name, node in network.graph.convs.items():
        assert formats.output[name] <= formats.output[node.source] + formats.weight[name]
        largest = np.abs(real.convs[name].weight).max()
        assert 16383 < largest * 2.0 ** formats.weight[name] <= 32767.5
    tight = {name: value / 1024 for name, value in room.items()}
    narrower = choose_formats(real, tight, options)
    node = network.graph.convs[BOTTLENECK]
    assert narrower.output[BOTTLENECK] <= narrower.output[node.source] + narrower.weight[BOTTLENECK]


def test_a_network_of_integers_is_written_and_read_again(tmp_path: Path) -> None:
    network = build(W8A8)
    again = read_integers(write_integers(tmp_path, network)).network
    assert again.fracs() == network.fracs()
    image = quantised(network)
    np.testing.assert_array_equal(run(again, image)[BOTTLENECK], run(network, image)[BOTTLENECK])


def test_sizes_and_no_pictures_are_refused() -> None:
    with pytest.raises(ConfigError, match="SIZE=74"):
        build_facenet(narrow_network().folded(), input_size=74)
    with pytest.raises(ValueError, match="no pictures"):
        network_errors(narrow_network(), build(), [])


def test_pictures_are_square_and_standardised() -> None:
    image = Image.new("RGB", (30, 10), (0, 0, 0))
    image.paste((255, 255, 255), (10, 0, 20, 10))
    assert (prepare(image, 8) == np.float32(127.5 / 128)).all()
    shipped = prepare_all(size=80)
    assert len(shipped) == 5 and all(picture.shape == (3, 80, 80) for picture in shipped)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_is_read(ending: str, tmp_path: Path) -> None:
    network, path = narrow_network(), tmp_path / f"face{ending}"
    state = tensors_of(network.graph, network.convs, "torch")
    extra = {"logits.weight": np.zeros((3, 10)), "steps": np.zeros(1, np.int64)}
    if ending == ".pth":
        tensors = {name: torch.from_numpy(x) for name, x in {**state, **extra}.items()}
        torch.save({"state_dict": {f"module.{name}": x for name, x in tensors.items()}}, path)
    else:
        plain = {name: np.ascontiguousarray(x) for name, x in {**state, **extra}.items()}
        save_file(plain, path)
    found = read_facenet(path)
    assert sorted(found.unknown) == ["logits.weight", "steps"]
    for name, conv in network.folded().convs.items():
        np.testing.assert_array_equal(found.folded().convs[name].weight, conv.weight)
    assert set(read_named(path)) == {*state, *extra}


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    other = tmp_path / "face.onnx"
    other.write_bytes(b"0")
    with pytest.raises(InputError, match=r"face\.onnx: this is .*; give .* a TensorFlow check"):
        read_facenet(other)
    torch.save({"conv1.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth: no Inception-ResNet-v1 in it"):
        read_facenet(tmp_path / "other.pth")


@pytest.mark.slow
def test_the_whole_network_survives_16_bits() -> None:
    network = seeded(facenet())
    images = prepare_all()
    built = build_facenet(network.folded(), calibration=images)
    errors = network_errors(network, built, images[:1])
    assert min(block.sqnr_db or 0 for block in errors.blocks) > 50
    assert errors.cosines[0] > 0.99999


def test_pictures_of_2017_are_standardised_one_by_one() -> None:
    levels = np.random.default_rng(5).integers(0, 256, (90, 90, 3), np.uint8)
    found = prepare(Image.fromarray(levels), 90, Standardization.PER_IMAGE)
    values = [int(value) for value in levels.flat]
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    wanted = [(value - mean) / deviation for value in values]
    np.testing.assert_allclose(found.transpose(1, 2, 0).ravel(), wanted, rtol=1e-6, atol=1e-6)
    # Without contrast the deviation is held at 1 / sqrt(values): not a division by zero.
    assert not prepare(Image.new("RGB", (80, 80), (9, 9, 9)), 80, Standardization.PER_IMAGE).any()
    nearly = np.zeros((80, 80, 3), np.uint8)
    nearly[0, 0, 0] = 1
    values_count = nearly.size
    peak = prepare(Image.fromarray(nearly), 80, Standardization.PER_IMAGE).max()
    assert peak == pytest.approx((1 - 1 / values_count) * values_count**0.5, rel=1e-6)


def test_the_image_s_format_holds_the_standardised_range() -> None:
    floats = narrow_network().folded()
    shipped = {each: build_facenet(floats, None, None, SIZE, each) for each in Standardization}
    fixed, own = shipped[Standardization.FIXED], shipped[Standardization.PER_IMAGE]
    assert (fixed.input_frac, own.input_frac) == (15, 11)
