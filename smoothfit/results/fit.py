"""The result of a fit, labelled and printable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from .._types import BoolArray, FloatArray, IntArray
from ..layout import Layout
from ..render import Table
from ..status import Status
from .attempts import Attempt
from .conditioning import Conditioning, Direction
from .minima import Minima
from .parameter_tables import correlation_table, parameter_table
from .record import BLINDED, Columns, Record, plain

if TYPE_CHECKING:
    from .minos import MinosBounds

__all__ = ["ChosenCovariance", "Estimate", "FitResult"]

_ILL_CONDITIONED = 1e7
"""Condition number from which a table says so: of the 16 digits of a number 7 are lost."""
_QUICK = 1000
"""Parameters up to which printing looks at eigenvalues, which takes a second then."""


class Estimate(NamedTuple):
    """A value and its error: floats, or arrays for an array variable."""

    value: Any
    error: Any

    def hidden(self, hide: bool = True) -> Estimate:
        """The same, which does not show its numbers where it is printed; they are there."""
        return _Hidden(*self) if hide else self


class _Hidden(Estimate):
    """Of what is blinded."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Estimate({BLINDED})"


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

    model: ClassVar[Any] = None
    """The Model that was fitted, for :meth:`report`; None of a result that was copied, or read without it."""
    _write_report: ClassVar[Callable[..., Path]]
    """Given by :mod:`smoothfit.report`, which knows models and pictures."""

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
    dense: IntArray | None = None
    """(dense,): positions of the parameters that the minimiser saw; all, if not given. What belongs to
    single bins is minimised over inside."""
    attempts: tuple[Attempt, ...] = ()
    """What was tried, if the first attempt failed: that one, and every retry."""
    curvature: Conditioning | None = None
    """The Hessian where the fit ended, if it has no inverse."""
    chosen: ChosenCovariance | None = None
    """Of a fit of many thousand parameters: the covariance of those of ``errors_of``."""

    def of_model(self, model: Any) -> FitResult:
        """The same, which knows its model."""
        object.__setattr__(self, "model", model)
        return self

    def __getstate__(self) -> dict[str, Any]:
        # Models have functions of users, and belong to a process.
        return {name: value for name, value in vars(self).items() if name != "model"}

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

    # -- how well it is determined: worked out when asked for ------------------------------------

    @cached_property
    def conditioning(self) -> Conditioning | None:
        """The scaled Hessian of the parameters that the minimiser moved; None where it is not known.

        Parameters at a limit are left out. It comes from the covariance.
        """
        if self.curvature is not None or self.chosen is not None:
            return self.curvature
        at = np.arange(self.layout.n_params) if self.dense is None else self.dense
        variance = np.diagonal(self.hess_inv)[at]
        at = at[~self.fixed[at] & np.isfinite(variance) & (variance > 0.0)]
        covariance = self.hess_inv[np.ix_(at, at)]
        if not np.all(np.isfinite(covariance)):
            return None
        limited = self.at_limit[at]
        if np.any(limited):
            # With those at a limit held there: the inverse of their part of the Hessian.
            inside, there = np.flatnonzero(~limited), np.flatnonzero(limited)
            across = covariance[np.ix_(inside, there)]
            held = across @ np.linalg.pinv(covariance[np.ix_(there, there)], hermitian=True) @ across.T
            covariance, at = covariance[np.ix_(inside, inside)] - held, at[inside]
        return Conditioning.of_covariance(tuple(self.names[i] for i in at), covariance)

    @property
    def eigenvalues(self) -> FloatArray:
        """The spectrum of the scaled Hessian, the smallest first; empty where it is not known."""
        return np.zeros(0) if self.conditioning is None else self.conditioning.eigenvalues

    @property
    def smallest_eigenvalue(self) -> float:
        """Of the scaled Hessian, whose diagonal is 1; NaN where it is not known."""
        return float("nan") if self.conditioning is None else self.conditioning.smallest_eigenvalue

    @property
    def condition_number(self) -> float:
        """Of the scaled Hessian: infinite if it is not positive definite, NaN if it is not known."""
        return float("nan") if self.conditioning is None else self.conditioning.condition_number

    @cached_property
    def flat_directions(self) -> tuple[Direction, ...]:
        """Combinations of parameters that the data and constraints do not determine; none, in a good fit."""
        return () if self.conditioning is None else self.conditioning.directions()

    @property
    def weakest_direction(self) -> Direction | None:
        """The combination of parameters that is determined least, in units of their conditional errors."""
        return None if self.conditioning is None else self.conditioning.weakest()

    @property
    def projected_gradient(self) -> FloatArray:
        """(param,): the gradient of the NLL, without components that push against a limit."""
        return np.where(self.at_limit, 0.0, self.gradient)

    @property
    def gradient_norm(self) -> float:
        """Length of the projected gradient, with every parameter in units of its error with all others held.

        So much the NLL still changes within such errors, to first order. NaN where these are not known.
        """
        if self.conditioning is None:
            return float("nan")
        position = {name: i for i, name in enumerate(self.names)}
        at = [position[name] for name in self.conditioning.names]
        return self.conditioning.gradient_norm(self.projected_gradient[at])

    @property
    def parameters_at_limit(self) -> tuple[str, ...]:
        """Names of the parameters that sit at a limit."""
        return tuple(self.names[i] for i in np.flatnonzero(self.at_limit))

    def __getitem__(self, key: Any) -> Estimate:
        """Value and error of a Variable, a name or a sub-name; of blinded ones they are not printed."""
        at = self.layout.positions(key)
        hide = any(self.is_blinded(i) for i in at)
        variable = self.layout.variable(key)
        if variable is not None and not variable.is_scalar:
            return Estimate(self.x[at], self.errors[at]).hidden(hide)
        return Estimate(float(self.x[at[0]]), float(self.errors[at[0]])).hidden(hide)

    def is_blinded(self, position: int) -> bool:
        """Whether what stands there in ``x`` is hidden."""
        return self.layout.is_blinded(position, self.blinded)

    # -- tables ----------------------------------------------------------------------------------

    def table(
        self,
        which: Any = None,
        title: str = "",
        *,
        minos: MinosBounds | Iterable[MinosBounds] = (),
        note: str = "",
    ) -> Table:
        """A table of parameters: values with errors, limits, and what to know of them.

        Parameters
        ----------
        which
            Names, Variables or positions in ``x``, one or several; by default all parameters (no bin
            parameters), of a fit of many thousand those of ``errors_of``.
        minos
            What ``model.minos_bounds`` found at this fit, of one parameter or several: errors to either side,
            which take the place of those from the covariance.

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        InvalidTypeError, InvalidValueError
            If ``minos`` are no Minos bounds, or those of another fit.
        """
        return parameter_table(self, self._chosen_positions(which), title, minos, note)

    def correlation_table(self, which: Any = None, title: str = "Correlations") -> Table:
        """The correlations of parameters: of names, Variables or positions, by default of all.

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        InvalidValueError
            If the covariance is not known.
        """
        return correlation_table(self, self._chosen_positions(which), title)

    def _chosen_positions(self, which: Any) -> list[int]:
        if which is None:
            known = None if self.chosen is None else self.chosen.positions.tolist()
            return list(range(self.layout.n_params)) if known is None else known
        several = isinstance(which, Iterable) and not isinstance(which, str)
        found: list[int] = []
        for key in which if several else [which]:
            number = isinstance(key, int | np.integer) and not isinstance(key, bool)
            found += [range(len(self.names))[int(key)]] if number else self.layout.positions(key)
        return found

    def _tables(self, count: int | None = None) -> list[Table]:
        at = self._chosen_positions(None)
        more = self.layout.n_bin_params
        note = f"and {more} bin parameters: .bin_parameters" if more else ""
        if self.chosen is not None:
            note = f"and {len(self.names) - len(at)} parameters whose errors were not asked for: .x"
        shown = at if count is None else at[:count]
        if len(shown) < len(at):
            cut = f"... and {len(at) - len(shown)} more: .tables has all, .table([...]) some"
            note = f"{cut}; {note}" if note else cut
        tables = [self.table(shown, note=note)]
        if self.minima is not None and len(self.minima) > 1:
            tables.append(self.minima.table("Minima"))
        return tables

    def _printed(self) -> list[Table]:
        return self._tables(self.most_rows)

    def _badge(self) -> tuple[str, str]:
        if not self.success:
            return f"invalid fit: {_status_name(self.status)}", "bad"
        limited = any(not self.is_blinded(int(i)) for i in np.flatnonzero(self.at_limit))
        return ("valid fit, see below", "doubtful") if limited or self._warnings() else ("valid fit", "good")

    def heading(self) -> str:
        """The message, marked if the fit is not valid, the NLL and the fitter."""
        word = "" if self.success else f"INVALID FIT ({_status_name(self.status)}). "
        lines = [f"{word}{self.message}", f"-log L = {self.fun:.10g}, fitter {self.fitter}"]
        return "\n".join([*lines, *self._warnings()])

    def _warnings(self) -> list[str]:
        """What to know of a fit that is not as good as its status."""
        dense = self.layout.n_params if self.dense is None else len(self.dense)
        if self.success and dense > _QUICK:
            return []
        facts = []
        if not self.success and np.isfinite(self.gradient_norm):
            facts.append(f"projected gradient {self.gradient_norm:.2g} in units of errors")
        if self.condition_number > _ILL_CONDITIONED:
            facts.append(f"condition number {self.condition_number:.2g}")
            facts.append(f"smallest eigenvalue {self.smallest_eigenvalue:.2g}")
            facts.append(f"determined least: {self.weakest_direction}")
        word = "Ill-conditioned" if self.success else "Where it ended"
        return [f"{word}: {'; '.join(facts)}."] if facts else []

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

    def _hidden_matrix(self, matrix: FloatArray) -> list[list[Any]]:
        """A matrix of the parameters whose covariance is known, without those that are blinded."""
        positions, rows = self._known_covariance().positions, plain(matrix)
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
            # With the other parameters it would tell what is hidden.
            "smallest_nu": BLINDED if self.blinded else float(self.smallest_nu),
            "steps": int(self.steps),
            "fitter": self.fitter,
            "gradient_norm": self.gradient_norm,
            "smallest_eigenvalue": self.smallest_eigenvalue,
            "condition_number": self.condition_number,
            "flat_directions": [direction.to_dict() for direction in self.flat_directions],
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "parameters": dict(zip(self.names[:n], entries[:n], strict=True)),
            "bin_parameters": dict(zip(self.names[n:], entries[n:], strict=True)),
            "names": [self.names[i] for i in self._known_covariance().positions],
            "covariance": self._hidden_matrix(self._known_covariance().covariance),
            "correlation": self._hidden_matrix(_correlation(self._known_covariance().covariance)),
            "obs": obs,
            "globs": plain(self.globs),
            **({} if self.minima is None else {"minima": self.minima.to_dict()}),
        }

    def report(self, path: str | os.PathLike[str] = "report.html", **options: Any) -> Path:
        """Write one self-contained HTML page about the fit: :func:`smoothfit.report.write_report`.

        ``options`` are ``model``, ``include``, ``pois``, ``records`` and ``title``.

        Raises
        ------
        SmoothfitError
            As that function has it.
        """
        return self._write_report(self, path, **options)

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
