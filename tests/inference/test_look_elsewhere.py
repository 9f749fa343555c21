"""Global significance: against independent windows, and against the closed form of a Gaussian process."""

from __future__ import annotations

import functools
import json

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError
from smoothfit.inference.neyman.look_elsewhere import upcrossings
from smoothfit.model import Model, Process, Variable

WINDOWS = 6
X = (np.arange(60) + 0.5) / 60
WIDTH = 0.06


@functools.cache
def windows():
    """A count of 20 in each of six windows, and a signal in one of them."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", 10.0 * np.eye(WINDOWS)[0]).scale_by(mu))
    model.add_proc(Process("bkg", np.full(WINDOWS, 20.0))).prepare()
    return model, {k: model.replaced("sig", "main", yields=10.0 * np.eye(WINDOWS)[k]) for k in range(WINDOWS)}


@functools.cache
def bump():
    """A Gaussian bump at a mass, on a background that is known and large."""
    mass, amp = Variable("mass", 0.5, lower_bound=0.0, upper_bound=1.0), Variable("amp", 0.0)
    sig = Process("sig", np.full(60, 1000.0)).scale_by(amp)
    sig.scale_by_fn(lambda m: jnp.exp(-0.5 * ((X - m) / WIDTH) ** 2), mass)
    return Model().add_proc(sig).add_proc(Process("bkg", np.full(60, 40_000.0))).prepare()


def test_independent_windows():
    """1 - (1 - p)^N, p the Poisson probability of the largest count."""
    model, hypotheses = windows()
    obs = [20.0, 15.0, 30.0, 22.0, 19.0, 18.0]
    found = model.global_significance("mu", obs, hypotheses=hypotheses, toys=4000, seed=1)
    assert found.positions[found.best] == 2.0
    assert found.local_significance**2 == pytest.approx(2.0 * (20.0 - 30.0 + 30.0 * np.log(1.5)), abs=1e-6)
    assert found.local_p_value == pytest.approx(stats.norm.sf(found.local_significance))
    p = stats.poisson.sf(29, 20.0)
    assert abs(found.p_value - (1.0 - (1.0 - p) ** WINDOWS)) <= 4.0 * found.p_error
    assert found.significance == pytest.approx(stats.norm.isf(found.p_value))
    assert found.estimates == pytest.approx(np.maximum(np.array(obs) - 20.0, 0.0) / 10.0, abs=1e-5)
    # Upcrossings between windows: one is not above, the next is.
    above = stats.poisson.pmf(np.arange(100), 20.0)[_q0(np.arange(100.0)) > 0.5].sum()
    assert abs(found.upcrossings - 5.0 * above * (1.0 - above)) <= 4.0 * found.upcrossings_error
    assert found.observed_upcrossings == np.sum(
        (_q0(np.array(obs[:-1])) <= 0.5) & (_q0(np.array(obs[1:])) > 0.5)
    )


def _q0(n):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 20.0, 2.0 * (20.0 - n + n * np.log(n / 20.0)), 0.0)


def test_a_gaussian_process():
    """The significance along the mass has the correlation exp(-d^2/4w^2): upcrossings by Rice's formula."""
    model = bump()
    obs = 40_000.0 + 220.0 * np.exp(-0.5 * ((X - 0.4) / WIDTH) ** 2)
    found = model.global_significance("amp", obs, along={"mass": np.linspace(0.1, 0.9, 41)}, toys=300, seed=1)
    z = 220.0 * np.sqrt(np.sum(np.exp(-(((X - 0.4) / WIDTH) ** 2))) / 40_000.0)
    assert found.local_significance == pytest.approx(z, rel=0.01)
    rate = 0.8 / (2.0 * np.pi * WIDTH * np.sqrt(2.0))
    # 0.03: positions 0.02 apart miss the shortest excursions.
    assert abs(found.upcrossings - rate * np.exp(-0.25)) <= 4.0 * found.upcrossings_error + 0.03
    expected = stats.norm.sf(z) + rate * np.exp(-0.5 * z**2)
    assert found.upcrossing_p_value == pytest.approx(expected, rel=0.15)
    assert found.upcrossing_p_error == pytest.approx(
        found.upcrossings_error * np.exp(-0.5 * (found.q0.max() - 0.5))
    )
    assert abs(found.p_value - expected) <= 4.0 * found.p_error
    assert found.trials_factor > 2.0


