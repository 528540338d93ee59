"""A scale and a bias for every output channel: a network tuned without touching its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from golden.arithmetic.fixed import FloatArray, check_finite
from golden.config import ConfigError, InputError, Slope
from golden.files import write_whole
from golden.graph.float_conv import FloatConv
from golden.importers.file_kinds import FileKind, file_kind, refusal

SHIPPED: Final = Path(__file__).with_name("yolov3-tiny-eighth.safetensors")
"""The patch of the official YOLOv3-tiny for slope 1/8."""
Retune = Path | Literal["shipped"] | None
"""A patch file; the one that ships, where it fits; or none."""
_ABOUT: Final = "about"
"""Metadata key of the provenance, JSON."""
_SCALE, _SHIFT = ".scale", ".shift"
_NEEDED: Final = ("weights_sha256", "slope")


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A scale and a shift of each output channel of a model file's folded convolutions.

    Raises
    ------
    InputError
        If a number is NaN or infinite, the shapes disagree, or the provenance lacks a field.
    """

    scale: dict[str, FloatArray]
    shift: dict[str, FloatArray]
    """float64 (O,). By convolution, in the file's channels: heads with all of their classes.
    Numbers that a float32 holds."""
    about: dict[str, Any]
    """Provenance, as JSON holds it: at least ``weights_sha256``, of the model file that the patch
    belongs to, and ``slope``, ``1/8``."""

    def __post_init__(self) -> None:
        for field in _NEEDED:
            if not isinstance(self.about.get(field), str):
                raise InputError(f"its provenance lacks {field}: not a retuning patch")
        if set(self.scale) != set(self.shift):
            odd = sorted(set(self.scale) ^ set(self.shift))[0]
            raise InputError(f"{odd} has a scale or a shift, but not both")
        for name in self.scale:
            if self.scale[name].ndim != 1 or self.scale[name].shape != self.shift[name].shape:
                raise InputError(
                    f"{name}: scale {self.scale[name].shape} and shift "
                    f"{self.shift[name].shape} disagree"
                )
            check_finite(self.scale[name], name + _SCALE)
            check_finite(self.shift[name], name + _SHIFT)

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return 2 * sum(len(scale) for scale in self.scale.values())

    def apply(self, convs: Mapping[str, FloatConv]) -> dict[str, FloatConv]:
        """Return ``weight * scale`` and ``bias * scale + shift`` of every convolution.

        Parameters
        ----------
        convs : mapping of str to FloatConv
            Folded, in the file's channels.

        Raises
        ------
        InputError
            If the patch is of another network; the text names the convolution.
        """
        if set(convs) != set(self.scale):
            odd = sorted(set(convs) ^ set(self.scale))[0]
            raise InputError(f"{odd} is in the patch or in the model, but not in both")
        tuned = {}
        for name, conv in convs.items():
            scale, shift = self.scale[name], self.shift[name]
            if scale.shape != conv.bias.shape:
                raise InputError(
                    f"{name}: the patch has {len(scale)} channels, the model {len(conv.bias)}"
                )
            weight = conv.weight * scale[:, None, None, None]
            tuned[name] = FloatConv(name, weight, conv.bias * scale + shift)
        return tuned


def write_patch(path: Path, patch: Patch) -> None:
    """Write a patch whole, as ``.safetensors`` of float32; the same patch gives the same bytes."""
    tensors = {}
    for name in patch.scale:
        tensors[name + _SCALE] = patch.scale[name].astype("<f4")
        tensors[name + _SHIFT] = patch.shift[name].astype("<f4")
    about = json.dumps(patch.about, sort_keys=True, allow_nan=False)
    write_whole(path, save(tensors, metadata={_ABOUT: about}))


def read_patch(path: Path) -> Patch:
    """Read a patch.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it is something else.
    """
    if path.is_file():
        kind = file_kind(path)
        if kind not in (FileKind.SAFETENSORS, FileKind.UNKNOWN):
            raise refusal(path, kind, "a patch of convpe retune (.safetensors)")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path}: no such retuning patch") from None
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: the retuning patch cannot be read: {reason}") from None
    try:
        about = json.loads(metadata.get(_ABOUT, "{}"))
        return Patch(_those(tensors, _SCALE), _those(tensors, _SHIFT), about)
    except (InputError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: {error}") from None


def _those(tensors: Mapping[str, Any], ending: str) -> dict[str, FloatArray]:
    """Return the tensors of one ending, by convolution."""
    found = {}
    for name, tensor in tensors.items():
        if not name.endswith((_SCALE, _SHIFT)) or tensor.dtype.kind != "f":
            raise InputError(f"{name} of {tensor.dtype} is no part of a retuning patch")
        if name.endswith(ending):
            found[name.removesuffix(ending)] = tensor.astype(np.float64)
    return found


def retune_choice(text: str) -> Retune:
    """Turn what a user writes, ``--retune`` or ``RETUNE=``, into a choice.

    >>> retune_choice("none"), retune_choice("")
    (None, 'shipped')
    """
    if text in ("", "shipped"):
        return "shipped"
    return None if text == "none" else Path(text)


def fitting(retune: Retune, sha256: str, slope: Slope) -> Path | None:
    """Find the patch file that a model is tuned with.

    Parameters
    ----------
    retune : Path, "shipped" or None
        A file, which has to fit; the one that ships, where it fits; or none.
    sha256 : str
        Of the model's weights.
    slope : Slope
        That the model runs with.

    Raises
    ------
    InputError
        If the file that was named cannot be read or belongs to other weights.
    ConfigError
        If it is for another slope.
    """
    if retune is None:
        return None
    path = SHIPPED if retune == "shipped" else retune
    about = read_patch(path).about
    if retune == "shipped":
        return path if (about["weights_sha256"], about["slope"]) == (sha256, slope.value) else None
    if about["weights_sha256"] != sha256:
        raise InputError(
            f"{path}: the patch belongs to weights of sha256 {about['weights_sha256'][:12]}..., "
            f"not {sha256[:12]}...: make one with convpe retune"
        )
    if about["slope"] != slope.value:
        raise ConfigError(f"{path}: the patch is for slope {about['slope']}, not {slope.value}")
    return path


def tune(convs: Mapping[str, FloatConv], path: Path | None) -> dict[str, FloatConv]:
    """Apply the patch of a file, as `fitting` found it, to a model's folded convolutions.

    Raises
    ------
    InputError
        If the file cannot be read or is of another network.
    """
    if path is None:
        return dict(convs)
    try:
        return read_patch(path).apply(convs)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
