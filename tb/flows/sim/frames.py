"""The frames of a run: their pictures, tensors ahead of the simulator, checkpoints behind it."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from golden.config import InputError
from golden.files import whole_folder
from golden.vision.images import load
from tb.duts.conv_pe.frame_record import FrameSchedule
from tb.flows.early import picture_files
from tb.flows.sim.frame_writer import write_frame
from tb.flows.sim.options import SimOptions
from tb.flows.sim.oracles import check_oracles
from tb.flows.sim.prepare import Picture, Prepared, run_reference
from tb.flows.sim.report import FrameReport, LayerReport
from tb.toolchain import build

AHEAD: Final = 2
"""Frames that the reference model may be ahead of the simulator."""
POLL_SECONDS: Final = 0.05
IRRELEVANT: Final = ("image", "images", "clock", "waves", "verilator")
"""Options that change no frame's result."""


class Pictures(NamedTuple):
    """The pictures of a run."""

    paths: list[Path]
    """Those to run, all of which can be read."""
    unreadable: dict[str, str]
    """Files of a folder that are skipped: name, and why."""


def pictures(options: SimOptions, print_line: Callable[[str], None]) -> Pictures:
    """The pictures to run; what cannot be read of a folder is skipped, with a line for each.

    Raises
    ------
    InputError
        A picture that was named cannot be read, or none of a folder.
    """
    if options.images is None:
        path = options.image or options.network.default_image()
        load(path)
        return Pictures([path], {})
    found, bad = picture_files(options.images), {}
    for path in found:
        try:
            load(path)
        except InputError as error:
            bad[path.name] = str(error)
            print_line(f"unreadable: {error}")
    if len(bad) == len(found):
        first = next(iter(bad.values()))
        raise InputError(
            f"IMAGES={options.images}: none of {len(found)} pictures can be read: {first}"
        )
    return Pictures([path for path in found if path.name not in bad], bad)


class Prefetch(threading.Thread):
    """Computes the reference model's tensors of frame after frame while the simulator runs.

    Parameters
    ----------
    folder : Path
        The run's.
    paths : sequence of Path
        The pictures, the first one's frame being fetched already.
    """

    def __init__(
        self,
        folder: Path,
        prepared: Prepared,
        options: SimOptions,
        schedule: FrameSchedule,
        paths: Sequence[Path],
    ) -> None:
        super().__init__(daemon=True)
        self.outputs: dict[int, Picture] = {}
        """By frame: its picture, with the network's outputs alone."""
        self.error: BaseException | None = None
        self.done = 0
        self._halt = threading.Event()
        self._folder, self._prepared, self._options = folder, prepared, options
        self._schedule, self._paths = schedule, paths

    def fetch(self, number: int, print_line: Callable[[str], None]) -> None:
        """Compute and check one frame, and put it where the simulator finds it."""
        picture = run_reference(self._prepared, self._options, self._paths[number])
        check_oracles(self._prepared, self._options, picture, print_line)
        tensors, heads = picture.tensors, self._options.network.heads
        outputs = {name: tensors[name] for name in heads if name in tensors}
        self.outputs[number] = replace(picture, tensors=outputs)
        write_frame(self._folder, number, self._prepared, self._schedule, picture)

    def run(self) -> None:
        """Fetch every frame but the first, not too far ahead."""
        try:
            for number in range(1, len(self._paths)):
                while number > self.done + AHEAD:
                    if self._halt.wait(POLL_SECONDS):
                        return
                if self._halt.is_set():
                    return
                self.fetch(number, lambda text: None)
        except BaseException as error:  # the main thread raises it
            self.error = error

    def stop(self) -> None:
        """Begin no further frame."""
        self._halt.set()


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A frame that has been simulated whole, and was right."""

    report: FrameReport
    layers: list[LayerReport]
    text: str = ""
    """The decoded outputs in words."""
    cosine: float | None = None
    """Of the embedding, see `tb.networks.registry.DecodedOutput`."""


class Checkpoint:
    """Frames of an interrupted run over several pictures, for the command that resumes it.

    A frame is found again by the picture's content and by all that its result depends
    on: the options, the weights, the compiled design and the sources of model and bench.

    Parameters
    ----------
    base : Path
        Folder of the frames.
    """

    def __init__(
        self, base: Path, prepared: Prepared, options: SimOptions, made: build.Build
    ) -> None:
        chosen = {f.name: str(getattr(options, f.name)) for f in fields(options)}
        described = {
            "options": {name: chosen[name] for name in chosen if name not in IRRELEVANT},
            "weights": prepared.quantized.sha256,
            "retune": prepared.quantized.retune_sha256,
            "names": prepared.network.classes,
            "anchors": str(prepared.network.anchors),
            "design": made.folder.name,
            "sources": _sources(),
        }
        self._base = base
        self._key = json.dumps(described, sort_keys=True)
        self.folder = cache(self._folder)
        """Where a picture's frame is saved."""

    def _folder(self, picture: Path) -> Path:
        digest = hashlib.sha256(self._key.encode() + picture.read_bytes()).hexdigest()
        return self._base / digest[:24]

    def load(self, picture: Path) -> FrameResult | None:
        """The picture's frame, if it was saved."""
        path = self.folder(picture) / "frame.json"
        if not path.is_file():
            return None
        frame = msgspec.json.decode(path.read_bytes(), type=FrameResult)
        return replace(frame, report=replace(frame.report, image=str(picture)))

    def save(self, picture: Path, frame: FrameResult, drawing: Path) -> None:
        """Save a frame, whole or not at all."""
        with whole_folder(self.folder(picture)) as folder:
            (folder / "frame.json").write_bytes(msgspec.json.encode(frame))
            if drawing.is_file():
                shutil.copy(drawing, folder)

    def clear(self, paths: Sequence[Path]) -> None:
        """Remove the frames of these pictures: their run has ended."""
        for picture in paths:
            shutil.rmtree(self.folder(picture), ignore_errors=True)


def _sources() -> str:
    """Hash of the Python sources of reference model and bench."""
    digest = hashlib.sha256()
    for name in ("golden", "tb"):
        for path in sorted((build.ROOT / name).rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
