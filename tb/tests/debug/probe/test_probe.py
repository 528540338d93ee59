"""The probe: what it is told to follow, what it writes, and what it finds in real designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from golden.config import InputError, PoolPad, ProductMode
from golden.dataflow.tile import Job
from golden.graph.conv_layer import Padding
from golden.reference import spec
from golden.reference.readout import Readout
from tb.cosim import cocotb_test
from tb.debug.localization.localize import NOTHING, Localization, localize
from tb.debug.mismatch.divergence import compare
from tb.debug.probe.events import Probe
from tb.debug.probe.reader import PROBE_FILE, read_probe
from tb.debug.probe.watch import Watch, watch_activated, watch_output
from tb.duts.conv_pe.job_record import JobRecord, Stalls, write_job, write_jobs
from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.catalogue import BUGS, ROUNDING_PATCH
from tb.tests.configs import TINY
from tb.tests.cosim.material import small_job
from tb.tests.faults.detections import DETECTIONS
from tb.toolchain import build
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator, find_icarus, find_verilator
from tb.toolchain.system_packages import is_there

CONFIG = TINY[ProductMode.FULL]
PADDED = Readout(size=2, pad_bottom=True, pad_right=True, pad=PoolPad.ZERO)
HEAD = "build 0 00000004 00000004 00000010 00000010 00000028 00000022 00000000\n"
PATCHES = {one.patch.name: one.patch for one in DETECTIONS}
PATCHES |= {bug.patch.name: bug.patch for bug in BUGS}
REAL: dict[str, Step] = {
    "wrong channel group": Step.SEQUENCER,
    "stale weights": Step.WEIGHTS,
    "activation sign lost": Step.ARRAY,
    "accumulator not cleared": Step.ACCUMULATOR,
    "saturation missing": Step.SATURATION,
    "window not begun anew": Step.POOL,
    "lanes swapped": Step.OUTPUT,
    ROUNDING_PATCH.name: Step.REQUANTISER,
    "padding field wrong": Step.CONTROL,
    "last word of the other bank": Step.DRAIN,
    "leaky on positives": Step.ACTIVATION,
}
BEHIND: dict[str, tuple[Step, str]] = {
    "launched too early": (Step.CONTROL, "given the job behind it while it still computes"),
    "weights asked for too early": (Step.CONTROL, "the weight loader is given the job behind it"),
    "size of the next job": (Step.DRAIN, "the readout reads group 1 with width 5, not 4"),
}
"""Bugs by which a job suffers from the one behind it."""


HANGS: dict[Step, tuple[tuple[str, str], str]] = {
    Step.CONTROL: (("job_fetch.v", "state == LOADED && wgt_ours &&"), "the array does not take it"),
    Step.INPUT: (("act_loader.v", "load && !ended && words_left"), "stands there and is not taken"),
    Step.WEIGHTS: (
        ("weight_loader.v", "load && !ended && groups_left"),
        "the loader takes no beat",
    ),
    Step.DRAIN: (("drain.v", "full[read_bank] && !reading"), "a finished group is not read out"),
    Step.OUTPUT: (("conv_pe.v", "close_valid || out_valid), .s_ready"), "that never leave it"),
}
"""Where a condition that never holds makes the PE hang, and what is said of it."""


def write(folder: Path) -> tuple[list[Job], list[JobRecord]]:
    """Four small jobs of all kinds of readout, the last with stalls."""
    jobs = [
        small_job(CONFIG, 5, 6, seed=7, output=(4, 4))[0],
        small_job(CONFIG, 9, 10, output=(3, 5), stride=2, padding=Padding(1, 0, 1, 0), seed=8)[0],
        small_job(CONFIG, 4, 6, seed=10, readout=PADDED)[0],
        small_job(CONFIG, 4, 6, seed=12, readout=Readout(upsample=True))[0],
    ]
    records = []
    for number, job in enumerate(jobs):
        values = spec.conv(job.input, job.layer)
        stalls = Stalls(64, 64, 128) if number == len(jobs) - 1 else None
        expected = job.readout.apply(values)
        base = 256 * (number % 2)
        records.append(
            write_job(folder, number, job, expected, CONFIG, stalls, in_base=base, activated=values)
        )
    return jobs, records


def test_a_watch_is_told_to_the_simulation() -> None:
    assert Watch(3, 1, 7, 8, 11).plusargs() == [
        *("+probe_group=3", "+probe_lane=1", "+probe_pixel=7"),
        *("+probe_first=8", "+probe_last=11"),
    ]


def test_a_value_is_followed_by_its_coordinates(tmp_path: Path) -> None:
    _, records = write(tmp_path)
    plain, pooled, doubled = records[0], records[2], records[3]
    assert watch_activated(plain, CONFIG, 5, 2, 1, first_group=4) == Watch(5, 1, 9, 9, 9)
    # Four pixels a window; the third of the first row sees two columns and no more.
    assert watch_activated(pooled, CONFIG, 1, 1, 2) == Watch(0, 1, 6, 4, 7)
    assert watch_output(pooled, CONFIG, 1, 0, 3, member=1) == Watch(0, 1, 7, 12, 13)
    assert watch_output(doubled, CONFIG, 4, 1, 2) == Watch(1, 0, 1, 10, 10)


def test_a_cut_line_is_left_out_and_an_x_is_none(tmp_path: Path) -> None:
    path = tmp_path / PROBE_FILE
    issue = "issue 40 00000000 00a x 0a 1 000 0 0 1 0 1 00a 0 000\n"
    word = "word 41 00000000 x 1a91xxxx04fe3e26\n"
    path.write_text(f"{HEAD}{issue}{word}add 43 00000000 1 1 0a 3dd5")
    probe = read_probe(path)
    assert len(probe.passes) == 1
    seen = probe.passes[0]
    assert (seen.address, seen.outside, seen.word_outside) == (10, None, None)
    assert seen.word == (0x3E26, 0x04FE, None, 0x1A91)
    assert seen.add_cycle is None


@pytest.mark.parametrize("text", ["", "issue 4 0\n", f"{HEAD}issue 4 0\n", f"{HEAD}what 4 0\n"])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(InputError, match="not a probe's"):
        read_probe(tmp_path / "p.txt")


def run_probe(made: build.Build, folder: Path, records: Sequence[JobRecord], watch: Watch) -> Probe:
    """Run jobs whose files are in a folder, following one value."""
    write_jobs(folder, made.config, records)
    (folder / PROBE_FILE).unlink(missing_ok=True)
    build.run(made, cocotb_test.__name__, folder, plusargs=watch.plusargs())
    return read_probe(folder / PROBE_FILE)


def groups(job: Job) -> int:
    return -(-job.layer.out_channels // CONFIG.p_oc)


@pytest.mark.slow
def test_a_design_without_a_fault_holds_golden_figures_alone(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The last value of each job: alone, behind the jobs before it, and one ahead of others."""
    made = build.build(simulator, CONFIG, waves=True)
    jobs, records = write(tmp_path)
    for index in range(len(jobs)):
        around = {(0, 0), (index, 0), (index, len(jobs) if index == 1 else 0)}
        for before, behind in around:
            ahead = sum(groups(job) for job in jobs[index - before : index])
            record, out = records[index], records[index].out_tile
            last = (out.last_channel - 1, out.row + out.height - 1, out.column + out.width - 1)
            watch = watch_output(record, CONFIG, *last, first_group=ahead)
            run = records[index - before : index + 1 + behind]
            probe = run_probe(made, tmp_path, run, watch)
            seen = localize(
                record, CONFIG, tmp_path, probe, watch, before=before, first_group=ahead
            )
            assert (seen.step, seen.culprit.sentence) == (None, NOTHING)
            complete(seen, probe, jobs[index])


