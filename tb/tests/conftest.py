"""The simulators that a test runs on, and a loud word about those that are missing."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

from golden.errors import InputError
from golden.models.fetch import ModelFiles, model_files
from tb.system_packages import command, is_there
from tb.toolchain import Simulator, find_icarus, find_verilator

NO_ICARUS = "Icarus Verilog is not installed"


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
    """Say at the end what the lack of Icarus left untested."""
    skipped = [
        report.nodeid
        for report in terminalreporter.getreports("skipped")
        if NO_ICARUS in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("NOT TESTED ON ICARUS", sep="!", red=True, bold=True)
        for name in skipped:
            terminalreporter.line(name)
        text = f"{NO_ICARUS}: {len(skipped)} tests skipped; run: {command('icarus')}"
        terminalreporter.line(text, red=True, bold=True)
