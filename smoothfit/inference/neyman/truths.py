"""Where the truth is in a study: points of a parameter, and toys of this model or of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import FloatArray, IntArray
from ...errors import InvalidValueError, ShapeMismatchError, UnknownNameError
from ...layout import Layout
from .. import inputs
from ..context import Context
from ..ensembles import Ensemble, Toys

__all__ = ["Generator", "Truth", "truths"]


@dataclass(frozen=True, eq=False)
class Truth:
    """A point at which toys are drawn."""

    value: float
    """Of the parameter of interest."""
    drawn_at: FloatArray
    """(param + bin param,) of the model that draws."""
    values: FloatArray
    """(param + bin param,) of the model that fits: by name, at the start values where it has more."""


def truths(generator: Generator, name: str, given: Any, call: str) -> list[Truth]:
    """Points from values of the parameter of interest, dicts, or rows of parameters.

    Raises
    ------
    InvalidValueError, ShapeMismatchError, UnknownNameError
        Naming the call and what to give.
    """
    layout = generator.source.layout
    rows = [_vector(layout, name, one, call) for one in _listed(given, call)]
    at = layout.positions(name)
    lower, upper = layout.bounds
    for vector in rows:
        outside = np.flatnonzero((vector < lower) | (vector > upper))
        if len(outside):
            k = int(outside[0])
            raise InvalidValueError(
                f"{call}: the true value of '{layout.names[k]}', {vector[k]:g}, is outside its bounds "
                f"[{lower[k]:g}, {upper[k]:g}]."
            )
    return [Truth(float(vector[at[0]]), vector, generator.as_fitted(vector)) for vector in rows]


def _listed(given: Any, call: str) -> list[Any]:
    if isinstance(given, Mapping):
        return [given]
    if (
        isinstance(given, Sequence)
        and not isinstance(given, str)
        and any(isinstance(g, Mapping) for g in given)
    ):
        return list(given)
    array = np.atleast_1d(inputs.numbers(given, f"{call}: values"))
    if array.ndim > 2 or not len(array):
        raise ShapeMismatchError(
            f"{call}: values have shape {array.shape}; give (point,) values of the parameter, dicts, or "
            "(point, param)."
        )
    return list(array)


def _vector(layout: Layout, name: str, one: Any, call: str) -> FloatArray:
    if isinstance(one, Mapping) or np.ndim(one):
        return inputs.values(layout, one, f"{call}: values")
    return inputs.values(layout, {name: one}, f"{call}: values")


class Generator:
    """Toys of a model, for fits of this or another model with the same channels.

    Parameters
    ----------
    source
        The model that draws.
    target
        The model that fits.

    Raises
    ------
    ShapeMismatchError
        If the two have other channels or bins.
    InvalidValueError
        If one auxiliary count means different things in them.
    """

    def __init__(self, source: Context, target: Context, call: str) -> None:
        self.source, self.target = source, target
        self.notes: tuple[str, ...] = ()
        self._bins: IntArray | None = None
        self._globs: IntArray | None = None
        if source.prepared is not target.prepared:
            self._bins = _same_bins(source.layout, target.layout, call)
            self._match_globs(call)

    def draw(self, truth: Truth, seed: int, purpose: int, first: int, n: int) -> Toys:
        """Toys first, ..., first + n - 1 at a point, as data of the model that fits."""
        drawn = Ensemble(self.source, truth.drawn_at, seed=seed, purpose=purpose).draw(first, n)
        if self._bins is None or self._globs is None:
            return drawn
        known = self._globs >= 0
        globs = np.tile(self.target.layout.globs, (n, 1))
        globs[:, known] = drawn.globs[:, self._globs[known]]
        return Toys(drawn.counts[:, self._bins], globs, first)

    def as_fitted(self, vector: FloatArray) -> FloatArray:
        """Values of the model that fits, by name, within its bounds."""
        layout = self.target.layout
        if self._bins is None:
            return vector
        known = dict(zip(self.source.layout.names, vector, strict=True))
        start = np.concatenate([layout.start, layout.bin_centre])
        found = np.array([known.get(name, own) for name, own in zip(layout.names, start, strict=True)])
        return np.clip(found, *layout.bounds)

    def _match_globs(self, call: str) -> None:
        """(global observable,) of the model that fits: where it is among those drawn, -1 if nowhere."""
        ours, theirs = _glob_names(self.target.layout), _glob_names(self.source.layout)
        place = {name: k for k, name in enumerate(theirs)}
        self._globs = np.array([place.get(name, -1) for name in ours], dtype=int)
        _check_counts(self.source.layout, self.target.layout, self._globs, ours, call)
        own = [name for name, k in zip(ours, self._globs, strict=True) if k < 0]
        left = [name for name in theirs if name not in set(ours)]
        if own:
            text = "Not known to the model of the toys, so that their global observables do not vary"
            self.notes += (f"{text}: {_few(own)}.",)
        if left:
            self.notes += (f"Not known to the model of the fits: {_few(left)}.",)


def _few(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _glob_names(layout: Layout) -> list[str]:
    return [layout.names[i] for i in layout.constrained] + list(layout.bin_parameters)


def _same_bins(source: Layout, target: Layout, call: str) -> IntArray:
    """(bin,) of the model that fits: where it is among those drawn."""
    sizes = [{c.name: c.stop - c.start for c in layout.channels} for layout in (source, target)]
    if sizes[0] != sizes[1]:
        raise ShapeMismatchError(
            f"{call}: the model of the toys has channels {sizes[0]}, that of the fits {sizes[1]} "
            "({channel: bins}); they must agree."
        )
    places = {c.name: np.arange(c.start, c.stop) for c in source.channels}
    return np.concatenate([places[c.name] for c in target.channels])


def _check_counts(source: Layout, target: Layout, place: IntArray, names: list[str], call: str) -> None:
    """Auxiliary counts of one expectation; other global observables are values of their parameters."""
    counting = [np.concatenate([s.counting[s.constrained], s.bin_counting]) for s in (source, target)]
    for k in np.flatnonzero(place >= 0):
        one, other = bool(counting[0][place[k]]), bool(counting[1][k])
        expected = source.globs[place[k]], target.globs[k]
        if one != other or (one and not np.isclose(*expected, rtol=1e-9)):
            raise InvalidValueError(
                f"{call}: the auxiliary measurement of '{names[k]}' is another one in the model of the toys "
                f"({expected[0]:g}) than in that of the fits ({expected[1]:g}); give both the same "
                "constraint or Monte Carlo statistics."
            )


def check_known(layout: Layout, name: str, call: str) -> None:
    """The model of the toys has the parameter.

    Raises
    ------
    UnknownNameError
        If it does not.
    """
    if name not in layout.names:
        raise UnknownNameError(f"{call}: the model of the toys has no parameter '{name}'; rename its own.")
