"""Regularisation: what of the truth is to be small, as a term of the log-likelihood."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._checks import as_floats, check_choice, check_finite, check_flag, describe
from .._types import Array, ArrayLike, FloatArray
from ..build.declarations import read_only
from ..build.histograms import as_histogram
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from .binning import TruthBinning, read_binning
from .operators import NAMES, operator

__all__ = ["Penalty", "Regularisation", "read_tau", "tau_array"]

_WHAT = "Regularisation"


def read_tau(what: str, tau: Any) -> float:
    """One finite number, not negative."""
    strength = as_floats(what, tau)
    if strength.ndim != 0 or not np.isfinite(strength) or strength < 0.0:
        raise InvalidValueError(f"{what} must be one finite number >= 0, got {describe(tau)}.")
    return float(strength)


def tau_array(tau: float) -> Array:
    """tau as an array of three axes: so that it is found again among the traced term's."""
    return jnp.asarray(np.full((1, 1, 1), tau))


class Penalty:
    """-tau^2/2 |A mu - b|^2, for ``model.add_constraint``; its arrays are captured, so that they can vary."""

    def __init__(self, rows: FloatArray, target: FloatArray, tau: float) -> None:
        self._rows, self._target = jnp.asarray(rows), jnp.asarray(target)
        self._tau = tau_array(tau)

    @property
    def rows(self) -> FloatArray:
        """(row, truth bin): A."""
        return np.asarray(self._rows)

    @property
    def target(self) -> FloatArray:
        """(row,): b."""
        return np.asarray(self._target)

    @property
    def tau(self) -> float:
        """The strength."""
        return float(self._tau.ravel()[0])

    def __call__(self, mu: Array) -> Array:
        residual = self._rows @ jnp.atleast_1d(mu) - self._target
        return -0.5 * jnp.sum(self._tau**2) * jnp.sum(residual**2)


