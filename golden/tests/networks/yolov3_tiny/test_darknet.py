"""Darknet files: what is in them comes out, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from golden.config import InputError
from golden.graph.float_conv import FloatConv
from golden.networks.yolov3_tiny.files.cfg import read_description
from golden.networks.yolov3_tiny.files.darknet import (
    HEADER_BYTES,
    file_bytes,
    read_header,
    read_stored,
)
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.names import read_names
from golden.networks.yolov3_tiny.files.reading import fold_all
from golden.networks.yolov3_tiny.files.shaping import hardware_network, select_classes
from golden.networks.yolov3_tiny.graph import DARKNET_ORDER, VOC_CLASSES
from golden.tests.networks.yolov3_tiny.descriptions import description


def floats(heads: int = 75, kernel: int = 1) -> int:
    """Count the numbers of a weights file."""
    shapes = [(3, 16, 3), (16, 32, 3), (32, 64, 3), (64, 128, 3), (128, 256, 3), (256, 512, 3)]
    shapes += [(512, 1024, 3), (1024, 256, kernel), (256, 512, 3), (256, 128, 1), (384, 256, 3)]
    normalised = sum(o * (i * k * k + 4) for i, o, k in shapes)
    return normalised + heads * (512 + 1) + heads * (256 + 1)


Write = Callable[..., tuple[Path, Path]]


def read_convs(weights: Path, cfg: Path) -> dict[str, FloatConv]:
    return fold_all(read_stored(weights, cfg), weights)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write weights and description of the 75-channel graph."""

    def files(values: npt.NDArray[np.floating] | None = None, extra: int = 0) -> tuple[Path, Path]:
        values = np.zeros(floats(), "<f4") if values is None else values
        header = np.array([0, 2, 0, 0, 0], "<i4").tobytes()
        data = header + values.astype("<f4").tobytes()
        weights, cfg = tmp_path / "tiny.weights", tmp_path / "tiny.cfg"
        weights.write_bytes(data[:extra] if extra < 0 else data + bytes(extra))
        cfg.write_text("\n".join(description()))
        return weights, cfg

    return files


def test_numbers_come_out_in_their_places(write: Write) -> None:
    values = np.arange(floats(), dtype=np.float64) % 1021 / 1021
    convs = read_convs(*write(values))
    assert tuple(convs) == DARKNET_ORDER
    stored = values.astype("<f4").astype(np.float64)
    beta, gamma, mean, variance = stored[:64].reshape(4, 16)
    gain = gamma / (np.sqrt(variance) + 1e-6)
    np.testing.assert_array_equal(convs["conv1"].bias, beta - mean * gain)
    weight = stored[64 : 64 + 16 * 27].reshape(16, 3, 3, 3)
    np.testing.assert_array_equal(convs["conv1"].weight, weight * gain[:, None, None, None])
    head = stored[-75 * 257 :]
    np.testing.assert_array_equal(convs["pred_1"].bias, head[:75])
    np.testing.assert_array_equal(convs["pred_1"].weight.ravel(), head[75:])


def test_another_kernel_is_its_file_s_where_a_description_stands_in(write: Write) -> None:
    weights, cfg = write(np.zeros(floats(kernel=3)))
    with pytest.raises(InputError, match=r"a 3x3 kernel of conv_set_2 .*tiny\.cfg says .* a 1x1"):
        read_convs(weights, cfg)
    convs = read_convs(weights, cfg.rename(cfg.with_stem("official")))
    assert convs["conv_set_2"].weight.shape == (256, 1024, 3, 3)


@pytest.mark.parametrize("kernel", [1, 3])
def test_another_number_of_classes_is_refused_beside_its_own_description(
    kernel: int, write: Write
) -> None:
    with pytest.raises(InputError, match=r"hold 80 classes .*tiny\.cfg says 20 classes"):
        read_convs(*write(np.zeros(floats(255, kernel))))


@pytest.mark.parametrize("heads", [18, 75, 255, 1110])
def test_any_number_of_classes_is_read_where_a_description_stands_in(
    heads: int, write: Write
) -> None:
    weights, cfg = write(np.zeros(floats(heads)))
    convs = read_convs(weights, cfg.rename(cfg.with_stem("official")))
    assert convs["pred_2"].weight.shape == (heads, 512, 1, 1)


@pytest.mark.parametrize(
    "header", [(0, 1, 0, 7), (0, 0, 3, 7), (0, 2, 0, 7), (0, 2, 0, 7, 0), (1, 0, 0, 7, 0)]
)
def test_every_header_is_read_and_written(header: tuple[int, ...], write: Write) -> None:
    values = (1 + np.arange(floats())) % 1021 / 1021
    weights, cfg = write(values)
    data = np.array(header, "<i4").tobytes() + values.astype("<f4").tobytes()
    weights.write_bytes(data)
    stored = read_stored(weights, cfg)
    assert stored["pred_1"].weight.ravel()[-1] == values.astype("<f4")[-1]
    assert file_bytes(read_header(weights, cfg), stored) == data


