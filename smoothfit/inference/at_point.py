"""What a model says at one point: the yields of every process, the NLL and its parts.

One compiled call for all of it, for those who ask often (:mod:`smoothfit.live`): what it costs is mostly the
expectation, which the parts share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .._compilation import compiled, fetched
from .._pytree import resolve
from .._types import Array, FloatArray
from ..prepared import Prepared
from . import evaluation, inputs, prediction
from .bands import groups_of
from .batching import Held
from .context import Context
from .goodness.saturated import Saturated, parts_of_one
from .goodness.statistics import counted_bins
from .prediction import Groups

__all__ = ["AtPoint", "Observed", "count_traces"]


class AtPoint(NamedTuple):
    """What is expected at values of the parameters, and how likely the data are there."""

    processes: FloatArray
    """(process + 1, bin): expected events; the last row is the total."""
    nll: float
    """With all its constants, as :func:`~smoothfit.inference.evaluation.nll`."""
    bins: FloatArray
    """(bin,): 2 (NLL - NLL of a prediction that is equal to the data); 0 in masked channels."""
    constraints: float
    """2 (NLL - smallest NLL) of constraints and users' terms; NaN if the smallest was not found."""


@dataclass(frozen=True, eq=False)
class Observed:
    """A model with its data.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> theta = Variable("theta", 0.0, nuisance=True)
    >>> model = Model().add_proc(Process("bkg", [100.0, 50.0]).add_lnN(theta, 1.1)).prepare()
    >>> obs = np.array([110.0, 40.0])
    >>> found = Observed(Context(model.prepared, model.layout), obs, model.layout.globs)(np.array([2.0]))
    >>> found.processes.round(2)
    array([[121. ,  60.5],
           [121. ,  60.5]])
    >>> found.constraints, bool(np.isclose(found.nll, model.nll([2.0], obs)))
    (4.0, True)
    """

    context: Context
    counts: FloatArray
    """(bin,)"""
    globs: FloatArray
    """(global observable,): the parameters', then the bins'."""

    @cached_property
    def _groups(self) -> Groups:
        return groups_of(self.context)

    @cached_property
    def _best_constraints(self) -> tuple[FloatArray, bool]:
        """Where constraints are most likely, (param + bin param,), and whether that was found."""
        layout, plan = self.context.layout, self.context.prepared.plan
        constant = np.asarray(plan.constant) > 0
        mask = np.concatenate([constant, np.zeros(layout.n_bin_params, dtype=bool)])
        held = Held(mask, np.concatenate([layout.start, layout.bin_centre]))
        values, good = Saturated(self.context, held).values(self.counts[None], self.globs[None])
        return values[0], bool(good[0])

    @cached_property
    def counted(self) -> Any:
        """(bin,): whether a bin is in the likelihood."""
        return counted_bins(self.context)

    def __call__(self, values: Any) -> AtPoint:
        """At values (param,), (param + bin param,) or a dict."""
        x = inputs.values(self.context.layout, values)
        best, good = self._best_constraints
        prepared = resolve(self.context.prepared)
        found: Any = fetched(_at_point(prepared, self._groups, x, best, self.counts, self.globs))
        processes, nll, bins, excess = found
        return AtPoint(processes, float(nll), bins, float(excess) if good else float("nan"))


@compiled
def _at_point(
    prepared: Prepared, groups: Groups, x: Array, best: Array, counts: Array, globs: Array
) -> tuple[Array, Array, Array, Array]:
    bins, excess = parts_of_one(prepared, (x, best, counts, globs))
    nll = evaluation.nll(prepared, x, counts, globs)
    return prediction.process_bins(prepared, groups, x), nll, bins, excess


def count_traces() -> int:
    """How often the function behind this module was traced, in this process."""
    return int(_at_point.count_traces())  # type: ignore[attr-defined]
