"""One thread for the linear algebra that JAX borrows from SciPy, while a compiled program runs.

OpenBLAS splits even the inverse of a matrix of 69 rows between threads. They gain nothing there, and spin for
some 25 ms when they have done their share, on cores that the rest of the program needs: with two cores a fit
takes up to half as long again. Nothing is lost with 1000 rows. Whatever number was set before is set again
afterwards, for what else runs in the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]

_lock = Lock()
_before: list[tuple[Any, int]] = []
_inside = 0


@cache
def _libraries() -> list[Any]:
    """Every BLAS in the process."""
    # What JAX calls is SciPy's, which it loads with the first factorisation: too late to be found here.
    import scipy.linalg.cython_lapack  # noqa: F401

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def _set_num_threads(library: Any, number: int) -> None:
    """Set it from any thread: threadpoolctl 3.8 and later silently ignore all but the first that did."""
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(number)
    if release is not None:
        release(force=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, BLAS uses one thread; threads may be in here at the same time.

    Examples
    --------
    >>> with one_thread():
    ...     numbers = [library.get_num_threads() for library in _libraries()]
    >>> set(numbers) <= {1, None}
    True
    """
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            numbers = [(library, library.get_num_threads()) for library in _libraries()]
            _before[:] = [(library, number) for library, number in numbers if number is not None]
            for library, _ in _before:
                _set_num_threads(library, 1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for library, number in _before:
                    _set_num_threads(library, number)
