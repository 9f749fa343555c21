"""What an analysis is optimised for, as functions of a prepared model, with all nuisances profiled.

No data are needed: all are fits of Asimov data at the nominal prediction. These follow from the templates,
and their derivatives are part of those of the loss. Formulae are the asymptotic ones of arXiv:1007.1727, by
which the median over experiments is the result of the Asimov data.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from .._compilation import compiled
from .._pytree import resolve
from .._spaces import root
from .._types import Array, ArrayLike
from ..errors import InvalidValueError
from ..fitters import compiled_solve
from ..fitters.lowest import each_lowest, lowest
from ..fitters.solution import Status
from ..functional.hypotests import stacked
from ..functional.limits import expected_limits
from ..inference.asimov import asimov_data
from ..inference.hypotests.asymptotics import band_distance, expected_tails
from ..inference.hypotests.poi import check_fraction
from ..inference.minos import hold
from ..likelihood.derived import derive
from ..likelihood.objective import nothing_fixed
from ..prepared import Prepared
from .parameters import nominal_values, parameter_position, parameter_value

__all__ = ["cls_loss", "error_loss", "limit_loss", "significance_loss"]


def cls_loss(
    prepared: Prepared, position: int, value: ArrayLike = 1.0, *, nominal: ArrayLike | None = None
) -> Array:
    """The median expected CLs of a value of a parameter, for data without a signal.

    CLs = 2 Phi(-a), a^2 = 2 [min NLL(mu = value) - min NLL], of the Asimov data of mu = 0; the minima
    are over all nuisances. Small if the value would be excluded.

    Parameters
    ----------
    prepared
        ``model.prepared``, or ``model.replaced(...)``.
    position
        Of mu, the parameter of interest, as ``model.index`` gives it.
    value
        Of mu, to be tested: positive.
    nominal
        (param,): where the Asimov data have all parameters but mu; by default where the variables start.

    Returns
    -------
    One number; NaN, with derivatives NaN, if a fit failed.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For a position that is none, or of a constant; a value that is not positive, or outside the bounds;
        other shapes; and users' densities of global observables.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> def loss(yields):
    ...     return cls_loss(model.replaced("sig", "main", yields=yields), model.index(mu))
    >>> value, gradient = jax.value_and_grad(loss)(jax.numpy.array([12.0, 6.0]))
    >>> round(float(value), 5), gradient.round(5)
    (0.06895, Array([-0.01624, -0.01095], dtype=float64))
    >>> float(model.hypotest(mu, 1.0, [50.0, 40.0]).expected[2].round(5))
    0.06895
    """
    at = parameter_position("cls_loss", prepared, position)
    tested = parameter_value("cls_loss: value", prepared, at, value)
    distance = _distance(
        resolve(prepared), nominal_values("cls_loss", prepared, nominal), at, tested, jnp.zeros(())
    )
    found: Array = jnp.exp(expected_tails("qtilde", distance, 0.0).cls)
    return found


def limit_loss(
    prepared: Prepared, position: int, *, cl: float = 0.95, nominal: ArrayLike | None = None
) -> Array:
    """The median expected upper limit on a parameter by CLs, for data without a signal.

    It is the value of mu at which :func:`cls_loss` is 1 - cl: min NLL(mu = limit) - min NLL = a^2/2, of
    the Asimov data of mu = 0, with Phi(-a) = (1 - cl)/2. Its derivatives are those of that equation.

    Parameters
    ----------
    prepared, position, nominal
        As for :func:`cls_loss`; the search ends at the parameter's upper bound.
    cl
        The confidence level.

    Returns
    -------
    One number; NaN, with derivatives NaN, if a fit failed, or there is no limit below the upper bound.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        As :func:`cls_loss`, and for a ``cl`` that is not between 0 and 1.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> def loss(yields):
    ...     return limit_loss(model.replaced("sig", "main", yields=yields), model.index(mu))
    >>> value, gradient = jax.value_and_grad(loss)(jax.numpy.array([12.0, 6.0]))
    >>> round(float(value), 4), gradient.round(4)
    (1.0831, Array([-0.0674, -0.0457], dtype=float64))
    >>> float(model.upper_limit(mu, [50.0, 40.0]).expected[2].round(4))
    1.0831
    """
    at = parameter_position("limit_loss", prepared, position)
    goal = band_distance("qtilde", "cls", 1.0 - check_fraction("limit_loss: cl", cl), 0.0)
    found: Array = _limit(
        resolve(prepared), nominal_values("limit_loss", prepared, nominal), at, jnp.array(goal)
    )
    return found


def significance_loss(
    prepared: Prepared, position: int, signal: ArrayLike = 1.0, *, nominal: ArrayLike | None = None
) -> Array:
    """Minus the median expected significance of a signal.

    -Z, Z^2 = 2 [min NLL(mu = 0) - min NLL], of the Asimov data of mu = signal.

    Parameters
    ----------
    prepared, position, nominal
        As for :func:`cls_loss`.
    signal
        The strength that is expected: positive.

    Returns
    -------
    One number; NaN, with derivatives NaN, if a fit failed.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        As :func:`cls_loss`.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable
    >>> mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> def loss(yields):
    ...     return significance_loss(model.replaced("sig", "main", yields=yields), model.index(mu))
    >>> value, gradient = jax.value_and_grad(loss)(jax.numpy.array([12.0, 6.0]))
    >>> round(float(value), 4), gradient.round(4)
    (-1.8793, Array([-0.1145, -0.0744], dtype=float64))
    >>> float(model.significance(mu, [62.0, 46.0]).expected[2].round(4))
    1.8793
    """
    at = parameter_position("significance_loss", prepared, position)
    true = parameter_value("significance_loss: signal", prepared, at, signal)
    given = nominal_values("significance_loss", prepared, nominal)
    found: Array = -_distance(resolve(prepared), given, at, jnp.zeros(()), true)
    return found


def error_loss(
    prepared: Prepared, position: int | Sequence[int], *, nominal: ArrayLike | None = None
) -> Array:
    """The expected error of a parameter, or those of several.

    sqrt((I^-1)_jj), I being the Fisher information: the matrix of second derivatives of the NLL of the Asimov
    data, by all parameters, at their minimum.

    Parameters
    ----------
    prepared
        As for :func:`cls_loss`.
    position
        Of a parameter, as ``model.index`` gives it, or of several.
    nominal
        (param,): where the Asimov data have all parameters, this one, too; by default where variables start.

    Returns
    -------
    One number, or an array (position,), of which any sum is a loss. NaN, with derivatives NaN, if the fit
    failed. Bounds do not make an error smaller.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        As :func:`cls_loss`, and if the model is so large (more than 3000 parameters) that a fit has no
        covariance.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable
    >>> mu = Variable("mu", 1.0)
    >>> model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [50.0, 40.0])).prepare()
    >>> def loss(yields):
    ...     return error_loss(model.replaced("sig", "main", yields=yields), model.index(mu))
    >>> value, gradient = jax.value_and_grad(loss)(jax.numpy.array([12.0, 6.0]))
    >>> round(float(value), 4), gradient.round(4)
    (0.5675, Array([-0.0319, -0.0223], dtype=float64))
    >>> round((12.0**2 / 62.0 + 6.0**2 / 46.0) ** -0.5, 4)
    0.5675
    """
    several = isinstance(position, Sequence | np.ndarray) and not isinstance(position, str)
    listed = list(position) if several else [position]  # type: ignore[arg-type]
    if not listed:
        raise InvalidValueError("error_loss: give the position of at least one parameter, got none.")
    positions = [parameter_position("error_loss", prepared, one) for one in listed]
    errors = _errors(resolve(prepared), nominal_values("error_loss", prepared, nominal))
    if errors.shape[0] != prepared.plan.n_params:
        raise InvalidValueError(
            f"error_loss: a fit of {prepared.plan.n_params} parameters does not keep a matrix of that size; "
            "hold those that matter little constant."
        )
    found: Array = jnp.stack([errors[p] for p in positions])
    return found if several else found[0]


@compiled
def _distance(prepared: Prepared, nominal: Array, at: Array, tested: Array, true: Array) -> Array:
    """From a true to a tested value, in errors."""
    values = nominal.at[at].set(true)
    known, data, free = derive(prepared), asimov_data(prepared, values), nothing_fixed(prepared)
    held = hold(free, known.plan.n_params, at, tested)
    nlls = each_lowest(known, stacked(data, data), stacked(held, free), jnp.stack([values, values])).nll
    found: Array = root(2.0 * (nlls[0] - nlls[1]))
    return found


@compiled
def _limit(prepared: Prepared, nominal: Array, at: Array, goal: Array) -> Array:
    values = nominal.at[at].set(0.0)
    known, data, fixed = derive(prepared), asimov_data(prepared, values), nothing_fixed(prepared)
    free = lowest(known, data, fixed, values, errors=True)
    return expected_limits(known, data, fixed, at, free, goal[None])[0][0]


@compiled
def _errors(prepared: Prepared, nominal: Array) -> Array:
    """(param,)"""
    fit = compiled_solve(prepared, asimov_data(prepared, nominal), nothing_fixed(prepared), nominal)
    if fit.covariance.shape[0] != nominal.shape[0]:
        return jnp.zeros(0)
    variances = jnp.diagonal(fit.covariance)
    known = (fit.status == Status.CONVERGED) & (variances > 0.0)
    return jnp.sqrt(jnp.where(known, variances, jnp.nan))
