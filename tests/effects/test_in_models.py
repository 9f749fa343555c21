"""Effects in a model: the prediction against numpy, derivatives by structure against automatic ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from smoothfit import functional
from smoothfit.constraints import Gamma, Poisson, Uniform
from smoothfit.effects import GmM, GmN, Linear, LnN, LnU, Quantile, TrG
from smoothfit.effects import Poisson as Count
from smoothfit.likelihood import objective
from smoothfit.model import ChannelContrib, Model, Process, Variable

SIGNAL = np.array([[30.0, 20.0, 10.0], [8.0, 25.0, 4.0]])
BACKGROUND = np.array([90.0, 70.0, 50.0])
CONTROL = np.array([0.9])
LN2 = float(np.log(2.0))


def nuisance(name, **options):
    return Variable(name, 0.0, nuisance=True, **options)


def build():
    """One variable through two effects, effects of some sub-processes, bins and channels, added terms."""
    mu = Variable("mu", 1.0)
    flat = Variable("flat", 0.2, constraint=Uniform(-1.0, 1.0))
    rate = Variable("rate", 1.3, constraint=Poisson(tau=1.0, count=2), lower_bound=0.0)
    extra = Variable("extra", [0.5, -0.3])
    lin, trg, tail, both = (
        nuisance("lin"),
        nuisance("trg", lower_bound=-2.5),
        nuisance("tail"),
        nuisance("both"),
    )
    sigs = Process("sigs", SIGNAL, sub_procs=["a", "b"], channel="SR", sumw2=SIGNAL / 3.0)
    sigs.scale_by(mu).add_effect(Linear([0.1, 0.3]), lin).add_effect(LnN((0.8, 1.1)), both)
    # The same parameter again, as a plain factor of one sub-process and a log-normal of the other.
    sigs.add_effect(Linear(-0.2), both, sub_procs=["b"]).add_lnN(lin, 1.2, sub_procs=0)
    sigs.scale_by(rate, sub_procs=1)
    bkg = Process("bkg", BACKGROUND, channel="SR", sumw2=BACKGROUND / 2.0)
    bkg.add_contrib(ChannelContrib("CR", CONTROL))
    bkg.add_effect(LnU(2.0), flat).add_effect(TrG(0.4), trg)
    bkg.add_effect(GmN(2, 0.46), rate, channel="CR")
    bkg.add_lnN(tail, (0.7, 1.5), bins={"SR": [False, True, True]})
    bkg["SR"].add_by_fn(lambda e: e[0] * jnp.array([1.0, 2.0, 3.0]) + e[1] ** 2, extra)
    bkg["SR"].add_shape(lin, BACKGROUND * [1.1, 1.0, 0.8], BACKGROUND * [0.9, 1.05, 1.1], kind="raw")
    bkg["CR"].add_effect(Count(5), nuisance("cnt"))
    bkg["CR"].add_effect(GmM(0.3), Variable("gamma", 1.0, constraint=Gamma(0.3)))
    # Exponentially distributed, with median 1.
    rise = Quantile(cdf=lambda x: -jnp.expm1(-x * LN2), sf=lambda x: jnp.exp(-x * LN2), support=(0.0, np.inf))
    bkg["CR"].add_effect(rise, nuisance("exp"))
    return Model().add_proc(sigs).add_proc(bkg).prepare()


def lnn(theta, kd, ku):
    """FORMULAS section 2, asymmetric log-normal."""
    up, down = np.log(ku), -np.log(kd)
    t = np.clip(2 * theta, -1, 1)
    return np.exp(theta * ((up + down) / 2 + (3 * t**5 - 10 * t**3 + 15 * t) / 8 * (up - down) / 2))


def expected(v):
    lin, both, rate = v["lin"], v["both"], v["rate"]
    a = (1 + 0.1 * lin) * lnn(both, 0.8, 1.1) * 1.2**lin
    b = (1 + 0.3 * lin) * lnn(both, 0.8, 1.1) * (1 - 0.2 * both) * rate
    sr = v["mu"] * (a * SIGNAL[0] + b * SIGNAL[1])
    t = np.clip(lin, -1, 1)
    up, down = BACKGROUND * [0.1, 0.0, -0.2], BACKGROUND * [-0.1, 0.05, 0.1]
    shift = lin / 2 * ((up - down) + (3 * t**5 - 10 * t**3 + 15 * t) / 8 * (up + down))
    added = v["extra"][0] * np.array([1.0, 2.0, 3.0]) + v["extra"][1] ** 2
    common = 2.0 ** v["flat"] * (1 + 0.4 * v["trg"])
    tail = np.array([1.0, *[lnn(v["tail"], 0.7, 1.5)] * 2])
    sr = sr + (BACKGROUND + shift + added) * common * tail
    count = stats.gamma.ppf(stats.norm.cdf(v["cnt"]), 6) / stats.gamma.ppf(0.5, 6)
    exponential = -stats.norm.logsf(v["exp"]) / LN2
    return np.concatenate([sr, 0.46 * rate * v["gamma"] * common * count * exponential * np.ones(1)])


@pytest.fixture(scope="module")
def model():
    return build()


def points(model, number):
    rng = np.random.default_rng(1)
    for _ in range(number):
        yield {
            "mu": rng.uniform(0.2, 2.0),
            "flat": rng.uniform(-1, 1),
            "rate": rng.uniform(0.2, 3.0),
            "gamma": rng.uniform(0.2, 2.0),
            "extra": rng.uniform(-1, 1, 2),
            **{name: rng.uniform(-1.5, 1.5) for name in ("lin", "trg", "tail", "both", "cnt", "exp")},
        }


def test_the_prediction(model):
    for values in points(model, 20):
        np.testing.assert_allclose(model.pred(values), expected(values), rtol=1e-12)


@pytest.mark.slow
def test_gradient_and_hessian_equal_automatic_differentiation(model):
    prepared = model.prepared
    data = functional.data_of(prepared, np.round(model.pred({})) + 3.0, None)

    @jax.jit
    def both(z):
        problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))

        def value(z):
            return objective.value(problem, z)

        found = objective.evaluate(problem, z)
        return (found.value, found.gradient, found.hessian), (
            value(z),
            jax.grad(value)(z),
            jax.hessian(value)(z),
        )

    # A factor that vanishes, too: trg = -2.5 is 1 + 0.4 theta = 0.
    vanishing = {**next(points(model, 1)), "trg": -2.5, "rate": 0.0}
    for values in [*points(model, 2), vanishing]:
        z = jnp.asarray(model.values_from_dict(values))
        for found, witness in zip(*both(z), strict=True):
            scale = max(float(np.max(np.abs(witness))), 1.0)
            np.testing.assert_allclose(found, witness, rtol=0, atol=1e-10 * scale)


def test_monte_carlo_errors_follow_the_factors_but_not_what_is_added(model):
    values = {**next(points(model, 1))}
    shifted = {**values, "mcstat_SR_bin1": 1.0}
    change = (model.pred(shifted) - model.pred(values))[1]
    v = values
    common = 2.0 ** v["flat"] * (1 + 0.4 * v["trg"]) * lnn(v["tail"], 0.7, 1.5)
    a = v["mu"] * (1 + 0.1 * v["lin"]) * lnn(v["both"], 0.8, 1.1) * 1.2 ** v["lin"]
    b = v["mu"] * (1 + 0.3 * v["lin"]) * lnn(v["both"], 0.8, 1.1) * (1 - 0.2 * v["both"]) * v["rate"]
    variance = (a**2 * SIGNAL[0, 1] + b**2 * SIGNAL[1, 1]) / 3.0 + common**2 * BACKGROUND[1] / 2.0
    assert change == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_kappas_of_a_variable_are_replaced_in_every_interpolation():
    theta = nuisance("theta")
    sigs = Process("sigs", SIGNAL, channel="SR").scale_by(Variable("mu", 1.0))
    sigs.add_lnN(theta, 1.1, sub_procs=0).add_lnN(theta, 1.2, sub_procs=1, interpolation="code4")
    model = Model().add_proc(sigs).prepare()
    changed = model.replaced("sigs", "SR", kappa={theta: 1.5})
    found = functional.expected(changed, model.values_from_dict({theta: 1.0}))
    np.testing.assert_allclose(found, 1.5 * SIGNAL.sum(0), rtol=1e-13)
