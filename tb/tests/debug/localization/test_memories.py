"""A read of a memory is told apart from the write: both ports, and the cycle of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tb.debug.localization.memories import Access, bank_read
from tb.debug.probe.events import Figure, Vector, Write
from tb.duts.conv_pe.pipeline_steps import Step
from tb.tests.debug.probed_job import ProbedJob, probed_job

PASS = 4
OTHER: Vector = (9, 8, 7, 6)


@pytest.fixture
def plain(tmp_path: Path) -> ProbedJob:
    return probed_job(tmp_path)


@pytest.mark.parametrize(
    ("ports", "word", "told", "hints"),
    [
        (
            (1, None, 1, 40),
            OTHER,
            "; the write port writes word 40 in that same cycle",
            ("that is the word being written to 40",),
        ),
        ((1, None, 1, None), (None,) * 4, "writes the same word in that same cycle", ()),
        ((0, None, 1, 40), (1, 1, 1, 1), "not enabled in cycle 1040; the write port writes", ()),
        ((1, 40, 0, 0), (3, 3, 3, 3), "; the read port has address 40", ("that is word 41",)),
        ((1, None, 0, 0), (2, 2, 2, 2), "", ("the write of cycle {last} was lost",)),
    ],
)
def test_what_a_read_gave_is_told_by_its_ports(
    ports: tuple[Figure, ...], word: Vector, told: str, hints: tuple[str, ...], plain: ProbedJob
) -> None:
    held = plain.probe.passes[PASS]
    address, cycle = held.address or 0, held.cycle
    read, where, write, to = (address if port is None else port for port in ports)
    seen = replace(held, word=word, rd_en=read, rd_addr=where, wr_en=write, wr_addr=to)
    passes = (*plain.probe.passes[:PASS], seen, *plain.probe.passes[PASS + 1 :])
    others = (Write(9, address, (2, 2, 2, 2)), Write(9, 41, (3, 3, 3, 3)))
    later = (Write(cycle, 40, OTHER),)
    found = plain.localize(passes=passes, writes=(*others, *plain.probe.writes, *later))
    written = next(one.cycle for one in plain.probe.writes if one.address == address)
    assert found.step is Step.INPUT
    assert f"was written in cycle {written}; the read of cycle {cycle}" in found.culprit.sentence
    assert told in found.culprit.sentence
    for hint, said in zip(hints, found.culprit.explanations, strict=True):
        assert hint.format(last=written) in said


def test_a_bank_is_read_and_written_at_two_places_at_a_time() -> None:
    assert bank_read(Access(None, None, None, None), 3, 40) == ""
    assert bank_read(Access(1, 3, 1, 2), 3, 40) == "; it was read in cycle 40"
    assert "read and write collide" in bank_read(Access(1, 3, 1, 3), 3, 40)
    assert "the read port has address 2, not 3" in bank_read(Access(1, 2, 0, 0), 3, 40)
    assert "not enabled in cycle 40" in bank_read(Access(0, 3, 1, 3), 3, 40)
