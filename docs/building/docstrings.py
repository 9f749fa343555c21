"""An extension of griffe, which reads the library for its reference: docstrings as they are when it runs."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import griffe

__all__ = ["Docstrings"]

_OPTIONS = {"warn_unknown_params": False, "warn_missing_types": False}
# Several exceptions on one line, which griffe would take for a tuple.
_SEVERAL = re.compile(r"^ *[A-Z]\w+(?:, [A-Z]\w+)+$", re.MULTILINE)
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc|obj):`~?\.?([^`<>]+)`")


class Docstrings(griffe.Extension):
    """Roles of Sphinx as code; methods that borrow a function's documentation and signature."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Once all of the package is read."""
        if pkg.name == "smoothfit":
            self._borrow(pkg)
        self._walk(pkg, set())

    def _borrow(self, pkg: griffe.Module) -> None:
        """Methods of the model are documented, and some made, when the library is imported."""
        for path in ("asking.asking.Asking", "asking.tests_and_limits.TestsAndLimits"):
            found = pkg[path]
            module = importlib.import_module(found.module.path)
            for name, method in vars(getattr(module, found.name)).items():
                if name.startswith("_") or not inspect.isfunction(method):
                    continue
                member = found.members.get(name)
                text = inspect.getdoc(method)
                if isinstance(member, griffe.Attribute):
                    found.del_member(name)
                    found.set_member(name, _asked(pkg, method, member))
                elif member is not None and member.docstring is None and text is not None:
                    member.docstring = _docstring(text, member)

    def _walk(self, obj: Any, seen: set[str]) -> None:
        if obj.is_alias or obj.path in seen:
            return
        seen.add(obj.path)
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = _SEVERAL.sub(lambda line: line[0].replace(", ", " | "), text)
        for member in list(obj.members.values()):
            self._walk(member, seen)


def _docstring(text: str, parent: Any) -> griffe.Docstring:
    return griffe.Docstring(text, parent=parent, parser="numpy", parser_options=_OPTIONS)


def _asked(pkg: griffe.Module, method: Any, member: griffe.Attribute) -> griffe.Function:
    """The method that ``asked`` makes of a function: that function's, less its context."""
    origin = inspect.unwrap(method)
    source = pkg[origin.__module__.removeprefix("smoothfit.")][origin.__name__]
    parameters = [griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)]
    parameters += list(source.parameters)[1:]
    made = griffe.Function(
        member.name,
        parameters=griffe.Parameters(*parameters),
        returns=source.returns,
        lineno=member.lineno,
        endlineno=member.endlineno,
    )
    if source.docstring is not None:
        made.docstring = _docstring(source.docstring.value, made)
    return made
