"""The saturated model: it predicts what was observed in every bin, under the same constraints.

Its likelihood is the highest that any prediction has with these data: each bin is expected as observed, and
each constrained parameter is where its constraint, given its global observable, has it. The statistic is

    t = 2 (NLL_fit - NLL_saturated) = sum over bins of 2 (NLL_j(nu_j) - NLL_j(d_j)) + 2 (NLL_C - min NLL_C),

NLL_C being that of all constraints and users' terms; Combine (``GoodnessOfFit --algo saturated``) and
cabinetry compute the same, S. Baker and R. Cousins, Nucl. Instrum. Meth. 221 (1984) 437 is the source. What
is held stays held in both. The first sum is taken channel by channel; the last term belongs to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..._compilation import compiled
from ..._pytree import resolve
from ..._types import Array, BoolArray, FloatArray
from ...likelihood import constraint, local, objective
from ...prepared import Fixed, Prepared
from ...probability import data_deviance
from ...status import Status
from .. import prediction
from ..batching import Held, refit
from ..context import Context
from ..evaluation import data_of
from .pieces import PIECE, in_pieces

__all__ = ["MODES", "Deviance", "Saturated", "deviance", "parts_of_one"]

MODES: dict[str, Callable[..., FloatArray]] = {
    "asymmetric": lambda glob, down, up: glob,
    "gamma": lambda glob, width: (glob - 1.0) * width**2,
    "lognormal": lambda glob, kappa: glob,
    "uniform": lambda glob, lower, upper: glob,
}
"""Where a constraint on a parameter is largest, by its kind; Gaussian and Poisson ones are written out."""


@dataclass(frozen=True, eq=False)
class Saturated:
    """The saturated model of a prepared one, with the same parameters held."""

    context: Context
    held: Held

    def values(self, counts: FloatArray, globs: FloatArray) -> tuple[FloatArray, BoolArray]:
        """(toy, param + bin param) at which the constraints are largest, and where that was found.

        Parameters
        ----------
        counts, globs
            (toy, bin) and (toy, global observable), the bins' last.
        """
        found = self._modes(globs)
        good = np.ones(len(globs), dtype=bool)
        if not self._together.any():
            return found, good
        # Correlations at limits, users' densities and terms: minimised over, without the data.
        n = self.context.layout.n_params
        held = Held(np.broadcast_to(~self._together | self.held.mask, found.shape), found)
        ends = refit(
            self._without_data,
            counts=counts,
            globs=globs,
            fixed=held,
            start=found[:, :n],
            what="saturated model",
        )
        # What a term of all values does not depend on is flat.
        good = np.isin(ends.status, (Status.CONVERGED, Status.NOT_POSITIVE_DEFINITE))
        return np.where(self._together, ends.x, found), good

    def _modes(self, globs: FloatArray) -> FloatArray:
        """Of each constraint by itself, within the limits; held parameters where they are held."""
        layout, templates = self.context.layout, self.context.prepared.templates
        n, plan = layout.n_params, self.context.prepared.plan.constraint
        start = np.concatenate([layout.start, layout.bin_centre])
        found = np.tile(start, (len(globs), 1))
        n_globs = len(layout.constrained)
        found[:, layout.constrained] = globs[:, :n_globs]
        poisson = np.flatnonzero(np.asarray(plan.poisson) > 0)
        found[:, poisson] /= np.asarray(templates.tau)[poisson]
        for kind, members in plan.kinds.items():
            at = np.asarray(resolve(members))
            numbers = (np.asarray(x) for x in templates.constraint_numbers[kind])
            found[:, at] = MODES[kind](found[:, at], *numbers)
        tau = layout.bin_tau
        found[:, n:] = globs[:, n_globs:] / np.where(tau > 0.0, tau, 1.0)
        found = np.clip(found, *layout.bounds)
        return np.where(self.held.mask, self.held.values, found)

    @cached_property
    def _together(self) -> BoolArray:
        """(param + bin param,): which have no closed form and are not held."""
        layout, plan = self.context.layout, resolve(self.context.prepared.plan.constraint)
        found = np.zeros(len(self.held.mask), dtype=bool)
        for arguments in (*plan.densities.arguments, *plan.term_arguments):
            for at in arguments:
                found[np.asarray(at)] = True
        correlated = np.asarray(plan.correlated)
        bounded = np.isfinite(layout.lower[correlated]) | np.isfinite(layout.upper[correlated])
        if np.any(bounded | self.held.mask[correlated]):
            found[correlated] = True
        return found & ~self.held.mask

    @cached_property
    def _without_data(self) -> Context:
        plan = self.context.prepared.plan
        geometry = replace(plan.geometry, counted=np.zeros_like(np.asarray(plan.geometry.counted)))
        prepared = Prepared(templates=self.context.prepared.templates, plan=replace(plan, geometry=geometry))
        return replace(self.context, prepared=prepared)


class Deviance(NamedTuple):
    """Twice the distance in NLL from the saturated model, in parts."""

    bins: FloatArray
    """(toy, bin): of the data; 0 in masked channels."""
    constraints: FloatArray
    """(toy,): of everything else."""


def deviance(
    context: Context, x: FloatArray, saturated: FloatArray, counts: FloatArray, globs: FloatArray
) -> Deviance:
    """The parts of t at ``x``, with the saturated model at ``saturated``, (toy, param + bin param) each."""
    return Deviance(*in_pieces(_parts, context.prepared, x, saturated, counts, globs))


@compiled
def _parts(
    prepared: Prepared, x: Array, saturated: Array, counts: Array, globs: Array
) -> tuple[Array, Array]:
    return jax.lax.map(partial(parts_of_one, prepared), (x, saturated, counts, globs), batch_size=PIECE)


def parts_of_one(prepared: Prepared, arrays: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
    """(bin,) and (): the parts of one (x, saturated, counts, globs); traceable."""
    x, saturated, counts, globs = arrays
    problem = _posed(prepared, x, counts, globs)
    geometry = problem.derived.plan.geometry
    nu = objective.to_tiles(prediction.expected(prepared, x), geometry.from_flat)
    of_data = data_deviance(nu, problem.bins.counts, problem.bins.data_variance)
    in_tiles = jnp.where(problem.bins.valid > 0, of_data, 0.0)
    excess = _of_constraints(problem, x) - _of_constraints(
        _posed(prepared, saturated, counts, globs), saturated
    )
    return 2.0 * in_tiles.ravel()[geometry.to_flat], 2.0 * excess


def _posed(prepared: Prepared, vector: Array, counts: Array, globs: Array) -> objective.Problem:
    """With everything held at ``vector``."""
    p, bins = prediction.split_values(prepared.plan, vector)
    fixed = Fixed(mask=jnp.ones_like(p), values=p, bin_mask=jnp.ones_like(bins), bin_values=bins)
    return objective.pose(prepared, data_of(prepared, counts, globs), fixed)


def _of_constraints(problem: objective.Problem, vector: Array) -> Array:
    """The NLL, less constants, of all but the data: constraints, bin parameters, users' terms."""
    derived, bins = problem.derived, problem.bins
    p = vector[: derived.plan.n_params]
    total = constraint.value(derived, p, problem.param_globs)
    total += constraint.user_terms(derived, p, problem.counts, problem.globs)
    # Bin parameters: those of closed-form bins, and local ones.
    total += 0.5 * jnp.sum(bins.valid * bins.has_parameter * (bins.held_at - bins.globs) ** 2)
    if derived.plan.local is not None and problem.locals_ is not None:
        y = jnp.append(vector, 1.0)[derived.plan.local.position]
        total += local.of_bins(y, problem.locals_)[0]
    return total
