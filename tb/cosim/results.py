"""The simulator's results on disk, one a job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tb.cosim.failure import Failure


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results of the jobs that have ended, oldest first; none where no file is yet."""
    if not path.is_file():
        return []
    lines = path.read_text().split("\n")
    # Behind the last newline stands nothing, or a line that is still being written.
    return [json.loads(line) for line in lines[:-1]]


def first_failure(results: Sequence[dict[str, Any]]) -> Failure | None:
    """The first job's failure, if any has one."""
    for result in results:
        failure = result["verdict"]["failure"]
        if failure is not None:
            return Failure(**failure)
    return None
