"""Commands of the study run in this process, and the results that they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tb.cli import app


def run(*words: object) -> str:
    """Run a command that has to succeed; return what it prints."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception:
        raise done.exception
    assert done.exit_code == 0
    return str(done.output)


def results(path: Path) -> dict[str, Any]:
    """Read what ``--json`` was given for."""
    found = json.loads(path.read_text())
    assert isinstance(found, dict)
    assert found["schema"] == 1
    return found
