"""The table of ``convpe retune``: each network held against its teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from golden.study.retune.evaluation import Verdict


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of wall clock and of processor time."""

    wall: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """One network judged."""

    name: str
    numbers: int
    """That were tuned."""
    spent: Spent
    """On tuning it."""
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "name": self.name,
            "numbers_tuned": self.numbers,
            "seconds": round(self.spent.wall, 2),
            "cpu_seconds": round(self.spent.cpu, 2),
            **self.verdict.to_dict(),
        }


def result_table(results: list[Result]) -> Table:
    """One row a network: what it took, and how near it comes."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = ("tuned", "numbers", "head SNR", "TP", "FP", "FN", "IoU", "F1", "CPU s")
    for column in columns:
        table.add_column(column, justify="left" if column == "tuned" else "right", no_wrap=True)
    for result in results:
        verdict, boxes = result.verdict, result.verdict.agreement
        table.add_row(
            result.name,
            f"{result.numbers:,}",
            "equal" if verdict.snr is None else f"{verdict.snr:.1f} dB",
            *(str(count) for count in (boxes.matched, boxes.extra, boxes.missed)),
            "" if boxes.mean_overlap is None else f"{boxes.mean_overlap:.3f}",
            "" if boxes.f1 is None else f"{boxes.f1:.2f}",
            f"{result.spent.cpu:.0f}" if result.numbers else "",
        )
    return table
