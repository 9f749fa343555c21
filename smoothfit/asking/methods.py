"""A method from a function of a context: signature, types and documentation are the function's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..inference.context import Context

__all__ = ["asked"]

P = ParamSpec("P")
R = TypeVar("R")


def asked(function: Callable[Concatenate[Context, P], R]) -> Callable[Concatenate[Any, P], R]:
    """The method of a model that calls a function with the model's context."""

    @wraps(function)
    def method(self: Any, *arguments: P.args, **options: P.kwargs) -> R:
        return function(self._context(), *arguments, **options)

    signature = inspect.signature(function)
    _, *rest = signature.parameters.values()
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(parameters=[own, *rest])  # type: ignore[attr-defined]
    return method
