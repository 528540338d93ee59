"""Writes what has its one source in the code into the Makefile and the docs.

Run as ``python -m tb.tests.generated``: names the files that say something else, and mends them
with ``--write``. Each place lies between two lines that name it.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from golden.networks.yolov3_tiny.files.cfg_keys import markdown as darknet_keys
from tb.flows.benchmark.options import BenchOptions
from tb.flows.benchmark.record import golden_schema, sim_schema
from tb.flows.documents import field_types
from tb.flows.fuzz.options import FuzzOptions
from tb.flows.fuzz.report import fuzz_schema
from tb.flows.sim.options import SimOptions
from tb.flows.sim.report import report_schema
from tb.flows.variables import variables

ROOT: Final = Path(__file__).parents[2]
TARGETS: Final = {"sim": SimOptions, "fuzz": FuzzOptions, "bench": BenchOptions}
HELP_WIDTH: Final = 80
NAME_WIDTH: Final = 13
UNKNOWN: Final = "?"
"""What a row has in the place of a meaning that nobody has written yet."""


def make_help() -> str:
    """The variables for ``make help``, as comments of the Makefile."""
    lines = []
    for target, options in TARGETS.items():
        also = " and waves" if target == "sim" else ""
        lines += [
            f"## Variables of {target}{also}, all optional, given as make {target} NAME=value"
        ]
        for each in variables(options):
            wrapped = textwrap.wrap(each.text.replace("`", ""), HELP_WIDTH)
            for name, line in zip([each.name, *[""] * len(wrapped)], wrapped, strict=False):
                lines.append(f"##   {name:{NAME_WIDTH}}{line}")
        lines.append("##")
    return "\n".join(lines)


def make_names() -> str:
    """The names of the variables, as the Makefile checks them."""
    known = {target: variables(options) for target, options in TARGETS.items()}
    lists = {
        f"{target.upper()}_VARIABLES": [each.name for each in known[target]] for target in known
    }
    lists["FLAGS"] = [each.name for each in known["sim"] if each.flag]
    lines = []
    for name, words in lists.items():
        wrapped = textwrap.wrap(f"{name} := {' '.join(words)}", 98, subsequent_indent=" " * 4)
        lines.append(" \\\n".join(wrapped))
    return "\n".join(lines)


def facts() -> dict[str, list[list[str]]]:
    """Of each table of docs/interfaces.md what the code knows; the last cell is written there."""
    report = report_schema()
    failure = report["properties"]["failure"]
    bench, golden = sim_schema(), golden_schema()
    documents = {
        "report": report,
        "layer": report["properties"]["layers"]["items"],
        "total": report["properties"]["total"],
        "failure": failure,
        "diagnosis": failure["properties"]["diagnosis"],
        "fuzz": fuzz_schema(),
        "sim": bench,
        "run": bench["properties"]["runs"]["items"],
        "beat": bench["properties"]["beat"],
        "golden": golden,
        "way": golden["properties"]["runs"]["items"],
    }
    known = {f"fields of {name}": field_types(schema) for name, schema in documents.items()}
    for target, options in TARGETS.items():
        known[f"variables of {target}"] = [
            [f"`{each.name}`", ", ".join(f"`{name}`" for name in each.options), each.text]
            for each in variables(options)
        ]
    return known


def table(rows: Sequence[Sequence[str]], written: str) -> str:
    """A table with the last cell of each row as it is written; unknown where there is none."""
    lines = [line.strip("| ").split(" | ") for line in written.strip().splitlines()]
    meanings = {cells[0]: cells[-1] if len(cells) > len(rows[0]) else "" for cells in lines[2:]}
    cells = [[*row, meanings.get(row[0], UNKNOWN)] for row in rows]
    return "\n".join([*written.strip().splitlines()[:2], *(f"| {' | '.join(c)} |" for c in cells)])


def schemas() -> dict[str, dict[str, Any]]:
    """JSON schemas that are kept as files."""
    return {
        "tb/flows/sim/report.schema.json": report_schema(),
        "tb/flows/benchmark/sim.schema.json": sim_schema(),
        "tb/flows/benchmark/golden.schema.json": golden_schema(),
    }


def updated(text: str, name: str, block: Callable[[str], str]) -> str:
    """Return a file's text with a block in its place, made from what stands there.

    Raises
    ------
    ValueError
        The file has no such place.
    """
    marks = rf"^((?:# |<!-- ){name}: begin(?: -->)?\n)(.*?)^((?:# |<!-- ){name}: end)"
    place = re.compile(marks, re.MULTILINE | re.DOTALL)
    new, found = place.subn(lambda m: f"{m[1]}{block(m[2])}\n{m[3]}", text)
    if found != 1:
        raise ValueError(f"{found} places are called {name}, 1 expected")
    return new


def stale(root: Path = ROOT) -> dict[Path, str]:
    """Files that differ from what is generated, with the text that they should have."""
    makefile, interfaces = root / "Makefile", root / "docs" / "interfaces.md"
    darknet = root / "docs" / "darknet.md"
    texts = {path: path.read_text() for path in (makefile, interfaces, darknet)}
    texts[makefile] = updated(texts[makefile], "help", lambda _: make_help())
    texts[makefile] = updated(texts[makefile], "names", lambda _: make_names())
    texts[darknet] = updated(texts[darknet], "keys of Darknet", lambda _: darknet_keys())
    for name, rows in facts().items():
        texts[interfaces] = updated(texts[interfaces], name, partial(table, rows))
    for file, schema in schemas().items():
        texts[root / file] = json.dumps(schema, indent=2) + "\n"
    return {path: text for path, text in texts.items() if text != path.read_text()}


def main(arguments: Sequence[str]) -> int:
    """Compare, or with ``--write`` mend; return 1 if a file is left that differs."""
    found = stale()
    for path, text in found.items():
        if "--write" in arguments:
            path.write_text(text)
        print(f"{path.relative_to(ROOT)}: generated anew" if arguments else f"{path}: is stale")
    return int(bool(found) and "--write" not in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
