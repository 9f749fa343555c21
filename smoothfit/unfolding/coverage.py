"""The largest tau whose intervals still cover the truth, by toys.

Toys are drawn once, at one truth, and fitted at one tau after the other, from the smallest on (the idea of
undersmoothing: M. Kuusela and V. Panaretos, Ann. Appl. Stat. 9 (2015) 1671, arXiv:1505.04768, take less
regularisation than is best for the mean squared error until intervals cover).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, FloatArray
from ..fitters import solve
from ..inference import draws
from ..prepared import Data, Fixed, Prepared
from ..status import Status
from .choice import Choice
from .penalised import Penalised, Point

__all__ = ["NOMINAL", "Coverage", "CoverageToys", "choose_by_coverage"]

NOMINAL = 0.6826894921370859
"""Probability within one standard deviation."""


@compiled
def _fit_toys(prepared: Prepared, batch: Data, fixed: Fixed, start: Array) -> tuple[Array, Array, Array]:
    """Values, covariances and statuses, one a toy."""

    def one(data: Data) -> tuple[Array, Array, Array]:
        found = solve(prepared, data, fixed, start)
        return found.values, found.covariance, found.status

    return jax.lax.map(one, batch)


class Coverage(NamedTuple):
    """Mean coverage of the truth bins at one tau, its Monte Carlo error, and how many fits failed."""

    mean: float
    error: float
    failed: int


class CoverageToys:
    """Toys at one truth, to be fitted at any tau.

    Parameters
    ----------
    vector
        (param + bin param,): where toys are drawn.
    """

    def __init__(self, problem: Penalised, vector: FloatArray, n: float, seed: int | None) -> None:
        self._problem, self._vector = problem, vector
        context = problem.context
        counts = draws.toy_pred(context, vector, n, seed=seed)
        self.seed = int(counts.seed)  # type: ignore[arg-type]
        globs = np.asarray(draws.toy_glob(context, vector, n, seed=self.seed))
        n_globs = len(context.layout.constrained)
        self._data = Data(counts=np.asarray(counts), globs=globs[:, :n_globs], bin_globs=globs[:, n_globs:])

    def at(self, tau: float) -> Coverage:
        """Fit all toys at one tau.

        Each bin counts as covered where its distance to the truth is at most one error of the sandwich
        covariance of that toy's own fit; bins that do not vary are left out, toys whose fit failed, too.
        """
        problem, at = self._problem, self._problem.at
        prepared = resolve(problem.prepared(tau))
        start = self._vector[: problem.context.layout.n_params]
        values, covariances, status = (
            np.asarray(a) for a in _fit_toys(prepared, self._data, problem.held, start)
        )
        good = status == Status.CONVERGED
        of_mu = covariances[good][:, at][:, :, at]
        pulled = problem.regularisation.rows @ of_mu
        variance = np.einsum("tii->ti", of_mu) - tau**2 * np.sum(pulled**2, axis=1)
        varies = np.einsum("tii->ti", of_mu) > 0.0
        within = (values[good][:, at] - self._vector[at]) ** 2 <= variance
        n_good = int(np.sum(good))
        if n_good < 2:
            return Coverage(np.nan, np.nan, len(status) - n_good)
        # A toy's bins are correlated: the error comes from the scatter of the toys' means.
        means = np.sum(within & varies, axis=1) / np.maximum(np.sum(varies, axis=1), 1)
        return Coverage(
            float(np.mean(means)), float(np.std(means, ddof=1) / np.sqrt(n_good)), len(status) - n_good
        )


def choose_by_coverage(
    points: list[Point], toys: CoverageToys, tolerance: float
) -> tuple[Choice, dict[float, Coverage]]:
    """The largest tau of the scan up to which the mean coverage lacks no more than the tolerance.

    Later points of the scan are not fitted: where bias dominates, coverage can come back by accident.
    """
    found: dict[float, Coverage] = {}
    best = None
    for point in points:
        if not point.success:
            continue
        found[point.tau] = toys.at(point.tau)
        if not found[point.tau].mean >= NOMINAL - tolerance:
            break
        best = point.tau
    remark = f"Toys of seed {toys.seed}."
    failed = max((one.failed for one in found.values()), default=0)
    if failed:
        remark += f" Up to {failed} toys' fits failed at a tau, and are left out."
    if best is None:
        return Choice(points[0].tau, [], f"No tau of the scan covers: the smallest is taken. {remark}"), found
    shown = f"Mean coverage {found[best].mean:.4f} ± {found[best].error:.4f} at tau = {best:.4g}."
    if best == points[-1].tau:
        shown += " This is the largest tau of the scan: scan further."
    return Choice(best, [], f"{shown} {remark}"), found
