"""Inception-ResNet-v1's table, and the two spellings of its tensors."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from golden.arithmetic.fixed import FloatArray
from golden.config import Activation, ConfigError, InputError
from golden.graph.layers import ConcatLayer, Padding, PoolLayer, ResidualLayer
from golden.networks.facenet.files import find_network, naming_of, tensors_of
from golden.networks.facenet.graph import BOTTLENECK, MIN_SIZE, check_size, facenet, graph_of
from golden.networks.facenet.names import Naming, names, renamed
from golden.study.parameters.modules import modules
from golden.tests.networks.facenet.facenets import narrow, narrow_network
from golden.tests.networks.facenet.torch_model import InceptionResnetV1, network_of, torch_model

NAMINGS: tuple[Naming, ...] = ("tensorflow", "torch")


def test_132_convolutions_and_a_bottleneck_in_1418_million_macs() -> None:
    usual = facenet()
    assert len(usual.convs) == 132 + 1 and list(usual.convs)[-1] == BOTTLENECK
    assert sum(usual.macs((3, 160, 160)).values()) == 1_417_662_304
    assert Counter(node.kind for node in usual.nodes) == {
        **{"conv": 133, "pool": 3, "concat": 23, "residual": 21, "avgpool": 1}
    }
    kernels = Counter(conv.kernel for conv in usual.convs.values())
    assert {(1, 7), (7, 1), (1, 3), (3, 1)} < set(kernels)
    assert sum(conv.stride == 2 for conv in usual.convs.values()) == 7


def test_the_residual_chains_have_their_blocks_and_scales() -> None:
    usual = facenet()
    scales = Counter(conv.scale for conv in usual.convs.values() if not conv.norm)
    assert scales == {0.17: 5, 0.10: 10, 0.20: 5, 1.0: 1}
    adds = [node for node in usual.nodes if isinstance(node, ResidualLayer)]
    assert [node.activation for node in adds] == [*[Activation.RELU] * 20, Activation.LINEAR]
    assert adds[1].sources == ("Repeat.block35_1.add", "Repeat.block35_2.Conv2d_1x1")
    joined = [node for node in usual.nodes if isinstance(node, ConcatLayer)]
    assert len(next(n for n in joined if n.name == "Mixed_7a.concat").sources) == 4
    assert all((n.size, n.stride) == (3, 2) for n in usual.nodes if isinstance(n, PoolLayer))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Conv2d_1a_3x3", (32, 79, 79)),
        ("Conv2d_2b_3x3", (64, 77, 77)),
        ("MaxPool_3a_3x3", (64, 38, 38)),
        ("Conv2d_4b_3x3", (256, 17, 17)),
        ("Repeat.block35_5.add", (256, 17, 17)),
        ("Mixed_6a.concat", (896, 8, 8)),
        ("Repeat_1.block17_10.Branch_1.Conv2d_0b_1x7", (128, 8, 8)),
        ("Mixed_7a.concat", (1792, 3, 3)),
        ("Block8.add", (1792, 3, 3)),
        ("Logits.AvgPool_1a_8x8", (1792, 1, 1)),
        ("Bottleneck", (512, 1, 1)),
    ],
)
def test_shapes_at_160(name: str, shape: tuple[int, int, int]) -> None:
    assert facenet().shapes((3, 160, 160))[name] == shape


def test_zeros_keep_the_size_of_odd_kernels() -> None:
    convs = facenet().convs
    assert convs["Repeat_1.block17_1.Branch_1.Conv2d_0b_1x7"].pads == Padding(0, 0, 3, 3)
    assert convs["Repeat_2.block8_1.Branch_1.Conv2d_0c_3x1"].pads == Padding(1, 1, 0, 0)
    assert convs["Mixed_7a.Branch_0.Conv2d_1a_3x3"].pads == Padding()


def test_sizes_that_leave_nothing_are_refused() -> None:
    for size in (MIN_SIZE, 224):
        check_size(size)
        facenet().shapes((3, size, size))
    with pytest.raises(ConfigError, match="SIZE=74: FaceNet takes 75 to 1023"):
        check_size(MIN_SIZE - 1)
    with pytest.raises(ConfigError, match="SIZE=1024"):
        check_size(1024)


def test_modules_agree_with_the_table() -> None:
    structure = narrow()
    listed = modules(structure, 96)
    assert {m.name: m.macs for m in listed if m.macs} == structure.macs((3, 96, 96))
    assert [m.output for m in listed] == list(structure.shapes((3, 96, 96)).values())[1:]


@pytest.mark.parametrize("embedding", [128, 512])
def test_a_files_own_widths_win(embedding: int) -> None:
    assert facenet(embedding).convs[BOTTLENECK].out_channels == embedding
    structure = narrow()
    shapes = {name: conv.weight_shape for name, conv in structure.convs.items()}
    assert graph_of(shapes) == structure


def test_shapes_that_do_not_fit_are_named() -> None:
    shapes = {name: conv.weight_shape for name, conv in narrow().convs.items()}
    up = "Repeat.block35_2.Conv2d_1x1"
    with pytest.raises(InputError, match=f"{up}: weights are "):
        graph_of({**shapes, up: (1, *shapes[up][1:])})
    with pytest.raises(InputError, match=r"Conv2d_1a_3x3: weights are \(.*5, 5\), but"):
        graph_of({**shapes, "Conv2d_1a_3x3": (3, 3, 5, 5)})
    with pytest.raises(InputError, match="Mixed_9z: no such convolution"):
        graph_of({**shapes, "Mixed_9z": (1, 1, 1, 1)})
    del shapes["Block8.Conv2d_1x1"]
    with pytest.raises(InputError, match=r"Block8\.Conv2d_1x1: its weights are missing"):
        graph_of(shapes)


def test_both_spellings_are_inverse_and_known() -> None:
    usual = facenet()
    there, back = renamed(usual, "tensorflow"), renamed(usual, "torch")
    assert {other: one for one, other in there.items()} == back
    assert len(there) == 112 * 5 + 21 * 2
    scope = "InceptionResnetV1/"
    for tensorflow, spelled in {
        "Conv2d_2b_3x3/weights": "conv2d_2b.conv.weight",
        "Repeat/block35_5/Branch_0/Conv2d_1x1/weights": "repeat_1.4.branch0.conv.weight",
        "Repeat/block35_1/Conv2d_1x1/biases": "repeat_1.0.conv2d.bias",
        "Mixed_6a/Branch_0/Conv2d_1a_3x3/weights": "mixed_6a.branch0.conv.weight",
        "Mixed_7a/Branch_2/Conv2d_1a_3x3/BatchNorm/beta": "mixed_7a.branch2.2.bn.bias",
        "Repeat_2/block8_5/Branch_1/Conv2d_0c_3x1/weights": "repeat_3.4.branch1.2.conv.weight",
        "Block8/Branch_0/Conv2d_1x1/BatchNorm/moving_variance": "block8.branch0.bn.running_var",
        "Bottleneck/weights": "last_linear.weight",
        "Bottleneck/BatchNorm/moving_mean": "last_bn.running_mean",
    }.items():
        assert there[scope + tensorflow] == spelled


def test_the_torch_model_has_exactly_the_names_of_the_table() -> None:
    model = InceptionResnetV1(narrow())
    state = [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]
    assert set(state) == set(renamed(narrow(), "torch"))


def numbers(naming: Naming) -> dict[str, FloatArray]:
    network = narrow_network()
    return tensors_of(network.graph, network.convs, naming)


@pytest.mark.parametrize("naming", NAMINGS)
def test_numbers_come_back_from_both_spellings(naming: Naming) -> None:
    network = narrow_network()
    tensors = {**numbers(naming), "global_step": np.zeros(()), "logits.weight": np.zeros((7, 10))}
    assert naming_of(tensors) == naming
    found = find_network(tensors)
    assert found.naming == naming and found.graph == network.graph
    assert found.unknown == ("global_step", "logits.weight")
    for name, conv in network.convs.items():
        np.testing.assert_array_equal(found.convs[name].weight, conv.weight)
        one, other = found.convs[name].folded(), conv.folded()
        np.testing.assert_array_equal(one.bias, other.bias)
    assert sum(name.endswith("gamma") for name in tensors) == 0


def test_tensorflow_keeps_kernels_by_rows_first() -> None:
    node = "Repeat_1.block17_1.Branch_1.Conv2d_0b_1x7"
    weight = narrow_network().convs[node].weight
    stored = numbers("tensorflow")[names(narrow(), "tensorflow")[node].weight]
    assert stored.shape == (1, 7, *weight.shape[1::-1])
    assert stored[0, 5, 1, 2] == weight[2, 1, 0, 5]
    matrix = numbers("tensorflow")["InceptionResnetV1/Bottleneck/weights"]
    np.testing.assert_array_equal(matrix.T, numbers("torch")["last_linear.weight"])


def test_gamma_and_an_old_bottleneck_are_read() -> None:
    tensors = numbers("tensorflow")
    scope = "InceptionResnetV1/"
    old = {name.replace(f"{scope}Bottleneck", "Bottleneck"): x for name, x in tensors.items()}
    old[f"{scope}Conv2d_2a_3x3/BatchNorm/gamma"] = np.full(
        len(old[f"{scope}Conv2d_2a_3x3/BatchNorm/beta"]), 4.0
    )
    found = find_network(old)
    assert not found.unknown
    usual = narrow_network().convs["Conv2d_2a_3x3"].folded().weight
    np.testing.assert_array_equal(found.convs["Conv2d_2a_3x3"].folded().weight, 4 * usual)
    rebuilt = tensors_of(found.graph, found.convs, "tensorflow")
    assert f"{scope}Conv2d_2a_3x3/BatchNorm/gamma" in rebuilt


def test_what_is_wrong_is_named() -> None:
    tensors = numbers("tensorflow")
    beta = "InceptionResnetV1/Block8/Branch_0/Conv2d_1x1/BatchNorm/beta"
    with pytest.raises(InputError, match=f"{beta} is missing"):
        find_network({name: x for name, x in tensors.items() if name != beta})
    with pytest.raises(InputError, match=rf"{beta} is \(2,\)"):
        find_network({**tensors, beta: np.zeros(2)})
    with pytest.raises(InputError, match=r"Block8\.Branch_0\.Conv2d_1x1 beta\[1\] is nan"):
        find_network(
            {**tensors, beta: tensors[beta] + [0, np.nan, *[0] * (len(tensors[beta]) - 2)]}
        )
    weight = "InceptionResnetV1/Conv2d_3b_1x1/weights"
    with pytest.raises(InputError, match=rf"{weight} is \(3,\): a convolution's kernel"):
        find_network({**tensors, weight: np.zeros(3)})
    with pytest.raises(InputError, match=r"no Inception-ResNet-v1 in it"):
        find_network({"conv1.weight": np.zeros((1, 1, 1, 1))})


def test_a_torch_state_dict_comes_back() -> None:
    model = torch_model(narrow_network(), torch.float64)
    again = network_of(model.state_dict())
    assert again.graph == narrow() and again.unknown == ()
    biased = narrow_network()
    stored = tensors_of(biased.graph, biased.convs, "tensorflow")
    stored["InceptionResnetV1/Conv2d_2a_3x3/biases"] = np.ones(
        biased.graph.convs["Conv2d_2a_3x3"].out_channels
    )
    found = find_network(stored)
    with pytest.raises(
        InputError, match=r"conv2d_2a\.conv\.bias: facenet-pytorch's network has no"
    ):
        torch_model(type(biased)(found.graph, found.convs))
