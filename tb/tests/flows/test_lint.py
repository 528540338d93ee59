"""Every lint passes, and every one of them can fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tb.flows.lint import command
from tb.toolchain.build import HDL, ROOT, RTL

FAULTS = {
    "ruff": ("py", "import os\n"),
    "ruff format": ("py", "x = [1,2]\n"),
    "mypy": ("py", "x: int = 'text'\n"),
    "verible": ("v", "module other;\n\nendmodule  \n"),
    "verilator": (
        "v",
        "module bad (input wire [3:0] a, output wire [7:0] b);\n    assign b = a;\nendmodule\n",
    ),
    "iverilog": (
        "v",
        "module bad;\n    wire [3:0] a;\n    part p (.a(a));\nendmodule\n"
        "module part (input wire [7:0] a);\nendmodule\n",
    ),
}
"""For each tool a text that it must refuse."""
GOOD = {
    "py": '"""Nothing."""\n',
    "v": "module bad (\n    input  wire a,\n    output wire b\n);\n    assign b = a;\nendmodule\n",
}


def test_simulation_tops_are_all_read() -> None:
    assert "sim_top" in command.tops()
    names = [check.name for check in command.checks()]
    for top in command.tops():
        assert f"verilator: {top}" in names
    assert (
        sum(name.startswith("verilator: conv_pe") for name in names) == len(command.PARAMETERS) >= 4
    )


def found(tool: str, text: str, folder: Path) -> str | None:
    """Let a tool read a text of our own in the place of the project's."""
    known = {check.name.split(":")[0]: check for check in reversed(list(command.checks()))}
    if tool not in known:
        pytest.skip(next(words for words in command.skipped() if words.startswith(tool)))
    path = folder / f"bad.{FAULTS[tool][0]}"
    path.write_text(text)
    ours = (str(RTL), str(HDL), str(ROOT / "golden"), str(ROOT / "tb"))
    kept = [word for word in known[tool].command if not word.startswith(ours)]
    kept = ["bad" if word == "conv_pe" else word for word in kept]
    return command.fault(replace(known[tool], command=[*kept, str(path)]))


@pytest.mark.parametrize("tool", FAULTS)
def test_tool_refuses_what_is_wrong_and_nothing_else(tool: str, tmp_path: Path) -> None:
    assert found(tool, FAULTS[tool][1], tmp_path) is not None
    assert found(tool, GOOD[FAULTS[tool][0]], tmp_path) is None


def test_waivers_have_reasons() -> None:
    for file, mark in (("tb/flows/lint/verible.rules", "#"), ("tb/flows/lint/verilator.vlt", "//")):
        lines = [line for line in (ROOT / file).read_text().splitlines() if line]
        waived = [n for n, line in enumerate(lines) if line.startswith(("-", "lint_off", "param"))]
        assert waived
        for number in waived:
            above = lines[number - 1]
            assert above.startswith((mark, "-", "lint_off")), lines[number]


def test_sources_have_no_hidden_waiver() -> None:
    for folder in (RTL, HDL):
        for path in folder.glob("*.v"):
            text = path.read_text()
            assert "verilator lint_off" not in text, (
                f"{path.name}: put it into tb/flows/lint/verilator.vlt"
            )
            assert "verilog_lint: waive" not in text, (
                f"{path.name}: put it into tb/flows/lint/verible.rules"
            )
