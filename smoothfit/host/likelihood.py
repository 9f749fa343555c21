"""A Python function as a likelihood that compiled programs call: value, gradient and Hessian."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import as_floats, check_finite, describe
from .._types import Array, FloatArray
from ..errors import InvalidTypeError, InvalidValueError, ShapeMismatchError
from . import differences

__all__ = ["HostLikelihood", "host_likelihood"]

_KEPT = 4096
"""Calls whose results are kept: gradient and Hessian by differences share most of theirs."""

_numbers = itertools.count()


def host_likelihood(
    fn: Callable[[FloatArray], float],
    n_parameters: int,
    *,
    gradient: Callable[[FloatArray], Any] | None = None,
    hessian: Callable[[FloatArray], Any] | None = None,
    step: float | FloatArray | None = None,
) -> HostLikelihood:
    """A likelihood that JAX cannot trace, for :meth:`smoothfit.Model.add_likelihood`.

    Parameters
    ----------
    fn
        Called with a numpy array (parameter,), it returns the NLL, a number. It must depend on nothing else:
        results are kept, and used again for the same values.
    n_parameters
        The number of parameters.
    gradient, hessian
        Functions of the same array: (parameter,) and (parameter, parameter). By central differences, if not
        given; the Hessian by differences of the gradient.
    step
        Steps of the differences, a number or one a parameter: about a hundredth of the parameter's error is
        best, and a factor of ten either way does no harm. By default they are sought at every point,
        at two to four more calls a parameter.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For what is no function, no number of parameters, or no steps.

    Notes
    -----
    An exception in ``fn``, or a result that is no number, counts as NaN: a fit steps back from there,
    and one that ends there has a status that says so. The exception is kept as ``last_error``. At the
    start values it is an error of ``prepare()``, which shows it.

    Calls are made one at a time, whatever the number of threads and fits; of a batch one member comes after
    the other. ``fn`` must not call JAX, which waits for it. Derivatives beyond the second are NaN.

    Examples
    --------
    >>> roofit = host_likelihood(lambda x: 0.5 * ((x[0] - 3.0) / 0.1) ** 2, 1)
    >>> values = jnp.array([3.1])
    >>> round(float(roofit(values)), 6), jax.grad(roofit)(values).round(6).tolist()
    (0.5, [10.0])
    """
    return HostLikelihood(fn, n_parameters, gradient, hessian, step)


class HostLikelihood:
    """What :func:`host_likelihood` returns: a callable (values, data=None) -> nll that JAX can transform."""

    def __init__(self, fn: Any, n_parameters: Any, gradient: Any, hessian: Any, step: Any) -> None:
        for what, given in (("fn", fn), ("gradient", gradient), ("hessian", hessian)):
            if not callable(given) and (what == "fn" or given is not None):
                raise InvalidTypeError(
                    f"host_likelihood: {what} must be a function of a numpy array, got {describe(given)}."
                )
        if isinstance(n_parameters, bool) or not isinstance(n_parameters, int | np.integer):
            raise InvalidTypeError(
                f"host_likelihood: n_parameters must be a whole number, got {describe(n_parameters)}."
            )
        if n_parameters < 1:
            raise InvalidValueError(f"host_likelihood: n_parameters must be at least 1, got {n_parameters}.")
        functools.update_wrapper(self, fn, updated=())
        self.n_parameters = int(n_parameters)
        self.last_error: Exception | None = None
        """The last exception of one of the functions, None if there was none."""
        self._number = next(_numbers)
        self._fn, self._gradient, self._hessian = fn, gradient, hessian
        self._step = _read_step(step, self.n_parameters)
        self._lock = threading.RLock()
        self._kept = functools.lru_cache(_KEPT)(self._called)
        self._traceable = _differentiable(self)

    def __call__(self, values: Any, data: Any = None) -> Array:
        """The NLL at ``values`` (parameter,).

        Raises
        ------
        InvalidValueError, ShapeMismatchError
            For data, which the function has by itself, and another number of values.
        """
        if data is not None:
            raise InvalidValueError(f"{self._what}: a host likelihood has its data by itself; give none.")
        array = jnp.asarray(values, float)
        if array.shape != (self.n_parameters,):
            raise ShapeMismatchError(
                f"{self._what}: values have shape {array.shape}, expected ({self.n_parameters},): one number "
                "a parameter."
            )
        return self._traceable(array)

    @property
    def _what(self) -> str:
        return f"host_likelihood of '{self._label}'"

    @property
    def _label(self) -> str:
        name = getattr(self, "__qualname__", None)
        return name if isinstance(name, str) else type(self._fn).__name__

    @property
    def identity(self) -> str:
        """What hashes of models know it by: what it computes they cannot know, its name they do."""
        return f"host likelihood {getattr(self, '__module__', '')}:{self._label} of {self.n_parameters}"

    def __repr__(self) -> str:
        # Part of the identity of what is compiled with it: no two are alike.
        return f"HostLikelihood({self._label!r}, {self.n_parameters} parameters, number {self._number})"

    # -- called back, with numpy arrays ------------------------------------------------------------

    def _value_at(self, x: Any) -> FloatArray:
        return self._guarded(lambda at: np.float64(self._nll(at)), x, ())

    def _gradient_at(self, x: Any) -> FloatArray:
        return self._guarded(self._slopes, x, (self.n_parameters,))

    def _hessian_at(self, x: Any) -> FloatArray:
        return self._guarded(self._curvatures, x, (self.n_parameters, self.n_parameters))

    def _guarded(self, fn: Callable[[FloatArray], Any], x: Any, shape: tuple[int, ...]) -> FloatArray:
        """What ``fn`` returns, NaN where it raises or returns something else."""
        at = np.array(x, dtype=np.float64)
        with self._lock:
            try:
                found = np.asarray(fn(at), dtype=np.float64)
                if found.shape != shape:
                    raise ShapeMismatchError(f"a result of shape {found.shape}, expected {shape}")
            except Exception as error:  # noqa: BLE001 - whatever it is, a fit goes on without this point.
                self.last_error = error
                return np.full(shape, np.nan)
            return found

    def _called(self, content: bytes) -> float:
        found = np.asarray(self._fn(np.frombuffer(content, dtype=np.float64).copy()))
        if found.size != 1 or found.dtype.kind not in "iuf":
            raise InvalidTypeError(f"the NLL must be one real number, got {describe(found)}")
        return float(found.reshape(()))

    def _nll(self, x: FloatArray) -> float:
        return self._kept(x.tobytes())

    def _tried(self, x: FloatArray) -> float:
        """For differences: a place where the function is not defined is no reason to give up."""
        try:
            return self._nll(x)
        except Exception as error:  # noqa: BLE001
            self.last_error = error
            return float("nan")

    def _steps(self, x: FloatArray) -> FloatArray:
        return differences.steps(self._tried, x) if self._step is None else self._step

    def _slopes(self, x: FloatArray) -> FloatArray:
        if self._gradient is not None:
            return np.asarray(self._gradient(x.copy()), dtype=np.float64)
        return differences.gradient(self._tried, x, self._steps(x))

    def _curvatures(self, x: FloatArray) -> FloatArray:
        if self._hessian is not None:
            return np.asarray(self._hessian(x.copy()), dtype=np.float64)
        if self._gradient is not None:
            return differences.hessian_of_gradient(self._slopes, x, self._steps(x))
        return differences.hessian(self._tried, x, self._steps(x))


def _read_step(step: Any, n: int) -> FloatArray | None:
    if step is None:
        return None
    what = "host_likelihood: step"
    array = check_finite(what, as_floats(what, step))
    if array.shape not in ((), (n,)):
        raise ShapeMismatchError(f"{what} has shape {array.shape}, expected one number, or ({n},).")
    if np.any(array <= 0.0):
        raise InvalidValueError(f"{what} must be positive, got {describe(step)}.")
    return np.broadcast_to(array, (n,))


def _differentiable(host: HostLikelihood) -> Callable[[Array], Array]:
    """The function of JAX arrays, its derivative the gradient, whose derivative is the Hessian."""
    n = host.n_parameters

    def callback(of: Callable[[Any], FloatArray], shape: tuple[int, ...]) -> jax.custom_jvp:
        result = jax.ShapeDtypeStruct(shape, jnp.dtype(float))

        @jax.custom_jvp
        def call(x: Array) -> Array:
            return jax.pure_callback(of, result, x, vmap_method="sequential")

        return call

    value = callback(host._value_at, ())
    gradient = callback(host._gradient_at, (n,))
    hessian = callback(host._hessian_at, (n, n))

    @value.defjvp
    def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        return value(*primals), gradient(*primals) @ tangents[0]

    @gradient.defjvp
    def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        return gradient(*primals), hessian(*primals) @ tangents[0]

    @hessian.defjvp
    def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        # Derivatives of a fit ask for those of its covariance, too, which are not known.
        return hessian(*primals), jnp.full((n, n), jnp.nan) * jnp.sum(tangents[0])

    return value
