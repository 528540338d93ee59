"""Verdicts on layers: own fault, consequence, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.config import InputError
from golden.graph.layers import sources
from golden.graph.network import Network
from golden.reference import run
from golden.reference.run import run_node
from golden.study.dumps.bisection import (
    Difference,
    LayerVerdict,
    Verdict,
    conclusion,
    fed_verdicts,
    fit_to,
    layer_verdicts,
)
from golden.study.dumps.comparison import equality
from golden.study.dumps.dump import Dump
from golden.tests.small_networks import branches

NETWORK = branches((8, 10))
IMAGE = np.random.default_rng(1).integers(-400, 400, NETWORK.input_shape).astype(np.int16)
GOLDEN = run.run(NETWORK, IMAGE)
FUSED = {"pool2": "conv2", "up": "conv3", "up5": "conv4"}


def faulty(*broken: str) -> dict[str, Int16Array]:
    """A run in which some layers add 500 to one of their values, and the rest is right."""
    values = {"image": IMAGE}
    for node in NETWORK.nodes:
        made = run_node(node, [values[name] for name in sources(node)]).copy()
        if node.name in broken:
            made[1, 2, 3] += 500
        values[node.name] = made
    return values


def verdicts(
    actual: dict[str, Int16Array], image: Int16Array | None = None
) -> dict[str, LayerVerdict]:
    return {layer.name: layer for layer in layer_verdicts(NETWORK, actual, image)}


def of(found: dict[str, LayerVerdict], verdict: Verdict) -> set[str]:
    return {name for name, layer in found.items() if layer.verdict is verdict}


def test_a_run_without_faults_is_right() -> None:
    found = verdicts(dict(GOLDEN))
    assert of(found, Verdict.RIGHT) == {node.name for node in NETWORK.nodes}
    assert {name: layer.values for name, layer in found.items()} == {
        node.name: GOLDEN[node.name].size for node in NETWORK.nodes
    }
    assert conclusion(found.values()) == "every value of 11 layers is right"


def test_faults_and_consequences_are_told_apart() -> None:
    actual = faulty("conv2", "up5")
    found = verdicts(actual)
    assert of(found, Verdict.OWN_FAULT) == {"conv2", "up5"}
    changed = {name for name in found if not np.array_equal(actual[name], GOLDEN[name])}
    assert of(found, Verdict.CONSEQUENCE) == changed - {"conv2", "up5"} >= {"conv4", "conv7"}
    assert of(found, Verdict.RIGHT) == set(found) - changed >= {"conv1"}
    before, after = int(GOLDEN["conv2"][1, 2, 3]), int(actual["conv2"][1, 2, 3])
    assert found["conv2"].first == Difference(1, 2, 3, before, after)
    assert (found["conv2"].wrong, found["up5"].wrong) == (1, 1)
    wrong = np.count_nonzero(actual["conv4"] != GOLDEN["conv4"])
    assert found["conv4"].wrong == wrong > 1
    inherits = len(changed) - 2
    output = f"conv2 and up5 are wrong on their own account; {inherits} layers only inherit it"
    assert conclusion(found.values()) == output


def test_a_layer_that_is_missing_is_named_where_the_fault_may_be_its() -> None:
    actual = faulty("conv3")
    del actual["conv3"], actual["up"]
    found = verdicts(actual)
    assert of(found, Verdict.ABSENT) == {"conv3", "up"}
    assert of(found, Verdict.OWN_FAULT) == {"concat"}
    assert found["concat"].through == ("conv3", "up")
    assert conclusion(found.values()).startswith("concat (or conv3, up) is wrong on its own")
    assert of(found, Verdict.CONSEQUENCE) >= {"conv4"}


def test_without_any_image_the_first_layer_cannot_be_judged() -> None:
    actual = faulty("conv2")
    del actual["image"]
    found = verdicts(actual)
    assert of(found, Verdict.CANNOT_SAY) == {"conv1"}
    assert of(found, Verdict.OWN_FAULT) == {"conv2"}
    assert found["conv4"].verdict is Verdict.CONSEQUENCE
    output = conclusion(found.values())
    assert output.endswith("; of conv1 nobody can say")
    assert verdicts(actual, IMAGE)["conv1"].verdict is Verdict.RIGHT


def test_another_image_is_nobodys_fault() -> None:
    actual = dict(GOLDEN) | {"image": IMAGE + np.int16(1)}
    found = verdicts(actual)
    assert of(found, Verdict.OWN_FAULT) == {"conv1"}
    made = {name: tensor for name, tensor in faulty().items() if name == "image"}
    assert of(verdicts(made), Verdict.ABSENT) == set(found)
    assert conclusion(verdicts(made).values()) == "nothing is compared"


def test_layers_that_were_fed_golden_inputs() -> None:
    """conv2 is wrong and its pool right on that; the pool behind conv3 is wrong itself."""
    actual = dict(GOLDEN)
    del actual["image"]
    broken = faulty("conv2")
    actual["conv2"], actual["pool2"] = broken["conv2"], broken["pool2"]
    actual["up"] = GOLDEN["up"].copy()
    actual["up"][0, 0, 0] += 1
    del actual["concat"]
    found = {layer.name: layer for layer in fed_verdicts(NETWORK, actual, GOLDEN, FUSED)}
    assert set(found) == set(actual)
    assert of(found, Verdict.OWN_FAULT) == {"conv2", "up"}
    assert of(found, Verdict.CONSEQUENCE) == {"pool2"}
    assert len(of(found, Verdict.RIGHT)) == len(actual) - 3


def refused(network: Network, dump: Dump) -> str:
    with pytest.raises(InputError) as caught:
        fit_to(network, dump)
    return str(caught.value)


def test_a_dump_is_fitted_to_the_network() -> None:
    fracs = NETWORK.fracs()
    ints = Dump(dict(GOLDEN), fracs)
    for dump in (ints, Dump(dict(GOLDEN)), Dump(ints.real())):
        assert all(np.array_equal(t, GOLDEN[n]) for n, t in fit_to(NETWORK, dump).items())
    conv1 = GOLDEN["conv1"]
    assert "array nix is no layer: choose image, conv1" in refused(NETWORK, Dump({"nix": conv1}))
    assert "array conv1 has shape (4, 7, 10)" in refused(NETWORK, Dump({"conv1": conv1[:, 1:]}))
    assert "array conv1 has 7 fraction bits" in refused(
        NETWORK, Dump({"conv1": conv1}, {"conv1": 7})
    )
    wide = conv1.astype(np.int64) + 70_000
    assert "array conv1 holds a value beyond 16 bits" in refused(NETWORK, Dump({"conv1": wide}))
    between = Dump({"conv1": conv1 / 256 + 1 / 1000})
    assert "array conv1 holds floats that 8 fraction bits cannot" in refused(NETWORK, between)


def test_two_dumps_are_equal_or_not() -> None:
    fracs = NETWORK.fracs()
    one, other = Dump(dict(GOLDEN), fracs), Dump(faulty("conv2"), fracs)
    found = {layer.name: layer for layer in equality(one, other)}
    assert next(name for name, layer in found.items() if layer.wrong) == "conv2"
    before, after = int(GOLDEN["conv2"][1, 2, 3]), int(other.tensors["conv2"][1, 2, 3])
    assert found["conv2"].first == Difference(1, 2, 3, before, after)
    assert not any(layer.wrong for layer in equality(one, Dump(one.real())))
    assert not any(layer.wrong for layer in equality(one, Dump(dict(GOLDEN))))
    shifted = Dump(dict(GOLDEN), {name: frac - 1 for name, frac in fracs.items()})
    for bad, message in (
        (shifted, "image: one run has 8 fraction bits, the other 7"),
        (Dump({"conv1": GOLDEN["conv1"][:, 1:]}), "conv1: one run has shape"),
        (Dump({"nix": IMAGE}), "no layer in common"),
    ):
        with pytest.raises(InputError, match=message):
            equality(one, bad)
