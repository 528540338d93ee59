"""Faults in the queue: jobs that load, compute and drain behind one another, and their ends."""

from __future__ import annotations

from typing import Final

from tb.tests.faults.fault import (
    BEHIND,
    BLOCKED,
    COUNTERS,
    FAILS_ONE,
    ILLEGAL,
    IN_FLIGHT,
    LENGTHS,
    MISMATCH,
    NEVER,
    NEVER_TAKEN,
    ONE_PIXEL,
    OVERLAP,
    REGIONS,
    WITHOUT_GAPS,
    fault,
    known,
)

QUEUE: Final = (
    known("arithmetic-of-the-next-job", OVERLAP, MISMATCH),
    known("size-of-the-next-job", OVERLAP, f"{MISMATCH}|values"),
    fault(
        ("padding of the next job", "drain.v"),
        ("clipped && bank_pool[7];", "clipped && pool[7];"),
        OVERLAP,
        MISMATCH,
    ),
    known("tile-overwritten", OVERLAP, MISMATCH),
    fault(
        ("tile overwritten in its last word", "conv_pe.v"),
        ("fetch_first >= array_last ", "fetch_first + 17'd1 >= array_last "),
        REGIONS,
        "loaded early|expected",
    ),
    fault(
        ("tile overwritten in its first word", "conv_pe.v"),
        ("fetch_last <= array_first;", "fetch_last <= array_first + 17'd1;"),
        REGIONS,
        "loaded early|expected",
    ),
    fault(
        ("memory of its own not used", "conv_pe.v"),
        (".room(apart || !array_busy)", ".room(!array_busy)"),
        BEHIND,
        "assert [0-9]+ == 0",
    ),
    fault(
        ("weights asked for too early", "conv_pe.v"),
        (".wgt_free(wgt_ended && ", ".wgt_free("),
        OVERLAP,
        "WGT_|expected|did not end|TLAST",
    ),
    fault(
        ("stale shadow after a failed job", "conv_pe.v"),
        (
            ".rst(core_rst || close_valid),",
            ".rst(core_rst),",
        ),
        FAILS_ONE,
        "expected|did not end|NONE",
    ),
    fault(
        ("successor falls with a failed job", "job_control.v"),
        ("assign drop        = closed && fetched;", "assign drop        = closed;"),
        FAILS_ONE,
        "did not end",
    ),
    fault(
        ("predecessor falls with a failed job", "job_control.v"),
        (
            "                if (pending == 2'd1)\n                    state <= FLUSH;",
            "                state <= FLUSH;",
        ),
        FAILS_ONE,
        "WGT_|did not end|NONE",
    ),
    fault(
        ("last pass of a late stream runs", "weight_loader.v"),
        ("weights_full <= s_last || !last_beat;", "weights_full <= 1'b1;"),
        ONE_PIXEL,
        "NONE, WGT_LATE",
    ),
    fault(
        ("fourth job taken", "conv_pe.v"),
        ("!array_busy && !pending[1] && normal", "!array_busy && normal"),
        IN_FLIGHT,
        "4 jobs in flight",
    ),
    fault(
        ("results in one slot", "conv_pe.v"),
        (".slot(jobs_done[0])", ".slot(1'b0)"),
        COUNTERS,
        "assert .* == ",
    ),
    fault(
        ("counter not cleared", "perf_counters.v"),
        ("            stall_input   <= {31'd0, busy && !mac && loading};\n", ""),
        COUNTERS,
        "assert .* == ",
    ),
    fault(
        ("a cycle counted twice", "perf_counters.v"),
        ("else if (loading)         stall", "if (loading)         stall"),
        COUNTERS,
        "assert .* == ",
    ),
    fault(
        ("cycle of the end lost", "perf_counters.v"),
        ("cycles        <= {31'd0, busy};", "cycles        <= 32'd0;"),
        WITHOUT_GAPS,
        "assert .* == ",
    ),
    fault(
        ("status never set", "job_control.v"),
        ("fetched && fetch_error != `CONV_PE_NONE ? fetch_error : fault;", "`CONV_PE_NONE;"),
        ILLEGAL,
        "status NONE, SIZE expected",
    ),
    fault(
        ("STATUS never set", "job_control.v"),
        ("error     <= end_error;", "error     <= `CONV_PE_NONE;"),
        ILLEGAL,
        "STATUS says NONE",
    ),
    fault(
        ("late TLAST unseen", "act_loader.v"),
        ("late       <= !s_last && words_left == 32'd1;", "late       <= 1'b0;"),
        LENGTHS,
        "did not end",
    ),
    fault(
        ("watchdog dead", "job_control.v"),
        ("quiet >= watchdog && busy && !progress;", "1'b0;"),
        NEVER,
        "did not end",
    ),
    fault(
        ("watchdog ends one job alone", "job_control.v"),
        ("last_victim = !expired ||", "last_victim = 1'b1 ||"),
        NEVER_TAKEN,
        "jobs done",
    ),
    fault(
        ("a job ends twice", "job_control.v"),
        ("out_end && stale == 2'd0;", "out_end;"),
        BLOCKED,
        "jobs done",
    ),
)
