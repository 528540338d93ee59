"""Writes what has its one source in the code into the Makefile and the docs.

Run as ``python -m tb.generated``: names the files that say something else, and with ``--write``
mends them. Each place lies between two lines that name it.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tb.flows.benchmark.options import BenchOptions
from tb.flows.documents import table
from tb.flows.fuzz.options import FuzzOptions
from tb.flows.fuzz.report import fuzz_schema
from tb.flows.sim.options import SimOptions
from tb.flows.sim.report import report_schema
from tb.flows.variables import variables

ROOT: Final = Path(__file__).parents[1]
TARGETS: Final = {"sim": SimOptions, "fuzz": FuzzOptions, "bench": BenchOptions}
HELP_WIDTH: Final = 80
NAME_WIDTH: Final = 13


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


def variable_table(options: type) -> str:
    """A table of docs/interfaces.md."""
    rows = ["| variable | option | meaning |", "|---|---|---|"]
    for each in variables(options):
        called = ", ".join(f"`{option}`" for option in each.options)
        meaning = f"{each.text}. {each.more}" if each.more else each.text
        rows.append(f"| `{each.name}` | {called} | {meaning} |")
    return "\n".join(rows)


def document_tables() -> dict[str, str]:
    """Tables of docs/interfaces.md with the fields of JSON documents, by name of the place."""
    report = report_schema()
    failure = report["properties"]["failure"]
    documents = {
        "report": report,
        "layer": report["properties"]["layers"]["items"],
        "total": report["properties"]["total"],
        "failure": failure,
        "diagnosis": failure["properties"]["diagnosis"],
        "fuzz": fuzz_schema(),
    }
    return {f"fields of {name}": table(document) for name, document in documents.items()}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON schemas that are kept as files."""
    return {"tb/flows/sim/report.schema.json": report_schema()}


def blocks() -> dict[tuple[str, str], str]:
    """What is generated, by file and name of the place."""
    tables = {
        f"variables of {target}": variable_table(options) for target, options in TARGETS.items()
    }
    interfaces = {
        ("docs/interfaces.md", name): text for name, text in {**tables, **document_tables()}.items()
    }
    return {("Makefile", "help"): make_help(), ("Makefile", "names"): make_names(), **interfaces}


def updated(text: str, name: str, block: str) -> str:
    """Return a file's text with a block in its place.

    Raises
    ------
    ValueError
        The file has no such place.
    """
    marks = rf"^((?:# |<!-- ){name}: begin(?: -->)?\n).*?^((?:# |<!-- ){name}: end)"
    new, found = re.subn(marks, lambda m: f"{m[1]}{block}\n{m[2]}", text, flags=re.M | re.S)
    if found != 1:
        raise ValueError(f"{found} places are called {name}, 1 expected")
    return new


def stale(root: Path = ROOT) -> dict[Path, str]:
    """Files that differ from what is generated, with the text that they should have."""
    texts = {root / file: json.dumps(schema, indent=2) + "\n" for file, schema in schemas().items()}
    for (file, name), block in blocks().items():
        path = root / file
        texts[path] = updated(texts.get(path) or path.read_text(), name, block)
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
