"""Pass 3: user functions, traced once and told what their results multiply."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import OUTSIDE
from .._types import Array, IntArray
from ..build import Variable
from ..build.declarations import AddFn, ScaleFn
from ..errors import MorphingWarning, UserFunctionError
from ..host import HostLikelihood
from ..programs import Program, trace
from .collection import Contribution
from .parameters import Parameters
from .specification import Seen, UserTerm

__all__ = [
    "Observables",
    "Traced",
    "TracedFunctions",
    "check_finite",
    "classify",
    "trace_factor",
    "trace_term",
]


@dataclass(frozen=True, eq=False)
class Traced:
    """A program with its arguments' positions and captured arrays."""

    program: Program
    captured: tuple[Array, ...]
    arguments: tuple[IntArray, ...]
    scalars: tuple[bool, ...]

    @property
    def floats(self) -> tuple[Array | None, ...]:
        """Captured arrays that can be varied; None for integers and flags."""
        return tuple(c if jnp.issubdtype(c.dtype, jnp.floating) else None for c in self.captured)

    @property
    def integers(self) -> tuple[Array | None, ...]:
        """Captured integers and flags; None for the others."""
        return tuple(None if jnp.issubdtype(c.dtype, jnp.floating) else c for c in self.captured)


@dataclass(frozen=True, eq=False)
class Observables:
    """Where data and global observables stand, for functions of all of them."""

    bins: Mapping[str, IntArray]
    """Channel -> its bins."""
    globs: Mapping[str, int]
    """Parameter or bin parameter -> its global observable."""

    @property
    def n_bins(self) -> int:
        """The number of bins."""
        return sum(len(bins) for bins in self.bins.values())

    def of(self, term: UserTerm, seen: Seen) -> tuple[IntArray, IntArray]:
        """The bins and global observables that a function is given."""
        for noun, wanted, known in (
            ("channel", seen.channels, self.bins),
            ("global observable of", seen.globs, self.globs),
        ):
            for name in wanted:
                if name not in known:
                    raise UserFunctionError(
                        f"add_constraint: the function '{term.label}' was written for a model with the "
                        f"{noun} '{name}', which there is no more; add the constraint anew."
                    )
        bins = [self.bins[name] for name in seen.channels]
        return np.concatenate(bins), np.array([self.globs[name] for name in seen.globs], dtype=int)


@dataclass
class TracedFunctions:
    """The factor programs met so far, each once, with the offset of its results."""

    found: dict[int, tuple[Traced, int]] = field(default_factory=dict)
    size: int = 0

    def add(self, effect: ScaleFn, traced: Traced) -> int:
        """Remember a program; return the offset of its results among all results."""
        offset = self.size
        self.found[id(effect)] = (traced, offset)
        self.size += int(np.prod(traced.program.out_shape, dtype=int))
        return offset


def _attempts(variables: Sequence[Variable]) -> list[tuple[bool, ...]]:
    """Scalar variables are passed as scalars, or else as arrays of one."""
    scalars = tuple(v.is_scalar for v in variables)
    return [scalars, (False,) * len(scalars)] if any(scalars) else [scalars]


def _trace(
    fn: Any, variables: Sequence[Variable], scalars: tuple[bool, ...], p: Parameters, label: str, owner: str
) -> Traced:
    shapes = [() if s else (v.size,) for v, s in zip(variables, scalars, strict=True)]
    program, captured = trace(fn, shapes, label=label, owner=owner)
    return Traced(program, captured, tuple(p.of(v) for v in variables), scalars)


@partial(jax.jit, static_argnums=0)
def _evaluate(program: Program, captured: tuple[Array, ...], *values: Array) -> tuple[Array, Array]:
    """(value, derivative along all arguments); compiled once for each program."""
    return jax.jvp(lambda *v: program(captured, *v), values, tuple(jnp.ones_like(v) for v in values))


def check_finite(
    traced: Traced, p: Parameters, label: str, owner: str, host: HostLikelihood | None = None
) -> None:
    """That value and derivative are finite at the start values, with what a function of the host's raised."""
    if host is not None:
        host.last_error = None
    values = [
        jnp.asarray(p.start[at][0] if s else p.start[at])
        for at, s in zip(traced.arguments, traced.scalars, strict=True)
    ]
    try:
        result, slope = (np.asarray(found) for found in _evaluate(traced.program, traced.captured, *values))
    except jax.errors.TracerArrayConversionError as failed:
        raise UserFunctionError(
            f"{owner}: the function '{label}' cannot be evaluated while JAX is tracing; {OUTSIDE}."
        ) from failed
    error = None if host is None else host.last_error
    reason = "" if error is None else f" (it raised {type(error).__name__}: {error})"
    for what, found in (("is", result), ("has a derivative that is", slope)):
        if not np.all(np.isfinite(found)):
            raise UserFunctionError(
                f"{owner}: the function '{label}' {what} not finite at the variables' start values{reason}; "
                "guard divisions, logarithms and roots, or choose other start values."
            ) from error


