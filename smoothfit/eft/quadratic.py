"""Quadratics of Wilson coefficients, bin by bin: fitted, written down, evaluated, checked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from .._types import Array, ArrayLike, FloatArray
from ..build import ChannelContrib, Process
from ..build.checks import as_floats, check_finite, check_names, describe, plural
from ..build.variable import check_variable
from ..errors import (
    DuplicateNameError,
    InvalidTypeError,
    MorphingWarning,
    ShapeMismatchError,
    UnknownNameError,
)
from .basis import check_determined, frame, propose_basis
from .monomials import as_points, monomials, monomials_of_points, n_monomials
from .morphing import Dim6EFTMorphing

__all__ = ["NegativeBin", "Quadratic", "fit_quadratic", "from_quadratic", "warn_if_negative"]

_ROUNDING = 1e-9
"""Relative to the largest eigenvalue: less below zero is rounding."""


class NegativeBin(NamedTuple):
    """A bin in which a quadratic is negative somewhere."""

    bin: int
    coefficients: FloatArray
    """(operator,): a point where it is."""
    value: float
    """The value at that point."""


@dataclass(frozen=True, eq=False, repr=False)
class Quadratic:
    """A + sum_i B_i c_i + sum_(i <= j) C_ij c_i c_j in each bin.

    A function of the coefficients, traceable: a *relative* one (a multiple of the standard model's
    yield) scales a template, ``contrib.scale_by_fn(quadratic, variable)``; of one in events
    :meth:`process` makes a process.

    Examples
    --------
    >>> ratio = from_quadratic([1.0, 1.0], {"ctG": [0.2, 0.4]}, {("ctG", "ctG"): [0.05, 0.1]})
    >>> ratio([2.0]).round(6).tolist()
    [1.6, 2.2]
    >>> (ratio * [100.0, 10.0])([2.0]).round(6).tolist()
    [160.0, 22.0]
    """

    operators: tuple[str, ...]
    terms: FloatArray
    """(M, bin): the factors of the monomials 1, c_i, c_i c_j (i <= j), in the order of :func:`monomials`."""
    linear_only: bool = False

    def __call__(self, c: ArrayLike) -> Array:
        """(bin,): the value at coefficients (operator,)."""
        at = jnp.atleast_1d(jnp.asarray(c, float))
        return monomials(at, linear_only=self.linear_only) @ jnp.asarray(self.terms)

    def __mul__(self, nominal: Any) -> Quadratic:
        """The quadratic in events of a relative one: times (bin,) yields."""
        yields = check_finite("Quadratic: nominal", as_floats("Quadratic: nominal", nominal))
        if yields.ndim > 1 or (yields.ndim == 1 and len(yields) != self.n_bins):
            raise ShapeMismatchError(
                f"Quadratic: nominal has shape {yields.shape}, the quadratic has "
                f"{plural(self.n_bins, 'bin')}; give one yield a bin."
            )
        return Quadratic(self.operators, self.terms * yields, self.linear_only)

    @property
    def n_bins(self) -> int:
        """The number of bins."""
        return int(self.terms.shape[1])

    def templates(self, points: ArrayLike) -> FloatArray:
        """(point, bin): the values at points (point, operator)."""
        array = as_points("Quadratic: points", points)
        if array.shape[1] != len(self.operators):
            raise ShapeMismatchError(
                f"Quadratic: points have {plural(array.shape[1], 'coefficient')}, expected "
                f"{len(self.operators)}: {', '.join(self.operators)}."
            )
        found: FloatArray = monomials_of_points(array, linear_only=self.linear_only) @ self.terms
        return found

    def matrices(self) -> FloatArray:
        """(bin, 1 + n, 1 + n): symmetric Q with value (1, c)^T Q (1, c)."""
        n = len(self.operators)
        found = np.zeros((self.n_bins, 1 + n, 1 + n))
        first, second = np.triu_indices(1 + n)
        # The upper triangle of (1, c)(1, c)^T has the monomials row by row, 1 and c_i first.
        for at, (i, j) in enumerate(zip(first, second, strict=True)):
            if at < len(self.terms):
                found[:, i, j] += 0.5 * self.terms[at]
                found[:, j, i] += 0.5 * self.terms[at]
        return found

    def negative_bins(self) -> tuple[NegativeBin, ...]:
        """Where it is negative for some coefficients; empty if Q is positive semi-definite throughout.

        The point reported is the minimum where there is one, else one along the direction in which
        the quadratic falls without end, just beyond its zero.

        Examples
        --------
        >>> bad = from_quadratic([1.0], {"c": [2.0]}, {("c", "c"): [0.5]}, check=False)
        >>> bad.negative_bins()
        (NegativeBin(bin=0, coefficients=array([-2.]), value=-1.0),)
        """
        found = []
        for index, matrix in enumerate(self.matrices()):
            scale = _units(matrix)
            eigenvalues = np.linalg.eigvalsh(matrix * scale[:, None] * scale)
            if eigenvalues[0] < -_ROUNDING * max(abs(eigenvalues[-1]), abs(eigenvalues[0])):
                point = scale[1:] * _lowest(matrix * scale[:, None] * scale) / scale[0]
                found.append(NegativeBin(index, point, float(self(point)[index])))
        return tuple(found)

    def expand(self, operators: Sequence[str]) -> Quadratic:
        """The same as a function of more operators, or in another order.

        Raises
        ------
        UnknownNameError
            If one of its own operators is not among them.

        Examples
        --------
        >>> one = from_quadratic([1.0], {"b": [0.5]}, {("b", "b"): [0.1]})
        >>> one.expand(["a", "b"]).terms.ravel().tolist()
        [1.0, 0.0, 0.5, 0.0, 0.0, 0.1]
        """
        names = check_names("Quadratic: operators", operators, None, "operator")
        for name in self.operators:
            _check_operator("Quadratic.expand", name, names)
        at = [0, *(1 + names.index(name) for name in self.operators)]
        wide = np.zeros((self.n_bins, 1 + len(names), 1 + len(names)))
        wide[np.ix_(range(self.n_bins), at, at)] = self.matrices()
        return from_matrices(names, wide, linear_only=self.linear_only)

    def process(
        self, name: str, variable: Any, *, channel: str = "main", basis: ArrayLike | None = None
    ) -> Process:
        """An array process of basis templates in events, morphed by the variable.

        Parameters
        ----------
        variable
            Of the coefficients, in the order of ``operators``.
        basis
            (M, n) points; by default :func:`propose_basis` where the quadratic terms matter.

        Examples
        --------
        >>> from smoothfit import Model, Variable
        >>> c = Variable("ctG", [0.0])
        >>> events = from_quadratic([100.0], {"ctG": [20.0]}, {("ctG", "ctG"): [5.0]})
        >>> Model().add_proc(events.process("ttH", c)).prepare().pred({c: [2.0]})
        array([160.])
        """
        variable = check_variable(f"Process '{name}' of a Quadratic", variable)
        if basis is None:
            basis = propose_basis(len(self.operators), self.scales(), linear_only=self.linear_only)
        morphing = Dim6EFTMorphing(variable, basis, linear_only=self.linear_only)
        contrib = ChannelContrib(channel, self.templates(morphing.basis_values))
        process = Process(name, sub_procs=[f"{name}_basis{k}" for k in range(len(morphing.basis_values))])
        return process.add_contrib(contrib).scale_by_fn(morphing, variable)

    def scales(self) -> FloatArray:
        """(operator,): coefficients whose own term is as large as the standard model's, all bins together."""
        totals = np.abs(self.matrices().sum(axis=0))
        result = np.ones(len(self.operators))
        for i in range(len(result)):
            square, slope = totals[1 + i, 1 + i], 2.0 * totals[0, 1 + i]
            if totals[0, 0] > 0.0 and square > 0.0:
                result[i] = np.sqrt(totals[0, 0] / square)
            elif totals[0, 0] > 0.0 and slope > 0.0:
                result[i] = totals[0, 0] / slope
        return result

    def __repr__(self) -> str:
        kind = ", linear only" if self.linear_only else ""
        return f"Quadratic({', '.join(self.operators)}; {plural(self.n_bins, 'bin')}{kind})"


