"""How often intervals hold the truth, and how estimates scatter around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import FloatArray, IntArray
from ..layout import Layout
from ..render import Cell, Measured, Table
from .record import Columns, Record, plain
from .toy_counts import ToyCounts

__all__ = ["Coverage"]


@dataclass(frozen=True, eq=False, repr=False)
class Coverage(Record):
    """Coverage, bias and pulls of one parameter, from toys at points where the truth is known.

    Toys whose interval failed are not in the coverage, and are counted; bias and pulls are of all toys whose
    fit converged. There is nothing of observed data in it, hence nothing that blinding would hide.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [400.0]).scale_by(mu)).prepare()
    >>> found = model.coverage(mu, [1.0], toys=500, seed=1)
    >>> bool(abs(found.coverage[0] - 0.6827) < 4.0 * found.errors[0])
    True
    """

    name: str
    """The parameter."""
    method: str
    cl: float
    truth: FloatArray
    """(point,): its true value."""
    x: FloatArray
    """(point, param + bin param): where toys were drawn, in the parameters of the model they came from."""
    coverage: FloatArray
    """(point,): the part of the toys whose interval holds the truth."""
    low: FloatArray
    """(point,): central 68.27% interval of the coverage (Clopper and Pearson)."""
    high: FloatArray
    reference_errors: FloatArray
    """(point,): what the finite number of reference toys adds to the error of the coverage; else 0."""
    bias: FloatArray
    """(point,): mean of estimate - truth."""
    bias_errors: FloatArray
    pull_mean: FloatArray
    """(point,): mean of (estimate - truth)/error."""
    pull_mean_errors: FloatArray
    pull_width: FloatArray
    """(point,): their standard deviation."""
    pull_width_errors: FloatArray
    toys: IntArray
    """(point,): toys whose fits and intervals are known."""
    failed_toys: IntArray
    """(point,): toys without an interval."""
    without_error: IntArray
    """(point,): toys whose estimate has no error, and hence no pull."""
    fits: ToyCounts
    seed: int
    layout: Layout
    notes: tuple[str, ...] = ()
    """What the two models do not share, if toys are from another one."""
    mc_error: float | None = None
    """What was asked for."""

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def errors(self) -> FloatArray:
        """(point,): of the coverage: half the interval, and what reference toys add."""
        return np.asarray(np.hypot(0.5 * (self.high - self.low), self.reference_errors))

    def heading(self) -> str:
        """The method, and what failed if anything did."""
        lines = [
            f"Coverage of {self.method} intervals of {self.name} at {100.0 * self.cl:.4g}%; "
            f"{self.fits.of_fits}."
        ]
        if np.any(self.failed_toys):
            lines.append(f"{int(self.failed_toys.sum())} toys have no interval, and are not in the coverage.")
        if np.any(self.without_error):
            lines.append(f"{int(self.without_error.sum())} estimates have no error, and are in no pull.")
        lines += self.notes
        if self.mc_error is not None and np.any(self.errors > self.mc_error):
            lines.append(
                f"The error asked for, {self.mc_error:g}, was not reached with the most toys allowed."
            )
        return "\n".join(lines)

    def _tables(self) -> list[Table]:
        columns = (self.name, "coverage", "bias", "pull mean", "pull width", "toys", "failed")
        rows: list[tuple[Cell, ...]] = []
        for k, truth in enumerate(self.truth):
            pairs = (
                (self.coverage, self.errors),
                (self.bias, self.bias_errors),
                (self.pull_mean, self.pull_mean_errors),
                (self.pull_width, self.pull_width_errors),
            )
            shown = (Measured(float(value[k]), float(error[k])) for value, error in pairs)
            rows.append((float(truth), *shown, int(self.toys[k]), int(self.failed_toys[k])))
        return [Table("", columns, rows, f"seed {self.seed}")]

    def to_dict(self) -> dict[str, Any]:
        """{name, method, cl, truth, coverage, errors, low, high, bias, pull_mean, pull_width, toys ...}."""
        about = {"name": self.name, "method": self.method, "cl": self.cl, "seed": self.seed}
        return plain({**about, **self._columns(), "fits": self.fits.to_dict(), "notes": self.notes})  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        names: tuple[str, ...] = (
            "truth",
            "coverage",
            "errors",
            "low",
            "high",
            "reference_errors",
            "bias",
            "bias_errors",
        )
        names += ("pull_mean", "pull_mean_errors", "pull_width", "pull_width_errors")
        names += ("toys", "failed_toys", "without_error")
        return {name: getattr(self, name) for name in names}
