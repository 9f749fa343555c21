"""What users hand in for many fits at once: one row a member, or one for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .._checks import describe, plural
from .._types import BoolArray, FloatArray
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..layout import Layout
from ..prepared import Prepared
from . import inputs
from .batching import Held
from .context import Context

__all__ = ["counts", "globs", "held", "number_of_members", "prepared", "start"]


def _rows(given: Any, what: str) -> FloatArray | None:
    """An array of two axes, one row a member; None if what is given is for one fit."""
    if isinstance(given, Mapping):
        return None
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ShapeMismatchError(f"{what}: rows of different lengths; give a rectangular array.") from error
    return array if array.ndim > 1 else None


def counts(layout: Layout, given: Any) -> FloatArray:
    """(member, bin), or (bin,) for all members, from an array or {channel: (member, bin) array}."""
    if isinstance(given, Mapping):
        lengths = {len(part) for part in map(np.asarray, given.values()) if part.ndim == 2}
        if not lengths:
            return inputs.counts(layout, given, "obs_batch")
        if len(lengths) > 1:
            raise ShapeMismatchError(f"obs_batch: channels have {sorted(lengths)} members; they must agree.")
        members = range(lengths.pop())
        parts = {name: np.asarray(part) for name, part in given.items()}
        rows = [{n: p[i] if p.ndim == 2 else p for n, p in parts.items()} for i in members]
        return np.array([inputs.counts(layout, row, f"obs_batch[{i}]") for i, row in enumerate(rows)])
    array = _rows(given, "obs_batch")
    if array is None:
        return inputs.counts(layout, given, "obs_batch")
    if array.ndim != 2 or array.shape[1] != layout.n_bins or not len(array):
        raise ShapeMismatchError(
            f"obs_batch: shape {array.shape}, expected (member, {layout.n_bins}): one row of counts a member."
        )
    checked = inputs.numbers(array, "obs_batch")
    if not layout.gaussian_data and np.any(checked < 0.0):
        member, bad = np.argwhere(checked < 0.0)[0].tolist()
        raise InvalidValueError(
            f"obs_batch must not be negative; bin {bad} of member {member} has {checked[member, bad]:g}."
        )
    return checked


def globs(layout: Layout, given: Any) -> FloatArray:
    """(global observable,) or (member, global observable), the bins' last."""
    array = _rows(given, "globs")
    if array is None:
        return inputs.globs(layout, given)
    if array.ndim != 2 or not len(array):
        raise ShapeMismatchError(f"globs: shape {array.shape}, expected (member, global observable).")
    return np.array([inputs.globs(layout, row) for row in array])


def start(layout: Layout, given: Any) -> FloatArray:
    """(param,) or (member, param): where fits start."""
    if given is None:
        return layout.start
    batch = _rows(given, "init") is not None
    return inputs.values(layout, given, "init", batch=batch)[..., : layout.n_params]


def held(context: Context, given: Mapping[Any, Any] | None) -> Held:
    """What is held, from {variable, name or pattern: value}.

    The value of a scalar may be (member,), that of an array (member, component) or (member, 1).
    """
    layout = context.layout
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise InvalidTypeError(f"fixed: expected a dict {{variable: value}}, got {describe(given)}.")
    shared: dict[Any, Any] = {}
    per_member: dict[str, tuple[list[int], FloatArray]] = {}
    for key, value in given.items():
        at = layout.positions(key, patterns=True)
        numbers = inputs.numbers(value, f"fixed: the value of '{layout._name_of(key)}'")
        if numbers.ndim == 1 and len(at) == 1 and len(numbers) != 1:
            numbers = numbers[:, None]
        if numbers.ndim < 2 and numbers.size in (1, len(at)):
            shared[key] = numbers
        elif numbers.ndim == 2 and numbers.shape[1] in (1, len(at)):
            per_member[f"fixed: '{layout._name_of(key)}'"] = at, numbers
        else:
            raise ShapeMismatchError(
                f"fixed: '{layout._name_of(key)}' has {plural(len(at), 'component')}, its values have shape "
                f"{numbers.shape}; give one a component, or (member, {len(at)})."
            )
    one, mask = inputs.fixed(layout, context.prepared, shared)
    vector = np.concatenate([np.asarray(one.values), np.asarray(one.bin_values)])
    if not per_member:
        return Held(mask, vector)
    number = number_of_members({what: numbers for what, (_, numbers) in per_member.items()})
    values = np.tile(vector, (number, 1))
    for at, numbers in per_member.values():
        mask[at] = True
        values[:, at] = numbers
    _check_bounds(layout, mask, values)
    return Held(np.tile(mask, (number, 1)), values)


def _check_bounds(layout: Layout, mask: BoolArray, values: FloatArray) -> None:
    lower, upper = layout.bounds
    outside = np.argwhere(mask & ((values < lower) | (values > upper)))
    if len(outside):
        member, at = outside[0].tolist()
        raise InvalidValueError(
            f"fixed: '{layout.names[at]}' = {values[member, at]:g} of member {member} is outside its bounds "
            f"[{lower[at]:g}, {upper[at]:g}]."
        )


def prepared(context: Context, given: Any) -> list[Prepared] | None:
    """One prepared model a member, from a list of them or from one whose arrays have a leading axis."""
    if given is None:
        return None
    if isinstance(given, Prepared):
        members = np.shape(given.templates.nominal)[0]
        if np.ndim(given.templates.nominal) != np.ndim(context.prepared.templates.nominal) + 1:
            raise ShapeMismatchError(
                "prepared: give a list of prepared models, or one whose arrays all have a leading axis of "
                "members, as from jax.vmap of model.replaced; for one model alone use smoothfit.functional."
            )
        given = [jax.tree.map(lambda leaf, i=i: leaf[i], given) for i in range(members)]
    if not isinstance(given, Sequence) or not given or not all(isinstance(p, Prepared) for p in given):
        raise InvalidTypeError(
            f"prepared: expected a list of prepared models (model.replaced(...)), got {describe(given)}."
        )
    wanted = _structure(context.prepared)
    for i, one in enumerate(given):
        if _structure(one) != wanted:
            raise InvalidValueError(
                f"prepared: member {i} is of another model; make each by model.replaced(...) of this one."
            )
    return list(given)


def _structure(one: Prepared) -> tuple[Any, list[tuple[int, ...]]]:
    leaves, tree = jax.tree.flatten(one)
    return tree, [np.shape(leaf) for leaf in leaves]


def number_of_members(given: Mapping[str, Any]) -> int:
    """How many members there are, from {argument: its rows}.

    Raises
    ------
    ShapeMismatchError
        If two arguments disagree.
    """
    lengths = {what: len(rows) for what, rows in given.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{what} has {n}" for what, n in lengths.items())
        raise ShapeMismatchError(f"batch_fit: {listed} members; give as many rows each, or one for all.")
    return next(iter(lengths.values()))
