"""Parameters and data of likelihoods of other programs: whose constraint counts, what is replaced."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from joint import EVENTS, OBS, best_fit, explicit_nll, joint, minimised, shared, slopes
from scipy import stats

from smoothfit import fitters, functional
from smoothfit.constraints import Gaussian
from smoothfit.model import Model, Process, Variable

POINTS = [[1.0, 124.0, 2.0, 0.0], [0.3, 126.0, 1.5, -1.2]]


# -- parameters -------------------------------------------------------------------------------------


def gaussian(values, data):
    """A measurement of each value, data the results and their errors."""
    return jnp.sum(0.5 * ((values - data["at"]) / data["error"]) ** 2)


def counting(variable, *rest):
    """A model in which a variable scales 100 events."""
    model = Model().add_proc(Process("p", [100.0]).scale_by(variable))
    for likelihood in rest:
        model.add_likelihood(*likelihood)
    return model.prepare()


def precision(*terms):
    """The error of a value that several measure: 100 events, and Gaussian terms of these widths."""
    return 1.0 / np.sqrt(100.0 + sum(1.0 / width**2 for width in terms))


def test_the_constraint_of_a_shared_variable_counts_once():
    data = {"at": np.array([1.0]), "error": np.array([0.05])}
    free = Variable("norm", 1.0)
    assert counting(free).fit([100.0])["norm"].error == pytest.approx(precision(), rel=1e-6)
    alone = counting(free, (gaussian, [free], data)).fit([100.0])
    assert alone["norm"].error == pytest.approx(precision(0.05), rel=1e-6)
    constrained = Variable("norm", 1.0, constraint=Gaussian(width=0.1))
    one = counting(constrained, (gaussian, [constrained], data))
    assert one.fit([100.0])["norm"].error == pytest.approx(precision(0.1, 0.05), rel=1e-6)
    # One that contains the constraint itself, with a Variable that has it as well, counts it twice.
    twice = {"at": np.array([1.0]), "error": np.array([0.1])}
    found = counting(constrained, (gaussian, [constrained], twice)).fit([100.0])
    assert found["norm"].error == pytest.approx(precision(0.1, 0.1), rel=1e-6)
    right = counting(free, (gaussian, [free], twice)).fit([100.0])
    assert right["norm"].error == pytest.approx(counting(constrained).fit([100.0])["norm"].error, rel=1e-9)


def test_a_constraint_of_a_variable_that_the_likelihood_alone_has_is_in_the_model():
    """With its global observable, which toys vary."""
    mu, lumi = Variable("mu", 1.0), Variable("lumi", 1.0, constraint=Gaussian(width=0.1))
    model = counting(mu, (lambda x, d: 50.0 * (x[0] * x[1] - d) ** 2, [mu, lumi], 1.1))
    assert model.nuisances == ("lumi",)
    x = {mu: 1.05, lumi: 0.98}
    expected = (
        -stats.poisson.logpmf(100, 105.0)
        - stats.norm.logpdf(1.02, 0.98, 0.1)
        + 50.0 * (1.05 * 0.98 - 1.1) ** 2
    )
    assert model.nll(x, [100.0], globs=[1.02]) == pytest.approx(expected, abs=1e-10)
    assert np.std(model.toy_glob(x, 4000, seed=1)) == pytest.approx(0.1, rel=0.06)


def test_correlations_reach_variables_of_the_likelihood():
    mu, a, b = Variable("mu", 1.0), Variable("a", 0.0, nuisance=True), Variable("b", 0.0, nuisance=True)
    model = Model().add_proc(Process("p", [100.0]).scale_by(mu).add_lnN(a, 1.1))
    model.add_likelihood(lambda x, d: 0.5 * ((x[0] - 0.4) / 0.2) ** 2, [b])
    model.correlate_nuisances(a, b, 0.7).prepare()
    x = np.array([1.0, 0.3, -0.2])
    expected = -stats.poisson.logpmf(100, 100.0 * 1.1**0.3) + 0.5 * (0.6 / 0.2) ** 2
    expected -= stats.multivariate_normal.logpdf([0.3, -0.2], [0.0, 0.0], [[1.0, 0.7], [0.7, 1.0]])
    assert model.nll(x, [100.0]) == pytest.approx(expected, abs=1e-9)


class Named:
    """A likelihood that says what its parameters are called."""

    parameters = ("theta", "x", "y")

    def nll(self, values, data):
        return 10.0 * (values[0] - 0.1) ** 2 + (values[1] - values[2] - data) ** 2 + 0.3 * values[2] ** 2


def test_parameters_are_given_in_order_by_position_or_by_name():
    x, y, theta = Variable("x", 1.0), Variable("y", 2.0), Variable("theta", 0.5)
    orders = [
        [theta, x, y],
        (v for v in (theta, x, y)),
        {1: x, 2: y, 0: theta},
        {"y": y, "theta": theta, "x": x},
        {"x": x, 2: y, 0: theta},
    ]
    found = [
        counting(x, (Named(), order, 0.5)).nll({x: 1.3, y: 0.2, theta: 0.4}, [100.0]) for order in orders
    ]
    own = 10.0 * 0.3**2 + (1.3 - 0.2 - 0.5) ** 2 + 0.3 * 0.2**2
    expected = own - stats.poisson.logpmf(100, 130.0)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-10)


def test_an_array_variable_is_as_many_parameters_and_one_may_come_twice():
    bins, slope = Variable("bins", [1.0, 2.0]), Variable("slope", 0.5)
    model = Model().add_proc(Process("p", [100.0, 80.0]).scale_by(bins))
    model.add_likelihood(Named(), {"theta": slope, "x": bins}, 0.0).prepare()
    v = {bins: [1.1, 0.9], slope: 0.3}
    own = 10.0 * 0.2**2 + (1.1 - 0.9) ** 2 + 0.3 * 0.9**2
    expected = own - stats.poisson.logpmf([100, 80], [110.0, 72.0]).sum()
    assert model.nll(v, [100.0, 80.0]) == pytest.approx(expected, abs=1e-10)
    # x and y are one parameter: (x - y)^2 has no derivative.
    same = counting(slope, (Named(), [slope, slope, slope], 0.0))
    result = same.fit([100.0])

    def explicit(s):
        return 10.0 * (s[0] - 0.1) ** 2 + 0.3 * s[0] ** 2 + 100.0 * s[0] - 100.0 * np.log(s[0])

    expected = minimised(explicit, np.array([0.8]))
    assert result["slope"].value == pytest.approx(expected[0], abs=1e-7)
    assert result["slope"].error == pytest.approx(slopes(explicit, expected, 1e-4)[1][0, 0] ** -0.5, rel=1e-5)


# -- data ------------------------------------------------------------------------------------------


def weighted(values, data):
    """Weighted events of two categories; counts and flags are whole numbers."""
    shift = jnp.where(data["late"], values[1], 0.0)
    pull = data["events"][0] - values[0] - shift
    return 0.5 * jnp.sum(data["weights"][data["kind"]] * pull**2)


def categories():
    rng = np.random.default_rng(8)
    return {
        "events": (rng.normal(1.0, 1.0, 20), None),
        "kind": rng.integers(0, 2, 20),
        "late": rng.random(20) < 0.5,
        "weights": [np.float32(0.5), 2],
    }


def weights_as_array(data):
    return {**data, "weights": np.array([float(w) for w in data["weights"]])}


def test_data_are_any_pytree_and_their_kinds_of_numbers_stay():
    data = weights_as_array(categories())
    x, y = Variable("x", 1.0), Variable("y", 0.1)
    model = counting(x, (weighted, [x, y], data))
    v = np.array([1.05, 0.3])
    pull = data["events"][0] - 1.05 - 0.3 * data["late"]
    expected = 0.5 * np.sum(np.where(data["kind"] == 1, 2.0, 0.5) * pull**2)
    expected -= stats.poisson.logpmf(100, 105.0)
    assert model.nll(v, [100.0]) == pytest.approx(expected, abs=1e-10)


def test_data_are_copied():
    events = EVENTS.copy()
    model = joint(data=events)
    before = model.nll(np.array(POINTS[0]), OBS)
    events[:] = 0.0
    assert model.prepare().nll(np.array(POINTS[0]), OBS) == before


def test_other_data_take_no_new_compilation_and_give_the_fit_of_a_model_made_with_them():
    model, fresh = shared(), EVENTS + 0.5
    functional.fit(model.prepared, OBS)
    size = fitters.count_traces()
    found = functional.fit(model.replaced(likelihoods={"peak": fresh}), OBS)
    assert fitters.count_traces() == size
    expected = minimised(lambda x: explicit_nll(x, events=fresh), best_fit().x)
    assert np.max(np.abs(found.values - expected) / best_fit().errors) < 1e-6
    again = joint(data=fresh)
    np.testing.assert_array_equal(functional.fit(again.prepared, OBS).values, found.values)
    assert fitters.count_traces() == size


@pytest.mark.slow
def test_a_fit_can_be_differentiated_by_the_data():
    """The derivative of the fitted mass by each event, against refits in numpy."""

    def fitted(events):
        return functional.fit(shared().replaced(likelihoods={"peak": events}), OBS).values[1]

    found = jax.grad(fitted)(jnp.asarray(EVENTS))
    for i in (0, 7):
        moved = [np.where(np.arange(len(EVENTS)) == i, EVENTS + h, EVENTS) for h in (0.05, -0.05)]
        up, down = (minimised(lambda x, e=e: explicit_nll(x, events=e), best_fit().x)[1] for e in moved)
        assert found[i] == pytest.approx((up - down) / 0.1, rel=1e-3)


def test_templates_and_data_are_replaced_together():
    both = shared().replaced("bkg", "main", yields=[101.0, 79.0, 62.0], likelihoods={"peak": EVENTS - 1.0})
    x = jnp.array(POINTS[1])
    moved = functional.nll(both, x, OBS) - functional.nll(shared().prepared, x, OBS)
    nu = np.asarray(functional.expected(both, x))
    expected = explicit_nll(POINTS[1], events=EVENTS - 1.0) - explicit_nll(POINTS[1])
    expected -= stats.poisson.logpmf(OBS, nu).sum()
    expected += stats.poisson.logpmf(OBS, np.asarray(functional.expected(shared().prepared, x))).sum()
    assert float(moved) == pytest.approx(expected, abs=1e-9)


def test_bin_local_variables_of_the_likelihood_are_fitted_all_the_same():
    """Bin-wise factors are eliminated, unless a likelihood depends on them."""
    bins = Variable("bins", [1.0, 1.0], constraint=Gaussian(width=0.1))
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("s", [30.0, 40.0]).scale_by(mu))
    model.add_proc(Process("p", [100.0, 80.0]).scale_by(bins, axis="bin"))
    model.add_likelihood(lambda x, d: 200.0 * (x[0] - x[1]) ** 2, [bins]).prepare()
    obs = [150.0, 105.0]

    def explicit(x):
        nu = x[0] * np.array([30.0, 40.0]) + x[1:] * np.array([100.0, 80.0])
        own = 200.0 * (x[1] - x[2]) ** 2
        return own - stats.poisson.logpmf(obs, nu).sum() - stats.norm.logpdf(x[1:], 1.0, 0.1).sum()

    found = model.fit(obs)
    assert np.max(np.abs(found.x - minimised(explicit, np.ones(3))) / found.errors) < 1e-6
