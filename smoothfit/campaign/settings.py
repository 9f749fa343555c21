"""From what a user asks for to the manifest of a campaign, with checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._checks import check_choice, check_flag, describe
from .._types import FloatArray
from ..errors import InvalidTypeError, InvalidValueError
from ..inference import inputs, member_inputs
from ..inference import toys as numbers_of_toys
from ..inference.ensembles import TOY_KINDS, block_size, fresh_seed
from ..io import model_hash
from ..layout import Layout
from ..model import Model
from .making import BLOCK_UNIT
from .manifest import Manifest, versions

__all__ = ["hidden_of", "manifest_of"]


def manifest_of(
    model: Model,
    *,
    values: Any,
    toys: float,
    seed: int | None,
    kind: str,
    obs: Any,
    globs: Any,
    fixed: Mapping[Any, Any] | None,
    init: Any,
    errors: bool,
    parameters: Sequence[Any] | None,
    block: int | None,
) -> Manifest:
    """What :class:`~.Campaign` was asked for.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        For what does not fit the model.
    """
    if not isinstance(model, Model):
        raise InvalidTypeError(f"Campaign: a Model is expected, got {describe(model)}.")
    context = model._context()
    layout = context.layout
    check_choice("Campaign: kind", kind, TOY_KINDS)
    vector = inputs.values(layout, values)
    if len(vector) == layout.n_params:
        vector = np.concatenate([vector, layout.bin_centre])
    held = member_inputs.held(context, fixed)
    start = member_inputs.start(layout, init)
    if held.mask.ndim > 1 or start.ndim > 1:
        raise InvalidValueError("Campaign: fixed and init take one value a parameter, the same for all toys.")
    constant = np.asarray(context.prepared.plan.constant) > 0
    own = np.flatnonzero(held.mask & ~np.append(constant, np.zeros(layout.n_bin_params, dtype=bool)))
    kept = _kept(layout, parameters)
    return Manifest(
        model_hash=model_hash(model),
        toys=numbers_of_toys.count(toys, "Campaign"),
        seed=fresh_seed(seed),
        block=block_size(context) if block is None else _block(block),
        kind=kind,
        values=_plain(vector),
        fixed={layout.names[i]: float(held.values[i]) for i in own},
        start=_plain(start),
        obs=_observed(layout, kind, obs),
        globs=None if globs is None else _plain(_globs(layout, kind, globs)),
        errors=check_flag("Campaign: errors", errors),
        parameters=kept,
        positions=tuple(layout.names.index(name) for name in kept),
        pois=_pois(layout, kept, held.mask),
        hidden=hidden_of(layout, kept, model.blinded),
        versions=versions(),
    )


def _plain(array: FloatArray) -> tuple[float, ...]:
    return tuple(np.asarray(array, dtype=float).tolist())


def _block(block: Any) -> int:
    whole = isinstance(block, int | np.integer) and not isinstance(block, bool)
    if not whole or block < BLOCK_UNIT or block % BLOCK_UNIT:
        raise InvalidValueError(
            f"Campaign: block, the toys of a file, must be a multiple of {BLOCK_UNIT}, got {describe(block)}."
        )
    return int(block)


def _observed(layout: Layout, kind: str, obs: Any) -> tuple[float, ...] | None:
    if (kind == "bootstrap") != (obs is not None):
        needs = "needs obs, the data to draw around" if obs is None else "has no use for obs; leave it out"
        raise InvalidValueError(f"Campaign: kind '{kind}' {needs}.")
    return None if obs is None else _plain(inputs.counts(layout, obs))


def _globs(layout: Layout, kind: str, globs: Any) -> FloatArray:
    if kind == "frequentist":
        raise InvalidValueError(
            "Campaign: kind 'frequentist' draws the global observables; leave globs out, or take another "
            "kind."
        )
    return inputs.globs(layout, globs)


def _kept(layout: Layout, parameters: Sequence[Any] | None) -> tuple[str, ...]:
    if parameters is None:
        return layout.parameters
    asked = [parameters] if isinstance(parameters, str) or hasattr(parameters, "sub_names") else parameters
    found = dict.fromkeys(i for key in asked for i in layout.positions(key, patterns=True))
    if not found:
        raise InvalidValueError("Campaign: parameters is empty; name some, or leave it out for all.")
    return tuple(layout.names[i] for i in sorted(found))


def _pois(layout: Layout, kept: Sequence[str], held: Any) -> tuple[str, ...]:
    free = {
        layout.names[i]
        for variable in layout.variables
        if not variable.nuisance and variable.constraint is None
        for i in variable.indices
        if not held[i]
    }
    first = [layout.poi] if layout.poi in free else []
    return tuple(name for name in dict.fromkeys([*first, *kept]) if name in free and name in kept)


def hidden_of(layout: Layout, kept: Sequence[str], blinded: frozenset[str]) -> tuple[str, ...]:
    """Which of the kept parameters are blinded."""
    return tuple(name for name in kept if layout.is_blinded(layout.names.index(name), blinded))
