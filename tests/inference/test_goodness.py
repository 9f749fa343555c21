"""Goodness of fit against its formulas written out, pyhf's likelihood, and distributions it must have."""

from __future__ import annotations

import functools
import json
import math

import numpy as np
import pytest
from scipy import optimize, stats
from small_models import nuisance
from test_constraint_draws import KINDS

from smoothfit import read_pyhf
from smoothfit.errors import FitError, InvalidValueError, ShapeMismatchError
from smoothfit.inference.batching import Held
from smoothfit.inference.goodness.distances import anderson_darling, kolmogorov_smirnov
from smoothfit.inference.goodness.saturated import MODES, Saturated, deviance
from smoothfit.likelihood.constraint_terms import TERMS
from smoothfit.model import Model, Process, Variable

# A test of true samples falls below this once in 1e4 times.
LEAST = 1e-4


# -- the definitions, written out from the text ---------------------------------------------------------


def cumulative(values):
    """Parts of the sum up to the upper edge of each bin."""
    parts, total = [], sum(values)
    running = 0.0
    for value in values:
        running += value
        parts.append(running / total)
    return parts


def ks_by_hand(data, expected):
    largest = 0.0
    for e, f in zip(cumulative(data), cumulative(expected), strict=True):
        largest = max(largest, abs(e - f))
    return largest


def ad_by_hand(data, expected):
    total, before = 0.0, 0.0
    for e, f in zip(cumulative(data), cumulative(expected), strict=True):
        if f < 1.0 - 1e-12:
            total += (e - f) ** 2 / (f * (1.0 - f)) * (f - before)
        before = f
    return sum(data) * total


def poisson_by_hand(n, nu):
    """-log Pois(n | nu)"""
    return nu - (n * math.log(nu) if n > 0 else 0.0) + math.lgamma(n + 1.0)


def saturated_by_hand(data, expected):
    """Twice the sum over bins of the difference of two Poisson terms."""
    total = 0.0
    for n, nu in zip(data, expected, strict=True):
        total += 2.0 * (poisson_by_hand(n, nu) - (poisson_by_hand(n, n) if n > 0 else 0.0))
    return total


@functools.cache
def two_channels():
    """A free normalisation, a constrained shape and one normalisation for both channels."""
    mu, tilt, rate = Variable("mu", 1.0), nuisance("tilt"), nuisance("rate")
    model = Model()
    for name, sig, bkg in (("SR", [4.0, 9.0, 6.0], [30.0, 22.0, 15.0]), ("CR", [0.5, 1.0], [120.0, 80.0])):
        signal = Process(f"sig_{name}", sig, channel=name).scale_by(mu)
        up = np.array(bkg) * np.linspace(0.9, 1.15, len(bkg))
        down = np.array(bkg) * np.linspace(1.08, 0.9, len(bkg))
        background = Process(f"bkg_{name}", bkg, channel=name).add_shape(tilt, up, down, kind="raw")
        model.add_proc(signal).add_proc(background.add_lnN(rate, 1.08))
    return model.prepare()


OBS = np.array([38.0, 25.0, 27.0, 131.0, 74.0])


@pytest.mark.parametrize(
    ("distance", "by_hand"),
    [
        (kolmogorov_smirnov, ks_by_hand),
        (anderson_darling, ad_by_hand),
    ],
)
def test_distances_are_those_of_the_text(distance, by_hand):
    rng = np.random.default_rng(1)
    for n_bins in (2, 3, 17):
        expected = rng.exponential(20.0, (6, n_bins))
        data = rng.poisson(expected * rng.uniform(0.7, 1.4, n_bins)).astype(float)
        found = distance(data, expected)
        assert found == pytest.approx([by_hand(d, e) for d, e in zip(data, expected, strict=True)], rel=1e-12)


