"""cocotb test of the main job: runs every job of ``jobs.json`` in the working folder.

Each job's result is appended to ``results.jsonl``, one JSON object a line, as
soon as it is known.
"""

from __future__ import annotations

import json
from pathlib import Path

import cocotb
from cocotb.handle import HierarchyObject

from tb.bench import Bench, log_job
from tb.jobs import read_list

RESULTS = "results.jsonl"


@cocotb.test()
async def equals_the_golden_model_in_every_value(dut: HierarchyObject) -> None:
    """Every job ends in time with status NONE and every value as expected."""
    folder = Path.cwd()
    config, records = read_list(folder)
    bench = Bench(dut, config)
    await bench.reset()
    await bench.check_build()
    failures = []
    with (folder / RESULTS).open("w") as results:
        for record in records:
            result = await bench.run(record, folder)
            log_job(result)
            results.write(json.dumps(result.to_dict()) + "\n")
            results.flush()
            if result.verdict.failure is not None:
                failures.append(result.verdict.failure)
                if result.verdict.failure.kind == "timeout" or bench.rule_broken:
                    break  # nothing that follows could be believed
    assert not failures, failures[0].message
