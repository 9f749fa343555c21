"""A likelihood for the rest of the JAX ecosystem: minimisers, samplers, whatever takes a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._checks import plural
from ..._pytree import pytree_dataclass, static
from ..._types import Array, ArrayLike, FloatArray
from ...errors import InvalidValueError, ShapeMismatchError
from . import density as densities
from . import limits
from .density import Density
from .labels import Labels
from .other_data import other_data

__all__ = ["Likelihood"]


@pytree_dataclass
class Likelihood:
    """The likelihood of a model and its data, as a function of a vector of the free parameters.

    Made by :meth:`smoothfit.Model.likelihood`. Its methods are pure, differentiable, and may be jitted and
    batched. It is a pytree, too: handed to a function under ``jax.jit`` (as ``args`` of optimistix, say) it
    costs one compilation for all data of a model. Vectors are (free,) arrays in the order of :attr:`names`.

    Examples
    --------
    >>> import jax
    >>> from smoothfit import Model, Process, Variable
    >>> sig = Process("sig", [50.0, 1.0]).scale_by(Variable("mu", 1.0, lower_bound=0.0))
    >>> model = Model().add_proc(sig).add_proc(Process("bkg", [500.0, 500.0])).prepare()
    >>> likelihood = model.likelihood([525.0, 500.5])
    >>> likelihood
    Likelihood(1 free parameter; 2 bins)
    >>> bool(abs(jax.grad(likelihood.nll)([0.5])[0]) < 1e-12)
    True
    """

    density: Density
    """The numbers, without names."""
    labels: Labels = static()

    # -- the vector ------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Of the free parameters, then of free bin parameters: the order of all vectors."""
        return self.labels.names

    @property
    def start(self) -> Array:
        """(free,): the start values of the model."""
        held = self.density.held
        return jnp.concatenate([held.values, held.bin_values])[self.density.free]

    @property
    def lower(self) -> Array:
        """(free,): lower limits, -inf where there is none. Parameters with a Poisson, gamma or log-normal
        constraint are not negative."""
        return self.density.lower

    @property
    def upper(self) -> Array:
        """(free,): upper limits, inf where there is none."""
        return self.density.upper

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        n_bins = self.labels.layout.n_bins
        profiled = "; bin parameters profiled" if self.density.profiled else ""
        return f"Likelihood({plural(len(self), 'free parameter')}; {plural(n_bins, 'bin')}{profiled})"

    def values_from_dict(self, values: Mapping[Any, Any]) -> Array | FloatArray:
        """(free,): these values, the start values elsewhere; keys are variables, names or sub-names."""
        return self.labels.assigned(self.start, values)

    def values_to_dict(self, values: ArrayLike) -> dict[str, Any]:
        """{name: value}; of samples (..., free), {name: (...)}."""
        found = self._vector(values, "values_to_dict", leading=True)
        return {name: found[..., i] for i, name in enumerate(self.names)}

    def to_model(self, values: ArrayLike) -> Array:
        """(..., param + bin param): the model's own vector, as ``model.pred`` and ``batch_pred`` take it.

        What is held is where it is held, bin parameters that are minimised over are at their minimum.
        """
        found = self._vector(values, "to_model", leading=True)
        rows = found.reshape(-1, len(self))
        full = jax.vmap(densities.full_values, (None, 0))(self.density, rows)
        return full.reshape(*found.shape[:-1], full.shape[-1])

    def from_model(self, values: ArrayLike) -> Array:
        """(..., free): the free ones of a model's vector (..., param + bin param), as ``best_fit.x``."""
        vector, layout = jnp.asarray(values, float), self.labels.layout
        if vector.ndim == 0 or vector.shape[-1] != len(layout.names):
            raise ShapeMismatchError(
                f"from_model: shape {vector.shape}, expected (..., {len(layout.names)}): parameters and bin "
                "parameters, as best_fit.x."
            )
        return vector[..., self.density.free]

    # -- the likelihood --------------------------------------------------------------------------

    def nll(self, values: ArrayLike, obs: Any = None, globs: Any = None) -> Array:
        """The negative log-likelihood with all its constants.

        Parameters
        ----------
        values
            (free,)
        obs, globs
            Other data: (bin,) counts in events and global observables, as for ``model.nll``; those that
            the likelihood was made with by default.
        """
        return densities.nll(self._of(obs, globs), self._vector(values, "nll"))

    def log_posterior(self, values: ArrayLike, obs: Any = None, globs: Any = None) -> Array:
        """The logarithm of likelihood times priors, a density of the parameters that is not normalised.

        Nothing is said about values outside the limits.
        """
        return densities.log_posterior(self._of(obs, globs), self._vector(values, "log_posterior"))

    def log_density(self, unconstrained: ArrayLike, obs: Any = None, globs: Any = None) -> Array:
        """The same as a density of the unconstrained parameters: what samplers take.

        It is ``log_posterior(from_unconstrained(u)) + log |d values/du|``.
        """
        return densities.log_density(self._of(obs, globs), self._vector(unconstrained, "log_density"))

    # -- without limits --------------------------------------------------------------------------

    def to_unconstrained(self, values: ArrayLike, margin: ArrayLike = 0.0) -> Array:
        """(..., free): numbers without limits, see :mod:`~smoothfit.inference.protocol.limits`.

        Parameters
        ----------
        margin
            How far to stay from limits, in the units of the parameters, a number or (free,). A limit itself
            is at infinity: a sampler that is to start from a fit that ends on one needs some room.

        Raises
        ------
        InvalidValueError
            For values outside the limits.
        """
        found = self._vector(values, "to_unconstrained", leading=True)
        self._check_inside(found)
        moved = limits.inside(found, self.lower, self.upper, jnp.asarray(margin, float))
        return limits.to_unconstrained(moved, self.lower, self.upper)

    def from_unconstrained(self, unconstrained: ArrayLike) -> Array:
        """(..., free): values of the parameters."""
        found = self._vector(unconstrained, "from_unconstrained", leading=True)
        return limits.from_unconstrained(found, self.lower, self.upper)

    # -- checks ----------------------------------------------------------------------------------

    def _vector(self, given: ArrayLike, what: str, *, leading: bool = False) -> Array:
        vector = jnp.asarray(given, float)
        if (vector.ndim != 1 and not (leading and vector.ndim)) or vector.shape[-1] != len(self):
            wanted = f"(..., {len(self)})" if leading else f"({len(self)},)"
            raise ShapeMismatchError(
                f"Likelihood.{what}: shape {vector.shape}, expected {wanted}, one number a free parameter; "
                "values_from_dict() and from_model() make such vectors."
            )
        return vector

    def _check_inside(self, values: Array) -> None:
        if any(isinstance(x, jax.core.Tracer) for x in (values, self.lower)):
            return
        found, lower, upper = (np.asarray(x) for x in (values, self.lower, self.upper))
        wrong = np.argwhere((found < lower) | (found > upper) | np.isnan(found))
        if len(wrong):
            i = wrong[0, -1]
            raise InvalidValueError(
                f"Likelihood.to_unconstrained: '{self.names[i]}' is {found[tuple(wrong[0])]:g}, outside its "
                f"limits [{lower[i]:g}, {upper[i]:g}]."
            )

    def _of(self, obs: Any, globs: Any) -> Density:
        if obs is None and globs is None:
            return self.density
        changed = other_data(self.labels.layout, self.density.data, obs, globs)
        return replace(self.density, data=changed)
