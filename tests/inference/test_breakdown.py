"""Breakdowns: closed forms, explicit Hessians of every term of the likelihood, and refits."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_bins
from small_models import fitted

from smoothfit import Derived, functional
from smoothfit.errors import InvalidTypeError, InvalidValueError, UnknownNameError
from smoothfit.model import ChannelContrib, Model, Process, Variable


@pytest.fixture(scope="module")
def linear():
    model = two_bins.make(group="shapes")
    return model, model.fit(two_bins.OBS)


@pytest.mark.parametrize(
    ("method", "data", "theta"),
    [
        # H^-1 H_s H^-1: theta is V_theta (g + D_2 (n_2 - B)/V_2), mu is (n_1 - D_1 theta)/S.
        (
            "hessian",
            two_bins.V_1 / two_bins.S**2
            + (two_bins.SLOPE * two_bins.V_THETA * two_bins.D_2) ** 2 / two_bins.V_2,
            (two_bins.SLOPE * two_bins.V_THETA) ** 2,
        ),
        # theta held: only the first bin's fluctuations are left.
        ("freeze", two_bins.V_1 / two_bins.S**2, two_bins.SLOPE**2 * two_bins.V_THETA),
    ],
)
def test_two_gaussian_bins(linear, method, data, theta):
    model, fit = linear
    found = model.breakdown("mu", fit, method=method)
    assert found.sources == ("data", "theta")
    np.testing.assert_allclose(found.variance, [two_bins.VARIANCE], rtol=1e-10)
    np.testing.assert_allclose(found.shares[:, 0], [data, theta], rtol=1e-9)
    np.testing.assert_allclose(found.share("theta"), theta / two_bins.VARIANCE, rtol=1e-9)
    np.testing.assert_allclose(found.error("data"), np.sqrt(data), rtol=1e-9)


def test_shifts_of_observables_give_the_same_where_all_is_linear(linear):
    model, fit = linear
    exact = model.breakdown("mu", fit)
    np.testing.assert_allclose(model.breakdown("mu", fit, method="global").shares, exact.shares, rtol=1e-7)


def _widths(small, fit):
    """(param + bin param,): second derivatives of the constraints, correlated ones left out."""
    model, layout = small.model, small.model.layout
    n, stiff = layout.n_params, np.zeros(len(fit.x))
    tau = np.asarray(model.prepared.templates.tau)
    correlated = {"a", "b", "jes", "lumi"} if "aux" in model.parameters else set()
    at_glob = np.full(n, np.nan)
    at_glob[layout.constrained] = small.globs[: len(layout.constrained)]
    for i, name in enumerate(layout.parameters):
        if name in correlated or not np.isfinite(layout.widths[i]):
            continue
        # Pois(m | alpha tau): the second derivative of alpha tau - m log(alpha) is m/alpha^2.
        poisson = layout.counting[i] and tau[i] > 0
        stiff[i] = at_glob[i] / fit.x[i] ** 2 if poisson else 1.0 / layout.widths[i] ** 2
    bins = small.globs[len(layout.constrained) :]
    stiff[n:] = np.where(layout.bin_counting, bins / np.where(layout.bin_counting, fit.x[n:], 1.0) ** 2, 1.0)
    return stiff


def _hessian(function, x):
    """Differences of the gradient, of fourth order; ``jax.hessian`` compiles for longer."""
    gradient, step = jax.jit(jax.grad(function)), 1e-3

    def moved(i, by):
        return np.asarray(gradient(x + by * step * np.eye(len(x))[i]))

    rows = [
        (8.0 * (moved(i, 1) - moved(i, -1)) - moved(i, 2) + moved(i, -2)) / (12.0 * step)
        for i in range(len(x))
    ]
    return 0.5 * (np.array(rows) + np.array(rows).T)


def _terms(name, small, fit):
    """{source: Hessian over parameters and bin parameters} of every term, written out here."""
    layout, prepared = small.model.layout, small.model.prepared
    size, n = len(fit.x), layout.n_params

    def data(v):
        nu = functional.expected(prepared, v)
        if name == "gaussian_data":
            return jnp.sum((nu - small.obs) ** 2 / (2.0 * np.asarray(prepared.templates.data_variance)))
        return jnp.sum(nu - small.obs * jnp.log(nu))

    terms = {"data": _hessian(data, fit.x)}
    for i, stiff in enumerate(_widths(small, fit)):
        if stiff > 0.0:
            source = layout.parameters[i] if i < n else "mc_stat"
            terms.setdefault(source, np.zeros((size, size)))[i, i] = stiff
    if name == "lite_process":
        at = [layout.positions(p)[0] for p in ("a", "b", "jes", "lumi")]
        rho = np.array([[1, 0.5, 0, 0], [0.5, 1, 0.2, 0], [0, 0.2, 1, -0.3], [0, 0, -0.3, 1]])
        width = np.array([1.0, 1.0, 1.0, 0.05])
        order = np.argsort(at)
        joined = ", ".join(("a", "b", "jes", "lumi")[i] for i in order)
        terms[joined] = np.zeros((size, size))
        terms[joined][np.ix_(at, at)] = np.linalg.inv(rho * width[:, None] * width)
        # 0.1 sum (mu - 1)^2 and 0.01 (x_0 - x_1)^2, the signs of penalties.
        user = np.zeros((size, size))
        mu = layout.positions("mu")
        user[mu, mu] += 0.2
        user[np.ix_([0, 1], [0, 1])] += 0.02 * np.array([[1.0, -1.0], [-1.0, 1.0]])
        terms["user_terms"] = user
    return terms


@pytest.mark.parametrize(
    "name", ["lite_process", *(pytest.param(n, marks=pytest.mark.slow) for n in ("slots", "gaussian_data"))]
)
def test_shares_are_those_of_explicit_hessians(name):
    small, fit = fitted(name)
    terms = _terms(name, small, fit)
    covariance = np.linalg.inv(sum(terms.values()))
    poi, twice = small.model.poi, Derived("mu^2", lambda mu: mu**2, small.model.poi)
    at = small.model.layout.positions(poi)[0]
    found = small.model.breakdown([poi, twice], fit)
    assert set(found.sources) == set(terms)
    for source, hessian in terms.items():
        share = (covariance @ hessian @ covariance)[at, at]
        shares = found.shares[found.sources.index(source)]
        np.testing.assert_allclose(shares, [share, share * 4.0 * fit.x[at] ** 2], rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(found.shares.sum(axis=0), found.variance, rtol=1e-10)
    np.testing.assert_allclose(found.variance[0], covariance[at, at], rtol=1e-8)


def test_an_empty_bin_whose_error_is_larger_than_its_yield():
    """The bin's parameter keeps the yield at 0: the profile is quadratic there, and shares still sum."""
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [20.0, 0.2], sumw2=[1.0, 0.02]).scale_by(mu)
    bkg = Process("bkg", [30.0, 0.3], sumw2=[2.0, 4.0]).add_lnN(theta, 1.2)
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    fit = model.fit([48.0, 0.0])
    assert abs(model.pred(fit.x)[1]) < 1e-9
    found = model.breakdown(mu, fit)
    np.testing.assert_allclose(found.shares.sum(axis=0), found.variance, rtol=1e-10)