def test_distances_at_the_edges():
    data, expected = np.array([[3.0, 0.0, 5.0], [0.0, 0.0, 0.0]]), np.array([4.0, 0.0, 4.0])
    # Nothing expected in a bin: a step of zero. Without data -1, as in Combine.
    assert kolmogorov_smirnov(data, expected).tolist() == [0.125, -1.0]
    assert anderson_darling(data, expected).tolist() == [8.0 * 0.125**2 / 0.25 * 0.5, -1.0]
    # Nothing expected above the first bin, or below the last: F is 1, or 0, there.
    for empty in ([4.0, 0.0, 0.0], [0.0, 0.0, 4.0], [4.0, -1e-3, -1.0]):
        assert anderson_darling(data[0], np.array(empty)) == 0.0
    assert kolmogorov_smirnov(data[0], np.array([4.0, 0.0, 0.0])) == 0.625
    assert np.isnan(kolmogorov_smirnov(data[0], np.zeros(3)))
    assert np.isnan(anderson_darling(data[0], np.zeros(3)))
    # One bin has no shape.
    assert kolmogorov_smirnov(np.array([7.0]), np.array([3.0])) == 0.0
    assert anderson_darling(np.array([7.0]), np.array([3.0])) == 0.0


def constraints_by_hand(best_fit):
    return sum(best_fit[name].value ** 2 for name in ("tilt", "rate"))


def test_statistics_of_a_fit_channel_by_channel_and_joint():
    model = two_channels()
    best_fit = model.fit(OBS)
    expected = model.split(model.pred(best_fit.x))
    data = model.split(OBS)
    for statistic, by_hand in (("ks", ks_by_hand), ("ad", ad_by_hand), ("saturated", saturated_by_hand)):
        found = model.goodness_of_fit(OBS, statistic=statistic, toys=2, seed=1)
        parts = [by_hand(data[name], expected[name]) for name in model.channels]
        assert found.channels == model.channels
        assert found.channel_observed == pytest.approx(parts, rel=1e-6)
        of_constraints = constraints_by_hand(best_fit) if statistic == "saturated" else 0.0
        assert found.constraints == pytest.approx(of_constraints, abs=1e-8)
        assert found.observed == pytest.approx(sum(parts) + of_constraints, rel=1e-6)


def test_masked_channels_are_left_out():
    model = Model()
    for name in ("A", "B"):
        model.add_proc(Process(f"bkg_{name}", [10.0, 20.0], channel=name))
    model.mask_channels("B").prepare()
    for statistic in ("saturated", "ks"):
        found = model.goodness_of_fit([12.0, 17.0, 500.0, 0.0], statistic=statistic, toys=4, seed=1)
        assert found.channels == ("A",)
        assert found.channel_toys.shape == (4, 1)
        by_hand = saturated_by_hand if statistic == "saturated" else ks_by_hand
        assert found.observed == pytest.approx(by_hand([12.0, 17.0], [10.0, 20.0]))
    assert found.ndof == 0
    assert model.goodness_of_fit([12.0, 17.0, 5.0, 0.0], toys=None).ndof == 2


# -- the saturated model ---------------------------------------------------------------------------------


def cabinetry_by_hand(content):
    """2 (NLL - NLL of the saturated model) as cabinetry has it, of pyhf's likelihood, fitted with Minuit."""
    pyhf, iminuit = pytest.importorskip("pyhf"), pytest.importorskip("iminuit")
    read = pyhf.Workspace(content)
    codes = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    built = read.model(modifier_settings=codes)
    every = read.data(built)
    start = np.array(built.config.suggested_init(), dtype=float)
    minuit = iminuit.Minuit(lambda x: -float(built.logpdf(x, every)[0]), start)
    minuit.limits, minuit.fixed = built.config.suggested_bounds(), built.config.suggested_fixed()
    minuit.errordef, minuit.strategy, minuit.tol = 0.5, 2, 1e-3
    minuit.migrad()
    assert minuit.valid
    n_bins = sum(built.config.channel_nbins.values())
    saturated = sum(poisson_by_hand(n, n) if n else 0.0 for n in every[:n_bins])
    saturated -= float(built.constraint_logpdf(pyhf.tensorlib.astensor(every[n_bins:]), start))
    return 2.0 * (minuit.fval - saturated)


