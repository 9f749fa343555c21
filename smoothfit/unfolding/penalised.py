"""A model with a penalty of variable strength: fits at any tau share one compilation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import describe
from .._compilation import compiled
from .._pytree import resolve
from .._types import Array, FloatArray, IntArray
from ..build import Variable
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..fitters import compiled_solve
from ..fitters.solution import Solution
from ..inference import inputs, prediction
from ..inference.context import Context
from ..inference.evaluation import data_of
from ..likelihood import objective
from ..model import Model
from ..prepared import Fixed, Prepared
from ..probability import data_deviance
from ..status import Status
from . import algebra
from .regularisation import Penalty, Regularisation, tau_array

__all__ = ["Chi2", "Penalised", "Point", "chi2_at", "penalise", "with_tau"]


class Chi2(NamedTuple):
    """Twice the NLL, less its constants, and what of it is the data term."""

    total: float
    data: float
    """0 if every bin is expected as observed."""


@compiled
def _terms(
    prepared: Prepared, values: Array, bins: Array, counts: Array, globs: Array
) -> tuple[Array, Array]:
    """The NLL less its constants at values, nothing minimised over, and the data term in it."""
    fixed = Fixed(mask=jnp.ones_like(values), values=values, bin_mask=jnp.ones_like(bins), bin_values=bins)
    problem = objective.pose(prepared, data_of(prepared, counts, globs), fixed)
    nu = prediction.expected(prepared, jnp.concatenate([values, bins]))
    tiles = objective.to_tiles(nu, prepared.plan.geometry.from_flat)
    deviance = data_deviance(tiles, problem.bins.counts, problem.bins.data_variance)
    data = jnp.sum(jnp.where(problem.bins.valid > 0, deviance, 0.0))
    return objective.value(problem, objective.dense_start(problem)), data


def chi2_at(context: Context, vector: FloatArray, obs: FloatArray, globs: FloatArray) -> Chi2:
    """chi2 at ``vector`` (param + bin param,)."""
    n = context.layout.n_params
    total, data = _terms(resolve(context.prepared), vector[:n], vector[n:], obs, globs)
    return Chi2(2.0 * float(total), 2.0 * float(data))


def with_tau(prepared: Prepared, tau: float) -> Prepared:
    """The same with another strength of the penalty, which is the last of the users' terms."""
    *others, captured = prepared.templates.term_captured
    changed = tuple(tau_array(tau) if leaf is not None and np.ndim(leaf) == 3 else leaf for leaf in captured)
    return Prepared(
        templates=replace(prepared.templates, term_captured=(*others, changed)), plan=prepared.plan
    )


@dataclass(frozen=True, eq=False)
class Point:
    """A fit at one tau, and what follows from it; x and matrices are of the truth x."""

    tau: float
    solution: Solution
    success: bool
    vector: FloatArray
    """(param + bin param,)"""
    x: FloatArray
    covariance: FloatArray
    """H^-1 (truth bin, truth bin), with the penalty counted as information."""
    sandwich: FloatArray
    by_log_tau: FloatArray
    """(truth bin,): tau dx/dtau"""
    data: float
    constraints: float
    penalty: float
    norm: float
    """|L (x - f x0)|^2"""
    curvature: float
    correlations: FloatArray
    """(truth bin,): global correlations, of the sandwich."""

    @property
    def chi2(self) -> float:
        """Data and constraints."""
        return self.data + self.constraints


