"""Coverage, bias and pulls of any way to make intervals, from toys where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._types import FloatArray
from ...errors import InvalidValueError
from ...results import Coverage
from ...results.levels import ONE_SIGMA, joint_level
from .. import member_inputs
from .. import toys as numbers_of_toys
from ..context import Context
from ..ensembles import Counted, FitCounts, Precision, block_size, blocks, fresh_seed
from .intervals import Judged, Method, choose
from .tails import binomial_interval
from .truths import Generator, Truth, check_known, truths

__all__ = ["coverage"]

_CALL = "coverage"
_LIMIT_CL = 0.95


def coverage(
    context: Context,
    poi: Any,
    values: Any,
    *,
    method: str | Callable[..., Any] = "minos",
    cl: float | None = None,
    toys: float = 1000,
    seed: int | None = None,
    generator: Any = None,
    fixed: Mapping[Any, Any] | None = None,
    reference_toys: float | None = None,
    mc_error: float | None = None,
    most_toys: float | None = None,
    model: Any = None,
) -> Coverage:
    """How often intervals hold the truth, in toys drawn there; bias and pulls of the estimate.

    Counts and global observables of the toys are drawn at the truth; each toy is fitted as data are. Where a
    test decides whether an interval holds a value, that test is made instead of the interval: two fits a toy
    for "minos" and "feldman_cousins", one for "hessian", five for "upper_limit".

    Parameters
    ----------
    poi
        A scalar Variable or the name of a component.
    values
        The truth: (point,) values of the parameter, the others at their start values; or dicts; or
        (point, param).
    method
        "minos": the profile likelihood. "hessian": estimate and error. "upper_limit": asymptotic CLs.
        "feldman_cousins". Or a function (model, obs, globs) -> (lower, upper), called toy by toy, which may
        raise FitError or give NaN where it fails.
    cl
        Confidence level; None is 68.27%, and 95% for "upper_limit".
    toys
        How many at each point; with ``mc_error``, at least so many.
    seed
        A whole number, or None for fresh entropy; it is in ``.seed`` of the result.
    generator
        Another model with the same channels, which the toys are of: parameters and global observables are
        told apart by their names, and ``values`` are its.
    fixed
        What is held in the fits, as for ``fit``.
    reference_toys
        Of "feldman_cousins": toys of this model at the truth which the others are compared with; as many as
        ``toys`` by default. Their number adds to the error.
    mc_error
        Go on at each point until the error of the coverage is at most this.
    most_toys
        But with no more toys than this; 100 times ``toys`` by default.
    model
        What a function is called with; of ``model.coverage(...)`` that model.

    Returns
    -------
    Coverage
        With binomial errors. Toys whose interval is not known are counted, and not in the coverage; those
        whose fit did not converge are in no number.

    Notes
    -----
    The tests are the intervals under conditions: Minos' if the profiled NLL rises on either side of its
    minimum (an interval is then one piece); CLs' if CLs falls with the parameter; for "feldman_cousins" toys
    are compared at the true nuisances, which data do not know, so that with nuisances it is what the
    construction would cover if t did not depend on them.

    Raises
    ------
    InvalidValueError, InvalidTypeError, ShapeMismatchError, UnknownNameError
        For values outside the bounds, methods that are none, and models that do not fit together.

    Examples
    --------
    Minos of a count whose mean is 0.4, 1 or 2: of the Poisson probability 94%, 55% and 72% are covered.

    >>> import numpy as np
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [1.0]).scale_by(mu)).prepare()
    >>> found = model.coverage(mu, [0.4, 1.0, 2.0], toys=2000, seed=1)
    >>> bool(np.all(np.abs(found.coverage - [0.938, 0.552, 0.722]) < 4.0 * found.errors))
    True
    """
    position = _position(context, poi)
    name = context.layout.names[position]
    level = (_LIMIT_CL if method == "upper_limit" else ONE_SIGMA) if cl is None else cl
    joint_level(level, 1, _CALL)
    precision = Precision.of(toys, mc_error, most_toys, call=_CALL)
    references = precision.toys if reference_toys is None else numbers_of_toys.count(reference_toys, _CALL)
    source = context if generator is None else generator
    check_known(source.layout, name, _CALL)
    free = member_inputs.held(context, fixed)
    if free.mask.ndim != 1 or free.mask[position]:
        raise InvalidValueError(f"{_CALL}: '{name}' is held in the fits; leave it out of fixed.")
    drawn = Generator(source, context, _CALL)
    study = _Study(context, position, drawn, fresh_seed(seed), precision, references)
    points = truths(drawn, name, values, _CALL)
    return study.record(points, lambda counts: choose(method, model, context, position, free, level, counts))


def _position(context: Context, poi: Any) -> int:
    at = context.layout.positions(poi)
    if len(at) != 1:
        names = ", ".join(context.layout.names[i] for i in at[:6])
        raise InvalidValueError(f"{_CALL}: one parameter is studied at a time; name one of: {names}.")
    return at[0]


@dataclass(eq=False)
class _Tally:
    """Of the toys at one point."""

    covered: int = 0
    known: int = 0
    failed: int = 0
    residuals: list[FloatArray] = field(default_factory=list)
    pulls: list[FloatArray] = field(default_factory=list)

    def add(self, judged: Judged, position: int, truth: float) -> None:
        good = judged.known & judged.free.at_minimum
        self.known += int(good.sum())
        self.failed += int((~good).sum())
        self.covered += int(judged.covered[good].sum())
        assert judged.free.errors is not None
        fitted = judged.free.at_minimum
        residuals = judged.free.x[fitted, position] - truth
        with np.errstate(invalid="ignore", divide="ignore"):
            pulls = residuals / judged.free.errors[fitted, position]
        self.residuals.append(residuals)
        self.pulls.append(pulls[np.isfinite(pulls)])

    def row(self, reference_error: float) -> dict[str, Any]:
        """What the record has of a point."""
        low, high = binomial_interval(self.covered, self.known, ONE_SIGMA) if self.known else (0.0, 1.0)
        residuals, pulls = np.concatenate(self.residuals), np.concatenate(self.pulls)
        bias, mean, width = _mean(residuals), _mean(pulls), _width(pulls)
        return {
            "coverage": self.covered / self.known if self.known else np.nan,
            "low": low,
            "high": high,
            "reference_errors": reference_error,
            "bias": bias.value,
            "bias_errors": bias.error,
            "pull_mean": mean.value,
            "pull_mean_errors": mean.error,
            "pull_width": width.value,
            "pull_width_errors": width.error,
            "toys": self.known,
            "failed_toys": self.failed,
            "without_error": len(residuals) - len(pulls),
        }


def _mean(values: FloatArray) -> Counted:
    if len(values) < 2:
        return Counted(np.nan, np.nan)
    return Counted(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def _width(values: FloatArray) -> Counted:
    """The standard deviation; its error from the fourth moment, as pulls need not be Gaussian."""
    if len(values) < 2:
        return Counted(np.nan, np.nan)
    centred = values - values.mean()
    second, fourth = np.mean(centred**2), np.mean(centred**4)
    width = float(values.std(ddof=1))
    if second == 0.0:
        return Counted(width, np.nan)
    error = np.sqrt(max(fourth - second**2, 0.0) / len(values)) / (2.0 * np.sqrt(second))
    return Counted(width, float(error))


@dataclass(frozen=True, eq=False)
class _Study:
    """Toys at one point after the other."""

    context: Context
    position: int
    generator: Generator
    seed: int
    precision: Precision
    references: int

    def record(self, points: list[Truth], make: Callable[[FitCounts], Method]) -> Coverage:
        """All points; ``make`` gives the method, with where its fits are counted."""
        counts = FitCounts()
        columns = [self.at(k, truth, make(counts)) for k, truth in enumerate(points)]
        method = make(counts)
        return Coverage(
            name=self.context.layout.names[self.position],
            method=method.name,
            cl=float(method.cl),
            truth=np.array([truth.value for truth in points]),
            x=np.array([truth.drawn_at for truth in points]),
            **{column: np.array([row[column] for row in columns]) for column in columns[0]},
            fits=counts.of_toys("frequentist", self.seed, int(sum(row["toys"] for row in columns))),
            seed=self.seed,
            layout=self.context.layout,
            notes=self.generator.notes,
            mc_error=self.precision.error,
        )

    def at(self, k: int, truth: Truth, method: Method) -> dict[str, Any]:
        """The columns of one point."""
        size, tally, added = block_size(self.context), _Tally(), 0.0
        if method.needs_reference:
            self._refer(k, truth, method, size)
            added = float(np.sqrt(method.cl * (1.0 - method.cl) / self.references))

        def work(first: int, n: int) -> tuple[float, float]:
            toys = self.generator.draw(truth, self.seed, 2 * k, first, n)
            tally.add(method.judge(toys, truth), self.position, truth.value)
            row = tally.row(added)
            return row["coverage"], float(np.hypot(0.5 * (row["high"] - row["low"]), added))

        blocks(self.precision, work, size=size, what=_CALL, show=_CALL)
        return tally.row(added)

    def _refer(self, k: int, truth: Truth, method: Method, size: int) -> None:
        """Reference toys, of the model that fits."""
        own = Generator(self.context, self.context, _CALL)
        there = Truth(truth.value, truth.values, truth.values)

        def work(first: int, n: int) -> tuple[float, float]:
            method.refer(own.draw(there, self.seed, 2 * k + 1, first, n), there)
            return np.nan, np.nan

        blocks(Precision(self.references), work, size=size, what=f"{_CALL}: reference")
