"""The table of docs/tables/diagnosis.md, from what the runs with bugs have left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from golden.files import write_whole
from tb.faults.catalogue import find

BEGIN: Final = "<!-- table -->\n"
END: Final = "<!-- end -->\n"
HEAD: Final = (
    "| bug | what is wrong | first wrong value | red after | waves | diagnosis | verdict |",
    "|---|---|---|---|---|---|---|",
)


def table(entries: Sequence[dict[str, Any]]) -> str:
    """One line a run, as Markdown."""
    return "\n".join((*HEAD, *map(_line, entries))) + "\n"


def refresh(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Put the table between the marks of a document."""
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    write_whole(path, before + BEGIN + table(entries) + END + after)


def _line(entry: dict[str, Any]) -> str:
    bug = find(entry["bug"])
    name = f"`{bug.name}`" + (", Icarus" if entry["simulator"] == "icarus" else "")
    cells = (
        name,
        f"{bug.what} (`{bug.patch.file}`)",
        _first(entry),
        _after(entry),
        _size(entry),
        f"{entry['said'] or 'no step'}: {entry['sentence']}",
        _verdict(entry),
    )
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _first(entry: dict[str, Any]) -> str:
    """The failure without what the next columns say."""
    return str(entry["first"]).split(", activated in")[0].split(", left the PE")[0]


def _after(entry: dict[str, Any]) -> str:
    """Clock of the first wrong value, and seconds up to the failure and the diagnosis."""
    clock = "" if entry["cycle"] is None else f"cycle {entry['cycle']:,}; "
    return f"{clock}{entry['red_seconds']} s + {entry['diagnosis_seconds']} s"


def _size(entry: dict[str, Any]) -> str:
    """Size of the wave file."""
    size = entry["wave_bytes"] / 1e6
    return f"{size:.1f} MB" if size >= 1 else f"{1000 * size:.0f} kB"


def _verdict(entry: dict[str, Any]) -> str:
    """The verdict, with the right step where another was named."""
    if entry["verdict"] == "right":
        return "right" if entry["certain"] else "right, unsure"
    return f"{entry['verdict']}: it is {entry['step']}"
