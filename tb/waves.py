"""Records the waves of one job, and lays them out for GTKWave along the data flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from vcd.gtkw import GTKWSave

from golden.config import PEConfig, ProductMode
from golden.errors import InputError
from tb import build
from tb.jobs import JobRecord, write_list

DUT: Final = f"{build.TOP}.dut"
CORE: Final = f"{DUT}.compute"
HEADERS_MISSING: Final = "no FST headers: waves in VCD, far larger"


@dataclass(frozen=True, slots=True)
class Trace:
    """A signal as GTKWave names it.

    Parameters
    ----------
    name : str
        From the simulation top on.
    width : int
        Bits.
    format : str
        GTKWave's data format: ``hex``, ``dec``, ``signed`` or ``bin``.
    """

    name: str
    width: int = 1
    format: str = "hex"

    @property
    def label(self) -> str:
        """Name with the bit range that a vector carries in a dump."""
        return self.name if self.width == 1 else f"{self.name}[{self.width - 1}:0]"


def suffix(simulator: str) -> str:
    """Return the ending of the wave file: ``fst``, or ``vcd`` where FST cannot be written.

    Icarus brings its own FST writer; Verilator compiles one from system headers.
    """
    return "fst" if simulator == "icarus" or build.fst_headers() else "vcd"


def record(made: build.Build, job: JobRecord, run: Path, module: str, seed: int) -> Path:
    """Run one job of a run once more, alone, and write its waves and their layout.

    Parameters
    ----------
    made : Build
        Compiled with waves.
    job : JobRecord
    run : Path
        Folder of the run, with the job's files. Takes ``wave.fst`` (or ``.vcd``) and
        ``wave.gtkw``; the simulation itself works in ``waves`` below it.
    module : str
        cocotb module that runs jobs.
    seed : int

    Returns
    -------
    Path
        The layout, which names the wave file.

    Raises
    ------
    InputError
        The simulator wrote no waves.
    """
    folder = run / "waves"
    folder.mkdir()
    for path in run.glob(f"{job.stem}.*"):
        if path.suffix in (".act", ".npy"):
            (folder / path.name).symlink_to(path.absolute())
    weights = run.absolute() / f"job_{job.weights:05d}.wgt"
    (folder / f"{job.stem}.wgt").symlink_to(weights)
    write_list(folder, made.config, [replace(job, weights=job.number)])
    wave = run.absolute() / f"wave.{suffix(made.simulator.name)}"
    build.run(made, module, folder, seed=seed, wave=wave)
    if not wave.is_file():
        raise InputError(f"the simulator wrote no waves; see {folder / 'simulator.log'}")
    layout = wave.with_suffix(".gtkw")
    write_layout(layout, wave, made.config)
    return layout


def write_layout(layout: Path, wave: Path, config: PEConfig) -> None:
    """Write GTKWave's save file for a wave file."""
    with layout.open("w", encoding="utf-8") as file:
        save = GTKWSave(file)
        save.dumpfile(str(wave))
        save.savefile(str(layout))
        save.treeopen(f"{DUT}.")
        for title, traces in groups(config):
            with save.group(title):
                for trace in traces:
                    save.trace(trace.label, datafmt=trace.format)


