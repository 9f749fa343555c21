"""Where toys come from: a model, a point, and what is random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._types import FloatArray, IntArray
from ...errors import InvalidValueError
from .. import compiled, constraint_draws, toys
from ..context import Context
from .generators import ToyGenerators

__all__ = ["TOY_KINDS", "Ensemble", "Toys"]

TOY_KINDS = ("frequentist", "bayesian", "bootstrap")
_ROUNDING = 1e-9
"""Events below 0 that a fit without data in a bin may leave there."""


@dataclass(frozen=True, eq=False)
class Toys:
    """A block of toys, one row each."""

    counts: FloatArray
    """(toy, bin)"""
    globs: FloatArray
    """(toy, global observable): the parameters', then the bins'."""
    first: int
    """The number of the first."""

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, rows: IntArray) -> Toys:
        """Some of them, by row; ``first`` stays that of the block."""
        return Toys(self.counts[rows], self.globs[rows], self.first)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Toys of a model at a point.

    What is random depends on the kind:

    - "frequentist": counts around the expectation, and global observables around the parameters;
    - "bayesian": constrained parameters from their constraints, given ``globs``, then counts around the
      expectation there; global observables stay as observed (the prior-predictive toys of hybrid methods);
    - "bootstrap": counts around the *observed* ones, ``obs``; global observables stay.

    Toy i is a function of the seed, the purpose and i alone.
    """

    context: Context
    values: FloatArray
    """(param + bin param,): where they are drawn."""
    seed: int
    kind: str = "frequentist"
    purpose: int = 0
    """Ensembles of one seed and other purposes are independent."""
    obs: FloatArray | None = None
    """(bin,): what a bootstrap draws around."""
    globs: FloatArray | None = None
    """(global observable,): of kinds that keep them; the model's by default."""

    def __post_init__(self) -> None:
        if self.kind not in TOY_KINDS:
            raise InvalidValueError(
                f"toys: no kind is named {self.kind!r}; they are: {', '.join(TOY_KINDS)}."
            )
        if self.kind == "bootstrap" and self.obs is None:
            raise InvalidValueError("toys: a bootstrap draws around observed counts; give obs.")

    def draw(self, first: int, n: int) -> Toys:
        """Toys first, ..., first + n - 1.

        Raises
        ------
        InvalidValueError
            If an expectation, or the rate of a constraint, is negative.
        """
        rng = ToyGenerators(self.seed, self.purpose, first, n)
        if self.kind == "bootstrap":
            assert self.obs is not None
            return Toys(self._counts(self.obs, n, rng), self._kept(n), first)
        if self.kind == "bayesian":
            # A draw beyond what a bin can lose leaves nothing in it.
            expected = np.maximum(self._expected_of(self._prior(first, n), first), 0.0)
            return Toys(self._counts(expected, n, rng), self._kept(n), first)
        expected = self._expected(self.values[None, :])[0]
        counts = self._counts(np.where(expected > -_ROUNDING, np.maximum(expected, 0.0), expected), n, rng)
        return Toys(counts, self._observables(n, rng), first)

    def _expected(self, batch: FloatArray) -> FloatArray:
        return np.asarray(compiled.batch_expected(self.context.prepared, batch))

    def _expected_of(self, batch: FloatArray, first: int) -> FloatArray:
        """The same, each toy in its own place of a chunk: what a row is rounded to may depend on that."""
        before = first % compiled.CHUNK
        after = -(before + len(batch)) % compiled.CHUNK
        filled = np.pad(batch, ((before, after), (0, 0)), mode="edge")
        return self._expected(filled)[before : before + len(batch)]

    def _counts(self, expected: FloatArray, n: int, rng: Any) -> FloatArray:
        variances = self.context.prepared.templates.data_variance
        if variances is not None:
            return toys.draw_gaussian(expected, np.asarray(variances), n, rng)
        return toys.draw_counts(expected, n, rng)

    def _observables(self, n: int, rng: Any) -> FloatArray:
        layout, at = self.context.layout, self.context.layout.n_params
        of_params = constraint_draws.draw_globs(self.context.prepared, layout, self.values[:at], n, rng)
        # The same rounding of rates.
        bins = np.where(layout.bin_counting, np.maximum(self.values[at:], 0.0), self.values[at:])
        of_bins = toys.draw_bin_globs(bins, layout.bin_tau, n, rng)
        return np.concatenate([of_params, of_bins], axis=1)

    def _observed_globs(self) -> FloatArray:
        return self.context.layout.globs if self.globs is None else self.globs

    def _kept(self, n: int) -> FloatArray:
        return np.tile(self._observed_globs(), (n, 1))

    def _prior(self, first: int, n: int) -> FloatArray:
        """(toy, param + bin param): unconstrained parameters stay at ``values``."""
        layout, prepared = self.context.layout, self.context.prepared
        globs = self._observed_globs()
        n_globs = len(layout.constrained)
        known = replace(prepared, templates=replace(prepared.templates, globs=globs[:n_globs]))
        drawn = np.tile(self.values, (n, 1))
        random = np.zeros(layout.n_params, dtype=bool)
        for variable in layout.variables:
            random[list(variable.indices)] = variable.constraint is not None
        for i in range(n):
            # One by one: draws outside the bounds are drawn again, and would move the streams of others.
            key = np.random.SeedSequence(self.seed, spawn_key=(self.purpose, first + i))
            rng = np.random.default_rng(key)
            one = constraint_draws.draw_parameters(known, layout, 1, rng)[0]
            drawn[i, : layout.n_params][random] = one[random]
            drawn[i, layout.n_params :] = toys.draw_bin_parameters(globs[n_globs:], layout.bin_tau, rng)
        return drawn
