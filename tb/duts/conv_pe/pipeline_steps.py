"""The steps of a value's way through the PE, in the order of the data flow."""

from __future__ import annotations

from enum import Enum


class Step(Enum):
    """A step of the data flow, by the name that a diagnosis gives it."""

    CONTROL = "control"
    INPUT = "input"
    WEIGHTS = "weights"
    SEQUENCER = "sequencer"
    ARRAY = "array"
    BIAS = "bias"
    ACCUMULATOR = "accumulator"
    DRAIN = "drain"
    REQUANTISER = "requantiser"
    ACTIVATION = "activation"
    SATURATION = "saturation"
    POOL = "pool"
    OUTPUT = "output"

    @property
    def modules(self) -> tuple[str, ...]:
        """The files of ``rtl/`` where the step is done."""
        return _MODULES[self]

    @property
    def place(self) -> int:
        """Its number in the order of the data flow."""
        return list(Step).index(self)


_MODULES: dict[Step, tuple[str, ...]] = {
    Step.CONTROL: ("axil_regs.v", "job_fetch.v", "job_check.v", "job_control.v", "conv_pe.v"),
    Step.INPUT: ("act_loader.v", "word_memory.v", "conv_pe.v", "axis_skid.v"),
    Step.WEIGHTS: ("weight_loader.v", "mac_array.v", "axis_skid.v"),
    Step.SEQUENCER: ("pass_sequencer.v",),
    Step.ARRAY: ("mac_array.v", "compute_core.v"),
    Step.BIAS: ("accumulator.v", "weight_loader.v"),
    Step.ACCUMULATOR: ("accumulator.v", "compute_core.v"),
    Step.DRAIN: ("drain.v", "readout.v"),
    Step.REQUANTISER: ("output_stage.v", "post_lane.v"),
    Step.ACTIVATION: ("post_lane.v",),
    Step.SATURATION: ("post_lane.v",),
    Step.POOL: ("readout.v", "post_lane.v", "drain.v"),
    Step.OUTPUT: ("drain.v", "axis_skid.v", "conv_pe.v"),
}
