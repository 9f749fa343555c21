"""Prior densities that a user gives of parameters without a constraint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..._pytree import pytree_dataclass, static
from ..._types import Array, BoolArray, FloatArray
from ...errors import InvalidTypeError, InvalidValueError, UserFunctionError
from ...layout import Layout
from ...programs import Program, trace

__all__ = ["Priors", "log_prior", "read_priors"]


@pytree_dataclass
class Priors:
    """Traced log-densities, and the parameters that each is a function of."""

    captured: tuple[tuple[Array, ...], ...]
    """prior -> captured array"""
    positions: tuple[Array, ...]
    """prior -> positions in (parameters, bin parameters): (), or (component,) of an array."""
    programs: tuple[Program, ...] = static()


def log_prior(priors: Priors, values: Array) -> Array:
    """The sum of all log-densities at values (param + bin param,)."""
    total = jnp.zeros(())
    for program, captured, at in zip(priors.programs, priors.captured, priors.positions, strict=True):
        total += jnp.sum(program(captured, values[at]))
    return total


def read_priors(layout: Layout, given: Any, held: BoolArray, at: FloatArray) -> Priors:
    """Priors of {variable or name: log-density}, checked.

    Parameters
    ----------
    held
        (param + bin param,): what is not free.
    at
        (param + bin param,): where they must be finite.

    Raises
    ------
    InvalidTypeError, InvalidValueError, UnknownNameError, UserFunctionError
        For what is no function, or no free parameter without a constraint; for two priors of one
        parameter, and functions that cannot be traced or are not finite at the start.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise InvalidTypeError(
            f"likelihood: priors must be a dict {{variable: log-density}}, got {type(given).__name__}."
        )
    constrained = {i for v in layout.variables if v.constraint is not None for i in v.indices}
    constrained |= set(range(layout.n_params, len(layout.names)))
    taken: set[int] = set()
    captured, positions, programs = [], [], []
    for key, fn in given.items():
        places = layout.positions(key)
        name = key if isinstance(key, str) else key.name
        _check_places(layout, places, name, constrained, held, taken)
        taken.update(places)
        info = layout.variable(key)
        of_array = info is not None and not info.is_scalar
        shape = (len(places),) if of_array else ()
        program, constants = _traced(fn, shape, name)
        position = np.array(places if of_array else places[0], dtype=np.int32)
        value = np.asarray(program(constants, jnp.asarray(at[position])))
        if not np.all(np.isfinite(value)):
            raise UserFunctionError(
                f"likelihood: the prior of '{name}' is not finite at {at[position]!s}, where it starts; give "
                "the logarithm of a density that is positive there, or the variable another start."
            )
        captured.append(constants)
        positions.append(jnp.asarray(position))
        programs.append(program)
    return Priors(captured=tuple(captured), positions=tuple(positions), programs=tuple(programs))


def _check_places(
    layout: Layout, places: list[int], name: str, constrained: set[int], held: BoolArray, taken: set[int]
) -> None:
    for i in places:
        parameter = layout.names[i]
        if i in constrained:
            raise InvalidValueError(
                f"likelihood: a prior of '{name}' was given, but '{parameter}' has a constraint, which is "
                "its prior; leave it out, or build the variable without a constraint."
            )
        if held[i]:
            raise InvalidValueError(
                f"likelihood: a prior of '{name}' was given, but '{parameter}' is held; leave one of the two "
                "out."
            )
        if i in taken:
            raise InvalidValueError(f"likelihood: two priors of '{parameter}' were given; give one.")


def _traced(fn: Callable[..., Any], shape: tuple[int, ...], name: str) -> tuple[Program, tuple[Array, ...]]:
    if not callable(fn):
        raise InvalidTypeError(
            f"likelihood: the prior of '{name}' must be a function that returns a log-density, got "
            f"{type(fn).__name__}."
        )
    label = getattr(fn, "__name__", type(fn).__name__)
    return trace(fn, [shape], label=label, owner=f"likelihood: prior of '{name}'")