def test_freezing_is_a_refit_with_the_group_held():
    small, fit = fitted("lite_process")
    model = small.model
    ratio = Derived("mu_1/mu_2", lambda mu: mu[0] / mu[1], "mu")
    groups = {"correlated": ["a", "b", "jes", "lumi"], "statistics": ["mc_stat"]}
    found = model.breakdown(["mu_1", ratio], fit, None, groups, method="freeze")
    frozen = {
        "correlated": ["a", "b", "jes", "lumi"],
        "statistics": list(model.bin_parameters),
        "aux": ["aux"],
    }
    frozen["data"] = [name for names in frozen.values() for name in names]
    assert found.sources == ("correlated", "statistics", "data", "aux")
    for source, names in frozen.items():
        held = {name: fit[name].value for name in names}
        refit = model.fit(small.obs, globs=small.globs, fixed=held, init=fit.x[: len(model.parameters)])
        slope = np.zeros((2, len(model.parameters)))
        mu_1, mu_2 = fit.x[model.layout.positions("mu")]
        slope[0, 0] = 1.0
        slope[1, model.layout.positions("mu")] = [1.0 / mu_2, -mu_1 / mu_2**2]
        left = np.diag(slope @ refit.hess_inv @ slope.T)
        share = left if source == "data" else found.variance - left
        np.testing.assert_allclose(found.shares[found.sources.index(source)], share, rtol=1e-5)


def test_the_order_of_groups_does_not_matter():
    small, fit = fitted("slots")
    one = small.model.breakdown("mu", fit, None, {"x": ["own_.*"], "y": ["theta"]}, method="freeze")
    other = small.model.breakdown("mu", fit, None, {"y": ["theta"], "x": ["own_.*"]}, method="freeze")
    for source in one.sources:
        np.testing.assert_allclose(one.error(source), other.error(source), rtol=1e-12)


