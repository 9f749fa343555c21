"""A prepared model with other templates: traceable, so that one can differentiate by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from .._types import Array, ArrayLike
from ..errors import InvalidTypeError, ShapeMismatchError, UnknownNameError
from ..layout import Layout, LikelihoodInfo
from ..prepared import Prepared, Templates

__all__ = ["replaced", "with_data"]

_KINDS = ("yields", "sumw2", "up", "down", "kappa")


def _tiles(value: ArrayLike, locator: Mapping[str, Any], what: str) -> Array:
    """(sub-process, tile, width) of a (bin,) or (sub-process, bin) array."""
    array = jnp.asarray(value, float)
    n_sub, n_bins, width = locator["n_sub"], locator["n_bins"], locator["width"]
    if array.shape not in ((n_bins,), (n_sub, n_bins)) or (array.ndim == 1 and n_sub != 1):
        expected = (n_bins,) if n_sub == 1 else (n_sub, n_bins)
        raise ShapeMismatchError(f"{what}: shape {array.shape}, expected {expected}; bins cannot change.")
    n_tiles = -(-n_bins // width)
    padded = jnp.pad(array.reshape(n_sub, n_bins), ((0, 0), (0, n_tiles * width - n_bins)))
    return padded.reshape(n_sub, n_tiles, width)


def _covariance_tiles(value: ArrayLike, locator: Mapping[str, Any], what: str) -> Array:
    """(sub-process, sub-process, tile, width) of a (sub-process, sub-process, bin) array."""
    array = jnp.asarray(value, float)
    n_sub, n_bins, width = locator["n_sub"], locator["n_bins"], locator["width"]
    if array.shape != (n_sub, n_sub, n_bins):
        raise ShapeMismatchError(f"{what}: shape {array.shape}, expected {(n_sub, n_sub, n_bins)}.")
    n_tiles = -(-n_bins // width)
    symmetric = 0.5 * (array + jnp.swapaxes(array, 0, 1))
    padded = jnp.pad(symmetric, ((0, 0), (0, 0), (0, n_tiles * width - n_bins)))
    return padded.reshape(n_sub, n_sub, n_tiles, width)


def _variable_key(layout: Layout, variable: Any, known: Mapping[int, Any], what: str) -> int:
    name = layout._name_of(variable)
    for key in known:
        if layout.owners[key] == name:
            return key
    have = ", ".join(sorted(layout.owners[key] for key in known)) or "none"
    raise UnknownNameError(f"{what}: there is no such template of variable '{name}'; there are: {have}.")


def replaced(
    prepared: Prepared, layout: Layout, changes: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Prepared:
    """``prepared`` with the named templates replaced; what is not named stays as it is.

    Parameters
    ----------
    changes
        {(process, channel): {"yields": ..., "sumw2": ..., "up": {variable: ...}, "down": {variable: ...},
        "kappa": {variable: kappa or (down, up)}}}; arrays as the builders take them.
    """
    templates = prepared.templates
    for (process, channel), change in changes.items():
        what = f"replaced: '{process}' in channel '{channel}'"
        locator = layout.locators.get((process, channel))
        if locator is None:
            known = ", ".join(f"({p}, {c})" for p, c in layout.locators)
            raise UnknownNameError(f"{what}: there is no such contribution; there are: {known}.")
        unknown = [kind for kind in change if kind not in _KINDS]
        if unknown:
            raise UnknownNameError(f"{what}: '{unknown[0]}' is no template; use {', '.join(_KINDS)}.")
        templates = _replace_one(templates, layout, locator, change, what)
    return Prepared(templates=templates, plan=prepared.plan)


def _replace_one(
    templates: Templates, layout: Layout, locator: Mapping[str, Any], change: Mapping[str, Any], what: str
) -> Templates:
    fields: dict[str, Any] = {}
    if change.get("yields") is not None:
        tiles = _tiles(change["yields"], locator, f"{what}: yields")
        fields["nominal"] = templates.nominal.at[locator["nominal"]].set(tiles)
    if change.get("sumw2") is not None:
        if locator["sumw2"] is None or templates.sumw2 is None:
            raise UnknownNameError(f"{what}: it has no sumw2; register_sumw2() before prepare().")
        at = locator["sumw2"]
        read = _tiles if at.ndim == 2 else _covariance_tiles
        fields["sumw2"] = templates.sumw2.at[at].set(read(change["sumw2"], locator, f"{what}: sumw2"))
    for kind in ("up", "down"):
        for variable, value in (change.get(kind) or {}).items():
            key = _variable_key(layout, variable, locator["shapes"], f"{what}: {kind}")
            current = fields.get(f"shape_{kind}", getattr(templates, f"shape_{kind}"))
            tiles = _tiles(value, locator, f"{what}: {kind}")
            fields[f"shape_{kind}"] = current.at[locator["shapes"][key]].set(tiles)
    for variable, value in (change.get("kappa") or {}).items():
        key = _variable_key(layout, variable, locator["kappas"], f"{what}: kappa")
        down, up = value if isinstance(value, tuple | list) else (1.0 / value, value)
        effects = dict(fields.get("effects", templates.effects))
        for kind, entries in locator["kappas"][key]:
            old_down, old_up = effects[kind]
            effects[kind] = (old_down.at[entries].set(down), old_up.at[entries].set(up))
        fields["effects"] = effects
    return dataclasses.replace(templates, **fields)


def with_data(prepared: Prepared, layout: Layout, data: Mapping[str, Any]) -> Prepared:
    """``prepared`` with other data of likelihoods: {name: a pytree alike, of arrays of the same shapes}."""
    held = list(prepared.templates.term_captured)
    for name, given in data.items():
        info = layout.likelihoods.get(name)
        if info is None:
            known = ", ".join(f"'{known}'" for known in layout.likelihoods) or "none"
            raise UnknownNameError(f"replaced: there is no likelihood {name!r}; there are: {known}.")
        arrays = _leaves(info, given)
        held[info.term] = (*held[info.term][: info.first], *arrays)
    templates = dataclasses.replace(prepared.templates, term_captured=tuple(held))
    return Prepared(templates=templates, plan=prepared.plan)


def _leaves(info: LikelihoodInfo, given: Any) -> list[Array]:
    paths, structure = jax.tree_util.tree_flatten_with_path(given)
    if structure != info.structure:
        raise ShapeMismatchError(
            f"replaced: the data of likelihood '{info.name}' are {structure}, expected {info.structure}; for "
            "data of another form add the likelihood to a model anew."
        )
    found = []
    for (path, leaf), (shape, dtype) in zip(paths, info.arrays, strict=True):
        what = f"replaced: data{jax.tree_util.keystr(path)} of likelihood '{info.name}'"
        try:
            array = jnp.asarray(leaf)
        except TypeError as error:
            raise InvalidTypeError(f"{what}: expected an array, got {type(leaf).__name__}.") from error
        if array.shape != shape:
            raise ShapeMismatchError(
                f"{what}: shape {array.shape}, expected {shape}; for more events or bins add the likelihood "
                "to a model anew, or pad with events of weight 0."
            )
        if not jnp.can_cast(array.dtype, dtype):
            raise InvalidTypeError(f"{what}: {array.dtype}, expected {dtype}.")
        found.append(array.astype(float))
    return found