def workspace():
    """Every constraint of pyhf, in two channels."""

    def sample(name, data, *modifiers):
        return {
            "name": name,
            "data": data,
            "modifiers": [dict(zip(("name", "type", "data"), m, strict=True)) for m in modifiers],
        }

    signal = sample("sig", [5.0, 9.0, 4.0], ("mu", "normfactor", None), ("lumi", "lumi", None))
    background = sample(
        "bkg",
        [50.0, 40.0, 30.0],
        ("norm", "normsys", {"hi": 1.1, "lo": 0.93}),
        ("shape", "histosys", {"hi_data": [54.0, 41.0, 27.0], "lo_data": [47.0, 40.0, 32.0]}),
        ("mc", "staterror", [3.0, 2.5, 2.0]),
    )
    control = sample(
        "bkg", [80.0, 70.0], ("norm", "normsys", {"hi": 1.1, "lo": 0.93}), ("own", "shapesys", [6.0, 5.0])
    )
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    return {
        "channels": [{"name": "SR", "samples": [signal, background]}, {"name": "CR", "samples": [control]}],
        "observations": [{"name": "SR", "data": [62.0, 41.0, 43.0]}, {"name": "CR", "data": [91.0, 60.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [lumi]}}],
        "version": "1.0.0",
    }


@pytest.mark.agreement
def test_saturated_of_a_workspace_is_cabinetrys():
    content = workspace()
    model, obs = read_pyhf(content)
    found = model.goodness_of_fit(obs, toys=0)
    assert found.observed == pytest.approx(cabinetry_by_hand(content), abs=2e-5)
    # cabinetry: bins less unconstrained parameters.
    assert found.ndof == 5 - 1
    assert found.p_value == pytest.approx(stats.chi2.sf(found.observed, 4), abs=1e-10)


@pytest.mark.agreement
@pytest.mark.reference
def test_saturated_of_a_real_workspace(shared):
    path = shared / "data/cabinetry-tutorials/built/ws_config_histograms.json"
    content = json.loads(path.read_text())
    model, obs = read_pyhf(path)
    found = model.goodness_of_fit(obs, toys=0)
    assert found.observed == pytest.approx(cabinetry_by_hand(content), abs=2e-5)


def test_the_modes_are_known_of_every_kind_of_constraint():
    assert set(MODES) == set(TERMS)


@functools.cache
def with_every_constraint():
    model = Model().add_proc(Process("sig", [20.0, 10.0]).scale_by(Variable("mu", 1.0)))
    bkg = Process("bkg", [200.0, 300.0])
    for name, constraint in KINDS.items():
        lowest = None if name == "flat" else 1e-3
        bkg.scale_by(Variable(name, 1.0, constraint=constraint, lower_bound=lowest))
    # A penalty that is smallest, at 0.02, where neither constraint is.
    pulled = [v for effect in bkg.effects for v in [effect.variable] if v.name in ("gauss", "gam")]
    model.add_proc(bkg).add_constraint(lambda a, b: -((a - b - 0.5) ** 2) - 0.01, *pulled)
    return model.prepare()


