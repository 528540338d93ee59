"""Other projects' names of YOLOv3-tiny's tensors, as the torch model's own.

Layer numbers are those of Darknet's yolov3-tiny.cfg (``module_list.N``: the PyTorch ports of
eriklindernoren and Ultralytics' archive) or of Ultralytics' models/yolov3-tiny.yaml
(``model.N``, whose layer 20, Detect, has the head of the finer grid first). Epsilons are those of
the modules: 1e-5 in eriklindernoren's, 1e-4 in Ultralytics' archive (models.py), 1e-3 in
``model.N`` (utils/torch_utils.py, initialize_weights).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import torch

from golden.config import InputError
from golden.graph.anchors import BoxDecoding, Sides
from golden.graph.float_conv import Epsilon
from golden.networks.yolov3_tiny.graph import ANCHORS, HEADS

_BACKBONE: Final = {2 * i: f"conv{i + 1}" for i in range(6)}
_DARKNET: Final = {
    **_BACKBONE,
    **{12: "conv7", 13: "conv_set_2", 14: "extra_conv_2", 15: "pred_2"},
    **{18: "conv_1x1_2", 21: "conv_set_1", 22: "pred_1"},
}
_ULTRALYTICS: Final = {
    **_BACKBONE,
    **{13: "conv7", 14: "conv_set_2", 15: "extra_conv_2", 16: "conv_1x1_2", 19: "conv_set_1"},
}
_DETECT: Final = 20
_FIELDS: Final = r"(?P<field>weight|bias|running_mean|running_var|num_batches_tracked)"
_LISTED: Final = re.compile(
    r"(?P<layer>\d+)\.(?:(?P<conv>Conv2d|conv_?\d*|0)|BatchNorm2d|batch_norm_?\d*|bn_?\d*|1)\."
    + _FIELDS
)
_NUMBERED: Final = re.compile(r"(?P<layer>\d+)\.(?:(?P<conv>conv)|bn)\." + _FIELDS)
_HEAD: Final = re.compile(rf"{_DETECT}\.m\.(?P<head>[01])\.(?P<field>weight|bias)")
_ANCHOR_FREE: Final = re.compile(rf"{_DETECT}\.(cv[234]|dfl)\.")
_GRIDS: Final = (f"{_DETECT}.anchors", f"{_DETECT}.anchor_grid")
_FIRST: Final = re.compile(
    r"(?P<prefix>(?:.+?\.)?)(?:conv1\.convs\.0"
    r"|(?P<other>(?:(?P<list>module_list|models|model)\.)?0\.(?P<conv>Conv2d|conv_?\d*|0)))"
    r"\.weight"
)
_STRIDES: Final = (16, 32)


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """How a checkpoint names the network's tensors."""

    own: dict[str, str]
    """The torch model's name of each tensor, by the file's, in the file's order."""
    epsilon: Epsilon = Epsilon.TORCH
    """The one of its batch normalisations."""
    note: str = ""
    """What its names do not say and a user should know."""
    decoding: BoxDecoding = BoxDecoding.DARKNET


def find_naming(names: Iterable[str]) -> Naming:
    """Find how tensors are named, whatever stands ahead of all names.

    A prefix is whatever comes ahead of the first convolution: ``module.``, ``model.``,
    ``backbone.``, ``_orig_mod.``, in any order. Where there is no first convolution of a known
    naming every tensor keeps its name.

    Raises
    ------
    InputError
        If the heads are those of another detector.

    >>> find_naming(["net.module_list.0.conv_0.weight"]).own
    {'net.module_list.0.conv_0.weight': 'conv1.convs.0.weight'}
    """
    found = list(names)
    first = next((match for name in found if (match := _FIRST.fullmatch(name))), None)
    if first is None:
        return Naming({name: name for name in found})
    prefix = first["prefix"]
    if first["other"] is None:
        return Naming({name: name.removeprefix(prefix) for name in found})
    ahead = f"{prefix}{first['list']}." if first["list"] else prefix
    plain = {name: name.removeprefix(ahead) for name in found}
    numbered = first["conv"] == "conv" and first["list"] != "module_list"
    if numbered and any(_ANCHOR_FREE.match(name) for name in plain.values()):
        raise InputError(
            "its heads have no anchors (layer 20 has cv2 and cv3): Ultralytics' newer YOLOv3-tiny "
            "is another network; the one with anchors, whose layer 20 has m.0 and m.1, is read"
        )
    own = {name: _own_name(short, numbered) or name for name, short in plain.items()}
    dropped = [name for name, short in plain.items() if numbered and short in _GRIDS]
    own = {name: value for name, value in own.items() if name not in dropped}
    if numbered:
        note = (
            "Ultralytics' names do not say the activation: leaky 0.1 is taken; its releases from "
            "9.5 train with SiLU, another network, which the PE does not have; boxes are decoded "
            "as its Detect layer does"
        )
        return Naming(own, Epsilon.SLIM, note, BoxDecoding.ULTRALYTICS)
    return Naming(own, Epsilon.ULTRALYTICS if first["conv"] == "Conv2d" else Epsilon.TORCH)


def find_anchors(tensors: Mapping[str, torch.Tensor]) -> dict[str, Sides] | None:
    """Return the anchors that Ultralytics' Detect keeps, in pixels; None: there are none.

    ``anchors`` holds (2, 3, 2) in cells of each head's grid, finer grid first;
    ``anchor_grid`` holds them in pixels.
    """
    for key in (_GRIDS[1], _GRIDS[0]):
        name = next((x for x in tensors if x == key or x.endswith(f".{key}")), None)
        if name is None or tensors[name].numel() != len(HEADS) * ANCHORS * 2:
            continue
        values = tensors[name].detach().to(torch.float64).reshape(len(HEADS), ANCHORS, 2)
        steps = _STRIDES if key == _GRIDS[0] else (1, 1)
        return {
            head: tuple((float(w) * step, float(h) * step) for w, h in boxes)
            for head, step, boxes in zip(HEADS, steps, values.tolist(), strict=True)
        }
    return None


def _own_name(short: str, numbered: bool) -> str | None:
    """The torch model's name of a tensor without its prefix; None: it has none."""
    if numbered and (head := _HEAD.fullmatch(short)):
        return f"{HEADS[int(head['head'])]}.{head['field']}"
    match = (_NUMBERED if numbered else _LISTED).fullmatch(short)
    node = (_ULTRALYTICS if numbered else _DARKNET).get(int(match["layer"])) if match else None
    if match is None or node is None:
        return None
    if node in HEADS:
        return f"{node}.{match['field']}" if match["conv"] else None
    return f"{node}.convs.{0 if match['conv'] else 1}.{match['field']}"
