"""Reads a Darknet description and class names, and proves that they are YOLOv3-tiny."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from golden.config import InputError
from golden.networks.yolov3_tiny.graph import head_channels

COCO_CLASSES = 80
"""Classes of the official file."""

Section = tuple[str, dict[str, str]]
"""Name in brackets, and the options below it as text."""

_CONV = {"batch_normalize": "0", "filters": "1", "size": "1", "stride": "1", "pad": "0"}
_CONV |= {"groups": "1", "dilation": "1", "activation": "logistic"}
_DEFAULTS = {"convolutional": _CONV, "maxpool": {"stride": "1"}, "upsample": {"stride": "2"}}


def read_names(path: Path) -> tuple[str, ...]:
    """Read class names, one a line.

    Raises
    ------
    InputError
        If the file cannot be read as text.
    """
    return tuple(line.strip() for line in _read_text(path).splitlines() if line.strip())


def read_sections(path: Path) -> list[Section]:
    """Read the sections of a Darknet description.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is neither section, option nor comment.
    """
    sections: list[Section] = []
    for number, raw in enumerate(_read_text(path).splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            sections.append((line[1:-1], {}))
        elif "=" in line and sections:
            key, value = line.split("=", 1)
            sections[-1][1][key.strip()] = value.replace(" ", "")
        else:
            raise InputError(f"{path} line {number}: {line!r} is neither [section] nor key=value")
    return sections


def check_graph(path: Path) -> tuple[int, int]:
    """Prove that a description is YOLOv3-tiny.

    Returns
    -------
    classes : int
        80 or 20.
    kernel : int
        Side of conv_set_2's kernel, 1 or 3.

    Raises
    ------
    InputError
        Naming the first section and option that differ.
    """
    sections = read_sections(path)
    found = [(kind, options) for kind, options in sections if kind not in ("net", "network")]
    channels = next((o.get("channels", "3") for k, o in sections if k in ("net", "network")), "3")
    if channels != "3":
        raise InputError(f"{path} [net]: channels={channels}, YOLOv3-tiny has channels=3")
    classes = _declared(found, 15, "filters", {str(head_channels(20)): 20}, COCO_CLASSES)
    kernel = _declared(found, 13, "size", {"3": 3}, 1)
    wanted = list(_official_sections(classes, kernel))
    for index, (kind, options) in enumerate(wanted):
        where = f"{path} layer {index}"
        if index >= len(found):
            raise InputError(f"{where}: missing, YOLOv3-tiny has [{kind}] here")
        if found[index][0] != kind:
            raise InputError(f"{where}: [{found[index][0]}], YOLOv3-tiny has [{kind}] here")
        actual = _DEFAULTS.get(kind, {}) | found[index][1]
        for key, value in options.items():
            if actual.get(key) != value:
                shown = f"{key}={actual.get(key, '(nothing)')}"
                raise InputError(f"{where} [{kind}]: {shown}, YOLOv3-tiny has {key}={value}")
    if len(found) > len(wanted):
        extra = f"layer {len(wanted)}: [{found[len(wanted)][0]}]"
        raise InputError(f"{path} {extra}, YOLOv3-tiny has {len(wanted)} layers")
    return classes, kernel


def _declared(
    found: list[Section], index: int, key: str, choices: dict[str, int], default: int
) -> int:
    options = found[index][1] if index < len(found) else {}
    return choices.get(options.get(key, ""), default)


def _official_sections(classes: int, kernel: int) -> Iterator[Section]:
    """List what a description has to say, in Darknet's order."""

    def conv(filters: int, size: int, linear: bool = False) -> Section:
        options = {"filters": str(filters), "size": str(size), "stride": "1", "pad": "1"}
        options |= {"groups": "1", "dilation": "1"}
        options["batch_normalize"] = "0" if linear else "1"
        options["activation"] = "linear" if linear else "leaky"
        return "convolutional", options

    yolo = ("yolo", {"classes": str(classes)})
    for filters in (16, 32, 64, 128, 256, 512):
        yield conv(filters, 3)
        yield "maxpool", {"size": "2", "stride": "1" if filters == 512 else "2"}
    yield from (conv(1024, 3), conv(256, kernel), conv(512, 3))
    yield from (conv(head_channels(classes), 1, linear=True), yolo)
    yield from (("route", {"layers": "-4"}), conv(128, 1), ("upsample", {"stride": "2"}))
    yield from (("route", {"layers": "-1,8"}), conv(256, 3))
    yield from (conv(head_channels(classes), 1, linear=True), yolo)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a text file") from None
