"""Runs a cocotb module of ``suites`` on a compiled design, and reads what passed.

One test of one module, as a failing run names it::

    .venv/bin/python -m tb.tests.cosim.suite cocotb_streams takes_jobs_back_to_back --sim icarus
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from golden.config import ConfigError, InputError, PEConfig, ProductMode, offer
from tb.choices import choose, parse_array
from tb.console import shown
from tb.duts.conv_pe.job_record import write_jobs
from tb.flows.fuzz.options import small_config
from tb.flows.sim.options import SIMULATORS
from tb.tests.faults.detections import DETECTIONS
from tb.toolchain import build, run_folder
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator, find_simulator

SUITES: Final = Path(__file__).with_name("suites")
BASE: Final = build.ROOT / "build" / "suite"
TOPS: Final = dict.fromkeys(("cocotb_axi", "cocotb_ports", "cocotb_watchdog"), "port_top")
"""Simulation tops of the modules that do not run on `tb.toolchain.build.TOP`."""
WIDTHS: Final = ("acc_w", "act_w", "weight_w", "tile_pixels", "input_words")
EXIT_RED: Final = 1
EXIT_USAGE: Final = 2


@dataclass(frozen=True, slots=True)
class Suite:
    """A cocotb module on a design.

    Parameters
    ----------
    simulator : Simulator
    config : PEConfig
    module : str
        Of ``tb/tests/cosim/suites``.
    patch : Patch, optional
        Break the design with it.
    seed : int
        cocotb's.
    """

    simulator: Simulator
    config: PEConfig
    module: str
    patch: Patch | None = None
    seed: int = 1

    def run(self, folder: Path, testcase: str | None = None) -> dict[str, str]:
        """Run every test, or one; the failed ones with their messages."""
        return run_suite(
            self.simulator,
            self.config,
            self.module,
            folder,
            patch=self.patch,
            top=TOPS.get(self.module, build.TOP),
            testcase=testcase,
            seed=self.seed,
        )

    def command(self, test: str) -> str:
        """What runs one test alone, in the same way."""
        config, mode = self.config, self.config.mode
        words = [self.module, test, "--sim", self.simulator.name]
        words += ["--array", config.array, "--mode", mode.value, "--seed", str(self.seed)]
        usual = small_config(config.p_ic, config.p_oc, mode)
        for name in WIDTHS:
            if getattr(config, name) != getattr(usual, name):
                words += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
        if self.patch is not None:
            words += ["--patch", self.patch.name]
        chosen = os.environ.get("VERILATOR")
        before = f"VERILATOR={shlex.quote(chosen)} " if chosen else ""
        return f"{before}.venv/bin/python -m tb.tests.cosim.suite {shlex.join(words)}"

    def told(self, test: str, message: str) -> str:
        """A failed test: where it ran, what it said, and the command that repeats it."""
        config = self.config
        broken = "" if self.patch is None else f", broken by {self.patch.name!r}"
        return (
            f"{self.module}: {test} on {self.simulator.name}, array {config.array}, "
            f"mode {config.mode.value}, {config.act_w} x {config.weight_w} bits, "
            f"seed {self.seed}{broken}\n{message}\nreplay: {self.command(test)}"
        )


def run_suite(
    simulator: Simulator,
    config: PEConfig,
    module: str,
    folder: Path,
    *,
    patch: Patch | None = None,
    top: str = build.TOP,
    testcase: str | None = None,
    seed: int = 1,
) -> dict[str, str]:
    """Run every test of ``tb.tests.cosim.suites.<module>``; the failed ones with their messages."""
    made = build.build(simulator, config, patch=patch, top=top)
    write_jobs(folder, config, [])
    results = build.run(
        made, f"tb.tests.cosim.suites.{module}", folder, testcase=testcase, seed=seed
    )
    log = (folder / "simulator.log").read_text()
    assert results.is_file(), f"{simulator.name} left no results:\n{log[-3000:]}"
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    assert cases, f"{module}: not one test ran"
    failed = {}
    for case in cases:
        for failure in (*case.findall("failure"), *case.findall("error")):
            failed[str(case.get("name"))] = failure.get("message") or failure.text or log[-3000:]
    return failed


def assert_passes(simulator: Simulator, config: PEConfig, module: str, folder: Path) -> None:
    """Run a module and assert that no test of it failed.

    Raises
    ------
    AssertionError
        It tells each failed test's message, and the command that runs just that test.
    """
    suite = Suite(simulator, config, module)
    failed = suite.run(folder)
    assert not failed, "\n".join(suite.told(*item) for item in failed.items())


def find_patch(name: str) -> Patch:
    """The patch of a broken design on file.

    Raises
    ------
    InputError
        There is none of this name.
    """
    for broken in DETECTIONS:
        if broken.patch.name == name:
            return broken.patch
    raise InputError(
        f"--patch {name!r}: no broken design in tb/tests/faults/detections.py has this name"
    )


def check_test(module: str, test: str) -> None:
    """See that a module of ``tb/tests/cosim/suites`` has a test.

    Raises
    ------
    InputError
        It has not, or there is no such module.
    """
    path = SUITES / f"{module}.py"
    if not module.startswith("cocotb_") or not path.is_file():
        known = sorted(found.stem for found in SUITES.glob("cocotb_*.py"))
        raise InputError(
            f"{module}: no cocotb module of tb/tests/cosim/suites; {offer(module, known)}"
        )
    tests = re.findall(r"^async def (\w+)\(", path.read_text(), re.MULTILINE)
    if test and test not in tests:
        raise InputError(f"{module}: it has no test {test}; {offer(test, tests)}")


def main(
    module: Annotated[
        str, typer.Argument(help="A module of tb/tests/cosim/suites: cocotb_streams.")
    ],
    test: Annotated[str, typer.Argument(help="One test of it; all unless given.")] = "",
    sim: Annotated[str, typer.Option(help="verilator or icarus.")] = "verilator",
    array: Annotated[str, typer.Option(help="Input lanes x output lanes.")] = "4x4",
    mode: Annotated[str, typer.Option(help="full, cut_floor or cut_round.")] = "full",
    seed: Annotated[int, typer.Option(help="cocotb's.")] = 1,
    acc_w: Annotated[int, typer.Option(help="Bits of a sum.")] = 0,
    act_w: Annotated[int, typer.Option(help="Bits of an activation.")] = 0,
    weight_w: Annotated[int, typer.Option(help="Bits of a weight.")] = 0,
    tile_pixels: Annotated[int, typer.Option(help="Depth of an accumulator bank.")] = 0,
    input_words: Annotated[int, typer.Option(help="Depth of the tile memory.")] = 0,
    patch: Annotated[
        str, typer.Option(help="Detection design of tb/tests/faults/detections.py.")
    ] = "",
) -> None:
    """Run a cocotb module, or one test of it; exit code 1 if a test failed."""
    console = Console(soft_wrap=True, markup=False, highlight=False)
    try:
        check_test(module, test)
        choose("--mode", mode, [choice.value for choice in ProductMode])
        usual = small_config(*parse_array(array), ProductMode(mode))
        config = replace(
            usual,
            acc_w=acc_w or usual.acc_w,
            act_w=act_w or usual.act_w,
            weight_w=weight_w or usual.weight_w,
            tile_pixels=tile_pixels or usual.tile_pixels,
            input_words=input_words or usual.input_words,
        )
        simulator = find_simulator(choose("--sim", sim, SIMULATORS))
        broken = find_patch(patch) if patch else None
    except (InputError, ConfigError) as error:
        console.print(f"suite: {error}")
        raise typer.Exit(EXIT_USAGE) from None
    suite = Suite(simulator, config, module, broken, seed)
    folder = run_folder.new_run_folder(BASE)
    failed = suite.run(folder, test or None)
    for item in failed.items():
        console.print(suite.told(*item))
    if failed:
        console.print(f"{len(failed)} failed; their files: {shown(folder)}")
        raise typer.Exit(EXIT_RED)
    shutil.rmtree(folder)
    console.print("passed")


if __name__ == "__main__":
    typer.run(main)
