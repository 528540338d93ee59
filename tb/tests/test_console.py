"""What is printed where there is no terminal, and the last lines of a red run."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from tb.console import echo, last_lines, new_console, plain_table, print_failure, print_whole

TITLE = (
    "a title of many words, wider by far than the columns of the table that it stands above, " * 2
)


def test_a_log_has_whole_titles_and_no_blanks_at_the_ends_of_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever width the environment names, and with what is printed in parts."""
    monkeypatch.setenv("COLUMNS", "40")
    table = plain_table(TITLE, "layer", "value")
    name = "repeat_1.4.branch1.1.of.a.network.with.long.names"
    table.add_row(name, "")
    console = new_console()
    console.print(table)
    console.print("   ", end="")
    console.line()
    console.print("FAILED  ", end="")
    console.print("why")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == TITLE.rstrip()
    assert name in [line.strip() for line in lines]
    assert lines[-1] == "FAILED  why"
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_terminal_folds_a_title_at_its_own_width() -> None:
    """And keeps the title for the next time that the table is drawn."""
    text, table = StringIO(), plain_table(TITLE, "layer", "value")
    console = Console(file=text, width=60)
    console.print(table)
    console.print(table)
    assert max(map(len, text.getvalue().splitlines())) <= 60
    assert " ".join(text.getvalue().split()).count("wider by far") == 4


def test_a_red_run_ends_with_its_failure_the_guilty_step_and_its_replay() -> None:
    """Those that are known, in this order, one line each."""
    text = StringIO()
    last_lines(Console(file=text, width=20), "mismatch: [conv1]: long", "guilty: pool", "make")
    assert text.getvalue() == ("FAILED  mismatch: [conv1]: long\nguilty: pool\nreplay: make\n")
    text = StringIO()
    last_lines(Console(file=text, width=80), "setup: no simulator")
    assert text.getvalue() == "FAILED  setup: no simulator\n"


def test_no_text_of_a_file_is_obeyed_by_a_terminal() -> None:
    written = StringIO()
    console = Console(file=written)
    echo(console, "car\x1b[2J\nbus")
    print_failure(console, "x\r\x07\u202e")
    assert written.getvalue() == "car\\x1b[2J\nbus\nx\\x0d\\x07\\u202e\n"


def test_brackets_and_colons_of_a_name_are_printed_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "moto[/x] [bold]m :100: [link=a]"
    table = plain_table(f"boxes of {name}", name)
    table.add_row(name)
    console = new_console()
    echo(console, name)
    print_failure(console, name)
    console.print(table)
    print_whole(table, console)
    last_lines(console, name, name, name)
    assert capsys.readouterr().out.count(name) == 11
