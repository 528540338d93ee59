"""A network of one's own: every kind of layer from a list, in floats and in integers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from golden.arithmetic.fixed import FloatArray, dequantize
from golden.arithmetic.numerics import NumericOptions
from golden.config import Activation, ConfigError, InputError, PoolPad, Slope
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork, Graph
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    ConvLayer,
    Padding,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
)
from golden.graph.network import Network
from golden.importers.torch.state_dict import folded_convs
from golden.quantization.layers import quantize_image
from golden.quantization.network import quantize_network
from golden.reference import float_model, spec
from golden.reference.run import run
from golden.vision.images import Pixels

GRAPH = Graph(
    (
        Conv("a", IMAGE, 2, 6, (3, 5), stride=2, padding="valid"),
        PoolLayer("a_pool", "a", 2, 1, PoolPad.ZERO),
        Conv("b", "a_pool", 6, 4, (3, 3)),
        PoolLayer("small", "b"),
        UpsampleLayer("large", "small"),
        Conv("c", "b", 4, 4, (1, 1), activation=Activation.LINEAR),
        ResidualLayer("sum", ("large", "c")),
        ConcatLayer("both", ("sum", "a_pool")),
        AverageLayer("mean", "both"),
        Conv("last", "mean", 10, 3, norm=False, activation=Activation.LINEAR),
    )
)
SHAPE = (2, 13, 15)


def numbers() -> dict[str, FloatConv]:
    draw = np.random.default_rng(5)
    return {
        name: FloatConv(
            name, draw.normal(0, 0.4, conv.weight_shape), draw.normal(0, 0.3, conv.out_channels)
        )
        for name, conv in GRAPH.convs.items()
    }


def real() -> FloatNetwork:
    return FloatNetwork(GRAPH, numbers(), ("x", "y", "z"))


def pictures() -> list[Pixels]:
    draw = np.random.default_rng(6)
    return [draw.uniform(0, 1, SHAPE).astype(np.float32) for _ in range(3)]


def build(options: NumericOptions | None = None) -> Network:
    return quantize_network("mine", real(), SHAPE, pictures(), options)


@pytest.mark.parametrize(("bits", "error"), [(16, 2e-3), (8, 0.5)])
def test_integers_are_near_the_floats_in_every_layer(bits: int, error: float) -> None:
    network = build(NumericOptions(act_w=bits, weight_w=bits))
    assert network.name == "mine" and network.classes == ("x", "y", "z")
    assert network.shapes() == GRAPH.shapes(SHAPE)
    for picture in pictures():
        wanted = float_model.run(real(), picture, dtype=torch.float64)
        found = run(network, quantize_image(picture, network.input_frac, bits)[0])
        for name, frac in network.fracs().items():
            np.testing.assert_allclose(dequantize(found[name], frac), wanted[name], atol=error)


LEAKY = Graph(
    (
        Conv("a", IMAGE, 2, 5, (3, 4), 2, Padding(0, 2, 3, 1), activation=Activation.LEAKY),
        Conv("b", "a", 5, 3, (3, 3), padding=Padding(1, 0, 0, 0)),
    )
)


@pytest.mark.parametrize("slope", list(Slope))
def test_padding_differs_by_side_and_a_slope_is_the_options(slope: Slope) -> None:
    draw = np.random.default_rng(9)
    convs = {
        name: FloatConv(name, draw.normal(0, 0.4, node.weight_shape), draw.normal(0, 0.3, shape))
        for name, node in LEAKY.convs.items()
        for shape in (node.out_channels,)
    }
    network = FloatNetwork(LEAKY, convs)
    built = quantize_network("mine", network, SHAPE, pictures(), NumericOptions(slope=slope))
    picture = pictures()[0]
    wanted = float_model.run(network, picture, slope.real, torch.float64)
    assert {name: value.shape for name, value in wanted.items()} == LEAKY.shapes(SHAPE)
    padded = np.pad(picture.astype(np.float64), ((0, 0), (0, 2), (3, 1)))
    corner = (convs["a"].weight[0] * padded[:, :3, :4]).sum() + convs["a"].bias[0]
    np.testing.assert_allclose(wanted["a"][0, 0, 0], max(corner, corner * slope.real))
    found = run(built, quantize_image(picture, built.input_frac)[0])
    for name, frac in built.fracs().items():
        np.testing.assert_allclose(dequantize(found[name], frac), wanted[name], atol=2e-3)


def test_given_fraction_bits_come_first() -> None:
    given = {"image": 12, "a.weight": 9, "c.output": 7, "last.output": 6}
    network = quantize_network("mine", real(), SHAPE, pictures(), given=given)
    fracs = network.fracs()
    first = network.node("a")
    assert isinstance(first, ConvLayer) and first.weight_frac == 9
    assert (fracs["image"], fracs["c"], fracs["large"], fracs["last"]) == (12, 7, 7, 6)
    with pytest.raises(ConfigError, match=r"fraction bits of sum.output: no such tensor.*a.weight"):
        quantize_network("mine", real(), SHAPE, pictures(), given={"sum.output": 3})
    with pytest.raises(ConfigError, match=r"last.output has 24 fraction bits, its products have"):
        given = {"last.output": 24, "last.weight": 2}
        quantize_network("mine", real(), SHAPE, pictures(), given=given)


def test_the_plain_specification_agrees() -> None:
    network = build()
    values = run(network, quantize_image(pictures()[0], network.input_frac)[0])
    for node in network.nodes:
        if isinstance(node, ConvLayer):
            found = spec.conv(values[node.source], node)
            np.testing.assert_array_equal(found, values[node.name])


def test_a_network_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"b: 6 input channels, not 5"):
        Graph((Conv("a", IMAGE, 2, 6), Conv("b", "a", 5, 4))).shapes(SHAPE)
    with pytest.raises(ConfigError, match=r"a: an even kernel \(2, 2\) cannot keep"):
        Conv("a", IMAGE, 2, 6, (2, 2))
    with pytest.raises(ConfigError, match=r"a: groups 2: not yet supported, only 1 is"):
        Conv("a", IMAGE, 2, 6, groups=2)
    with pytest.raises(ConfigError, match=r"a: dilation 3: not yet supported"):
        Conv("a", IMAGE, 2, 6, dilation=3)
    with pytest.raises(ConfigError, match=r"a: activation leaky wants a slope"):
        float_model.run(leaky(None), pictures()[0])


def test_a_graph_that_hangs_together_badly_is_refused() -> None:
    one = Conv("a", IMAGE, 2, 6)
    with pytest.raises(ConfigError, match=r"b: reads zz, which no earlier node makes"):
        Graph((one, Conv("b", "zz", 6, 4)))
    with pytest.raises(ConfigError, match=r"b: reads c, which no earlier node makes"):
        Graph((one, Conv("b", "c", 6, 4), Conv("c", "a", 6, 6)))
    with pytest.raises(ConfigError, match=r"a: two nodes have this name"):
        Graph((one, one))
    with pytest.raises(ConfigError, match=r"a: padding 'SAME': give same, valid or a Padding"):
        Conv("a", IMAGE, 2, 6, padding="SAME")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"a: stride 0: give 1 or more"):
        Conv("a", IMAGE, 2, 6, stride=0)


def test_numbers_that_are_not_the_graphs_are_refused() -> None:
    graph = Graph((Conv("a", IMAGE, 2, 6),))
    with pytest.raises(ConfigError, match=r"a: no weights; there are none"):
        quantize_network("bad", FloatNetwork(graph, {}), SHAPE, pictures())
    other = FloatConv("a", np.ones((4, 1, 3, 3)), np.ones(4))
    with pytest.raises(ConfigError, match=r"a: weights \(4, 1, 3, 3\), \(6, 2, 1, 1\) are wanted"):
        quantize_network("bad", FloatNetwork(graph, {"a": other}), SHAPE, pictures())


def leaky(slope: float | None) -> FloatNetwork:
    node = Conv("a", IMAGE, 2, 6, activation=Activation.LEAKY, slope=slope)
    return FloatNetwork(Graph((node,)), {"a": FloatConv("a", -np.ones((6, 2, 1, 1)), np.zeros(6))})


def test_a_layers_own_slope_comes_before_the_networks() -> None:
    for slope, wanted in ((None, Slope.EIGHTH), (13 / 128, Slope.THIRTEEN_128THS)):
        network = quantize_network("own", leaky(slope), SHAPE, pictures())
        assert [conv.slope for conv in network.convs()] == [wanted]
        picture = pictures()[0]
        found = float_model.run(leaky(slope), picture, Slope.EIGHTH.real, torch.float64)["a"]
        np.testing.assert_allclose(found[0], -wanted.real * picture.astype(np.float64).sum(0))


def test_a_slope_that_the_pe_has_not_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a: leaky slope 0\.01: not yet supported, use 1/8 or"):
        quantize_network("own", leaky(0.01), SHAPE, pictures())
    with pytest.raises(ConfigError, match=r"a: slope 0\.125, but it is relu"):
        Conv("a", IMAGE, 2, 6, slope=0.125)


SMALL = Graph(
    (
        Conv("conv", IMAGE, 2, 6, (3, 3), padding="valid", activation=Activation.LINEAR),
        Conv("fc", "conv", 6, 5, (2, 2), padding="valid", activation=Activation.LINEAR),
    )
)


def small() -> torch.nn.Sequential:
    """The same in torch: a convolution with its batch normalisation, and a linear layer."""
    norm = torch.nn.BatchNorm2d(6)
    model = torch.nn.Sequential()
    model.add_module("conv", torch.nn.Conv2d(2, 6, 3))
    model.add_module("norm", norm)
    model.add_module("flat", torch.nn.Flatten())
    model.add_module("fc", torch.nn.Linear(24, 5))
    draw = torch.Generator().manual_seed(3)
    for tensor in (*model.parameters(), norm.running_mean, norm.running_var):
        assert tensor is not None
        tensor.data.copy_(torch.rand(tensor.shape, generator=draw) + 0.1)
    return model.double().eval()


def test_a_state_dict_is_folded() -> None:
    model = small()
    picture: FloatArray = np.random.default_rng(1).uniform(size=(2, 4, 4))
    convs = folded_convs(SMALL, model.state_dict(), {"conv": "norm"})
    found = float_model.run(FloatNetwork(SMALL, convs), picture, dtype=torch.float64)["fc"]
    with torch.no_grad():
        wanted = model(torch.from_numpy(picture)[None]).numpy()
    np.testing.assert_allclose(found[:, 0, 0], wanted[0], rtol=1e-12)


def test_a_tensor_that_is_missing_is_named() -> None:
    tensors = small().state_dict()
    del tensors["norm.running_var"]
    with pytest.raises(InputError, match=r"norm\.running_var: no such tensor; there are conv"):
        folded_convs(SMALL, tensors, {"conv": "norm"})
    with pytest.raises(InputError, match=r"fc\.weight: its shape is \(5, 24\), \(5, 6, 3, 3\)"):
        folded_convs(Graph((Conv("fc", IMAGE, 6, 5, (3, 3)),)), tensors)
