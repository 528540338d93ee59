"""``report.json``: what a run did, in figures, whether it went well or not.

The set-up reports its failures here too, before anything is installed and even
under a Python that is too old: hence the standard library alone, and dataclasses
without slots. The fields are described in docs/interfaces.md and held by
``report.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from golden.files import write_whole
from tb.cosim.failure import Failure
from tb.toolchain.run_folder import git_commit, new_run_folder, remove_stale

SCHEMA: Final = 1
SCHEMA_FILE: Final = Path(__file__).with_name("report.schema.json")

LAYER_KINDS: Final = ("conv", "pool", "upsample", "concat", "residual", "avgpool", "fc")


@dataclass(frozen=True)
class Stalls:
    """Cycles in which the array stood still, by cause."""

    input: int = 0
    weights: int = 0
    drain: int = 0
    other: int = 0


@dataclass(frozen=True)
class LayerReport:
    """One layer, all its jobs summed.

    Parameters
    ----------
    name : str
        As in docs/interfaces.md; no slash.
    kind : str
        One of `LAYER_KINDS`.
    macs : int
        KH x KW x I x O for each output pixel, padding taps included; halos not twice.
    macs_on_zero_weights : int
        Those of them whose weight is zero.
    values_expected, values_compared, mismatches : int
        Output values there are, those that were compared, and those that differ.
    cycles : int
        From this layer's first start to the next one's; 0 inside another's jobs.
    mac_cycles : int
        Cycles in which the array multiplied.
    stalls : Stalls
        Cycles in which it did not.
    sim_seconds, sim_cpu_seconds : float
        Wall time and the simulator's CPU time.

    Raises
    ------
    ValueError
        The kind or the name is not allowed, or more values differ than were compared.
    """

    name: str
    kind: str
    macs: int = 0
    macs_on_zero_weights: int = 0
    values_expected: int = 0
    values_compared: int = 0
    mismatches: int = 0
    cycles: int = 0
    mac_cycles: int = 0
    stalls: Stalls = field(default_factory=Stalls)
    sim_seconds: float = 0.0
    sim_cpu_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"layer name {self.name!r} is empty or holds a slash")
        if self.kind not in LAYER_KINDS:
            raise ValueError(f"{self.name}: layer kind {self.kind!r}: choose one of {LAYER_KINDS}")
        if self.mismatches > self.values_compared:
            raise ValueError(
                f"{self.name}: {self.mismatches} mismatches in {self.values_compared} values"
            )


@dataclass(frozen=True)
class Memories:
    """Depths of the PE's memories: output pixels a job, and words of input."""

    tile_pixels: int
    input_words: int


@dataclass(frozen=True)
class FrameReport:
    """One picture of a run over several.

    Parameters
    ----------
    image : str
        Path or name.
    seconds : float
        Wall time.
    boxes : sequence of dict
        What was detected: ``label``, ``confidence``, ``box``.
    """

    image: str
    seconds: float
    boxes: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Totals:
    """The sums over all layers.

    Parameters
    ----------
    macs, values_expected, values_compared, mismatches, cycles : int
        Sums of the layers' figures.
    utilisation : float or None
        macs / (cycles * P_IC * P_OC); None without cycles.
    sim_seconds, sim_cpu_seconds : float
        Sums of the layers' seconds.
    wall_seconds : float
        The whole command after set-up, builds included.
    macs_per_second : float or None
        macs / sim_cpu_seconds; None without CPU time.
    """

    macs: int
    values_expected: int
    values_compared: int
    mismatches: int
    cycles: int
    utilisation: float | None
    sim_seconds: float
    sim_cpu_seconds: float
    wall_seconds: float
    macs_per_second: float | None


