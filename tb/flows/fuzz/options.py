"""What a user may ask of ``make fuzz``, checked where it is made, and the design it runs on."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from golden.config import ConfigError, PEConfig, ProductMode
from tb.choices import choose, parse_array
from tb.flows.sim.options import SIMULATORS
from tb.flows.variables import variable

ACC_W: Final = {ProductMode.FULL: 40, ProductMode.CUT_FLOOR: 32, ProductMode.CUT_ROUND: 48}
"""Accumulator of a small design: each width with another mode."""
TILE_PIXELS: Final = 64
INPUT_WORDS: Final = 512
MAX_JOBS: Final = 100_000


def small_config(p_ic: int, p_oc: int, mode: ProductMode) -> PEConfig:
    """An array with small memories, which a simulator runs fast and a job fills.

    >>> small_config(4, 4, ProductMode.CUT_ROUND).acc_w
    48
    """
    return PEConfig(
        p_ic,
        p_oc,
        acc_w=ACC_W[mode],
        mode=mode,
        tile_pixels=TILE_PIXELS,
        input_words=INPUT_WORDS,
    )


def parse_count(text: str) -> int:
    """A number of jobs.

    Raises
    ------
    ConfigError
        If it is none from 1 to 100000.
    """
    if not re.fullmatch(r"\d{1,6}", text) or not 1 <= int(text) <= MAX_JOBS:
        raise ConfigError(f"N={text}: give a number of jobs from 1 to {MAX_JOBS}")
    return int(text)


@dataclass(frozen=True, slots=True)
class FuzzOptions:
    """The variables of ``make fuzz``.

    Raises
    ------
    ConfigError
        An unknown value, with the choices.
    """

    jobs: int = variable(
        200,
        "How many jobs, 1 to 100,000 (default 200)",
        name="N",
        options=("--jobs", "-n"),
        read=parse_count,
    )
    seed: int = variable(
        1,
        "Seed of the first job (default 1); each job has the next one",
    )
    sim: str = variable("verilator", "Simulator: `verilator` (default), `icarus`")
    array: str = variable("4x4", "Lanes, as for `sim`; `4x4` on both simulators by default")
    verilator: str = variable("", "Verilator program or folder, as for `sim`")
    replay: Path | None = variable(
        None,
        "Folder that a failing run names: its smallest failing job, once more",
    )
    diagnose: bool = variable(
        True,
        "`0` does not diagnose the smallest job that fails; `1` (default) does",
        options=("--diagnose/--no-diagnose",),
    )

    def __post_init__(self) -> None:
        choose("SIM", self.sim, SIMULATORS)
        parse_array(self.array)
        if self.replay is not None and not (self.replay / "jobs.json").is_file():
            raise ConfigError(f"REPLAY={self.replay}: no jobs.json is there; name a run folder")

    def config(self, mode: ProductMode) -> PEConfig:
        """The design that runs the jobs of a mode."""
        return small_config(*parse_array(self.array), mode)

    def command(self, *, jobs: int | None = None, seed: int | None = None) -> str:
        """The ``make fuzz`` that repeats this run, or another number of jobs from another seed."""
        if self.replay is not None:
            return self.replay_command(self.replay)
        chosen = [f"N={jobs or self.jobs}", f"SEED={self.seed if seed is None else seed}"]
        return " ".join(["make fuzz", *chosen, *self._design()])

    def replay_command(self, folder: Path | str) -> str:
        """The ``make fuzz`` that runs the jobs of a folder."""
        words = ["make fuzz", f"REPLAY={shlex.quote(str(folder))}"]
        return " ".join([*words, *self._simulator()])

    def _design(self) -> list[str]:
        return [f"ARRAY={self.array}", *self._simulator()]

    def _simulator(self) -> list[str]:
        chosen = [f"VERILATOR={shlex.quote(self.verilator)}"] if self.verilator else []
        return [f"SIM={self.sim}", *chosen]
