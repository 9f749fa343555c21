"""Goodness of fit: how far data are from the fit to them, measured by toys that were fitted alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._checks import check_choice, plural
from ..._types import FloatArray
from ...errors import InvalidValueError
from ...results import FitResult, GoodnessOfFit, ToyCounts
from ...results.tails import tail, tail_error
from .. import compiled, inputs
from ..batching import Held, held_of
from ..context import Context
from ..ensembles import (
    Columns,
    Ensemble,
    FitCounts,
    Precision,
    block_size,
    blocks,
    fit_toys,
    fresh_seed,
    kept,
)
from .measured import n_measured
from .minima import fit_data
from .statistics import STATISTICS, Statistic, Values, counted_bins, make_statistic

__all__ = ["check_kind", "goodness_of_fit"]

_FEW = 5.0
"""Expected events below which the distribution of chi2 is not to be relied on."""
_KINDS = ("frequentist", "bayesian")


def goodness_of_fit(
    context: Context,
    obs: Any,
    *,
    statistic: str = "saturated",
    toys: float | None = 1000,
    seed: int | None = None,
    globs: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    init: Any = None,
    toy_kind: str = "frequentist",
    mc_error: float | None = None,
    most_toys: float | None = None,
) -> GoodnessOfFit:
    """Test how well the model describes data: fit them, and compare with toys of the fit, fitted alike.

    Parameters
    ----------
    obs
        (bin,) counts in events, or {channel: counts or histogram}.
    statistic
        "saturated": 2 (NLL of the fit - NLL of a model that predicts the data in every bin), constraints in
        both. "ks" and "ad": the distances of Kolmogorov and Smirnov, and of Anderson and Darling, between
        data and fit in each channel, summed over channels; they see shapes only. All as in Combine. Masked
        channels are left out.
    toys
        How many, drawn at the fitted values, each fitted. 0 or None for none: then p is that of chi2, for the
        saturated statistic only.
    seed
        Of the toys; None draws fresh entropy, recorded in ``.fits.seed``. Toy i is the same in any number.
    globs, fixed, init
        Of the fit, as :meth:`fit` takes them; toys are fitted with the same parameters held.
    toy_kind
        "frequentist": counts around the fitted expectation, global observables around the fitted parameters.
        "bayesian": parameters from their constraints, global observables as observed.
    mc_error
        Go on after ``toys`` toys until the Monte Carlo error of p is not above this.
    most_toys
        But no further than this; 100 times ``toys`` by default.

    Returns
    -------
    GoodnessOfFit
        ``.observed``, ``.p_value`` (k/N) with ``.p_value_error``, and the same channel by channel. Toys whose
        fit failed, after retries, are NaN in ``.toys`` and counted in ``.fits``.

    Raises
    ------
    FitError
        If the fit to the data did not converge.
    InvalidValueError
        For a statistic that cannot compare this model with data, and options that do not fit each other.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> norm = Variable("norm", 1.0)
    >>> model = Model().add_proc(Process("bkg", [100.0, 80.0, 60.0]).scale_by(norm)).prepare()
    >>> model.goodness_of_fit([90.0, 98.0, 52.0], toys=500, seed=1)
    Goodness of fit, saturated likelihood: 5.92902
    p = 0.0500 ± 0.0099 (k/N)
    500 frequentist toys, seed 1; all 500 fits converged
    chi2 of 2 degrees of freedom: p = 0.0516
    <BLANKLINE>
                 observed  p
    --------------------------------------
    main          5.92902  0.0500 ± 0.0099
    constraints         0
    all           5.92902  0.0500 ± 0.0099
    """
    call = "goodness_of_fit"
    check_choice(f"{call}: statistic", statistic, STATISTICS)
    check_kind(toy_kind, call)
    precision = _precision(toys, mc_error, most_toys, statistic)
    layout = context.layout
    start = layout.start if init is None else inputs.values(layout, init, "init")[: layout.n_params]
    counts, observables = inputs.counts(layout, obs), inputs.globs(layout, globs)
    best_fit = fit_data(context, counts, observables, fixed, start, look=True)
    measure = make_statistic(statistic, context, held_of(context, best_fit))
    observed = measure(best_fit.x[None], counts[None], observables[None])
    _check_defined(observed, measure, statistic)
    running = _Running(statistic, measure, observed)
    fits = None
    if precision is not None:
        ensemble = Ensemble(context, best_fit.x, fresh_seed(seed), toy_kind, globs=observables)
        fits = running.through(ensemble, best_fit, precision)
    found = running.values()
    return GoodnessOfFit(
        statistic=statistic,
        observed=float(observed.total[0]),
        toys=found.total,
        channels=tuple(channel.name for channel in measure.channels),
        channel_observed=observed.channels[0],
        channel_toys=found.channels,
        constraints=float(observed.total[0] - observed.channels[0].sum()),
        ndof=_ndof(context, best_fit) if statistic == "saturated" else 0,
        fits=fits,
        notes=tuple(_notes(context, best_fit, measure, statistic)),
        hidden=np.array([channel.name in context.blinded for channel in measure.channels], dtype=bool),
    )


def check_kind(kind: Any, call: str) -> None:
    """What toys of a test may be."""
    note = ""
    if kind == "bootstrap":
        note = " (Toys around the data say nothing of how data scatter around the model.)"
    check_choice(f"{call}: toy_kind", kind, _KINDS, note=note)


def _precision(toys: Any, mc_error: Any, most: Any, statistic: str) -> Precision | None:
    none = toys is None or (isinstance(toys, int | float | np.number) and toys is not False and toys == 0)
    if not none:
        return Precision.of(toys, mc_error, most, call="goodness_of_fit")
    if statistic != "saturated":
        raise InvalidValueError(
            f"goodness_of_fit: the distribution of '{statistic}' is known from toys only; give toys=1000."
        )
    if mc_error is not None or most is not None:
        raise InvalidValueError(
            "goodness_of_fit: mc_error and most_toys are about toys; give a number of toys, too."
        )
    return None


def _check_defined(observed: Values, measure: Statistic, statistic: str) -> None:
    for channel, value in zip(measure.channels, observed.channels[0], strict=True):
        if not np.isfinite(value):
            raise InvalidValueError(
                f"goodness_of_fit: nothing is expected in channel '{channel.name}' at the fit, so that "
                f"'{statistic}' has no distribution to compare with; mask the channel, or use "
                "statistic='saturated'."
            )
    if not np.isfinite(observed.total[0]):
        raise InvalidValueError(
            "goodness_of_fit: the largest value of the constraints was not found; users' terms or densities "
            "may have none. Use statistic='ks' or 'ad'."
        )


@dataclass
class _Running:
    """Toys so far, and the p-value that they give."""

    statistic: str
    measure: Statistic
    observed: Values
    counts: FitCounts = field(default_factory=FitCounts)
    parts: list[Values] = field(default_factory=list)

    def values(self) -> Values:
        """Of all toys so far."""
        if not self.parts:
            return Values(np.zeros(0), np.zeros((0, len(self.measure.channels))))
        total, channels = zip(*self.parts, strict=True)
        return Values(np.concatenate(total), np.concatenate(channels))

    def through(self, ensemble: Ensemble, best_fit: FitResult, precision: Precision) -> ToyCounts:
        """Draw and fit toys until there are enough."""
        context = ensemble.context
        held, start = held_of(context, best_fit), best_fit.x[: context.layout.n_params]

        def work(first: int, n: int) -> tuple[float, float]:
            self.parts.append(self._block(ensemble, first, n, held, start))
            toys = np.concatenate([part.total for part in self.parts])
            p = tail(toys, self.observed.total[0])
            return float(p), float(tail_error(p, toys))

        made = blocks(precision, work, size=block_size(context), what="toys", show="p =")
        return self.counts.of_toys(ensemble.kind, ensemble.seed, made)

    def _block(self, ensemble: Ensemble, first: int, n: int, held: Held, start: FloatArray) -> Values:
        names = [channel.name for channel in self.measure.channels]

        def make(counts: FitCounts) -> Columns:
            drawn = ensemble.draw(first, n)
            found = fit_toys(ensemble.context, drawn, fixed=held, start=start, counts=counts)
            total, channels = self.measure(found.x, drawn.counts, drawn.globs)
            columns = {"all": total} | {f"in {name}": of for name, of in zip(names, channels.T, strict=True)}
            return {name: np.where(found.at_minimum, of, np.nan) for name, of in columns.items()}

        decides = {"statistic": self.statistic, "held": held.mask, "start": start}
        columns = kept("goodness of fit", ensemble, first, n, self.counts, make, **decides)
        in_channels = [columns[f"in {name}"] for name in names]
        return Values(columns["all"], np.stack(in_channels, axis=1) if names else np.zeros((n, 0)))


def _ndof(context: Context, best_fit: FitResult) -> int:
    """Bins, and what likelihoods of other programs measure, less the parameters without a constraint."""
    layout = context.layout
    # A flat range is no measurement.
    unknown = [i for v in layout.variables if v.constraint in (None, "Uniform") for i in v.indices]
    bins = int(counted_bins(context).sum()) + n_measured(context, best_fit)
    return bins - int(np.sum(~best_fit.fixed[unknown]))


def _notes(context: Context, best_fit: FitResult, measure: Statistic, statistic: str) -> list[str]:
    notes = []
    if statistic == "saturated":
        expected = np.asarray(compiled.expected(context.prepared, best_fit.x))
        few = int(np.sum(expected[counted_bins(context)] < _FEW))
        if few:
            verb = "expects" if few == 1 else "expect"
            notes.append(
                f"{plural(few, 'bin')} {verb} fewer than {_FEW:g} events: chi2 is an approximation there"
            )
        if best_fit.at_limit.any():
            notes.append("a parameter is at its limit: the statistic is not distributed as chi2")
        return notes
    single = [c.name for c in measure.channels if c.stop - c.start == 1]
    if single:
        notes.append(f"no shape to compare, always 0: {', '.join(single)}")
    several = [c.name for c in measure.channels if len(c.axes) > 1]
    if several:
        notes.append(f"bins of several axes are taken in their order: {', '.join(several)}")
    empty = [c.name for c in measure.channels if best_fit.obs[c.bins].sum() == 0.0]
    if empty:
        notes.append(f"no data, {statistic} is -1 by convention: {', '.join(empty)}")
    return notes
