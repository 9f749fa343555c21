"""Global significance: how often background alone has an excess as large as the largest one, anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._types import FloatArray, IntArray
from ...errors import FitError, InvalidValueError
from ...results import FitResult, GlobalSignificance
from .. import member_inputs
from ..batching import Held, held_of
from ..context import Context
from ..ensembles import (
    Counted,
    Ensemble,
    FitCounts,
    Precision,
    Toys,
    block_size,
    blocks,
    counted_tail,
    fit_toys,
    fresh_seed,
)
from ..fitting import fit
from .hypotheses import Hypothesis, check_background, hypotheses_along, hypotheses_of

__all__ = ["global_significance", "upcrossings"]

_CALL = "global_significance"


def global_significance(
    context: Context,
    poi: Any,
    obs: Any,
    *,
    along: Mapping[Any, Any] | None = None,
    hypotheses: Mapping[Any, Any] | None = None,
    toys: float = 1000,
    seed: int | None = None,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    low_level: float = 0.5,
    mc_error: float | None = None,
    most_toys: float | None = None,
) -> GlobalSignificance:
    """The significance of the largest excess when many positions were looked at.

    At each position q0 = 2 (NLL without signal - lowest NLL), 0 where the signal is not positive. Toys of
    background, where a fit without signal to the data has the nuisances, have one maximum of q0 each: the
    global p-value is the part of them that reach that of the data. One fit a toy and position.

    Parameters
    ----------
    poi
        The signal strength: without signal it is 0.
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    along
        {parameter: (position,) values}: a parameter of the model that moves the signal, such as a mass.
    hypotheses
        Instead, {position: model.replaced(...)}: templates of the signal at each position.
    toys
        How many; with ``mc_error``, at least so many.
    seed
        A whole number, or None for fresh entropy; it is in ``.seed`` of the result.
    globs, fixed
        As for ``fit``.
    low_level
        The q0 whose upcrossings are counted, for the estimate of E. Gross and O. Vitells (arXiv:1005.1891).
    mc_error
        Go on until the error of the global p-value is at most this.
    most_toys
        But with no more toys than this; 100 times ``toys`` by default.

    Returns
    -------
    GlobalSignificance
        With local and global p-values, and the estimate from upcrossings, which needs fewer toys and dense
        positions.

    Raises
    ------
    InvalidValueError, InvalidTypeError, ShapeMismatchError, UnknownNameError
        Without positions, for positions outside the bounds, hypotheses that differ without signal, and a
        signal that cannot be 0.
    FitError
        If the fit without signal, or all others, did not converge.

    Examples
    --------
    Three windows, each with its own signal.

    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [1.0, 0.0, 0.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [100.0, 100.0, 100.0])).prepare()
    >>> windows = {k: model.replaced("sig", "main", yields=10.0 * np.eye(3)[k]) for k in range(3)}
    >>> found = model.global_significance(mu, [130.0, 95.0, 100.0], hypotheses=windows, toys=2000, seed=1)
    >>> bool(1.0 < found.trials_factor < 5.0)
    True
    """
    at = _signal(context, poi)
    precision = Precision.of(toys, mc_error, most_toys, call=_CALL)
    name, looked = _looked(context, along, hypotheses, fixed)
    without = _without_signal(looked[0], at, obs, globs, fixed, along)
    check_background(looked, without.x, context.layout.names[at], _CALL)
    search = _Search(looked, at, without)
    observed = search.q0(Toys(without.obs[None, :], without.globs[None, :], 0))
    if not np.any(np.isfinite(observed.q0)):
        raise FitError(f"{_CALL}: no fit to the data with signal converged.", without)
    tally = _Tally(float(np.nanmax(observed.q0)), float(low_level))
    entropy = fresh_seed(seed)
    search.throw(tally, precision, entropy)
    return GlobalSignificance(
        poi=context.layout.names[at],
        along=name,
        positions=np.array([one.position for one in looked]),
        q0=observed.q0[0],
        estimates=observed.estimates[0],
        status=observed.status[0],
        observed_upcrossings=int(upcrossings(observed.q0, low_level)[0]),
        **tally.columns(),
        fits=search.counts.of_toys("frequentist", entropy, sum(map(len, tally.maxima))),
        seed=entropy,
        layout=context.layout,
        mc_error=precision.error,
        blinded=context.blinded,
    )


def _signal(context: Context, poi: Any) -> int:
    """The position of a signal strength, which can be 0 and more."""
    layout = context.layout
    at = layout.positions(poi)
    lower, upper = layout.bounds
    if len(at) != 1 or not lower[at[0]] <= 0.0 < upper[at[0]]:
        raise InvalidValueError(
            f"{_CALL}: '{layout._name_of(poi)}' must be one parameter that can be 0 and more."
        )
    return at[0]


def _looked(context: Context, along: Any, hypotheses: Any, fixed: Any) -> tuple[str, list[Hypothesis]]:
    """What the positions are called, and the hypotheses there."""
    if (along is None) == (hypotheses is None):
        raise InvalidValueError(
            f"{_CALL}: give along={{parameter: positions}} or hypotheses={{position: model}}."
        )
    held = member_inputs.held(context, fixed)
    if along is not None:
        return hypotheses_along(context, along, held, _CALL)
    return "position", hypotheses_of(context, hypotheses, held, _CALL)


def upcrossings(q0: FloatArray, level: float) -> IntArray:
    """(toy,): how often q0, (toy, position), rises above a level from one position to the next.

    Examples
    --------
    >>> upcrossings(np.array([[0.0, 2.0, 0.0, 0.3, 1.0], [2.0, 2.0, 0.0, 0.0, 0.0]]), 0.5)
    array([2, 0])
    """
    above = q0 > level
    return np.sum(~above[:, :-1] & above[:, 1:], axis=1)


def _without_signal(
    first: Hypothesis, at: int, obs: Any, globs: Any, fixed: Mapping[Any, Any] | None, along: Any
) -> FitResult:
    """The fit of background to the data; a parameter that moves the signal is held anywhere."""
    held: dict[Any, Any] = {**(fixed or {}), first.context.layout.names[at]: 0.0}
    if along is not None:
        held |= dict.fromkeys(along, first.position)
    return fit(first.context, obs, globs=globs, fixed=held)


@dataclass(frozen=True, eq=False)
class _Scanned:
    """Of some data sets, at all positions."""

    q0: FloatArray
    """(toy, position); NaN where a fit failed."""
    estimates: FloatArray
    status: IntArray


class _Search:
    """Fits at all positions; the one without signal is the same for all."""

    def __init__(self, looked: list[Hypothesis], at: int, without: FitResult) -> None:
        self.looked, self.at, self.without = looked, at, without
        self.counts = FitCounts()

    def throw(self, tally: _Tally, precision: Precision, seed: int) -> None:
        """Toys of background; fits to data are not counted with theirs."""
        first = self.looked[0].context
        ensemble, self.counts = Ensemble(first, self.without.x, seed=seed), FitCounts()

        def work(start: int, n: int) -> Counted:
            tally.add(self.q0(ensemble.draw(start, n)).q0)
            return tally.p_value()

        show = "" if first.layout.is_blinded(self.at, first.blinded) else "p"
        blocks(precision, work, size=block_size(first), what="toys of background", show=show)

    def q0(self, toys: Toys) -> _Scanned:
        """Of every toy at every position."""
        first, n = self.looked[0].context, self.looked[0].context.layout.n_params
        start = self.without.x[:n]
        nothing: Held = held_of(first, self.without)
        background = fit_toys(first, toys, fixed=nothing, start=start, counts=self.counts)
        columns = []
        for one in self.looked:
            # From the fit without signal; a little signal, lest the fit begins at a bound.
            begin = np.where(background.at_minimum[:, None], background.x[:, :n], start)
            begin[:, self.at] = 1e-3
            found = fit_toys(one.context, toys, fixed=one.free, start=begin, counts=self.counts)
            mu = found.x[:, self.at]
            rise = np.maximum(2.0 * (background.nll - found.nll), 0.0)
            known = background.at_minimum & found.at_minimum
            q = np.where(known, np.where(mu > 0.0, rise, 0.0), np.nan)
            columns.append(
                (
                    q,
                    np.where(known, mu, np.nan),
                    np.where(background.at_minimum, found.status, background.status),
                )
            )
        q, mu, status = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
        return _Scanned(q, mu, status.astype(int))


@dataclass(eq=False)
class _Tally:
    """Of toys of background."""

    observed: float
    level: float
    maxima: list[FloatArray] = field(default_factory=list)
    crossings: list[IntArray] = field(default_factory=list)
    failed: int = 0

    def add(self, q0: FloatArray) -> None:
        """A block, (toy, position)."""
        good = np.all(np.isfinite(q0), axis=1)
        self.failed += int(np.sum(~good))
        self.maxima.append(q0[good].max(axis=1))
        self.crossings.append(upcrossings(q0[good], self.level))

    def p_value(self) -> Counted:
        """Of the largest excess of the data."""
        return counted_tail(np.concatenate(self.maxima), self.observed)

    def columns(self) -> dict[str, Any]:
        """What the record has of toys."""
        p, crossings = self.p_value(), np.concatenate(self.crossings)
        known = len(crossings) > 0
        return {
            "p_value": p.value,
            "p_error": p.error,
            "upcrossings": float(crossings.mean()) if known else np.nan,
            "upcrossings_error": float(crossings.std() / np.sqrt(len(crossings))) if known else np.nan,
            "low_level": self.level,
            "maxima": np.concatenate(self.maxima),
            "failed_toys": self.failed,
        }