@pytest.mark.parametrize("header", [(0, 1, 0, 7), (0, 2, 0, 7), (0, 2, 0, 7, 0)])
def test_a_partial_file_is_told_from_a_short_one(header: tuple[int, ...], write: Write) -> None:
    weights, cfg = write()
    backbone = 4 * (floats() - 75 * 513 - 128 * 260 - 256 * (384 * 9 + 4) - 75 * 257)
    body = np.ones(backbone // 4, "<f4").tobytes()
    weights.write_bytes(np.array(header, "<i4").tobytes() + body)
    with pytest.raises(InputError, match=r"ends after extra_conv_2, before pred_2: a partial"):
        read_convs(weights, cfg)


def test_75_channels_keep_their_own_classes(write: Write) -> None:
    convs = read_convs(*write())
    network = hardware_network(convs, tuple(f"class{i}" for i in range(20)))
    assert network.classes[19] == "class19"
    assert network.embedded_zero_taps == {"conv_set_2": 8}
    for count in (19, 80):
        with pytest.raises(InputError, match=f"{count} class names, but 75 channels"):
            hardware_network(convs, tuple(f"class{i}" for i in range(count)))


@pytest.mark.parametrize(
    ("cut", "where"),
    [(-4, "pred_1"), (-75 * 257 * 4 - 8, "conv_set_1"), (-floats() * 4 + 60, "conv1")],
)
def test_a_short_file_is_refused(cut: int, where: str, write: Write) -> None:
    weights, cfg = write(extra=cut)
    expected = HEADER_BYTES + 4 * floats()
    found = expected + cut
    message = f"truncated in {where}: {expected} bytes expected, {found} found"
    with pytest.raises(InputError, match=message) as caught:
        read_convs(weights, cfg)
    assert str(weights) in str(caught.value)


def test_a_long_file_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"4 bytes too long after pred_1: .* expected"):
        read_convs(*write(extra=4))


def test_a_bad_header_is_refused(write: Write) -> None:
    weights, cfg = write()
    for data, message in (
        (b"", "truncated in its header: 20 bytes expected, 0 found"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "header version .* Darknet weights file is wanted"),
        (np.array([0, 1, 0, 0, 0], "<i4").tobytes(), "truncated in conv1"),
    ):
        weights.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_convs(weights, cfg)
    weights.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_convs(weights, cfg)


@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        (3, np.nan, r"tiny\.weights: conv1 beta\[3\] is nan"),
        (16 * 3 + 5, -1.0, r"conv1 variance\[5\] is -1"),
        (64 + 27 + 1, np.inf, r"conv1 weight\[1, 0, 0, 1\] is"),
        (-1, np.nan, r"pred_1 weight\[74, 255, 0, 0\] is nan"),
        (-75 * 257, -np.inf, r"pred_1 bias\[0\] is -inf"),
    ],
)
def test_a_bad_number_is_named(index: int, value: float, message: str, write: Write) -> None:
    values = np.ones(floats())
    values[index] = value
    with pytest.raises(InputError, match=message):
        read_convs(*write(values))


def test_classes_are_selected_for_every_anchor() -> None:
    channels = np.arange(3 * (5 + 4), dtype=np.float64)
    head = FloatConv("pred_1", channels.reshape(-1, 1, 1, 1), channels)
    part = select_classes(head, ("a", "b", "c", "d"), ("d", "b"))
    expected = [base + i for base in (0, 9, 18) for i in (0, 1, 2, 3, 4, 8, 6)]
    assert part.bias.tolist() == expected
    assert part.weight.ravel().tolist() == expected
    with pytest.raises(InputError, match="pred_1: no class e among"):
        select_classes(head, ("a", "b", "c", "d"), ("e",))
    with pytest.raises(InputError, match="pred_1: 3 class names, but 27 channels"):
        select_classes(head, ("a", "b", "c"), ("a",))


def test_official_files_are_read(files: ModelFiles) -> None:
    assert files.cfg is not None and files.names is not None
    said = read_description(files.cfg)
    assert (said.classes, said.set_2_kernel, said.size) == (80, 1, 416)
    names = read_names(files.names)
    assert len(names) == 80
    assert set(VOC_CLASSES) < set(names)
    convs = read_convs(files.weights, files.cfg)
    network = hardware_network(convs, names)
    assert network.convs["pred_1"].bias.shape == (75,)
    person = 85 + 5 + names.index("person")
    kept = network.convs["pred_1"].bias[25 + 5 + VOC_CLASSES.index("person")]
    assert kept == convs["pred_1"].bias[person]
    assert files.weights.stat().st_size == HEADER_BYTES + 4 * floats(heads=255)
