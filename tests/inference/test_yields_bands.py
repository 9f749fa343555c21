"""Yields of processes, the band of their total, and pulls."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from small_models import ELIMINATING, cached, fitted, random_values, slow_but_for

from smoothfit import ChannelContrib, Model, Process, Variable, functional, to_hepdata
from smoothfit.errors import InvalidValueError


@pytest.mark.parametrize(
    "name",
    [
        "widths",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("effects", *ELIMINATING[3:])),
        *ELIMINATING[:3],
    ],
)
def test_processes_sum_to_the_total(name):
    small = cached(name)
    model = small.model
    values = random_values(small, np.random.default_rng(1))
    total = model.pred(values)
    parts = [model.pred(values, process=p) for p in model.processes]
    np.testing.assert_allclose(np.sum(parts, axis=0), total, rtol=1e-12)
    for process, part in zip(model._specification.processes, parts, strict=True):
        alone = process.pred(values)
        np.testing.assert_allclose(alone.reshape(-1, model.n_bins).sum(0), part, rtol=1e-12)
        np.testing.assert_allclose(process.batch_pred([values, values])[1], alone, rtol=1e-12)
    np.testing.assert_allclose(model.batch_pred([values, values]), [total, total], rtol=1e-12)
    by_channel = [model.pred(values, channel=c) for c in model.channels]
    np.testing.assert_array_equal(np.concatenate(by_channel), total)


def test_shares_of_the_monte_carlo_shift():
    """FORMULAS section 4: process i has x (c_i e_ij)^2/t of it."""
    small = cached("widths")
    model = small.model
    sig, bkg = model._specification.processes
    x = np.linspace(-2, 2, 11)
    mu = 1.7
    values = np.concatenate([[mu, 0.0], x])
    e_sig = np.concatenate([sig[c].sumw2[0] for c in "ABC"])
    e_bkg = np.concatenate([bkg[c].sumw2[0] for c in "ABC"])
    t = np.sqrt(mu**2 * e_sig + e_bkg)
    np.testing.assert_allclose(
        sig.pred(values),
        mu * np.concatenate([sig[c].yields[0] for c in "ABC"]) + x * mu**2 * e_sig / t,
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        bkg.pred(values), np.concatenate([bkg[c].yields[0] for c in "ABC"]) + x * e_bkg / t, rtol=1e-12
    )


# Each costs a long compilation.
QUICK = ("locals",)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ELIMINATING]
)
def test_the_postfit_band_is_the_delta_method_with_all_parameters(name):
    small, fit = fitted(name)
    prepared = small.model.prepared
    covariance = np.linalg.inv(functional.hessian(prepared, fit.x, small.obs, small.globs))
    jacobian = np.asarray(jax.jit(jax.jacfwd(functional.expected, argnums=1))(prepared, fit.x))
    expected = np.sqrt(np.einsum("bk,kl,bl->b", jacobian, covariance, jacobian))
    found = small.model.yields(fit)
    np.testing.assert_allclose(found.total, small.model.pred(fit.x), rtol=1e-10)
    np.testing.assert_allclose(found.total_error, expected, rtol=1e-6)
    _check_processes(small.model, found, fit.x, covariance)


def _check_processes(model, found, x, covariance):
    """Errors of processes, and of sums over channels, by the delta method on differences of predictions."""
    step, unit = 1e-4, np.eye(len(x))
    batch = np.concatenate([x + step * unit, x - step * unit])
    channels = [channel.bins for channel in model.layout.channels]
    whole = np.zeros((len(x), model.n_bins))
    for process in model._specification.processes:
        up, down = np.split(np.asarray(process.batch_pred(batch)).reshape(len(batch), -1, model.n_bins), 2)
        jacobian = ((up - down) / (2.0 * step)).sum(axis=1)
        whole += jacobian
        expected = np.sqrt(np.einsum("kb,kl,lb->b", jacobian, covariance, jacobian))
        np.testing.assert_allclose(found.process_error[process.name], expected, rtol=1e-5, atol=1e-7)
        sums = np.array([jacobian[:, bins].sum(axis=1) for bins in channels])
        expected = np.sqrt(np.einsum("ck,kl,cl->c", sums, covariance, sums))
        np.testing.assert_allclose(found.process_channel_error[process.name], expected, rtol=1e-5, atol=1e-7)
    sums = np.array([whole[:, bins].sum(axis=1) for bins in channels])
    expected = np.sqrt(np.einsum("ck,kl,cl->c", sums, covariance, sums))
    np.testing.assert_allclose(found.channel_error, expected, rtol=1e-5)


def test_errors_from_samples_are_quantiles_of_predictions():
    small, fit = fitted("widths")
    model = small.model
    found = model.yields(fit, uncertainty="sampling", samples=3000, seed=4)
    drawn = model.sample_from_covariance(fit, 3000, seed=4)
    bkg = model._specification.processes[1].batch_pred(drawn)
    np.testing.assert_allclose(
        found.process_interval["bkg"], np.quantile(bkg, [0.15865525, 0.84134475], axis=0)
    )
    total = model.batch_pred(drawn)
    low, high = np.quantile(total, [0.15865525, 0.84134475], axis=0)
    np.testing.assert_allclose(found.total_interval, [low, high], rtol=1e-6)
    np.testing.assert_allclose(found.total_error, 0.5 * (high - low), rtol=1e-5)
    sums = np.quantile(total[:, :7].sum(axis=1), [0.15865525, 0.84134475])
    assert found.channel_error[0] == pytest.approx(0.5 * (sums[1] - sums[0]), rel=1e-5)
    assert found.seed == 4
    assert "total_interval" in found.to_dict()["channels"]["A"]


def test_errors_from_samples_of_the_constraints():
    """Lite bins and a shape: expectations are nearly linear in both, so that linear errors agree."""
    small = cached("widths")
    linear = small.model.yields({"mu": 2.0})
    sampled = small.model.yields({"mu": 2.0}, uncertainty="sampling", samples=20_000, seed=2)
    np.testing.assert_allclose(sampled.total_error, linear.total_error, rtol=0.05)
    np.testing.assert_allclose(sampled.channel_error, linear.channel_error, rtol=0.05)
    np.testing.assert_array_equal(sampled.total, linear.total)


def test_yields_that_cannot_be_sampled():
    small, fit = fitted("widths")
    with pytest.raises(InvalidValueError, match="'linear', 'sampling'"):
        small.model.yields(fit, uncertainty="toys")
    with pytest.raises(InvalidValueError, match="GiB; take fewer"):
        small.model.yields(fit, uncertainty="sampling", samples=1e8)


def test_the_postfit_band_is_the_spread_of_samples():
    small, fit = fitted("widths")
    drawn = np.asarray(small.model.sample_from_covariance(fit, 20_000, seed=1))
    # Drawn a hundred times closer to the fit, where the expectation is linear.
    close = small.model.batch_pred(fit.x + 0.01 * (drawn - fit.x))
    band = small.model.yields(fit).total_error
    low, high = np.quantile(close, [0.1587, 0.8413], axis=0)
    np.testing.assert_allclose(50.0 * (high - low), band, rtol=0.04)


def two_channels():
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", [12.0, 6.0], channel="SR", signal=True).scale_by(mu)
    bkg = Process("bkg", [50.0, 60.0], channel="SR").add_contrib(ChannelContrib("CR", [200.0]))
    bkg = bkg.add_lnN(Variable("norm", 0.0, nuisance=True), 1.1)
    return Model().add_proc(sig).add_proc(bkg).prepare(), [67.0, 61.0, 212.0]


def texts(record):
    return repr(record), record._repr_html_(), record.to_json(), record.to_pandas().to_csv()


@pytest.mark.parametrize("uncertainty", ["linear", "sampling"])
def test_yields_that_a_blinded_parameter_moves_are_hidden(uncertainty):
    model, obs = two_channels()
    best_fit = model.fit(obs)
    options = {"uncertainty": uncertainty, "samples": 100, "seed": 1}
    openly = model.yields(best_fit, **options)
    secret = [openly.per_process["sig"][0], openly.total[0], openly.total_error[0], openly.total[:2].sum()]
    secret += [
        openly.process_error["sig"][0],
        openly.channel_error[0],
        openly.process_channel_error["sig"][0],
    ]
    assert all(repr(float(number)) in openly.to_json() for number in secret)
    _ = model.blind(pois="mu")
    hidden = model.yields(model.fit(obs), **options)
    for text in texts(hidden):
        assert not any(repr(float(number))[:6] in text for number in secret)
    rows = {line.split()[0]: line.split()[1:] for line in repr(hidden).splitlines()[3:]}
    assert rows["sig"][0] == rows["total"][0] == "blinded"
    assert hidden.to_dict()["channels"]["CR"] == openly.to_dict()["channels"]["CR"]
    assert hidden.to_dict()["channels"]["SR"]["processes"]["bkg"] == openly.per_process["bkg"][:2].tolist()
    # The arrays are as they are.
    np.testing.assert_allclose(hidden.total, openly.total)
    with pytest.raises(InvalidValueError, match="blinded"):
        to_hepdata({"Yields": hidden}, "nowhere")


def test_yields_before_a_fit_and_with_the_blinded_parameter_held_are_shown():
    model, obs = two_channels()
    _ = model.blind(pois="mu")
    assert "blinded" not in repr(model.yields({}))
    assert "blinded" not in repr(model.yields(model.fit(obs, fixed={"mu": 0.0})))


def prefit_variances(layout):
    """1 for a unit Gaussian, 1/tau for Pois(tau | gamma tau), tau the default global observable."""
    tau = layout.globs[len(layout.constrained) :]
    return np.where(layout.bin_counting, 1.0 / np.where(layout.bin_counting, tau, 1.0), 1.0)


@pytest.mark.parametrize("name", slow_but_for(("locals", "slots", "lite_process"), ELIMINATING))
def test_the_prefit_band_is_that_of_the_constraints(name):
    small = cached(name)
    layout, prepared = small.model.layout, small.model.prepared
    at = np.concatenate([layout.start, layout.bin_centre])
    jacobian = np.asarray(jax.jit(jax.jacfwd(functional.expected, argnums=1))(prepared, at))
    widths = np.where(np.isfinite(layout.widths), layout.widths, 0.0)
    covariance = np.diag(np.concatenate([widths**2, prefit_variances(layout)]))
    if name == "lite_process":
        for one, other, rho in (("a", "b", 0.5), ("b", "jes", 0.2), ("jes", "lumi", -0.3)):
            i, j = layout.positions(one)[0], layout.positions(other)[0]
            covariance[i, j] = covariance[j, i] = rho * widths[i] * widths[j]
    expected = np.sqrt(np.einsum("bk,kl,bl->b", jacobian, covariance, jacobian))
    found = small.model.yields({})
    np.testing.assert_allclose(found.total_error, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.total, small.model.pred({}), rtol=1e-12)


def test_pulls_are_relative_to_the_prefit_values():
    small, fit = fitted("locals")
    pulls = small.model.pulls(fit)
    layout = small.model.layout
    where = {int(p): i for i, p in enumerate(layout.constrained)}
    assert set(pulls.names) == set(small.model.nuisances)
    for name, pull, error in zip(pulls.names, pulls.pull, pulls.error, strict=True):
        p = layout.positions(name)[0]
        if not layout.counting[p]:
            assert pull == pytest.approx((fit.x[p] - layout.globs[where[p]]) / layout.widths[p], rel=1e-12)
        else:
            # Pois(m | tau gamma): pre-fit gamma is 1 +- 1/sqrt(tau).
            tau = np.asarray(small.model.prepared.templates.tau)[p]
            assert pull == pytest.approx((fit.x[p] - 1.0) * np.sqrt(tau), rel=1e-12)
        assert error == pytest.approx(fit.errors[p] / layout.widths[p], rel=1e-12)
