"""Other people's minimisers and samplers on the likelihood of a model.

Minima are compared with ``fit``; samples with integrals by quadrature, within the errors of the samples.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import optimize
from small_models import fitted

from benchmarks.reference import load, workload
from benchmarks.workloads import build
from smoothfit.model import Model, Process, Variable

# -- minima ----------------------------------------------------------------------------------------------


def posed(name, mode):
    small, best_fit = fitted(name)
    likelihood = small.model.likelihood(small.obs, globs=small.globs, bin_parameters=mode)
    return likelihood, best_fit, np.asarray(likelihood.from_model(best_fit.x))


@pytest.mark.parametrize(
    ("name", "mode"), [("lite_process", "free"), ("lite_process", "profiled"), ("widths", "free")]
)
def test_scipy(name, mode):
    likelihood, best_fit, expected = posed(name, mode)
    nll = jax.jit(jax.value_and_grad(likelihood.nll))
    found = optimize.minimize(
        lambda x: tuple(map(np.asarray, nll(x))),
        likelihood.start,
        jac=True,
        bounds=list(zip(likelihood.lower, likelihood.upper, strict=True)),
        options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 2000},
    )
    assert found.fun == pytest.approx(best_fit.fun, abs=1e-9)
    np.testing.assert_allclose(found.x, expected, atol=1e-6)
    np.testing.assert_allclose(likelihood.to_model(found.x), best_fit.x, atol=1e-6)


def test_optimistix():
    optimistix = pytest.importorskip("optimistix")
    likelihood, best_fit, expected = posed("effects", "free")
    solver = optimistix.BFGS(rtol=1e-12, atol=1e-9)
    traces = []

    def nll(values, likelihood):
        traces.append(1)
        return likelihood.nll(values)

    found = optimistix.minimise(nll, solver, likelihood.start, args=likelihood, max_steps=500)
    assert float(likelihood.nll(found.value)) == pytest.approx(best_fit.fun, abs=1e-9)
    np.testing.assert_allclose(found.value, expected, atol=1e-6)
    # Other data, the same program.
    count, small = len(traces), fitted("effects")[0]
    other = small.model.likelihood(small.obs + 1.0, globs=small.globs)
    again = optimistix.minimise(nll, solver, other.start, args=other, max_steps=500)
    np.testing.assert_allclose(again.value, small.model.fit(small.obs + 1.0, globs=small.globs).x, atol=1e-6)
    assert len(traces) == count


def test_optax():
    optax = pytest.importorskip("optax")
    likelihood, best_fit, expected = posed("lite_total", "profiled")
    solver = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(likelihood.nll)

    @jax.jit
    def minimise(values):
        def step(carry, _):
            values, state = carry
            value, gradient = value_and_grad(values, state=state)
            options = {"value": value, "grad": gradient, "value_fn": likelihood.nll}
            updates, state = solver.update(gradient, state, values, **options)
            return (optax.apply_updates(values, updates), state), None

        return jax.lax.scan(step, (values, solver.init(values)), None, length=60)[0][0]

    found = minimise(likelihood.start)
    assert float(likelihood.nll(found)) == pytest.approx(best_fit.fun, abs=1e-9)
    np.testing.assert_allclose(found, expected, atol=1e-6)


# -- samples ---------------------------------------------------------------------------------------------


def search():
    """Few events, a strength that is not negative and a nuisance: (model, data)."""
    mu, theta = Variable("mu", 1.0, lower_bound=0.0), Variable("theta", 0.0, nuisance=True)
    sig = Process("sig", [3.0, 1.0]).scale_by(mu)
    bkg = Process("bkg", [3.0, 6.0]).add_lnN(theta, 1.3)
    return Model().add_proc(sig).add_proc(bkg).prepare(), np.array([5.0, 6.0])


@pytest.fixture(scope="module")
def exact():
    """Means and standard deviations of (mu, theta), and P(mu < 0.5), from the model's NLL on a grid."""
    model, obs = search()
    # The density does not vanish at mu = 0: midpoints, and steps far below what samples could tell.
    width = 0.01
    mu, theta = np.arange(0.5 * width, 8.0, width), np.linspace(-6.0, 6.0, 241)
    grid = np.stack(np.meshgrid(mu, theta, indexing="ij"), axis=-1)
    rates = grid[..., :1] * np.array([3.0, 1.0]) + np.array([3.0, 6.0]) * 1.3 ** grid[..., 1:]
    log = (obs * np.log(rates) - rates).sum(-1) - 0.5 * grid[..., 1] ** 2
    at = np.array([1.0, 0.5])
    by_model = model.nll(at, obs) - model.nll(grid[0, 0], obs)
    rates_at = at[0] * np.array([3.0, 1.0]) + np.array([3.0, 6.0]) * 1.3 ** at[1]
    assert by_model == pytest.approx(log[0, 0] - ((obs * np.log(rates_at) - rates_at).sum() - 0.125))
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = (weight[..., None] * grid).sum((0, 1))
    width = np.sqrt((weight[..., None] * (grid - mean) ** 2).sum((0, 1)))
    return mean, width, weight[mu < 0.5].sum()


