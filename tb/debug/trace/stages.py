"""The stages by name, and their transactions in the coordinates of the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from golden.config import PEConfig
from tb.choices import choose
from tb.debug.trace import array_stages, input_stages, output_stages
from tb.debug.trace.traced_job import TracedJob
from tb.debug.trace.transactions import Transactions, View, known
from tb.debug.trace.wave_file import UNKNOWN, Ints, Wave
from tb.duts.conv_pe.pipeline_steps import Step
from tb.duts.conv_pe.registers import Register


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the data flow."""

    about: str
    """What one transaction is."""
    find: Callable[[View], Transactions]
    """Its transactions."""
    one_lane: bool = False
    """Whether they are those of one output lane."""


STAGES: Final[Mapping[str, Stage]] = {
    "registers": Stage("AXI4-Lite access", input_stages.registers),
    "input": Stage("word into the tile memory", input_stages.input_words),
    "weights": Stage("beat into the shadows", input_stages.weight_beats),
    "sequencer": Stage("pixel issued at a tap", array_stages.issues),
    "array": Stage("dot product of a lane", array_stages.operands, one_lane=True),
    "accumulator": Stage("addition to a sum of a lane", array_stages.additions, one_lane=True),
    "drain": Stage("finished sums read", output_stages.reads),
    "output-stage": Stage("sum of a lane to a value", output_stages.values, one_lane=True),
    "output": Stage("beat on m_axis_out", output_stages.beats),
}
"""By name, in the order of the data flow."""

STEPS: Final[Mapping[Step, str]] = {
    Step.CONTROL: "registers",
    Step.BIAS: "accumulator",
    Step.REQUANTISER: "output-stage",
    Step.ACTIVATION: "output-stage",
    Step.SATURATION: "output-stage",
    Step.POOL: "output-stage",
}
"""The stage that shows a step of a diagnosis, where it has another name."""


def stage_name(text: str) -> str:
    """A stage by its own name or by that of a step of a diagnosis.

    Raises
    ------
    ConfigError
        Neither; the text names them.

    >>> stage_name("drain"), stage_name("saturation")
    ('drain', 'output-stage')
    """
    aliases = {step.value: name for step, name in STEPS.items()}
    return aliases.get(text, text) if text in aliases else choose("--stage", text, STAGES)


def config_of(wave: Wave) -> PEConfig:
    """The PE's parameters by the widths of its signals, which say nothing of the mode.

    Raises
    ------
    InputError
        The wave leaves a signal out that is needed for it.
    """
    p_oc = wave.width("lane_load")
    act_w = wave.width("m_axis_out_tdata") // p_oc
    p_ic = wave.width("s_axis_act_tdata") // act_w
    return PEConfig(
        p_ic,
        p_oc,
        acc_w=wave.width("post_stage.g_lane[0].lane.sum"),
        act_w=act_w,
        weight_w=wave.width("s_axis_wgt_tdata") // p_ic,
        tile_pixels=1 << wave.width("drain_pixel"),
        input_words=1 << wave.width("wr_addr"),
    )


def transactions(
    wave: Wave, name: str, lane: int, config: PEConfig, job: TracedJob | None, others: bool = False
) -> Transactions:
    """Find a stage's transactions.

    Parameters
    ----------
    name : str
        Of `STAGES`.
    lane : int
        Output lane, for stages of which one lane is shown.
    job : TracedJob or None
        Gives coordinates in the layer; without it they count from the tile's corner.
    others : bool
        Keep transactions of other jobs, whose coordinates nobody knows, next to those of `job`.
    """
    channels = {} if job is None else {job.number: job.record.registers[Register.CHANNELS] >> 16}
    found = STAGES[name].find(View(wave, config, lane, channels))
    if job is None or name == "registers":
        return found
    return _in_layer(found, job, others)


def _in_layer(found: Transactions, job: TracedJob, others: bool) -> Transactions:
    """A job's transactions with its coordinates in the layer."""
    mine = found.job == job.number
    # At a window's start words are under way of which nobody can say whose they are.
    kept = mine | others | (found.job == UNKNOWN)
    chosen = np.flatnonzero(kept)
    places: dict[str, Ints] = {}
    for title, place in found.places.items():
        if title.startswith("out ") and job.record.readout.plain:
            continue
        shift = _offset(found.stage, title, job)
        places[title] = np.where(mine, known(np.add, place, shift), place)[chosen]
    if others:
        places = {"job": found.job[chosen], **places}
    values = {title: value.only(chosen) for title, value in found.values.items()}
    return Transactions(found.stage, found.cycle[chosen], found.job[chosen], places, values)


def _offset(stage: str, title: str, job: TracedJob) -> int:
    """From a tile's corner to the tensor's."""
    tile, out = job.record.tile, job.record.out_tile
    offsets = {
        "channel": tile.first_channel,
        "row": out.row if stage == "output" else tile.row,
        "column": out.column if stage == "output" else tile.column,
        "out row": out.row,
        "out column": out.column,
        "in row": job.in_row,
        "in column": job.in_column,
    }
    return offsets.get(title, 0)
