"""Constraint terms -log C(B | alpha) and the users' terms -R, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._types import Array
from ..effects import factor, second_order
from ..probability import (
    gaussian_constant,
    poisson_constant,
    poisson_curvature,
    poisson_deviance,
    poisson_slope,
)
from ..programs import Program
from .constraint_terms import TERMS
from .derived import Derived

__all__ = [
    "constant",
    "derivatives",
    "separate_derivatives",
    "user_block",
    "user_derivatives",
    "user_terms",
    "value",
    "with_correlations",
]


def value(derived: Derived, p: Array, globs: Array) -> Array:
    """-log C less its constants; p and globs are (param,), globs 0 where unconstrained."""
    pull = p - globs
    total = 0.5 * jnp.sum(derived.precision * pull**2)
    if derived.plan.constraint.any_poisson:
        poisson = derived.plan.constraint.poisson > 0
        rate = jnp.where(poisson, p * derived.templates.tau, 1.0)
        total += jnp.sum(jnp.where(poisson, poisson_deviance(rate, jnp.where(poisson, globs, 1.0)), 0.0))
    if derived.correlated_precision is not None:
        shifted = pull[derived.plan.constraint.correlated]
        total += 0.5 * shifted @ derived.correlated_precision @ shifted
    for members, term in _single(derived, globs):
        total += jnp.sum(term(p[members]))
    return total


def _single(derived: Derived, globs: Array) -> Iterator[tuple[Array, Callable[[Array], Array]]]:
    """(parameters, elementwise term) of each further kind of constraint and of each user's density."""
    constraint, templates = derived.plan.constraint, derived.templates
    for kind, members in constraint.kinds.items():
        numbers = templates.constraint_numbers[kind]
        yield members, partial(_of_kind, kind, globs[members], numbers)
    plan = constraint.densities
    for i, program in enumerate(plan.programs):
        captured, integers = templates.density_captured[i], plan.captured_indices[i]
        constants = [c if c is not None else n for c, n in zip(captured, integers, strict=True)]
        members, *with_glob = plan.arguments[i]
        yield members, partial(_of_user, program, constants, [globs[at] for at in with_glob])


def _of_kind(kind: str, globs: Array, numbers: tuple[Array, ...], alpha: Array) -> Array:
    return TERMS[kind].value(alpha, globs, *numbers)


def _of_user(program: Program, constants: list[Any], globs: list[Array], alpha: Array) -> Array:
    return -program(constants, alpha, *globs)


def constant(derived: Derived, globs: Array) -> Array:
    """The constants of the constraints."""
    constraint = derived.plan.constraint
    poisson = constraint.poisson > 0
    total = jnp.sum(constraint.gaussian * gaussian_constant(derived.templates.width))
    total += jnp.sum(jnp.where(poisson, poisson_constant(jnp.where(poisson, globs, 0.0)), 0.0))
    if derived.correlated_precision is not None:
        n = derived.correlated_precision.shape[0]
        total += derived.correlated_log_det + 0.5 * n * jnp.log(2.0 * jnp.pi)
    for kind, members in constraint.kinds.items():
        numbers = derived.templates.constraint_numbers[kind]
        total += jnp.sum(TERMS[kind].constant(globs[members], *numbers))
    return total


def separate_derivatives(derived: Derived, p: Array, globs: Array) -> tuple[Array, Array]:
    """Gradient (param,) of :func:`value`; its second derivatives (param,), those of correlations left out."""
    plan = derived.plan
    gradient, diagonal = derived.precision * (p - globs), derived.precision
    if plan.constraint.any_poisson:
        poisson, tau = plan.constraint.poisson > 0, derived.templates.tau
        rate, counts = jnp.where(poisson, p * tau, 1.0), jnp.where(poisson, globs, 1.0)
        gradient += jnp.where(poisson, poisson_slope(rate, counts) * tau, 0.0)
        diagonal += jnp.where(poisson, poisson_curvature(rate, counts) * tau**2, 0.0)
    for members, term in _single(derived, globs):
        _, slope, curvature = second_order(term, p[members])
        gradient, diagonal = gradient.at[members].add(slope), diagonal.at[members].add(curvature)
    if derived.correlated_precision is not None:
        members = plan.constraint.correlated
        shifted = (p - globs)[members]
        gradient = gradient.at[members].add(derived.correlated_precision @ shifted)
    return gradient, diagonal


