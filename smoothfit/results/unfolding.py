"""What unfolding found: the truth spectrum, its covariances and bias, and the scan over tau."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import BoolArray, FloatArray
from ..render import Cell, Measured, Rounded, Table, number
from .fit import FitResult
from .record import BLINDED, Columns, Record, plain

__all__ = ["BottomLine", "UnfoldingResult", "UnfoldingScan"]


@dataclass(frozen=True, eq=False, repr=False)
class UnfoldingScan(Record):
    """Fits at several strengths tau of the penalty; a fit that failed is NaN, and False in ``success``."""

    tau: FloatArray
    """(point,)"""
    success: BoolArray
    """(point,)"""
    x: FloatArray
    """(point, truth bin): the unfolded truth."""
    errors: FloatArray
    """(point, truth bin): from the sandwich covariance."""
    chi2_data: FloatArray
    """(point,): twice the data term, 0 for a perfect description."""
    chi2_constraints: FloatArray
    """(point,): of the constraints, Monte Carlo statistics and other users' terms."""
    norm: FloatArray
    """(point,): |L (x - f x0)|^2"""
    curvature: FloatArray
    """(point,): of log chi2 against log norm, chi2 being data and constraints."""
    mean_global_correlation: FloatArray
    max_global_correlation: FloatArray
    """(point,): over the truth bins."""
    coverage: FloatArray
    """(point,): mean over the truth bins, from toys; NaN where none were fitted."""
    coverage_error: FloatArray
    """(point,): its Monte Carlo error."""
    hidden: bool = False
    """Whether x is blinded."""

    @property
    def chi2(self) -> FloatArray:
        """(point,): data and constraints, the abscissa of the L-curve."""
        return self.chi2_data + self.chi2_constraints

    def __len__(self) -> int:
        return len(self.tau)

    def _numbers(self) -> dict[str, FloatArray]:
        return {
            "tau": self.tau,
            "chi2_data": self.chi2_data,
            "chi2_constraints": self.chi2_constraints,
            "norm": self.norm,
            "curvature": self.curvature,
            "mean_global_correlation": self.mean_global_correlation,
            "max_global_correlation": self.max_global_correlation,
            "coverage": self.coverage,
            "coverage_error": self.coverage_error,
        }

    def _columns(self) -> Columns:
        return {**self._numbers(), "success": self.success.tolist()}

    def to_dict(self) -> dict[str, Any]:
        """Columns by name, one entry a point; x and errors (point, truth bin)."""
        shown = {name: plain(column) for name, column in self._columns().items()}
        hidden = {"x": BLINDED, "errors": BLINDED}
        return {**shown, **(hidden if self.hidden else {"x": plain(self.x), "errors": plain(self.errors)})}

    def _tables(self) -> list[Table]:
        names = [name for name, column in self._numbers().items() if np.any(np.isfinite(column))]
        columns = [self._numbers()[name] for name in names]
        rows: list[list[Cell]] = [
            [*(Rounded(column[i], 4) for column in columns), "" if ok else "fit failed"]
            for i, ok in enumerate(self.success)
        ]
        return [Table("Scan", [*(name.replace("_", " ") for name in names), ""], rows)]


