"""A Darknet description held against YOLOv3-tiny: what is another network's is refused."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from golden.config import InputError
from golden.graph.anchors import Anchors
from golden.graph.image_size import image_size
from golden.networks.yolov3_tiny.description import Description
from golden.networks.yolov3_tiny.files.cfg_keys import HONOURED, check_keys, shown
from golden.networks.yolov3_tiny.files.cfg_text import Option, Section, read_sections
from golden.networks.yolov3_tiny.graph import ANCHORS, count_classes, head_channels

_CONV: Final = {"filters": 1, "size": 1, "stride": 1, "pad": 0, "batch_normalize": 0}
_MAXPOOL: Final = {"stride": 1}
_YOLO: Final = {"classes": 20, "num": 1}
_DEFAULTS: Final = {"convolutional": _CONV, "maxpool": _MAXPOOL, "upsample": {"stride": 2}}
"""What Darknet takes where a key is not there."""
_SET_2: Final = 13
_HEADS: Final = {"pred_2": 16, "pred_1": 23}
"""Layers of the ``[yolo]`` sections, in the file's order."""
_PUBLISHED: Final = (0, 1, 2)
_TRAINED: Final = (1, 2, 3)
"""Masks of pred_1: in the published description, and what its weights were trained with."""
_FIGURES: Final = 1_000_000
_LAYERS: Final = (
    *("convolutional", "maxpool") * 6,
    *("convolutional", "convolutional", "convolutional", "convolutional", "yolo"),
    *("route", "convolutional", "upsample", "route", "convolutional", "convolutional", "yolo"),
)
_FILTERS: Final = {
    **dict(zip(range(0, 12, 2), (16, 32, 64, 128, 256, 512), strict=True)),
    **{12: 1024, _SET_2: 256, 14: 512, 18: 128, 21: 256},
}
"""Filters of each layer with batch normalisation."""
_ONES: Final = (18, 15, 22)
"""Layers with a 1x1 kernel, beside conv_set_2 where it has one."""
_ROUTES: Final = {17: (13,), 20: (19, 8)}
"""Layers that each ``[route]`` reads."""
_LAST_POOL: Final = 11


