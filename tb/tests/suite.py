"""Runs a cocotb module of ``tb/tests`` on a compiled design, and reads what passed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from golden.config import PEConfig
from tb import build
from tb.jobs import write_list
from tb.toolchain import Simulator


def run_suite(
    simulator: Simulator,
    config: PEConfig,
    module: str,
    folder: Path,
    *,
    patch: build.Patch | None = None,
    top: str = build.TOP,
    testcase: str | None = None,
) -> dict[str, str]:
    """Run every test of ``tb.tests.<module>``; the failed ones with their messages."""
    made = build.build(simulator, config, patch=patch, top=top)
    write_list(folder, config, [])
    results = build.run(made, f"tb.tests.{module}", folder, testcase=testcase)
    log = (folder / "simulator.log").read_text()
    assert results.is_file(), f"{simulator.name} left no results:\n{log[-3000:]}"
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    assert cases, f"{module}: not one test ran"
    failed = {}
    for case in cases:
        for failure in (*case.findall("failure"), *case.findall("error")):
            failed[str(case.get("name"))] = failure.get("message") or failure.text or log[-3000:]
    return failed