def check_samples(samples, exact):
    """(chain, draw, parameter) against the integrals: within five errors of means over the chains."""
    from numpyro.diagnostics import effective_sample_size

    mean, width, below = exact
    tested = {
        "means": (samples, mean),
        "variances": ((samples - mean) ** 2, width**2),
        "below": ((samples[..., :1] < 0.5).astype(float), np.array([below])),
    }
    for name, (found, expected) in tested.items():
        effective = effective_sample_size(found)
        assert np.all(effective > 500.0), name
        errors = found.std((0, 1)) / np.sqrt(effective)
        # Five errors, which are small: the test could fail.
        assert np.all(errors < 0.1 * np.maximum(np.abs(expected), width[: len(errors)])), name
        assert np.all(np.abs(found.mean((0, 1)) - expected) < 5.0 * errors), name


def test_numpyro(exact):
    pytest.importorskip("numpyro")
    from numpyro.infer import MCMC, NUTS

    model, obs = search()
    likelihood = model.likelihood(obs)
    kernel = NUTS(potential_fn=lambda u: -likelihood.log_density(u))
    options = {"num_chains": 4, "chain_method": "vectorized", "progress_bar": False}
    mcmc = MCMC(kernel, num_warmup=300, num_samples=1500, **options)
    start = likelihood.to_unconstrained(likelihood.start)
    mcmc.run(jax.random.key(1), init_params=start + 0.3 * jax.random.normal(jax.random.key(2), (4, 2)))
    samples = np.asarray(likelihood.from_unconstrained(mcmc.get_samples(group_by_chain=True)))
    check_samples(samples, exact)


def test_blackjax(exact):
    blackjax = pytest.importorskip("blackjax")
    pytest.importorskip("numpyro")
    model, obs = search()
    likelihood = model.likelihood(obs)

    @jax.jit
    def sample(likelihood, key):
        warmup = blackjax.window_adaptation(blackjax.nuts, likelihood.log_density)
        first, second = jax.random.split(key)
        start = likelihood.to_unconstrained(likelihood.start)
        (state, parameters), _ = warmup.run(first, start, num_steps=300)
        kernel = blackjax.nuts(likelihood.log_density, **parameters)

        def step(state, key):
            state, _ = kernel.step(key, state)
            return state, state.position

        return jax.lax.scan(step, state, jax.random.split(second, 1500))[1]

    u = jax.vmap(sample, (None, 0))(likelihood, jax.random.split(jax.random.key(3), 4))
    check_samples(np.asarray(likelihood.from_unconstrained(u)), exact)


@pytest.mark.slow
@pytest.mark.reference
def test_unfolding_by_nuts_agrees_with_the_profile_likelihood():
    """Workload W4: 5 strengths, 5 nuisances, 50 bins."""
    pytest.importorskip("numpyro")
    from numpyro.diagnostics import effective_sample_size, gelman_rubin
    from numpyro.infer import MCMC, NUTS

    described, scaling = workload("W4")
    model = build(described, scaling=scaling).prepare()
    obs = np.asarray(load().data(described, "poisson"), dtype=float).reshape(-1)
    best_fit = model.fit(obs)
    likelihood = model.likelihood(obs)
    assert len(likelihood) == 10
    options = {"num_chains": 4, "chain_method": "vectorized", "progress_bar": False}
    kernel = NUTS(potential_fn=lambda u: -likelihood.log_density(u), dense_mass=True)
    mcmc = MCMC(kernel, num_warmup=500, num_samples=2000, **options)
    # Chains start two errors around the fit: wider than what they are to find.
    start = best_fit.x + 2.0 * best_fit.errors * jax.random.normal(jax.random.key(1), (4, 10))
    mcmc.run(jax.random.key(2), init_params=start, extra_fields=("diverging",))
    samples = np.asarray(mcmc.get_samples(group_by_chain=True))
    assert mcmc.get_extra_fields()["diverging"].sum() == 0
    assert np.all(gelman_rubin(samples) < 1.01)
    assert np.all(effective_sample_size(samples) > 2000.0)
    mean, width = samples.mean((0, 1)), samples.std((0, 1))
    assert np.all(np.abs(mean - best_fit.x) < 0.2 * best_fit.errors)
    assert np.all(np.abs(width / best_fit.errors - 1.0) < 0.1)
    # To second order a mean is off the mode by -C (T : C)/2, with T the third derivatives and C the inverse
    # of the second (Tierney and Kadane, JASA 81 (1986) 82).
    third = jax.jacfwd(jax.hessian(likelihood.nll))(best_fit.x)
    shift = -0.5 * best_fit.hess_inv @ np.einsum("jkl,kl->j", third, best_fit.hess_inv)
    assert np.max(np.abs(shift / best_fit.errors)) > 0.1
    effective = effective_sample_size(samples)
    allowed = 5.0 * width / np.sqrt(effective) + 0.02 * best_fit.errors
    assert np.all(np.abs(mean - best_fit.x - shift) < allowed)
