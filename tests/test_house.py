"""The house keeps its laws: imports point down, one door per outside library, no cycles, empty __init__."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LEVEL = {"geodata": 0, "twin": 1, "layers": 2, "callbacks": 3}
LAYERS_MAY_USE = ("twin.model", "twin.factors", "geodata", "layers")

# Outside library -> the only files or folders that may import it.
DOORS = {
    "redis": ("twin/stream.py",),
    "sqlalchemy": (
        "twin/records.py",
        "twin/records_past.py",
        "twin/records_store.py",
        "twin/records_tables.py",
    ),
    "duckdb": ("twin/history/reader.py",),
    "pyarrow": ("twin/history/",),
    "pyswmm": ("twin/hydraulics/engine.py",),
    "swmm": ("twin/hydraulics/engine.py", "twin/hydraulics/runner.py", "twin/hydraulics/swmm_file.py"),
    "epanet": ("twin/hydraulics/epanet.py",),
    "babel": ("geodata/catalogues.py", "geodata/locales.py"),
    "pyproj": ("geodata/crs.py",),
    "pymodbus": ("twin/control_modbus.py", "twin/simulate/plc.py", "twin/ingest/modbus.py"),
    "pymodbus.server": ("twin/simulate/plc.py",),
    "pymodbus.client": ("twin/control_modbus.py", "twin/ingest/modbus.py"),
    "aiomqtt": ("twin/ingest/mqtt.py",),
    "paho": ("twin/ingest/mqtt.py",),
    "asyncua": (
        "twin/ingest/opcua.py",
        "twin/ingest/opcua_lock.py",
        "twin/control_opcua.py",
        "twin/simulate/plc_opcua.py",
    ),
    "cryptography": ("twin/ingest/opcua_lock.py", "twin/simulate/plc_opcua.py"),
    "sqlite3": ("geodata/geopackage.py", "twin/forward/spool.py", "twin/tiles.py"),
    "pmtiles": ("twin/tiles.py",),
    "dash_leaflet": ("layers/",),
    "dash": ("layers/", "callbacks/"),
    "dash_mantine_components": ("layers/", "callbacks/"),
    "dash_ag_grid": ("layers/", "callbacks/"),
    "plotly": ("layers/", "callbacks/"),
    "fastapi": ("callbacks/",),
    "uvicorn": ("callbacks/",),
    "xlsxwriter": ("callbacks/export.py",),
    "PIL": ("twin/photos.py",),
    "reportlab": ("callbacks/report.py",),
    "msgspec": ("twin/model.py",),
}
SIMULATE_MAY_BE_USED_BY = ("twin/simulate/", "twin/check.py", "twin/__main__.py")
LATER = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}


@dataclass(frozen=True)
class Import:
    """One import: who, whom, and whether it runs when the file is imported."""

    file: str
    line: int
    name: str
    at_load: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


SOURCES = tuple(sorted(p for package in LEVEL for p in (ROOT / package).rglob("*.py")))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(p) for p in SOURCES}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


class Seen(NamedTuple):
    """One statement of a file, and whether it runs when the file is imported."""

    node: ast.AST
    at_load: bool


@cache
def seen_in(path: Path) -> tuple[Seen, ...]:
    """Every statement of a file; what is inside a function or a type-checking block does not run at once."""
    found, left = [], [Seen(tree_of(path), True)]
    while left:
        seen = left.pop()
        found.append(seen)
        at_load = seen.at_load and not is_later(seen.node)
        left += [Seen(child, at_load) for block in BLOCKS for child in getattr(seen.node, block, ())]
    return tuple(found)


def attributes_of(path: Path, *names: str) -> Iterator[ast.Attribute]:
    """Every use of an attribute of such a name; a file in whose text there is none is not gone through."""
    if any(name in path.read_text("utf-8") for name in names):
        nodes = (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Attribute))
        yield from (n for n in nodes if n.attr in names)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    return tuple(find_imports(path))


def find_imports(path: Path) -> Iterator[Import]:
    """Every import of a file, those inside functions and type-checking blocks too."""
    file, package = str(path.relative_to(ROOT)), module_of(path).rpartition(".")[0]
    for seen in seen_in(path):
        node, at_load = seen.node, seen.at_load
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, at_load)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                module = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], module])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield Import(file, node.lineno, full if full in MODULES else module, at_load)


def is_later(node: ast.AST) -> bool:
    return isinstance(node, LATER) or is_type_checking(node)


def is_type_checking(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name | ast.Attribute)
        and ast.unparse(node.test).endswith("TYPE_CHECKING")
    )


@cache
def every_import() -> tuple[Import, ...]:
    return tuple(i for path in SOURCES for i in imports_of(path))


def within(name: str, of: str) -> bool:
    return name == of or name.startswith(of + ".")


def allowed(file: str, doors: tuple[str, ...]) -> bool:
    return any(file == d or (d.endswith("/") and file.startswith(d)) for d in doors)


def test_there_is_something_to_look_at() -> None:
    assert len(every_import()) > 50


def test_imports_only_point_down() -> None:
    wrong = [
        str(i)
        for i in every_import()
        if (to := i.name.split(".")[0]) in LEVEL
        and LEVEL[to] > LEVEL[i.file.split("/")[0]]
        and (i.file, i.name, i.at_load) != ("twin/__main__.py", "callbacks.app", False)
    ]
    assert wrong == []


def test_drawing_knows_only_the_nouns() -> None:
    wrong = [
        str(i)
        for i in every_import()
        if i.file.startswith("layers/")
        and i.name.split(".")[0] in LEVEL
        and not any(within(i.name, of) for of in LAYERS_MAY_USE)
    ]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(DOORS))
def test_one_door_per_outside_library(library: str) -> None:
    wrong = [
        str(i) for i in every_import() if within(i.name, library) and not allowed(i.file, DOORS[library])
    ]
    assert wrong == []


def test_nobody_reads_the_simulators_truth() -> None:
    users = [i for i in every_import() if within(i.name, "twin.simulate")]
    assert [str(i) for i in users if not allowed(i.file, SIMULATE_MAY_BE_USED_BY)] == []
    assert [str(i) for i in users if i.file == "twin/__main__.py" and i.at_load] == []
    assert [str(i) for i in every_import() if within(i.name, "twin.check") and i.at_load] == []


def test_no_import_cycles() -> None:
    below: dict[str, set[str]] = {m: set() for m in MODULES}
    for path in SOURCES:
        me = module_of(path)
        below[me] |= {i.name for i in imports_of(path) if i.at_load and i.name in MODULES and i.name != me}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " > ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for other in sorted(below[module]):
                walk(other, (*trail, module))
            done.add(module)

    for module in sorted(MODULES):
        walk(module, ())


def test_init_files_hold_a_docstring_only() -> None:
    for path in SOURCES:
        if path.name == "__init__.py":
            body = tree_of(path).body
            assert len(body) == 1, path
            assert isinstance(body[0], ast.Expr), path
            assert isinstance(body[0].value, ast.Constant), path


def test_no_lumber_rooms() -> None:
    assert [str(p.relative_to(ROOT)) for p in SOURCES if p.stem in BANNED_NAMES] == []


def test_the_environment_is_read_in_one_place() -> None:
    found = [
        str(p.relative_to(ROOT))
        for p in SOURCES
        for n in attributes_of(p, "environ", "getenv")
        if ast.unparse(n.value) == "os"
    ]
    assert sorted(set(found)) == ["twin/config.py"]


def test_nobody_uses_what_swallows_a_cancelling() -> None:
    """Python 3.11 drops a cancelling that arrives with the answer there; not so in `asyncio.timeout`."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    found = [
        f"{path.relative_to(ROOT)}:{n.lineno}"
        for path in (*SOURCES, *tests)
        for n in attributes_of(path, "wait_for")
        if ast.unparse(n) == "asyncio.wait_for"
    ]
    assert found == []


def test_everything_end_to_end_says_so() -> None:
    """The quick loop does not even import that folder: a test without the mark would never run there."""
    unmarked = []
    for path in sorted((ROOT / "tests" / "e2e").glob("test_*.py")):
        tops = [ast.unparse(n) for n in tree_of(path).body if isinstance(n, ast.Assign)]
        marks = [top for top in tops if top.startswith("pytestmark = ") and "pytest.mark.e2e" in top]
        if not marks:
            unmarked.append(path.name)
    assert unmarked == []


def test_functions_fit_a_screen() -> None:
    long = []
    for path in SOURCES:
        for node, _ in seen_in(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                start = first.end_lineno if doc and first.end_lineno else node.lineno
                if (node.end_lineno or 0) - start > 70:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert long == []
