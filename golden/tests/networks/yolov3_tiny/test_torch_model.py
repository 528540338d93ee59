"""The torch model: its names and order, its numbers, what trackers learn."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch

from golden.config import PoolPad
from golden.graph.float_graph import FloatNetwork
from golden.networks.yolov3_tiny.files.shaping import file_network
from golden.networks.yolov3_tiny.graph import HEADS
from golden.networks.yolov3_tiny.torch_model import (
    AveragedRangeTracker,
    YOLOv3_tiny_quantize_bnfuse,
    float_network,
    load_trackers,
    torch_model,
)
from golden.reference import float_model
from golden.tests.networks.yolov3_tiny import checkpoints

REGISTERED = [
    *("a_tracker_in", "conv1", "a_tracker1", "pool1", "conv2", "a_tracker2", "pool2"),
    *("conv3", "a_tracker3", "pool3", "conv4", "a_tracker4", "pool4", "conv5", "a_tracker5"),
    *("pool5", "conv6", "a_tracker6", "pool6", "conv7", "a_tracker7", "conv_set_2"),
    *("a_tracker8", "conv_1x1_2", "a_tracker9", "extra_conv_2", "a_tracker11", "pred_2"),
    *("a_tracker12", "conv_set_1", "a_tracker10", "pred_1", "a_tracker13"),
]


def network(kernel: int = 3, pool_pad: PoolPad = PoolPad.ZERO, classes: int = 20) -> FloatNetwork:
    convs = checkpoints.stored(classes, kernel)
    return file_network({name: conv.folded() for name, conv in convs.items()}, pool_pad)


def tracker(model: YOLOv3_tiny_quantize_bnfuse, name: str) -> AveragedRangeTracker:
    found = model.get_submodule(name)
    assert isinstance(found, AveragedRangeTracker)
    return found


def test_modules_stand_in_the_order_of_the_listing() -> None:
    model = YOLOv3_tiny_quantize_bnfuse()
    assert [name for name, _ in model.named_children()] == REGISTERED
    shown = re.findall(r"^  \((\w+)\): (\w+)", str(model), re.MULTILINE)
    assert [name for name, _ in shown] == REGISTERED
    kinds = dict(shown)
    assert kinds["conv7"] == "Conv2d_fuse" and kinds["pred_1"] == "Conv2d"
    assert kinds["a_tracker13"] == "AveragedRangeTracker" and kinds["pool6"] == "Sequential"
    assert str(model).startswith("YOLOv3_tiny_quantize_bnfuse(")
    assert str(model).count("LeakyReLU(negative_slope=0.125)") == 11
    assert "ZeroPad2d((0, 1, 0, 1))" in str(model)


def test_parameters_have_the_names_of_checkpoints() -> None:
    state = YOLOv3_tiny_quantize_bnfuse().state_dict()
    assert len(checkpoints.ORDER) == 26
    assert checkpoints.ORDER[:2] == ["conv1.convs.0.weight", "conv1.convs.0.bias"]
    assert checkpoints.ORDER[-2:] == ["pred_1.weight", "pred_1.bias"]
    assert state["pred_2.weight"].shape == (75, 512, 1, 1)
    assert state["conv_set_2.convs.0.weight"].shape == (256, 1024, 3, 3)


@pytest.mark.parametrize("pool_pad", list(PoolPad))
@pytest.mark.parametrize(("kernel", "classes"), [(3, 20), (1, 80)])
def test_layers_are_goldens(pool_pad: PoolPad, kernel: int, classes: int) -> None:
    real = network(kernel, pool_pad, classes)
    image = np.random.default_rng(1).random((3, 64, 64)).astype(np.float32)
    wanted = float_model.run(real, image, 0.125, torch.float64)
    model = torch_model(real, dtype=torch.float64)
    with torch.no_grad():
        found = model.layers(torch.from_numpy(image)[None].double())
        heads = model(torch.from_numpy(image)[None].double())
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name][0].numpy(), values, rtol=1e-9, atol=1e-9)
    for name, head in zip(HEADS, heads, strict=True):
        assert torch.equal(head, found[name])


def test_network_goes_to_torch_and_back() -> None:
    real = network(1, PoolPad.MINUS_INF, 80)
    back = float_network(torch_model(real))
    assert back.nodes == real.nodes and len(back.classes) == 80
    for name, conv in real.convs.items():
        assert np.array_equal(back.convs[name].weight, conv.weight)
        assert np.array_equal(back.convs[name].bias, conv.bias)


def test_trackers_learn_in_training_alone() -> None:
    model = torch_model(network(), momentum=0.5)
    dark, bright = torch.zeros(1, 3, 32, 32), torch.full((2, 3, 32, 32), 0.75)
    model(bright)
    assert not model.a_tracker_in.first_a.item()
    model.train()(dark)
    values = model.layers(bright)
    assert model.a_tracker_in.max_val.item() == 0.375
    fine, ahead = tracker(model, "a_tracker13"), tracker(model, "a_tracker10")
    assert fine.max_val.item() == pytest.approx(
        (model.eval()(dark)[0].max().item() + values["pred_1"].max().item()) / 2
    )
    assert ahead.min_val.item() < 0 < ahead.max_val.item()


def test_ranges_are_saved_with_the_model() -> None:
    model = torch_model(network(), momentum=0.25).train()
    model(torch.rand(1, 3, 32, 32))
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = YOLOv3_tiny_quantize_bnfuse()
    other.load_state_dict(torch.load(buffer, weights_only=True))
    for name, values in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], values)
    assert load_trackers(YOLOv3_tiny_quantize_bnfuse(), model.state_dict()) == tuple(
        name for name in REGISTERED if name.startswith("a_tracker")
    )


def test_a_scale_is_read_as_a_range_around_zero() -> None:
    tracker = AveragedRangeTracker()
    tracker.load_state_dict({"scale": torch.tensor([12.7]), "first_a": torch.ones(1)})
    assert tracker.max_val.item() == pytest.approx(10)
    assert tracker.min_val.item() == -tracker.max_val.item()
    tracker.load_state_dict({"scale": torch.zeros(1), "first_a": torch.zeros(1)})
    assert tracker.max_val.item() == 0


@pytest.mark.parametrize("momentum", [0.0, 1.5, -0.1])
def test_momentum_out_of_range_is_refused(momentum: float) -> None:
    with pytest.raises(ValueError, match=f"momentum {momentum}"):
        AveragedRangeTracker(momentum)