def classify(shape: tuple[int, ...], axis: str | None, contribution: Contribution) -> str | None:
    """What a result of this shape runs over: "row" (sub-processes or nothing), "bin", or None.

    Follows the rule of ``scale_by`` for 1-D results; 2-D ones must broadcast to (sub-process, bin).
    """
    n_sub, n_bins = contribution.contrib.n_sub, contribution.contrib.n_bins
    if shape in ((), (1,)):
        return "row"
    if len(shape) == 1:
        fits_rows = shape[0] == n_sub and contribution.contrib.is_array
        fits_bins = shape[0] == n_bins
        if fits_rows and axis in (None, "process"):
            return "row"
        return "bin" if fits_bins and axis in (None, "bin") else None
    if len(shape) == 2 and shape[0] in (1, n_sub) and shape[1] in (1, n_bins):
        return "row" if shape[1] == 1 else "bin"
    return None


def trace_factor(effect: ScaleFn, users: Sequence[Contribution], p: Parameters) -> Traced:
    """Trace a function of factors, or of terms, and check its result against every contribution it is for."""
    call = "add_by_fn" if isinstance(effect, AddFn) else "scale_by_fn"
    owner = f"{call} on {users[0].what}"
    error: UserFunctionError | None = None
    for scalars in _attempts(effect.variables):
        try:
            traced = _trace(effect.fn, effect.variables, scalars, p, effect.label, owner)
        except UserFunctionError as failed:
            error = error or failed
            continue
        unfit = [c for c in users if classify(traced.program.out_shape, effect.axis, c) is None]
        if not unfit:
            check_finite(traced, p, effect.label, owner)
            _check_covariances(effect, users)
            return traced
        contrib = unfit[0].contrib
        error = error or UserFunctionError(
            f"{call} on {unfit[0].what}: the function '{effect.label}' returns shape "
            f"{traced.program.out_shape}, which does not fit (sub-process, bin) = ({contrib.n_sub}, "
            f"{contrib.n_bins}); return that shape, one that broadcasts to it, or one number a row or bin."
        )
    assert error is not None
    raise error


def _check_covariances(effect: ScaleFn, users: Sequence[Contribution]) -> None:
    """Warn of rows that a function says are made of the same events, but have independent errors."""
    if not getattr(effect.fn, "rows_share_events", False):
        return
    for user in users:
        if user.contrib.sumw2 is not None and user.contrib.covariance is None:
            warnings.warn(
                f"{user.what}: '{effect.label}' combines templates whose sumw2 are taken for independent, "
                "which is wrong if they are made of the same events: give register_sumw2 their covariance, "
                "(sub-process, sub-process, bin) sums of w_k w_l, as eft.templates_from_events makes it; or, "
                "of separate samples, a diagonal one.",
                MorphingWarning,
                stacklevel=2,
            )


def _positions(term: UserTerm, p: Parameters) -> IntArray:
    """Where the values stand that a function of all of them expects, new ones last."""
    names = [name for variable in p.variables for name in variable.sub_names]
    expected = [name for name in term.order or () if name in names]
    missing = [name for name in term.order or () if name not in names]
    if missing:
        raise UserFunctionError(
            f"add_constraint: the function '{term.label}' was written for a model with the parameter "
            f"'{missing[0]}', which no process depends on any more; add the constraint anew."
        )
    if term.seen is not None:
        return np.array([names.index(name) for name in expected], dtype=int)
    known = set(expected)
    return np.array([names.index(n) for n in expected + [n for n in names if n not in known]], dtype=int)


def _of_its_own(term: UserTerm, observables: Observables) -> Callable[..., Any]:
    """The function of all data and global observables, given those that it was written for."""
    if term.seen is None:
        return term.fn
    fn, (bins, globs) = term.fn, observables.of(term, term.seen)
    return lambda values, data, aux: fn(values, data[bins], aux[globs])


def trace_term(term: UserTerm, p: Parameters, observables: Observables) -> Traced:
    """Trace an ``add_constraint`` function; its result must be one number."""
    owner = "add_constraint"
    error: UserFunctionError | None = None
    if term.variables is None:
        positions = _positions(term, p)
        shapes = [(len(positions),), (observables.n_bins,), (len(observables.globs),)]
        program, captured = trace(_of_its_own(term, observables), shapes, label=term.label, owner=owner)
        candidates = [Traced(program, captured, (positions,), (False,))]
    else:
        candidates = []
        for scalars in _attempts(term.variables):
            try:
                candidates.append(_trace(term.fn, term.variables, scalars, p, term.label, owner))
            except UserFunctionError as failed:
                error = error or failed
    for traced in candidates:
        if int(np.prod(traced.program.out_shape, dtype=int)) == 1:
            if term.variables is not None:
                check_finite(traced, p, term.label, owner)
            return traced
        error = error or UserFunctionError(
            f"add_constraint: the function '{term.label}' returns shape {traced.program.out_shape}, expected "
            "one number, a term of the log-likelihood; sum over its components."
        )
    assert error is not None
    raise error