class Regularisation:
    """The penalty tau^2/2 |L (x - f x0)|^2, added to the negative log-likelihood.

    Parameters
    ----------
    operator
        "size", "derivative" or "curvature" (see Notes), or a matrix L (row, truth bin).
    truth
        The nominal truth spectrum N in events, (truth bin,) or of several axes; a histogram is taken with
        its edges. The bins are those of mu in C order: the last axis runs fastest.
    edges
        Edges of the truth bins, without underflow and overflow, in the axis's unit; of several axes
        a list of such arrays. By default those of the histogram, or bins of unit width.
    of
        What x is: "yield", the truth yield mu_i N_i, or "mu", the factor mu_i alone.
    density
        "width": the density x_i/width_i is regularised, the width being the product over axes; "none": x_i
        itself. By default "width" of yields, "none" of mu.
    factor
        Further factors of density, (truth bin,).
    distances, scale
        Whether differences are divided by distances between centres of bins (default: yes), and then
        multiplied by the mean width of the axis, squared for a curvature (default: yes).
    bias
        x0 (truth bin,) in the unit of x, or "truth": the nominal one. Zero by default.
    bias_factor
        f.
    flow
        Whether the first and last bin of an axis are underflow and overflow: a bool or a pair (underflow,
        overflow), for several axes a list of these. They are in mu, and in no row of L.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For edges that do not fit the truth, too few bins, a bias or factor of another length, ...

    Notes
    -----
    With g_i the density factor, a row is g_i x_i (size), the difference of neighbours (derivative), or
    the difference of neighbouring differences (curvature): :mod:`smoothfit.unfolding.operators` has the
    formulas. Our default is density by width with distances and scale, so that bins of one width have the
    curvature 1/2, -1, 1/2 and a straight line of a density is not penalised in bins of any widths. With
    ``density="none", distances=False`` the same is 1, -2, 1: the convention "curvature" of TUnfold without
    a density. (TUnfold 17.6, as in ROOT, has a wrong middle coefficient there.)

    Examples
    --------
    >>> regularisation = Regularisation("curvature", [500.0, 300.0, 100.0], edges=[0.0, 10.0, 20.0, 40.0])
    >>> regularisation.matrix.round(4)
    array([[ 0.0711, -0.1185,  0.0237]])
    """

    def __init__(
        self,
        operator: str | ArrayLike,
        truth: Any,
        *,
        edges: Any = None,
        of: str = "yield",
        density: str | None = None,
        factor: ArrayLike | None = None,
        distances: bool = True,
        scale: bool = True,
        bias: ArrayLike | str | None = None,
        bias_factor: float = 1.0,
        flow: Any = False,
    ) -> None:
        self._of = check_choice(f"{_WHAT}: of", of, ("yield", "mu"))
        spectrum, edges = _read_truth(truth, edges)
        self._truth = read_only(spectrum.ravel())
        self._binning = read_binning(_WHAT, spectrum.shape, edges, flow)
        g = self._density(density, factor)
        distances = check_flag(f"{_WHAT}: distances", distances)
        self._name, self._matrix = self._read_operator(
            operator, g, distances, check_flag(f"{_WHAT}: scale", scale)
        )
        self._x0 = read_only(self._read_bias(bias, bias_factor))

    # -- what it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The operator's name, "matrix" for a matrix of the user's."""
        return self._name

    @property
    def of(self) -> str:
        """What x is: "yield" or "mu"."""
        return self._of

    @property
    def truth(self) -> FloatArray:
        """(truth bin,): the nominal spectrum in events."""
        return self._truth

    @property
    def binning(self) -> TruthBinning:
        """The truth bins."""
        return self._binning

    @property
    def n_truth(self) -> int:
        """Number of truth bins, underflow and overflow included."""
        return len(self._truth)

    @property
    def matrix(self) -> FloatArray:
        """L, (row, truth bin); it acts on x - f x0."""
        return self._matrix

    @property
    def x0(self) -> FloatArray:
        """f x0, (truth bin,): what the truth is pulled to."""
        return self._x0

    @property
    def unit(self) -> FloatArray:
        """(truth bin,): dx/dmu, the nominal spectrum for "yield", 1 for "mu"."""
        return self._truth if self._of == "yield" else np.ones(self.n_truth)

    @property
    def rows(self) -> FloatArray:
        """A = L dx/dmu, (row, truth bin): the penalty is tau^2/2 |A mu - b|^2."""
        return self._matrix * self.unit

    @property
    def target(self) -> FloatArray:
        """b = f L x0, (row,)."""
        return self._matrix @ self._x0

    def term(self, tau: float) -> Penalty:
        """The term of the log-likelihood, minus the penalty, as a function of mu.

        ``model.add_constraint(regularisation.term(tau), mu)`` makes every fit of the model a regularised
        one; :func:`~smoothfit.unfolding.unfold` adds it by itself.

        Raises
        ------
        InvalidValueError
            If tau is negative or not finite.

        Examples
        --------
        >>> float(Regularisation("size", [3.0, 4.0]).term(2.0)(np.array([1.0, 1.0])))
        -50.0
        """
        return Penalty(self.rows, self.target, read_tau(f"{_WHAT}: tau", tau))

    def __repr__(self) -> str:
        size = f"{self.n_truth} truth bins, {len(self._matrix)} rows"
        return f"Regularisation('{self._name}', {size}, of='{self._of}')"

    # -- reading ---------------------------------------------------------------------------------

    def _density(self, density: str | None, factor: ArrayLike | None) -> FloatArray:
        check_choice(f"{_WHAT}: density", density, (None, "width", "none"))
        density = density or ("width" if self._of == "yield" else "none")
        g = 1.0 / self._binning.areas if density == "width" else np.ones(self.n_truth)
        return g if factor is None else g * self._per_bin("factor", factor)

    def _per_bin(self, what: str, given: Any) -> FloatArray:
        values = check_finite(f"{_WHAT}: {what}", as_floats(f"{_WHAT}: {what}", given)).ravel()
        if len(values) != self.n_truth:
            raise ShapeMismatchError(
                f"{_WHAT}: {what} has {len(values)} entries, the truth {self.n_truth} bins; give one a bin."
            )
        return values

    def _read_operator(
        self, given: str | ArrayLike, g: FloatArray, distances: bool, scale: bool
    ) -> tuple[str, FloatArray]:
        if isinstance(given, str):
            check_choice(f"{_WHAT}: operator", given, NAMES)
            return given, read_only(
                operator(given, self._binning, density=g, distances=distances, scale=scale)
            )
        matrix = check_finite(f"{_WHAT}: operator", as_floats(f"{_WHAT}: operator", given))
        if matrix.ndim != 2 or matrix.shape[1] != self.n_truth or not len(matrix):
            raise ShapeMismatchError(
                f"{_WHAT}: the operator has shape {matrix.shape}, the truth {self.n_truth} bins; give (row, "
                f"{self.n_truth})."
            )
        return "matrix", read_only(matrix)

    def _read_bias(self, bias: Any, bias_factor: Any) -> FloatArray:
        f = check_finite(f"{_WHAT}: bias_factor", as_floats(f"{_WHAT}: bias_factor", bias_factor))
        if f.ndim != 0:
            raise InvalidTypeError(
                f"{_WHAT}: bias_factor must be one number, got {describe(bias_factor)}; bias has one a bin."
            )
        if bias is None:
            return np.zeros(self.n_truth)
        if isinstance(bias, str):
            check_choice(f"{_WHAT}: bias", bias, ("truth",))
            return float(f) * self.unit
        return float(f) * self._per_bin("bias", bias)


def _read_truth(truth: Any, edges: Any) -> tuple[FloatArray, Any]:
    """The spectrum in the shape of its axes, and its edges."""
    what = f"{_WHAT}: truth"
    histogram = as_histogram(truth, what)
    spectrum = as_floats(what, truth) if histogram is None else histogram.values
    if histogram is not None and edges is None and all(e is not None for e in histogram.edges):
        edges = list(histogram.edges) if spectrum.ndim > 1 else histogram.edges[0]
    spectrum = check_finite(what, spectrum)
    if spectrum.ndim == 0 or spectrum.size == 0:
        raise ShapeMismatchError(f"{what} has shape {spectrum.shape}; give one number of events a truth bin.")
    if np.any(spectrum <= 0.0):
        at = int(np.argmin(spectrum))
        raise InvalidValueError(
            f"{what} must be positive, got {spectrum.ravel()[at]:g} in bin {at}: merge empty truth bins."
        )
    return spectrum, edges