def test_background_is_fitted_to_the_data_and_globs_vary():
    """A background with an uncertainty that is much larger than the counts' error: toys are at its fit."""
    model_of = []
    for kappa in (1.0, 1.5):
        mu, theta = Variable("mu", 1.0, lower_bound=0.0), Variable("theta", 0.0, nuisance=True)
        model = Model().add_proc(Process("sig", [10.0, 0.0, 0.0]).scale_by(mu))
        model_of.append(model.add_proc(Process("bkg", [50.0, 50.0, 50.0]).add_lnN(theta, kappa)).prepare())
    obs = [62.0, 66.0, 85.0]
    known, fitted = (
        model.global_significance(
            "mu",
            obs,
            hypotheses={k: model.replaced("sig", "main", yields=10.0 * np.eye(3)[k]) for k in range(3)},
            toys=1000,
            seed=1,
        )
        for model in model_of
    )
    assert known.p_value < 0.01
    # Three counts of a common mean: the largest of three differences from the mean of the other two.
    n = np.random.default_rng(1).poisson(71.0, (40_000, 3)).astype(float)
    others = 0.5 * (n.sum(axis=1, keepdims=True) - n)
    z = (n - others) / np.sqrt(71.0 * 1.5)
    observed = (85.0 - 64.0) / np.sqrt(71.0 * 1.5)
    assert fitted.p_value == pytest.approx(np.mean(z.max(axis=1) >= observed), abs=0.05)


def test_more_toys_until_the_error_is_reached():
    model, hypotheses = windows()
    obs = [20.0, 15.0, 26.0, 22.0, 19.0, 18.0]
    found = model.global_significance("mu", obs, hypotheses=hypotheses, toys=100, seed=1, mc_error=0.02)
    assert found.p_error <= 0.02
    assert len(found.maxima) > 100
    again = model.global_significance("mu", obs, hypotheses=hypotheses, toys=100, seed=1, mc_error=0.02)
    assert np.array_equal(found.maxima, again.maxima)


def test_crossings_are_counted_upwards():
    assert upcrossings(np.array([[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]]), 0.5).tolist() == [2]


def test_the_record_prints_and_leaves():
    model, hypotheses = windows()
    obs = [20.0, 15.0, 60.0, 22.0, 19.0, 18.0]
    found = model.global_significance("mu", obs, hypotheses=hypotheses, toys=200, seed=1)
    text = repr(found)
    assert text.startswith("Largest excess at position = 2:")
    assert "none of 200 toys has one as large, p < 0.015 at 95%" in text
    content = json.loads(found.to_json())
    assert content["q0"] == pytest.approx(found.q0.tolist())
    assert content["significance"] is None
    assert found.to_pandas()["position"].tolist() == list(range(6))
    try:
        hidden = model.blind(pois="mu").global_significance(
            "mu", obs, hypotheses=hypotheses, toys=200, seed=1
        )
    finally:
        model.unblind()
    for shown in (repr(hidden), hidden.to_json(), str(hidden.to_pandas())):
        assert "blinded" in shown
        assert f"{found.q0[2]:.3g}" not in shown


@pytest.mark.parametrize(
    ("poi", "options", "error", "words"),
    [
        ("mu", {}, InvalidValueError, "give along="),
        ("amp", {"along": {"nothing": [1.0]}}, UnknownNameError, "No parameter is named 'nothing'"),
        ("amp", {"along": {"mass": [2.0]}}, InvalidValueError, r"'mass' = 2 is outside its bounds \[0, 1\]"),
        ("amp", {"along": {"mass": [[0.2]]}}, ShapeMismatchError, r"positions of 'mass' have shape \(1, 1\)"),
        ("amp", {"along": ["mass"]}, InvalidTypeError, "along must be"),
        (
            "mass",
            {"along": {"amp": [0.0]}, "poi_bound": True},
            InvalidValueError,
            "must be one parameter that can",
        ),
    ],
)
def test_bad_input(poi, options, error, words):
    options = {key: value for key, value in options.items() if key != "poi_bound"}
    if poi == "mu":
        model, obs = windows()[0], np.full(6, 20.0)
    else:
        model, obs = bump(), np.full(60, 40_000.0)
    if poi == "mass":
        mass = Variable("mass", 0.5, lower_bound=0.1, upper_bound=1.0)
        amp = Variable("amp", 1.0)
        model = Model().add_proc(Process("p", [5.0]).scale_by(mass).scale_by(amp)).prepare()
        obs = np.array([5.0])
    with pytest.raises(error, match=words):
        model.global_significance(poi, obs, **options)


def test_hypotheses_differ_in_the_signal_only():
    model, hypotheses = windows()
    obs = np.full(WINDOWS, 20.0)
    other = {**hypotheses, 9: model.replaced("bkg", "main", yields=np.full(WINDOWS, 21.0))}
    with pytest.raises(InvalidValueError, match="at position 9 the expectation with mu = 0 is not that"):
        model.global_significance("mu", obs, hypotheses=other)
    with pytest.raises(InvalidTypeError, match="each hypothesis must be prepared"):
        model.global_significance("mu", obs, hypotheses={1.0: [1.0]})
    with pytest.raises(InvalidTypeError, match="hypotheses must be"):
        model.global_significance("mu", obs, hypotheses={})
