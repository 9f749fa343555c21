"""User functions as they are saved: traced programs with the arrays they captured.

:class:`Recorder` traces a function as ``prepare()`` does, at the shapes that it is called with, and lowers
it with its derivatives (:mod:`.derivatives`). What comes of it is a :class:`SavedFunction`, and so is what a
file gives back; saved again it stays the same, byte for byte. Arrays of float64 that a function captured stay
arrays, as in :mod:`smoothfit.programs`: they can be varied and differentiated by, and functions that
differ in them alone share their programs.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._types import Array, FloatArray
from ...errors import ShapeMismatchError, UserFunctionError
from ...programs import Program, trace
from . import stablehlo
from .derivatives import ALONG, BACK, evaluate
from .stablehlo import Text

__all__ = ["ORDER", "Programs", "Recorder", "SavedFunction", "Variant", "program_names"]

ORDER = 3
"""Derivatives of a saved function: two for a fit, one more for the derivative of a fit."""

Shape = tuple[int, ...]


def program_names(order: int) -> list[tuple[str, int]]:
    """(kind, order) of each program there is, up to that derivative.

    Examples
    --------
    >>> program_names(1)
    [('along', 0), ('along', 1), ('back', 1)]
    """
    return [(ALONG, k) for k in range(order + 1)] + [(BACK, k) for k in range(1, order + 1)]


@dataclass(frozen=True, eq=False)
class Programs:
    """A function and its derivatives: a :class:`~.derivatives.Family`, equal by what it does."""

    label: str
    shapes: tuple[Shape, ...]
    """Of captured arrays, then of arguments."""
    out_shape: Shape
    order: int
    texts: Mapping[tuple[str, int], Text]

    @functools.cached_property
    def key(self) -> str:
        """Hash of signature and programs."""
        digest = hashlib.sha256(json.dumps([self.shapes, self.out_shape, self.order]).encode())
        for name in sorted(self.texts):
            digest.update(repr((name, self.texts[name])).encode())
        return digest.hexdigest()

    @functools.cached_property
    def _read(self) -> dict[tuple[str, int], Callable[..., list[Any]]]:
        return {}

    def program(self, kind: str, order: int) -> Callable[..., list[Any]]:
        """The program as a function, read when it is first called."""
        if (kind, order) not in self._read:
            self._read[kind, order] = stablehlo.read(*self._signature(kind, order))
        return self._read[kind, order]

    def check(self) -> None:
        """That all programs are what they should be; FileFormatError if not."""
        for kind, order in self.texts:
            stablehlo.check(*self._signature(kind, order))

    def _signature(self, kind: str, order: int) -> tuple[str, Text, tuple[Shape, ...], tuple[Shape, ...]]:
        """A program with the words for it, and the shapes of what it takes and returns."""
        out = (self.out_shape,)
        operands = self.shapes * (1 + order if kind == ALONG else order) + (out if kind == BACK else ())
        what = f"function '{self.label}': program {kind}{order}"
        return what, self.texts[kind, order], operands, out if kind == ALONG else self.shapes

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Programs) and self.key == other.key

    def __repr__(self) -> str:
        # Part of the identity of what is traced through it.
        return f"Programs({self.key})"


@dataclass(frozen=True, eq=False)
class Variant:
    """A function at arguments of certain shapes."""

    programs: Programs
    captured: tuple[FloatArray, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Of the arguments."""
        return self.programs.shapes[len(self.captured) :]


class SavedFunction:
    """A function that is known by its programs: callable, traceable and differentiable.

    Parameters
    ----------
    label
        What messages call it.
    variants
        One for each set of arguments' shapes that it can be called with.
    elementwise
        Whether the variant, of scalars, serves arrays of any shape.
    rows_share_events
        As :class:`~smoothfit.eft.Dim6EFTMorphing` says of itself.
    identity
        Hash of what it does, the same before and after it was saved.
    """

    def __init__(
        self,
        label: str,
        variants: Sequence[Variant],
        *,
        elementwise: bool = False,
        rows_share_events: bool = False,
        identity: str = "",
    ) -> None:
        self.__qualname__ = label
        self.variants = tuple(variants)
        self.elementwise = elementwise
        self.rows_share_events = rows_share_events
        self.identity = identity
        # On the device once, so that a trace finds arrays that it can make leaves of.
        self._held = [tuple(jnp.asarray(c) for c in variant.captured) for variant in variants]

    def __call__(self, *arguments: Any) -> Array:
        """The value.

        Raises
        ------
        ShapeMismatchError
            For arguments of other shapes than it was saved for.
        """
        values = [jnp.asarray(a, float) for a in arguments]
        if self.elementwise and len(values) == 1:
            return self._elementwise(values[0])
        shapes = tuple(value.shape for value in values)
        for variant, held in zip(self.variants, self._held, strict=True):
            if variant.shapes == shapes:
                return evaluate(variant.programs, [*held, *values])
        known = " or ".join(str(list(variant.shapes)) for variant in self.variants)
        raise ShapeMismatchError(
            f"the function '{self.__qualname__}' of a saved model takes arguments of shape {known}, got "
            f"{list(shapes)}; it is a program for these alone: for others give the function itself."
        )

    def _elementwise(self, value: Array) -> Array:
        variant, held = self.variants[0], self._held[0]
        rows = [jnp.broadcast_to(c, (value.size, *c.shape)) for c in held]
        return evaluate(variant.programs, [*rows, value.ravel()], batched=True).reshape(value.shape)

    def __repr__(self) -> str:
        return f"SavedFunction({self.__qualname__!r})"


