"""The result of a fit, labelled and printable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..layout import Layout
from ..render import Cell, Table, with_error
from ..status import Status
from .minima import Minima
from .record import BLINDED, Columns, Record, plain

__all__ = ["ChosenCovariance", "Estimate", "FitResult"]


class Estimate(NamedTuple):
    """A value and its error: floats, or arrays for an array variable."""

    value: Any
    error: Any


class ChosenCovariance(NamedTuple):
    """The covariance of chosen parameters, of a fit that is too large for all of it."""

    positions: IntArray
    """(chosen,): where they stand in ``x``."""
    covariance: FloatArray
    """(chosen, chosen)"""


@dataclass(frozen=True, eq=False, repr=False)
class FitResult(Record):
    """What a fit found, how well, and what it was made with.

    ``result["name"]`` or ``result[variable]`` is an :class:`Estimate`. Names in ``blinded``
    (parameters, or channels for their data) stay hidden wherever the result is shown or written;
    the arrays themselves are as they are.

    Examples
    --------
    >>> from smoothfit.model import Model, Process, Variable
    >>> mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(mu)
    >>> bkg = Process("bkg", [100.0, 400.0]).scale_by(norm)
    >>> result = Model().add_proc(sig).add_proc(bkg).prepare().fit([150.0, 401.0])
    >>> value, error = result["mu"]
    >>> round(value, 6), round(error, 3)
    (1.0, 0.266)
    >>> result.success
    True
    """

    x: FloatArray
    """(param + bin param,): best-fit values."""
    errors: FloatArray
    """(param + bin param,): from the covariance; 0 for fixed parameters. NaN where a fit of many thousand
    parameters was not asked for them (``errors_of``)."""
    fun: float
    """The NLL at ``x``, with all its constants."""
    hess_inv: FloatArray
    """(param, param): the covariance; NaN (and no memory) of a fit of many thousand parameters."""
    gradient: FloatArray
    """(param,): of the NLL."""
    status: int
    message: str
    success: bool
    edm: float
    """Estimated distance to the minimum, in NLL."""
    at_limit: BoolArray
    """(param,): which sit at a limit."""
    positive_definite: bool
    smallest_nu: float
    """The smallest expectation of a bin, in events."""
    steps: int
    fitter: str
    obs: FloatArray
    """(bin,)"""
    globs: FloatArray
    """Global observables: the parameters', then the bins'."""
    fixed: BoolArray
    """(param + bin param,)"""
    layout: Layout
    blinded: frozenset[str] = frozenset()
    minima: Minima | None = None
    """All minima that were found, of a fit from several starts."""
    chosen: ChosenCovariance | None = None
    """Of a fit of many thousand parameters: the covariance of those of ``errors_of``."""

    @property
    def names(self) -> tuple[str, ...]:
        """(param + bin param,): names, in the order of ``x``."""
        return self.layout.names

    @property
    def bin_parameters(self) -> FloatArray:
        """(bin param,): their values."""
        return self.x[self.layout.n_params :]

    @property
    def covariance(self) -> FloatArray:
        """(param, param): the same as ``hess_inv``."""
        return self.hess_inv

    @property
    def correlation(self) -> FloatArray:
        """(param, param); zero rows and columns for fixed parameters."""
        covariance = self.hess_inv
        if self.chosen is not None:
            return covariance
        return _correlation(covariance)

    def __getitem__(self, key: Any) -> Estimate:
        """Value and error of a Variable, a name or a sub-name."""
        at = self.layout.positions(key)
        variable = self.layout.variable(key)
        if variable is not None and not variable.is_scalar:
            return Estimate(self.x[at], self.errors[at])
        return Estimate(float(self.x[at[0]]), float(self.errors[at[0]]))

    def is_blinded(self, position: int) -> bool:
        """Whether what stands there in ``x`` is hidden."""
        return self.layout.is_blinded(position, self.blinded)

    def table(self, positions: Iterable[int], title: str = "", *, note: str = "") -> Table:
        """A table of the parameters at these positions in ``x``."""
        return Table(title, ("parameter", "value", ""), [self._row(i) for i in positions], note)

    def _row(self, i: int) -> Sequence[Cell]:
        if self.is_blinded(i):
            return self.names[i], BLINDED, ""
        if self.fixed[i]:
            return self.names[i], f"{self.x[i]:.6g}", "fixed"
        limited = i < self.layout.n_params and self.at_limit[i]
        return self.names[i], with_error(self.x[i], self.errors[i]), "at limit" if limited else ""

    def _tables(self) -> list[Table]:
        count = self.layout.n_bin_params
        note = f"and {count} bin parameters: .bin_parameters" if count else ""
        shown: Iterable[int] = range(self.layout.n_params)
        if self.chosen is not None:
            shown, count = self.chosen.positions.tolist(), len(self.names) - len(self.chosen.positions)
            note = f"and {count} parameters whose errors were not asked for: .x"
        tables = [self.table(shown, note=note)]
        if self.minima is not None and len(self.minima) > 1:
            tables.append(self.minima.table("Minima"))
        return tables

    def heading(self) -> str:
        """The message, marked if the fit is not valid, the NLL and the fitter."""
        word = "" if self.success else f"INVALID FIT ({_status_name(self.status)}). "
        return f"{word}{self.message}\n-log L = {self.fun:.10g}, fitter {self.fitter}"

    def _entry(self, i: int) -> dict[str, Any]:
        hidden = self.is_blinded(i)
        entry = {
            "value": BLINDED if hidden else float(self.x[i]),
            "error": BLINDED if hidden else float(self.errors[i]),
            "fixed": bool(self.fixed[i]),
        }
        if i < self.layout.n_params:
            entry["at_limit"] = BLINDED if hidden else bool(self.at_limit[i])
        return entry

    def _known_covariance(self) -> ChosenCovariance:
        if self.chosen is not None:
            return self.chosen
        return ChosenCovariance(np.arange(self.layout.n_params), self.hess_inv)

    def _hidden_covariance(self) -> list[list[Any]]:
        positions, covariance = self._known_covariance()
        rows = plain(covariance)
        for i, position in enumerate(positions):
            if self.is_blinded(int(position)):
                rows[i] = [BLINDED] * len(rows)
                for row in rows:
                    row[i] = BLINDED
        return rows

    def to_dict(self) -> dict[str, Any]:
        """The result in plain Python; matrices are in the order of ``names``.

        ``obs`` is given by channel, ``parameters`` and ``bin_parameters`` by name.
        """
        n = self.layout.n_params
        entries = [self._entry(i) for i in range(len(self.names))]
        obs = {
            name: BLINDED if name in self.blinded else plain(counts)
            for name, counts in self.layout.split(self.obs).items()
        }
        return {
            "success": bool(self.success),
            "status": int(self.status),
            "status_name": _status_name(self.status),
            "message": self.message,
            "fun": float(self.fun),
            "edm": float(self.edm),
            "positive_definite": bool(self.positive_definite),
            "smallest_nu": float(self.smallest_nu),
            "steps": int(self.steps),
            "fitter": self.fitter,
            "parameters": dict(zip(self.names[:n], entries[:n], strict=True)),
            "bin_parameters": dict(zip(self.names[n:], entries[n:], strict=True)),
            "names": [self.names[i] for i in self._known_covariance().positions],
            "covariance": self._hidden_covariance(),
            "correlation": plain(_correlation(self._known_covariance().covariance)),
            "obs": obs,
            "globs": plain(self.globs),
            **({} if self.minima is None else {"minima": self.minima.to_dict()}),
        }

    def _columns(self) -> Columns:
        entries = [self._entry(i) for i in range(len(self.names))]
        columns: Columns = {"name": list(self.names)}
        for key in ("value", "error", "fixed"):
            columns[key] = [entry[key] for entry in entries]
        columns["at_limit"] = [entry.get("at_limit", False) for entry in entries]
        return columns


def _status_name(status: int) -> str:
    return Status(status).name if status in list(Status) else str(status)


def _correlation(covariance: FloatArray) -> FloatArray:
    variance = np.diagonal(covariance)
    with np.errstate(invalid="ignore"):
        sigma = np.sqrt(variance)
    # Twice a division: the product of two tiny errors would underflow.
    scale = np.where(variance == 0.0, 1.0, sigma)
    return covariance / scale[:, None] / scale
