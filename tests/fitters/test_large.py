"""Fits without a Hessian against fits with it, on models that are small enough for both."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import MODELS, fitted, make

from smoothfit import ChannelContrib, Model, Process, Variable, functional
from smoothfit.errors import FitError, InvalidValueError
from smoothfit.preparation import groups

# Each costs a long compilation.
QUICK = ("locals",)


@pytest.fixture
def matrix_free(monkeypatch):
    monkeypatch.setattr(groups, "MATRIX_FREE", 0)
    monkeypatch.setattr(groups, "_FEWER", 2.0)


def compare(monkeypatch, name, *, automatic=False):
    small, dense = fitted(name)
    monkeypatch.setattr(groups, "MATRIX_FREE", 0)
    monkeypatch.setattr(groups, "_FEWER", 2.0)
    if automatic:
        monkeypatch.setattr(groups, "_AUTOMATIC", -1)
    model = make(name).model
    assert model.prepared.plan.groups.matrix_free
    fit = model.fit(small.obs, globs=small.globs, errors_of=dense.names)
    assert fit.fun == pytest.approx(dense.fun, abs=1e-9)
    assert fit.status == dense.status
    scale = np.where(dense.errors > 0.0, dense.errors, 1.0)
    np.testing.assert_allclose((fit.x - dense.x) / scale, 0.0, atol=1e-8)
    np.testing.assert_allclose(fit.errors, dense.errors, rtol=1e-7)
    n = len(dense.hess_inv)
    found = fit.chosen.covariance[:n, :n]
    np.testing.assert_allclose(found / np.outer(scale, scale)[:n, :n], dense.correlation, atol=1e-7)
    np.testing.assert_array_equal(fit.at_limit, dense.at_limit)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]
)
def test_fits_agree(monkeypatch, name):
    compare(monkeypatch, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_fits_with_automatic_products_agree(monkeypatch, name):
    compare(monkeypatch, name, automatic=True)


def peaks(n_channels=2, n_peaks=4):
    """Overlapping peaks with heights of their own on a shared background; few events, some at their limit."""
    rng = np.random.default_rng(5)
    x = np.arange(12.0)
    shapes = np.exp(-0.5 * ((x - np.linspace(1.0, 10.0, n_peaks)[:, None]) / 2.0) ** 2)
    theta = Variable("theta", 0.0, nuisance=True)
    background, model = Process("background"), Model()
    for c in range(n_channels):
        heights = Variable(f"height{c}", np.ones(n_peaks), lower_bound=0.0)
        model.add_proc(Process(f"signal{c}", 4.0 * shapes, channel=f"c{c}").scale_by(heights))
        yields = 5.0 * np.exp(-0.1 * x)
        background.add_contrib(ChannelContrib(f"c{c}", yields).add_shape(theta, 1.2 * yields, 0.9 * yields))
    model.add_proc(background)
    return model, rng.poisson(7.0, 12 * n_channels).astype(float)


@pytest.fixture
def both(matrix_free, monkeypatch):
    """(model, its fit without a Hessian, the fit with it)."""
    model, obs = peaks()
    model.prepare()
    fit = model.fit(obs, errors_of=["height0", "theta"])
    monkeypatch.undo()
    return model, fit, peaks()[0].prepare().fit(obs)


def test_what_a_fit_knows_without_its_hessian(both):
    model, fit, dense = both
    assert dense.at_limit.any()
    np.testing.assert_array_equal(fit.at_limit, dense.at_limit)
    np.testing.assert_allclose(fit.x, dense.x, atol=1e-8)
    known = np.isfinite(fit.errors)
    np.testing.assert_array_equal(np.flatnonzero(known), fit.chosen.positions)
    assert [fit.names[i] for i in fit.chosen.positions] == [*(f"height0[{i}]" for i in range(4)), "theta"]
    np.testing.assert_allclose(fit.errors[known], dense.errors[known], rtol=1e-7)
    inside = dense.hess_inv[np.ix_(fit.chosen.positions, fit.chosen.positions)]
    np.testing.assert_allclose(fit.chosen.covariance, inside, rtol=1e-6, atol=1e-12)
    assert np.all(np.isnan(fit.hess_inv))
    assert fit.hess_inv.shape == dense.hess_inv.shape
    assert fit.hess_inv.strides == (0, 0)
    found = json.loads(fit.to_json())
    assert found["names"] == [fit.names[i] for i in fit.chosen.positions]
    np.testing.assert_allclose(found["covariance"], fit.chosen.covariance)
    assert found["parameters"]["height1[0]"]["error"] is None
    assert "height1[0]" not in str(fit)
    assert "theta" in str(fit)
    # Without asking for errors, and with other parameters held.
    held = model.profile({"theta": 0.5}, fit)
    assert held.fun > fit.fun
    assert held.errors[held.names.index("theta")] == 0.0
    assert len(held.chosen.positions) == 0
    with pytest.raises(InvalidValueError, match="covariance of all parameters"):
        model.minos_bounds("theta", fit)


def test_a_degenerate_model_is_no_valid_fit(matrix_free):
    """Two signals of one shape: only their sum is known."""
    a, b = Variable("a", 1.0), Variable("b", 2.0)
    model = (
        Model()
        .add_proc(Process("one", [5.0, 9.0]).scale_by(a))
        .add_proc(Process("two", [5.0, 9.0]).scale_by(b))
    )
    model.prepare()
    with pytest.raises(FitError) as caught:
        model.fit([15.0, 30.0])
    assert caught.value.result.status == 2


def test_a_covariance_that_is_not_kept_is_an_error(matrix_free):
    model, counts = peaks()
    with pytest.raises(InvalidValueError, match=r"does not keep .*errors_of"):
        functional.covariance(model.prepare().prepared, counts)


@pytest.mark.slow
def test_derivatives_of_a_fit(matrix_free):
    sig = Process("sig", [50.0, 10.0]).scale_by(Variable("mu", 1.0))
    bkg = Process("bkg", [500.0, 500.0]).add_lnN(Variable("theta", 0.0, nuisance=True), 1.05)
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    assert model.prepared.plan.groups.matrix_free
    obs = jnp.array([540.0, 520.0])

    def mu(obs):
        return functional.fit(model.prepared, obs).values[0]

    found = jax.grad(mu)(obs)
    numerical = [(mu(obs.at[i].add(0.1)) - mu(obs.at[i].add(-0.1))) / 0.2 for i in range(2)]
    np.testing.assert_allclose(found, numerical, rtol=1e-5)
