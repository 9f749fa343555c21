"""Values of a model's parameters that are moved by hand: the part of a live model's state without data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..errors import InvalidTypeError, InvalidValueError, StaleModelError
from ..inference import inputs
from ..inference.context import Context
from ..inference.values import Values
from ..layout import Layout
from ..model import Model
from ..results import FitResult
from .parameters import Parameters, slider_range

__all__ = ["WHAT", "Moving"]

WHAT = "interactive"
"""What errors are about."""


class Moving(ABC):
    """Values, what fits hold of them, messages, and who is told of changes."""

    def __init__(self, model: Any, values: Any) -> None:
        if not isinstance(model, Model):
            raise InvalidTypeError(f"{WHAT}: expected a Model, got {type(model).__name__}.")
        layout = model.layout
        self._model, self._prepared = model, model.prepared
        constant = np.flatnonzero(np.asarray(self._prepared.plan.constant) > 0)
        self.parameters = Parameters(layout, constant, model.poi)
        """All parameters, in groups."""
        self._start = np.concatenate([layout.start, layout.bin_centre])
        self._x = self._start.copy() if values is None else inputs.values(layout, values)
        self._check_bounds(self._x, np.ones(len(self._x), dtype=bool))
        self._constant = frozenset(constant.tolist())
        self._held = set(self._constant)
        self._around_fit = False
        """Whether standard deviations are counted from a fit."""
        self._messages: list[str] = []
        self._listeners: list[Callable[[], None]] = []

    def _context(self) -> Context:
        context = self._model._context()
        if context.prepared is not self._prepared:
            raise StaleModelError(
                f"{WHAT}: the model was prepared again since; call interactive(model) again."
            )
        return context

    @property
    def _layout(self) -> Layout:
        return self._context().layout

    @abstractmethod
    def _follow_blinding(self) -> None:
        """Move what must not be where it is."""

    @abstractmethod
    def _shown_fit(self, at: int) -> FitResult | None:
        """The fit that a parameter's slider may follow."""

    # -- who listens -----------------------------------------------------------------------------

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this after every change."""
        self._listeners.append(listener)

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()

    def note(self, message: str) -> None:
        """Keep a message, without telling anybody."""
        self._messages.append(message)

    @property
    def messages(self) -> tuple[str, ...]:
        """What was said so far, the last one last."""
        return tuple(self._messages)

    # -- values ----------------------------------------------------------------------------------

    @property
    def values(self) -> Values:
        """{variable: value} of all parameters and bin parameters, as ``model.values_to_dict``."""
        return self._model.values_to_dict(self.x)

    @property
    def x(self) -> FloatArray:
        """(param + bin param,): the same as a vector, to go on with: ``model.pred(live.x)``."""
        self._follow_blinding()
        return self._x.copy()

    def value(self, at: int) -> float:
        """Of the parameter at a position of ``x``."""
        self._follow_blinding()
        return float(self._x[at])

    def set(self, values: Mapping[Any, Any] | Any) -> None:
        """Move parameters: {variable or name: value}, or a whole vector of values.

        Raises
        ------
        UnknownNameError, InvalidValueError, ShapeMismatchError
            For what is no parameter, or beyond its bounds; nothing is moved then.
        """
        layout, moved = self._layout, self.x
        if isinstance(values, Mapping):
            layout.assign(moved, values, what=f"{WHAT}: set")
        else:
            moved = inputs.values(layout, values)
        self._check_bounds(moved, moved != self._x)
        self._move(moved)

    def _check_bounds(self, x: FloatArray, moved: BoolArray) -> None:
        lower, upper = self._layout.bounds
        for at in np.flatnonzero(moved & ((x < lower) | (x > upper))):
            name = self.parameters.all[at].name
            raise InvalidValueError(
                f"{WHAT}: {name} = {x[at]:g} is outside its bounds [{lower[at]:g}, {upper[at]:g}]."
            )

    def _move(self, x: FloatArray) -> None:
        self._x = x
        self._changed()

    def reset(self, *keys: Any) -> None:
        """Move parameters back to where the model starts; all of them, if none are named."""
        moved = self.x
        at = self._positions(keys) if keys else list(range(len(moved)))
        moved[at] = self._start[at]
        if not keys:
            self._around_fit = False
        self._move(moved)

    def _positions(self, keys: Iterable[Any]) -> list[int]:
        layout = self._layout
        return [i for key in keys for i in layout.positions(key)]

    def shift(self, key: Any, sigmas: float) -> None:
        """Move a parameter to so many standard deviations from its centre.

        After the preset "post-fit" these are its value and error in the fit; else those of its constraint.

        Raises
        ------
        InvalidValueError
            For a free parameter before a fit, and one that a fit held: they have no error.
        """
        moved = self.x
        for at in self._positions([key]):
            parameter = self.parameters.all[at]
            found = self._gaussian(at)
            if found is None:
                raise InvalidValueError(
                    f"{WHAT}: {parameter.name} has no uncertainty before a fit; fit first, or set a value."
                )
            centre, below, above = found
            wanted = centre + sigmas * (above if sigmas > 0.0 else below)
            moved[at] = min(max(wanted, parameter.lower), parameter.upper)
        self._move(moved)

    def has_error(self, at: int) -> bool:
        """Whether it can be shifted by standard deviations."""
        return self._gaussian(at) is not None

    def _gaussian(self, at: int) -> tuple[float, float, float] | None:
        """Centre and uncertainties to either side; None where there are none."""
        parameter, fit = self.parameters.all[at], self._shown_fit(at)
        if fit is not None and fit.errors[at] > 0.0 and (self._around_fit or not parameter.has_prefit):
            return float(fit.x[at]), float(fit.errors[at]), float(fit.errors[at])
        if parameter.has_prefit:
            return parameter.centre, parameter.below, parameter.above
        return None

    def pull(self, at: int) -> float:
        """How far the value is from the centre of its constraint, in pre-fit uncertainties; NaN if free."""
        parameter = self.parameters.all[at]
        distance = self._x[at] - parameter.centre
        width = parameter.above if distance > 0.0 else parameter.below
        return float(distance / width) if parameter.has_prefit and width > 0.0 else float("nan")

    def range(self, at: int) -> tuple[float, float]:
        """Where its slider goes from and to."""
        fit = self._shown_fit(at)
        fitted = (None, None) if fit is None else (float(fit.x[at]), float(fit.errors[at]))
        return slider_range(self.parameters.all[at], float(self._x[at]), *fitted)

    # -- what fits hold --------------------------------------------------------------------------

    @property
    def held(self) -> tuple[str, ...]:
        """Names of what fits hold at its value."""
        return tuple(self.parameters.all[at].name for at in sorted(self._held))

    def is_held(self, at: int) -> bool:
        """Whether fits hold it."""
        return at in self._held

    def hold(self, *keys: Any) -> None:
        """Let fits hold these where they are."""
        self._held |= set(self._positions(keys))
        self._changed()

    def release(self, *keys: Any) -> None:
        """Let fits move these; those that the model holds itself stay held."""
        self._held -= set(self._positions(keys)) - self._constant
        self._changed()
