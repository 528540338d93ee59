"""Which paths the tools of the chain bear: compiled there once, and refused where they do not."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import cocotb_tools.config
import pytest
from cocotb_tools.check_results import get_results

from tb import bootstrap
from tb.bootstrap import SetupError
from tb.tests.toolchain.test_toolchain import needs_package
from tb.toolchain import build, simulators
from tb.toolchain.cocotb_runners import VerilatorRunner, runner_environment, runner_for
from tb.toolchain.simulators import find_verilator

DESIGN = """module top(input wire clk /*verilator public_flat_rw*/,
    output reg q /*verilator public_flat_rw*/);
    initial q = 0;
    always @(posedge clk) q <= 1;
endmodule
"""
TEST = """import cocotb
from cocotb.triggers import Timer
@cocotb.test()
async def sets_its_output(dut):
    for level in (0, 1, 0):
        dut.clk.value = level
        await Timer(5, "ns")
    assert dut.q.value == 1
"""
BORNE = "all.of_these-10+x@y~z^w%v"


@pytest.mark.parametrize("bad", [*"ößé日 \t\n#$:;,=&|<>()[]{}!?*'\"\\`", "\u2028", "\udcff"])
def test_other_characters_are_refused_by_name(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", Path(f"/home/u/a{bad}b/tree"))
    with pytest.raises(SetupError) as caught:
        bootstrap._check_place()
    text = str(caught.value)
    assert repr(bad) in text and "move it" in text and "\n" not in text
    text.encode()  # it can be printed


def test_what_is_borne_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", Path("/srv") / BORNE / "-x" / ".y" / ("z" * 200))
    bootstrap._check_place()
    signs = set(re.sub("A-Z|a-z|0-9|/", "", bootstrap.BEARABLE))
    assert signs == set(re.sub("[a-z0-9]", "", BORNE)), "each is compiled in below"


@needs_package
@pytest.mark.slow
@pytest.mark.parametrize(("name", "works"), [(BORNE, True), ("größe", False), ("a=b", False)])
def test_the_chain_compiles_where_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, works: bool
) -> None:
    place = tmp_path / name
    package = simulators._packaged_root()
    assert package is not None
    config = cocotb_tools.config
    copied = {"verilator": package, "libs": config.libs_dir, "share": config.share_dir}
    for copy, folder in copied.items():
        shutil.copytree(folder, place / copy, symlinks=True)
    monkeypatch.setattr(simulators, "_packaged_root", lambda: place / "verilator")
    monkeypatch.setattr(config, "libs_dir", place / "libs")
    monkeypatch.setattr(config, "share_dir", place / "share")
    (place / "top.v").write_text(DESIGN)
    (place / "test_module.py").write_text(TEST)
    monkeypatch.syspath_prepend(place)
    simulator = find_verilator()
    assert simulator.executable.is_relative_to(place)
    runner = runner_for(simulator)
    assert isinstance(runner, VerilatorRunner)
    runner.runtime = next(build.CACHE.glob("runtime-*"), None)
    out = place / "out"
    with runner_environment(simulator):
        try:
            runner.build(
                sources=[place / "top.v"],
                hdl_toplevel="top",
                build_dir=out,
                build_args=["--timing", "-CFLAGS", "-O0"],
                timescale=build.TIMESCALE,
                log_file=place / "log",
            )
        except RuntimeError:
            assert not works, (place / "log").read_text(errors="replace")
            return
        results = runner.test(
            test_module="test_module",
            hdl_toplevel="top",
            build_dir=out,
            test_dir=out,
            results_xml=str(out / "results.xml"),
            log_file=place / "log",
        )
    assert works and get_results(results) == (1, 0)
    assert os.access(out / "top", os.X_OK)
