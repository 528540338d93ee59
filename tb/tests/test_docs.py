"""The pages name only files, modules, links and counts that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tb.faults.catalogue import names
from tb.tests.faults.detections import DETECTIONS
from tb.tests.test_imports import ORDER
from tb.toolchain.build import ROOT

PAGES: Final = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / f"{n}.md" for n in ("README", "CONTRIBUTING"))]
)
CODE: Final = (".py", ".v", ".vh")
OF_A_READER: Final = {"cocotb_mine.py", "window.v"}
"""Files of examples that a reader writes."""
MODULE: Final = re.compile(r"(?<![\w./`-])`?((?:golden|tb)(?:\.[A-Za-z_]\w*)+)\b(?<!\.json)")
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the code, relative to the checkout."""
    folders = ("golden", "tb", "rtl", "docs")
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return tuple(path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts)


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def quoted(text: str) -> Iterator[str]:
    """Yield what a page has in backticks."""
    yield from re.findall(r"`([^`\n]+)`", prose(text))


def missing_paths(text: str) -> list[str]:
    """List the files and folders in backticks that do not exist."""
    known = {path.name for path in files()} | {"conftest.py"}
    lost = []
    for name in quoted(text):
        exists = True
        if re.fullmatch(r"(golden|tb|rtl|docs)/[\w./*<>-]*", name):
            pattern = re.sub(r"<[^>]*>", "*", name.rstrip("/"))
            exists = any(ROOT.glob(pattern)) or any(ROOT.glob(pattern + ".*"))
        elif re.fullmatch(r"\w+\.(py|v|vh)", name):
            exists = name in known
        if not exists and Path(name).name not in OF_A_READER:
            lost.append(name)
    return lost


def missing_modules(text: str) -> list[str]:
    """List the modules, and names of modules, that a page mentions and that do not exist."""
    found = [match[1] for match in MODULE.finditer(text)]
    imports = re.findall(r"from ((?:golden|tb)[\w.]*) import ([\w, ]+)", text)
    found += [f"{module}.{name}" for module, taken in imports for name in taken.split(", ")]
    return [name for name in found if not _exists(name)]


def _exists(name: str) -> bool:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:count])
        source = path.with_suffix(".py") if count > 1 else path / "__init__.py"
        if not source.is_file():
            source = path / "__init__.py"
        if source.is_file():
            rest = parts[count:]
            return not rest or re.search(rf"\b{rest[0]}\b", source.read_text()) is not None
    return False


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", head.lower()) for head in heads)
    return {head.replace(" ", "-") for head in plain}


def broken_links(page: Path, text: str) -> list[str]:
    """List the relative links that lead nowhere."""
    return [link for link in LINK.findall(prose(text)) if not _leads(page, text, link)]


def _leads(page: Path, text: str, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name
    if "://" in link or not anchor:
        return "://" in link or target.exists()
    return (not name or target.exists()) and anchor in anchors(target.read_text() if name else text)


def wrong_counts(text: str) -> list[str]:
    """List the numbers of broken designs and bugs that differ from those on file."""
    faults = re.findall(r"\b(\d+) (?:broken designs|faults|ways)\b", text)
    bugs = re.findall(r"\b(\d+) (?:realistic )?bugs\b", text)
    wrong = [f"{count} broken designs" for count in faults if int(count) != len(DETECTIONS)]
    return wrong + [f"{count} bugs" for count in bugs if int(count) != len(names())]


def unmapped(text: str) -> list[str]:
    """List the folders with code that a map does not have."""
    folders = {
        path.parent
        for path in files()
        if path.suffix in CODE and path.parts[0] in ("golden", "tb") and "tests" not in path.parts
    }
    given = set(quoted(text))
    return sorted(f"{folder}/" for folder in folders if f"{folder}/" not in given)


def order(text: str) -> list[str]:
    """Return the packages of the page's list, low to high."""
    block = text.split("## The order of packages")[1].split("\n## ")[0]
    found: list[str] = []
    root = ""
    for line in re.findall(r"^    (.+)$", block, re.MULTILINE):
        head, colon, rest = line.partition(":")
        root = head if colon else root
        found += [f"{root}.{name.strip()}" for name in (rest if colon else line).split(",")]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_names_what_exists(page: Path) -> None:
    text = page.read_text()
    assert missing_paths(text) == []
    assert missing_modules(text) == []
    assert broken_links(page, text) == []
    assert wrong_counts(text) == []


def test_drawings_name_files_that_exist() -> None:
    drawings = (ROOT / "docs" / "images").glob("*.svg")
    named = {name for path in drawings for name in re.findall(r"\b[\w/]+\.py\b", path.read_text())}
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_map_has_every_folder() -> None:
    assert unmapped((ROOT / "docs" / "architecture.md").read_text()) == []


def test_page_has_the_order_of_packages() -> None:
    assert order((ROOT / "docs" / "architecture.md").read_text()) == list(ORDER)


def test_table_has_every_broken_design() -> None:
    rows = (ROOT / "docs" / "tables" / "broken.md").read_text().splitlines()
    first = {row.split(" | ")[0].removeprefix("| ").removesuffix(" *") for row in rows}
    assert [one.patch.name for one in DETECTIONS if one.patch.name not in first] == []


def test_checks_see_what_is_wrong() -> None:
    page = ROOT / "docs" / "bad.md"
    assert missing_paths("`golden/nothing.py`, `tb/*/none_*.py`, `no_such.v`, `tb/cosim/`") == [
        "golden/nothing.py",
        "tb/*/none_*.py",
        "no_such.v",
    ]
    assert missing_modules("    from tb.cosim.driver import Nobody\n`golden.graph.none`") == [
        "golden.graph.none",
        "tb.cosim.driver.Nobody",
    ]
    assert broken_links(page, "# A title\n\n[a](bench.md#none) [b](gone.md) [c](#a-title)") == [
        "bench.md#none",
        "gone.md",
    ]
    assert wrong_counts("1 broken designs, 2 faults, 3 bugs") == [
        "1 broken designs",
        "2 broken designs",
        "3 bugs",
    ]
    assert "golden/graph/" in unmapped("`golden/` alone")