@pytest.mark.slow
def test_the_saturated_model_has_the_constraints_at_their_largest():
    model = with_every_constraint()
    context, layout = model._context(), model.layout
    rng = np.random.default_rng(4)
    truth = np.array(layout.start)
    globs = np.asarray(model.toy_glob(truth, 3, seed=5))
    counts = rng.poisson([220.0, 310.0], (3, 2)).astype(float)
    held = Held(np.zeros(layout.n_params, dtype=bool), layout.start)
    at, good = Saturated(context, held).values(counts, globs)
    assert good.all()
    found = deviance(context, np.tile(truth, (3, 1)), at, counts, globs)
    free = [i for i, name in enumerate(layout.parameters) if name != "mu"]
    for i in range(3):

        def rest(x, i=i):
            """The NLL of everything but the data."""
            values = truth.copy()
            values[free] = x
            return model.nll(values, counts[i], globs[i]) - sum(
                poisson_by_hand(n, nu) for n, nu in zip(counts[i], model.pred(values), strict=True)
            )

        bounds = list(zip(layout.lower[free], np.minimum(layout.upper[free], 5.0), strict=True))
        least = min(
            optimize.minimize(rest, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14}).fun
            for start in (at[i, free], truth[free])
        )
        assert found.constraints[i] == pytest.approx(2.0 * (rest(truth[free]) - least), abs=2e-5)


def test_what_is_held_is_held_in_the_saturated_model_too():
    model = two_channels()
    held = model.goodness_of_fit(OBS, toys=0, fixed={"rate": 1.5, "mu": 1.0})
    best_fit = model.fit(OBS, fixed={"rate": 1.5, "mu": 1.0})
    data_part = saturated_by_hand(OBS, model.pred(best_fit.x))
    assert held.observed == pytest.approx(data_part + best_fit["tilt"].value ** 2, rel=1e-6)
    assert held.ndof == 5


@pytest.mark.parametrize("bounded", [False, True])
def test_correlated_constraints(bounded):
    a, b = (Variable(n, 0.0, nuisance=True, upper_bound=5.0 if bounded else None) for n in "ab")
    bkg = Process("bkg", [100.0, 50.0]).add_lnN(a, 1.2).add_lnN(b, 1.1)
    model = Model().add_proc(bkg).correlate_nuisances(a, b, 0.6).prepare()
    globs = np.array([0.7, -0.4])
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    for fixed in ({}, {"a": 1.5}):
        found = model.goodness_of_fit([120.0, 71.0], globs=globs, fixed=fixed, toys=0)
        best_fit = model.fit([120.0, 71.0], globs=globs, fixed=fixed)
        shift = best_fit.x[:2] - globs
        quadratic = float(shift @ np.linalg.solve(covariance, shift))
        # What holding a costs anyway: its marginal.
        quadratic -= (1.5 - 0.7) ** 2 if fixed else 0.0
        assert found.constraints == pytest.approx(quadratic, abs=1e-7)


@pytest.mark.slow
def test_bin_parameters_of_every_treatment_count_among_the_constraints():
    for mode, options in (("lite", {}), ("lite-gamma", {}), ("full", {}), ("threshold", {"threshold": 10.0})):
        sig = Process("sig", [10.0, 5.0], sumw2=[4.0, 3.0]).scale_by(Variable("mu", 1.0))
        model = Model().add_proc(sig).add_proc(Process("bkg", [40.0, 30.0], sumw2=[30.0, 20.0]))
        model = model.set_mc_stat(mode, **options).prepare()
        found = model.goodness_of_fit([70.0, 28.0], toys=0)
        best_fit = model.fit([70.0, 28.0])
        saturated = sum(poisson_by_hand(n, n) for n in (70.0, 28.0))
        at_centre = model.nll(model.layout.start, model.pred(model.layout.start), None) - sum(
            poisson_by_hand(n, n) for n in model.pred(model.layout.start)
        )
        assert found.observed == pytest.approx(2.0 * (best_fit.fun - saturated - at_centre), abs=1e-7)


