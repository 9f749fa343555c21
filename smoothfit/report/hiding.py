"""Blinding: records as a report may show them.

Of a blinded parameter neither value nor error is shown, nor impacts on it, scans of it and correlations with
it; nor what would tell it: post-fit yields, and the data of channels whose expectation depends on it. What
cannot be hidden in part is left out.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from .._types import FloatArray
from ..layout import Layout
from ..model import Model
from ..results import (
    Findings,
    FitResult,
    Impacts,
    ModelStats,
    ModelSummary,
    Pulls,
    Receipt,
    Record,
    Yields,
    fit_message,
)

__all__ = [
    "fit_hidden",
    "hidden_parameters",
    "impacts_shown",
    "pulls_shown",
    "record_hidden",
    "telling_channels",
]

_R = TypeVar("_R", bound=Record)
_SAFE = (Findings, ModelStats, ModelSummary, Receipt)
"""Records that say nothing of a fit."""
_NO_CHANGE = 1e-12
"""Relative changes of expectations below this are rounding."""


def hidden_parameters(layout: Layout, blinded: frozenset[str]) -> tuple[str, ...]:
    """Names of the parameters (no bin parameters) that are hidden by these names."""
    return tuple(n for i, n in enumerate(layout.parameters) if layout.is_blinded(i, blinded))


def telling_channels(layout: Layout, model: Model | None, blinded: frozenset[str]) -> tuple[str, ...]:
    """Channels whose data stay hidden: blinded ones, and those that tell a blinded parameter.

    These are the channels whose expectation changes with it; without a model that is not known, and they
    are all.
    """
    names = [channel.name for channel in layout.channels]
    hidden = hidden_parameters(layout, blinded)
    if hidden and model is None:
        return tuple(names)
    telling = set(blinded)
    if hidden and model is not None:
        moves = _moves(layout, [layout.positions(name)[0] for name in hidden])
        expected = model.batch_pred(moves)
        # Rows come in pairs: as it is, and with one parameter moved.
        change = np.abs(expected[1::2] - expected[::2])
        moved = np.any(change > _NO_CHANGE * np.abs(expected[::2]), axis=0)
        telling |= {c.name for c in layout.channels if np.any(moved[c.bins])}
    return tuple(name for name in names if name in telling)


def _moves(layout: Layout, positions: list[int]) -> FloatArray:
    """(pair of rows, param): two points, from each of which every parameter is moved by itself."""
    widths = np.where(np.isfinite(layout.widths), layout.widths, 0.1 * np.maximum(1.0, np.abs(layout.start)))
    rows = []
    # An effect may vanish at one point: what multiplies it is 0 there.
    for base in (_within(layout, layout.start), _within(layout, layout.start + 0.37 * widths)):
        for i in positions:
            moved = base.copy()
            step = widths[i] if base[i] + widths[i] <= layout.upper[i] else -widths[i]
            moved[i] += step
            rows += [base, _within(layout, moved)]
    return np.array(rows)


def _within(layout: Layout, values: FloatArray) -> FloatArray:
    return np.clip(values, layout.lower, layout.upper)


def fit_hidden(fit: FitResult, blinded: frozenset[str], channels: tuple[str, ...]) -> FitResult:
    """The fit with these names hidden, also where it was made before they were blinded."""
    if not blinded:
        return fit
    found = replace(fit, blinded=fit.blinded | blinded | frozenset(channels))
    if not hidden_parameters(fit.layout, blinded):
        return found
    # The message may name a parameter at its limit, which gives its value away.
    message = fit_message(
        fit.status,
        edm=fit.edm,
        smallest_nu=float("nan"),
        positive_definite=fit.positive_definite,
        steps=fit.steps,
    )
    return replace(found, message=message, smallest_nu=float("nan"), minima=None, curvature=None)


def pulls_shown(pulls: Pulls, blinded: frozenset[str], layout: Layout) -> Pulls:
    """Without nuisances that are hidden."""
    return pulls.take([i for i, name in enumerate(pulls.names) if not _is_hidden(layout, name, blinded)])


def impacts_shown(impacts: Impacts, blinded: frozenset[str], layout: Layout) -> Impacts | None:
    """Without quantities and nuisances that are hidden; None if no quantity is left."""
    of_pois = _hidden_mask(impacts.pois, impacts.hidden, blinded, layout)
    pois = np.flatnonzero(~of_pois)
    at = [i for i, name in enumerate(impacts.names) if not _is_hidden(layout, name, blinded)]
    if not len(pois):
        return None
    of_nuisance = ("bound_up", "bound_down", "pull", "error_up", "error_down")
    named = ("names", "nuisance_labels", "status_up", "status_down")
    changes: dict[str, Any] = {name: getattr(impacts, name)[at] for name in of_nuisance}
    changes |= {name: tuple(getattr(impacts, name)[i] for i in at) for name in named}
    return replace(
        impacts,
        **changes,
        pois=tuple(impacts.pois[i] for i in pois),
        labels=tuple(impacts.labels[i] for i in pois),
        values=impacts.values[pois],
        errors=impacts.errors[pois],
        up=impacts.up[at][:, pois],
        down=impacts.down[at][:, pois],
        hidden=np.zeros(len(pois), dtype=bool),
        groups=None if impacts.groups is None else record_hidden(impacts.groups, blinded, (), layout),
    )


def record_hidden(
    record: _R, blinded: frozenset[str], channels: tuple[str, ...], layout: Layout
) -> _R | None:
    """A record that hides these names, too; None if it cannot."""
    if not blinded or isinstance(record, _SAFE):
        return record
    names: set[str] = {field.name for field in fields(record)} if is_dataclass(record) else set()
    if isinstance(record, Yields):
        return None if hidden_parameters(layout, blinded) else _with(record, blinded=record.blinded | blinded)
    if "blinded" in names:
        known: frozenset[str] = getattr(record, "blinded")  # noqa: B009
        return _with(record, blinded=known | blinded)
    keys = next((key for key in ("pois", "names", "channels") if key in names), None)
    if "hidden" not in names or keys is None:
        return None
    of = getattr(record, keys)
    given = getattr(record, "hidden", None)
    before = np.zeros(len(of), dtype=bool) if given is None else np.asarray(given)
    if keys == "channels":
        return _with(record, hidden=before | np.array([name in channels for name in of], dtype=bool))
    return _with(record, hidden=_hidden_mask(of, before, blinded, layout))


def _with(record: _R, **changes: Any) -> _R:
    changed: _R = replace(record, **changes)  # type: ignore[type-var]
    return changed


def _is_hidden(layout: Layout, name: str, blinded: frozenset[str]) -> bool:
    return layout.is_blinded(layout.positions(name)[0], blinded)


def _hidden_mask(names: Any, before: Any, blinded: frozenset[str], layout: Layout) -> np.ndarray:
    """What is no parameter may depend on any: it is hidden as soon as one is."""
    known, any_hidden = set(layout.names), bool(hidden_parameters(layout, blinded))
    found = [_is_hidden(layout, name, blinded) if name in known else any_hidden for name in names]
    return np.asarray(before) | np.array(found, dtype=bool)
