"""Darknet descriptions: read as Darknet reads them; another network is refused by line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from golden.config import InputError
from golden.networks.yolov3_tiny.description import Description
from golden.networks.yolov3_tiny.files.cfg import read_description
from golden.networks.yolov3_tiny.files.cfg_text import read_sections
from golden.networks.yolov3_tiny.graph import ANCHOR_SIZES
from golden.tests.networks.yolov3_tiny.descriptions import ANCHORS, description

PUBLISHED = {"pred_2": ((81, 82), (135, 169), (344, 319)), "pred_1": ((10, 14), (23, 27), (37, 58))}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Description]:
    """Read a description from its sections or its bytes."""

    def read(content: list[str] | bytes, official: bool = False) -> Description:
        path = tmp_path / "tiny.cfg"
        data = content if isinstance(content, bytes) else "\n".join(content).encode()
        path.write_bytes(data)
        return read_description(path, official)

    return read


Read = Callable[..., Description]


def edited(section: int, old: str, new: str) -> list[str]:
    """A description with one text of one section in the place of another."""
    sections = description()
    assert old in sections[section]
    sections[section] = sections[section].replace(old, new, 1)
    return sections


@pytest.mark.parametrize("classes", [1, 2, 3, 7, 20, 43, 80, 365])
@pytest.mark.parametrize("kernel", [1, 3])
def test_any_number_of_classes(classes: int, kernel: int, read: Read) -> None:
    said = read(description(3 * (5 + classes), kernel))
    assert (said.classes, said.set_2_kernel, said.size) == (classes, kernel, 416)
    assert said.note == ""


SAME = [
    (0, "channels=3", "channels = 3 # colour"),
    (0, "channels=3", "channels=3\nletter_box=1\nhue=.1\npolicy=steps\nmosaic=1"),
    (0, "[net]", "[network]"),
    (1, "filters=16", "\tfil ters\t= 1 6 # text"),
    (1, "filters=16", "filters=16\nfilters=17"),
    (1, "filters=16", "filters=\nfilters=16"),
    (1, "[convolutional]", "  [conv]  "),
    (1, "pad=1", "padding=1"),
    (1, "pad=1", "pad=1\npadding=7"),
    (1, "pad=1", "pad=2"),
    (1, "stride=1", "stride_x=1\nstride_y=1"),
    (1, "stride=1", "stride=1\nstride_x=0\ndilation=1"),
    (1, "batch_normalize=1", "batch_normalize=0\ncbn=1"),
    (1, "filters=16", "filters=16\nxnor=0\ngroups=1\nstopbackward=1\ndot=.1"),
    (2, "[maxpool]", "[max]"),
    (2, "size=2", "padding=1"),
    (12, "stride=1", "padding=1"),
    (14, "pad=1", "dilation=2"),
    (17, "num=6", "num=6\nscale_x_y=1.0\nnms_kind=greedynms\nbeta_nms=.6\niou_loss=ciou"),
    (17, "mask = 3,4,5", "mask = 3, 4,\t5 # large ones, all"),
    (17, ANCHORS, f"{ANCHORS},"),
    (17, ANCHORS, f"{ANCHORS}, 9,9 # one more"),
    (18, "-4", "13"),
    (20, "stride=2", "stride=2\nscale=1"),
    (20, "stride=2", ""),
    (21, "-1, 8", "19, -12"),
]


@pytest.mark.parametrize(("section", "old", "new"), SAME)
def test_the_same_network_in_other_words(section: int, old: str, new: str, read: Read) -> None:
    assert read(edited(section, old, new)) == read(description())


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("a comment", "größe\x85").encode("latin-1"),
        lambda text: text.replace("a comment", "网络").encode("gbk"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.replace("a comment", "one\u2028line \x0b").encode(),
    ],
)
def test_encodings_and_line_ends(encode: Callable[[str], bytes], read: Read) -> None:
    assert read(encode("\n".join(description()))) == read(description())


def test_masks_choose_anchors(read: Read) -> None:
    first = edited(24, "mask = 3,4,5", "mask = 0,1,2")
    assert read(first).anchors.sides == PUBLISHED
    said = read(first, official=True)
    assert said.anchors.sides == ANCHOR_SIZES
    assert "mask 1,2,3 of pred_1" in said.note
    first[24] = first[24].replace("mask = 0,1,2", "mask = 2,0,2")
    first[17] = first[17].replace(ANCHORS, "anchors=1,2, 3,4, 5,6, 40.5,41, 67,84, 172,.5e3")
    said = read(first, official=True)
    assert said.anchors.sides == {
        "pred_2": ((40.5, 41), (67, 84), (172, 500)),
        "pred_1": ((37, 58), (10, 14), (37, 58)),
    }
    assert said.note == ""
    all_three = edited(17, f"mask = 3,4,5\n{ANCHORS}", "anchors=1,2, 3,4, 5,6")
    all_three[17] = all_three[17].replace("num=6", "num=3")
    assert read(all_three).anchors.sides["pred_2"] == ((1, 2), (3, 4), (5, 6))


def test_sizes_and_fit(read: Read) -> None:
    said = read(edited(0, "width=416\nheight=416", "width=640\nheight=384\ninputs=737280"))
    assert str(said.size) == "640x384"
    unsized = read(edited(0, "width=416\nheight=416\n", ""))
    assert unsized.size is None and "no width and height: 416 counts" in unsized.note
    assert "FIT=plain" in read(edited(0, "channels=3", "channels=3\nletter_box=0")).note


OTHER = [
    (0, "channels=3", "channels=1", r"line 5: \[net\]: channels=1"),
    (0, "height=416\n", "", r"line 3: \[net\]: width is there, height is not"),
    (0, "width=416", "width=-32", r"line 3: \[net\]: width=-32"),
    (0, "width=416", "width=x", r"line 3: \[net\]: width=x is no whole number"),
    (0, "channels=3", "channels=3\ninputs=7", r"\[net\]: inputs=7, .* inputs=519168"),
    (0, "[net]", "[cnn]", r"line 2: \[cnn\], Darknet wants \[net\] first"),
    (0, "# a comment", "width=3", r"line 1: width= stands before the first \[section\]"),
    (1, "filters=16", "filters=17", r"layer 0 \[convolutional\]: filters=17, .* filters=16"),
    (1, "filters=16", "filtres=16", r"line 9: .*filtres is no key .* did you mean filters\?"),
    (1, "filters=16", "filters=16\nhue=1", r"hue is no key that Darknet reads here"),
    (1, "filters=16", "filters 16", "'filters16' is neither"),
    (1, "filters=16", "filters=many", "filters=many is no whole number"),
    (1, "filters=16", "", r"line 7: .*filters=1 \(it is not there\), .* filters=16"),
    (1, "pad=1", "pad=0", r"pad=0, YOLOv3-tiny has pad=1"),
    (1, "pad=1", "padding=0", r"padding=0, YOLOv3-tiny has padding=1"),
    (1, "[convolutional]", "[convolutional] # first", "part of the section's name"),
    (1, "[convolutional]", "[convolutional", "is no .section."),
    (1, "leaky", "leaky # slope 0.1", "activation=leaky#slope0.1, .* takes a comment"),
    (1, "leaky", "relu", r"line 13: layer 0 \[convolutional\]: activation=relu, "),
    (1, "activation=leaky", "", "no activation, YOLOv3-tiny has activation=leaky"),
    (1, "stride=1", "stride=1\nstride_x=2", "stride_x=2, YOLOv3-tiny has stride_x=1"),
    (1, "stride=1", "stride_x=1\nstride_y=2", "stride_y=2, YOLOv3-tiny has stride_y=1"),
    (1, "stride=1", "stride=1\ndilation=2", "dilation=2, YOLOv3-tiny has dilation=1"),
    (3, "batch_normalize=1\n", "", r"layer 2 \[convolutional\]: batch_normalize=0"),
    (5, "leaky", "mish", r"layer 4 \[convolutional\]: activation=mish, .* activation=leaky"),
    (7, "pad=1", "groups=2\npad=1", r"layer 6 \[convolutional\]: groups=2"),
    (2, "size=2", "size=3", "size=3, YOLOv3-tiny has size=2"),
    (2, "size=2", "size=2\npadding=0", "padding=0, YOLOv3-tiny has padding=1"),
    (2, "size=2", "size=2\nstride_x=1", "stride_x=1, YOLOv3-tiny has stride_x=2"),
    (12, "stride=1", "stride=2", r"layer 11 \[maxpool\]: stride=2, YOLOv3-tiny has stride=1"),
    (14, "size=1", "size=5", r"layer 13 \[convolutional\]: size=5"),
    (14, "pad=1", "padding=1", "padding=1, YOLOv3-tiny has padding=0"),
    (16, "filters=75", "filters=255", "filters=255, which is right for classes=80; .* filters=75"),
    (16, "filters=75", "filters=76", "right for no number of classes; classes=20 .* filters=75"),
    (16, "size=1", "size=1\nbatch_normalize=1", "layer 15 .*: batch_normalize=1"),
    (17, "classes=20", "classes=2", "classes=2 of layer 16 .yolo. needs filters=21"),
    (17, "classes=20", "classes=0", "classes=0"),
    (17, "yolo", "region", r"layer 16: \[region\], YOLOv3-tiny has \[yolo\]"),
    (17, "mask = 3,4,5", "mask = 3,4", "mask=3,4: YOLOv3-tiny has 3 anchors"),
    (17, "mask = 3,4,5", "mask = 3,4,5,", "mask=3,4,5,: YOLOv3-tiny has 3 anchors"),
    (17, "mask = 3,4,5", "mask = 3,4,6", "mask=3,4,6: choose from 0 to 5, of num=6"),
    (17, "mask = 3,4,5", "mask = -1,4,5", "mask=-1,4,5: choose from 0 to 5"),
    (17, "mask = 3,4,5", "", "num=6 and no mask: YOLOv3-tiny has 3"),
    (17, "num=6", "num=5", "mask=3,4,5: choose from 0 to 4"),
    (17, "num=6", "", "choose from 0 to 0, of num=1"),
    (17, "344,319", "344", "anchors has 11 numbers; mask needs 6 pairs"),
    (17, "135,169,  344,319", "", "anchors has 8 numbers"),
    (17, ANCHORS, "", "anchors has 0 numbers"),
    (17, "344,319", "344,nan", "anchors=nan is no side"),
    (17, "344,319", "344,-3", "anchors=-3 is no side"),
    (17, "num=6", "num=6\nscale_x_y=1.05", "line 115: .*scale_x_y=1.05 makes another network"),
    (17, "num=6", "num=6\nnms_kind=diounms", "nms_kind=diounms"),
    (18, "-4", "-3", r"layer 17 \[route\]: layers=-3, YOLOv3-tiny has layers=-4"),
    (18, "-4", "-4 # of 1, 2", "layers=-4#of1,2: Darknet reads on"),
    (20, "stride=2", "stride=4", "stride=4, YOLOv3-tiny has stride=2"),
    (20, "stride=2", "stride=2\nscale=0.5", "scale=0.5 makes another network"),
    (21, "layers = -1, 8", "", r"layer 20 \[route\]: layers=\(nothing\)"),
    (21, "-1, 8", "8, -1", "layers=8,-1, YOLOv3-tiny has layers=-1,8"),
    (23, "filters=75", "filters=255", r"layer 22 \[convolutional\]: filters=255"),
]


@pytest.mark.parametrize(("section", "old", "new", "message"), OTHER)
def test_the_first_difference_is_named(
    section: int, old: str, new: str, message: str, read: Read
) -> None:
    with pytest.raises(InputError, match=message):
        read(edited(section, old, new))


def test_the_heads_agree(read: Read) -> None:
    sections = description()
    sections[22:] = [text.replace("75", "18").replace("=20", "=1") for text in sections[22:]]
    with pytest.raises(InputError, match=r"classes=1, but layer 16 .yolo. has classes=20"):
        read(sections)


def test_missing_and_surplus_layers_are_named(read: Read) -> None:
    with pytest.raises(InputError, match=r"layer 23: missing, YOLOv3-tiny has \[yolo\]"):
        read(description()[:-1])
    with pytest.raises(InputError, match=r"layer 24: \[shortcut\], YOLOv3-tiny has 24 layers"):
        read([*description(), "[shortcut]"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[net]\nnonsense", "line 2: 'nonsense' is neither"),
        (b"\x00\x01\x02\x00\x00", "is not a text file"),
        (b"", "holds no .section."),
        (b"# a comment", "holds no .section."),
        (b"\x1b[31m\n", "line 1: .*x1b.31m. is neither"),
    ],
)
def test_no_description_at_all(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.cfg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_sections(path)
