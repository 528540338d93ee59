"""The command ``convpe multiply``: one product of the PE, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from golden.config import ProductMode
from golden.study.multiplier import Operand, Result, parse_operand, pattern, result
from tb.commands.common import Json
from tb.console import echo, new_console, plain_table, write_json

MODES = (ProductMode.CUT_FLOOR, ProductMode.CUT_ROUND, ProductMode.FULL)
"""From the source's rule to the default."""

_Factor = Annotated[
    str, typer.Argument(help="A real number; or 16 bits as 0x3DC3, 0b101 or raw:-6526.")
]


def multiply(a: _Factor, w: _Factor, json: Json = None) -> None:
    """Multiply two numbers in Q7.8 as the PE does, in each mode, and show every bit."""
    first, second = parse_operand(a), parse_operand(w)
    results = [result(first, second, mode) for mode in MODES]
    console = new_console()
    product = first.integer * second.integer
    exact = first.exact * second.exact
    console.print(_operands(first, second))
    echo(
        console,
        f"product, 32 bits: {first.integer} x {second.integer} = {product} = "
        f"{pattern(product, 32)}; in real numbers {exact:.9g}\n",
    )
    console.print(_products(results))
    console.print(_results(results))
    for line in _remarks((first, second), results):
        echo(console, line)
    document = {
        "operands": [operand.to_dict() for operand in (first, second)],
        "exact": exact,
        "product": {"integer": product, "hex": pattern(product, 32)},
        "modes": [made.to_dict() for made in results],
    }
    write_json(json, document, console)


def _table(title: str, *columns: str) -> Table:
    table = plain_table(title, *map(escape, columns))
    table.columns[-1].justify = "left" if columns[-1] == "note" else "right"
    return table


def _operands(*operands: Operand) -> Table:
    table = _table(
        "operands, Q7.8",
        *("given", "stands for", "off by", "integer", "hex", "sign|integer|fraction"),
    )
    for operand in operands:
        table.add_row(
            operand.text,
            f"{operand.value:.9g}",
            f"{operand.value - operand.exact:+.3g}",
            str(operand.integer),
            pattern(operand.integer, 16),
            operand.to_dict()["bits"].replace(" ", ""),
        )
    return table


def _products(results: Sequence[Result]) -> Table:
    table = _table("product in binary", "mode", "[dropped] sign|integer|fraction", "note")
    for made in results:
        note = "the product + 128" if made.mode is ProductMode.CUT_ROUND else ""
        table.add_row(made.mode.value, Text(made.bits.replace(" ", "")), note)
    return table


def _results(results: Sequence[Result]) -> Table:
    table = _table("result, Q7.8", "mode", "integer", "hex", "stands for", "error", "note")
    for made in results:
        table.add_row(
            made.mode.value,
            str(made.integer),
            pattern(made.integer, 16),
            f"{made.value:.9g}",
            f"{made.error:+.3g}",
            "wraps" if made.wrapped else "saturates" if made.saturated else "",
            style="red" if made.wrapped or made.saturated else "",
        )
    return table


def _remarks(operands: Sequence[Operand], results: Sequence[Result]) -> list[str]:
    """What the tables alone would hide."""
    lines = [
        f"operand {operand.text} is beyond Q7.8 (-128 to 127.996): saturated to {operand.value:.9g}"
        for operand in operands
        if operand.saturated
    ]
    lines += [
        f"{made.mode.value} wraps: the top bits that it drops carried value"
        for made in results
        if made.wrapped
    ]
    lines += [
        f"{made.mode.value} saturates: shifted right by 8 the product has more than 16 bits"
        for made in results
        if made.saturated
    ]
    return list(dict.fromkeys(lines))
