"""A module's own copy of a figure is told from the wire that gives it the figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tb.debug.localization.localize import Localization
from tb.debug.probe.events import Copies, Settings
from tb.duts.conv_pe.pipeline_steps import Step
from tb.tests.debug.probed_job import ProbedJob, probed_job

TAKEN = 9
"""Cycle at which the loaders and the array take the job."""


@pytest.fixture
def plain(tmp_path: Path) -> ProbedJob:
    return probed_job(tmp_path)


def with_copies(
    job: ProbedJob, module: int, name: str, where: str, cycle: int = TAKEN
) -> Localization:
    """All that the modules are given and keep, and one figure of one of them one too large."""
    given = [
        Copies(TAKEN, place, dict(one)) for place, one in enumerate(job.streams.descriptor.given())
    ]
    kept = [
        Copies(TAKEN + 1, place, dict(one))
        for place, one in enumerate(job.streams.descriptor.kept())
    ]
    changed = {"given": given, "kept": kept}[where]
    figures = {**changed[module].figures, name: (changed[module].figures[name] or 0) + 1}
    changed.append(Copies(cycle, module, figures))
    return job.localize(given=tuple(given), kept=tuple(kept))


@pytest.mark.parametrize(
    ("module", "name", "where", "step", "words"),
    [
        (0, "in_base", "given", Step.CONTROL, "is 1, not 0: that is a wire of conv_pe.v"),
        (0, "words_left", "kept", Step.INPUT, "act_loader keeps"),
        (1, "passes", "given", Step.CONTROL, "job_check.v makes it, conv_pe.v wires it"),
        (1, "group_passes", "kept", Step.WEIGHTS, "weight_loader keeps 19 in group_passes, not 18"),
        (2, "kh", "given", Step.ARRAY, "port kh of pass_sequencer is 4, not 3"),
        (2, "tap_addr", "kept", Step.SEQUENCER, "pass_sequencer keeps"),
        (2, "channels_left", "kept", Step.DRAIN, "drain keeps"),
    ],
)
def test_a_copy_is_told_from_what_it_is_made_of(
    module: int, name: str, where: str, step: Step, words: str, plain: ProbedJob
) -> None:
    cycle = TAKEN + (where == "kept")
    found = with_copies(plain, module, name, where, cycle)
    assert (found.step, found.culprit.cycle) == (step, cycle)
    assert words in found.culprit.sentence


def test_a_count_that_is_spoilt_later_is_told_from_one_that_counts_down(plain: ProbedJob) -> None:
    found = with_copies(plain, 1, "group_passes", "kept", 200)
    assert (found.step, found.culprit.cycle) == (Step.WEIGHTS, 200)
    assert with_copies(plain, 1, "passes_left", "kept", 200).step is None


@pytest.mark.parametrize(
    ("status", "step", "words"),
    [
        (0x11, Step.INPUT, "ended with ACT_LATE although all 24 beats came: act_loader was given"),
        (0x12, Step.WEIGHTS, "although all 152 beats came: weight_loader was given the right"),
    ],
)
def test_a_loader_that_counts_wrongly_by_right_figures_is_blamed(
    status: int, step: Step, words: str, plain: ProbedJob
) -> None:
    figures = plain.streams.descriptor.given()
    given = tuple(Copies(TAKEN, place, dict(one)) for place, one in enumerate(figures))
    unknown = plain.totals(status=status)
    assert unknown.step is Step.CONTROL
    assert "beats came: other counts than the descriptor's" in unknown.culprit.sentence
    found = replace(plain, probe=replace(plain.probe, given=given)).totals(status=status)
    assert (found.step, found.culprit.certain) == (step, False)
    assert words in found.culprit.sentence


@pytest.mark.parametrize("name", ["compute.in_w", "drainer.post"])
def test_a_port_that_follows_the_next_job_is_a_wire_of_the_top(name: str, plain: ProbedJob) -> None:
    ports = dict(plain.streams.descriptor.ports())
    taken = replace(plain.probe.settings[0], ports=dict(ports))
    behind = Settings(900_000, taken.figures, {**ports, name: 77})
    during = Settings(1234, taken.figures, {**ports, name: 77})
    found = plain.localize(settings=(taken, behind), during=(during,))
    module, port = name.split(".")
    assert (found.step, found.culprit.cycle) == (Step.CONTROL, 1234)
    assert f"port {port} of {module} changes to 77 in cycle 1234" in found.culprit.sentence
    assert found.culprit.explanations == ("it follows the job behind this one",)
    own = plain.localize(settings=(taken,), during=(replace(during, ports=dict(ports)),))
    assert own.step is None


def test_a_register_of_the_array_that_changes_is_told(plain: ProbedJob) -> None:
    figures = {**plain.probe.settings[0].figures, "origin": 5}
    ports = dict(plain.streams.descriptor.ports())
    found = plain.localize(during=(Settings(1234, figures, {**ports}),))
    assert found.step is Step.CONTROL
    assert "the array's origin changes to 5 in cycle 1234" in found.culprit.sentence


def test_the_output_stage_with_another_setting_than_the_drains_is_a_wire(plain: ProbedJob) -> None:
    found = plain.reads(0, stage_post=3)
    assert found.step is Step.CONTROL
    assert "port read_post of output_stage is 3" in found.culprit.sentence
