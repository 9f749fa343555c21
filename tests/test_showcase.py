"""The showcase of the talk, as written there, against closed forms and an independent minimiser."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from smoothfit.constraints import Gaussian
from smoothfit.eft import Dim6EFTMorphing
from smoothfit.model import ChannelContrib, Model, Process, Variable

SIGNAL, BACKGROUND = np.array([50.0, 1.0]), np.array([500.0, 500.0])


def build(systematics=False):
    sig = Process("sig")
    bkg = Process("bkg")
    sig_sr = ChannelContrib("SR", SIGNAL)
    sig.add_contrib(sig_sr)
    bkg_sr = ChannelContrib("SR", BACKGROUND)
    bkg.add_contrib(bkg_sr)
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig.scale_by(mu)
    model = Model()
    model.add_proc(sig)
    model.add_proc(bkg)
    lumi = Variable("lnN_lumi", 0.0, nuisance=True)
    if systematics:
        sig_sr.add_lnN(lumi, 1.05)
        sig_sr.register_sumw2(np.array([5.0, 0.1]))
    model.prepare()
    model.compile()
    return model, mu, lumi


@pytest.fixture(scope="module")
def plain():
    return build()


@pytest.fixture(scope="module")
def full():
    return build(systematics=True)


def profiled(mu, data):
    """min over (lumi, x_1, x_2) of the NLL less its constants, with the error mu kappa^lumi e of each bin."""

    def nll(nuisances):
        lumi, x = nuisances[0], nuisances[1:]
        scale = mu * 1.05**lumi
        nu = scale * SIGNAL + BACKGROUND + x * scale * np.sqrt([5.0, 0.1])
        return np.sum(nu - data * np.log(nu / data) - data) + 0.5 * np.sum(nuisances**2)

    return minimize(nll, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).fun


# -- one signal, one background -------------------------------------------------------------------


def test_the_asimov_fit(plain):
    model, mu, _ = plain
    values = model.values_from_dict({mu: 0.5})
    np.testing.assert_array_equal(values, [0.5])
    asimov_yields = model.pred(values)
    np.testing.assert_allclose(asimov_yields, [525.0, 500.5], rtol=1e-15)
    best_fit = model.fit(asimov_yields)
    np.testing.assert_allclose(best_fit.x, [0.5], atol=1e-10)
    # FORMULAS section 8; the closed form is 1/sum(s^2/nu).
    np.testing.assert_allclose(best_fit.hess_inv, [[0.2099119]], atol=1e-7)
    np.testing.assert_allclose(best_fit.hess_inv, [[1.0 / np.sum(SIGNAL**2 / asimov_yields)]], rtol=1e-9)
    up, down, fit_up, fit_down = model.minos_bounds(mu, best_fit, asimov_yields)
    assert (up, down) == (pytest.approx(0.9648466, abs=1e-6), pytest.approx(0.0484754, abs=1e-6))
    assert fit_up.x[0] == up
    assert fit_down.fun - best_fit.fun == pytest.approx(0.5, abs=1e-9)


def test_with_a_log_normal_and_errors_of_the_simulation(full):
    model, mu, lumi = full
    data = model.pred({mu: 0.5})
    best_fit = model.fit(data)
    up, down, _, _ = model.minos_bounds(mu, best_fit, data)
    # FORMULAS section 8 (five digits), and a profile by scipy.
    assert up - best_fit.x[0] == pytest.approx(0.46916, abs=6e-6)
    assert down - best_fit.x[0] == pytest.approx(-0.45154, abs=6e-6)
    lowest = profiled(0.5, data)
    assert up == pytest.approx(brentq(lambda m: profiled(m, data) - lowest - 0.5, 0.5, 2.0), abs=1e-6)
    assert down == pytest.approx(brentq(lambda m: profiled(m, data) - lowest - 0.5, 1e-3, 0.5), abs=1e-6)
    assert model.bin_parameters == ("mcstat_SR_bin0", "mcstat_SR_bin1")
    assert best_fit[lumi].error == pytest.approx(1.0, abs=1e-2)


def test_pulls_and_impacts_by_profile(full):
    model, mu, lumi = full
    data = model.pred({mu: 1.3}) + np.array([20.0, -10.0])
    best_fit = model.fit(data)
    pull_up, pull_down, _, _ = model.minos_bounds(lumi, best_fit, data)
    best_mu = best_fit.x[0]
    for bound in (pull_up, pull_down):
        impact = model.profile({lumi: bound}, best_fit, data).x[0] - best_mu
        found = minimize(
            lambda p, at=bound: held_lumi(p, at, data),
            [best_mu, 0.0, 0.0],
            method="BFGS",
            options={"gtol": 1e-8},
        )
        assert impact == pytest.approx(found.x[0] - best_mu, abs=1e-5)
        assert impact * (bound - best_fit.x[1]) < 0.0


def held_lumi(p, lumi, data):
    scale = p[0] * 1.05**lumi
    nu = scale * SIGNAL + BACKGROUND + p[1:] * scale * np.sqrt([5.0, 0.1])
    return np.sum(nu - data * np.log(nu / data) - data) + 0.5 * np.sum(p[1:] ** 2)


def test_toys_and_postfit_shapes(full):
    model, mu, _ = full
    values = model.values_from_dict({mu: 0.5})
    counts, globs = model.toy_pred(values, 1e4, seed=1), model.toy_glob(values, 1e4, seed=1)
    assert counts.shape == (10000, 2)
    assert globs.shape == (10000, 3)
    np.testing.assert_allclose(counts.mean(0), [525.0, 500.5], atol=5 * np.sqrt(525 / 1e4))
    np.testing.assert_allclose(globs.std(0), 1.0, atol=0.05)
    data = model.pred(values)
    best_fit = model.fit(data)
    batch = model.batch_pred(model.sample_from_covariance(best_fit, 1e4, seed=2))
    up, down = np.quantile(batch, 0.8413, axis=0), np.quantile(batch, 0.1587, axis=0)
    band = model.yields(best_fit).total_error
    # The band is non-linear (mu kappa^theta, mu x): agreement to a few percent.
    np.testing.assert_allclose((up - down) / 2, band, rtol=0.06)


# -- correlations -----------------------------------------------------------------------------------


def test_two_lumi_nuisances_correlated_by_one_half():
    lumi_2016 = Variable("lnN_lumi_2016", 0.0, nuisance=True)
    lumi_2017 = Variable("lnN_lumi_2017", 0.0, nuisance=True)
    mu = Variable("mu", 1.0)
    bkg = Process("bkg", [400.0, 100.0]).add_lnN(lumi_2016, 1.1)
    sig = Process("sig", [100.0, 300.0]).scale_by(mu).add_lnN(lumi_2017, 1.2)
    model = Model().add_proc(bkg).add_proc(sig)
    model.correlate_nuisances(lumi_2016, lumi_2017, 0.5)
    model.prepare()
    data = np.array([530.0, 390.0])
    precision = np.linalg.inv([[1.0, 0.5], [0.5, 1.0]])

    def nll(p):
        nu = np.array([400.0, 100.0]) * 1.1 ** p[1] + p[0] * 1.2 ** p[2] * np.array([100.0, 300.0])
        return np.sum(nu - data * np.log(nu / data) - data) + 0.5 * p[1:] @ precision @ p[1:]

    best_fit = model.fit(data)
    found = minimize(nll, [1.0, 0.0, 0.0], method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(best_fit.x, found.x, atol=1e-5)
    values, start = np.array([0.8, 0.5, -0.7]), np.array([1.0, 0.0, 0.0])
    difference = model.nll(values, data) - model.nll(start, data)
    assert difference == pytest.approx(nll(values) - nll(start), rel=1e-12)


# -- arrays -----------------------------------------------------------------------------------------


def build_arrays():
    mu = Variable("mu", [1.0, 1.0], sub_names=["mu_1", "mu_2"])
    sigs = Process("sigs", [[50.0, 1.0], [1.0, 25.0]], sub_procs=["sig_1", "sig_2"])
    sigs.scale_by(mu)
    bkg = Process("bkg", [100.0, 100.0])
    return Model().add_proc(bkg).add_proc(sigs), mu, sigs, bkg


def test_array_processes_and_variables():
    model, mu, sigs, _ = build_arrays()
    model.prepare()
    np.testing.assert_allclose(sigs.pred({mu: [2.0, 3.0]}), [[100.0, 2.0], [3.0, 75.0]], rtol=1e-15)
    np.testing.assert_allclose(model.pred({"mu_1": 2.0, "mu_2": 3.0}), [203.0, 177.0], rtol=1e-15)
    data = np.array([160.0, 110.0])
    # As many parameters as bins: nu = data exactly.
    expected = np.linalg.solve(np.array([[50.0, 1.0], [1.0, 25.0]]).T, data - 100.0)
    best_fit = model.fit(data)
    np.testing.assert_allclose(best_fit[mu].value, expected, rtol=1e-10)
    assert best_fit["mu_2"].value == pytest.approx(expected[1], rel=1e-10)


def test_a_regularisation_by_positions_stays_right_when_the_model_is_prepared_again():
    model, mu, _, bkg = build_arrays()
    model.prepare()
    idxs = mu.sub_idxes
    model.add_constraint(lambda x, d, b: -0.1 * jnp.sum((x[idxs] - 1.0) ** 2))
    model.prepare()
    data = np.array([190.0, 140.0])

    def penalised(p, nu):
        return np.sum(nu - data * np.log(nu / data) - data) + 0.1 * np.sum((p[:2] - 1.0) ** 2)

    def signal(p):
        return np.array([50.0 * p[0] + p[1], p[0] + 25.0 * p[1]])

    best_fit = model.fit(data)
    found = minimize(
        lambda p: penalised(p, signal(p) + 100.0), [1.0, 1.0], method="BFGS", options={"gtol": 1e-9}
    )
    np.testing.assert_allclose(best_fit.x, found.x, atol=1e-6)
    # A free variable more, met before mu: the positions of mu change, the penalty must follow it.
    norm = Variable("norm", 1.0, constraint=Gaussian(mean=1.0, width=0.01))
    free = Variable("free", 1.0, fixed=True)
    bkg.scale_by(free).scale_by(norm)
    model.prepare()
    best_fit = model.fit(data)

    def with_norm(p):
        return penalised(p, signal(p) + 100.0 * p[2]) + 0.5 * ((p[2] - 1.0) / 0.01) ** 2

    found = minimize(with_norm, [1.0, 1.0, 1.0], method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(best_fit[mu].value, found.x[:2], atol=1e-5)


def test_scales_of_a_process_and_of_one_channel_only():
    sig = Process("sig", SIGNAL, channel="SR").add_contrib(ChannelContrib("CR", [2.0, 3.0]))
    bkg = Process("bkg")
    bkg_sr, bkg_cr = ChannelContrib("SR", BACKGROUND), ChannelContrib("CR", [50.0, 60.0])
    bkg.add_contrib(bkg_sr).add_contrib(bkg_cr)
    bkg_scale, sig_scale = Variable("bkg_scale", 1.0), Variable("sig_scale", 1.0)
    bkg_sr.scale_by(bkg_scale)
    sig.scale_by(sig_scale)
    model = Model().add_proc(sig).add_proc(bkg).prepare()
    found = model.split(model.pred({bkg_scale: 2.0, sig_scale: 3.0}))
    np.testing.assert_allclose(found["SR"], [1150.0, 1003.0], rtol=1e-15)
    np.testing.assert_allclose(found["CR"], [56.0, 69.0], rtol=1e-15)
    np.testing.assert_allclose(
        model.pred({sig_scale: 3.0}, process=sig, channel="CR"), [6.0, 9.0], rtol=1e-15
    )


def test_morphing_two_operators():
    c_var = Variable("Wilson", [0.0, 0.0], sub_names=["ctG", "cphiG"])
    basis_values = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 1.0]])
    rng = np.random.default_rng(2)
    parts = rng.uniform(1.0, 5.0, (6, 3))

    def truth(c):
        return np.array([1.0, c[0], c[1], c[0] ** 2, c[0] * c[1], c[1] ** 2]) @ parts + 40.0

    sigs = Process("sigs", np.array([truth(c) for c in basis_values]))
    morphing = Dim6EFTMorphing(c_var, basis_values)
    sigs.scale_by_fn(morphing, c_var)
    model = Model().add_proc(sigs).prepare()
    for k, c in enumerate(basis_values):
        np.testing.assert_allclose(np.asarray(morphing(c))[:, 0], np.eye(6)[k], atol=1e-13)
    for c in ([0.3, -0.7], [2.0, 1.5]):
        np.testing.assert_allclose(model.pred({c_var: c}), truth(c), rtol=1e-12)
        np.testing.assert_allclose(sigs.pred({c_var: c}).sum(0), truth(c), rtol=1e-12)
