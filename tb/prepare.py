"""From options to a run folder full of jobs: network, oracles, tiles, streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden import oracle, spec
from golden.bounds import smallest_acc_w
from golden.config import ConfigError, PEConfig
from golden.fetch import ModelFiles, model_files
from golden.fixed import Int16Array
from golden.images import default_image, load, preprocess
from golden.layers import ConvLayer
from golden.network import Network, build_yolov3_tiny, run
from golden.plan import lower, lower_input, make_job
from golden.quantize import quantize_image
from golden.sampling import MIN_LAYER_MACS, sample_tiles
from golden.yolov3_tiny import INPUT_SIZE
from tb.inject import flip_bit
from tb.jobs import NEVER, JobRecord, write_job, write_list
from tb.options import SimOptions, parse_array

INPUT_ACTIVATIONS = 131_072
"""What the input tile memory of a simulated array holds, whatever its lanes."""
TILE_PIXELS = {"verilator": 1024, "icarus": 32}
MIN_MACS = {"verilator": MIN_LAYER_MACS, "icarus": 0}
"""Icarus is some thousand times slower: smaller tiles, and no more than show each side."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything that is known before a simulator starts.

    Parameters
    ----------
    files : ModelFiles
    image : Path
    network : Network
    tensors : dict of str to ndarray of int16, (C, H, W)
        ``image`` and every node's output.
    config : PEConfig
    """

    files: ModelFiles
    image: Path
    network: Network
    tensors: dict[str, Int16Array]
    config: PEConfig


class OracleError(AssertionError):
    """Two of the golden models disagree: nothing may be compared with either."""


def prepare(options: SimOptions, say: Callable[[str], None]) -> Prepared:
    """Import and quantise the network, and run it on the picture.

    Raises
    ------
    InputError
        A file that is missing or not what it should be.
    ConfigError
        Options that this network cannot honour.
    """
    image = options.image or default_image()
    picture = load(image)
    files = model_files(options.model, say=say)
    say("quantising the network and running the golden model on the picture")
    network = build_yolov3_tiny(files, options.numerics())
    pixels, _ = quantize_image(
        preprocess(picture, INPUT_SIZE, "plain" if options.fit == "plain" else "letterbox"),
        network.input_frac,
        network.options.act_w,
    )
    p_ic, p_oc = parse_array(options.lanes)
    config = PEConfig(
        p_ic,
        p_oc,
        acc_w=smallest_acc_w(network.convs()),
        mode=network.mode,
        tile_pixels=TILE_PIXELS[options.sim],
        input_words=INPUT_ACTIVATIONS // p_ic,
    )
    return Prepared(files, image, network, run(network, pixels), config)


def chosen_layers(prepared: Prepared, options: SimOptions) -> list[ConvLayer]:
    """The convolutions to simulate, in data-flow order."""
    return [layer for layer in prepared.network.convs() if options.layer in ("", layer.name)]


def write_jobs(
    folder: Path, prepared: Prepared, options: SimOptions, say: Callable[[str], None]
) -> list[JobRecord]:
    """Cut every chosen layer into jobs, check the oracles on them, and write them.

    Raises
    ------
    OracleError
        The specification, the compiled kernels and torch are not equal to the bit.
    """
    records: list[JobRecord] = []
    for layer in chosen_layers(prepared, options):
        say(f"checking the golden models against each other: {layer.name}")
        tensor, output = prepared.tensors[layer.source], prepared.tensors[layer.name]
        if not np.array_equal(oracle.conv(tensor, layer), output):
            raise OracleError(f"{layer.name}: torch and the compiled kernel disagree")
        lowered, seen = lower(layer), lower_input(layer, tensor)
        tiles = sample_tiles(
            lowered, _shape(seen), prepared.config, options.seed, MIN_MACS[options.sim]
        )
        wanted = range(len(tiles)) if options.job is None else [options.job]
        if wanted[-1] >= len(tiles):
            raise ConfigError(f"JOB={options.job}: {layer.name} has jobs 0 to {len(tiles) - 1}")
        for tile_number in wanted:
            job = make_job(lowered, seen, tiles[tile_number])
            expected = job.tile.of(output)
            if not np.array_equal(spec.conv(job.input, job.layer), expected):
                raise OracleError(f"{layer.name}: the specification and the kernel disagree")
            first = not records
            if first and options.inject == "expected":
                expected = flip_bit(expected, options.seed)
            drop = _middle(job.input) if first and options.inject == "stream" else NEVER
            records.append(
                write_job(
                    folder,
                    len(records),
                    job,
                    expected,
                    prepared.config,
                    act_drop=drop,
                    tile_number=tile_number,
                )
            )
    write_list(folder, prepared.config, records)
    return records


def _shape(tensor: Int16Array) -> tuple[int, int, int]:
    channels, rows, columns = tensor.shape
    return channels, rows, columns


def _middle(tensor: Int16Array) -> int:
    """A beat in the middle of the input stream of a tensor (C, H, W)."""
    _, rows, columns = _shape(tensor)
    return rows * columns // 2