def read_description(cfg: Path, official: bool = False) -> Description:
    """Read what counts of a description: classes, kernel, anchors, image.

    Parameters
    ----------
    official : bool
        Whether it belongs to the official weights, which were trained with another mask of
        pred_1 than their published description says (`ANCHOR_SIZES`).

    Raises
    ------
    InputError
        If it is another network, or says something that cannot be honoured; the text names
        line, section and key.
    """
    sections = read_sections(cfg)
    net, layers = _split(cfg, sections)
    classes = layers[_HEADS["pred_2"]].integer("classes", _YOLO["classes"])
    kernel = 3 if layers[_SET_2].integer("size", 1) == 3 else 1
    for layer in layers:
        _check_layer(layer, layers, kernel)
    anchors, notes = {}, []
    for head, index in _HEADS.items():
        mask = _mask(layers[index])
        if official and head == "pred_1" and mask == _PUBLISHED:
            mask = _TRAINED
            notes.append("the official weights were trained with mask 1,2,3 of pred_1: it counts")
        anchors[head] = _anchors(layers[index], mask)
    if net.integer("letter_box", 1) == 0:
        notes.append("letter_box=0 of [net] means stretched pictures: give FIT=plain (--fit)")
    size = _image(net)
    if size is None:
        notes.append("[net] has no width and height: 416 counts, unless SIZE= (--size) is given")
    return Description(
        classes=classes,
        set_2_kernel=kernel,
        anchors=Anchors(anchors),
        size=size and image_size(*size),
        note="; ".join(notes),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A section and where it stands, for messages."""

    path: Path
    section: Section
    index: int | None

    @property
    def name(self) -> str:
        kind = f"[{self.section.kind}]"
        return kind if self.index is None else f"layer {self.index} {kind}"

    def option(self, key: str) -> Option | None:
        return self.section.options.get(key)

    def integer(self, key: str, default: int) -> int:
        """A whole number, as Darknet takes it."""
        option = self.option(key)
        if option is None:
            return default
        value = option.integer()
        if value is None:
            raise self.error(key, f"{shown(key, option)} is no whole number")
        return value

    def error(self, key: str, text: str) -> InputError:
        option = self.option(key)
        line = self.section.line if option is None else option.line
        return InputError(f"{self.path} line {line}: {self.name}: {text}")

    def expect(self, key: str, value: int, wanted: int) -> None:
        """Refuse another value than YOLOv3-tiny's."""
        if value != wanted:
            absent = "" if self.option(key) is not None else " (it is not there)"
            raise self.error(key, f"{key}={value}{absent}, YOLOv3-tiny has {key}={wanted}")


def _split(cfg: Path, sections: list[Section]) -> tuple[_Place, list[_Place]]:
    """Part ``[net]`` from the layers; their kinds and their keys are right."""
    first, *rest = sections
    if first.kind != "net":
        raise InputError(f"{cfg} line {first.line}: [{first.kind}], Darknet wants [net] first")
    layers = [_Place(cfg, section, index) for index, section in enumerate(rest)]
    for index, kind in enumerate(_LAYERS):
        if index >= len(layers):
            raise InputError(f"{cfg} layer {index}: missing, YOLOv3-tiny has [{kind}] here")
        section = layers[index].section
        if section.kind != kind:
            raise InputError(
                f"{cfg} line {section.line}: layer {index}: [{section.kind}], "
                f"YOLOv3-tiny has [{kind}] here"
            )
    if len(layers) > len(_LAYERS):
        section = layers[len(_LAYERS)].section
        raise InputError(
            f"{cfg} line {section.line}: layer {len(_LAYERS)}: [{section.kind}], "
            f"YOLOv3-tiny has {len(_LAYERS)} layers"
        )
    net = _Place(cfg, first, None)
    for place in (net, *layers):
        check_keys(cfg, place.section, place.name)
    net.expect("channels", net.integer("channels", 3), 3)
    return net, layers


def _image(net: _Place) -> tuple[int, int] | None:
    """Height and width, where the description says them."""
    keys = [key for key in ("height", "width") if net.option(key) is not None]
    if len(keys) == 1:
        other = "width" if keys == ["height"] else "height"
        raise net.error(keys[0], f"{keys[0]} is there, {other} is not; give both")
    if keys:
        height, width = (net.integer(key, 0) for key in keys)
        for key, value in (("height", height), ("width", width)):
            if not 0 < value < _FIGURES:
                raise net.error(key, f"{key}={value}: give a multiple of 32")
        net.expect("inputs", net.integer("inputs", 3 * height * width), 3 * height * width)
        return height, width
    return None


def _check_layer(layer: _Place, layers: list[_Place], kernel: int) -> None:
    """Refuse a layer whose numbers are not YOLOv3-tiny's."""
    kind, index = layer.section.kind, layer.index
    assert index is not None and kind in HONOURED
    if kind in ("convolutional", "maxpool"):
        _check_strides(layer, 2 if kind == "maxpool" and index != _LAST_POOL else 1)
    if kind == "convolutional":
        _check_conv(layer, layers, kernel if index == _SET_2 else 1 if index in _ONES else 3)
    elif kind == "maxpool":
        size = layer.integer("size", layer.integer("stride", 1))
        layer.expect("size", size, 2)
        layer.expect("padding", layer.integer("padding", 1), 1)
    elif kind == "upsample":
        layer.expect("stride", layer.integer("stride", 2), 2)
    elif kind == "route":
        _check_route(layer)
    else:
        _check_yolo(layer, layers)


def _check_strides(layer: _Place, wanted: int) -> None:
    stride = layer.integer("stride", _DEFAULTS[layer.section.kind]["stride"])
    given = {key: layer.integer(key, -1) for key in ("stride_x", "stride_y")}
    if min(given.values()) < 1:
        layer.expect("stride", stride, wanted)
    for key, value in given.items():
        if value >= 1 or (value != -1 and layer.section.kind == "maxpool"):
            layer.expect(key, value, wanted)


def _check_conv(layer: _Place, layers: list[_Place], size: int) -> None:
    index = layer.index
    assert index is not None
    head = index not in _FILTERS
    if not head:
        layer.expect("filters", layer.integer("filters", 1), _FILTERS[index])
    layer.expect("size", layer.integer("size", 1), size)
    pad, padding = layer.integer("pad", 0), layer.integer("padding", 0)
    if not pad:
        layer.expect("padding" if layer.option("padding") else "pad", padding, size // 2)
    if size > 1:
        layer.expect("dilation", layer.integer("dilation", 1), 1)
    norm = int(bool(layer.integer("batch_normalize", 0) or layer.integer("cbn", 0)))
    layer.expect("batch_normalize", norm, int(not head))
    wanted = "linear" if head else "leaky"
    option = layer.option("activation")
    text = "logistic" if option is None else option.text
    if text != wanted:
        why = "Darknet takes a comment here for a part of the name" if "#" in text else ""
        found = "no activation" if option is None else shown("activation", option)
        tail = f"; {why}" if why else ""
        raise layer.error("activation", f"{found}, YOLOv3-tiny has activation={wanted}{tail}")
    if head:
        _check_head(layer, layers[index + 1])


def _check_head(conv: _Place, yolo: _Place) -> None:
    filters, classes = conv.integer("filters", 1), yolo.integer("classes", _YOLO["classes"])
    if not 0 < classes < _FIGURES:
        raise yolo.error("classes", f"classes={classes}: give the number of classes")
    if filters != head_channels(classes):
        fits = count_classes(filters)
        meant = f"which is right for classes={fits}" if fits else "right for no number of classes"
        raise conv.error(
            "filters",
            f"filters={filters}, {meant}; classes={classes} of {yolo.name} needs "
            f"filters={head_channels(classes)}",
        )


def _check_route(layer: _Place) -> None:
    option, index = layer.option("layers"), layer.index
    assert index is not None
    wanted = _ROUTES[index]
    found = [] if option is None else [item.integer() for item in option.items()]
    if option is not None and "," in option.text.partition("#")[2]:
        raise layer.error(
            "layers", f"{shown('layers', option)}: Darknet reads on behind the comment's comma"
        )
    absolute = tuple(at + index if at is not None and at < 0 else at for at in found)
    if absolute != wanted:
        text = "(nothing)" if option is None else shown("layers", option).partition("=")[2]
        usual = ",".join(str(at - index if at + 4 >= index else at) for at in wanted)
        raise layer.error("layers", f"layers={text}, YOLOv3-tiny has layers={usual}")


def _check_yolo(layer: _Place, layers: list[_Place]) -> None:
    for one, other in pairwise(layers[index] for index in _HEADS.values()):
        counts = [each.integer("classes", _YOLO["classes"]) for each in (one, other)]
        if counts[0] != counts[1]:
            raise other.error(
                "classes", f"classes={counts[1]}, but {one.name} has classes={counts[0]}"
            )
    kind = layer.option("nms_kind")
    if kind is not None and kind.text not in ("default", "greedynms"):
        raise layer.error(
            "nms_kind", f"{shown('nms_kind', kind)}: boxes are chosen by greedynms alone"
        )


def _mask(layer: _Place) -> tuple[int, ...]:
    """Which anchors a head has; all where there is no mask."""
    option, count = layer.option("mask"), layer.integer("num", _YOLO["num"])
    found = (
        range(min(count, _FIGURES))
        if option is None
        else [item.integer() for item in option.items()]
    )
    text = f"num={count} and no mask" if option is None else shown("mask", option)
    mask = tuple(at for at in found if at is not None)
    if len(found) != ANCHORS or len(mask) != ANCHORS:
        raise layer.error("mask", f"{text}: YOLOv3-tiny has {ANCHORS} anchors a head")
    if not all(0 <= at < count for at in mask):
        raise layer.error("mask", f"{text}: choose from 0 to {count - 1}, of num={count} anchors")
    return mask


def _anchors(layer: _Place, mask: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Width and height of the anchors that a mask chooses."""
    option = layer.option("anchors")
    items = [] if option is None else option.items()
    if items and not items[-1].text:
        items.pop()
    sides = [item.number() for item in items]
    if option is None or len(sides) % 2 or len(sides) < 2 * (max(mask) + 1):
        raise layer.error(
            "anchors",
            f"anchors has {len(sides)} numbers; mask needs {max(mask) + 1} pairs of width, height",
        )
    for item, side in zip(items, sides, strict=True):
        if side is None or not 0 < side < _FIGURES:
            raise layer.error("anchors", f"{shown('anchors', item)} is no side of a box in pixels")
    pairs = [side for side in sides if side is not None]
    return tuple((pairs[2 * at], pairs[2 * at + 1]) for at in mask)
