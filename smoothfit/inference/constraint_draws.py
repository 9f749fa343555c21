"""What is drawn from constraints: global observables at a truth, and parameters before any data.

The registry of draws by kind of constraint, to that of terms in ``likelihood/constraint_terms.py``. Read
as a density of the parameter a constraint is what is called its prior: with a flat measure, except for the
log-normal, for which log alpha is flat, so that its median is the global observable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .._pytree import resolve
from .._types import BoolArray, FloatArray, IntArray
from ..errors import InvalidValueError
from ..layout import Layout
from ..prepared import Prepared
from . import density_draws
from .toys import Source

__all__ = ["DRAWS", "Draw", "asimov_globs", "draw_globs", "draw_parameters"]


class Draw(NamedTuple):
    """Draws of one kind; elementwise, arrays of one shape."""

    glob: Callable[..., FloatArray]
    """(rng, alpha, *numbers): global observables at a true alpha."""
    parameter: Callable[..., FloatArray]
    """(rng, glob, *numbers): parameters from the constraint alone."""
    asimov: Callable[..., FloatArray]
    """(alpha, *numbers): the global observable for which alpha is the most likely value."""
    rate: bool = False
    """Whether alpha cannot be negative."""


def _gaussian(rng: Source, centre: FloatArray, width: FloatArray) -> FloatArray:
    return centre + width * rng.standard_normal(centre.shape)


def _below_or_above(rng: Source, centre: FloatArray, below: FloatArray, above: FloatArray) -> FloatArray:
    """Half a Gaussian to either side, with probabilities in proportion to the widths."""
    size = abs(rng.standard_normal(centre.shape))
    down = rng.random(centre.shape) * (below + above) < below
    return centre + (above - down * (below + above)) * size


def _asymmetric_glob(rng: Source, alpha: FloatArray, down: FloatArray, up: FloatArray) -> FloatArray:
    # An observable above alpha is one that alpha is below.
    return _below_or_above(rng, alpha, up, down)


def _log_normal(rng: Source, centre: FloatArray, kappa: FloatArray) -> FloatArray:
    return centre * kappa ** rng.standard_normal(centre.shape)


def _count(rng: Source, alpha: FloatArray, tau: FloatArray) -> FloatArray:
    return rng.poisson(alpha * tau).astype(np.float64)


def _rate(rng: Source, count: FloatArray, tau: FloatArray) -> FloatArray:
    return rng.gamma(count + 1.0, 1.0 / tau)


def _shape(rng: Source, alpha: FloatArray, width: FloatArray) -> FloatArray:
    # Gamma(alpha; k, width^2) is Pois(k - 1 | alpha/width^2)/width^2.
    return 1.0 + _count(rng, alpha, 1.0 / width**2)


def _gamma(rng: Source, shape: FloatArray, width: FloatArray) -> FloatArray:
    return rng.gamma(shape, width**2)


def _uniform(rng: Source, glob: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    return rng.uniform(lower, upper, glob.shape)


def _as_it_is(*arguments: object) -> FloatArray:
    """Without a global observable: the parameter stands in its place, and is not used."""
    return arguments[1]  # type: ignore[return-value]


def _alpha(alpha: FloatArray, *numbers: FloatArray) -> FloatArray:
    return alpha


DRAWS: dict[str, Draw] = {
    "gaussian": Draw(_gaussian, _gaussian, _alpha),
    "asymmetric": Draw(_asymmetric_glob, _below_or_above, _alpha),
    "lognormal": Draw(_log_normal, _log_normal, _alpha, rate=True),
    "poisson": Draw(_count, _rate, lambda alpha, tau: alpha * tau, rate=True),
    "gamma": Draw(_shape, _gamma, lambda alpha, width: 1.0 + alpha / width**2, rate=True),
    "uniform": Draw(_as_it_is, _uniform, _alpha),
}


class _Members(NamedTuple):
    """The parameters of one kind, with their numbers."""

    draw: Draw
    params: IntArray
    numbers: tuple[FloatArray, ...]

    def take(self, which: BoolArray | slice) -> _Members:
        return _Members(self.draw, self.params[which], tuple(x[which] for x in self.numbers))


def _members(prepared: Prepared) -> Iterator[_Members]:
    """The kinds in use; correlated parameters and users' densities are drawn otherwise."""
    plan, templates = prepared.plan.constraint, prepared.templates
    for kind, mask, numbers in (
        ("gaussian", plan.gaussian, templates.width),
        ("poisson", plan.poisson, templates.tau),
    ):
        params = np.flatnonzero(np.asarray(mask) > 0)
        if len(params):
            yield _Members(DRAWS[kind], params, (np.asarray(numbers)[params],))
    for kind, members in plan.kinds.items():
        columns = tuple(np.asarray(x) for x in templates.constraint_numbers[kind])
        yield _Members(DRAWS[kind], np.asarray(resolve(members)), columns)


class _Correlated(NamedTuple):
    params: IntArray
    covariance: FloatArray


def _correlated(prepared: Prepared) -> _Correlated | None:
    if prepared.templates.correlation is None:
        return None
    params = np.asarray(resolve(prepared.plan.constraint.correlated))
    width = np.asarray(prepared.templates.width)[params]
    return _Correlated(params, np.asarray(prepared.templates.correlation) * width[:, None] * width)


def _check_rates(members: _Members, values: FloatArray, layout: Layout, call: str) -> None:
    wrong = members.params[values[members.params] < 0.0]
    if members.draw.rate and len(wrong):
        raise InvalidValueError(
            f"{call}: '{layout.parameters[wrong[0]]}' is {values[wrong[0]]:g}, but its constraint is about a "
            "rate; take values that are not negative."
        )


