"""Names of other projects' checkpoints, as the torch model's own."""

from __future__ import annotations

import pytest
import torch

from golden.config import InputError
from golden.graph.float_conv import Epsilon
from golden.networks.yolov3_tiny.files.torch_names import find_anchors, find_naming
from golden.networks.yolov3_tiny.graph import DARKNET_ORDER, HEADS

DARKNET_LAYERS = (0, 2, 4, 6, 8, 10, 12, 13, 14, 15, 18, 21, 22)
"""Convolutions of Darknet's yolov3-tiny.cfg by their layer."""
YAML: dict[str, int | str] = dict(
    zip(DARKNET_ORDER, (0, 2, 4, 6, 8, 10, 13, 14, 15, "20.m.1", 16, 19, "20.m.0"), strict=True)
)
"""Modules of Ultralytics' models/yolov3-tiny.yaml."""
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
PREFIXES = ("", "module.", "model.", "backbone.", "_orig_mod.module.", "student.net.")


def listed(conv: str, norm: str) -> dict[str, str]:
    """Names in a list of Darknet's layers, and the torch model's."""
    names = {}
    for node, layer in zip(DARKNET_ORDER, DARKNET_LAYERS, strict=True):
        head = node in HEADS
        own = node if head else f"{node}.convs.0"
        names[f"module_list.{layer}.{conv.format(layer)}.weight"] = f"{own}.weight"
        if head:
            names[f"module_list.{layer}.{conv.format(layer)}.bias"] = f"{own}.bias"
            continue
        for field in NORM:
            names[f"module_list.{layer}.{norm.format(layer)}.{field}"] = f"{node}.convs.1.{field}"
    return names


def numbered() -> dict[str, str]:
    """Names of Ultralytics' numbered modules, and the torch model's."""
    names: dict[str, str] = {}
    for node, place in YAML.items():
        if node in HEADS:
            names |= {f"model.{place}.{field}": f"{node}.{field}" for field in ("weight", "bias")}
            continue
        names[f"model.{place}.conv.weight"] = f"{node}.convs.0.weight"
        for field in NORM:
            names[f"model.{place}.bn.{field}"] = f"{node}.convs.1.{field}"
    return names


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("names", "epsilon"),
    [
        (listed("Conv2d", "BatchNorm2d"), Epsilon.ULTRALYTICS),
        (listed("conv_{}", "batch_norm_{}"), Epsilon.TORCH),
        (numbered(), Epsilon.SLIM),
        ({own: own for own in numbered().values()}, Epsilon.TORCH),
    ],
)
def test_names_of_other_projects_are_known(
    prefix: str, names: dict[str, str], epsilon: Epsilon
) -> None:
    naming = find_naming(f"{prefix}{name}" for name in names)
    assert naming.own == {f"{prefix}{name}": own for name, own in names.items()}
    assert naming.epsilon is epsilon


def test_names_that_belong_to_nothing_stay() -> None:
    naming = find_naming(["module.conv1.convs.0.weight", "loss.weight"])
    assert naming.own == {
        "module.conv1.convs.0.weight": "conv1.convs.0.weight",
        "loss.weight": "loss.weight",
    }
    assert find_naming(["fc.weight"]).own == {"fc.weight": "fc.weight"}


def test_a_head_without_anchors_is_another_network() -> None:
    with pytest.raises(InputError, match="no anchors"):
        find_naming(["model.0.conv.weight", "model.20.cv2.0.0.conv.weight"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_anchors_are_those_of_the_checkpoint(dtype: torch.dtype) -> None:
    fine = [(10.0, 14.0), (23.0, 27.0), (37.0, 58.0)]
    coarse = [(80.0, 82.0), (136.0, 168.0), (344.0, 320.0)]
    pixels = torch.tensor([fine, coarse])
    cells = (pixels / torch.tensor([16.0, 32.0])[:, None, None]).to(dtype)
    expected = {"pred_1": tuple(fine), "pred_2": tuple(coarse)}
    assert find_anchors({"model.20.anchors": cells}) == expected
    grid = pixels.to(dtype).reshape(2, 1, 3, 1, 1, 2)
    assert find_anchors({"m.model.20.anchor_grid": grid, "m.model.20.anchors": cells}) == expected
    assert find_anchors({"conv1.convs.0.weight": cells}) is None


@pytest.mark.parametrize(
    ("names", "decoding"),
    [(numbered(), "ultralytics"), (listed("Conv2d", "BatchNorm2d"), "darknet")],
)
def test_numbered_names_have_the_boxes_of_detect(names: dict[str, str], decoding: str) -> None:
    assert find_naming(names).decoding.value == decoding
