"""What a prepared model can be asked: the methods of :class:`~smoothfit.model.Model` that do not build."""

from __future__ import annotations

from inspect import isfunction

from .asking import Asking

__all__ = ["Asking"]

# What Python itself says of a wrong call names the class that users have in hand: "Model.fit() got ...".
for _class in Asking.__mro__:
    if _class.__module__.startswith(f"{__name__}."):
        for _function in filter(isfunction, vars(_class).values()):
            _function.__qualname__ = f"Model.{_function.__name__}"
