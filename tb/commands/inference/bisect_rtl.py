"""Verdicts on layers that the RTL has run on golden's inputs."""

from __future__ import annotations

from golden.study.dumps.bisection import Difference, LayerVerdict, Verdict, bisect_fed
from tb.flows.sim.isolated_layers import RtlLayers


def verdicts(run: RtlLayers) -> list[LayerVerdict]:
    """Judge every layer that was run, in data-flow order.

    Whole tensors are compared as such. Of a layer that was sampled, or of which a job has
    made no whole output, what the jobs' comparisons have found counts.
    """
    whole = {
        layer.name: layer for layer in bisect_fed(run.network, run.actual, run.golden, run.inside)
    }
    return [whole[name] if name in whole else _counted(run, name) for name in run.made]


def _counted(run: RtlLayers, name: str) -> LayerVerdict:
    """A layer by what was counted in its jobs."""
    kind = run.network.node(name).kind
    values, wrong = run.compared(name)
    failures = [failure for _, failure in run.failures(name)]
    mine = next((failure for failure in failures if failure.layer == name), None)
    before = run.inside.get(name)
    first_of_all = mine or (failures[0] if failures else None)
    told = first_of_all is not None and (first_of_all.kind != "mismatch" or not wrong)
    note = first_of_all.message.removeprefix(f"{name}: ") if first_of_all and told else ""
    if before is not None and failures and run.failures(before):
        text = f"its jobs have failed with {before}"
        return LayerVerdict(name, kind, Verdict.CANNOT_SAY, values, wrong, note=text)
    if not failures:
        if not values:
            return LayerVerdict(name, kind, Verdict.ABSENT, note="its jobs did not end")
        return LayerVerdict(name, kind, Verdict.RIGHT, values)
    first = None
    if mine is not None and mine.channel is not None and mine.actual is not None:
        assert mine.row is not None and mine.column is not None and mine.expected is not None
        first = Difference(mine.channel, mine.row, mine.column, mine.expected, mine.actual)
    return LayerVerdict(name, kind, Verdict.OWN_FAULT, values, wrong, first, note=note)