def test_a_gaussian_data_term():
    variances = np.array([9.0, 16.0, 4.0])
    model = Model().add_proc(Process("bkg", [10.0, 20.0, 5.0]).scale_by(Variable("norm", 1.0)))
    model = model.set_data_term("gaussian", variances).prepare()
    obs = np.array([14.0, 18.0, -1.0])
    found = model.goodness_of_fit(obs, toys=600, seed=2)
    shape = np.array([10.0, 20.0, 5.0])
    norm = (obs * shape / variances).sum() / (shape**2 / variances).sum()
    assert found.observed == pytest.approx((((obs - norm * shape) ** 2) / variances).sum(), rel=1e-8)
    assert stats.kstest(found.toys, stats.chi2(2).cdf).pvalue > LEAST
    for statistic in ("ks", "ad"):
        with pytest.raises(InvalidValueError, match=r"the data term is Gaussian; use statistic='saturated'"):
            model.goodness_of_fit(np.abs(obs), statistic=statistic)


# -- distributions --------------------------------------------------------------------------------------


def test_saturated_follows_chi2_where_events_are_many():
    mu, tilt = Variable("mu", 1.0), nuisance("tilt")
    sig = Process("sig", np.linspace(500.0, 3000.0, 8)).scale_by(mu)
    bkg = Process("bkg", np.full(8, 20_000.0))
    bkg.add_shape(
        tilt, 20_000.0 * np.linspace(0.97, 1.03, 8), 20_000.0 * np.linspace(1.03, 0.97, 8), kind="raw"
    )
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    obs = np.random.default_rng(3).poisson(model.pred({"mu": 1.0})).astype(float)
    found = model.goodness_of_fit(obs, toys=1500, seed=4)
    assert found.ndof == 7
    assert stats.kstest(found.toys, stats.chi2(7).cdf).pvalue > LEAST
    assert abs(found.p_value - found.asymptotic_p_value) < 4.0 * found.p_value_error


def uniform(n_experiments, n_toys):
    """p-values of pseudo-experiments drawn with numpy, their statistics by hand, against our ensemble."""
    model = two_channels()
    truth = {"mu": 1.0, "tilt": 0.0, "rate": 0.0}
    values = model.values_from_dict(truth)
    rng = np.random.default_rng(11)
    counts = rng.poisson(model.pred(values), (n_experiments, 5)).astype(float)
    globs = rng.standard_normal((n_experiments, 2))
    fits = model.batch_fit(counts, globs=globs)
    assert fits.success.all()
    columns = [fits[name] - globs[:, i] for i, name in enumerate(model.parameters[1:])]
    pulls = sum(column**2 for column in columns)
    expected = model.batch_pred(fits.x)
    asimov, at_truth = model.asimov(truth)
    for statistic, by_hand in (("saturated", saturated_by_hand), ("ks", ks_by_hand), ("ad", ad_by_hand)):
        found = model.goodness_of_fit(asimov, globs=at_truth, statistic=statistic, toys=n_toys, seed=12)
        ours = np.zeros(n_experiments)
        for i in range(n_experiments):
            for part in (slice(0, 3), slice(3, 5)):
                ours[i] += by_hand(counts[i, part], expected[i, part])
        ours += pulls if statistic == "saturated" else 0.0
        reference = found.toys[np.isfinite(found.toys)]
        # Ties at random: a hair to either side.
        hair = 1e-7 * rng.uniform(-1.0, 1.0, n_experiments + len(reference))
        test = stats.ks_2samp(ours + hair[:n_experiments], reference + hair[n_experiments:])
        assert test.pvalue > LEAST, statistic
        p = np.array([np.mean(reference >= one - 1e-6) for one in ours])
        assert abs(np.mean(p) - 0.5) < 5.0 * np.sqrt((1.0 / n_experiments + 1.0 / n_toys) / 12.0)


def test_p_values_of_true_pseudo_experiments_are_uniform():
    uniform(300, 400)


@pytest.mark.slow
def test_p_values_of_2000_true_pseudo_experiments_are_uniform():
    uniform(2000, 4000)


# -- toys -------------------------------------------------------------------------------------------------


