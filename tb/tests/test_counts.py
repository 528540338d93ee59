"""Figures that the docs give of the networks and the commands are right."""

from __future__ import annotations

import re

import pytest

from tb.cli import COMMANDS
from tb.networks.registry import NETWORKS
from tb.toolchain.build import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COUNTS = {
    r"(?:PASSED|of all) +(1\d\d) layers|\b34 of (\d+)": len(NETWORKS["facenet"].nodes()),
    r"PASSED (2\d) layers": len(NETWORKS["yolov3-tiny"].nodes()),
    r"frames, (\d+) layers": len(NETWORKS["digits"].nodes()),
}
"""What a page says, and the figure that it has to say."""


@pytest.mark.parametrize(("words", "count"), COUNTS.items())
def test_figures_of_the_docs_are_right(words: str, count: int) -> None:
    found = [
        (path.name, int(match[match.lastindex or 1]))
        for path in PAGES
        for match in re.finditer(words, " ".join(path.read_text().split()))
    ]
    assert found and {number for _, number in found} == {count}, found


def test_every_command_is_listed_and_no_other() -> None:
    text = (ROOT / "docs" / "commands.md").read_text() + (
        ROOT / "docs" / "interfaces.md"
    ).read_text()
    assert [name for name in COMMANDS if not re.search(rf"[`/ ]{name}\b", text)] == []
