"""Many fits of one model: one row a member, failures flagged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..layout import Layout
from ..render import Cell, Measured, Named, Rounded, Table
from ..status import Status
from .record import BLINDED, Columns, Record, plain

__all__ = ["BatchFitResult", "status_counts"]


def status_counts(status: IntArray) -> dict[str, int]:
    """{name of a status: how often}, the most frequent first.

    Examples
    --------
    >>> status_counts(np.array([0, 0, 3]))
    {'CONVERGED': 2, 'NOT_FINITE': 1}
    """
    counted = Counter(Status(s).name for s in status.tolist())
    return dict(counted.most_common())


@dataclass(frozen=True, eq=False, repr=False)
class BatchFitResult(Record):
    """The fits of a batch, one row a member.

    A member that did not converge has NaN in ``x``, ``fun`` and ``errors``, and its ``status`` says why.
    ``result["name"]`` or ``result[variable]`` is (member,), or (member, component) for an array variable.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [100.0, 300.0]).scale_by(mu)).prepare()
    >>> model.batch_fit([[100.0, 300.0], [120.0, 280.0], [90.0, 270.0]])
    3 of 3 fits converged.
    <BLANKLINE>
    parameter  mean over members  standard deviation
    ------------------------------------------------
    mu             0.967 ± 0.033               0.058
    """

    x: FloatArray
    """(member, param + bin param)"""
    fun: FloatArray
    """(member,): the NLL at ``x``, with all its constants."""
    status: IntArray
    """(member,): a :class:`~smoothfit.status.Status`."""
    edm: FloatArray
    """(member,): estimated distance to the minimum, in NLL."""
    steps: IntArray
    """(member,)"""
    smallest_nu: FloatArray
    """(member,): the smallest expectation of a bin, in events."""
    at_limit: BoolArray
    """(member, param)"""
    fixed: BoolArray
    """(param + bin param,): held in all members."""
    layout: Layout
    errors: FloatArray | None = None
    """(member, param + bin param): from the covariances, if asked for."""
    blinded: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """(param + bin param,): names, in the order of ``x``."""
        return self.layout.names

    @property
    def success(self) -> BoolArray:
        """(member,): which converged."""
        return np.asarray(self.status == Status.CONVERGED)

    @property
    def message(self) -> str:
        """How many converged, and how the others ended."""
        failed = {name: n for name, n in status_counts(self.status).items() if name != "CONVERGED"}
        ended = ", ".join(f"{n} {name}" for name, n in failed.items())
        found = f"{int(self.success.sum())} of {len(self)} fits converged"
        return f"{found}; the others: {ended}." if failed else f"{found}."

    def __len__(self) -> int:
        return len(self.status)

    def __getitem__(self, key: Any) -> FloatArray:
        """(member,) or (member, component): values of a Variable, a name or a sub-name."""
        at = self.layout.positions(key)
        variable = self.layout.variable(key)
        is_array = variable is not None and not variable.is_scalar
        return self.x[:, at] if is_array else self.x[:, at[0]]

    def _moments(self, i: int) -> tuple[float, float, float]:
        """Mean over converged members, its error, and the standard deviation; NaN if there are too few."""
        values = self.x[self.success, i]
        mean = float(np.mean(values)) if len(values) else np.nan
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
        return mean, spread / np.sqrt(max(len(values), 1)), spread

    def _row(self, i: int) -> list[Cell]:
        with_errors = self.errors is not None
        name = Named(self.names[i], self.layout.labels.get(self.names[i]))
        if self.layout.is_blinded(i, self.blinded):
            return [name, BLINDED, BLINDED, *([BLINDED] if with_errors else [])]
        mean, error, spread = self._moments(i)
        if self.fixed[i]:
            return [name, Rounded(mean, remark="fixed"), "", *([""] if with_errors else [])]
        row: list[Cell] = [name, Measured(mean, error), Rounded(spread, 2)]
        if self.errors is not None:
            errors = self.errors[self.success, i]
            row.append(Rounded(float(np.mean(errors)) if len(errors) else np.nan, 2))
        return row

    def _tables(self) -> list[Table]:
        columns = ["parameter", "mean over members", "standard deviation"]
        columns += ["mean error"] if self.errors is not None else []
        count = self.layout.n_bin_params
        note = f"and {count} bin parameters, in .x" if count else ""
        return [Table("", columns, [self._row(i) for i in range(self.layout.n_params)], note)]

    def heading(self) -> str:
        """How many converged."""
        return self.message

    def _shown(self, array: FloatArray) -> dict[str, Any]:
        """{parameter: (member,) values, or that they are hidden}."""
        hidden = [self.layout.is_blinded(i, self.blinded) for i in range(self.layout.n_params)]
        return {
            n: BLINDED if h else array[:, i]
            for i, (n, h) in enumerate(zip(self.layout.parameters, hidden, strict=True))
        }

    def to_dict(self) -> dict[str, Any]:
        """{members, converged, statuses, status, fun, edm, parameters[, errors]}; no bin parameters.

        ``parameters`` and ``errors`` are {name: one entry a member}.
        """
        content = {
            "members": len(self),
            "converged": int(self.success.sum()),
            "statuses": status_counts(self.status),
            "status": self.status,
            "fun": self.fun,
            "edm": self.edm,
            "parameters": self._shown(self.x),
        }
        if self.errors is not None:
            content["errors"] = self._shown(self.errors)
        return plain(content)  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        status, success = self.status.tolist(), self.success.tolist()
        columns: Columns = {"status": status, "success": success, "fun": self.fun, "edm": self.edm}
        for name, values in self._shown(self.x).items():
            columns[name] = [BLINDED] * len(self) if isinstance(values, str) else values
        if self.errors is not None:
            for name, values in self._shown(self.errors).items():
                columns[f"{name} error"] = [BLINDED] * len(self) if isinstance(values, str) else values
        return columns