def groups(config: PEConfig) -> Iterator[tuple[str, list[Trace]]]:
    """Yield the signals to show: groups with their titles, in the order of the data flow.

    Parameters
    ----------
    config : PEConfig
        Gives the widths.
    """
    address, pixel = (config.input_words - 1).bit_length(), (config.tile_pixels - 1).bit_length()
    acts, weights = config.p_ic * config.act_w, config.p_ic * config.weight_w
    outs = config.p_oc * config.act_w
    yield "clock", _traces(build.TOP, "clk", "rst", "cycle 64 dec")
    yield (
        "registers and control",
        [
            *_traces(DUT, *_pairs("s_axil_aw", "addr 8"), *_pairs("s_axil_w", "data 32")),
            *_traces(DUT, *_pairs("s_axil_ar", "addr 8"), *_pairs("s_axil_r", "data 32")),
            *_traces(DUT, "start", "ready", "busy", "irq", "last_error 8 hex", "jobs_done 16 dec"),
        ],
    )
    yield (
        "descriptors: the job that is fetched, the job in the array",
        [
            *_traces(DUT, "pending 2 dec", "loading", "apart", "launch", "job_end", "abort"),
            *_traces(DUT, "fetch_in_size 32", "fetch_out_size 32", "fetch_channels 32"),
            *_traces(DUT, "fetch_kernel 28", "fetch_post 16", "fetch_pool 16", "fetch_base 16"),
            *_traces(DUT, "array_in_size 32", "array_out_size 32", "array_channels 32"),
            *_traces(DUT, "array_kernel 28", "array_post 16", "array_pool 16"),
        ],
    )
    yield (
        "activation input",
        [
            *_traces(DUT, *_pairs("s_axis_act_t", f"data {acts}"), "s_axis_act_tlast"),
            *_traces(DUT, "act_load", "wr_en", f"wr_addr {address}", f"wr_data {acts}"),
            *_traces(DUT, "act_complete"),
        ],
    )
    yield (
        "weights",
        [
            *_traces(DUT, *_pairs("s_axis_wgt_t", f"data {weights}"), "s_axis_wgt_tlast"),
            *_traces(DUT, "wgt_ours", "bias_shift", f"lane_load {config.p_oc} bin"),
            *_traces(DUT, "weights_full", "swap_weights", "swap_bias", "waiting_weights"),
        ],
    )
    yield (
        "sequencer",
        [
            *_traces(f"{CORE}.sequencer", "running", "groups_left 12 dec", "in_group 12 dec"),
            *_traces(f"{CORE}.sequencer", "ky 4 dec", "kx 4 dec", "oy 10 dec", "ox 10 dec"),
            *_traces(f"{CORE}.sequencer", "iy 13 signed", "ix 13 signed"),
            *_traces(CORE, "issue", "advance", f"rd_addr {address}", "outside", "bank"),
            *_traces(CORE, f"pixel {pixel} dec", "pass_first", "group_first", "group_last"),
        ],
    )
    dot = f"{_dot_width(config)} signed"
    yield (
        "array, lane 0",
        [
            *_traces(CORE, f"rd_data {acts}", "mac"),
            *_traces(f"{CORE}.array", f"act {config.p_ic * 32}", "swap"),
            *_traces(f"{CORE}.array.g_lane[0]", f"shadow {weights}", f"sum {dot}"),
        ],
    )
    places = (f"read_pixel {pixel} dec", "add", "first", "add_bank", f"add_pixel {pixel} dec")
    yield "accumulator", _traces(f"{CORE}.accumulators", "read", "read_bank", *places)
    yield (
        "drain and readout",
        [
            *_traces(DUT, "bank_free 2 bin", "drain_read", "drain_bank", "step"),
            *_traces(DUT, f"drain_pixel {pixel} dec", f"sums {config.p_oc * config.acc_w}"),
        ],
    )
    lane = f"{DUT}.post_stage.g_lane[0].lane"
    ends = (f"sum {config.acc_w} signed", f"value {config.act_w} signed")
    highest = f"highest {config.act_w} signed"
    yield (
        "output stage, lane 0",
        [
            *_traces(DUT, "word_valid", "round_valid", "value_valid", "value_first"),
            *_traces(lane, *ends, highest),
            *_traces(DUT, f"tap {outs}", f"out_data {outs}"),
        ],
    )
    stream = ("m_axis_out_tlast", "m_axis_out_tuser", f"m_axis_out_tkeep {outs // 8} bin")
    yield "output stream", _traces(DUT, *_pairs("m_axis_out_t", f"data {outs}"), *stream)


def _pairs(prefix: str, payload: str) -> tuple[str, str, str]:
    """A channel's handshake and its payload."""
    return f"{prefix}valid", f"{prefix}ready", f"{prefix}{payload}"


def _traces(scope: str, *described: str) -> list[Trace]:
    """Signals of one scope, each described by name, width and format, all but the first left out.

    Examples
    --------
    >>> _traces("top", "clk", "count 8 dec")[1]
    Trace(name='top.count', width=8, format='dec')
    """
    words = (text.split() for text in described)
    return [Trace(f"{scope}.{word[0]}", int((word[1:] or ["1"])[0]), *word[2:]) for word in words]


def _dot_width(config: PEConfig) -> int:
    """Bits of a lane's dot product, as ``compute_core`` grows them from its parameters."""
    growth = (config.p_ic - 1).bit_length() if config.mode is ProductMode.FULL else 0
    return min(32 + growth, config.acc_w)