@dataclass(frozen=True, eq=False, repr=False)
class UnfoldingResult(Record):
    """An unfolded spectrum, always beside the one without regularisation.

    x is the truth yield in events (``of`` is "yield") or the factor mu ("mu"), one number a truth bin.
    ``errors`` are those of ``sandwich_covariance``: what repeated measurements would scatter by. They do not
    contain the ``bias``.
    """

    names: tuple[str, ...]
    """(truth bin,): names of the components of mu."""
    of: str
    operator: str
    tau: float
    criterion: str
    """How tau was chosen."""
    message: str
    success: bool
    x: FloatArray
    penalised_covariance: FloatArray
    """(truth bin, truth bin): H^-1, the penalty counted as information."""
    sandwich_covariance: FloatArray
    """(truth bin, truth bin): H^-1 (H - H_R) H^-1, with H_R the Hessian of the penalty."""
    bias: FloatArray
    """(truth bin,): -H^-1 dR/dx, what the penalty R does to Asimov data of the fitted truth, linearised."""
    dx_dtau: FloatArray
    """(truth bin,): exact, as tau moves; the bias is tau/2 times this."""
    unregularised: FloatArray
    """(truth bin,): x without the penalty."""
    unregularised_covariance: FloatArray
    nominal: FloatArray
    """(truth bin,): x at mu = 1."""
    chi2_data: float
    """Twice the data term: 0 for a perfect description."""
    chi2_constraints: float
    """Of the constraints, Monte Carlo statistics and other users' terms."""
    chi2_penalty: float
    """tau^2 |L (x - f x0)|^2"""
    n_bins: int
    """Bins of data."""
    global_correlation: FloatArray
    """(truth bin,): sqrt(1 - 1/((V^-1)_ii V_ii)) with V the sandwich."""
    fit: FitResult
    unregularised_fit: FitResult
    scan: UnfoldingScan | None = None
    edges: tuple[FloatArray, ...] = ()
    """Edges of each axis of the truth, without underflow and overflow."""
    is_flow: BoolArray | None = None
    """(truth bin,): which are underflow or overflow."""
    label: str | None = None
    unit: str | None = None
    """Of mu's variable, for pictures."""
    hidden: bool = False
    """Whether the truth is blinded."""

    @property
    def covariance(self) -> FloatArray:
        """(truth bin, truth bin): the sandwich."""
        return self.sandwich_covariance

    @property
    def errors(self) -> FloatArray:
        """(truth bin,): from the sandwich."""
        return _errors(self.sandwich_covariance)

    @property
    def penalised_errors(self) -> FloatArray:
        """(truth bin,): from the inverse Hessian of the penalised fit."""
        return _errors(self.penalised_covariance)

    @property
    def unregularised_errors(self) -> FloatArray:
        """(truth bin,)"""
        return _errors(self.unregularised_covariance)

    @property
    def correlation(self) -> FloatArray:
        """(truth bin, truth bin): of the sandwich; 0 for what does not vary."""
        sigma = np.where(self.errors > 0.0, self.errors, 1.0)
        return self.sandwich_covariance / sigma[:, None] / sigma

    def heading(self) -> str:
        """What was regularised, how strongly, and how well data are described."""
        word = "" if self.success else "INVALID UNFOLDING. "
        chi2 = (
            f"chi2: data {number(self.chi2_data, digits=4)} ({self.n_bins} bins), constraints "
            f"{number(self.chi2_constraints, digits=4)}, penalty {number(self.chi2_penalty, digits=4)}"
        )
        strength = f"tau = {number(self.tau)} ({self.criterion}), {self.operator} of {self.of}"
        return f"{word}{self.message}\n{strength}\n{chi2}"

    def _tables(self) -> list[Table]:
        columns = ("truth bin", "unfolded", "bias", "global correlation", "not regularised", "nominal")
        rows: list[tuple[Cell, ...]] = []
        for i, name in enumerate(self.names):
            if self.hidden:
                rows.append((name, BLINDED, BLINDED, BLINDED, BLINDED, Rounded(self.nominal[i])))
                continue
            free = Measured(self.unregularised[i], self.unregularised_errors[i])
            rows.append(
                (
                    name,
                    Measured(self.x[i], self.errors[i]),
                    Rounded(self.bias[i], 3),
                    Rounded(self.global_correlation[i], 3),
                    free if self.unregularised_fit.success else "fit failed",
                    Rounded(self.nominal[i]),
                )
            )
        return [Table("", columns, rows)]

    def _arrays(self) -> dict[str, FloatArray]:
        return {
            "x": self.x,
            "error": self.errors,
            "penalised_error": self.penalised_errors,
            "bias": self.bias,
            "dx_dtau": self.dx_dtau,
            "global_correlation": self.global_correlation,
            "unregularised": self.unregularised,
            "unregularised_error": self.unregularised_errors,
        }

    def to_dict(self) -> dict[str, Any]:
        """All but the two fits, which have their own ``to_dict``; matrices are in the order of ``names``."""
        matrices = {
            "penalised_covariance": self.penalised_covariance,
            "sandwich_covariance": self.sandwich_covariance,
            "unregularised_covariance": self.unregularised_covariance,
        }
        shown = {
            name: BLINDED if self.hidden else plain(a) for name, a in (self._arrays() | matrices).items()
        }
        return {
            "success": bool(self.success),
            "message": self.message,
            "of": self.of,
            "operator": self.operator,
            "tau": self.tau,
            "criterion": self.criterion,
            "names": list(self.names),
            "edges": plain(self.edges),
            "is_flow": plain(self.is_flow),
            "nominal": plain(self.nominal),
            **shown,
            "unregularised_success": bool(self.unregularised_fit.success),
            "chi2_data": self.chi2_data,
            "chi2_constraints": self.chi2_constraints,
            "chi2_penalty": self.chi2_penalty,
            "n_bins": self.n_bins,
            "scan": None if self.scan is None else self.scan.to_dict(),
        }

    def _columns(self) -> Columns:
        columns: Columns = {"name": self.names, "nominal": self.nominal}
        for name, array in self._arrays().items():
            columns[name] = [BLINDED] * len(self.names) if self.hidden else array
        return columns


