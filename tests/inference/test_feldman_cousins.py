"""Feldman-Cousins by toys: against exact enumeration, and against numpy transcriptions."""

from __future__ import annotations

import dataclasses
import functools
import json

import numpy as np
import pytest
from scipy import stats

from smoothfit.errors import InvalidValueError, LowerMinimumWarning, ShapeMismatchError, UnknownNameError
from smoothfit.inference.ensembles import Ensemble, counted_tail
from smoothfit.inference.neyman import exact
from smoothfit.inference.neyman.refining import Curve, next_work
from smoothfit.inference.neyman.regions import regions_of
from smoothfit.inference.neyman.tails import binomial_interval, critical_value
from smoothfit.model import Model, Process, Variable
from smoothfit.status import Status


@functools.cache
def counting():
    """One count, the background known to be 3."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    return Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [3.0])).prepare()


@functools.cache
def on_off():
    """A count with background, and a count of background alone."""
    mu, b = Variable("mu", 1.0, lower_bound=0.0), Variable("b", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", [4.0, 0.0]).scale_by(mu))
    return model.add_proc(Process("bkg", [5.0, 10.0]).scale_by(b)).prepare()


def close(found, n, cl=0.9):
    """Both ends within three stated errors, and what the distance of the points allows."""
    expected = exact.poisson_interval(n, 3.0, cl)
    allowed = 3.0 * found.region_errors[[0, -1], [0, 1]] + found.resolutions[[0, -1], [0, 1]]
    for end, wanted, error in zip((found.lower, found.upper), expected, allowed, strict=True):
        # An end at the bound has no error.
        assert abs(end - wanted) <= max(error, 1e-12)


@pytest.mark.parametrize("n", [6])
def test_ends_of_a_count_are_those_of_the_enumeration(n):
    points = np.linspace(0.0, 15.0, 16)
    found = counting().feldman_cousins("mu", points, [float(n)], cl=0.9, toys=1000, seed=2, mc_error=0.1)
    close(found, n)
    assert found.reached
    assert np.all(found.region_errors <= 0.1)
    # Toys went where they were needed, and points were added between those given.
    assert found.toys.max() > found.toys.min() == 1000
    assert set(points) < set(found.points)


@pytest.mark.slow
@pytest.mark.parametrize("n", range(11))
def test_ends_of_all_counts_of_the_table(n):
    found = counting().feldman_cousins(
        "mu",
        np.linspace(0.0, 18.0, 19),
        [float(n)],
        cl=0.9,
        toys=4000,
        seed=3,
        mc_error=0.05,
        most_toys=40_000,
    )
    close(found, n)


def test_p_values_of_a_count_are_those_of_the_enumeration():
    points = np.array([0.0, 0.5, 3.0, 5.5, 9.0])
    found = counting().feldman_cousins("mu", points, {"main": [5.0]}, toys=4000, seed=5)
    expected = exact.poisson_p_value(points, 5, 3.0)
    assert np.all(np.abs(found.p_values - expected) <= 4.0 * found.p_errors)
    t = 2.0 * (points + 3.0 - 5.0 - 5.0 * np.log((points + 3.0) / 5.0))
    assert found.observed == pytest.approx(t, abs=1e-7)
    # The largest accepted t: of all counts in the order of t, the first at which the level is reached.
    n = np.arange(60)
    for mu, critical in zip(points, found.critical, strict=True):
        best = np.maximum(n, 3.0)
        ratio = 2.0 * (mu + 3.0 - best - n * np.log((mu + 3.0) / best))
        order = np.argsort(ratio)
        content = np.cumsum(stats.poisson.pmf(n, mu + 3.0)[order])
        around = np.searchsorted(content, [found.cl - 0.03, found.cl + 0.03])
        assert ratio[order][around[0]] - 1e-6 <= critical <= ratio[order][around[1]] + 1e-6


def test_a_bounded_gaussian():
    mu = Variable("mu", 0.5, lower_bound=0.0)
    model = Model().add_proc(Process("p", [1.0]).scale_by(mu)).set_data_term("gaussian", [1.0]).prepare()
    for x in (-1.0, 2.0):
        found = model.feldman_cousins(
            mu, np.linspace(0.0, 4.5, 10), [x], cl=0.9, toys=1000, seed=1, mc_error=0.08
        )
        lower, upper = exact.gaussian_interval(x, 0.9)
        assert abs(found.upper - upper) < 3.0 * found.upper_error + 1e-3
        assert abs(found.lower - lower) <= 3.0 * found.lower_error + 1e-3
    assert found.ends == (("crossing", "crossing"),)


def t_of_on_off(n, m, mu):
    """t with the background profiled, from the root of a quadratic; (toy,) each."""
    s = 4.0 * mu
    # d/db of s + 5b - n log(s + 5b) + 10b - m log(10b)
    a, h, c = 75.0, 15.0 * s - 5.0 * (n + m), -m * s
    b = (-h + np.sqrt(h**2 - 4.0 * a * c)) / (2.0 * a)

    def nll(first, second):
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.where(n > 0, n * np.log(first), 0.0) + np.where(m > 0, m * np.log(second), 0.0)
        return first + second - log

    # Free: both counts are met, unless the signal would be negative.
    together = (n + m) / 15.0
    inside = n >= 5.0 * m / 10.0
    best = np.where(inside, nll(n, m), nll(5.0 * together, 10.0 * together))
    return np.maximum(2.0 * (nll(s + 5.0 * b, 10.0 * b) - best), 0.0), b


@pytest.mark.parametrize("nuisances", ["fitted", "prefit"])
def test_a_profiled_background_by_transcription(nuisances):
    n, m = 12.0, 9.0
    points = np.array([0.0, 0.8, 2.0, 3.5])
    found = on_off().feldman_cousins("mu", points, [n, m], toys=1000, seed=4, nuisances=nuisances)
    rng = np.random.default_rng(1)
    for k, mu in enumerate(points):
        observed, b = t_of_on_off(np.array(n), np.array(m), mu)
        assert found.observed[k] == pytest.approx(float(observed), abs=1e-6)
        at = float(b) if nuisances == "fitted" else 1.0
        toys = rng.poisson(4.0 * mu + 5.0 * at, 200_000), rng.poisson(10.0 * at, 200_000)
        t = t_of_on_off(*(counts.astype(float) for counts in toys), mu)[0]
        expected = np.mean(t >= observed - 1e-6)
        assert abs(found.p_values[k] - expected) <= 4.0 * np.hypot(found.p_errors[k], 0.0011)
    assert found.nuisances == nuisances


def test_two_parameters_without_correlation_by_enumeration():
    """Two counts, each with a signal of its own: all pairs of counts."""
    a, b = Variable("a", 1.0, lower_bound=0.0), Variable("b", 1.0, lower_bound=0.0)
    model = (
        Model().add_proc(Process("p", [2.0, 0.0]).scale_by(a)).add_proc(Process("q", [0.0, 3.0]).scale_by(b))
    )
    model.add_proc(Process("bkg", [1.0, 1.0])).prepare()
    obs = np.array([4.0, 3.0])
    axes = np.array([0.2, 1.5, 3.5]), np.array([0.1, 2.5])
    found = model.feldman_cousins((a, b), axes, obs, cl=0.68, toys=1500, seed=1)
    assert found.shape == (3, 2)

    def t_of(counts, mean, background=1.0):
        best = np.maximum(counts, background)
        return 2.0 * (mean - best - counts * np.log(mean / best))

    counts = np.arange(60.0)
    for (x, y), p, error in zip(found.points, found.p_values, found.p_errors, strict=True):
        means = 2.0 * x + 1.0, 3.0 * y + 1.0
        t = t_of(counts, means[0])[:, None] + t_of(counts, means[1])[None, :]
        weight = stats.poisson.pmf(counts, means[0])[:, None] * stats.poisson.pmf(counts, means[1])[None, :]
        observed = t_of(obs[0], means[0]) + t_of(obs[1], means[1])
        assert abs(p - weight[t >= observed - 1e-6].sum()) <= 4.0 * error
    assert "of 6 points are accepted" in found.heading()
    with pytest.raises(InvalidValueError, match="no lower and upper end"):
        _ = found.lower
    listed = model.feldman_cousins((a, b), np.array([[1.5, 0.1], [9.0, 9.0]]), obs, toys=100, seed=1)
    assert listed.axes is None
    assert not listed.accepted[1]


def test_a_plane_gets_toys_at_its_border():
    model = on_off()
    options = {"cl": 0.68, "toys": 100, "seed": 1, "most_toys": 1000}
    found = model.feldman_cousins(("mu", "b"), 5, [12.0, 9.0], mc_error=0.02, **options)
    assert found.toys.min() == 100 < found.toys.max()
    assert not np.any(found.uncertain & (found.p_errors > 0.02) & (found.toys < 1000))


def test_the_same_seed_gives_the_same_and_nuisances_have_their_globs():
    theta = Variable("theta", 0.0, nuisance=True)
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("sig", [20.0]).scale_by(mu))
    model.add_proc(Process("bkg", [50.0]).add_lnN(theta, 1.2)).prepare()
    found, again, other = (
        model.feldman_cousins(mu, [0.3, 1.0], [70.0], toys=400, seed=seed, globs={theta: 0.2})
        for seed in (1, 1, 2)
    )
    assert np.array_equal(found.p_values, again.p_values)
    assert not np.array_equal(found.p_values, other.p_values)
    # Counts and global observables vary: an estimate has the error of a Gaussian of both, 20 mu = n - b.
    z = (20.0 * 0.3 - (70.0 - 50.0 * 1.2**0.2)) / np.hypot(np.sqrt(60.0), 50.0 * 1.2**0.2 * np.log(1.2))
    assert found.p_values[0] == pytest.approx(2.0 * stats.norm.sf(abs(z)), abs=0.08)
    held = model.feldman_cousins(mu, [0.3, 1.0], [70.0], toys=400, seed=1, fixed={theta: 0.2})
    alone = (20.0 * 0.3 - (70.0 - 50.0 * 1.2**0.2)) / np.sqrt(60.0)
    assert held.p_values[0] == pytest.approx(2.0 * stats.norm.sf(abs(alone)), abs=0.08)


def test_a_bin_without_data_can_be_drawn_from():
    """Its parameter takes the expectation to 0, and rounding below."""
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", [12.0, 3.0, 1.7], sumw2=[0.3, 0.2, 0.1]).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [20.0, 2.3, 0.7], sumw2=[6.0, 5.0, 3.0])).prepare()
    at = np.linspace(0.0, 2.0, 5)
    found = model.feldman_cousins(mu, at, [25.0, 0.0, 0.0], toys=20, seed=1)
    fits = [model.fit([25.0, 0.0, 0.0], fixed={mu: x}) for x in at[[0, 2]]]
    assert max(float(model.pred(fit.x).min()) for fit in fits) < 1e-9
    assert np.all(found.toys + found.failed_toys == 20)
    for fit in fits:
        assert np.all(Ensemble(model._context(), fit.x, seed=1).draw(0, 50).counts >= 0.0)


# -- regions -----------------------------------------------------------------------------------------------


def curve(p, error=0.01, x=None):
    p = np.asarray(p, dtype=float)
    return np.arange(float(len(p))) if x is None else x, p, np.full(len(p), error)


def test_ends_at_bounds_and_where_points_end_say_so():
    (region,) = regions_of(*curve([0.5, 0.9, 0.6]), 0.9, best=1.0, bounds=(0.0, 5.0))
    assert (region.lower.kind, region.upper.kind) == ("bound", "edge of points")
    assert (region.lower.value, region.upper.value) == (0.0, 2.0)
    assert region.upper.error == 0.0


def test_gaps_are_reported_and_lost_points_left_out():
    p = [0.0, 0.5, 0.02, 0.5, np.nan, 0.05]
    first, second = regions_of(*curve(p), 0.9, best=1.0, bounds=(-np.inf, np.inf))
    assert (first.lower.value, first.upper.value) == pytest.approx((0.2, 1.0 + 0.4 / 0.48))
    assert second.upper.value == pytest.approx(3.0 + 2.0 * 0.4 / 0.45)
    assert second.upper.resolution == 2.0
    assert regions_of(*curve([0.0, 0.05]), 0.9, best=5.0, bounds=(0.0, 9.0)) == []


def test_the_best_fit_counts_as_a_point():
    (region,) = regions_of(*curve([0.0, 0.05, 0.02, 0.0]), 0.9, best=1.5, bounds=(0.0, 9.0))
    assert region.lower.value == pytest.approx(1.0 + 0.5 * 0.05 / 0.95)
    assert region.upper.value == pytest.approx(1.5 + 0.5 * 0.9 / 0.98)


def test_errors_of_ends_follow_from_those_of_p_values():
    """On a straight line: the error of p over its slope; along 1 - cl: how far an end can move."""
    x = np.linspace(0.0, 10.0, 101)
    (region,) = regions_of(x, 1.0 - 0.1 * x, np.full(101, 0.01), 0.9, best=0.0, bounds=(0.0, 10.0))
    assert region.upper.value == pytest.approx(9.0)
    assert region.upper.error == pytest.approx(0.01 / 0.1, rel=1e-6)
    flat = np.interp(x, [0.0, 4.0, 6.0, 10.0], [1.0, 0.105, 0.095, 0.0])
    (region,) = regions_of(x, flat, np.full(101, 0.01), 0.9, best=0.0, bounds=(0.0, 10.0))
    low, high = np.interp([-0.12, -0.08], -flat, x)
    assert region.upper.error == pytest.approx(0.5 * max(high - 5.0, 5.0 - low), abs=0.01)


@pytest.mark.slow
def test_more_points_and_toys_are_asked_for_around_ends():
    x, p, errors = curve([1.0, 0.8, 0.3, 0.0, 0.0])
    toys = np.full(5, 1000)

    def work(x, p, errors, toys, error, most=10**6):
        regions = regions_of(x, p, errors, 0.9, best=0.0, bounds=(0.0, 10.0))
        return next_work(Curve(x, p - 0.1, errors, toys), regions, error, most)

    first = work(x, p, errors, toys, 0.05)
    assert first.points == [(pytest.approx(2.0 + 0.2 / 0.3), 1000)]
    assert first.toys == {}
    dense = np.linspace(0.0, 4.0, 81)
    found = work(dense, np.interp(dense, x, p), np.full(81, 0.03), np.full(81, 1000), 0.05)
    assert found.points == []
    assert (
        set(found.toys.values()) == {int(np.ceil(1100 * (0.1 / 0.05) ** 2))}
        or max(found.toys.values()) == 4000
    )
    assert {int(k) for k in found.toys} <= set(range(50, 58))
    assert not work(dense, np.interp(dense, x, p), np.full(81, 0.03), np.full(81, 1000), 0.05, most=1000)
    assert not work(dense, np.interp(dense, x, p), np.full(81, 0.01), np.full(81, 1000), 0.05)


# -- numbers -----------------------------------------------------------------------------------------------


def test_counts_of_toys():
    statistics = np.array([0.0, 1.0, 1.0 + 1e-8, 2.0, np.nan])
    assert counted_tail(statistics, 1.0 + 5e-7) == (0.75, pytest.approx(np.sqrt(4 / 6 * 2 / 6 / 4)))
    assert np.isnan(counted_tail(statistics[-1:], 1.0).value)
    assert np.isnan(counted_tail(statistics, np.nan).value)
    draws = np.random.default_rng(1).chisquare(1, 40_000)
    found = critical_value(draws, 0.9)
    assert abs(found.value - stats.chi2.ppf(0.9, 1)) < 4.0 * found.error
    # The error of a quantile: sqrt(q (1 - q)/n) over the density.
    assert found.error == pytest.approx(np.sqrt(0.09 / 40_000) / stats.chi2.pdf(found.value, 1), rel=0.15)
    for k, n in ((0, 10), (3, 10), (10, 10)):
        expected = stats.binomtest(k, n).proportion_ci(0.9, method="exact")
        assert binomial_interval(k, n, 0.9) == pytest.approx((expected.low, expected.high))


# -- what goes wrong -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    return counting().feldman_cousins("mu", [0.0, 4.0, 9.0], [6.0], cl=0.9, toys=200, seed=1)


def test_the_record_prints_and_leaves(found):
    text = repr(found)
    assert text.startswith("Feldman-Cousins, mu at 90% confidence level.\nmu in [")
    assert "600 toys at 3 points (200 to 200 each), other parameters fitted to the data" in text
    content = json.loads(found.to_json())
    assert content["upper"] == found.upper
    assert content["regions"][0]["ends"][1] == "crossing"
    assert content["fits"].items() >= {"fits": 1200, "retried": 0, "failed": {}}.items()
    frame = found.to_pandas()
    assert frame["p_values"].tolist() == found.p_values.tolist()
    assert "between points up to 5 apart" in text


def test_failed_fits_are_counted_and_shown(found):
    lost = dataclasses.replace(
        found,
        p_values=np.array([found.p_values[0], np.nan, found.p_values[2]]),
        status=np.array([0, int(Status.NOT_CONVERGED), 0]),
        failed_toys=np.array([0, 0, 2]),
    )
    text = repr(lost)
    assert "1 of 3 points have no p-value: the fit to the data failed." in text
    assert "2 toys were left out: a fit of theirs failed." in text
    assert "NOT_CONVERGED" in text


def test_nothing_of_a_blinded_parameter_is_shown(found):
    model = counting()
    try:
        hidden = model.blind(pois="mu").feldman_cousins(
            "mu", [0.0, 4.0, 9.0], [6.0], cl=0.9, toys=200, seed=1
        )
    finally:
        model.unblind()
    texts = (repr(hidden), hidden._repr_html_(), hidden.to_json(), str(hidden.to_pandas()))
    for number in (found.upper, found.p_values[2], found.observed[2], found.critical[2]):
        assert not any(f"{number:.3g}" in text for text in texts)
    assert all("blinded" in text for text in texts)


def test_a_minimum_at_a_point_is_where_t_begins(monkeypatch):
    """A best fit that is none: t is measured from the lowest point, and that is said."""
    from smoothfit.inference.neyman import construction

    scan_at = construction.scan_at

    def lower(*arguments, **options):
        found = scan_at(*arguments, **options)
        return dataclasses.replace(found, delta_nll=found.delta_nll - np.where(found.points == 4.0, 3.0, 0.0))

    monkeypatch.setattr(construction, "scan_at", lower)
    with pytest.warns(LowerMinimumWarning, match=r"at mu = 4 the NLL is 2\.92 below"):
        found = counting().feldman_cousins("mu", [0.0, 4.0, 9.0], [6.0], toys=50, seed=1)
    assert found.observed[1] == 0.0
    assert found.p_values[1] == 1.0


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("mu", [-1.0, 1.0]), {}, InvalidValueError, r"feldman_cousins: 'mu' = -1 is outside its bounds"),
        (("nu", [1.0]), {}, UnknownNameError, "No parameter is named 'nu'"),
        (("mu", [[1.0, 2.0]]), {}, ShapeMismatchError, "feldman_cousins: points of 'mu'"),
        (("mu", []), {}, InvalidValueError, "there are no points"),
        (("mu", [1.0]), {"cl": 90}, InvalidValueError, "cl must be between 0 and 1, got 90"),
        (("mu", [1.0]), {"toys": 0}, InvalidValueError, "feldman_cousins: the number of toys"),
        (("mu", [1.0]), {"mc_error": 0.0}, InvalidValueError, "mc_error must be a positive number"),
        (
            ("mu", [1.0]),
            {"nuisances": "other"},
            InvalidValueError,
            "nuisances must be one of 'fitted', 'prefit'",
        ),
        (("mu", [1.0]), {"seed": -1}, InvalidValueError, "seed: expected a whole number"),
        (("mu", [1.0]), {"fixed": {"mu": 1.0}}, InvalidValueError, "'mu' was held constant"),
    ],
)
def test_bad_input(arguments, options, error, words):
    with pytest.raises(error, match=words):
        counting().feldman_cousins(*arguments, [6.0], **options)
