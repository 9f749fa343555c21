"""Densities: the change of variables, integrals by quadrature, priors and measures."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from smoothfit.constraints import AsymmetricGaussian, Gamma, Gaussian, LogNormal, Poisson, Uniform
from smoothfit.errors import InvalidValueError
from smoothfit.inference.protocol import limits
from smoothfit.model import Model, Process, Variable

INF = np.inf
LOWER = np.array([-1.0, 0.5, -INF, -INF])
UPPER = np.array([3.0, INF, 2.0, INF])


def counting(*, lower=None, upper=None, start=1.0, obs=3.0):
    """A count of mu + 2 events."""
    mu = Variable("mu", start, lower_bound=lower, upper_bound=upper)
    model = Model().add_proc(Process("sig", [1.0]).scale_by(mu)).add_proc(Process("bkg", [2.0]))
    return model.prepare(), [obs]


# -- the change of variables -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [[0.0, 1.0, 1.0, -3.0], [-0.999999, 0.5 + 1e-9, 1.99999, 5.0], [2.9, 1e5, -1e5, 0.0]]
)
def test_there_and_back(values):
    u = limits.to_unconstrained(jnp.array(values), LOWER, UPPER)
    assert np.all(np.isfinite(u))
    np.testing.assert_allclose(limits.from_unconstrained(u, LOWER, UPPER), values, rtol=1e-9)


def test_the_jacobian_is_the_determinant():
    for seed in range(5):
        u = jnp.asarray(np.random.default_rng(seed).normal(scale=2.0, size=4))
        matrix = jax.jacfwd(lambda u: limits.from_unconstrained(u, LOWER, UPPER))(u)
        expected = np.linalg.slogdet(matrix)[1]
        assert float(limits.log_jacobian(u, LOWER, UPPER)) == pytest.approx(expected, rel=1e-12)


def test_far_away_nothing_overflows():
    for size in (-800.0, 800.0):
        u = jnp.array([size, -abs(size), -abs(size), size])
        assert np.all(np.isfinite(limits.from_unconstrained(u, LOWER, UPPER)))
        gradient = jax.grad(lambda u: limits.log_jacobian(u, LOWER, UPPER))(u)
        np.testing.assert_allclose(gradient, [-np.sign(size), 1.0, 1.0, 0.0])


def test_limits_are_at_infinity_and_a_margin_keeps_off_them():
    model, obs = counting(lower=0.0, upper=10.0)
    likelihood = model.likelihood(obs)
    assert likelihood.to_unconstrained([0.0])[0] == -INF
    assert likelihood.to_unconstrained([10.0])[0] == INF
    assert float(likelihood.from_unconstrained(likelihood.to_unconstrained([0.0], 0.2))[0]) == pytest.approx(
        0.2
    )
    assert float(
        likelihood.from_unconstrained(likelihood.to_unconstrained([10.0], [0.2]))[0]
    ) == pytest.approx(9.8)
    assert float(likelihood.from_unconstrained(likelihood.to_unconstrained([3.0], 0.2))[0]) == pytest.approx(
        3.0
    )
    with pytest.raises(InvalidValueError, match=r"'mu' is 10.1, outside its limits \[0, 10\]"):
        likelihood.to_unconstrained([10.1])
    with pytest.raises(InvalidValueError, match="'mu' is nan"):
        likelihood.to_unconstrained([[0.1], [np.nan]])
    with pytest.raises(InvalidValueError, match=r"'mu' is 10.1, outside its limits \[0, 10\]"):
        likelihood.to_unconstrained([[1.0], [10.1]], margin=0.1)


# -- integrals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lower", "upper"), [(0.0, None), (0.0, 4.0), (None, 4.0)])
def test_the_integral_of_a_count_with_limits(lower, upper):
    """The integral over mu of Pois(3 | mu + 2): incomplete gamma functions."""
    model, obs = counting(lower=lower, upper=upper)
    likelihood = model.likelihood(obs)
    density = jax.jit(jax.vmap(lambda u: jnp.exp(likelihood.log_density(u[None]))))
    u = np.linspace(-40.0, 40.0, 40001)
    # Without a lower limit nothing is expected below mu = -2.
    ends = [-2.0 if lower is None else lower, INF if upper is None else upper]
    expected = np.diff(stats.gamma.cdf(np.array(ends) + 2.0, 4.0))[0]
    assert integrate.simpson(np.asarray(density(u)), x=u) == pytest.approx(expected, rel=1e-6)


def test_the_integral_of_two_parameters():
    """A rate with a limit and a nuisance: over unconstrained numbers, and over the parameters by scipy."""
    mu, theta = Variable("mu", 1.0, lower_bound=0.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [4.0, 1.0]).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [5.0, 5.0]).add_lnN(theta, 1.3)).prepare()
    likelihood = model.likelihood([7.0, 4.0])

    def by_hand(theta, mu):
        rates = mu * np.array([4.0, 1.0]) + 5.0 * 1.3**theta
        return np.prod(stats.poisson.pmf([7, 4], rates)) * stats.norm.pdf(theta)

    expected = integrate.dblquad(by_hand, 0.0, 12.0, -7.0, 7.0, epsabs=1e-10)[0]
    a, b = np.linspace(-16.0, 4.0, 801), np.linspace(-7.0, 7.0, 281)
    grid = jnp.asarray(np.stack(np.meshgrid(a, b, indexing="ij"), axis=-1))
    density = np.asarray(jax.jit(jax.vmap(jax.vmap(lambda u: jnp.exp(likelihood.log_density(u)))))(grid))
    found = integrate.simpson(integrate.simpson(density, x=b), x=a)
    assert found == pytest.approx(expected, rel=1e-6)


# -- priors and measures ---------------------------------------------------------------------------------


def test_priors_multiply():
    mu, both = Variable("mu", 1.0, lower_bound=0.0), Variable("both", [0.1, 0.2])
    sig = Process("sig", [4.0, 1.0]).scale_by(mu)
    other = Process("other", [3.0, 3.0]).scale_by_fn(lambda b: jnp.exp(b), both, axis="bin")
    model = Model().add_proc(sig).add_proc(other).prepare()
    table = jnp.array([0.5, 2.0])
    priors = {mu: lambda m: 2.0 * jnp.log(m) - m, "both": lambda b: -0.5 * (b / table) ** 2}
    likelihood = model.likelihood([8.0, 5.0], priors=priors)
    values = np.array([1.3, 0.4, -0.3])
    prior = 2.0 * np.log(1.3) - 1.3 - 0.5 * (0.8**2 + 0.15**2)
    expected = prior - model.nll(values, [8.0, 5.0])
    assert float(likelihood.log_posterior(values)) == pytest.approx(expected, rel=1e-13)
    u = likelihood.to_unconstrained(values)
    assert float(likelihood.log_density(u)) == pytest.approx(expected + np.log(1.3), rel=1e-13)
    assert float(likelihood.nll(values)) == pytest.approx(model.nll(values, [8.0, 5.0]), rel=1e-13)
    one = model.likelihood([8.0, 5.0], priors={"both[1]": lambda b: -(b**2)})
    assert float(one.log_posterior(values)) == pytest.approx(-0.09 - model.nll(values, [8.0, 5.0]), rel=1e-13)


def test_a_prior_may_vanish_on_a_limit():
    model, obs = counting(lower=0.0, start=0.0)
    likelihood = model.likelihood(obs, priors={"mu": lambda mu: jnp.log(mu)})
    assert float(likelihood.log_posterior([0.0])) == -INF
    assert np.isfinite(likelihood.log_density([0.3]))


CONSTRAINTS = {
    "gaussian": (Gaussian(mean=1.0, width=0.2), 1.0, stats.norm(1.0, 0.2)),
    "poisson": (Poisson(tau=9.0, count=7.0), 1.0, stats.gamma(8.0, scale=1.0 / 9.0)),
    "gamma": (Gamma(width=0.3), 1.0, stats.gamma(1.0 / 0.09, scale=0.09)),
    "lognormal": (LogNormal(kappa=1.4, mean=1.2), 1.2, stats.lognorm(np.log(1.4), scale=1.2)),
    "uniform": (Uniform(0.2, 1.7), 1.0, stats.uniform(0.2, 1.5)),
}


@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_constraints_are_densities(kind):
    """Of a parameter that the data say nothing of: what sample_prior draws from, by scipy."""
    constraint, start, expected = CONSTRAINTS[kind]
    theta = Variable("theta", start, constraint=constraint)
    # The shape changes nothing, so that the data do not depend on theta.
    process = Process("p", [100.0]).scale_by_fn(lambda t: 1.0 + 0.0 * t, theta)
    likelihood = Model().add_proc(process).prepare().likelihood([100.0])
    values = expected.ppf([0.05, 0.3, 0.6, 0.97])
    found = np.array([float(likelihood.log_posterior([v])) for v in values])
    np.testing.assert_allclose(
        found - found[0], expected.logpdf(values) - expected.logpdf(values[0]), atol=1e-10
    )
    support = expected.support()
    assert float(likelihood.lower[0]) == support[0]
    assert float(likelihood.upper[0]) == support[1]


def test_a_bifurcated_gaussian_is_continuous():
    theta = Variable("theta", 0.0, constraint=AsymmetricGaussian(width_down=0.5, width_up=2.0))
    process = Process("p", [100.0]).scale_by_fn(lambda t: 1.0 + 0.0 * t, theta)
    likelihood = Model().add_proc(process).prepare().likelihood([100.0])
    found = [float(likelihood.log_posterior([v])) for v in (0.0, -0.5, 2.0)]
    np.testing.assert_allclose(np.array(found) - found[0], [0.0, -0.5, -0.5], atol=1e-12)


def test_bin_parameters_are_densities():
    """A factor with a Poisson constraint is not negative, a shift has a unit Gaussian."""
    sig = Process("sig", [5.0, 6.0], sumw2=[1.0, 4.0]).scale_by(Variable("mu", 1.0))
    by_mode = {}
    for mode in ("lite", "lite-gamma"):
        model = Model().add_proc(sig).set_mc_stat(mode).prepare()
        likelihood = model.likelihood([5.0, 6.0], fixed={"mu": 0.0})
        assert len(likelihood) == 2
        by_mode[mode] = likelihood
    np.testing.assert_array_equal(by_mode["lite"].lower, [-INF, -INF])
    np.testing.assert_array_equal(by_mode["lite-gamma"].lower, [0.0, 0.0])
    tau = np.array([25.0, 9.0])
    found = by_mode["lite-gamma"]

    def log_density(x):
        # Nothing is expected at mu = 0: what remains of the data does not depend on x.
        return float(found.log_posterior(x))

    x, y = np.array([0.7, 1.2]), np.array([1.1, 0.4])
    by_scipy = [stats.gamma.logpdf(v, tau + 1.0, scale=1.0 / tau).sum() for v in (x, y)]
    assert log_density(x) - log_density(y) == pytest.approx(by_scipy[0] - by_scipy[1], rel=1e-9)