def _units(matrix: FloatArray) -> FloatArray:
    """Factors that make the diagonal 1 where it is not 0: the units of the coefficients drop out."""
    diagonal = np.abs(np.diagonal(matrix))
    return 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))


def _lowest(matrix: FloatArray) -> FloatArray:
    """Coefficients at which an indefinite (1, c)^T Q (1, c) is negative."""
    slope, curvature = matrix[0, 1:], matrix[1:, 1:]
    eigenvalues, vectors = np.linalg.eigh(curvature)
    along = vectors.T @ slope
    flat = _ROUNDING * max(float(np.abs(eigenvalues).max(initial=0.0)), float(np.abs(along).max(initial=0.0)))
    if np.all((eigenvalues > flat) | (np.abs(along) <= flat)) and np.all(eigenvalues > -flat):
        # Bounded from below: the minimum.
        steep = eigenvalues > flat
        shifts = np.where(steep, -along / np.where(steep, eigenvalues, 1.0), 0.0)
        return np.asarray(vectors @ shifts)
    # Straight down the direction of least curvature: a + 2 b t + e t^2 with e <= 0 falls below 0.
    worst = int(np.argmin(eigenvalues))
    if eigenvalues[worst] > -flat:
        worst = int(np.argmax(np.where(eigenvalues <= flat, np.abs(along), -1.0)))
    b, e = along[worst], min(float(eigenvalues[worst]), 0.0)
    sign = -1.0 if b > 0.0 else 1.0
    start = max(float(matrix[0, 0]), 0.0)
    root = start / (abs(b) + np.sqrt(b * b - e * start)) if start > 0.0 else 0.0
    return np.asarray(vectors[:, worst] * sign * (1.1 * root if root > 0.0 else 1.0))


