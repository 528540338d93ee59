"""Extracted parameters: files that read back, manifests that are true, folders that are whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.arithmetic.sm8 import Best, Sm8Mode, decode, encode
from golden.config import ConfigError, InputError
from golden.export.memory_files import read_codes
from golden.files import whole_folder
from golden.study.parameters.coding import Choice, check_patterns, coded, parse_given, select
from golden.study.parameters.extraction import MANIFEST, OTHERS, extract
from golden.study.parameters.model_parameters import (
    Parameter,
    ParameterFile,
    by_layer,
    read_parameters,
)
from golden.study.parameters.sm8_errors import best_fraction, errors_of
from golden.tests.networks.facenet.facenet_narrow import BETA, LEFT_OVER, PREFIX


@pytest.fixture(scope="module")
def source() -> ParameterFile:
    return read_parameters(PREFIX)


def few(source: ParameterFile) -> tuple[Parameter, ...]:
    return select(source.parameters, ["*/Block8/Branch_0/*", "*/Bottleneck/*"])


def tree(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("mode", Sm8Mode)
def test_files_read_back_and_manifests_are_true(
    source: ParameterFile, mode: Sm8Mode, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    choice = Choice(mode, given=(("*/weights", 2), ("*/Bottleneck/weights", 6)))
    every = mode is Sm8Mode.REFERENCE
    parameters = source.parameters if every else select(source.parameters, ["*_1[ab]*", "*/Bot*"])
    manifest = extract(source, parameters, out, choice, {"folded": False})
    assert manifest == json.loads((out / MANIFEST).read_text())
    assert (len(manifest["layers"]) == 133) == every and manifest["folded"] is False
    assert manifest["totals"]["count"] == sum(one.values.size for one in parameters)
    assert manifest["totals"]["compression"] == 4
    layers = by_layer(parameters)
    for entry in manifest["layers"]:
        folder = out / entry["folder"]
        assert entry["folder"] == entry["layer"].replace("/", ".")
        own = json.loads((folder / MANIFEST).read_text())
        assert own == {
            **{"layer": entry["layer"], "tensors": entry["tensors"]},
            "order": "the last axis is fastest",
        }
        for one, tensor in zip(layers[entry["layer"]], entry["tensors"], strict=True):
            check_tensor(folder, one, tensor, mode)
    weights = {x["name"]: x for layer in manifest["layers"] for x in layer["tensors"]}
    assert weights["InceptionResnetV1/Bottleneck/weights"]["fraction_bits"] == 6
    assert weights["InceptionResnetV1/Conv2d_1a_3x3/weights"]["fraction_bits"] == 2
    check_others(out, manifest, source)


def check_tensor(folder: Path, one: Parameter, tensor: dict[str, Any], mode: Sm8Mode) -> None:
    """Files of one tensor against the tensor, and the manifest against both."""
    files = {kind: folder / entry["file"] for kind, entry in tensor["files"].items()}
    for kind, entry in tensor["files"].items():
        assert hashlib.sha256(files[kind].read_bytes()).hexdigest() == entry["sha256"]
    assert np.array_equal(np.load(files["values"]), one.values)
    n = tensor["fraction_bits"]
    codes = encode(one.values, n, mode)
    assert np.array_equal(read_codes(files["bits"], "bits"), codes.ravel())
    assert np.array_equal(read_codes(files["hex"], "hex"), codes.ravel())
    errors = errors_of(one.values, n, mode)
    facts = {
        **{"name": one.name, "shape": list(one.values.shape), "axes": one.axes},
        **{"format": f"SM8({n})", "scale": 2.0**-n, "mode": mode.value, "type": "float32"},
        **{"count": one.values.size, "sources": [one.name], "role": one.role},
        **errors.to_dict(),
    }
    assert facts.items() <= tensor.items()
    if one.role != "weight":
        assert n == best_fraction(one.values, Best.MSE, mode)
    after = decode(codes, n)
    assert np.abs(after - one.values).max() == pytest.approx(tensor["max_error"])


def check_others(out: Path, manifest: dict[str, Any], source: ParameterFile) -> None:
    """Names that belong to no layer are kept as they are, and listed."""
    assert tuple(other["name"] for other in manifest["others"]) == LEFT_OVER
    for other in manifest["others"]:
        content = (out / other["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == other["sha256"]
        assert np.array_equal(np.load(out / other["file"]), source.others[other["name"]])
    assert len(list((out / OTHERS).iterdir())) == len(LEFT_OVER)


def test_a_folder_that_holds_something_stays(source: ParameterFile, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    before = tree(out)
    with pytest.raises(InputError, match=r"out is not empty \(it holds notes.txt\): give another"):
        extract(source, few(source), out, Choice())
    assert tree(tmp_path) == {f"out/{name}": content for name, content in before.items()}
    extract(source, few(source), out, Choice(), force=True)
    assert (out / "notes.txt").read_text() == "mine" and (out / MANIFEST).exists()
    with pytest.raises(InputError, match="not empty"):
        extract(source, few(source), out, Choice())
    # A second extraction takes the place of the whole first one, and of nothing else.
    extract(source, select(source.parameters, [BETA]), out, Choice(), force=True, others=False)
    folder = BETA.removesuffix("/BatchNorm/beta").replace("/", ".")
    assert sorted(x.name for x in out.iterdir()) == sorted([folder, MANIFEST, "notes.txt"])
    assert [x.name for x in tmp_path.iterdir()] == ["out"]
    with pytest.raises(InputError, match=r"notes\.txt is a file: give a folder"):
        extract(source, few(source), out / "notes.txt", Choice(), force=True)


@pytest.mark.parametrize("there", [False, True])
def test_an_extraction_is_whole_or_not_there(
    source: ParameterFile, there: bool, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    if there:
        extract(source, few(source), out, Choice())
        (out / "notes.txt").write_text("mine")
    before = tree(tmp_path)
    steps = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(source, few(source), out, Choice(n=3), force=True, step=stop)
    assert tree(tmp_path) == before and out.exists() == there
    spoilt = replace(few(source)[-1], values=np.array([np.nan], np.float32))
    with pytest.raises(InputError, match=r"\[0\] is nan"):
        extract(source, [*few(source)[:-1], spoilt], out, Choice(n=3), force=True)
    assert tree(tmp_path) == before


def test_a_folder_that_cannot_take_its_place_leaves_the_old(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "old").mkdir(parents=True)
    (out / "mine").write_text("1")
    with pytest.raises(FileNotFoundError), whole_folder(out, ["old"]) as new:
        new.rmdir()  # whatever goes wrong at the end
    assert sorted(x.name for x in out.iterdir()) == ["mine", "old"]
    assert [x.name for x in tmp_path.iterdir()] == ["out"]
    link = tmp_path / "link"
    link.symlink_to(out)
    with whole_folder(link, ["old"]) as new:
        (new / "new").write_text("2")
    assert link.is_symlink() and sorted(x.name for x in out.iterdir()) == ["mine", "new"]


def test_names_that_would_meet_are_refused(source: ParameterFile, tmp_path: Path) -> None:
    one = few(source)[0]
    for other in (replace(one, layer=one.layer.replace("/", ".")), replace(one, name="x")):
        with pytest.raises(InputError, match="would both be written to"):
            extract(source, [one, other], tmp_path / "out", Choice())
    up = replace(one, layer="..", part="../../beta")
    extract(source, [up], tmp_path / "out", Choice(), others=False)
    assert sorted(tree(tmp_path))[0] == "out/_../_......beta.bits"
    assert all(name.startswith("out/") for name in tree(tmp_path))


def test_fraction_bits_are_chosen_as_asked(source: ParameterFile) -> None:
    one = next(x for x in source.parameters if x.name == BETA)
    assert coded(one, Choice(n=3)).n == 3
    assert coded(one, Choice(n=3, given=(("*/beta", 5), ("*Block8*", 1)))).n == 1
    assert coded(one, Choice(best=Best.MAX)).n == best_fraction(one.values, Best.MAX)
    assert parse_given(["a=b=0", "*/x=7"]) == (("a=b", 0), ("*/x", 7))
    for text in ("beta", "=3", "beta=", "beta=x", "beta=1.5"):
        with pytest.raises(ConfigError, match="give PATTERN=N"):
            parse_given([text])
    for choice in ({"n": 8}, {"n": -1}, {"given": (("*/beta", 9),)}):
        with pytest.raises(ConfigError, match="fraction bits: give 0 to 7"):
            Choice(**choice)
    with pytest.raises(ConfigError, match=r"\*/gamma matches none of 490 tensors, such as Inc"):
        check_patterns(source.parameters, ["*/beta", "*/gamma"])
    assert len(select(source.parameters, ())) == 490
    assert [x.part for x in select(source.parameters, ["*/Bottleneck/w*"])] == ["weights"]