def _defaults(prepared: Prepared, layout: Layout) -> FloatArray:
    """(param,): default global observables, NaN where there is none."""
    everywhere = np.full(layout.n_params, np.nan)
    everywhere[layout.constrained] = np.asarray(prepared.templates.globs)
    return everywhere


def draw_globs(prepared: Prepared, layout: Layout, values: FloatArray, n: int, rng: Source) -> FloatArray:
    """(toy, global observable) of the parameters, around ``values`` (param,)."""
    drawn = np.tile(values, (n, 1))
    for members in _members(prepared):
        _check_rates(members, values, layout, "toy_glob")
        at = members.params
        drawn[:, at] = members.draw.glob(rng, drawn[:, at], *members.numbers)
    together = _correlated(prepared)
    if together is not None:
        factor = np.linalg.cholesky(together.covariance)
        noise = rng.standard_normal((n, len(together.params)))
        # Not as a product of matrices, whose roundings depend on how many toys there are.
        for of_one, column in zip(noise.T, factor.T, strict=True):
            drawn[:, together.params] += of_one[:, None] * column
    for density in density_draws.densities(prepared):
        if density.takes_glob:
            at = density.params
            default = _defaults(prepared, layout)[at]
            drawn[:, at] = density_draws.draw_globs(density, values[at], default, layout, n, rng)
    return drawn[:, layout.constrained]


def asimov_globs(prepared: Prepared, layout: Layout, values: FloatArray) -> FloatArray:
    """(global observable,) of the parameters: those for which a fit finds ``values`` (param,) again."""
    found = values.copy()
    for members in _members(prepared):
        _check_rates(members, values, layout, "asimov")
        found[members.params] = members.draw.asimov(values[members.params], *members.numbers)
    for density in density_draws.densities(prepared):
        if density.takes_glob:
            at = density.params
            default = _defaults(prepared, layout)[at]
            found[at] = density_draws.asimov_globs(density, values[at], default, layout)
    return found[layout.constrained]


# -- parameters ----------------------------------------------------------------------------------------

_LEAST = 1e-3
"""The part of what is drawn that bounds must leave."""


def draw_parameters(prepared: Prepared, layout: Layout, n: int, rng: Source) -> FloatArray:
    """(toy, param): from the constraints, within bounds; what is free or held stays at its start.

    Raises
    ------
    InvalidValueError
        If bounds leave less than a thousandth of what a constraint allows.
    """
    start, globs = np.asarray(prepared.plan.start), _defaults(prepared, layout)
    free = np.asarray(prepared.plan.constant) == 0
    drawn = np.tile(start, (n, 1))
    for everyone in _members(prepared):
        members = everyone.take(free[everyone.params])
        at = members.params
        drawn[:, at] = members.draw.parameter(rng, np.tile(globs[at], (n, 1)), *members.numbers)
        outside = (drawn[:, at] < layout.lower[at]) | (drawn[:, at] > layout.upper[at])
        for j in np.flatnonzero(outside.any(axis=0)):
            one = members.take(slice(j, j + 1))

            def again(m: int, one: _Members = one) -> FloatArray:
                return one.draw.parameter(rng, np.tile(globs[one.params], (m, 1)), *one.numbers)

            drawn[:, one.params] = _within(again, layout, one.params, n)
    together = _correlated(prepared)
    if together is not None:
        moving = free[together.params]
        at = together.params[moving]
        centre, factor = _conditional(together, moving, start - globs)

        def jointly(m: int) -> FloatArray:
            found: FloatArray = globs[at] + centre + rng.standard_normal((m, len(at))) @ factor.T
            return found

        drawn[:, at] = _within(jointly, layout, at, n)
    for density in density_draws.densities(prepared):
        at = density.params
        found = density_draws.draw_parameters(density, globs[at], layout, n, rng)
        drawn[:, at[free[at]]] = found[:, free[at]]
    return drawn


def _conditional(
    together: _Correlated, moving: BoolArray, shift: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean shift and Cholesky factor of those that move, given where the held ones are."""
    cross = together.covariance[np.ix_(moving, ~moving)]
    weight = np.linalg.solve(together.covariance[np.ix_(~moving, ~moving)], cross.T).T
    inside = together.covariance[np.ix_(moving, moving)] - weight @ cross.T
    factor = np.asarray(np.linalg.cholesky(inside), dtype=np.float64)
    return weight @ shift[together.params[~moving]], factor


def _within(draw: Callable[[int], FloatArray], layout: Layout, params: IntArray, n: int) -> FloatArray:
    """(n, member): draws until as many are within the bounds of all members."""
    lower, upper = layout.lower[params], layout.upper[params]
    kept: list[FloatArray] = []
    have = tried = 0
    while have < n:
        batch = draw(max(n, 1000))
        batch = batch[np.all((batch >= lower) & (batch <= upper), axis=1)]
        kept.append(batch)
        have, tried = have + len(batch), tried + max(n, 1000)
        if tried >= 10_000 and have < _LEAST * tried:
            raise InvalidValueError(
                f"sample_prior: the bounds of {_listed(layout, params)} leave less than {_LEAST:.1%} of what "
                "the constraint allows; widen them, or move the constraint."
            )
    return np.concatenate(kept)[:n]


def _listed(layout: Layout, params: Sequence[int] | IntArray) -> str:
    names = [f"'{layout.parameters[i]}'" for i in params]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
