"""Checks each module's own copy of a figure against the source that it was given.

A module that keeps another figure than it was given is to blame for it; what gives a module
another figure than the descriptor's is the wire that leads there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tb.debug.localization.watched import Culprit, WatchedValue, differences, shown
from tb.debug.probe.events import Figure, Settings
from tb.duts.conv_pe.pipeline_steps import Step

_MODULES: Final = (
    ("act_loader", "fetch", Step.CONTROL, Step.INPUT),
    ("weight_loader", "stream", Step.CONTROL, Step.WEIGHTS),
    ("pass_sequencer", "run", Step.ARRAY, Step.SEQUENCER),
)
"""In the order of `names.GIVEN`: the module, the event with which it takes a job, who wires its
ports, and whose its registers are.
"""
LOADERS: Final = (0, 1)
SEQUENCER: Final = 2
_WIRES: Final = {Step.CONTROL: "conv_pe.v", Step.ARRAY: "compute_core.v"}
CHECKED: Final = ("in_words", "passes", "out_groups")
"""Ports of the loaders whose figures the descriptor's check works out."""
DRAIN_COPY: Final = "channels_left"


def copy_culprits(watched: WatchedValue, modules: tuple[int, ...]) -> Iterator[Culprit]:
    """A port of one of the modules that is not the descriptor's, or a register that is not it."""
    for module in modules:
        name, event, wires, registers = _MODULES[module]
        cycles = watched.probe.of_job(event, watched.before)
        given = [one for one in watched.probe.given if one.module == module]
        for one in (one for one in given if one.cycle in cycles):
            for port, want, have in _wrong(watched.job.given()[module], one.figures):
                text = f"port {port} of {name} is {shown(have)}, not {want}"
                made = wires is Step.CONTROL and port in CHECKED
                text += f"{_when(one.cycle, cycles)}: "
                text += "job_check.v makes it, " if made else "that is a wire of "
                text += f"{_WIRES[wires]}{' wires it' if made else ''}"
                yield Culprit(wires, one.cycle, text)
        kept = [one for one in watched.probe.kept if one.module == module]
        for one in (one for one in kept if one.cycle in cycles):
            wanted = watched.job.kept()[module]
            if one.cycle > cycles.start + 1:
                wanted = {"group_passes": wanted["group_passes"]}
            for register, want, have in _wrong(wanted, one.figures):
                step, whose = registers, name
                if register == DRAIN_COPY:
                    step, whose = Step.DRAIN, "drain"
                text = f"{whose} keeps {shown(have)} in {register}, not {want}, "
                yield Culprit(step, one.cycle, f"{text}although it was given the right figures")


def _wrong(wanted: dict[str, int], held: dict[str, Figure]) -> Iterator[tuple[str, Figure, Figure]]:
    return differences((name, want, held[name]) for name, want in wanted.items())


def _when(cycle: int, cycles: range) -> str:
    return "" if cycle == cycles.start else f" from cycle {cycle} on, during the job"


def changed_ports(watched: WatchedValue) -> Iterator[Culprit]:
    """What changes in the array's settings, or on the way there, while it works on the job."""
    cycles = watched.probe.of_job("run", watched.before)
    for held in (held for held in watched.probe.during if held.cycle in cycles):
        for name, want, have in _wrong(watched.job.settings(), held.figures):
            text = f"the array's {name} changes to {shown(have)} in cycle {held.cycle}, while it "
            text += f"works on the job, whose {name} is {want}"
            yield Culprit(Step.CONTROL, held.cycle, text)
        for name, want, have in _wrong(watched.job.ports(), held.ports):
            module, port = name.split(".")
            text = f"port {port} of {module} changes to {shown(have)} in cycle {held.cycle}, "
            text += f"while the array works on the job, whose figure is {want}: that is a wire of "
            hints = _next_job(watched, held, name)
            yield Culprit(Step.CONTROL, held.cycle, f"{text}conv_pe.v", hints)


def _next_job(watched: WatchedValue, held: Settings, name: str) -> tuple[str, ...]:
    runs = watched.probe.settings[watched.before + 1 : watched.before + 2]
    same = runs and runs[0].ports.get(name) == held.ports[name]
    return ("it follows the job behind this one",) if same else ()
