"""What goes into the PE: words of the tile memory, weights, registers."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from golden.config import PEConfig
from tb.debug.trace import job_numbers
from tb.debug.trace.transactions import Row, Transactions, Value, View, known, lanes, pick, split
from tb.debug.trace.wave_file import UNKNOWN, Cell, Ints, Wave
from tb.duts.conv_pe.registers import COUNTERS, SLOT_STRIDE, Register

BIAS_BITS: Final = 64
RESPONSES: Final = {0: "OKAY", 1: "EXOKAY", 2: "SLVERR", 3: "DECERR"}


def input_words(view: View) -> Transactions:
    """Words written into the tile memory: pixels and channel groups of the job's input."""
    wave, config = view.wave, view.config
    at = np.flatnonzero(wave.flag("wr_en"))
    address, base = wave.ints("wr_addr")[at], wave.ints("fetch_base")[at]
    groups, size = wave.ints("in_groups")[at], wave.ints("fetch_in_size")[at]
    word = known(np.subtract, address, base)
    pixel, group = split(word, groups)
    row, column = split(pixel, size & 0xFFFF)
    return Transactions(
        "input",
        wave.cycles[at],
        job_numbers.launched(wave)[at],
        {
            "in channel": known(np.multiply, group, config.p_ic),
            "in row": row,
            "in column": column,
            "word": word,
            "address": address,
        },
        {"values": lanes(wave, "wr_data", at, config.p_ic, config.act_w, "input")},
    )


def weight_beats(view: View) -> Transactions:
    """Beats into the shadows: biases of an output group, or one lane's weights of a pass."""
    wave, config = view.wave, view.config
    is_bias = wave.flag("bias_shift")
    at = np.flatnonzero(is_bias | wave.any("lane_load"))
    is_bias = is_bias[at]
    job = job_numbers.of_weights(wave)[at]
    running = job == job_numbers.in_array(wave)[at]

    def of_job(fetched: str, launched: str) -> Ints:
        return np.where(running, wave.ints(launched)[at], wave.ints(fetched)[at])

    def unless_bias(values: Ints) -> Ints:
        return np.where(is_bias, UNKNOWN, values)

    group = known(
        np.subtract, of_job("out_groups", "array_out_groups"), wave.ints("weights.groups_left")[at]
    )
    number = known(
        np.subtract, wave.ints("weights.group_passes")[at], wave.ints("weights.passes_left")[at]
    )
    kernel, pool = of_job("fetch_kernel", "array_kernel"), of_job("fetch_pool", "array_pool")
    rest, kx = split(number, kernel >> 4 & 15)
    in_group, ky = split(rest, kernel & 15)
    in_group = np.where(pool >> 12 & 1, group, in_group)
    beat = wave.ints("weights.beat")[at]
    biases = config.p_ic * config.weight_w // BIAS_BITS
    lane = np.where(is_bias, beat * biases if biases else beat // 2, beat)
    return Transactions(
        "weights",
        wave.cycles[at],
        job,
        {
            "channel": known(lambda n, o: n * config.p_oc + o, group, lane),
            "in channel": unless_bias(known(np.multiply, in_group, config.p_ic)),
            "ky": unless_bias(ky),
            "kx": unless_bias(kx),
        },
        {
            "holds": Value(lambda chosen: ["bias" if is_bias[n] else "weights" for n in chosen]),
            "values": Value(partial(_weights, wave, at, is_bias.tolist(), config)),
        },
    )


def _weights(
    wave: Wave, at: Ints, is_bias: list[bool], config: PEConfig, chosen: Ints
) -> list[Row]:
    """Weights of a lane, or the biases that a beat holds."""
    bits = config.p_ic * config.weight_w
    rows: list[Row] = []
    for number in chosen:
        width = min(BIAS_BITS, bits) if is_bias[number] else config.weight_w
        count = min(bits // width, config.p_oc) if is_bias[number] else config.p_ic
        edge = at[number : number + 1]
        rows.append([wave.slices("wgt_data", edge, n * width, width)[0] for n in range(count)])
    return rows


def registers(view: View) -> Transactions:
    """Accesses on AXI4-Lite by the register's name."""
    wave = view.wave
    writes = np.flatnonzero(wave.flag("s_axil_awvalid") & wave.flag("s_axil_awready"))
    asks = np.flatnonzero(wave.flag("s_axil_arvalid") & wave.flag("s_axil_arready"))
    answers = np.flatnonzero(wave.flag("s_axil_rvalid") & wave.flag("s_axil_rready"))
    # One access of a kind is under way at a time: the answer belongs to the last question.
    asked = np.searchsorted(asks, answers, side="left") - 1
    asked = np.where(asked < 0, -1, np.append(asks, -1)[asked])
    at = np.concatenate([writes, answers])
    order = np.argsort(at, kind="stable")
    is_read = np.repeat([False, True], [len(writes), len(answers)])[order]
    question = np.concatenate([writes, asked])[order]
    at = at[order]
    address = np.where(
        is_read,
        pick(wave.ints("s_axil_araddr"), question),
        pick(wave.ints("s_axil_awaddr"), question),
    )
    data = np.where(
        is_read, wave.ints("s_axil_rdata")[at], pick(wave.ints("s_axil_wdata"), question)
    )
    after = np.minimum(at + 1, len(wave) - 1)
    answer = np.where(is_read, wave.ints("s_axil_rresp")[at], wave.ints("s_axil_bresp")[after])

    def each(text: list[Cell]) -> Value:
        return Value(lambda chosen: [text[number] for number in chosen])

    return Transactions(
        "registers",
        wave.cycles[at],
        job_numbers.launched(wave)[at],
        {},
        {
            "access": each(["read" if read else "write" for read in is_read]),
            "register": each([register_name(int(place)) for place in address]),
            "value": each([f"0x{word:08x}" if word >= 0 else None for word in data.tolist()]),
            "answer": each([RESPONSES.get(int(code)) for code in answer]),
        },
    )


def register_name(address: int) -> str | None:
    """A register by its byte address; a result of an odd job's slot says so.

    >>> register_name(0x50), register_name(0xC4), register_name(0x60)
    ('POST', 'MAC_CYCLES of odd jobs', '0x60')
    """
    if address < 0:
        return None
    results = {int(register) for register in (*COUNTERS, Register.ERROR)}
    if address - SLOT_STRIDE in results:
        return f"{Register(address - SLOT_STRIDE).name} of odd jobs"
    known = {int(register): register.name for register in Register}
    return known.get(address, f"0x{address:02x}")
