"""From a fitter's Solution, which has no names, to the records that users see."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..fitters.solution import Solution
from ..layout import Layout
from ..results import ChosenCovariance, FitResult, Pulls, Yields, fit_message
from ..status import Status

__all__ = ["fit_result", "process_yields", "pulls", "yields"]


def _flat_directions(solution: Solution, hessian_of: Any, layout: Layout) -> list[str]:
    """Names of the parameters that the data and constraints leave undetermined."""
    hessian, dense = hessian_of()
    eigenvalues, vectors = np.linalg.eigh(hessian)
    if not np.all(np.isfinite(eigenvalues)):
        return []
    flat = eigenvalues <= 1e-9 * max(float(np.max(np.abs(eigenvalues), initial=0.0)), 1e-300)
    weight = np.abs(vectors[:, flat]).max(axis=1, initial=0.0)
    return [layout.parameters[dense[i]] for i in np.argsort(-weight) if weight[i] > 0.1][:6]


def fit_result(
    solution: Solution,
    layout: Layout,
    *,
    fitter: str,
    obs: FloatArray,
    globs: FloatArray,
    fixed: BoolArray,
    hessian_of: Any,
    blinded: frozenset[str] = frozenset(),
    chosen: ChosenCovariance | None = None,
) -> FitResult:
    """Label a solution. ``hessian_of()`` gives (scaled dense Hessian, parameters), on failure only.

    A solution without a covariance has the errors that ``chosen`` knows.
    """
    status = int(solution.status)
    at_limit = np.asarray(solution.at_limit) > 0
    flat = []
    if status == Status.NOT_POSITIVE_DEFINITE and chosen is None:
        flat = _flat_directions(solution, hessian_of, layout)
    hidden = {sub for v in layout.variables if v.name in blinded for sub in v.sub_names} | blinded
    names = [n for n, limit in zip(layout.parameters, at_limit, strict=True) if limit and n not in hidden]
    edm, smallest_nu, steps = float(solution.edm), float(solution.smallest_nu), int(solution.steps)
    positive_definite = bool(solution.positive_definite)
    message = fit_message(
        status,
        edm=edm,
        smallest_nu=smallest_nu,
        positive_definite=positive_definite,
        at_limit_names=names,
        flat_directions=flat,
        steps=steps,
    )
    covariance, errors = _errors(solution, fixed, chosen)
    return FitResult(
        x=np.concatenate([np.asarray(solution.values), np.asarray(solution.bin_values)]),
        errors=errors,
        fun=float(solution.nll),
        hess_inv=covariance,
        gradient=np.asarray(solution.gradient),
        status=status,
        message=message,
        success=status == Status.CONVERGED,
        at_limit=at_limit,
        fitter=fitter,
        obs=obs,
        globs=globs,
        fixed=fixed,
        layout=layout,
        blinded=blinded,
        edm=edm,
        smallest_nu=smallest_nu,
        positive_definite=positive_definite,
        steps=steps,
        chosen=chosen,
    )


def _errors(
    solution: Solution, fixed: BoolArray, chosen: ChosenCovariance | None
) -> tuple[FloatArray, FloatArray]:
    """The covariance, and the errors (param + bin param,)."""
    with np.errstate(invalid="ignore"):
        if chosen is None:
            covariance = np.asarray(solution.covariance)
            errors = np.concatenate([np.sqrt(np.diagonal(covariance)), np.asarray(solution.bin_errors)])
            return covariance, errors
        n = len(np.asarray(solution.values))
        errors = np.where(fixed, 0.0, np.nan)
        errors[chosen.positions] = np.sqrt(np.diagonal(chosen.covariance))
    return np.broadcast_to(np.nan, (n, n)), errors


def process_yields(layout: Layout, row_tiles: FloatArray, process: str) -> FloatArray:
    """(sub-process, bin) yields of a process over all bins of the model, from (row tile, width)."""
    info = next(p for p in layout.processes if p.name == process)
    result = np.zeros((len(info.sub_procs), layout.n_bins))
    channels = {channel.name: channel for channel in layout.channels}
    for row in layout.rows:
        if row.process == process:
            bins = channels[row.channel].bins
            flat = row_tiles[list(row.row_tiles)].ravel()
            result[row.sub_proc, bins] = flat[: bins.stop - bins.start]
    return result


def yields(
    layout: Layout,
    row_tiles: FloatArray,
    total: FloatArray,
    total_error: FloatArray,
    *,
    title: str,
    obs: FloatArray | None,
    blinded: frozenset[str],
) -> Yields:
    """A record of the yields of all processes."""
    return Yields(
        title=title,
        channels=layout.channels,
        processes=layout.processes,
        per_process={p.name: process_yields(layout, row_tiles, p.name).sum(axis=0) for p in layout.processes},
        total=total,
        total_error=total_error,
        obs=obs,
        blinded=blinded,
    )


def pulls(best_fit: FitResult) -> Pulls:
    """Pulls of the constrained parameters: (fitted - pre-fit)/pre-fit uncertainty, bins left out."""
    layout = best_fit.layout
    rows = []
    for variable in layout.variables:
        for index, name in zip(variable.indices, variable.sub_names, strict=True):
            centre, below, above = (float(column[index]) for column in layout.prefit)
            value = best_fit.x[index]
            width = below if value < centre else above
            if not np.isfinite(width) or best_fit.fixed[index]:
                continue
            # A label names the variable: of an array it would name all components alike.
            label = variable.label if variable.is_scalar else None
            pull = (value - centre) / width
            rows.append((name, label, pull, best_fit.errors[index] / width, variable.group))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    return Pulls(
        names=tuple(columns[0]),
        labels=tuple(columns[1]),
        pull=np.array(columns[2], dtype=float),
        error=np.array(columns[3], dtype=float),
        groups=tuple(columns[4]),
    )
