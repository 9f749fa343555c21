"""What gradients through fits and limits cost: ``python -m benchmarks.differentiable --write``.

A fit and a limit of W3 beside their values with gradients, by all nominal yields in reverse mode; gradients
of the limit of 100 alternative templates of W4 by one ``vmap`` and one by one; and a network trained on
expected CLs (:mod:`benchmarks.neos`). Compilations are timed apart. With ``--seeds`` below 5 nothing is
written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import neos, reference, workloads
from benchmarks.sections import write_section
from smoothfit import functional

__all__ = ["Cost", "Problem", "cost", "fit", "limit", "main", "median_limit", "problem", "templates_at_once"]

_REPETITIONS, _TEMPLATES, _SEEDS = 15, 100, 5
_GRADIENT_OF_FIT, _LIMIT_WITH_GRADIENT = 1.5, 2.0
"""Asked: no more fits for the gradient of a fit, and no more limits for a limit with its gradient."""

Yields = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Problem:
    """A workload as functions of its nominal yields."""

    model: Any
    yields: Yields
    obs: Any
    poi: int

    def prepared(self, yields: Yields) -> Any:
        """The model with other nominal yields."""
        return self.model.replaced({where: {"yields": row} for where, row in yields.items()})


def problem(name: str) -> Problem:
    """A workload with Poisson data."""
    w, scaling = reference.workload(name)
    model = workloads.build(w, scaling=scaling).prepare()
    yields = {(f"p{i}", c): jnp.asarray(w.nom[i, bins], float) for i in range(w.P) for c, bins in w.chans}
    obs = jnp.asarray(reference.load().data(w, "poisson"), float)
    return Problem(model, yields, obs, model.index("mu0"))


def fit(p: Problem, yields: Yields) -> tuple[Any, Any]:
    """The first strength, and all values with their covariance."""
    found = functional.fit(p.prepared(yields), p.obs)
    return found.values[p.poi], (found.values, found.covariance, found.status)


def limit(p: Problem, yields: Yields) -> tuple[Any, Any]:
    """The observed limit on the first strength, and those expected."""
    found = functional.upper_limit(p.prepared(yields), p.poi, p.obs)
    return found.observed, found


def median_limit(p: Problem, yields: Yields) -> tuple[Any, Any]:
    """The median expected limit, and all others."""
    found = functional.upper_limit(p.prepared(yields), p.poi, p.obs)
    return found.expected[2], found


@dataclass(frozen=True)
class Cost:
    """Seconds of a number, and of it with its gradient; first calls and medians of those after."""

    title: str
    first: tuple[float, float]
    seconds: tuple[float, float]
    error: float
    """Of a derivative along a random direction, relative, beside a difference of values."""

    @property
    def ratio(self) -> float:
        """Value with gradient / value."""
        return self.seconds[1] / self.seconds[0]


def cost(
    title: str,
    f: Callable[[Problem, Yields], tuple[Any, Any]],
    p: Problem,
    repetitions: int = _REPETITIONS,
) -> Cost:
    """What the gradient of a function costs; the two take turns."""
    # By closure: a model's structure is no argument of jit.
    value = _jit(lambda yields: f(p, yields))
    both = _jit(jax.value_and_grad(lambda yields: f(p, yields), has_aux=True))
    first = _seconds(value, p.yields), _seconds(both, p.yields)
    turns = [(_seconds(value, p.yields), _seconds(both, p.yields)) for _ in range(repetitions)]
    medians = np.median(turns, axis=0)
    error = _error(lambda yields: value(yields)[0], both(p.yields)[1], p.yields)
    return Cost(title, first, (float(medians[0]), float(medians[1])), error)


def _jit(f: Callable[..., Any]) -> Callable[..., Any]:
    """As docs/functional.md advises."""
    return jax.jit(f, compiler_options=functional.compiler_options())


def _seconds(f: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    jax.block_until_ready(f(*arguments))
    return time.perf_counter() - began


def _error(value: Callable[[Yields], Any], gradient: Yields, yields: Yields) -> float:
    rng = np.random.default_rng(1)
    direction = {where: row * rng.standard_normal(row.shape) for where, row in yields.items()}

    def moved(step: float) -> float:
        return float(value({where: row + step * direction[where] for where, row in yields.items()}))

    # Of fourth order in the step, which is small, for yields matter a lot to a fit of many events.
    h = 2e-5
    near, far = moved(h) - moved(-h), moved(2.0 * h) - moved(-2.0 * h)
    expected = (8.0 * near - far) / (12.0 * h)
    slope = sum(float(jnp.vdot(gradient[where], direction[where])) for where in yields)
    return abs(slope / expected - 1.0)


def templates_at_once(p: Problem, n: int = _TEMPLATES) -> dict[str, float]:
    """Gradients of the limit of ``n`` alternative templates, by one call and one by one."""
    rng = np.random.default_rng(2)
    alternatives = {
        where: row * jnp.asarray(np.exp(0.05 * rng.standard_normal((n, *row.shape))))
        for where, row in p.yields.items()
    }
    gradient = jax.grad(lambda yields: limit(p, yields)[0])
    single, batch = _jit(gradient), _jit(jax.vmap(gradient))

    def loop(alternatives: Yields) -> list[Yields]:
        return [single(jax.tree.map(lambda row, k=k: row[k], alternatives)) for k in range(n)]

    first = _seconds(batch, alternatives)
    _seconds(single, p.yields)
    at_once = np.concatenate([np.asarray(row) for row in batch(alternatives).values()], axis=1)
    one_by_one = np.array([np.concatenate(list(map(np.asarray, g.values()))) for g in loop(alternatives)])
    scale = np.max(np.abs(one_by_one), axis=1, keepdims=True)
    return {
        "n": n,
        "first": first,
        "batch": float(np.median([_seconds(batch, alternatives) for _ in range(3)])),
        "loop": _seconds(loop, alternatives),
        "difference": float(np.max(np.abs(at_once - one_by_one) / scale)),
        "failed": int(np.sum(~np.isfinite(at_once).all(axis=1))),
    }


def _cost_lines(costs: Sequence[tuple[Cost, float]]) -> list[str]:
    """``costs`` come with what is asked of value with gradient / value."""
    lines = [
        "| W3 | value | with gradient | ratio | gradient alone | asked, ratio | | derivative, error "
        "| first call, value / gradient |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one, asked in costs:
        value, both = one.seconds
        met = "met" if one.ratio <= asked else f"missed by a factor {one.ratio / asked:.2g}"
        lines.append(
            f"| {one.title} | {1e3 * value:.3g} ms | {1e3 * both:.3g} ms | {one.ratio:.2f} | "
            f"{one.ratio - 1.0:.2f} | {asked:g} | {met} | {one.error:.0e} | "
            f"{one.first[0]:.1f} s / {one.first[1]:.1f} s |"
        )
    return [*lines, ""]


def _template_lines(found: Mapping[str, float]) -> list[str]:
    return [
        f"| W4: gradients of the limit for {found['n']} templates | |",
        "|---|---|",
        f"| one call of `jax.vmap(jax.grad(limit))` | {found['batch']:.3g} s |",
        f"| its first call, with compilation | {found['first']:.3g} s |",
        f"| one by one, compiled | {found['loop']:.3g} s |",
        f"| largest difference, of the largest derivative of each | {found['difference']:.0e} |",
        f"| limits that failed | {found['failed']} |",
        "",
    ]


def _section(tables: Sequence[Sequence[str]]) -> str:
    lines = [
        "## Gradients",
        "",
        "`python -m benchmarks.differentiable --write`: reverse mode, by all nominal yields; in one process,",
        f"medians of {_REPETITIONS} calls, value and gradient in turns. A fit comes with its covariance, a",
        "limit with all five expected ones. The error of a derivative is that along a random direction,",
        "beside a difference of values, relative.",
        "",
    ]
    for table in tables:
        lines += table
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.differentiable",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="trainings; nothing is written below 5")
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    asked = parser.parse_args(arguments)
    # First calls are compiled, and not read.
    jax.config.update("jax_enable_compilation_cache", False)
    tables: list[list[str]] = []

    def show(table: list[str]) -> None:
        tables.append(table)
        print("\n".join(table), flush=True)

    w3 = problem("W3")
    show(
        _cost_lines(
            [
                (cost("fit", fit, w3), 1.0 + _GRADIENT_OF_FIT),
                (cost("observed limit", limit, w3), _LIMIT_WITH_GRADIENT),
                (cost("median expected limit", median_limit, w3), _LIMIT_WITH_GRADIENT),
            ]
        )
    )
    show(_template_lines(templates_at_once(problem("W4"))))
    show(neos.lines(range(asked.seeds)))
    if asked.write and asked.seeds >= _SEEDS:
        write_section("differentiable", _section(tables))


if __name__ == "__main__":
    main()
