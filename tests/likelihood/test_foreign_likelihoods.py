"""Likelihoods of other programs in a model: joint fits and what is asked of them, against scipy."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from joint import (
    EVENTS,
    OBS,
    best_fit,
    binned,
    explicit_nll,
    joint,
    minimised,
    of_peak,
    peak,
    profiled,
    shared,
    slopes,
    variables,
)
from scipy import stats

from smoothfit import diff, fitters, functional
from smoothfit.inference.evaluation import data_of
from smoothfit.likelihood import objective
from smoothfit.preparation import groups

POINTS = [[1.0, 124.0, 2.0, 0.0], [0.3, 126.0, 1.5, -1.2], [2.0, 125.0, 3.0, 0.7]]


def posed(model, obs=OBS):
    """The objective with nothing held."""
    data = data_of(model.prepared, jnp.asarray(obs), model.layout.globs)
    return objective.pose(model.prepared, data, objective.nothing_fixed(model.prepared))


# -- the likelihood ---------------------------------------------------------------------------------


@pytest.mark.parametrize("x", POINTS)
def test_the_nll_is_the_sum(x):
    assert shared().nll(np.array(x), OBS) == pytest.approx(explicit_nll(x), abs=1e-10)


def test_parameters_of_the_likelihood_alone_are_parameters_of_the_model():
    model = shared()
    assert model.parameters == ("mu", "mass", "width", "scale")
    assert model.pois == ("mu", "mass", "width")
    assert model.layout.lower.tolist() == [0.0, -np.inf, 0.1, -np.inf]
    assert model.index("width") == 2


@pytest.mark.parametrize("x", POINTS)
def test_gradient_and_hessian_are_those_of_the_sum(x):
    problem, x = posed(shared()), np.array(x)
    found = jax.jit(objective.evaluate)(problem, jnp.asarray(x))
    gradient, hessian = slopes(explicit_nll, x, 1e-3)
    scale = np.sqrt(np.abs(np.diag(hessian)))
    np.testing.assert_allclose(found.gradient / scale, gradient / scale, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(
        found.hessian / np.outer(scale, scale), hessian / np.outer(scale, scale), atol=1e-5
    )
    exact = jax.jit(jax.hessian(objective.value, argnums=1))(problem, jnp.asarray(x))
    np.testing.assert_allclose(found.hessian, exact, rtol=1e-10, atol=1e-9)


def test_derivatives_are_the_same_beside_a_term_of_all_values():
    """Which takes derivatives by all parameters, not by those of the likelihood alone."""
    v = variables()
    both = binned(v).add_likelihood(peak, [v.mass, v.width, v.scale], EVENTS)
    both.add_constraint(lambda values, data, globs: 0.0 * values[0]).prepare()
    x = jnp.array(POINTS[1])
    one, other = (jax.jit(objective.evaluate)(posed(model), x) for model in (shared(), both))
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-12)
    np.testing.assert_allclose(one.hessian, other.hessian, rtol=1e-12)


# -- what is asked ---------------------------------------------------------------------------------


def test_a_joint_fit_is_that_of_the_sum_with_its_covariance():
    result = best_fit()
    x = minimised(explicit_nll, np.array([1.0, 125.0, 1.6, 0.0]))
    hessian = slopes(explicit_nll, x, 1e-3)[1]
    assert np.max(np.abs(result.x - x) / result.errors) < 1e-6
    assert result.fun == pytest.approx(explicit_nll(x), abs=1e-9)
    np.testing.assert_allclose(result.hess_inv, np.linalg.inv(hessian), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("fitter", ["trust-constr", "minuit", "jaxopt"])
def test_other_minimisers_end_where_newton_does(fitter):
    pytest.importorskip({"minuit": "iminuit", "jaxopt": "jaxopt"}.get(fitter, "scipy"))
    other = shared().fit(OBS, fitter=fitter)
    assert np.max(np.abs(other.x - best_fit().x) / best_fit().errors) < 2e-3
    assert other.fun == pytest.approx(best_fit().fun, abs=1e-5)


def test_minos_bounds_and_scans_are_profiles():
    lowest, start = best_fit().fun, best_fit().x
    for bound in shared().minos_bounds("mass", best_fit(), OBS)[:2]:
        assert explicit_nll(profiled(explicit_nll, start, mass=bound)) - lowest == pytest.approx(
            0.5, abs=1e-6
        )
    scan = shared().scan("width", [1.4, 1.7], best_fit(), OBS)
    expected = [explicit_nll(profiled(explicit_nll, start, width=at)) - lowest for at in (1.4, 1.7)]
    np.testing.assert_allclose(scan.delta_nll, expected, rtol=0.0, atol=1e-8)


def test_impacts_are_shifts_of_full_refits():
    impacts = shared().impacts("mass", best_fit(), OBS)
    assert impacts.names == ("scale",)
    bounds = shared().minos_bounds("scale", best_fit(), OBS)[:2]
    for bound, shift in zip(bounds, (impacts.up[0, 0], impacts.down[0, 0]), strict=True):
        refitted = profiled(explicit_nll, best_fit().x, scale=bound)
        assert shift == pytest.approx(refitted[1] - best_fit().x[1], abs=1e-6)


def test_the_share_of_the_likelihood_is_its_curvature_along_the_quantity():
    shares = shared().breakdown("mass", best_fit(), OBS)
    x = best_fit().x
    along = np.linalg.inv(slopes(explicit_nll, x, 1e-3)[1])[:, 1]
    expected = along @ slopes(lambda at: of_peak(at, EVENTS), x, 1e-3)[1] @ along
    assert shares.shares[shares.sources.index("user_terms"), 0] == pytest.approx(expected, rel=1e-4)
    assert np.sum(shares.shares) == pytest.approx(best_fit()["mass"].error ** 2, rel=1e-9)


def test_an_asymptotic_limit_is_by_the_joint_likelihood():
    """CLs of q-tilde at the limit that was found, from profiles in numpy; Asimov data keep the events."""
    model, start = shared(), best_fit().x
    limit = model.upper_limit("mu", OBS).observed
    counts, globs = model.asimov(model.fit(OBS, fixed={"mu": 0.0}).x)

    def of_asimov(x):
        return explicit_nll(x, counts, glob=globs[0])

    def root_q(nll):
        free = minimised(nll, start)
        lowest = nll(free) if free[0] > 0.0 else nll(profiled(nll, start, mu=0.0))
        return np.sqrt(2.0 * (nll(profiled(nll, start, mu=limit)) - lowest))

    observed, expected = root_q(explicit_nll), root_q(of_asimov)
    assert observed < expected
    assert stats.norm.sf(observed) / stats.norm.cdf(expected - observed) == pytest.approx(0.05, abs=1e-5)


def test_toys_keep_the_data_of_the_likelihood():
    model = shared()
    counts, globs = model.toy_pred(best_fit().x, 3, seed=2), model.toy_glob(best_fit().x, 3, seed=2)
    assert counts.shape == (3, 3)
    assert globs.shape == (3, 1)
    batch = model.batch_fit(counts, globs=globs)
    assert batch.success.all()
    for x, obs, glob in zip(batch.x, counts, globs, strict=True):
        expected = minimised(lambda at, obs=obs, glob=glob: explicit_nll(at, obs, glob=glob[0]), best_fit().x)
        assert np.max(np.abs(x - expected) / best_fit().errors) < 1e-6


def test_asimov_data_keep_them_too_and_a_fit_ends_between():
    model, at = shared(), {"mu": 1.0, "mass": 124.0, "width": 2.0}
    obs, globs = model.asimov(at)
    found = model.fit(obs, globs=globs)
    expected = minimised(lambda x: explicit_nll(x, obs, glob=globs[0]), best_fit().x)
    assert np.max(np.abs(found.x - expected) / best_fit().errors) < 1e-6
    assert abs(found["mass"].value - 124.0) > 0.5


def test_degrees_of_freedom_count_what_the_likelihood_measures():
    """mass and width are measured by the events; with the scale held in the same way."""
    assert shared().goodness_of_fit(OBS, toys=0).ndof == 3 + 2 - 3
    assert shared().goodness_of_fit(OBS, toys=0, fixed={"width": 1.7}).ndof == 3 + 1 - 2
    v = variables()
    # A sum of two is one measurement.
    degenerate = binned(v).add_likelihood(lambda x, d: 0.5 * (x[0] + x[1] - 126.0) ** 2, [v.mass, v.mu])
    assert degenerate.prepare().goodness_of_fit(OBS, toys=0).ndof == 3 + 1 - 2


@pytest.mark.slow
def test_the_saturated_statistic_has_that_many_where_the_events_vary_too():
    """Counts, global observables and events are drawn; the mean of a chi2 is its degrees of freedom."""
    model, rng, n = shared(), np.random.default_rng(3), 1500
    truth = best_fit().x
    counts, globs = model.toy_pred(truth, n, seed=4), model.toy_glob(truth, n, seed=4)
    events = rng.normal(truth[1] * (1.0 + 0.001 * truth[3]), truth[2], (n, len(EVENTS)))

    @jax.jit
    def lowest(obs, glob, drawn):
        found = functional.fit(model.replaced(likelihoods={"peak": drawn}), obs, globs=glob)
        return found.nll, found.status

    nll, status = (np.asarray(x) for x in jax.lax.map(lambda a: lowest(*a), (counts, globs, events)))
    assert np.all(status == 0)
    of_counts = -stats.poisson.logpmf(counts, counts).sum(axis=1)
    alone = -stats.norm.logpdf(events, events.mean(axis=1)[:, None], events.std(axis=1)[:, None]).sum(axis=1)
    statistic = 2.0 * (nll - of_counts - alone + stats.norm.logpdf(0.0))
    assert np.mean(statistic) == pytest.approx(2.0, abs=5.0 * 2.0 / np.sqrt(n))


# -- other parts of the library ---------------------------------------------------------------------


def test_a_model_made_anew_with_a_new_function_compiles_nothing():
    def again(values, events):
        return peak(values, events)

    best_fit()
    size = fitters.count_traces()
    np.testing.assert_array_equal(joint(again).fit(OBS).x, best_fit().x)
    assert fitters.count_traces() == size


def test_a_large_model_has_the_same_fit(monkeypatch):
    """Jacobians by groups take the derivatives of terms another way."""
    monkeypatch.setattr(groups, "LARGE", 1)
    large = joint()
    assert large.prepared.plan.groups is not None
    found = large.fit(OBS)
    assert np.max(np.abs(found.x - best_fit().x) / best_fit().errors) < 1e-6
    np.testing.assert_allclose(found.hess_inv, best_fit().hess_inv, rtol=1e-6)


def test_lint_summary_and_diff_know_it():
    model, plain = shared(), binned(variables()).prepare()
    assert "width" in str(model.summary())
    kinds = {finding.kind for finding in model.lint().findings}
    assert not kinds & {"no-effect", "nuisance-on-no-process", "collinear"}
    text = str(diff(model, plain))
    assert "likelihoods of one only" in text
    assert "width" in text
    assert dataclasses.is_dataclass(model.layout.likelihoods["peak"])