@dataclass(frozen=True, eq=False, repr=False)
class BottomLine(Record):
    """chi2 of truth hypotheses, in the space of the data and after unfolding.

    An unfolded result that tells hypotheses apart better than the data do (``passed`` False) has more
    discriminating power than was measured: its errors are too small, or biased.
    """

    names: tuple[str, ...]
    folded: FloatArray
    """(hypothesis,): chi2 of the data, nuisances profiled."""
    folded_ndof: int
    folded_p: FloatArray
    unfolded: FloatArray
    """(hypothesis,): (x - h)^T V^-1 (x - h)"""
    unfolded_ndof: int
    unfolded_p: FloatArray
    success: BoolArray
    """(hypothesis,): whether the fit with the truth held converged."""
    tolerance: float = 0.0
    """Excess of chi2 that still passes, relative to max(chi2, 1)."""

    @property
    def passed(self) -> BoolArray:
        """(hypothesis,): whether chi2 did not grow by unfolding; False where a fit failed."""
        allowed = self.folded + self.tolerance * np.maximum(self.folded, 1.0)
        return np.asarray(self.success & (self.unfolded <= allowed))

    def heading(self) -> str:
        """The verdict."""
        failed = [name for name, ok in zip(self.names, self.passed, strict=True) if not ok]
        if not failed:
            return "Bottom-line test passed: unfolding added no discriminating power."
        return f"Bottom-line test FAILED for {', '.join(failed)}."

    def _columns(self) -> Columns:
        count = len(self.names)
        return {
            "hypothesis": self.names,
            "folded": self.folded,
            "folded_ndof": [self.folded_ndof] * count,
            "folded_p": self.folded_p,
            "unfolded": self.unfolded,
            "unfolded_ndof": [self.unfolded_ndof] * count,
            "unfolded_p": self.unfolded_p,
            "passed": self.passed.tolist(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Columns by name."""
        return {name: plain(column) for name, column in self._columns().items()}

    def _tables(self) -> list[Table]:
        rows = [
            (
                name,
                f"{number(self.folded[i], digits=4)}/{self.folded_ndof}",
                Rounded(self.folded_p[i], 3),
                f"{number(self.unfolded[i], digits=4)}/{self.unfolded_ndof}",
                Rounded(self.unfolded_p[i], 3),
                "yes" if self.passed[i] else "no" if self.success[i] else "fit failed",
            )
            for i, name in enumerate(self.names)
        ]
        return [Table("", ("hypothesis", "folded chi2/n", "p", "unfolded chi2/n", "p", "passed"), rows)]


def _errors(covariance: FloatArray) -> FloatArray:
    variance = np.diagonal(covariance)
    return np.sqrt(np.where(variance >= 0.0, variance, math.nan))
