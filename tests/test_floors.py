"""The house's floors: a module imports only from floors below it, or from its own room.

A room is a module or a package directly under ``smoothfit``; ``docs/architecture.md`` says what
is in each. Imports inside functions and under TYPE_CHECKING count: they are dependencies too.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "smoothfit"
TOP = "__init__"

FLOORS = [
    ["errors", "_types", "_pytree", "_config", "_blas", "_compilation", "_linalg", "_optional", "_spaces"],
    [
        "_checks",
        "interpolation",
        "probability",
        "constraints",
        "modifiers",
        "examples",
        "_files",
        "progress",
    ],
    ["programs", "prepared", "tiling", "layout", "status", "host"],
    ["render", "effects", "montecarlo"],
    ["build", "likelihood", "results"],
    ["preparation", "eft", "data_driven", "template_sets"],
    ["fitters"],
    ["inference", "functional"],
    ["lint"],
    ["asking"],
    ["model"],
    [
        "io",
        "plot",
        "unfolding",
        "live",
        "report",
        "campaign",
        "diff",
        "combine",
        "systematics",
        "differentiable",
    ],
    ["cli"],
    [TOP, "__main__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Imports between rooms of one floor.
ALLOWED = {
    ("io", "unfolding"),
    ("report", "io"),
    ("report", "plot"),
    ("campaign", "io"),
    ("live", "plot"),
    ("prepared", "programs"),
    ("prepared", "tiling"),
    ("functional", "inference"),
    ("_optional", "errors"),
    ("_compilation", "_blas"),
    ("_compilation", "_pytree"),
    ("_linalg", "_types"),
    ("_spaces", "_types"),
    ("__main__", TOP),
}

HEAVY = [
    "jaxopt",
    "matplotlib",
    "scipy.optimize",
    "scipy.special",
    "pyhf",
    "iminuit",
    "hist",
    "boost_histogram",
    "uproot",
    "pyarrow",
    "distributed",
    "ipywidgets",
]


def _room(parts: list[str]) -> str:
    """Room of a module given by its path below the package, as ["io", "pyhf"]."""
    return parts[0] if parts else TOP


def _imported_rooms(tree: ast.AST, package: list[str]) -> Iterator[tuple[int, str]]:
    """Line and room of every import of ours; ``package`` is the importing file's own package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in (alias.name.split(".") for alias in node.names):
                if name[0] == "smoothfit":
                    yield node.lineno, _room(name[1:])
        elif isinstance(node, ast.ImportFrom):
            named = node.module.split(".") if node.module else []
            if node.level:
                target = package[: len(package) - (node.level - 1)] + named
            elif named[0] == "smoothfit":
                target = named[1:]
            else:
                continue
            # "from . import effects" at the top names rooms, "from .effects import x" is in one.
            for alias in node.names:
                names_a_room = not target and alias.name in FLOOR
                yield node.lineno, alias.name if names_a_room else _room(target)


def _is_allowed(importer: str, imported: str) -> bool:
    if importer == imported or (importer, imported) in ALLOWED:
        return True
    # An import of something that is in no room is reported where the file is looked at.
    return FLOOR.get(imported, 0) < FLOOR[importer]


def _violations(source: str, file: Path) -> list[str]:
    """What is wrong with a file; ``file`` is its path below the package."""
    room = _room(list(file.with_suffix("").parts))
    if room not in FLOOR:
        return [f"smoothfit/{file} is in no room: give '{room}' a floor here and in docs/architecture.md"]
    return [
        f"smoothfit/{file}:{line}: {room} (floor {FLOOR[room]}) imports {imported} ({FLOOR.get(imported)})"
        for line, imported in _imported_rooms(ast.parse(source), list(file.parent.parts))
        if not _is_allowed(room, imported)
    ]


def test_imports_go_down():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        wrong += _violations(path.read_text(encoding="utf-8"), path.relative_to(PACKAGE))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "source", "violations"),
    [
        ("model.py", "from .inference.fit import fit\nfrom . import functional", 0),
        ("effects/lnn.py", "from . import registry\nfrom ..interpolation import lnN\nimport jax", 0),
        ("effects/lnn.py", "from ..likelihood import nll", 1),
        ("effects/lnn.py", "from .. import likelihood, errors", 1),
        ("effects/lnn.py", "from smoothfit import Model", 1),
        ("inference/scan.py", "def scan():\n    from ..functional import fit", 1),
        ("functional.py", "from .inference.fit import fit", 0),
        ("likelihood/terms.py", "import smoothfit.results", 1),
        ("constraints.py", "from .probability import gauss", 1),
        ("cli.py", "from . import __version__", 1),
        ("attic.py", "", 1),
    ],
)
def test_the_rule_itself(file, source, violations):
    assert len(_violations(source, Path(file))) == violations


def test_import_is_light_and_silent():
    code = "import sys, json, smoothfit; print(json.dumps([m for m in sys.argv[1:] if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout) == []