def complete(seen: Localization, probe: Probe, job: Job) -> None:
    """Not one figure is missing or differs, and the cycles follow one another."""
    names = {pair.name for row in seen.passes for pair in row.figures}
    assert names == {"address", "outside", "operands", "weights", "products", "before", "sum"}
    assert all(len(row.figures) == 7 and not row.wrong for row in seen.passes)
    assert {step.name for step in seen.output_steps} == {
        *("pixel", "sum", "rounded", "value", "highest", "out", "beat")
    }
    for held in probe.passes:
        assert held.word_cycle is not None and held.word_cycle > held.cycle
        assert held.add_cycle == held.word_cycle + 2
    assert probe.reads[-1].cycle > (probe.passes[-1].add_cycle or 0)
    assert len(probe.writes) >= job.input.shape[1] * job.input.shape[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_broken_design_is_blamed_for_the_step_that_it_breaks(name: str, tmp_path: Path) -> None:
    """The first wrong value is followed to its origin, under the simulator that compiles faster."""
    simulator = find_icarus() if is_there("icarus") else find_verilator()
    check(build.build(simulator, CONFIG, waves=True, patch=PATCHES[name]), tmp_path, REAL[name])


@pytest.mark.slow
@pytest.mark.parametrize("step", HANGS, ids=[step.value for step in HANGS])
def test_a_design_that_hangs_is_blamed_for_the_stage_that_stands(
    step: Step, tmp_path: Path
) -> None:
    simulator = find_icarus() if is_there("icarus") else find_verilator()
    (file, old), words = HANGS[step]
    new = old.replace("out_valid", "1'b0") if step is Step.OUTPUT else f"1'b0 && {old}"
    patch = Patch(f"{file} hangs", file, old, new)
    made = build.build(simulator, CONFIG, waves=True, patch=patch)
    record = replace(write(tmp_path)[1][0], limit=2_000)
    watch = watch_output(record, CONFIG, 0, 0, 0)
    seen = localize(record, CONFIG, tmp_path, run_probe(made, tmp_path, [record], watch), watch)
    assert (seen.step, seen.culprit.certain) == (step, False)
    assert words in seen.culprit.sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", BEHIND)
def test_a_job_that_is_spoilt_by_the_one_behind_it_is_told(name: str, tmp_path: Path) -> None:
    simulator = find_icarus() if is_there("icarus") else find_verilator()
    made = build.build(simulator, CONFIG, waves=True, patch=PATCHES[name])
    records = [replace(record, limit=2_000) for record in write(tmp_path)[1][:2]]
    watch = watch_output(records[0], CONFIG, 5, 3, 3)
    probe = run_probe(made, tmp_path, records, watch)
    seen = localize(records[0], CONFIG, tmp_path, probe, watch)
    step, words = BEHIND[name]
    assert (seen.step, seen.culprit.certain) == (step, True)
    assert words in seen.culprit.sentence


@pytest.mark.slow
def test_both_simulators_blame_the_same_step(simulator: Simulator, tmp_path: Path) -> None:
    made = build.build(simulator, CONFIG, waves=True, patch=ROUNDING_PATCH)
    seen = check(made, tmp_path, Step.REQUANTISER)
    assert seen.culprit.explanations == ("a whole LSB is added where half of one belongs",)


def check(made: build.Build, folder: Path, step: Step) -> Localization:
    """Find the first wrong value of small jobs, follow it, and look into it."""
    _, records = write(folder)
    for record in records[:3]:
        run_probe(made, folder, [record], Watch(0, 0, 0, 0, 0))
        found = compare(folder, record, CONFIG).divergence
        if found is None:
            continue
        assert found.group is not None and found.lane is not None
        reads = found.first_read or 0, found.last_read or 0
        watch = Watch(found.group, found.lane, found.pixel or 0, *reads)
        probe = run_probe(made, folder, [record], watch)
        seen = localize(record, CONFIG, folder, probe, watch)
        assert (seen.step, seen.culprit.certain) == (step, True), seen.culprit.sentence
        assert seen.culprit.cycle is not None
        return seen
    pytest.fail("every value was right")
