"""Templates with one parameter up and down, as they are before any fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import FloatArray
from ..errors import InvalidTypeError, InvalidValueError
from ..layout import Layout
from ..preparation import Specification
from ..results import Variations
from . import compiled, inputs, labelling
from .context import Context

__all__ = ["variations"]


def variations(
    context: Context, specification: Specification, nuisance: Any, *, at: Any = None, to: Any = None
) -> Variations:
    """What every process gives with one parameter up and down, with the Monte Carlo errors of the templates.

    Parameters
    ----------
    nuisance
        A Variable, or a name; of an array one component.
    at
        Where the others are: values or a dict; the start values by default.
    to
        Where to put the parameter, (up, down); by default one pre-fit uncertainty to each side of where it
        is, or on its bound if that is nearer.

    Returns
    -------
    Variations
        (bin,) a process; ``smoothfit.plot.systematics`` draws it.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        For a free parameter without ``to``, for several components, and for ``to`` that is no pair of finite
        numbers.
    UnknownNameError
        If nothing has that name.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> lumi = Variable("lumi", 0.0, nuisance=True)
    >>> model = Model().add_proc(Process("bkg", [50.0, 40.0]).add_lnN(lumi, 1.1)).prepare()
    >>> model.variations("lumi").up["bkg"]
    array([55., 44.])
    """
    layout = context.layout
    position = _position(layout, nuisance)
    vector = inputs.values(layout, {} if at is None else at)
    up_value, down_value = _ends(layout, position, vector, to)
    names = [process.name for process in layout.processes]
    sides = []
    for value in (vector[position], up_value, down_value):
        moved = vector.copy()
        moved[position] = value
        rows = np.asarray(compiled.row_yields(context.prepared, moved))
        sides.append({name: labelling.process_yields(layout, rows, name) for name in names})
    nominal, up, down = sides
    owner = layout.variable(layout.names[position])
    owner = owner or next((v for v in layout.variables if position in v.indices), None)
    return Variations(
        name=layout.names[position],
        label=owner.label if owner is not None and owner.is_scalar else None,
        up_value=up_value,
        down_value=down_value,
        channels=layout.channels,
        processes=layout.processes,
        nominal=_summed(nominal),
        up=_summed(up),
        down=_summed(down),
        error=_errors(layout, specification, nominal),
    )


def _summed(rows: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Name -> (bin,), of (sub-process, bin)."""
    return {name: found.sum(axis=0) for name, found in rows.items()}


def _position(layout: Layout, nuisance: Any) -> int:
    found = layout.positions(nuisance)
    if len(found) != 1:
        names = ", ".join(layout.names[i] for i in found[:12])
        raise InvalidValueError(
            f"variations: '{getattr(nuisance, 'name', nuisance)}' has {len(found)} components; "
            f"name one of: {names}."
        )
    return found[0]


def _ends(layout: Layout, position: int, vector: FloatArray, to: Any) -> tuple[float, float]:
    """(up, down): one pre-fit uncertainty away, or as given; never beyond the bounds."""
    name = layout.names[position]
    if to is not None:
        try:
            up, down = (float(value) for value in to)
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(f"variations: to must be two numbers, (up, down), got {to!r}.") from error
        if not np.all(np.isfinite([up, down])):
            raise InvalidValueError(f"variations: to must be finite, got {to!r}.")
        return up, down
    if position < layout.n_params:
        above, below = layout.prefit.above[position], layout.prefit.below[position]
    else:
        above = below = layout.bin_widths[position - layout.n_params]
    if not (np.isfinite(above) and np.isfinite(below)):
        raise InvalidValueError(
            f"variations: '{name}' is free, so that it has no pre-fit uncertainty; say where to put it: "
            "to=(up, down)."
        )
    low, high = (bound[position] for bound in layout.bounds)
    ends = np.clip([vector[position] + above, vector[position] - below], low, high)
    return float(ends[0]), float(ends[1])


def _errors(
    layout: Layout, specification: Specification, nominal: dict[str, FloatArray]
) -> dict[str, FloatArray]:
    """Name -> (bin,): sqrt(f^T V f), with V the covariance of the templates and f what scales them."""
    channels = {channel.name: channel.bins for channel in layout.channels}
    found = {name: np.full(layout.n_bins, np.nan) for name in nominal}
    for process in specification.processes:
        for contrib in process.contribs.values():
            if contrib.sumw2 is None or contrib.channel not in channels:
                continue
            bins = channels[contrib.channel]
            templates = contrib.yields
            now = nominal[process.name][:, bins]
            # A template of 0 has no factor; its error is taken as it is.
            factor = np.divide(now, templates, out=np.ones_like(now), where=templates != 0.0)
            variance = np.sum(factor**2 * contrib.sumw2, axis=0)
            if contrib.covariance is not None:
                variance = np.einsum("kb,klb,lb->b", factor, contrib.covariance, factor)
            found[process.name][bins] = np.sqrt(np.maximum(variance, 0.0))
    return found
