"""Networks as the bench knows them: descriptions, what they refuse, what their outputs say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.config import ConfigError
from golden.quantization.layers import quantize_image
from golden.reference.run import run
from golden.tests.networks.facenet.facenet_narrow import PREFIX
from golden.vision.images import load, shipped
from tb.flows.sim.layer_results import MANY, LayerProgress, in_blocks
from tb.flows.sim.options import SimOptions
from tb.flows.sim.report import LAYER_KINDS, LayerReport
from tb.networks.base import NetworkAdapter, Outputs
from tb.networks.registry import NETWORKS, find

FACENET: dict[str, Any] = {"net": "facenet"}
REFUSED = [
    ({"net": "lenet"}, "NET=lenet: did you mean facenet\\? choose yolov3-tiny, facenet.* or "),
    ({**FACENET, "size": 74}, "SIZE=74: FaceNet runs on 75 to 298"),
    ({**FACENET, "size": 299}, "SIZE=299: FaceNet runs on 75 to 298"),
    ({**FACENET, "slope": "13/128"}, "SLOPE=13/128: NET=facenet has no such choice"),
    ({**FACENET, "fit": "plain"}, "FIT=plain: NET=facenet has no such choice"),
    ({**FACENET, "retune": "none"}, "RETUNE=none: NET=facenet has no such choice"),
    (
        {**FACENET, "mode": "cut_round", "format": "q7.8"},
        "MODE=cut_round: FaceNet's average needs MODE=full",
    ),
    ({**FACENET, "layer": "conv1"}, r"LAYER=conv1: .*there are .* more$"),
    (
        {**FACENET, "layer": "MaxPool_3a_3x3"},
        "LAYER=MaxPool_3a_3x3: .* those of Conv2d_2b_3x3 make it",
    ),
    ({**FACENET, "from_layer": "Mixed_6a.concat"}, "FROM=Mixed_6a.concat: .* those of Repeat_1"),
    ({**FACENET, "act_bits": 12}, "ACT_BITS=12: choose 16 or 8"),
    ({**FACENET, "weight_format": "sm8"}, "WEIGHTS=sm8: .*give WEIGHT_BITS=8 too"),
    ({**FACENET, "standardize": "per-image"}, "STANDARDIZE=per-image: did you mean per_image"),
    ({"standardize": "per_image"}, "STANDARDIZE=per_image: NET=yolov3-tiny has no such choice"),
    ({"weight_bits": 8}, "WEIGHT_BITS=8: yolov3-tiny runs with 16 bits"),
    (
        {**FACENET, "weight_bits": 8, "format": "q7.8"},
        "format q7.8 is 16 bits wide, not 16x8: choose format per_layer",
    ),
]


@pytest.mark.parametrize(("given", "line"), REFUSED, ids=lambda case: str(case)[:30])
def test_refuses_in_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=f"^{line}") as caught:
        SimOptions(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("net", NETWORKS.values(), ids=list(NETWORKS))
def test_a_description_is_whole(net: NetworkAdapter) -> None:
    options = SimOptions(net=net.name)
    assert find(net.name) is net is options.network and options.size == net.size
    names = [node.name for node in net.nodes()]
    assert set(net.heads) <= set(names) and set(net.job_layers) <= set(names) == set(net.makers)
    assert {net.kind(node) for node in net.nodes()} <= set(LAYER_KINDS)
    assert all("/" not in name for name in names)
    assert net.default_image().is_file()


def test_the_blocks_of_facenet_are_seven() -> None:
    net = find("facenet")
    blocks = list(dict.fromkeys(net.block(node.name) for node in net.nodes()))
    assert blocks == ["stem", "block35", "Mixed_6a", "block17", "Mixed_7a", "block8", "logits"]
    assert net.block("Block8.add") == net.block("Repeat_2.block8_1.add") == "block8"
    assert SimOptions(net="facenet").job_layers[-1] == "Bottleneck"


def test_the_command_names_a_network_that_is_not_the_default() -> None:
    options = SimOptions(net="facenet", weight_bits=8, weight_format="sm8", size=96)
    assert options.command() == "make sim NET=facenet WEIGHT_BITS=8 WEIGHTS=sm8 SIZE=96"
    assert SimOptions(net="facenet").command() == "make sim NET=facenet"
    assert options.replay(layer="Block8.add", job="0", size=160) == (
        "make sim NET=facenet LAYER=Block8.add JOB=0 MODE=full WEIGHT_BITS=8 WEIGHTS=sm8 "
        "ARRAY=16x16 SIM=verilator SEED=1"
    )


def test_icarus_takes_one_layer_of_each_shape_where_there_are_many() -> None:
    assert SimOptions(net="facenet", sim="icarus").distinct
    assert not SimOptions(net="facenet").distinct and not SimOptions(sim="icarus").distinct
    assert not SimOptions(net="facenet", sim="icarus", layer="Bottleneck").distinct


def test_many_layers_are_told_by_blocks_and_few_one_by_one() -> None:
    layers = [
        LayerProgress(LayerReport(f"{index // 30}.{index}", "conv", macs=2, cycles=3), 1, 2)
        for index in range(MANY + 20)
    ]
    assert in_blocks(layers[:MANY], lambda name: name.split(".")[0]) == layers[:MANY]
    told = in_blocks(layers, lambda name: name.split(".")[0])
    assert [entry.report.name for entry in told] == ["0", "1"]
    assert (told[0].report.macs, told[0].report.cycles) == (60, 90)
    assert (told[0].done, told[0].jobs) == (30, 60)
    assert in_blocks(layers, lambda name: "") == layers


def test_a_wrong_embedding_has_a_smaller_cosine() -> None:
    net = find("facenet")
    options = SimOptions(net="facenet", model=PREFIX, size=80)
    built = net.build(options, lambda text: None)
    picture = load(shipped("astronaut.png"))
    pixels = net.pixels(picture, options)
    ints = quantize_image(pixels, built.network.input_frac, built.network.options.act_w)[0]
    heads = {"Bottleneck": run(built.network, ints)["Bottleneck"]}
    right = net.decode(Outputs(heads, heads, np.asarray(picture), Path()), built, options)
    wrong = {"Bottleneck": -heads["Bottleneck"]}
    other = net.decode(Outputs(wrong, heads, np.asarray(picture), Path()), built, options)
    assert right.cosine is not None and right.cosine > 0.9999
    assert other.cosine == pytest.approx(-right.cosine)
    assert f"{right.cosine:.6f}" in right.text
