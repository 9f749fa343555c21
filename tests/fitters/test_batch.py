"""Batches: in lockstep and one by one the same as single fits; failures flagged; one program."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import cached

from smoothfit.fitters import batch, count_traces
from smoothfit.inference import batching
from smoothfit.inference.minos import CrossingStatus
from smoothfit.status import Status

NAMES = [
    "effects",
    pytest.param("lite_process", marks=pytest.mark.slow),
    pytest.param("lite_gamma", marks=pytest.mark.slow),
    "arrays",
]


@pytest.fixture(params=["lockstep", "one by one"])
def way(request, monkeypatch):
    """Both ways, whatever the size of the model."""
    monkeypatch.setattr(batch, "in_lockstep", lambda prepared, n: request.param == "lockstep")
    monkeypatch.setattr(batch, "CHUNK", 4)
    return request.param


def toys(small, fit, n):
    return np.asarray(small.model.toy_pred(fit.x, n, seed=5))


@pytest.mark.parametrize("name", NAMES)
def test_members_equal_single_fits(name, way):
    small = cached(name)
    model, n = small.model, small.model.layout.n_params
    fit = model.fit(small.obs, globs=small.globs, strict=False)
    counts = toys(small, fit, 6)
    context = model._context()
    held = batching.Held(fit.fixed, fit.x)
    found = batching.refit(
        context, counts=counts, globs=fit.globs, fixed=held, start=model.layout.start, errors=True
    )
    for i in range(6):
        single = model.fit(counts[i], globs=fit.globs, fitter="newton", strict=False)
        assert found.status[i] == single.status
        if not single.success:
            continue
        scale = np.where(single.errors > 0, single.errors, 1.0)
        np.testing.assert_allclose((found.x[i] - single.x) / scale, 0.0, atol=1e-7)
        np.testing.assert_allclose(found.errors[i], single.errors, rtol=1e-6)
        assert found.nll[i] == pytest.approx(single.fun, abs=1e-9)
    assert found.x.shape == (6, n + model.layout.n_bin_params)


def test_errors_that_are_not_asked_for(way):
    small = cached("effects")
    fit = small.model.fit(small.obs, globs=small.globs)
    context = small.model._context()
    given = {
        "counts": toys(small, fit, 5),
        "globs": fit.globs,
        "fixed": batching.Held(fit.fixed, fit.x),
        "start": fit.x,
    }
    without = batching.refit(context, **given)
    full = batching.refit(context, **given, errors=True)
    assert without.errors is None
    np.testing.assert_array_equal(without.status, full.status)
    # Without a covariance the last step is not looked at; it leaves 1e-11 of an EDM squared.
    np.testing.assert_allclose(
        (without.x - full.x) / np.where(fit.errors > 0, fit.errors, 1.0), 0.0, atol=1e-6
    )


def test_a_member_that_fails_is_flagged_and_the_others_are_kept(way):
    """Of two parameters with one template between them neither is determined; with one held, the other is."""
    from smoothfit.model import Model, Process, Variable

    a, b = Variable("a", 1.0), Variable("b", 1.0)
    process = Process("p", [50.0, 80.0]).scale_by(a).scale_by(b)
    model = Model().add_proc(process).prepare()
    context = model._context()
    mask = np.array([[False, True], [False, False], [True, False]])
    found = batching.refit(
        context,
        counts=np.array([55.0, 70.0]),
        globs=np.zeros(0),
        fixed=batching.Held(mask, np.ones((3, 2))),
        start=model.layout.start,
    )
    assert list(found.success) == [True, False, True]
    assert found.status[1] == Status.NOT_POSITIVE_DEFINITE
    # 125 events for 130 expected.
    np.testing.assert_allclose([found.x[0, 0], found.x[2, 1]], 125.0 / 130.0, rtol=1e-8)


@pytest.mark.parametrize(
    "name", ["effects", *(pytest.param(n, marks=pytest.mark.slow) for n in ("lite_process", "arrays"))]
)
def test_crossings_equal_the_bracketed_search(name, way):
    small = cached(name)
    fit = small.model.fit(small.obs, globs=small.globs, strict=False)
    context = small.model._context()
    dense = np.asarray(context.prepared.plan.dense.values, dtype=int)
    moving = [i for i in dense if not fit.fixed[i] and not fit.at_limit[i]][:2]
    directions = np.zeros((2 * len(moving) + 1, len(fit.x)))
    for k, i in enumerate(moving):
        directions[2 * k, i], directions[2 * k + 1, i] = 1.0, -1.0
    directions[-1, moving] = 0.6 * fit.errors[moving[0]], -0.8 * fit.errors[moving[1]]
    found = batching.cross(context, fit, directions, 0.5)
    for i, direction in enumerate(directions):
        expected = batching._search(context, fit, direction, 0.5)
        assert found.status[i] == expected.status
        if expected.status != CrossingStatus.CONVERGED:
            continue
        assert found.r[i] == pytest.approx(float(expected.r), rel=1e-7)
        np.testing.assert_allclose(
            (found.x[i] - expected.x) / np.where(fit.errors > 0, fit.errors, 1.0), 0.0, atol=1e-5
        )


def test_refits_and_single_fits_are_one_program():
    small = cached("effects")
    fit = small.model.fit(small.obs, globs=small.globs)
    size = count_traces()
    context = small.model._context()
    held = batching.hold(batching.held_of(context, fit), [1], np.array([[0.9], [1.1]]))
    found = batching.refit(context, counts=fit.obs, globs=fit.globs, fixed=held, start=fit.x)
    assert found.success.all()
    assert count_traces() == size


def test_other_sizes_of_a_batch_compile_nothing():
    """Chunks are filled up: one shape whatever the number of members."""
    small = cached("counting")
    fit = small.model.fit(small.obs, globs=small.globs)
    context = small.model._context()
    sizes = []
    for n in (batch._FEW + 1, 40, batch.CHUNK + 3):
        batching.refit(
            context,
            counts=toys(small, fit, n),
            globs=fit.globs,
            fixed=batching.Held(fit.fixed, fit.x),
            start=small.model.layout.start,
        )
        sizes.append(batch._lockstep_solve[False].count_traces())
    assert batch.in_lockstep(small.model.prepared, batch._FEW + 1)
    assert len(set(sizes)) == 1


def test_an_empty_batch_of_rays():
    small = cached("counting")
    fit = small.model.fit(small.obs, globs=small.globs)
    found = batching.cross(small.model._context(), fit, np.zeros((0, len(fit.x))), 0.5)
    assert found.r.shape == (0,)
