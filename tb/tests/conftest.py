"""The simulators that a test runs on, and a loud word about those that are missing."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

from golden.config import InputError
from golden.networks.yolov3_tiny.files.fetch import ModelFiles, model_files
from tb.toolchain.simulators import Simulator, find_icarus, find_verilator
from tb.toolchain.system_packages import command, is_there

NO_ICARUS = "Icarus Verilog is not installed"
NO_GTKWAVE = "GTKWave or Xvfb is not installed"
MISSING = {"icarus": (NO_ICARUS, "ICARUS"), "gtkwave": (NO_GTKWAVE, "GTKWAVE")}
"""A tool's name, why its tests are skipped, and its name in the title that says so."""


@pytest.fixture(scope="session", params=["verilator", "icarus"])
def simulator(request: pytest.FixtureRequest) -> Simulator:
    """Give each simulator in turn; without Icarus its half is skipped."""
    if request.param == "verilator":
        return find_verilator()
    if not is_there("icarus"):
        pytest.skip(NO_ICARUS)
    return find_icarus()


@pytest.fixture(scope="session")
def official() -> ModelFiles:
    """The official model, or no test."""
    try:
        return model_files()
    except InputError as error:
        pytest.skip(str(error))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say at the end what the lack of a tool left untested."""
    for tool, (reason, title) in MISSING.items():
        skipped = [
            report.nodeid
            for report in terminalreporter.getreports("skipped")
            if reason in str(report.longrepr)
        ]
        if skipped:
            terminalreporter.section(f"NOT TESTED ON {title}", sep="!", red=True, bold=True)
            for name in skipped:
                terminalreporter.line(name)
            text = f"{reason}: {len(skipped)} tests skipped; run: {command(tool)}"
            terminalreporter.line(text, red=True, bold=True)
