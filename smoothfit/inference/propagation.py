"""The covariance of everything, in pieces: linear propagation without a (bin x bin) matrix.

A fit's covariance C over (parameters, bin parameters) consists of the covariance Sigma of the dense
parameters z, of how the eliminated ones e follow them, e = A z, and of what these vary at constant z, the
covariance W, which is diagonal but for parameters that share a bin:

    C = ( Sigma     Sigma A^T        )      W = diag(own) - spread spread^T within each bin
        ( A Sigma   A Sigma A^T + W  )

For a quantity with the gradient q = (q_z, q_e) that gives u = C q, the direction in which everything moves
with it: u_z = Sigma (q_z + A^T q_e) and u_e = A u_z + W q_e. From u follow its variance q^T u, the shift
of everything when it is shifted by d, u d/(q^T u), and every share of its variance (:mod:`.shares`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._pytree import resolve
from .._types import FloatArray, IntArray
from ..errors import InvalidValueError
from ..likelihood.objective import Sensitivity
from ..prepared import Data, Fixed, Plan
from ..results import FitResult
from . import compiled, inputs
from .context import Context
from .fitting import held_values

__all__ = ["Propagation", "data_of_fit", "frozen_propagation", "held_of_fit", "propagation_of"]


@dataclass(frozen=True)
class Propagation:
    """The pieces of a covariance."""

    dense: IntArray
    """(dense,): positions in (parameters, bin parameters)."""
    covariance: FloatArray
    """(dense, dense): Sigma; NaN where there is none."""
    eliminated: IntArray
    """(eliminated,): positions in (parameters, bin parameters)."""
    by_dense: FloatArray
    """(eliminated, dense): A."""
    own: FloatArray
    spread: FloatArray
    """(eliminated,)"""
    place: IntArray
    """(eliminated,): a number that is the same for those of one bin."""

    def directions(self, gradients: FloatArray) -> FloatArray:
        """(quantity, param + bin param): u = C q for gradients q of that shape."""
        of_eliminated = gradients[:, self.eliminated]
        found = np.zeros(gradients.shape)
        moved = (gradients[:, self.dense] + of_eliminated @ self.by_dense) @ self.covariance
        found[:, self.dense] = moved
        follows = moved @ self.by_dense.T + of_eliminated * self.own
        shared = np.zeros((len(gradients), int(self.place.max(initial=-1)) + 1))
        for row, weighted in zip(shared, of_eliminated * self.spread, strict=True):
            np.add.at(row, self.place, weighted)
        found[:, self.eliminated] = follows - self.spread * shared[:, self.place]
        return found

    def columns(self, positions: IntArray) -> FloatArray:
        """(position, dense): how the dense parameters move with others, the rows of C there."""
        n = max(self.dense.max(initial=-1), self.eliminated.max(initial=-1)) + 1
        in_dense, in_eliminated = np.full(n, -1), np.full(n, -1)
        in_dense[self.dense] = np.arange(len(self.dense))
        in_eliminated[self.eliminated] = np.arange(len(self.eliminated))
        found = np.zeros((len(positions), len(self.dense)))
        is_dense = in_dense[positions] >= 0
        found[is_dense] = self.covariance[in_dense[positions[is_dense]]]
        found[~is_dense] = self.by_dense[in_eliminated[positions[~is_dense]]] @ self.covariance
        return found


def data_of_fit(context: Context, best_fit: FitResult) -> Data:
    """The data that a fit was made with."""
    return inputs.data(context.layout, best_fit.obs, best_fit.globs)


def held_of_fit(context: Context, best_fit: FitResult) -> Fixed:
    """What a fit held, for compiled functions."""
    return inputs.fixed(context.layout, context.prepared, held_values(best_fit))[0]


def propagation_of(context: Context, best_fit: FitResult, call: str) -> Propagation:
    """The covariance of a fit.

    Raises
    ------
    InvalidValueError
        If the fit has none.
    """
    plan = resolve(context.prepared.plan)
    dense = np.asarray(plan.dense)
    covariance = best_fit.hess_inv[np.ix_(dense, dense)]
    if not np.all(np.isfinite(covariance)):
        raise InvalidValueError(f"{call}: the fit has no covariance ({best_fit.message}).")
    data, held = data_of_fit(context, best_fit), held_of_fit(context, best_fit)
    reaction = compiled.sensitivity(context.prepared, data, held, best_fit.x[: plan.n_params])
    return _from_pieces(plan, covariance, reaction)


def frozen_propagation(context: Context, best_fit: FitResult, mask: Any) -> Propagation:
    """The covariance with more parameters held where the best fit has them: ``mask`` (param + bin param,).

    The minimum stays where it is, so that no fit is needed.
    """
    plan = resolve(context.prepared.plan)
    n = plan.n_params
    everything = np.asarray(mask) | best_fit.fixed
    held = Fixed(
        mask=everything[:n].astype(float),
        values=best_fit.x[:n],
        bin_mask=everything[n:].astype(float),
        bin_values=best_fit.x[n:],
    )
    data = data_of_fit(context, best_fit)
    hessian, reaction = compiled.response(context.prepared, data, held, best_fit.x[:n])
    dense = np.asarray(plan.dense)
    free = np.flatnonzero(~everything[dense])
    covariance = np.zeros((len(dense), len(dense)))
    if len(free):
        covariance[np.ix_(free, free)] = _inverse(np.asarray(hessian)[np.ix_(free, free)])
    return _from_pieces(plan, covariance, reaction)


def _inverse(hessian: FloatArray) -> FloatArray:
    """The inverse, NaN if the matrix is not positive definite."""
    diagonal = np.diagonal(hessian)
    if np.any(diagonal <= 0.0):
        return np.full_like(hessian, np.nan)
    scale = 1.0 / np.sqrt(diagonal)
    eigenvalues, vectors = np.linalg.eigh(hessian * scale[:, None] * scale)
    if eigenvalues[0] <= 1e-12 * eigenvalues[-1]:
        return np.full_like(hessian, np.nan)
    return np.asarray((vectors / eigenvalues) @ vectors.T * scale[:, None] * scale)


def _from_pieces(plan: Plan, covariance: FloatArray, reaction: Sensitivity) -> Propagation:
    eliminated, place = np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    by_dense = [np.asarray(reaction.local_by_dense), np.asarray(reaction.lite_by_dense)]
    own = [np.asarray(reaction.local_own), np.asarray(reaction.lite_own)]
    spread = [np.asarray(reaction.local_spread), np.zeros(len(own[1]))]
    if plan.local is not None:
        eliminated = np.asarray(plan.local.at)
        n_places = plan.geometry.n_tiles * plan.geometry.width
        place = np.unique(np.asarray(plan.local.to_flat) % n_places, return_inverse=True)[1]
    if plan.lite is not None:
        eliminated = np.concatenate([eliminated, plan.n_params + np.asarray(plan.lite.number)])
        first = int(place.max(initial=-1)) + 1
        place = np.concatenate([place, first + np.arange(len(own[1]))])
    return Propagation(
        dense=np.asarray(plan.dense),
        covariance=covariance,
        eliminated=eliminated,
        by_dense=np.concatenate(by_dense),
        own=np.concatenate(own),
        spread=np.concatenate(spread),
        place=place,
    )
