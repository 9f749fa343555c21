"""Blinding: records as a report may show them.

Of a blinded parameter neither value nor error is shown, nor impacts on it, scans of it and correlations with
it; nor what would tell it: post-fit yields, and the data of channels whose expectation depends on it, with
the parameters of single bins of these. What cannot be hidden in part is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from .._types import BoolArray, FloatArray
from ..layout import Layout
from ..model import Model
from ..results import (
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

__all__ = ["Hidden", "fit_hidden", "impacts_shown", "pulls_shown", "record_hidden"]

_R = TypeVar("_R", bound=Record)
_SAFE = (ModelStats, ModelSummary, Receipt)
"""Records that say nothing of a fit, nor of data."""
_NO_CHANGE = 1e-12
"""Relative changes of expectations below this are rounding."""
_PIECE = 128
"""Parameters that are moved in one call."""


@dataclass(frozen=True)
class Hidden:
    """What a report must not show."""

    layout: Layout
    blinded: frozenset[str] = frozenset()
    """As it was asked for: names of parameters and channels."""
    channels: tuple[str, ...] = ()
    """Whose data are hidden: blinded ones, and those that tell a blinded parameter."""
    members: frozenset[str] = frozenset()
    """Parameters of single bins of these channels: each tells how far data and expectation are apart."""

    @classmethod
    def of(cls, fit: FitResult, model: Model | None, blinded: frozenset[str]) -> Hidden:
        """From the names that are blinded.

        Channels that tell a parameter are those whose expectation changes with it; without a model that is
        not known, and they are all.
        """
        layout = fit.layout
        if not blinded:
            return cls(layout)
        positions = [i for i in range(layout.n_params) if layout.is_blinded(i, blinded)]
        telling = np.array([channel.name in blinded for channel in layout.channels], dtype=bool)
        telling |= np.any(_acts_on(layout, model, positions), axis=0)
        dense = np.arange(layout.n_params) if fit.dense is None else fit.dense
        local = np.setdiff1d(np.arange(layout.n_params), dense).tolist() if np.any(telling) else []
        members = np.any(_acts_on(layout, model, local) & telling, axis=1)
        channels = tuple(c.name for c, told in zip(layout.channels, telling, strict=True) if told)
        names = frozenset(layout.names[i] for i, told in zip(local, members, strict=True) if told)
        return cls(layout, blinded, channels, names)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the blinded parameters."""
        return tuple(
            n for i, n in enumerate(self.layout.parameters) if self.layout.is_blinded(i, self.blinded)
        )

    @property
    def names(self) -> frozenset[str]:
        """All names that hide something, for ``blinded`` of records."""
        return self.blinded | frozenset(self.channels) | self.members

    def hides(self, name: str) -> bool:
        """Whether a parameter, or bin parameter, is hidden."""
        return self.layout.is_blinded(self.layout.positions(name)[0], self.names)

    def mask(self, names: Sequence[str], before: Any = False) -> BoolArray:
        """Which quantities are hidden; what is no parameter may depend on any, and is as soon as one is."""
        known, some = set(self.layout.names), bool(self.parameters)
        found = [self.hides(name) if name in known else some for name in names]
        return np.asarray(before) | np.array(found, dtype=bool)


def _acts_on(layout: Layout, model: Model | None, positions: list[int]) -> BoolArray:
    """(parameter, channel): whether the expectation changes with it; yes, if that is not known."""
    found = np.ones((len(positions), len(layout.channels)), dtype=bool)
    if model is None:
        return found
    widths = np.where(np.isfinite(layout.widths), layout.widths, 0.1 * np.maximum(1.0, np.abs(layout.start)))
    for first in range(0, len(positions), _PIECE):
        # Pieces of one size: one compilation.
        at = np.resize(positions[first : first + _PIECE], min(_PIECE, len(positions)))
        moved = np.zeros((len(at), layout.n_bins), dtype=bool)
        # An effect may vanish at one point: what multiplies it is 0 there.
        for base in (_within(layout, layout.start), _within(layout, layout.start + 0.37 * widths)):
            values = np.tile(base, (len(at) + 1, 1))
            steps = np.where(base[at] + widths[at] <= layout.upper[at], widths[at], -widths[at])
            values[np.arange(len(at)), at] += steps
            expected = model.batch_pred(_within(layout, values))
            moved |= np.abs(expected[:-1] - expected[-1]) > _NO_CHANGE * np.abs(expected[-1])
        by_channel = np.stack([np.any(moved[:, c.bins], axis=1) for c in layout.channels], axis=1)
        piece = found[first : first + _PIECE]
        piece[:] = by_channel[: len(piece)]
    return found


def _within(layout: Layout, values: FloatArray) -> FloatArray:
    return np.clip(values, layout.lower, layout.upper)


def fit_hidden(fit: FitResult, hidden: Hidden) -> FitResult:
    """The fit with these names hidden, also where it was made before they were blinded."""
    if not hidden.blinded:
        return fit
    found = replace(fit, blinded=fit.blinded | hidden.names)
    if not hidden.parameters:
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


def pulls_shown(pulls: Pulls, hidden: Hidden) -> Pulls:
    """Without nuisances that are hidden."""
    return pulls.take([i for i, name in enumerate(pulls.names) if not hidden.hides(name)])


def impacts_shown(impacts: Impacts, hidden: Hidden) -> Impacts | None:
    """Without quantities and nuisances that are hidden; None if no quantity is left."""
    pois = np.flatnonzero(~hidden.mask(impacts.pois, impacts.hidden))
    at = [i for i, name in enumerate(impacts.names) if not hidden.hides(name)]
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
        groups=None if impacts.groups is None else record_hidden(impacts.groups, hidden),
    )


def record_hidden(record: _R, hidden: Hidden) -> _R | None:
    """A record that hides these names, too; None if it cannot."""
    if not hidden.blinded or isinstance(record, _SAFE):
        return record
    names: set[str] = {field.name for field in fields(record)} if is_dataclass(record) else set()
    if isinstance(record, Yields):
        # What was fitted tells the data that it was fitted to.
        return None
    if "blinded" in names:
        known: frozenset[str] = getattr(record, "blinded")  # noqa: B009
        return _with(record, blinded=known | hidden.names)
    keys = next((key for key in ("pois", "names", "channels") if key in names), None)
    if "hidden" not in names or keys is None:
        return None
    of = getattr(record, keys)
    given = getattr(record, "hidden", None)
    before = np.zeros(len(of), dtype=bool) if given is None else np.asarray(given)
    if keys == "channels":
        return _with(record, hidden=before | np.array([name in hidden.channels for name in of], dtype=bool))
    return _with(record, hidden=hidden.mask(of, before))


def _with(record: _R, **changes: Any) -> _R:
    changed: _R = replace(record, **changes)  # type: ignore[type-var]
    return changed
