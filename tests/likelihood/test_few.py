"""Rows with a parameter or two of their own: lists give the derivatives that products of matrices do."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from smoothfit import ChannelContrib, Model, Process, Variable, functional
from smoothfit.likelihood import objective

N = 20


def many_backgrounds(mode, *, shared=1):
    """A signal and backgrounds with a log-normal each; a third is scaled, ``shared`` have one in common."""
    rng = np.random.default_rng(8)
    model = Model()
    signal = Process("sig")
    for channel, bins in (("a", 5), ("b", 3)):
        signal.add_contrib(ChannelContrib(channel, rng.uniform(2.0, 9.0, bins), rng.uniform(0.1, 0.4, bins)))
    model.add_proc(signal.scale_by(Variable("mu", 1.0)))
    common = Variable("common", 0.0, nuisance=True)
    for i in range(N):
        process, nuisance = Process(f"bkg{i}"), Variable(f"t{i}", 0.0, nuisance=True)
        for channel, bins in (("a", 5), ("b", 3)):
            yields, sumw2 = rng.uniform(20.0, 60.0, bins), rng.uniform(1.0, 5.0, bins)
            contrib = ChannelContrib(channel, yields, sumw2).add_lnN(nuisance, (0.8, 1.3))
            if i < shared:
                contrib.add_lnN(common, 1.2)
            process.add_contrib(contrib)
        if i % 3 == 0:
            process.scale_by(Variable(f"norm{i}", 1.0, lower_bound=0.0))
        model.add_proc(process)
    return model.set_mc_stat(*mode).prepare() if mode else model.prepare()


MODES = [None, ("lite",), pytest.param(("full",), marks=pytest.mark.slow)]


def posed(model, few=True):
    prepared = model.prepared
    if not few:
        prepared = replace(prepared, plan=replace(prepared.plan, few=None))
    rng = np.random.default_rng(3)
    obs = rng.poisson(model.pred(np.concatenate([model.layout.start, model.layout.bin_centre]))).astype(float)
    data, fixed = functional.data_of(prepared, obs), functional.nothing_fixed(prepared)
    start = model.layout.start + rng.normal(0.0, 0.2, model.layout.n_params)
    return objective.pose(prepared, data, fixed, start)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_lists_give_what_matrices_give(mode):
    model = many_backgrounds(mode)
    assert model.prepared.plan.few is not None
    with_lists, without = posed(model), posed(model, few=False)
    z = objective.dense_start(with_lists)
    found, expected = (jax.jit(objective.evaluate)(p, z) for p in (with_lists, without))
    for name in ("value", "gradient", "hessian", "convex"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-10, err_msg=name
        )
    hessian = jax.jit(jax.hessian(lambda z: objective.value(with_lists, z)))(z)
    np.testing.assert_allclose(found.hessian, hessian, rtol=1e-9, atol=1e-9 * np.abs(hessian).max())


def test_lists_are_for_rows_of_their_own_only():
    assert many_backgrounds(None, shared=3).prepared.plan.few is None
    few = (
        Model().add_proc(Process("sig", [3.0]).scale_by(Variable("mu", 1.0))).add_proc(Process("bkg", [9.0]))
    )
    assert few.prepare().prepared.plan.few is None
