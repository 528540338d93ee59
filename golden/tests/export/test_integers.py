"""Raw integers: a network goes out and comes back, C and Verilog read it, damage is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, InputError, PoolPad, Slope
from golden.export.reader import integer_network, read_integers
from golden.export.writer import DATA, MANIFEST, write_integers
from golden.graph.conv_layer import ConvLayer
from golden.graph.network import Network
from golden.networks.yolov3_tiny.files.fetch import model_files
from golden.networks.yolov3_tiny.files.reading import read_stored
from golden.reference.run import run
from golden.tests.small_networks import branches, chain

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def network() -> Network:
    return branches((12, 10))


@pytest.fixture
def image(rng: np.random.Generator) -> Int16Array:
    return rng.integers(0, 257, (3, 12, 10)).astype(np.int16)


def narrow(network: Network) -> Network:
    """The same in 8 bits, one bias too large for 32."""
    nodes = []
    for node in network.nodes:
        if isinstance(node, ConvLayer):
            bias = node.bias.copy()
            bias[0] = -(1 << 40) if node.name == "conv2" else 0
            node = replace(node, weight_w=8, act_w=8, bias=bias)
        nodes.append(node)
    options = NumericOptions(act_w=8, weight_w=8)
    return replace(network, nodes=tuple(nodes), options=options)


@pytest.mark.parametrize("make", [lambda n: n, narrow])
def test_a_network_comes_back(
    make: Callable[[Network], Network], network: Network, image: Int16Array, tmp_path: Path
) -> None:
    made = make(network)
    pixels = np.clip(image, 0, 127).astype(np.int16)
    assert write_integers(tmp_path, made, pixels, {"made": "here"}) == tmp_path / MANIFEST
    found = read_integers(tmp_path)
    assert found.about["made"] == "here"
    assert found.image is not None and np.array_equal(found.image, pixels)
    for field in fields(Network):
        if field.name != "nodes":
            assert getattr(found.network, field.name) == getattr(made, field.name)
    for one, other in zip(found.network.nodes, made.nodes, strict=True):
        assert type(one) is type(other)
        for field in fields(one):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name))
    outputs, wanted = run(found.network, pixels), run(made, pixels)
    assert all(np.array_equal(outputs[name], wanted[name]) for name in wanted)


def test_every_kind_of_pool_comes_back(tmp_path: Path) -> None:
    made = chain(PoolPad.ZERO, (20, 22))
    found = read_integers(write_integers(tmp_path, made)).network
    assert found.nodes[1] == made.nodes[1] and found.nodes[3] == made.nodes[3]


def test_a_reader_needs_the_manifest_alone(
    network: Network, image: Int16Array, tmp_path: Path
) -> None:
    made = narrow(network)
    write_integers(tmp_path, made, np.clip(image, 0, 127).astype(np.int16))
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    data = (tmp_path / DATA).read_bytes()
    records = {record["name"]: record for record in manifest["tensors"]}
    assert records["conv2.weight"]["type"] == "int8" and records["image"]["type"] == "int8"
    assert records["conv1.bias"]["type"] == "int32" and records["conv2.bias"]["type"] == "int64"
    assert all(record["offset"] % 64 == 0 for record in manifest["tensors"])
    assert manifest["data"]["bytes"] == len(data)
    for layer in made.convs():
        record = records[f"{layer.name}.weight"]
        values = np.frombuffer(data[record["offset"] :][: record["bytes"]], np.int8)
        assert np.array_equal(values.reshape(record["shape"]), layer.weight)
        assert record["fraction_bits"] == layer.weight_frac
        assert records[f"{layer.name}.bias"]["fraction_bits"] == layer.sum_frac
    node = next(node for node in manifest["nodes"] if node["name"] == "conv3")
    assert (node["source"], node["kind"], node["shift"]) == ("pool2", "conv", 8)


def test_the_same_network_makes_the_same_bytes(
    network: Network, image: Int16Array, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        write_integers(tmp_path / folder, network, image)
    for file in (MANIFEST, DATA, "hex/conv1.weight.hex"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is not installed")
def test_verilog_reads_the_hex(network: Network, image: Int16Array, tmp_path: Path) -> None:
    made = narrow(network)
    write_integers(tmp_path, made, np.clip(image, 0, 127).astype(np.int16))
    records = json.loads((tmp_path / MANIFEST).read_text())["tensors"]
    lines = []
    for number, record in enumerate(records):
        width, count = record["type"].removeprefix("int"), int(np.prod(record["shape"]))
        lines.append(
            f"reg signed [{width}-1:0] m{number} [0:{count - 1}];\n"
            f'initial begin $readmemh("{tmp_path / record["hex"]}", m{number});\n'
            f'for (i = 0; i < {count}; i = i + 1) $display("{number} %0d", m{number}[i]); end'
        )
    source, binary = tmp_path / "t.v", tmp_path / "t.vvp"
    source.write_text("module t;\ninteger i;\n" + "\n".join(lines) + "\nendmodule\n")
    subprocess.run(["iverilog", "-g2005", "-o", binary, source], check=True, timeout=60)
    done = subprocess.run(["vvp", "-n", binary], capture_output=True, text=True, timeout=60)
    assert "WARNING" not in done.stdout + done.stderr
    found: dict[int, list[int]] = {}
    for line in done.stdout.splitlines():
        index, value = line.split()
        found.setdefault(int(index), []).append(int(value))
    integers = read_integers(tmp_path)
    tensors: dict[str, Any] = {"image": integers.image}
    for layer in integers.network.convs():
        tensors |= {f"{layer.name}.weight": layer.weight, f"{layer.name}.bias": layer.bias}
    for number, record in enumerate(records):
        assert found[number] == tensors[record["name"]].ravel().tolist()


def test_integers_are_for_the_choices_that_made_them(network: Network, tmp_path: Path) -> None:
    square = branches((8, 8))
    path = write_integers(tmp_path, square, write_hex=False)
    assert integer_network(path, square.options, 8).shapes() == square.shapes()
    for options, size, message in (
        (square.options, 16, "made with size 8, not 16: choose that"),
        (NumericOptions(), 8, r"made with format q7\.8, not per_layer: choose that"),
        (replace(square.options, slope=Slope.THIRTEEN_128THS), 8, "slope 1/8, not 13/128"),
    ):
        with pytest.raises(ConfigError, match=message):
            integer_network(path, options, size)
    with pytest.raises(InputError, match="a manifest of integers is for make sim alone"):
        read_stored(model_files(path))


def remove_nodes(about: dict[str, Any]) -> object:
    return about.pop("nodes")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(schema=2), r"manifest\.json: not a manifest of integers with schema 1"),
        (remove_nodes, r"manifest\.json: not a manifest"),
        (lambda a: a["data"].update(sha256="0" * 64), r"integers\.bin: another sha256"),
        (lambda a: a["data"].update(bytes=3), r"integers\.bin: \d+ bytes, its manifest says 3"),
        (lambda a: a["data"].update(file="../none"), r"none: cannot be read: No such file"),
        (lambda a: a["tensors"][0].update(offset=1 << 40), "image reaches beyond the data"),
        (lambda a: a["tensors"][1].update(shape=[9]), "conv1: .*weight"),
        (lambda a: a["tensors"][1].update(type="float"), "conv1.weight has type 'float'"),
        (lambda a: a["tensors"].pop(1), r"not what a manifest has there: 'conv1.weight'"),
        (lambda a: a["nodes"][0].update(kind="lstm"), r"not what a manifest has there: 'lstm'"),
        (lambda a: a["nodes"][0].update(shift=99), r"conv1: shift 99 is not in 0\.\.47"),
        (lambda a: a["nodes"][0].update(in_frac=9), "conv1: in_frac 9, but its source has 8"),
        (lambda a: a["options"].update(mode="cut"), r"not what a manifest has there: 'cut' is not"),
        (lambda a: a.update(input_shape=[3, 5, 5]), r"image is \(3, 12, 10\)"),
    ],
)
def test_what_is_wrong_is_named(
    change: Change, message: str, network: Network, image: Int16Array, tmp_path: Path
) -> None:
    path = write_integers(tmp_path, network, image, write_hex=False)
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))
    with pytest.raises(InputError, match=message) as caught:
        read_integers(path)
    assert "\n" not in str(caught.value)


def test_damaged_files_are_refused(network: Network, tmp_path: Path) -> None:
    path = write_integers(tmp_path, network, write_hex=False)
    assert not (tmp_path / "hex").exists()
    data = bytearray((tmp_path / DATA).read_bytes())
    data[9] ^= 1
    (tmp_path / DATA).write_bytes(data)
    with pytest.raises(InputError, match=r"integers\.bin: another sha256"):
        read_integers(path)
    path.write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json: not a JSON file"):
        read_integers(path)
    with pytest.raises(InputError, match=r"manifest\.json: cannot be read: No such file"):
        read_integers(tmp_path / "none" / MANIFEST)