def test_toys_are_those_of_their_seed_in_any_number():
    model = two_channels()
    few, many = (model.goodness_of_fit(OBS, statistic="ad", toys=n, seed=7) for n in (20, 50))
    assert np.array_equal(few.toys, many.toys[:20])
    assert np.array_equal(many.channel_toys.sum(axis=1), many.toys)
    assert many.fits.seed == 7
    assert model.goodness_of_fit(OBS, toys=2).fits.seed != model.goodness_of_fit(OBS, toys=2).fits.seed
    p = np.mean(many.toys >= many.observed)
    assert many.p_value == p
    q = (50 * p + 1.0) / 52.0
    assert many.p_value_error == pytest.approx(math.sqrt(q * (1.0 - q) / 50))
    assert (
        many.channel_p_values.tolist() == np.mean(many.channel_toys >= many.channel_observed, axis=0).tolist()
    )


def test_toys_go_on_until_the_error_is_small():
    found = two_channels().goodness_of_fit(OBS, toys=64, mc_error=0.03, seed=1)
    assert 64 < len(found.toys) <= 6400
    assert found.p_value_error <= 0.03
    bounded = two_channels().goodness_of_fit(OBS, toys=64, mc_error=1e-4, most_toys=128, seed=1)
    assert len(bounded.toys) == 128


def test_bayesian_toys_keep_what_was_observed():
    model = two_channels()
    found = model.goodness_of_fit(OBS, toys=300, toy_kind="bayesian", seed=1)
    # The prior moves parameters that a fit then pulls: more constraints are paid for than in other toys.
    other = model.goodness_of_fit(OBS, toys=300, seed=1)
    assert found.fits.kind == "bayesian"
    assert (
        abs(found.toys.mean() - other.toys.mean()) < 6.0 * np.hypot(found.toys.std(), other.toys.std()) / 17.0
    )


def test_failed_toys_are_counted_and_never_dropped(monkeypatch):
    from dataclasses import replace

    from smoothfit.inference.goodness import comparing

    drawn = comparing.Ensemble.draw

    def spoilt(self, first, n):
        toys = drawn(self, first, n)
        bad = np.isin(np.arange(first, first + n), (3, 5))[:, None]
        return replace(toys, counts=np.where(bad, np.nan, toys.counts))

    monkeypatch.setattr(comparing.Ensemble, "draw", spoilt)
    found = two_channels().goodness_of_fit(OBS, toys=20, seed=1)
    assert np.flatnonzero(np.isnan(found.toys)).tolist() == [3, 5]
    assert np.isnan(found.channel_toys[[3, 5]]).all()
    assert (found.n_lost, found.fits.n_failed, found.fits.retried) == (2, 2, 2)
    good = found.toys[np.isfinite(found.toys)]
    assert found.p_value == np.mean(good >= found.observed)
    k = np.sum(good >= found.observed)
    assert found.p_value_range == pytest.approx((k / 20.0, (k + 2) / 20.0))
    assert "2 failed for good" in repr(found)
    assert "2 toys have no value; with them p would be between" in repr(found)
    assert found.to_dict()["fits"]["failed"] == dict(found.fits.failed)
    assert json.loads(found.to_json())["toys"][3] is None


# -- what is said, and what is refused --------------------------------------------------------------------


def test_what_one_should_know_is_said():
    model = Model()
    model.add_proc(Process("a", [3.0, 20.0], channel="A").scale_by(Variable("mu", 1.0, lower_bound=0.0)))
    model.add_proc(Process("b", [9.0], channel="B")).add_proc(
        Process("c", [4.0, 30.0], channel="A")
    ).prepare()
    saturated = model.goodness_of_fit([1.0, 20.0, 12.0], toys=0)
    assert saturated.notes == (
        "1 bin expects fewer than 5 events: chi2 is an approximation there",
        "a parameter is at its limit: the statistic is not distributed as chi2",
    )
    ks = model.goodness_of_fit([9.0, 53.0, 12.0], statistic="ks", toys=60, seed=1)
    assert ks.notes == ("no shape to compare, always 0: B",)
    assert ks.channel_p_values[1] == 1.0
    few = Model().add_proc(Process("a", [0.3, 0.5])).prepare()
    ks = few.goodness_of_fit([0.0, 0.0], statistic="ks", toys=400, seed=1)
    assert ks.notes == ("no data, ks is -1 by convention: main",)
    assert (ks.observed, ks.p_value) == (-1.0, 1.0)
    # P(no events) = exp(-0.8)
    assert np.mean(ks.toys == -1.0) == pytest.approx(math.exp(-0.8), abs=0.12)


