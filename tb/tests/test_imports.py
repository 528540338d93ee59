"""Who may import whom: golden knows nothing of the bench, the bench computes no answers."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tb.toolchain.build import ROOT

PREPARING = ("tb/flows/sim/oracles.py", "tb/flows/fuzz/cases.py")
"""Before a simulator starts these ask golden for the right answers; nobody in tb/ does later."""
STUDY = "tb/commands/"
"""Commands around the golden model, without a simulator."""
ANSWERS = (
    "golden.reference.spec",
    "golden.reference.torch_oracle",
    "golden.reference.kernels",
    "golden.reference.float_model",
)
STANDALONE = (
    *("golden/files.py", "golden/moved.py", "tb/bootstrap.py", "tb/flows/sim/refusal.py"),
    *("tb/toolchain/run_folder.py", "tb/toolchain/system_packages.py"),
)
"""What the set-up is made of."""
BENCH = ("tb", "cocotb", "cocotb_tools", "cocotbext")


def imports(source: str) -> Iterator[str]:
    """Yield every module that a text imports, and every name that it takes from one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def golden_faults(source: str) -> list[str]:
    return [name for name in imports(source) if within(name, BENCH)]


def bench_faults(source: str) -> list[str]:
    return [name for name in imports(source) if within(name, ANSWERS)]


def standalone_faults(source: str) -> list[str]:
    allowed = (
        "golden.files",
        "golden.moved",
        "tb.flows.sim.refusal",
        "tb.toolchain.run_folder",
        "tb.toolchain.system_packages",
    )
    names = [name for name in imports(source) if not within(name, allowed)]
    return [name for name in names if name.split(".")[0] not in sys.stdlib_module_names]


def sources(folder: str) -> list[str]:
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path) for path in paths)


def read(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", sources("golden"))
def test_golden_does_not_know_the_bench(name: str) -> None:
    assert golden_faults(read(name)) == []


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in sources("tb")
        if "/tests/" not in name and name not in PREPARING and not name.startswith(STUDY)
    ],
)
def test_bench_computes_no_expected_value(name: str) -> None:
    assert bench_faults(read(name)) == []


@pytest.mark.parametrize("name", STANDALONE)
def test_set_up_runs_on_the_standard_library(name: str) -> None:
    assert standalone_faults(read(name)) == []


def test_exceptions_are_still_needed() -> None:
    assert all(bench_faults(read(name)) for name in PREPARING)


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (golden_faults, "import tb.toolchain.build"),
        (golden_faults, "def f():\n    from cocotb import start"),
        (bench_faults, "from golden.reference import spec"),
        (bench_faults, "from golden.reference.torch_oracle import conv"),
        (standalone_faults, "import numpy as np"),
        (standalone_faults, "from golden.config import PEConfig"),
    ],
)
def test_rule_sees_what_breaks_it(check: object, source: str) -> None:
    assert callable(check) and check(source)


def test_every_module_is_read() -> None:
    assert Path(__file__).relative_to(ROOT).as_posix() in sources("tb")
    assert "golden/reference/spec.py" in sources("golden")
