"""What ``make sim`` refuses before anything slow: missing files, a design with an error.

Imports no numeric library: an answer takes a second, where torch alone takes three.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from golden.config import InputError, PEConfig
from golden.vision.datasets import is_picture
from golden.vision.images import load
from tb.choices import parse_array
from tb.flows.sim.options import SimOptions
from tb.toolchain import build
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import find_simulator

RETUNE_CHOICES: Final = ("", "shipped", "none")


def check_sim(options: SimOptions) -> None:
    """Refuse what ``make sim`` cannot run on.

    Raises
    ------
    InputError
        A file that is missing or no picture, a damaged description, no simulator, or an error
        in the design.
    """
    if options.image is not None:
        load(options.image)
    if options.images is not None:
        picture_files(options.images)
    if options.model is not None and not _is_there(options.model):
        raise InputError(f"MODEL={options.model}: there is no such file")
    options.network.own_size(options.model)
    if options.retune not in RETUNE_CHOICES and not Path(options.retune).is_file():
        raise InputError(f"RETUNE={options.retune}: there is no such file")
    check_design(options)


def check_design(options: SimOptions, patch: Patch | None = None) -> None:
    """Have the simulator read the design, with an accumulator of any width.

    Parameters
    ----------
    patch : Patch, optional
        Break the design with it; else with the bug that `options` names, if any.

    Raises
    ------
    ToolError
        There is no simulator, or the design has an error.
    """
    numerics = options.numerics()
    config = PEConfig(
        *parse_array(options.lanes),
        mode=numerics.mode,
        act_w=numerics.act_w,
        weight_w=numerics.weight_w,
    )
    simulator = find_simulator(options.sim, options.verilator)
    build.check(simulator, config, patch=patch or options.patch)


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder by name: files with an ending that Pillow knows.

    Raises
    ------
    InputError
        The folder cannot be read, or holds no picture.
    """
    try:
        found = sorted(path for path in folder.iterdir() if is_picture(path))
    except OSError as error:
        raise InputError(f"IMAGES={folder}: {error.strerror}") from None
    if not found:
        raise InputError(f"IMAGES={folder}: no picture is in this folder")
    return found


def _is_there(model: Path) -> bool:
    """Whether a file, a folder or a checkpoint's prefix is there."""
    return model.exists() or Path(f"{model}.index").exists()