def test_a_blinded_channel_stays_hidden():
    model = two_channels()
    found = model.blind(channels="SR").goodness_of_fit(OBS, toys=8, seed=1)
    model.unblind()
    open_ = model.goodness_of_fit(OBS, toys=8, seed=1)
    shown = repr(found) + found.to_json() + found._repr_html_() + str(found._columns())
    secrets = (open_.observed, open_.channel_observed[model.channels.index("SR")], *open_.toys)
    for secret in secrets:
        assert f"{secret:.4f}" not in shown
    assert f"{open_.channel_observed[model.channels.index('CR')]:.4g}" in shown
    # A blinded parameter is not what a test of the fit tells of.
    hidden = model.blind(pois="mu").goodness_of_fit(OBS, toys=8, seed=1)
    model.unblind()
    assert repr(hidden) == repr(open_)


def test_frames_have_a_row_a_channel():
    pytest.importorskip("pandas")
    frame = two_channels().goodness_of_fit(OBS, toys=4, seed=1).to_pandas()
    assert frame["channel"].tolist() == list(two_channels().channels)
    assert set(frame) == {"channel", "observed", "p_value", "p_value_error"}


BAD = [
    ({"statistic": "chi"}, "statistic must be one of 'saturated', 'ks', 'ad', got 'chi'"),
    ({"toys": -1}, "goodness_of_fit: the number of toys must be a positive whole number, got -1"),
    ({"toys": 2.5}, "positive whole number, got 2.5"),
    ({"toys": True}, "positive whole number, got True"),
    ({"toys": 0, "statistic": "ks"}, "the distribution of 'ks' is known from toys only; give toys=1000"),
    ({"toys": None, "mc_error": 0.1}, "mc_error and most_toys are about toys"),
    ({"mc_error": 0.0}, "mc_error must be a positive number"),
    ({"seed": -3}, "seed: expected a whole number"),
    (
        {"toy_kind": "bootstrap"},
        "must be one of 'frequentist', 'bayesian', got 'bootstrap'.* around the data",
    ),
    ({"fixed": {"rate": math.nan}}, "must be finite"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InvalidValueError, match=message):
        two_channels().goodness_of_fit(OBS, **({"toys": 10} | options))


def test_bad_data_and_models_are_refused():
    with pytest.raises(ShapeMismatchError, match="the model has 5 bins"):
        two_channels().goodness_of_fit([1.0, 2.0])
    with pytest.raises(InvalidValueError, match="must not be negative"):
        two_channels().goodness_of_fit(-OBS)
    single = Model().add_proc(Process("a", [3.0])).prepare()
    with pytest.raises(InvalidValueError, match="every channel has one bin; use statistic='saturated'"):
        single.goodness_of_fit([3.0], statistic="ks")
    nothing = Model().add_proc(Process("a", [3.0, 4.0]).scale_by(Variable("mu", 1.0))).prepare()
    with pytest.raises(InvalidValueError, match="nothing is expected in channel 'main' at the fit"):
        nothing.goodness_of_fit([3.0, 1.0], statistic="ad", fixed={"mu": 0.0})
    twins = Process("a", [30.0, 40.0]).scale_by(Variable("mu", 1.0)).scale_by(Variable("nu", 1.0))
    with pytest.raises(FitError):
        Model().add_proc(twins).prepare().goodness_of_fit([33.0, 41.0])
