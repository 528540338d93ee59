"""Who may import whom, and where a file may lie: the rules of docs/architecture.md."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

from tb.toolchain.build import ROOT

ORDER = (
    *("golden.config", "golden.files", "golden.arithmetic", "golden.graph", "golden.reference"),
    *("golden.quantization", "golden.dataflow", "golden.importers", "golden.export"),
    *("golden.vision", "golden.stimulus", "golden.networks", "golden.study"),
    *("tb.choices", "tb.toolchain", "tb.console", "tb.duts", "tb.cosim", "tb.faults"),
    *("tb.networks", "tb.debug", "tb.flows", "tb.commands", "tb.cli"),
)
"""The packages from the lowest: each imports itself and those before it."""
APART = ("golden.moved", "tb.bootstrap")
"""What answers to old import paths, and the set-up, which runs before there is an environment."""
NETWORKS = ("golden.networks", "golden.study")
"""Only here may golden know a network by name."""
NAMES = re.compile(r"yolo|facenet", re.IGNORECASE)
PREPARING = ("tb/flows/sim/oracles.py", "tb/flows/fuzz/cases.py")
"""Before a simulator starts these ask for the right answers; nobody else in the bench does."""
ANSWERS = (
    *("golden.reference.spec", "golden.reference.torch_oracle"),
    *("golden.reference.kernels", "golden.reference.float_model"),
)
STANDALONE = (
    *("golden/files.py", "golden/moved.py", "tb/bootstrap.py", "tb/flows/sim/refusal.py"),
    *("tb/toolchain/environment.py", "tb/toolchain/run_folder.py"),
    "tb/toolchain/system_packages.py",
)
"""What the set-up is made of."""
MOST_ENTRIES = 14
"""Modules and folders in one folder."""


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


def package(module: str) -> str:
    """The first two words of a module's name."""
    return ".".join(module.split(".")[:2])


def upward(module: str, source: str) -> list[str]:
    """Imports of packages that stand above the module's own."""
    own = ORDER.index(package(module))
    return [name for name in imports(source) if within(name, ORDER[own + 1 :])]


def bench_imports(source: str) -> list[str]:
    return [name for name in imports(source) if within(name, ("tb", "cocotb", "cocotb_tools"))]


def answers(source: str) -> list[str]:
    return [name for name in imports(source) if within(name, ANSWERS)]


def third_party(source: str) -> list[str]:
    allowed = tuple(path.removesuffix(".py").replace("/", ".") for path in STANDALONE)
    names = [name for name in imports(source) if not within(name, allowed)]
    return [name for name in names if name.split(".")[0] not in sys.stdlib_module_names]


def network_names(source: str) -> list[str]:
    """Identifiers, imports and texts that name a network; docstrings may."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    words: list[str] = list(imports(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.append(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            words.append(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words += [] if id(node) in prose else [node.value]
    return [word for word in words if NAMES.search(word)]


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """One cycle of imports, empty where there is none."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def sources(*folders: str) -> list[str]:
    found = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in folders)
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def code(*folders: str) -> list[str]:
    return [name for name in sources(*folders) if "tests" not in name.split("/")]


def packaged(*folders: str) -> list[str]:
    return [name for name in code(*folders) if package(module_of(name)) in ORDER]


def read(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", packaged("golden", "tb"))
def test_imports_run_down(name: str) -> None:
    assert upward(module_of(name), read(name)) == []


def test_every_package_has_its_place() -> None:
    placed = {package(module_of(name)) for name in code("golden", "tb")}
    assert placed == {*ORDER, *APART, "golden", "tb"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {module_of(name): set(imports(read(name))) for name in code("golden", "tb")}
    graph = {name: {one for one in found if one in modules} for name, found in modules.items()}
    assert cycle(graph) == []


@pytest.mark.parametrize("name", sources("golden"))
def test_golden_does_not_know_the_bench(name: str) -> None:
    assert bench_imports(read(name)) == []


@pytest.mark.parametrize(
    "name", [name for name in code("golden") if not within(module_of(name), NETWORKS)]
)
def test_golden_knows_no_network_outside_their_rooms(name: str) -> None:
    assert network_names(read(name)) == []


@pytest.mark.parametrize(
    "name",
    [name for name in code("tb") if name not in PREPARING and "/commands/" not in name],
)
def test_bench_computes_no_expected_value(name: str) -> None:
    assert answers(read(name)) == []


@pytest.mark.parametrize("name", STANDALONE)
def test_set_up_runs_on_the_standard_library(name: str) -> None:
    assert third_party(read(name)) == []


def test_exceptions_are_still_needed() -> None:
    assert all(answers(read(name)) for name in PREPARING)


@pytest.mark.parametrize("name", [n for n in sources("golden", "tb") if n.endswith("__init__.py")])
def test_a_folder_says_its_idea_in_its_first_line(name: str) -> None:
    text = ast.get_docstring(ast.parse(read(name)))
    assert text and text.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("folder", sorted({str(Path(n).parent) for n in code("golden", "tb")}))
def test_a_folder_holds_a_dozen_entries(folder: str) -> None:
    apart = ("__init__.py", "__pycache__", "tests")
    entries = [
        path.name
        for path in (ROOT / folder).iterdir()
        if path.name not in apart and (path.is_dir() or path.suffix in (".py", ".v"))
    ]
    assert len(entries) <= MOST_ENTRIES, entries


@pytest.mark.parametrize("root", ["golden", "tb"])
def test_tests_mirror_the_folders(root: str) -> None:
    tests = ROOT / root / "tests"
    rooms = {str(path.parent.relative_to(tests)) for path in tests.rglob("test_*.py")}
    assert [room for room in rooms if not (ROOT / root / room).is_dir()] == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (bench_imports("import tb.toolchain.build"), True),
        (bench_imports("def f():\n    from cocotb import start"), True),
        (answers("from golden.reference import spec"), True),
        (answers("from golden.reference.torch_oracle import conv"), True),
        (third_party("import numpy as np"), True),
        (third_party("from golden.config import PEConfig"), True),
        (upward("golden.graph.layers", "from golden.networks import digits"), True),
        (upward("tb.cosim.driver", "def f():\n    import tb.flows.sim.report"), True),
        (upward("tb.cosim.driver", "import golden.config, tb.cosim.failure"), False),
        (network_names('"""Of YOLO."""\nNAME = 1'), False),
        (network_names("NAME = 'yolov3-tiny'"), True),
        (network_names("from x import read_facenet"), True),
        (cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}), True),
        (cycle({"a": {"b", "c"}, "b": {"c"}}), False),
    ],
)
def test_rule_sees_what_breaks_it(found: list[str], expected: bool) -> None:
    assert bool(found) is expected


def test_every_module_is_read() -> None:
    assert Path(__file__).relative_to(ROOT).as_posix() in sources("tb")
    assert "golden/reference/spec.py" in packaged("golden")