@dataclass
class Recorder:
    """Traces functions and lowers them; programs that were met before are used again."""

    known: dict[Any, Programs] = field(default_factory=dict)

    def record(
        self,
        fn: Callable[..., Any],
        attempts: Sequence[Sequence[Shape]],
        *,
        label: str,
        owner: str,
        order: int = ORDER,
        elementwise: bool = False,
    ) -> SavedFunction:
        """The function at the shapes that ``prepare()`` tries, in its order.

        Raises
        ------
        UserFunctionError
            If it cannot be traced at any, or cannot be lowered.
        """
        if isinstance(fn, SavedFunction):
            return fn
        traces = usable_traces(fn, attempts, label=label, owner=owner)
        variants = [self._variant(*found, owner=owner, order=order) for found in traces]
        return SavedFunction(
            label,
            variants,
            elementwise=elementwise,
            rows_share_events=bool(getattr(fn, "rows_share_events", False)),
            identity=identity_of(traces),
        )

    def _variant(
        self, program: Program, captured: Sequence[Array], shapes: Sequence[Shape], *, owner: str, order: int
    ) -> Variant:
        arrays = [np.asarray(c) for c in captured]
        varied = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
        constants = tuple((i, *_digest(a)) for i, a in enumerate(arrays) if i not in varied)
        every = (*(arrays[i].shape for i in varied), *(tuple(shape) for shape in shapes))
        key = (program.key, constants, every, order)
        if key not in self.known:

            def function(*values: Array) -> Array:
                given = iter(values)
                held = [next(given) if i in varied else jnp.asarray(a) for i, a in enumerate(arrays)]
                return jnp.asarray(program(held, *given), float)

            what = f"{owner}: the function '{program.label}'"
            texts = _lowered(function, every, program.out_shape, order, what)
            self.known[key] = Programs(program.label, every, program.out_shape, order, texts)
        return Variant(self.known[key], tuple(arrays[i] for i in varied))


def usable_traces(
    fn: Callable[..., Any], attempts: Sequence[Sequence[Shape]], *, label: str, owner: str
) -> list[tuple[Program, tuple[Array, ...], Sequence[Shape]]]:
    """The traces that ``prepare()`` may take: the first, and others with results of another shape."""
    found: list[tuple[Program, tuple[Array, ...], Sequence[Shape]]] = []
    error: UserFunctionError | None = None
    seen: set[Shape] = set()
    for shapes in attempts:
        try:
            program, captured = trace(fn, shapes, label=label, owner=owner)
        except UserFunctionError as failed:
            error = error or failed
            continue
        # A result of one number scales a row, whether it is () or (1,).
        result = program.out_shape or (1,)
        if result not in seen:
            seen.add(result)
            found.append((program, captured, shapes))
    if not found:
        assert error is not None
        raise error
    return found


def identity_of(traces: Sequence[tuple[Program, Sequence[Array], Sequence[Shape]]]) -> str:
    """Hash of what a function does: its programs, and what it captured."""
    parts = [[program.key, [_digest(np.asarray(c)) for c in captured]] for program, captured, _ in traces]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _digest(array: np.ndarray) -> tuple[str, Shape, str]:
    return str(array.dtype), array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _lowered(
    function: Callable[..., Array], shapes: Sequence[Shape], out: Shape, order: int, what: str
) -> dict[tuple[str, int], Text]:
    n = len(shapes)

    def along(k: int) -> Callable[..., Array]:
        """D^k f, of arguments and k directions, all flat."""
        if k == 0:
            return function

        def program(*operands: Array) -> Array:
            before, direction = operands[: k * n], operands[k * n :]
            inner = lambda *x: along(k - 1)(*x, *before[n:])  # noqa: E731
            return jax.jvp(inner, before[:n], direction)[1]

        return program

    def back(k: int) -> Callable[..., tuple[Array, ...]]:
        def program(*operands: Array) -> tuple[Array, ...]:
            inner = lambda *x: along(k - 1)(*x, *operands[n : k * n])  # noqa: E731
            return tuple(jax.vjp(inner, *operands[:n])[1](operands[-1]))

        return program

    texts = {}
    for kind, k in program_names(order):
        operands = list(shapes) * (1 + k if kind == ALONG else k) + ([out] if kind == BACK else [])
        made = (lambda *x, k=k: [along(k)(*x)]) if kind == ALONG else back(k)
        texts[kind, k] = stablehlo.lower(made, operands, what=what)
    return texts