def from_matrices(
    operators: tuple[str, ...], matrices: FloatArray, *, linear_only: bool = False
) -> Quadratic:
    """From symmetric (bin, 1 + n, 1 + n) matrices with value (1, c)^T Q (1, c)."""
    n = len(operators)
    first, second = np.triu_indices(1 + n)
    terms = (matrices[:, first, second] * np.where(first == second, 1.0, 2.0)).T
    return Quadratic(operators, terms[: n_monomials(n, linear_only=linear_only)].copy(), linear_only)


def warn_if_negative(what: str, quadratic: Quadratic) -> None:
    """A MorphingWarning that says in which bins the quadratic is negative, and where the worst one is."""
    found = quadratic.negative_bins()
    if not found:
        return
    worst = min(found, key=lambda one: one.value)
    point = ", ".join(f"{o} = {v:.4g}" for o, v in zip(quadratic.operators, worst.coefficients, strict=True))
    listed = ", ".join(str(one.bin) for one in found[:8]) + (", ..." if len(found) > 8 else "")
    warnings.warn(
        f"{what}: not positive semi-definite in {plural(len(found), 'bin')} ({listed}): the prediction "
        f"becomes negative, such as {worst.value:.4g} in bin {worst.bin} at {point}; bound the coefficients, "
        "merge bins, or check the terms.",
        MorphingWarning,
        stacklevel=3,
    )


def fit_quadratic(
    points: ArrayLike,
    values: ArrayLike,
    *,
    operators: Sequence[str] | None = None,
    linear_only: bool = False,
) -> Quadratic:
    """The quadratic that fits yields, or weights of events, at K >= M points best (least squares).

    Parameters
    ----------
    points
        (K, n): the coefficients.
    values
        (K, bin): yields at each of them; or (K, event): weights, the quadratic is then one an event.
    operators
        Names, c[0] .. by default.
    linear_only
        Whether to fit a linear function.

    Raises
    ------
    ShapeMismatchError, InvalidValueError
        For fewer than M points, values of another number, or that are not finite.
    SingularBasisError
        For points that do not determine the quadratic.

    Examples
    --------
    >>> c = np.array([[-1.0], [-0.5], [0.0], [0.7], [1.0]])
    >>> fit_quadratic(c, 100.0 + 20.0 * c + 5.0 * c**2).terms.round(9).ravel().tolist()
    [100.0, 20.0, 5.0]
    """
    array = as_points("fit_quadratic: points", points)
    names = _operators("fit_quadratic: operators", operators, array.shape[1])
    check_determined("fit_quadratic", array, names, linear_only=linear_only)
    yields = check_finite("fit_quadratic: values", as_floats("fit_quadratic: values", values))
    if yields.ndim != 2 or len(yields) != len(array):
        raise ShapeMismatchError(
            f"fit_quadratic: values have shape {yields.shape}, expected ({len(array)}, bin): one row a point."
        )
    # Fitted in the frame of the points, then written in the coefficients themselves: (1, c) = T (1, u).
    middle, half = frame(array)
    matrix = monomials_of_points((array - middle) / half, linear_only=linear_only)
    solved: FloatArray = np.linalg.pinv(matrix) @ yields
    framed = Quadratic(names, solved, linear_only)
    back = np.diag([1.0, *(1.0 / half)])
    back[1:, 0] = -middle / half
    matrices = np.einsum("ia,bij,jc->bac", back, framed.matrices(), back, optimize=True)
    return from_matrices(names, matrices, linear_only=linear_only)


