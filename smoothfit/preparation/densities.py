"""Pass 3, constraints: the users' log-densities, traced, with what they say before any fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .._types import Array, FloatArray
from ..build import Variable
from ..build.declarations import function_label
from ..constraints import LogDensity, Prefit
from ..effects import second_order
from ..errors import UserFunctionError
from ..programs import Program, trace
from .functions import Traced
from .parameters import Parameters

__all__ = ["Density", "trace_densities"]


@dataclass(frozen=True, eq=False)
class Density:
    """A variable's log-density, and centre and width that it gives."""

    variable: Variable
    traced: Traced
    prefit: Prefit


def trace_densities(p: Parameters) -> list[Density]:
    """The log-densities of all variables that have one.

    Raises
    ------
    UserFunctionError
        If one cannot be traced, has another shape than the variable, mixes components, is not finite
        at the start values, or shows no uncertainty.
    """
    return [_density(v, v.constraint, p) for v in p.variables if isinstance(v.constraint, LogDensity)]


def _density(variable: Variable, constraint: LogDensity, p: Parameters) -> Density:
    owner = f"LogDensity constraint of '{variable.name}'"
    label, n_arguments = function_label(constraint.fn), 1 if constraint.glob is None else 2
    program, captured = trace(constraint.fn, [(variable.size,)] * n_arguments, label=label, owner=owner)
    if program.out_shape != (variable.size,):
        raise UserFunctionError(
            f"{owner}: the function '{label}' returns shape {program.out_shape}, expected "
            f"({variable.size},), one log-density a component; a term of several together is for "
            "add_constraint."
        )
    globs = [] if constraint.glob is None else [np.asarray(constraint.glob, dtype=np.float64)]

    def derivatives(alpha: FloatArray) -> tuple[FloatArray, ...]:
        return tuple(np.asarray(a) for a in _second_order(program, captured, alpha, *globs))

    start = derivatives(variable.value)
    if not all(np.all(np.isfinite(a)) for a in start):
        raise UserFunctionError(
            f"{owner}: the function '{label}' or a derivative of it is not finite at the start values; "
            "start at a likely value, and guard divisions, logarithms and roots."
        )
    _check_elementwise(variable, owner, label, lambda alpha: derivatives(alpha)[0])
    found = _mode(variable, derivatives)
    if found is None:
        raise UserFunctionError(
            f"{owner}: the function '{label}' rises without end from the start values: it has no most likely "
            "value within the variable's bounds; bound the variable, or check the sign."
        )
    centre, curvature = found
    if constraint.width is not None:
        width = np.asarray(constraint.width, dtype=np.float64)
    elif np.all(curvature < 0.0):
        width = 1.0 / np.sqrt(-curvature)
    else:
        raise UserFunctionError(
            f"{owner}: the function '{label}' has no curvature at {centre[np.argmax(curvature)]:.4g}, its "
            "most likely value, to take an uncertainty from; give width=."
        )
    arguments = (p.of(variable),) * n_arguments
    return Density(
        variable,
        Traced(program, captured, arguments, (False,) * n_arguments),
        Prefit(centre, width, width),
    )


@partial(jax.jit, static_argnums=0)
def _second_order(
    program: Program, captured: tuple[Array, ...], alpha: Array, *globs: Array
) -> tuple[Array, ...]:
    return second_order(lambda a: program(captured, a, *globs), jnp.asarray(alpha))


def _check_elementwise(
    variable: Variable, owner: str, label: str, values: Callable[[FloatArray], FloatArray]
) -> None:
    """Move every other component; what the rest says of itself must stay."""
    start = variable.value
    for moved in (np.arange(variable.size) % 2 == 0, np.arange(variable.size) % 2 == 1):
        shifted = start + np.where(moved, 1e-3 * np.maximum(np.abs(start), 1.0), 0.0)
        if not np.array_equal(values(start)[~moved], values(shifted)[~moved], equal_nan=True):
            raise UserFunctionError(
                f"{owner}: the function '{label}' mixes components: each must depend on its own alpha only; "
                "a term of several together is for add_constraint."
            )


def _mode(
    variable: Variable, derivatives: Callable[[FloatArray], tuple[FloatArray, ...]]
) -> tuple[FloatArray, FloatArray] | None:
    """The most likely values inside the bounds, uphill from the start, and the curvature there."""
    alpha = variable.value.copy()
    reach = np.maximum(np.abs(alpha), 1.0)
    value, slope, curvature = derivatives(alpha)
    for _ in range(_STEPS):
        concave = curvature < 0.0
        newton = -slope / np.where(concave, curvature, -1.0)
        step = np.where(concave, newton, np.sign(slope) * reach)
        # Halved, component by component, until it goes uphill.
        for _ in range(_HALVINGS):
            there = np.clip(alpha + step, variable.lower, variable.upper)
            found = derivatives(there)
            # Newton's last step no longer changes the value; others could go to and fro for ever.
            better = np.isfinite(found[0]) & ((found[0] > value) | (concave & (found[0] == value)))
            if np.all(better | (step == 0.0)):
                break
            step = np.where(better, step, 0.5 * step)
        there = np.where(better, there, alpha)
        moved = np.max(np.abs(there - alpha) / reach)
        alpha = there
        value, slope, curvature = derivatives(alpha)
        if moved < 1e-12:
            return alpha, curvature
    return None


_STEPS = 100
_HALVINGS = 60
