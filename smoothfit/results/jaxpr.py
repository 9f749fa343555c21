"""A traced program, to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jax.extend import core

from .._checks import plural

__all__ = ["TracedProgram", "count_primitives"]


@dataclass(frozen=True, eq=False, repr=False)
class TracedProgram:
    """A program as JAX traced it: ``str()`` is all of its text, which may be long.

    Examples
    --------
    >>> import jax
    >>> found = TracedProgram(jax.make_jaxpr(lambda x: 2.0 * x + 1.0)(3.0))
    >>> found
    TracedProgram(2 equations; add 1, mul 1)
    >>> print(found)
    { lambda ; a:f64[]. let
        b:f64[] = mul 2.0:f64[] a
        c:f64[] = add b 1.0:f64[]
      in (c,) }
    """

    jaxpr: core.ClosedJaxpr
    """The program itself."""

    @property
    def n_equations(self) -> int:
        """Equations, those of programs within it included, each program as often as it is used."""
        return sum(self.primitives.values())

    @property
    def primitives(self) -> Mapping[str, int]:
        """What is computed -> in how many equations, the most frequent first."""
        found = count_primitives(self.jaxpr)
        return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))

    def __str__(self) -> str:
        return str(self.jaxpr)

    def __repr__(self) -> str:
        most = list(self.primitives.items())
        shown = ", ".join(f"{name} {number}" for name, number in most[:5]) + (", ..." if most[5:] else "")
        return f"TracedProgram({plural(self.n_equations, 'equation')}{'; ' if most else ''}{shown})"


def _within(value: Any) -> Iterator[core.Jaxpr]:
    """The programs in a parameter of an equation."""
    if isinstance(value, core.ClosedJaxpr):
        yield value.jaxpr
    elif isinstance(value, core.Jaxpr):
        yield value
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from _within(entry)


def count_primitives(program: core.ClosedJaxpr) -> dict[str, int]:
    """{primitive: equations} of a program and of all programs within it."""
    found: dict[str, int] = {}
    waiting = [program.jaxpr]
    while waiting:
        for equation in waiting.pop().eqns:
            name = equation.primitive.name
            found[name] = found.get(name, 0) + 1
            for value in equation.params.values():
                waiting.extend(_within(value))
    return found
