"""Impacts as the file that Combine's tools draw: what ``plotImpacts.py`` of CombineHarvester reads.

{"method": ..., "POIs": [{"name", "fit": [low, best, high]}, ...],
 "params": [{"name", "type", "groups", "prefit": [low, centre, high], "fit": [low, best, high],
             poi: [at the nuisance's low end, best, at its high end], "impact_" + poi: the larger shift}]}
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._files import write_files
from .._types import FloatArray
from ..errors import InvalidTypeError, InvalidValueError
from ..results import FitResult, Impacts

__all__ = ["combine_impacts", "write_combine_impacts"]

_TYPES = {"Gaussian": "Gaussian", "Poisson": "Poisson", "AsymmetricGaussian": "AsymmetricGaussian"}
_METHODS = {"traditional": "default", "prefit": "prefit", "global": "global observables"}


def write_combine_impacts(
    impacts: Impacts,
    best_fit: FitResult,
    path: str | os.PathLike[str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the ``impacts.json`` that Combine's ``plotImpacts.py`` reads.

    Parameters
    ----------
    impacts
        Of kind "traditional" for what Combine calls impacts; others are written alike.
    best_fit
        The fit they were made with.
    path
        The file.
    groups
        {group: nuisances}, such as ``model.receipt.groups``; by default the variables' own.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For impacts on blinded parameters, none that converged, or a fit of other parameters.
    OutputFileError
        If the file cannot be written; an existing one is then unchanged.

    Notes
    -----
    Nuisances whose shifts are not known stand in a list of their own, "failed", which the tool ignores.
    """
    document = combine_impacts(impacts, best_fit, groups=groups)
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    write_files({path: f"{text}\n".encode()})


def combine_impacts(
    impacts: Impacts, best_fit: FitResult, *, groups: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """The content of the file; see :func:`write_combine_impacts`.

    Examples
    --------
    >>> from smoothfit import Model, Process, Variable
    >>> mu, lumi = Variable("mu", 1.0), Variable("lumi", 0.0, nuisance=True)
    >>> model = Model().add_proc(Process("sig", [400.0]).scale_by(mu).add_lnN(lumi, 1.05)).prepare()
    >>> best_fit = model.fit([400.0])
    >>> found = combine_impacts(model.impacts(mu, best_fit), best_fit)
    >>> found["params"][0]["prefit"], found["params"][0]["mu"]
    ([-1.0, 0.0, 1.0], [1.05, 1.0, 0.9524])
    """
    if not isinstance(impacts, Impacts) or not isinstance(best_fit, FitResult):
        given = f"{type(impacts).__name__} and {type(best_fit).__name__}"
        raise InvalidTypeError(f"combine_impacts: Impacts and a FitResult are expected, got {given}.")
    if np.any(impacts.hidden):
        hidden = [poi for poi, is_hidden in zip(impacts.pois, impacts.hidden, strict=True) if is_hidden]
        raise InvalidValueError(f"combine_impacts: '{hidden[0]}' is blinded; unblind() and ask again.")
    known = set(best_fit.names)
    unknown = [name for name in impacts.names if name not in known]
    if unknown:
        raise InvalidValueError(
            f"combine_impacts: best_fit has no parameter '{unknown[0]}'; give the fit that the impacts were "
            "made with."
        )
    shifts = np.concatenate([impacts.up, impacts.down], axis=1)
    usable = np.asarray(np.all(np.isfinite(shifts), axis=1))
    found = [_parameter(impacts, best_fit, int(i), groups) for i in np.flatnonzero(usable)]
    if not found:
        raise InvalidValueError("combine_impacts: there is no nuisance whose impacts are known.")
    pois = zip(impacts.pois, impacts.values, impacts.errors, strict=True)
    return {
        "method": _METHODS[impacts.kind],
        "POIs": [{"name": name, "fit": _around(value, error, error)} for name, value, error in pois],
        "params": found,
        "failed": [name for name, good in zip(impacts.names, usable, strict=True) if not good],
    }


def _around(value: float, below: float, above: float) -> list[float]:
    return [float(value - below), float(value), float(value + above)]


def _parameter(
    impacts: Impacts, best_fit: FitResult, i: int, groups: Mapping[str, Sequence[str]] | None
) -> dict[str, Any]:
    layout, name = best_fit.layout, impacts.names[i]
    at = layout.positions(name)[0]
    centre, below, above = _prefit(best_fit, at)
    value = float(best_fit.x[at])
    fit = _around(value, best_fit.errors[at], best_fit.errors[at])
    if impacts.kind == "traditional":
        fit = [float(impacts.bound_down[i]), value, float(impacts.bound_up[i])]
    entry: dict[str, Any] = {
        "name": name,
        "type": _type(best_fit, at),
        "groups": _groups(best_fit, at, name, groups),
        "prefit": _around(centre, below, above),
        "fit": fit,
    }
    for q, poi in enumerate(impacts.pois):
        best, up, down = float(impacts.values[q]), float(impacts.up[i, q]), float(impacts.down[i, q])
        entry[poi] = [best + down, best, best + up]
        entry[f"impact_{poi}"] = max(abs(up), abs(down))
    return entry


def _prefit(best_fit: FitResult, at: int) -> tuple[float, float, float]:
    """Centre and uncertainties before the fit; a free parameter has its start value, and none."""
    layout = best_fit.layout
    n = layout.n_params
    if at >= n:
        width = float(layout.bin_widths[at - n])
        return float(layout.bin_centre[at - n]), width, width
    numbers: list[FloatArray] = [layout.prefit.centre, layout.prefit.below, layout.prefit.above]
    centre, below, above = (float(column[at]) for column in numbers)
    return (float(layout.start[at]), 0.0, 0.0) if np.isnan(centre) else (centre, below, above)


def _type(best_fit: FitResult, at: int) -> str:
    layout = best_fit.layout
    if at >= layout.n_params:
        return "Poisson" if layout.bin_counting[at - layout.n_params] else "Gaussian"
    kind = next(variable.constraint for variable in layout.variables if at in variable.indices)
    return "Unconstrained" if kind is None else _TYPES.get(kind, "Unrecognised")


def _groups(best_fit: FitResult, at: int, name: str, groups: Mapping[str, Sequence[str]] | None) -> list[str]:
    owner = next((v for v in best_fit.layout.variables if at in v.indices), None)
    if groups is None:
        return [owner.group] if owner is not None and owner.group is not None else []
    names = {name} if owner is None else {name, owner.name}
    return [group for group, members in groups.items() if names & set(members)]