@dataclass(frozen=True)
class Report:
    """One run. What an early failure left unknown is None.

    Parameters
    ----------
    run : str
        Name of the run's folder.
    command : str
        What repeats the run.
    commit : str
        From `git_commit`.
    date : str
        ISO 8601 with zone; now, unless given.
    network, scope, image : str, optional
        ``yolov3-tiny``, ``facenet`` or a user's; ``tiles``, ``frame`` or
        ``filtered``; path or name of the picture.
    embedding_cosine : float, optional
        Of the angle between the RTL's embedding and the float network's; of several
        pictures the least.
    frames : sequence of FrameReport, optional
        One a picture, where several were asked for.
    weights_sha256, retune_sha256 : str, optional
        Of the weight file and of the retuning patch.
    format, mode, slope, leaky_place, pool_pad : str, optional
        Numerics, by the names of docs/interfaces.md.
    simulator, simulator_version : str, optional
        ``verilator`` or ``icarus``, and its version.
    array : tuple of int, optional
        ``(P_IC, P_OC)``.
    acc_w, act_w, weight_w : int, optional
        Widths of a sum, an activation and a weight, in bits.
    memories : Memories, optional
        Depths of the PE's memories.
    seed : int, optional
        What repeats every random choice.
    inject : str, optional
        ``expected``, ``rtl`` or ``stream``: the fault put in on purpose.
    bug : str, optional
        Name of the bug that ``rtl`` put in, where one was chosen.
    layers : sequence of LayerReport
        In data-flow order.
    wall_seconds : float
        The whole command after set-up.
    failure : Failure, optional
        The first thing that went wrong. Where the layers' counts alone show that
        something did, `first_failure` says so.
    """

    run: str
    command: str
    commit: str
    date: str = field(
        default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds")
    )
    network: str | None = None
    scope: str | None = None
    image: str | None = None
    frames: Sequence[FrameReport] | None = None
    embedding_cosine: float | None = None
    weights_sha256: str | None = None
    retune_sha256: str | None = None
    format: str | None = None
    mode: str | None = None
    slope: str | None = None
    leaky_place: str | None = None
    pool_pad: str | None = None
    simulator: str | None = None
    simulator_version: str | None = None
    array: tuple[int, int] | None = None
    acc_w: int | None = None
    act_w: int | None = None
    weight_w: int | None = None
    memories: Memories | None = None
    seed: int | None = None
    inject: str | None = None
    bug: str | None = None
    layers: Sequence[LayerReport] = ()
    wall_seconds: float = 0.0
    failure: Failure | None = None

    @property
    def total(self) -> Totals:
        """The sums over `layers`."""
        macs = sum(layer.macs for layer in self.layers)
        cycles = sum(layer.cycles for layer in self.layers)
        cpu = sum(layer.sim_cpu_seconds for layer in self.layers)
        return Totals(
            macs=macs,
            values_expected=sum(layer.values_expected for layer in self.layers),
            values_compared=sum(layer.values_compared for layer in self.layers),
            mismatches=sum(layer.mismatches for layer in self.layers),
            cycles=cycles,
            utilisation=utilisation(macs, cycles, self.array),
            sim_seconds=sum(layer.sim_seconds for layer in self.layers),
            sim_cpu_seconds=cpu,
            wall_seconds=self.wall_seconds,
            macs_per_second=macs / cpu if cpu > 0 else None,
        )

    @property
    def first_failure(self) -> Failure | None:
        """What makes the run red: `failure`, or what the layers' counts give away."""
        if self.failure is not None:
            return self.failure
        for layer in self.layers:
            if layer.mismatches:
                text = f"{layer.mismatches} of {layer.values_compared} values differ"
                return Failure("mismatch", f"{layer.name}: {text}", layer=layer.name)
            if layer.values_compared != layer.values_expected:
                kind = "shortage" if layer.values_compared < layer.values_expected else "surplus"
                text = f"{layer.values_compared} values compared, {layer.values_expected} expected"
                return Failure(kind, f"{layer.name}: {text}", layer=layer.name)
        if not any(layer.values_compared for layer in self.layers):
            return Failure("shortage", "not one value was compared")
        return None

    @property
    def passed(self) -> bool:
        """Whether nothing failed and every expected value was compared and equal."""
        return self.first_failure is None

    def to_json(self) -> str:
        """Return the text of ``report.json``.

        Returns
        -------
        str
            JSON, indented, with a final newline.
        """
        document = {"schema": SCHEMA, **asdict(self)}
        for name in ("layers", "wall_seconds", "failure"):
            del document[name]
        failure = self.first_failure
        document["layers"] = [self._layer(layer) for layer in self.layers]
        document["total"] = asdict(self.total)
        document["passed"] = self.passed
        document["failure"] = None if failure is None else asdict(failure)
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write ``report.json`` whole, or leave what was there.

        Parameters
        ----------
        path : Path
            File to replace; its folder is made where missing.
        """
        write_whole(path, self.to_json())

    def publish(self, base: Path) -> None:
        """Write the report into the run's folder, then as the latest of all runs.

        Parameters
        ----------
        base : Path
            Usually ``build/sim``, the folder that holds the run's.
        """
        self.write(base / self.run / "report.json")
        self.write(base / "report.json")

    def _layer(self, layer: LayerReport) -> dict[str, Any]:
        return {
            **asdict(layer),
            "utilisation": utilisation(layer.macs, layer.cycles, self.array),
        }


def utilisation(macs: int, cycles: int, array: tuple[int, int] | None) -> float | None:
    """Return the share of the array's multiplications that were useful.

    Parameters
    ----------
    macs : int
        Useful multiplications.
    cycles : int
        Elapsed clocks.
    array : tuple of int, optional
        ``(P_IC, P_OC)``.

    Returns
    -------
    float or None
        Between 0 and 1; None where nothing elapsed or the array is unknown.

    Examples
    --------
    >>> utilisation(256, 2, (16, 16))
    0.5
    """
    if array is None or cycles == 0:
        return None
    return macs / (cycles * array[0] * array[1])


def publish_refusal(base: Path, kind: str, message: str, command: str) -> None:
    """Leave the red report of a run that was refused before it began.

    Parameters
    ----------
    base : Path
        Usually ``build/sim``.
    kind : str
        One of `FAILURE_KINDS`.
    message : str
        One line for a person.
    command : str
        What was refused.

    Raises
    ------
    OSError
        The report cannot be written.
    """
    remove_stale(base / "report.json")
    folder = new_run_folder(base)
    commit = git_commit(Path(__file__).parents[3])
    Report(folder.name, command, commit, failure=Failure(kind, message)).publish(base)
