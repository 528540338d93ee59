"""Which job each part of the PE works for, by its counters at every clock edge."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb.debug.trace.wave_file import UNKNOWN, Ints, Wave

_BEHIND = ("word", "round", "value", "out")
"""Registers of the drain behind a read, in the order of the data flow."""


def ended(wave: Wave) -> Ints:
    """Jobs that have ended, at every edge: the number of the job on the output stream."""
    # Before the reset nothing has run, which Icarus shows as unknown bits.
    done = wave.ints("jobs_done")
    return np.where(done == UNKNOWN, 0, done)


def launched(wave: Wave) -> Ints:
    """Jobs that were given to the array or failed before: the number of the fetched job."""
    pending = wave.ints("pending")
    return ended(wave) + np.where(pending == UNKNOWN, 0, pending)


def in_array(wave: Wave) -> Ints:
    """Number of the job that the array works on."""
    return launched(wave) - 1


def of_weights(wave: Wave) -> Ints:
    """Number of the job whose weights come in."""
    return launched(wave) - 1 + wave.flag("wgt_ours")


def entering(wave: Wave) -> Ints:
    """Number of the job whose beat would enter the output's skid buffer."""
    count = ended(wave)
    for place in ("out", "spare"):
        last = wave.flag(f"out_skid.{place}_side")  # TLAST is the lowest bit beside the data
        count = count + (wave.flag(f"out_skid.{place}_valid") & last)
    return count


def draining(wave: Wave) -> Ints:
    """Number of the job whose pixels are read: those before it have their last word behind."""
    count = entering(wave)
    for place in _BEHIND:
        count = count + (wave.flag(f"drainer.{place}_valid") & wave.flag(f"drainer.{place}_last"))
    return count


def channels(wave: Wave, jobs: Ints, known: Mapping[int, int]) -> Ints:
    """Output channels of jobs by number: the array's while it works on a job, else those known."""
    array = in_array(wave)
    words = wave.ints("array_channels")
    found: Ints = np.full(len(jobs), UNKNOWN)
    for job in np.unique(jobs[jobs != UNKNOWN]):
        held = words[(array == job) & (words != UNKNOWN)]
        if len(held) or int(job) in known:
            found[jobs == job] = held[-1] >> 16 if len(held) else known[int(job)]
    return found
