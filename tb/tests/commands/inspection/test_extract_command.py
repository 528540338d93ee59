"""``convpe extract`` and ``show``: what they say, write and refuse; Verilog reads the files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from golden.arithmetic.sm8 import encode
from golden.study.parameters.model_parameters import read_parameters
from golden.tests.networks.facenet.facenet_narrow import (
    BETA,
    DATA,
    INDEX,
    LEFT_OVER,
    PREFIX,
    copy,
    file,
)
from golden.tests.networks.yolov3_tiny import checkpoints
from tb.tests.commands.commands import results, run
from tb.tests.commands.quantization.test_model_commands import refusal
from tb.toolchain.simulators import Simulator

LAYER = BETA.removesuffix("/BatchNorm/beta")
FOLDER = LAYER.replace("/", ".")
SOME = ("--only", "*/Block8/Branch_0/*", "--only", "*/Bottleneck/*")


def test_extract_writes_and_says_what(tmp_path: Path) -> None:
    out, document = tmp_path / "out", tmp_path / "e.json"
    output = run("extract", PREFIX, out, "--n-of", "*/beta=3", "--json", document)
    assert "FaceNet: 490 tensors of 133 layers" in output
    assert f"kept as they are, no part of a layer: {', '.join(LEFT_OVER)}" in output
    assert "382,676 bytes of floats, 95,669 of codes, 4.00 to 1" in output
    assert f"wrote {out}/manifest.json" in output
    manifest = results(document)["manifest"]
    assert manifest == json.loads((out / "manifest.json").read_text())
    assert manifest["mode"] == "reference" and manifest["best"] == "mse"
    assert {"file": f"narrow.ckpt-1{DATA}"}.items() <= manifest["source"]["files"][1].items()
    beta = np.load(out / FOLDER / "BatchNorm.beta.npy")
    lines = (out / FOLDER / "BatchNorm.beta.bits").read_text().split()
    assert lines == [f"{code:08b}" for code in encode(beta, 3).tolist()]
    assert run("extract", PREFIX, out, "--force", "--n", 7, "--fold", *SOME).count("2 layers")
    assert sorted(x.name for x in out.iterdir()) == [
        *(FOLDER, "InceptionResnetV1.Bottleneck", "manifest.json")
    ]
    names = sorted(x.name for x in (out / FOLDER).iterdir())
    assert names == sorted(
        [
            "manifest.json",
            *(f"{x}.{y}" for x in ("weights", "biases") for y in ("npy", "bits", "hex")),
        ]
    )


def test_extract_of_a_state_dict(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path / "digits.pth", torch.nn.Linear(3, 2).state_dict())
    assert "holds weight, bias" in refusal("extract", path, tmp_path / "o")
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    path = checkpoints.write(tmp_path / "digits.safetensors", net.state_dict())
    output = run("extract", path, tmp_path / "o", "--fold", "--best", "max")
    assert "batch normalisation not folded, no weights before it by name: 1" in output
    manifest = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert [x["folder"] for x in manifest["layers"]] == ["0", "1"]
    assert {x["role"]: x["axes"] for x in manifest["layers"][0]["tensors"]} == {
        **{"bias": "O", "weight": "OI"}
    }


def test_show_a_tensor(tmp_path: Path) -> None:
    document, plots = tmp_path / "s.json", tmp_path / "plots"
    name = "Block8/Branch_0/Conv2d_1x1/BatchNorm/beta"
    words = ("--from", PREFIX, "--n", 3, "--limit", 4, "--plots", plots, "--json", document)
    output = run("show", name, *words)
    assert output.startswith(f"{BETA}\n12 (O), SM8(3): 3 fraction bits, reference\n")
    assert "the first 4 of 12 values" in output and "raised to the smallest magnitude" in output
    found = results(document)
    values = next(x.values for x in read_parameters(PREFIX).parameters if x.name == BETA)
    for row, value in zip(found["values"], values[:4].tolist(), strict=True):
        assert row["value"] == value and f" {row['code']} " in output
        assert row["code"] == f"{int(encode(value, 3)):08b}"
        assert row["error"] == row["after"] - value
    assert sum(found["histogram"]["before"]) == sum(found["histogram"]["after"]) == 12
    assert [Path(x).is_file() for x in found["files"]] == [True]
    assert found["tensor"]["fraction_bits"] == 3 and found["fraction_bits"] == 3
    rounded = run("show", name, "--from", PREFIX, "--mode", "round_to_nearest", "--limit", 0)
    assert "rounded to zero" in rounded and "SM8(7): 7 fraction bits, round_to_nearest" in rounded


def test_show_a_summary(tmp_path: Path) -> None:
    document = tmp_path / "s.json"
    output = run("show", "--summary", "--from", f"{PREFIX}{INDEX}", *SOME, "--json", document)
    found = results(document)
    assert f"\n{LAYER}\n  BatchNorm/beta " in output and "8 tensors: " in output
    assert all(len(line) <= 80 for line in output.splitlines()[:-2])
    beta = found["tensors"][0]
    assert beta["name"] == BETA
    assert (beta["bytes_before"], beta["bytes_after"], beta["count"]) == (48, 12, 12)
    sizes = [sum(x[key] for x in found["tensors"]) for key in ("bytes_before", "bytes_after")]
    totals = found["totals"]
    assert [totals["bytes_before"], totals["bytes_after"]] == sizes
    assert totals["max_error"] == max(x["max_error"] for x in found["tensors"])


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def extract(*words: object, source: Path = PREFIX) -> str:
        output = refusal("extract", source, out, *words)
        assert "\n" not in output and not out.exists()
        return output

    def show(*words: object) -> str:
        return refusal("show", *words, "--from", PREFIX)

    assert "all tensors: n = 8 fraction bits: give 0 to 7" in extract("--n", 8)
    assert "*/beta: n = -1 fraction bits" in extract("--n-of", "*/beta=-1")
    assert "give PATTERN=N" in extract("--n-of", "beta")
    assert "*/gamma matches none of 490 tensors" in extract("--n-of", "*/gamma=3")
    assert "nothing* matches none of 490 tensors" in extract("--only", "nothing*")
    assert "give --n or --best, not both" in extract("--n", 3, "--best", "mse")
    assert "--epsilon is of folding: give --fold too" in extract("--epsilon", 0.1)
    assert "does not exist; give a" in extract(source=tmp_path / "none.pth.tar")
    assert "no such tensor among 490; close names" in show("Block8/Branch_0/Conv2d_1x1/betta")
    assert "means 4 tensors, such as Inc" in show("Block8/Branch_0/Conv2d_1x1")
    assert "give a tensor's name, or --summary" in show()
    assert "give a tensor's name, or --summary" in show(BETA, "--summary")
    assert "--plots is of one tensor" in show("--summary", "--plots", tmp_path / "p")
    prefix = copy(tmp_path / "copy")
    file(prefix, DATA).write_bytes(file(prefix, DATA).read_bytes()[:-1])
    assert "truncated, or of another checkpoint than" in extract(source=prefix)


def test_an_occupied_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("1")
    assert refusal("extract", PREFIX, tmp_path) == (
        f"{tmp_path} is not empty (it holds mine): give another folder, or --force to replace "
        "an earlier extraction"
    )
    assert [x.name for x in tmp_path.iterdir()] == ["mine"]


def memories(folder: Path, tensors: list[tuple[str, str, int]]) -> str:
    """Verilog that prints what it reads of files: memory, address, code."""
    parts = []
    for number, (task, name, count) in enumerate(tensors):
        parts.append(
            f"reg [7:0] m{number} [0:{count - 1}];\n"
            f'initial begin ${task}("{folder / name}", m{number});\n'
            f"for (i{number} = 0; i{number} < {count}; i{number} = i{number} + 1) "
            f'$display("{number} %0d %0d", i{number}, m{number}[i{number}]); end\n'
            f"integer i{number};"
        )
    return "module t;\n" + "\n".join(parts) + "\nendmodule\n"


@pytest.mark.slow
def test_verilog_reads_the_codes(simulator: Simulator, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("extract", PREFIX, out, *SOME, "--n-of", "*=4")
    layer = json.loads((out / FOLDER / "manifest.json").read_text())
    chosen: list[tuple[str, str, int]] = []
    wanted: dict[tuple[int, int], int] = {}
    for tensor in layer["tensors"]:
        values = np.load(out / FOLDER / tensor["files"]["values"]["file"])
        codes = encode(values, tensor["fraction_bits"]).ravel().tolist()
        for task, kind in (("readmemb", "bits"), ("readmemh", "hex")):
            wanted |= {(len(chosen), place): code for place, code in enumerate(codes)}
            chosen.append((task, tensor["files"][kind]["file"], len(codes)))
    source = tmp_path / "t.v"
    source.write_text(memories(out / FOLDER, chosen))
    program = compiled(simulator, source, tmp_path)
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0 and "%Warning" not in done.stderr and "WARNING" not in done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert {(int(a), int(b)): int(c) for a, b, c in lines} == wanted
    assert len(lines) == len(wanted) == 2 * (3 * 12 + 112 * 12)


def compiled(simulator: Simulator, source: Path, folder: Path) -> list[str]:
    """Compile one file; return the command that runs it."""
    tool, env = str(simulator.executable), os.environ | simulator.env
    if simulator.name == "icarus":
        subprocess.run(
            [tool, "-g2005", "-o", "t.vvp", str(source)], check=True, timeout=120, cwd=folder
        )
        return [str(shutil.which("vvp")), "-n", "t.vvp"]
    words = [
        "--binary",
        "-Wno-fatal",
        "-CFLAGS",
        "-O0",
        "--Mdir",
        "made",
        "--top-module",
        "t",
        str(source),
    ]
    subprocess.run(
        [tool, *words], check=True, timeout=300, cwd=folder, env=env, capture_output=True
    )
    return [str(folder / "made" / "Vt")]
