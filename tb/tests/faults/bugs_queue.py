"""Faults in the queue: jobs that load, compute and drain behind one another, and their ends."""

from __future__ import annotations

from typing import Final

from tb.tests.faults.detection import (
    BEHIND,
    BLOCKED,
    COUNTERS,
    FAILS_ONE,
    ILLEGAL,
    IN_EVERY_STATE,
    IN_FLIGHT,
    LENGTHS,
    MISMATCH,
    NEVER,
    NEVER_TAKEN,
    ONE_PIXEL,
    OVERLAP,
    REGIONS,
    WITHOUT_GAPS,
    catalogued,
    detection,
)

QUEUE: Final = (
    catalogued("arithmetic-of-the-next-job", OVERLAP, MISMATCH),
    catalogued("size-of-the-next-job", OVERLAP, f"{MISMATCH}|values"),
    detection(
        ("padding of the next job", "drain.v"),
        ("clipped && bank_pool[7];", "clipped && pool[7];"),
        OVERLAP,
        MISMATCH,
    ),
    catalogued("tile-overwritten", OVERLAP, MISMATCH),
    detection(
        ("tile overwritten in its last word", "conv_pe.v"),
        ("fetch_first >= array_last ", "fetch_first + 17'd1 >= array_last "),
        REGIONS,
        "loaded early|expected",
    ),
    detection(
        ("tile overwritten in its first word", "conv_pe.v"),
        ("fetch_last <= array_first;", "fetch_last <= array_first + 17'd1;"),
        REGIONS,
        "loaded early|expected",
    ),
    detection(
        ("memory of its own not used", "conv_pe.v"),
        (".room(apart || !array_busy)", ".room(!array_busy)"),
        BEHIND,
        "assert [0-9]+ == 0",
    ),
    detection(
        ("weights asked for too early", "conv_pe.v"),
        (".wgt_free(wgt_ended && ", ".wgt_free("),
        OVERLAP,
        "WGT_|expected|did not end|TLAST",
    ),
    detection(
        ("stale shadow after a failed job", "conv_pe.v"),
        (
            ".rst(core_rst || close_valid),",
            ".rst(core_rst),",
        ),
        FAILS_ONE,
        "expected|did not end|NONE",
    ),
    detection(
        ("successor falls with a failed job", "job_control.v"),
        ("assign drop        = closed && fetched;", "assign drop        = closed;"),
        FAILS_ONE,
        "did not end",
    ),
    detection(
        ("predecessor falls with a failed job", "job_control.v"),
        (
            "                if (pending == 2'd1)\n                    state <= FLUSH;",
            "                state <= FLUSH;",
        ),
        FAILS_ONE,
        "WGT_|did not end|NONE",
    ),
    detection(
        ("last pass of a late stream runs", "weight_loader.v"),
        ("weights_full <= s_last || !last_beat;", "weights_full <= 1'b1;"),
        ONE_PIXEL,
        "NONE, WGT_LATE",
    ),
    detection(
        ("fourth job taken", "conv_pe.v"),
        ("!array_busy && !pending[1] && normal", "!array_busy && normal"),
        IN_FLIGHT,
        "4 jobs in flight",
    ),
    detection(
        ("results in one slot", "conv_pe.v"),
        (".slot(jobs_done[0])", ".slot(1'b0)"),
        COUNTERS,
        "assert .* == ",
    ),
    detection(
        ("counter not cleared", "perf_counters.v"),
        ("            stall_input   <= {31'd0, busy && !mac && loading};\n", ""),
        COUNTERS,
        "assert .* == ",
    ),
    detection(
        ("a cycle counted twice", "perf_counters.v"),
        ("else if (loading)         stall", "if (loading)         stall"),
        COUNTERS,
        "assert .* == ",
    ),
    detection(
        ("cycle of the end lost", "perf_counters.v"),
        ("cycles        <= {31'd0, busy};", "cycles        <= 32'd0;"),
        WITHOUT_GAPS,
        "assert .* == ",
    ),
    detection(
        ("status never set", "job_control.v"),
        ("fetched && fetch_error != `CONV_PE_NONE ? fetch_error : fault;", "`CONV_PE_NONE;"),
        ILLEGAL,
        "status NONE, SIZE expected",
    ),
    detection(
        ("STATUS never set", "job_control.v"),
        ("error     <= end_error;", "error     <= `CONV_PE_NONE;"),
        ILLEGAL,
        "STATUS says NONE",
    ),
    detection(
        ("late TLAST unseen", "act_loader.v"),
        ("late       <= !s_last && words_left == 32'd1;", "late       <= 1'b0;"),
        LENGTHS,
        "did not end",
    ),
    detection(
        ("watchdog dead", "job_control.v"),
        ("quiet >= watchdog && busy && !progress;", "1'b0;"),
        NEVER,
        "did not end",
    ),
    detection(
        ("watchdog ends one job alone", "job_control.v"),
        ("last_victim = !all ||", "last_victim = 1'b1 ||"),
        NEVER_TAKEN,
        "jobs done",
    ),
    detection(
        ("closing beat given up too soon", "job_control.v"),
        ("(expired && expires));", "expires);"),
        IN_EVERY_STATE,
        "lost its closing beat as the watchdog first expired",
    ),
    detection(
        ("expiry in CLOSE forgotten", "job_control.v"),
        ("            expired <= 1'b1;\n", "            expired <= expired || state != CLOSE;\n"),
        IN_EVERY_STATE,
        "reported right after the watchdog has expired|jobs ended",
    ),
    detection(
        ("a job after the watchdog runs", "job_control.v"),
        ("if (expired && fetching)", "if (1'b0)"),
        IN_EVERY_STATE,
        "reported right after the watchdog has expired|jobs ended",
    ),
    detection(
        ("a job ends twice", "job_control.v"),
        ("out_end && stale == 2'd0;", "out_end;"),
        BLOCKED,
        "jobs done",
    ),
)