@dataclass(frozen=True, eq=False)
class Penalised:
    """A model with a penalty, its data, and what is held: all but tau."""

    context: Context
    regularisation: Regularisation
    name: str
    """Of mu."""
    at: IntArray
    """(truth bin,): positions of mu among the parameters."""
    obs: FloatArray
    globs: FloatArray
    fixed: Any
    held: Fixed

    @property
    def is_hidden(self) -> bool:
        """Whether any component of mu is blinded."""
        names = {self.name, *(self.context.layout.parameters[position] for position in self.at)}
        return bool(names & self.context.blinded)

    def prepared(self, tau: float) -> Prepared:
        """The arrays at this tau."""
        return with_tau(self.context.prepared, tau)

    @property
    def n_bins(self) -> int:
        """Bins of the likelihood: those of masked channels are none."""
        return int(np.sum(np.asarray(self.context.prepared.plan.geometry.counted)))

    def at_tau(self, tau: float) -> Context:
        """The model at this tau."""
        return replace(self.context, prepared=self.prepared(tau))

    def solve(self, tau: float, start: FloatArray | None = None) -> Point:
        """Fit at one tau, from ``start`` (param,) or from the model's start values if that fails."""
        data = inputs.data(self.context.layout, self.obs, self.globs)
        prepared = self.prepared(tau)
        first = self.context.layout.start if start is None else start
        solution = jax.device_get(compiled_solve(prepared, data, self.held, first))  # type: ignore[arg-type]
        if int(solution.status) != Status.CONVERGED and start is not None:
            again = self.context.layout.start
            solution = jax.device_get(compiled_solve(prepared, data, self.held, again))  # type: ignore[arg-type]
        return self.describe(tau, solution)

    def describe(self, tau: float, solution: Solution) -> Point:
        """What follows from the fit."""
        success = int(solution.status) == Status.CONVERGED
        rows, unit, at = self.regularisation.rows, self.regularisation.unit, self.at
        vector = np.concatenate([solution.values, solution.bin_values])
        mu, covariance = vector[at], np.asarray(solution.covariance)
        of_mu = covariance[np.ix_(at, at)]
        residual = rows @ mu - self.regularisation.target
        norm = float(residual @ residual)
        split = chi2_at(self.at_tau(tau), vector, self.obs, self.globs)
        penalty = tau**2 * norm
        moving = covariance
        if np.all(np.isfinite(covariance)):
            moving = algebra.inside_limits(covariance, np.asarray(solution.at_limit) > 0)
        dmu = algebra.by_log_tau(moving[np.ix_(at, at)], rows, residual, tau)
        spread = algebra.sandwich(of_mu, rows, tau) * unit * unit[:, None]
        constraints = split.total - split.data - penalty
        curvature = float("nan")
        if success and tau > 0.0:
            slope = 2.0 * float(residual @ rows @ dmu)
            curvature = algebra.lcurve_curvature(tau, split.data + constraints, norm, slope)
        return Point(
            tau=tau,
            solution=solution,
            success=success,
            vector=vector,
            x=mu * unit,
            covariance=of_mu * unit * unit[:, None],
            sandwich=spread,
            by_log_tau=dmu * unit,
            data=split.data,
            constraints=constraints,
            penalty=penalty,
            norm=norm,
            curvature=curvature,
            correlations=algebra.global_correlations(spread),
        )


def penalise(
    model: Model, mu: Variable, obs: Any, regularisation: Regularisation, globs: Any, fixed: Any
) -> Penalised:
    """The model with the penalty added, prepared; the model itself stays as it is.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
        If mu is no variable of the model, or of another length than the truth, or if the model has a
        penalty already.
    """
    if not isinstance(model, Model):
        raise InvalidTypeError(f"unfold: expected a Model, got {describe(model)}.")
    if not isinstance(mu, Variable):
        raise InvalidTypeError(f"unfold: mu must be the Variable of the truth bins, got {describe(mu)}.")
    if not isinstance(regularisation, Regularisation):
        raise InvalidTypeError(f"unfold: expected a Regularisation, got {describe(regularisation)}.")
    positions = model.layout.positions(mu)
    if len(positions) != regularisation.n_truth:
        raise ShapeMismatchError(
            f"unfold: '{mu.name}' has {len(positions)} components, the truth {regularisation.n_truth} bins; "
            "give one component a truth bin."
        )
    if any(isinstance(term.fn, Penalty) for term in model.specification.terms):
        raise InvalidValueError(
            "unfold: the model has a penalty already, from add_constraint; unfold adds its own: give a model "
            "without."
        )
    context = model._context_with(regularisation.term(1.0), mu)
    layout = context.layout
    held, _ = inputs.fixed(layout, context.prepared, fixed)
    return Penalised(
        context=context,
        regularisation=regularisation,
        name=mu.name,
        at=np.array(layout.positions(mu)),
        obs=inputs.counts(layout, obs),
        globs=inputs.globs(layout, globs),
        fixed=fixed,
        held=held,
    )