def test_shifted_observables_are_refits():
    small, fit = fitted("slots")
    model, layout = small.model, small.model.layout
    found = model.breakdown("mu", fit, method="global")
    own = [
        i for i, name in enumerate(layout.parameters) if name == "own_bkg_0" or name.startswith("own_bkg")
    ][1]
    name = layout.parameters[own]
    number = list(layout.constrained).index(own)
    ends = []
    for sign in (1.0, -1.0):
        globs = small.globs.copy()
        # Pois(m | 40 alpha): one standard deviation of the count is sqrt(40).
        globs[number] += sign * np.sqrt(40.0)
        ends.append(model.fit(small.obs, globs=globs)["mu"].value)
    np.testing.assert_allclose(found.error(name), abs(ends[0] - ends[1]) / 2.0, rtol=1e-6)


def test_groups_add_up_and_are_named_in_many_ways(linear):
    model, fit = linear
    single = model.breakdown("mu", fit)
    for entry in ("theta", "shapes", "th.*"):
        grouped = model.breakdown("mu", fit, None, {"all of it": [entry]})
        assert grouped.sources == ("all of it", "data")
        np.testing.assert_allclose(grouped.error("all of it"), single.error("theta"), rtol=1e-12)
    everything = model.breakdown("mu", fit, None, {"total": ["data", "theta"]})
    assert everything.sources == ("total",)
    np.testing.assert_allclose(everything.share("total"), 1.0, rtol=1e-12)


def test_the_record(linear):
    model, fit = linear
    found = model.breakdown("mu", fit)
    assert found.ranking("mu") == ["data", "theta"]
    content = json.loads(found.to_json())
    assert content["pois"]["mu"]["shares"]["theta"] == pytest.approx(found.shares[1, 0])
    assert found._columns()["source"] == ["data", "theta"]
    assert "theta" in repr(found)
    assert "100.0" in repr(found)
    with pytest.raises(UnknownNameError, match="jes"):
        found.error("jes")


def test_blinded_shares_are_nowhere():
    model = two_bins.make()
    fit = model.blind(pois="mu").fit(two_bins.OBS)
    found = model.breakdown("mu", fit)
    hidden = f"{found.shares[0, 0]:.3g}"
    for text in (repr(found), found.to_json(), str(found._columns())):
        assert "blinded" in text
        assert hidden not in text


BAD = [
    ({"pois": "nothing"}, UnknownNameError, "nothing"),
    ({"pois": []}, InvalidValueError, "no quantity is named"),
    ({"pois": ["mu", "mu"]}, InvalidValueError, "asked for twice"),
    ({"groups": ["theta"]}, InvalidTypeError, "must be a dict"),
    ({"groups": {"g": ["nothing"]}}, UnknownNameError, "group 'g'.*nothing"),
    ({"groups": {"g": 3}}, InvalidTypeError, "expected a list of names, got int"),
    ({"groups": {"g": ["theta"], "h": ["th.*"]}}, InvalidValueError, "'theta' is in the groups 'g' and 'h'"),
    ({"groups": {"g": ["data"], "h": ["data"]}}, InvalidValueError, "'data' is in the groups"),
    ({"groups": {"data": ["theta"]}}, InvalidValueError, "two rows would be called 'data'"),
    ({"groups": {"g": ["mu"]}}, InvalidValueError, "free parameters only"),
    ({"method": "bootstrap"}, InvalidValueError, "'hessian', 'freeze', 'global'"),
    ({"groups": {"g": ["data"]}, "method": "freeze"}, InvalidValueError, "data cannot be held"),
]


@pytest.mark.parametrize(("given", "error", "words"), BAD)
def test_what_cannot_be_broken_down(linear, given, error, words):
    model, fit = linear
    with pytest.raises(error, match=words):
        model.breakdown(given.pop("pois", "mu"), fit, None, **given)


def test_a_part_of_a_correlated_set_is_no_group():
    small, fit = fitted("lite_process")
    with pytest.raises(InvalidValueError, match="a, b, jes, lumi are correlated, one source"):
        small.model.breakdown("mu_1", fit, None, {"g": ["jes"]})


def test_a_fit_of_other_data_is_refused(linear):
    model, fit = linear
    with pytest.raises(InvalidValueError, match="other data"):
        model.breakdown("mu", fit, two_bins.OBS + 1.0)


def test_a_bin_parameter_can_be_a_group_of_its_own():
    mu = Variable("mu", 1.0)
    sig = Process("sig").add_contrib(ChannelContrib("SR", [50.0, 30.0], [5.0, 4.0])).scale_by(mu)
    model = Model().add_proc(sig).prepare()
    fit = model.fit([52.0, 29.0])
    one = model.breakdown(mu, fit, None, {"first": ["mcstat_SR_bin0"]})
    assert one.sources == ("first", "data", "mc_stat")
    together = model.breakdown(mu, fit)
    parts = one.shares[0] + one.shares[2]
    np.testing.assert_allclose(parts, together.shares[together.sources.index("mc_stat")], rtol=1e-12)
