"""Many fits, or many rays, of one model: compiled once, whatever their number.

Two ways, by size. Small models go a chunk at a time, in lockstep (``vmap``): one program evaluates all
members, and what a member costs is its share of it. Large ones go one by one through the program that single
fits use, in as many threads as there are cores: lockstep would make all wait for the slowest, and every
array fall out of the cache. Either way memory is bounded by the chunk, not by the number of members.

Where there are several devices, each has a chunk of its own at a time, of the same members as without the
others.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._compilation import compiled, fetched
from .._types import Array, FloatArray
from ..likelihood.derived import Derived, derived, derived_of
from ..prepared import Data, Fixed, Plan, Prepared, Templates
from . import native
from .solution import Solution, Status

__all__ = ["CHUNK", "batch_follow", "batch_solve", "chunk_size", "in_lockstep"]

T = TypeVar("T")

CHUNK = 64
"""Members in lockstep on a CPU, at most; each of its cores has its own chunk."""

_CHUNK_ELSEWHERE = 1024

_TOGETHER = 4_200_000
"""Bytes of the Hessians of a chunk, on a CPU: beyond, they leave its caches."""

_LOCKSTEP = 12_000
"""Bins x dense parameters up to which members in lockstep are faster than one by one."""

_DENSE = 40
"""Dense parameters up to which they are: beyond, it is the factorising of matrices that takes the time."""

_PAIRS = 3_000
"""The same for the two sides of an interval."""

_FEW = 8
"""Members that are not worth a program of their own."""


def _drop_covariance(solution: Solution) -> Solution:
    """The batch keeps variances only: a covariance a member would be most of its memory."""
    variances = solution.covariance.diagonal().copy()
    if not variances.size:
        # A matrix-free fit has none.
        variances = solution.values * np.nan
    return dataclasses.replace(solution, covariance=variances)


def _solve_one(
    model: Prepared | Derived, data: Data, fixed: Fixed, start: Array, errors: Array | float
) -> Solution:
    return native.solve(derived(model), data, fixed, start, errors)


def _follow_one(
    model: Prepared | Derived, data: Data, fixed: Fixed, course: native.Course, errors: Array | float
) -> native.Found:
    return native.follow(derived(model), data, fixed, course, errors=jnp.asarray(errors))


_compiled_solve = compiled(_solve_one)
_single_follow = compiled(_follow_one)


def single_solve(
    model: Prepared | Derived, data: Data, fixed: Fixed, start: Array | FloatArray, errors: bool
) -> Solution:
    """One fit; without ``errors`` they and the covariance are 0. One program serves both."""
    # As a number of numpy: Python's own has another type, and would be compiled again.
    return _compiled_solve(model, data, fixed, start, np.float64(errors))


def count_traces() -> int:
    """How many structures the native fitter was compiled for in this process."""
    return int(_compiled_solve.count_traces())  # type: ignore[attr-defined]


def _lockstep(model: Prepared | Derived, members: tuple[Data, Fixed, Array], errors: bool) -> Solution:
    known = derived(model)

    def one(member: tuple[Data, Fixed, Array]) -> Solution:
        return _drop_covariance(native.search(known, *member, errors=errors, saddles=False))

    return jax.vmap(one)(members)


def _lockstep_templates(plan: Plan, members: tuple[Templates, Data, Fixed, Array], errors: bool) -> Solution:
    def one(member: tuple[Templates, Data, Fixed, Array]) -> Solution:
        known = derived(Prepared(templates=member[0], plan=plan))
        return _drop_covariance(native.search(known, *member[1:], errors=errors, saddles=False))

    return jax.vmap(one)(members)


_lockstep_solve = {errors: compiled(partial(_lockstep, errors=errors)) for errors in (False, True)}
_lockstep_solve_templates = {
    errors: compiled(partial(_lockstep_templates, errors=errors)) for errors in (False, True)
}


def _without_covariance(found: native.Found) -> native.Found:
    return found._replace(fit=_drop_covariance(found.fit))


@compiled
def _lockstep_follow(model: Prepared | Derived, members: tuple[Data, Fixed, native.Course]) -> native.Found:
    known = derived(model)
    return jax.vmap(lambda member: _without_covariance(native.follow(known, *member)))(members)


@compiled
def _lockstep_bounds(model: Prepared | Derived, members: tuple[Data, Fixed, native.Course]) -> native.Found:
    known = derived(model)
    return jax.vmap(lambda member: native.follow(known, *member, errors=True))(members)


def in_lockstep(prepared: Prepared, n: int) -> bool:
    """Whether ``n`` members of a model go in lockstep.

    On an accelerator always: its work is one large program.
    """
    if n <= _FEW:
        return False
    return _is_small(prepared, _LOCKSTEP)


def _is_small(prepared: Prepared, limit: int) -> bool:
    plan = prepared.plan
    size = plan.geometry.n_bins * (plan.n_dense + 1)
    return (size <= limit and plan.n_dense <= _DENSE) or jax.default_backend() != "cpu"


def _row(tree: T, i: int) -> T:
    return jax.tree.map(lambda leaf: leaf[i], tree)


def _stack(rows: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def _one_by_one(call: Callable[[int], T], n: int, advance: Callable[[int], None]) -> Iterator[T]:
    def run(i: int) -> T:
        found = call(i)
        advance(1)
        return found

    # The first alone: it may compile.
    yield run(0)
    if n == 2:
        yield run(1)
    elif n > 2:
        yield from _pool().map(run, range(1, n))


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads; starting them for each batch would take as long as some fits."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="smoothfit")


def chunk_size(plan: Plan) -> int:
    """Members in lockstep on one device."""
    if jax.default_backend() != "cpu":
        return _CHUNK_ELSEWHERE
    return min(CHUNK, max(_FEW, _TOGETHER // (8 * max(plan.n_dense, 1) ** 2)))


def _chunks(
    call: Callable[..., Any],
    model: Prepared | Derived | Plan,
    members: Any,
    n: int,
    advance: Callable[[int], None],
) -> Iterator[Any]:
    chunk = chunk_size(model if isinstance(model, Plan) else model.plan)

    def run(first: int, known: Any = model, device: Any = None) -> Any:
        size = min(chunk, n - first)
        # The last chunk is filled up with copies of its first member: one shape, one program.
        at = np.concatenate([np.arange(first, first + size), np.full(chunk - size, first)])
        rows = jax.tree.map(lambda leaf: leaf[at], members)
        found = fetched(call(known, rows if device is None else jax.device_put(rows, device)))
        advance(size)
        return jax.tree.map(lambda leaf: leaf[:size], found)

    firsts, devices = range(0, n, chunk), jax.local_devices()
    if len(firsts) > 1 and len(devices) > 1:
        yield from _on_devices(run, model, firsts, devices)
    elif len(firsts) > 1 and jax.default_backend() == "cpu":
        # A program of its own on each core: they need not wait for each other.
        if _is_new(call, model, members):
            yield run(0)
            firsts = firsts[1:]
        yield from _pool().map(run, firsts)
    else:
        yield from map(run, firsts)


def _on_devices(run: Callable[..., T], model: Any, firsts: range, devices: Sequence[Any]) -> Iterator[T]:
    """Every device runs the program of one device, on chunks of its own.

    One program for all of them, partitioned by XLA, would round the last digits otherwise.
    """
    devices = devices[: len(firsts)]

    def chunks_of(number: int) -> list[T]:
        known = jax.device_put(model, devices[number])
        return [run(first, known, devices[number]) for first in firsts[number :: len(devices)]]

    with ThreadPoolExecutor(len(devices), thread_name_prefix="smoothfit-device") as pool:
        parts = list(pool.map(chunks_of, range(len(devices))))
    for i in range(len(firsts)):
        yield parts[i % len(devices)][i // len(devices)]


_compiled_for: set[int] = set()


def _is_new(call: Callable[..., Any], model: Any, members: Any) -> bool:
    """Whether a function will be compiled for such arrays: two threads would both do that."""
    (known, structure), (rows, of_member) = jax.tree.flatten(model), jax.tree.flatten(members)
    shapes = [(np.shape(leaf), jnp.result_type(leaf)) for leaf in known]
    shapes += [(leaf.shape[1:], leaf.dtype) for leaf in rows]
    # A number, as the structures would be kept alive. Where two share one, both are compiled twice.
    key = hash((call, structure, of_member, *shapes))
    if key in _compiled_for:
        return False
    _compiled_for.add(key)
    return True


def _nothing(_: int) -> None:
    return None


def batch_solve(
    prepared: Prepared,
    data: Data,
    fixed: Fixed,
    start: FloatArray,
    *,
    errors: bool = True,
    models: Sequence[Prepared] | None = None,
    advance: Callable[[int], None] = _nothing,
) -> Solution:
    """Fit every member; all arrays have the member axis in front. Without ``errors`` they are 0.

    Parameters
    ----------
    models
        Models of the same structure with templates of their own, one a member, instead of ``prepared``.

    Returns
    -------
    Solution
        With a member axis; ``covariance`` holds the variances, (member, param), only.
    """
    n, model = len(start), derived_of(prepared)

    def model_of(i: int) -> Prepared | Derived:
        return model if models is None else derived_of(models[i])

    def single(i: int) -> Solution:
        found = single_solve(model_of(i), _row(data, i), _row(fixed, i), start[i], errors)
        return _drop_covariance(fetched(found))

    if not in_lockstep(prepared, n):
        return _stack(list(_one_by_one(single, n, advance)))  # type: ignore[no-any-return]
    members: tuple[Any, ...] = (data, fixed, start)
    if models is None:
        chunks = list(_chunks(_lockstep_solve[errors], model, members, n, advance))
    else:
        members = (_stack([one.templates for one in models]), *members)
        chunks = list(_chunks(_lockstep_solve_templates[errors], model.plan, members, n, advance))
    found = jax.tree.map(lambda *leaves: np.concatenate(leaves), *chunks)
    # What failed in lockstep goes again, with everything that a single fit tries.
    for i in np.flatnonzero(found.status != Status.CONVERGED).tolist():
        jax.tree.map(lambda leaf, value, i=i: leaf.__setitem__(i, value), found, single(i))
    return found  # type: ignore[no-any-return]


def batch_follow(
    prepared: Prepared,
    data: Data,
    fixed: Fixed,
    courses: native.Course,
    *,
    errors: bool = False,
    advance: Callable[[int], None] = _nothing,
) -> native.Found:
    """Follow every ray; all arrays have the member axis in front.

    Parameters
    ----------
    errors
        Whether the fits at the ends are wanted with errors and covariances, (member, param, param): for
        few rays.
    """
    n, model = len(courses.first), derived_of(prepared)
    members = (data, fixed, courses)
    if errors and n > 1 and _is_small(prepared, _PAIRS):
        together: native.Found = fetched(_lockstep_bounds(model, members))
        advance(n)
        return together
    if not errors and in_lockstep(prepared, n):
        found = list(_chunks(_lockstep_follow, model, members, n, advance))
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)  # type: ignore[no-any-return]

    def single(i: int) -> native.Found:
        found = fetched(_single_follow(model, *_row(members, i), np.float64(errors)))
        return found if errors else _without_covariance(found)  # type: ignore[no-any-return]

    return _stack(list(_one_by_one(single, n, advance)))  # type: ignore[no-any-return]
