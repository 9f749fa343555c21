"""The API reference: which public names a page documents, and a table of them."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["PUBLIC", "documented", "expand", "public_names"]

PUBLIC = (
    "smoothfit",
    "smoothfit.campaign",
    "smoothfit.constraints",
    "smoothfit.data_driven",
    "smoothfit.differentiable",
    "smoothfit.effects",
    "smoothfit.eft",
    "smoothfit.errors",
    "smoothfit.examples",
    "smoothfit.fitters",
    "smoothfit.functional",
    "smoothfit.inference.neyman.exact",
    "smoothfit.interpolation",
    "smoothfit.io",
    "smoothfit.lint",
    "smoothfit.live",
    "smoothfit.modifiers",
    "smoothfit.plot",
    "smoothfit.report",
    "smoothfit.results",
    "smoothfit.systematics",
    "smoothfit.unfolding",
)
"""Modules whose ``__all__`` is for users."""

_MARK = re.compile(r"^<!-- names: ([\w.]+)(?:: ([\w, \n]+?))? -->$", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?\.?([^`<>]+)`|``([^`]+)``")


def public_names(module: str) -> list[str]:
    """``__all__`` of a module, without modules."""
    found = importlib.import_module(module)
    return [name for name in found.__all__ if not inspect.ismodule(getattr(found, name))]


def documented(markdown: str) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that a page names in ``<!-- names: module: a, b -->``; all of a module
    where no names are given."""
    for mark in _MARK.finditer(markdown):
        module, chosen = mark[1], mark[2]
        names = public_names(module) if chosen is None else [n.strip() for n in chosen.split(",")]
        yield from ((module, name) for name in names)


def expand(markdown: str) -> str:
    """A page with a table and the documentation of the names in the place of each mark."""

    def text(mark: re.Match[str]) -> str:
        names = list(documented(mark[0]))
        lines = ["| name | what it is |", "|---|---|"]
        lines += [f"| [`{name}`][{_path(module, name)}] | {_first(module, name)} |" for module, name in names]
        for module, name in names:
            lines += ["", f"::: {_path(module, name)}"]
        return "\n".join(lines)

    return _MARK.sub(text, markdown)


def _path(module: str, name: str) -> str:
    """Where a reader of sources finds it: where it is written, if a module has the same name."""
    package = importlib.import_module(module)
    if not hasattr(package, "__path__") or importlib.util.find_spec(f"{module}.{name}") is None:
        return f"{module}.{name}"
    found = getattr(package, name)
    return f"{found.__module__}.{found.__qualname__}"


def _first(module: str, name: str) -> str:
    """The first sentence of a docstring, on one line."""
    found: Any = getattr(importlib.import_module(module), name)
    if not (inspect.isclass(found) or callable(found)):
        return ""
    paragraph = (inspect.getdoc(found) or "").split("\n\n")[0]
    paragraph = _ROLE.sub(lambda role: f"`{role[1] or role[2]}`", " ".join(paragraph.split()))
    return paragraph.replace("|", r"\|").replace("*", r"\*")
