"""From a fitter's Solution, which has no names, to the records that users see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..fitters.solution import Solution
from ..layout import Layout
from ..results import Attempt, Conditioning, FitResult, Followers, Pulls, Yields, fit_message
from ..status import Status
from .compiled import Curvature

__all__ = ["fit_result", "process_yields", "pulls", "yields"]


def _named(found: Curvature, layout: Layout) -> Conditioning:
    def names(positions: IntArray) -> tuple[str, ...]:
        return tuple(layout.parameters[i] for i in positions)

    followers = Followers(names(found.followers), found.by_dense, np.sqrt(found.own))
    return Conditioning.of_hessian(names(found.positions), found.hessian, followers)


def _on_kinks(covariance: FloatArray, layout: Layout) -> tuple[str, ...]:
    return tuple(layout.parameters[i] for i in np.flatnonzero(np.isnan(np.diagonal(covariance))))


def fit_result(
    solution: Solution,
    layout: Layout,
    *,
    fitter: str,
    obs: FloatArray,
    globs: FloatArray,
    fixed: BoolArray,
    dense: IntArray,
    curvature_of: Callable[[], Curvature],
    attempts: tuple[Attempt, ...] = (),
    blinded: frozenset[str] = frozenset(),
) -> FitResult:
    """Label a solution.

    ``dense`` are positions of the parameters that the minimiser saw; ``curvature_of()`` gives the Hessian,
    and is called where it has no inverse; ``attempts`` say what was tried before.
    """
    status = int(solution.status)
    at_limit = np.asarray(solution.at_limit) > 0
    covariance = np.asarray(solution.covariance)
    curvature = _named(curvature_of(), layout) if status == Status.NOT_POSITIVE_DEFINITE else None
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
        flat_directions=() if curvature is None else curvature.directions(),
        attempts=attempts,
        kinks=_on_kinks(covariance, layout) if status == Status.ON_KINK else (),
        steps=steps,
    )
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diagonal(covariance))
    return FitResult(
        x=np.concatenate([np.asarray(solution.values), np.asarray(solution.bin_values)]),
        errors=np.concatenate([errors, np.asarray(solution.bin_errors)]),
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
        dense=dense,
        attempts=attempts,
        curvature=curvature,
    )


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
