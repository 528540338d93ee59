"""A bug with the check that has to detect it, and the tests of the suites that bugs turn red."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tb.faults.catalogue import find
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator

STALLS: Final = ("cocotb_streams", "computes_every_value_whatever_stalls")
SHAPES: Final = ("cocotb_streams", "takes_channels_off_the_lane_grid")
BANKS: Final = ("cocotb_streams", "waits_for_a_bank_that_is_still_draining")
KERNELS: Final = ("cocotb_streams", "takes_every_kernel_and_padding")
COUNTERS: Final = ("cocotb_streams", "counts_every_cycle_once")
FULL: Final = ("cocotb_streams", "fills_the_memories_to_the_last_word")
IN_TURN: Final = ("cocotb_streams", "takes_jobs_back_to_back")
BUSY: Final = ("cocotb_resets", "refuses_a_start_while_a_job_is_fetched")
RESET: Final = ("cocotb_resets", "recovers_from_reset_in_every_cycle_of_a_job")
FAILING: Final = (
    "cocotb_resets",
    "recovers_from_soft_reset_in_every_cycle_of_a_failing_job",
)
ILLEGAL: Final = ("cocotb_illegal", "names_every_illegal_descriptor")
LENGTHS: Final = ("cocotb_illegal", "names_every_stream_that_ends_at_the_wrong_beat")
NEVER: Final = ("cocotb_illegal", "ends_a_stream_that_never_comes")
REGISTERS: Final = ("cocotb_illegal", "refuses_unknown_and_read_only_registers")
ANSWERS: Final = ("cocotb_illegal", "holds_a_response_until_it_is_taken")
MODELS: Final = ("cocotb_axi", "agrees_with_the_models_whatever_pauses")
BLOCKED: Final = ("cocotb_axi", "counts_a_job_once_whenever_the_watchdog_expires")
NEVER_TAKEN: Final = (
    "cocotb_axi",
    "ends_every_job_behind_an_output_that_is_never_taken",
)
IN_EVERY_STATE: Final = (
    "cocotb_watchdog",
    "closes_every_job_in_whatever_state_the_watchdog_expires",
)
WITHIN_A_CYCLE: Final = ("cocotb_ports", "holds_every_output_between_two_clocks")
IN_ANY_ORDER: Final = ("cocotb_ports", "takes_address_data_and_answers_in_every_order")
POOLS: Final = ("cocotb_readout", "pools_every_window_and_padding")
UPSAMPLES: Final = ("cocotb_readout", "upsamples_odd_and_even_maps")
ALONE: Final = ("cocotb_readout", "pools_without_a_convolution")
OVERLAP: Final = ("cocotb_queue", "computes_every_value_of_overlapping_jobs")
BEHIND: Final = ("cocotb_queue", "loads_behind_a_job_that_computes")
REGIONS: Final = ("cocotb_queue", "waits_only_for_tile_memory_that_is_shared")
WITHOUT_GAPS: Final = ("cocotb_queue", "counts_overlapping_jobs_without_gaps")
FAILS_ONE: Final = ("cocotb_queue", "fails_one_job_and_no_other")
ONE_PIXEL: Final = ("cocotb_queue", "fails_a_job_of_a_pixel_or_two_behind_one_that_drains")
IN_FLIGHT: Final = ("cocotb_queue", "takes_three_jobs_and_no_more")

MISMATCH: Final = "mismatch: |: expected -?[0-9]+, actual "
"""A wrong value, as the suites of single jobs and those of sequences report it."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A bug and the check that has to detect it.

    Parameters
    ----------
    patch : Patch
    test : tuple of str
        cocotb module and test that turn red.
    message : str
        Regular expression that its message matches: the check that caught it.
    icarus : str, optional
        The same under Icarus, where another check is faster to find an X.
    only : str, optional
        The one simulator that can show it.
    """

    patch: Patch
    test: tuple[str, str]
    message: str
    icarus: str | None = None
    only: str | None = None

    def expected(self, simulator: Simulator) -> str | None:
        """What the message has to match; None where this simulator cannot show the bug."""
        if self.only is not None and self.only != simulator.name:
            return None
        return self.icarus if simulator.name == "icarus" and self.icarus else self.message


def detection(
    place: tuple[str, str],
    change: tuple[str, str],
    test: tuple[str, str],
    message: str,
    *,
    icarus: str | None = None,
    only: str | None = None,
) -> Detection:
    """A bug from its name and file, and from the old and the new text."""
    return Detection(Patch(*place, *change), test, message, icarus, only)


def catalogued(
    bug: str,
    test: tuple[str, str],
    message: str,
    *,
    icarus: str | None = None,
    only: str | None = None,
) -> Detection:
    """A bug of `tb.faults.catalogue`, by its name there."""
    return Detection(find(bug).patch, test, message, icarus, only)