def derivatives(derived: Derived, p: Array, globs: Array) -> tuple[Array, Array]:
    """Gradient (dense,) of :func:`value` and its second derivatives, those of correlations left out."""
    gradient, diagonal = separate_derivatives(derived, p, globs)
    return gradient[derived.plan.dense], diagonal[derived.plan.dense]


def with_correlations(derived: Derived, hessian: Array) -> Array:
    """A (dense, dense) Hessian with that of the correlated constraints."""
    if derived.correlated_precision is None:
        return hessian
    columns = derived.plan.column[derived.plan.constraint.correlated]
    return hessian.at[columns[:, None], columns].add(derived.correlated_precision)


def user_terms(derived: Derived, p: Array, counts: Array, globs: Array) -> Array:
    """-R: minus the sum of the users' terms of the log-likelihood.

    ``counts`` (bin,) and ``globs`` (global observable,) are in the model's flat order.
    """
    constraint = derived.plan.constraint
    total = jnp.zeros(())
    for i, program in enumerate(constraint.terms):
        held, integers = derived.templates.term_captured[i], constraint.term_indices[i]
        if constraint.term_of_all[i]:
            constants = [c if c is not None else n for c, n in zip(held, integers, strict=True)]
            values = p[constraint.term_arguments[i][0]]
            term = program(constants, values, counts, globs)  # type: ignore[arg-type]
        else:
            arguments, scalars = constraint.term_arguments[i], constraint.term_scalars[i]
            term = factor.call(program, held, integers, arguments, scalars, p)
        total -= jnp.sum(term)
    return total


def user_derivatives(derived: Derived, p: Array, counts: Array, globs: Array) -> tuple[Array, Array]:
    """Value-free gradient and Hessian of :func:`user_terms` by the dense parameters."""
    plan = derived.plan
    dense = plan.dense
    if not any(plan.constraint.term_of_all):
        # A likelihood of many events depends on few parameters: derivatives by others would be dear zeros.
        gradient, members, block = user_block(derived, p, counts, globs)
        at = jnp.append(plan.column, plan.n_dense)[members]
        hessian = jnp.zeros((plan.n_dense, plan.n_dense)).at[at[:, None], at].add(block, mode="drop")
        return gradient, hessian

    def of_dense(z: Array) -> Array:
        return user_terms(derived, p.at[dense].set(z), counts, globs)

    return jax.grad(of_dense)(p[dense]), jax.hessian(of_dense)(p[dense])


def user_block(derived: Derived, p: Array, counts: Array, globs: Array) -> tuple[Array, Array, Array]:
    """Gradient (dense,) of :func:`user_terms`, and the Hessian by those that they are functions of.

    Returns (gradient, parameters (m,), Hessian (m, m)). A parameter that is listed twice counts once.
    """
    plan = derived.plan
    listed = jnp.concatenate([a for arguments in plan.constraint.term_arguments for a in arguments])
    ordered = jnp.sort(listed)
    again = jnp.concatenate([jnp.zeros(1, bool), ordered[1:] == ordered[:-1]])
    members = jnp.where(again, plan.n_params, ordered)

    def of_members(x: Array) -> Array:
        return user_terms(derived, p.at[members].set(x, mode="drop"), counts, globs)

    at = p.at[members].get(mode="fill", fill_value=0.0)
    gradient = jnp.zeros(plan.n_params).at[members].add(jax.grad(of_members)(at), mode="drop")
    return gradient[plan.dense], members, jax.hessian(of_members)(at)