def _operators(what: str, names: Sequence[str] | None, n: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"c[{i}]" for i in range(n))
    return check_names(what, names, n, "operator")


def _check_operator(what: str, name: Any, operators: Sequence[str]) -> str:
    if not isinstance(name, str) or name not in operators:
        raise UnknownNameError(
            f"{what}: no operator is named {describe(name)}; they are: {', '.join(operators)}."
        )
    return name


def from_quadratic(
    sm: ArrayLike,
    linear: Mapping[str, ArrayLike],
    quadratic: Mapping[tuple[str, str], ArrayLike] | None = None,
    *,
    operators: Sequence[str] | None = None,
    check: bool = True,
) -> Quadratic:
    """A quadratic from its terms in each bin, relative to the standard model (sm = 1) or in events.

    Parameters
    ----------
    sm
        (bin,): the term without coefficients.
    linear
        {operator: (bin,)}: the factor of c_i; 0 for operators left out.
    quadratic
        {(operator, operator): (bin,)}: the *whole* factor of c_i c_j, each pair once. None makes a
        linear function.
    operators
        Names in the order of the variable; by default in the order met.
    check
        Whether to look for bins that become negative.

    Raises
    ------
    UnknownNameError, DuplicateNameError, ShapeMismatchError, InvalidValueError, InvalidTypeError
        For an operator that is not in ``operators``, a pair given twice, other numbers of bins.

    Warns
    -----
    MorphingWarning
        If a quadratic (not a linear function, which always does) becomes negative for some
        coefficients: the bins, and where.

    Examples
    --------
    >>> from_quadratic([1.0], {"a": [0.2], "b": [0.1]}, {("a", "a"): [0.3], ("b", "a"): [0.1]}, check=False)
    Quadratic(a, b; 1 bin)
    """
    what = "from_quadratic"
    for field, given in (("linear", linear), ("quadratic", quadratic)):
        if given is not None and not isinstance(given, Mapping):
            raise InvalidTypeError(f"{what}: {field} must be a dict by operator, got {describe(given)}.")
    pairs = {} if quadratic is None else dict(quadratic)
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidTypeError(
                f"{what}: a key of quadratic is a pair of operators, got {describe(pair)}; write ('a', 'a')."
            )
    met = dict.fromkeys([*linear, *(name for pair in pairs for name in pair)])
    names = check_names(f"{what}: operators", list(met) if operators is None else operators, None, "operator")
    constant = np.atleast_1d(check_finite(f"{what}: sm", as_floats(f"{what}: sm", sm)))
    if constant.ndim != 1:
        raise ShapeMismatchError(f"{what}: sm has shape {constant.shape}, expected (bin,).")

    def of_bins(field: str, values: Any) -> FloatArray:
        array = np.atleast_1d(check_finite(f"{what}: {field}", as_floats(f"{what}: {field}", values)))
        if array.shape != constant.shape:
            raise ShapeMismatchError(
                f"{what}: {field} has shape {array.shape}, sm has {constant.shape}; give one number a bin."
            )
        return array

    matrices = np.zeros((len(constant), 1 + len(names), 1 + len(names)))
    matrices[:, 0, 0] = constant
    for name, values in linear.items():
        i = 1 + names.index(_check_operator(f"{what}: linear", name, names))
        matrices[:, 0, i] = matrices[:, i, 0] = 0.5 * of_bins(f"linear '{name}'", values)
    seen: set[frozenset[str]] = set()
    for pair, values in pairs.items():
        if frozenset(pair) in seen:
            raise DuplicateNameError(f"{what}: quadratic has {pair[0]} {pair[1]} twice; give each pair once.")
        seen.add(frozenset(pair))
        i, j = (1 + names.index(_check_operator(f"{what}: quadratic", name, names)) for name in pair)
        half = 0.5 * of_bins(f"quadratic {pair}", values)
        matrices[:, i, j] += half
        matrices[:, j, i] += half
    found = from_matrices(names, matrices, linear_only=quadratic is None)
    if check and not found.linear_only:
        warn_if_negative(what, found)
    return found
