"""What is generated stands in the files; if not, run ``python -m tb.tests.generated --write``."""

from __future__ import annotations

import pytest

from tb.tests import generated


def test_files_hold_what_is_generated() -> None:
    assert generated.stale() == {}, "run: python -m tb.tests.generated --write"


def test_every_field_and_variable_has_its_meaning() -> None:
    text = (generated.ROOT / "docs" / "interfaces.md").read_text()
    assert f"| {generated.UNKNOWN} |" not in text


def test_place_is_replaced_and_has_to_be_there() -> None:
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert generated.updated(text, "x", str.upper) == text.replace("old\n", "OLD\n\n")
    with pytest.raises(ValueError, match="0 places are called y"):
        generated.updated(text, "y", str.upper)


def test_table_keeps_what_is_written_and_asks_for_the_rest() -> None:
    written = "| field | type | meaning |\n|---|---|---|\n| `a` | text | an a |\n| `b` | text | |\n"
    rows = [["`new`", "text"], ["`a`", "integer"]]
    assert generated.table(rows, written).splitlines()[2:] == [
        "| `new` | text | ? |",
        "| `a` | integer | an a |",
    ]
