"""How many fraction bits each tensor of a FaceNet network is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from golden.config import NumberFormat
from golden.facenet import float_model
from golden.facenet.pictures import LARGEST
from golden.facenet.structure import Conv, Structure, read_by
from golden.formats import HEADROOM, Q7_8_FRAC, Formats, frac_bits
from golden.layers import ResidualLayer
from golden.models.fold import FloatConv
from golden.options import NumericOptions
from golden.yolov3_tiny import IMAGE


def reach(
    structure: Structure,
    convs: Mapping[str, FloatConv],
    images: Iterable[npt.NDArray[np.float32]],
) -> dict[str, float]:
    """Find the magnitude that each node's output is given room for: twice the largest seen.

    Parameters
    ----------
    structure : Structure
    convs : mapping of str to FloatConv
        Folded.
    images : iterable of ndarray of float32, (3, H, W)
    """
    room: dict[str, float] = {}
    for image in images:
        for name, value in float_model.run(structure, convs, image).items():
            room[name] = max(room.get(name, 0.0), HEADROOM * float(np.abs(value).max()))
    return room


def together(structure: Structure) -> dict[str, str]:
    """Name, for each node and ``image``, the group whose fraction bits it has.

    Pools keep their source's format, a concatenation has that of all that it reads. Both
    sources of a residual add have one; the sum may have fewer bits, see `choose_formats`.
    """
    group = {IMAGE: IMAGE}
    for node in structure.nodes:
        group[node.name] = node.name
        if isinstance(node, Conv):
            continue
        own = set() if isinstance(node, ResidualLayer) else {node.name}
        joined = {group[name] for name in read_by(node)} | own
        first = min(joined)
        group = {name: first if held in joined else held for name, held in group.items()}
    return group


def choose_formats(
    structure: Structure,
    convs: Mapping[str, FloatConv],
    room: Mapping[str, float],
    options: NumericOptions,
) -> Formats:
    """Choose the fraction bits of every tensor.

    Format ``q7.8``: 8 everywhere. ``per_layer``: weights by their largest magnitude, groups
    of activations by the largest that they hold, the picture by its white. No output has
    more fraction bits than its products, no sum more than what it adds.

    Parameters
    ----------
    structure : Structure
    convs : mapping of str to FloatConv
        Folded.
    room : mapping of str to float
        What `reach` returns; not read for q7.8.
    options : NumericOptions
    """
    if options.format is NumberFormat.Q7_8:
        names = (IMAGE, *(node.name for node in structure.nodes))
        return Formats(dict.fromkeys(names, Q7_8_FRAC), dict.fromkeys(convs, Q7_8_FRAC))
    weight = {
        name: frac_bits(float(np.abs(conv.weight).max()), options.weight_w)
        for name, conv in convs.items()
    }
    group = together(structure)
    most: dict[str, float] = {IMAGE: LARGEST}
    for name, own in group.items():
        if name != IMAGE:
            most[own] = max(most.get(own, 0.0), room[name])
    frac = {own: frac_bits(largest, options.act_w) for own, largest in most.items()}
    before: dict[str, int] = {}
    while before != frac:
        before = dict(frac)
        for node in structure.nodes:
            most_bits = frac[group[read_by(node)[0]]] + weight.get(node.name, 0)
            frac[group[node.name]] = min(frac[group[node.name]], most_bits)
    return Formats({name: frac[own] for name, own in group.items()}, weight)
