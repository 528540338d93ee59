"""What is generated stands in the files; if not, run ``python -m tb.generated --write``."""

from __future__ import annotations

import pytest

from tb import generated


def test_files_hold_what_is_generated() -> None:
    assert generated.stale() == {}, "run: python -m tb.generated --write"


def test_place_is_replaced_and_has_to_be_there() -> None:
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert generated.updated(text, "x", "new") == text.replace("old", "new")
    assert (
        generated.updated("# x: begin\n# x: end\n", "x", "1\n2") == "# x: begin\n1\n2\n# x: end\n"
    )
    with pytest.raises(ValueError, match="0 places are called y"):
        generated.updated(text, "y", "new")
