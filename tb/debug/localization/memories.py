"""Tells what a read of a memory gave instead of its word: both ports, and the cycle of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tb.debug.localization.watched import WatchedValue, shown
from tb.debug.probe.events import Figure, Pass, Read, Vector, Write


class Access(NamedTuple):
    """What stood on both ports of a memory in the cycle of a read: enables and addresses."""

    read: Figure
    """Read enable; None where it was not recorded."""
    read_address: Figure
    write: Figure
    write_address: Figure


def access(held: Read | Pass) -> Access:
    """The ports of a bank at a read of the drain, or of the tile memory at a pass."""
    return Access(held.rd_en, held.rd_addr, held.wr_en, held.wr_addr)


def access_of_pass(held: Pass) -> Access:
    """The ports of the bank as a pass reads the old sum."""
    return Access(held.bank_rd_en, held.bank_rd_addr, held.bank_wr_en, held.bank_wr_addr)


def at_the_ports(held: Pass) -> str:
    """What the ports of the tile memory tell of a read, as the end of a sentence."""
    found = _ports(access(held), held.address, held.cycle)
    return f"; {found}" if found else ""


def tile_read(watched: WatchedValue, held: Pass, last: Write) -> tuple[str, ...]:
    """Where the word that a read gave instead of the word written last stands, or stood."""
    writes = [write for write in watched.probe.writes if write.cycle <= held.cycle]
    if None in held.word:
        return ()
    for write in (one for one in writes if one.cycle == held.cycle):
        if write.word == held.word:
            return (f"that is the word being written to {shown(write.address)} in that cycle",)
    if any(w.address == held.address and w.word == held.word for w in writes):
        return (f"that is what stood there before: the write of cycle {last.cycle} was lost",)
    content: dict[Figure, Vector] = {write.address: write.word for write in writes}
    same = [address for address, word in content.items() if word == held.word]
    return (f"that is word {shown(same[0])}, another address",) if same else ()


def _ports(ports: Access, address: Figure, cycle: int) -> str:
    """What the ports tell of a read that went wrong."""
    return "; ".join(_findings(ports, address, cycle))


def _findings(ports: Access, address: Figure, cycle: int) -> Iterator[str]:
    if ports.read == 0:
        yield f"the read port is not enabled in cycle {cycle}"
    elif ports.read is not None and ports.read_address != address:
        yield f"the read port has address {shown(ports.read_address)}, not {shown(address)}"
    if ports.write:
        where = shown(ports.write_address)
        to = "the same word" if ports.write_address == address else f"word {where}"
        yield f"the write port writes {to} in that same cycle: read and write collide"


def bank_read(ports: Access, address: Figure, cycle: int | None) -> str:
    """The same of a bank of sums, as the end of a sentence.

    A bank is read and written in one cycle as a rule, at two addresses: that alone tells
    nothing.
    """
    if cycle is None or ports.read is None:
        return ""
    if ports.write and ports.write_address != address:
        ports = ports._replace(write=0)
    found = _ports(ports, address, cycle)
    return f"; it was read in cycle {cycle}" + (f": {found}" if found else "")
