"""Shape blocks side by side, arranged once or twice, and block by block: the same likelihood."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from small_models import MODELS, make, random_values, slow_but_for

from smoothfit import functional
from smoothfit.likelihood import objective
from smoothfit.preparation import stacking


@jax.jit
def evaluated(prepared, data, values):
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared), values)
    found = objective.evaluate(problem, values[problem.derived.plan.dense])
    return found.value, found.gradient, found.hessian, found.convex


def _with(monkeypatch, name, size, full):
    monkeypatch.setattr(stacking, "_SMALL", size)
    monkeypatch.setattr(stacking, "_LARGE", size)
    monkeypatch.setattr(stacking, "_FULL", full)
    return make(name, 0)


WITHOUT_SHAPES = ("threshold", "covariance", "counting")
SHAPED = [name for name in MODELS if name not in WITHOUT_SHAPES]
QUICK = ("effects", "slots", "locals")


@pytest.mark.parametrize("name", slow_but_for(QUICK, SHAPED))
def test_all_arrangements_agree(name, monkeypatch):
    once, twice = _with(monkeypatch, name, 2**30, -1.0), _with(monkeypatch, name, 2**30, 1.0)
    apart = _with(monkeypatch, name, 0, 1.0)
    assert once.model.prepared.plan.shape.aligned is not None
    assert twice.model.prepared.plan.shape.aligned.by_nuisance is not None
    assert apart.model.prepared.plan.shape.aligned is None
    values = random_values(apart, np.random.default_rng(2))[: apart.model.layout.n_params]
    expected, *found = (
        evaluated(
            small.model.prepared, functional.data_of(small.model.prepared, apart.obs, apart.globs), values
        )
        for small in (apart, once, twice)
    )
    for given in found:
        for one, other in zip(given, expected, strict=True):
            scale = max(1.0, float(np.max(np.abs(other))))
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize("name", slow_but_for((*QUICK, *WITHOUT_SHAPES, "lite_gamma"), MODELS))
def test_the_stand_in_for_the_hessian_is_positive_semidefinite(name):
    """Anywhere, also where the Hessian is not."""
    small = make(name, 0)
    data = functional.data_of(small.model.prepared, small.obs, small.globs)
    rng = np.random.default_rng(7)
    for _ in range(5):
        values = random_values(small, rng)[: small.model.layout.n_params]
        _, _, _, convex = evaluated(small.model.prepared, data, values)
        scale = 1.0 / np.sqrt(np.maximum(np.diagonal(convex), 1e-300))
        smallest = np.linalg.eigvalsh(convex * scale[:, None] * scale)[0]
        assert smallest > -1e-10
