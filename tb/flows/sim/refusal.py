"""The red report of a run that was refused before it began.

The set-up writes it before anything is installed: hence the standard library alone. What the
report has beside the refusal is read off its schema.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from golden.files import write_whole
from tb.toolchain.run_folder import git_commit, new_run_folder, remove_stale

SCHEMA_FILE: Final = Path(__file__).with_name("report.schema.json")
EMPTY: Final = {"object": {}, "array": [], "integer": 0, "number": 0, "boolean": False}


def publish_refusal(base: Path, kind: str, message: str, command: str) -> None:
    """Leave the red report of a run that was refused before it began.

    Parameters
    ----------
    base : Path
        Usually ``build/sim``.
    kind : str
        ``setup`` or ``interrupted``.
    message : str
        One line for a person.
    command : str
        What was refused.

    Raises
    ------
    OSError
        The report cannot be written.
    """
    remove_stale(base / "report.json")
    folder = new_run_folder(base)
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    failure = dict.fromkeys(schema["properties"]["failure"]["properties"])
    document = {
        **_blank(schema),
        "run": folder.name,
        "command": command,
        "commit": git_commit(Path(__file__).parents[3]),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "failure": {**failure, "kind": kind, "message": message},
    }
    document["total"]["wall_seconds"] = 0.0
    for place in (folder, base):
        write_whole(place / "report.json", json.dumps(document, indent=2) + "\n")


def _blank(schema: dict[str, Any]) -> Any:
    """The emptiest value of a type: null where it may be."""
    if "const" in schema:
        return schema["const"]
    if "properties" in schema and schema["type"] == "object":
        return {name: _blank(field) for name, field in schema["properties"].items()}
    return EMPTY.get(schema["type"]) if isinstance(schema["type"], str) else None
