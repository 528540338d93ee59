"""What an RTL bug is: its text, the step it sits in, and the run that shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from golden.vision.images import shipped
from tb.duts.conv_pe.pipeline_steps import Step
from tb.toolchain.patch import Patch

BOTH: Final = ("verilator", "icarus")
"""The simulators of a run that shows on each."""


@dataclass(frozen=True, slots=True)
class NetworkRun:
    """The smallest run of a network that shows a bug: fields of `SimOptions`."""

    layer: str = "conv2"
    """Empty for the whole network."""
    tiles: int | None = 1
    job: str = ""
    array: str = "4x4"
    size: int = 64
    format: str = "per_layer"
    mode: str = "full"
    slope: str = "1/8"
    leaky_place: str = "after_requant"
    pool_pad: str = "minus_inf"
    picture: str = ""
    """A shipped picture; empty for that of `SimOptions`."""
    simulators: tuple[str, ...] = ("verilator",)
    """Those on which it shows here."""

    def options(self, simulator: str) -> dict[str, Any]:
        """The fields of `SimOptions` for one simulator."""
        fields = asdict(self)
        del fields["simulators"]
        picture = fields.pop("picture")
        return {**fields, "sim": simulator, "image": shipped(picture) if picture else None}


@dataclass(frozen=True, slots=True)
class Bug:
    """A realistic bug of the RTL."""

    patch: Patch
    """Its name, in words, is the bug's."""
    step: Step
    """Where it sits: what a diagnosis has to name."""
    what: str
    """One line for a person."""
    run: NetworkRun
    adjacent: Step | None = None
    """The step that shows it first, where the bug sits in the wires that lead there."""

    @property
    def name(self) -> str:
        """Name as ``BUG=`` takes it.

        >>> from tb.faults.catalogue import find
        >>> find("stale-weights").patch.name
        'stale weights'
        """
        return self.patch.name.lower().replace("'", "").replace(" ", "-")


def bug(
    place: tuple[str, str],
    change: tuple[str, str],
    step: Step,
    what: str,
    run: NetworkRun | None = None,
    adjacent: Step | None = None,
) -> Bug:
    """A bug from its name and file, the old and the new text, and what it is."""
    return Bug(Patch(*place, *change), step, what, run or NetworkRun(), adjacent)
