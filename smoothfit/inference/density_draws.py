"""Draws from users' log-densities: normalised numerically, on a grid that adapts to each component.

Points lie at centre + scale sinh(t), t evenly spaced, so that 1e8 scales are covered with steps of a
hundredth of a scale near the centre, and of a hundredth of the distance far away. Centre and scale are
the median and half the central 68% found on the grid before, until they stay.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._pytree import resolve
from .._types import Array, FloatArray, IntArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..prepared import Prepared
from ..programs import Program
from .toys import Source

__all__ = ["UserDensity", "asimov_globs", "densities", "draw_globs", "draw_parameters"]

_POINTS = 4001
_REACH = 1e8
"""The grid ends so many scales away from its centre."""


class UserDensity(NamedTuple):
    """The log-density of a variable, as prepared."""

    params: IntArray
    takes_glob: bool
    program: Program
    constants: tuple[Array, ...]

    def on_grid(self, alpha: FloatArray, globs: FloatArray) -> FloatArray:
        """(point, member): the log-density; ``globs`` are not looked at where it takes none."""
        arguments = (alpha, globs) if self.takes_glob else (alpha,)
        return np.asarray(_on_grid(self.program, self.constants, *arguments))


@partial(jax.jit, static_argnums=0)
def _on_grid(program: Program, constants: tuple[Array, ...], *arguments: Array) -> Array:
    return jax.vmap(partial(program, constants))(*arguments)


@partial(jax.jit, static_argnums=0)
def _slope(program: Program, constants: tuple[Array, ...], alpha: Array, globs: Array) -> tuple[Array, Array]:
    """The derivative by alpha, and its derivative by the global observable."""

    def slope(g: Array) -> Array:
        return jax.jvp(lambda a: program(constants, a, g), (alpha,), (jnp.ones_like(alpha),))[1]

    return jax.jvp(slope, (globs,), (jnp.ones_like(globs),))


def densities(prepared: Prepared) -> list[UserDensity]:
    """Those of a prepared model."""
    plan, captured = prepared.plan.constraint.densities, prepared.templates.density_captured
    found = []
    for i, program in enumerate(plan.programs):
        params, *with_glob = resolve(plan.arguments[i])
        integers = resolve(plan.captured_indices[i])
        constants = [c if c is not None else n for c, n in zip(captured[i], integers, strict=True)]
        found.append(
            UserDensity(np.asarray(params), bool(with_glob), program, tuple(constants))  # type: ignore[arg-type]
        )
    return found


def draw_globs(
    density: UserDensity,
    alpha: FloatArray,
    default: FloatArray,
    layout: Layout,
    n: int,
    rng: Source,
) -> FloatArray:
    """(toy, member): global observables at ``alpha`` (member,)."""
    everywhere = np.full(len(alpha), np.inf)

    def log_density(globs: FloatArray) -> FloatArray:
        return density.on_grid(np.broadcast_to(alpha, globs.shape), globs)

    what = f"toy_glob: the LogDensity constraint of {_names(density, layout)}, as a function of its glob,"
    scale = layout.widths[density.params]
    return _draw(log_density, default, scale, (-everywhere, everywhere), n, rng, what)


def draw_parameters(
    density: UserDensity, globs: FloatArray, layout: Layout, n: int, rng: Source
) -> FloatArray:
    """(toy, member): parameters within their bounds, given the global observables."""
    at = density.params

    def log_density(alpha: FloatArray) -> FloatArray:
        return density.on_grid(alpha, np.broadcast_to(globs, alpha.shape))

    what = f"sample_prior: the LogDensity constraint of {_names(density, layout)}"
    bounds = layout.lower[at], layout.upper[at]
    return _draw(log_density, layout.prefit.centre[at], layout.widths[at], bounds, n, rng, what)


def asimov_globs(density: UserDensity, alpha: FloatArray, default: FloatArray, layout: Layout) -> FloatArray:
    """(member,): where the slope at ``alpha`` vanishes, by Newton's method.

    Raises
    ------
    InvalidValueError
        If there is no such global observable near.
    """
    # At once for a density of alpha - glob.
    globs = default + (alpha - layout.prefit.centre[density.params])
    unit = np.maximum(np.abs(globs), layout.widths[density.params])
    for _ in range(50):
        slope, change = (np.asarray(x) for x in _slope(density.program, density.constants, alpha, globs))
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(slope == 0.0, 0.0, slope / change)
        globs = globs - step
        if not np.all(np.isfinite(globs)):
            break
        if np.all(np.abs(step) <= 1e-12 * unit):
            return globs
    raise InvalidValueError(
        f"asimov: no global observable makes these values of {_names(density, layout)} the most likely ones "
        "of the LogDensity constraint; give global observables yourself."
    )


def _names(density: UserDensity, layout: Layout) -> str:
    names = [f"'{layout.parameters[i]}'" for i in density.params]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _draw(
    log_density: Callable[[FloatArray], FloatArray],
    centre: FloatArray,
    scale: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    n: int,
    rng: Source,
    what: str,
) -> FloatArray:
    t = np.linspace(-np.arcsinh(_REACH), np.arcsinh(_REACH), _POINTS)[:, None]
    for _ in range(10):
        x = np.clip(centre + scale * np.sinh(t), *bounds)
        with np.errstate(over="ignore"):
            height = np.where(np.isnan(found := log_density(x)), -np.inf, found)
        top = height.max(axis=0)
        if not np.all(np.isfinite(top)):
            raise InvalidValueError(f"{what} is finite nowhere within the bounds.")
        density = np.exp(height - top)
        mass = 0.5 * (density[1:] + density[:-1]) * np.diff(x, axis=0)
        cumulated = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(mass, axis=0)])
        total = cumulated[-1]
        ends = mass[: _POINTS // 40].sum(axis=0) + mass[-(_POINTS // 40) :].sum(axis=0)
        if np.any(ends > 1e-6 * total):
            raise InvalidValueError(f"{what} cannot be normalised: it does not fall off far away.")
        low, median, high = (
            np.array([np.interp(q * total[k], cumulated[:, k], x[:, k]) for k in range(len(total))])
            for q in (0.16, 0.5, 0.84)
        )
        before, centre, scale = scale, median, 0.5 * (high - low)
        if np.all(np.abs(np.log(scale / before)) < 0.7):
            break
    drawn = rng.random((n, len(total))) * total
    columns = [np.interp(drawn[:, k], cumulated[:, k], x[:, k]) for k in range(len(total))]
    return np.stack(columns, axis=1)
