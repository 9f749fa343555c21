"""The formulas of the likelihood, transcribed anew in numpy, and their precision where it is hard."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln
from scipy.stats import multivariate_normal, norm, poisson
from small_models import cached, nuisance, random_values

from smoothfit import functional
from smoothfit.constraints import Gaussian, Poisson
from smoothfit.interpolation import LOG_FACTORS
from smoothfit.model import Model, Process, Variable
from smoothfit.montecarlo import lite
from smoothfit.probability import poisson_constant, poisson_curvature, poisson_deviance, poisson_slope

# -- interpolations -----------------------------------------------------------------------------------


def h(t):
    return (3 * t**5 - 10 * t**3 + 15 * t) / 8


def smooth(t):
    return h(t) if abs(t) < 1 else np.sign(t)


def combine(theta, kd, ku):
    """FORMULAS section 2, asymmetric lnN."""
    up, down = np.log(ku), -np.log(kd)
    if theta >= 0.5:
        slope = up
    elif theta <= -0.5:
        slope = down
    else:
        slope = (up + down) / 2 + h(2 * theta) * (up - down) / 2
    return np.exp(theta * slope)


def talk(theta, kd, ku):
    up, down = ku, 1 / kd
    if theta > 1:
        return up**theta
    if theta < -1:
        return down**theta
    return (theta / 4 * (3 - theta**2) * (up - down) + (up + down) / 2) ** theta


def code1(theta, kd, ku):
    return ku**theta if theta >= 0 else kd**-theta


def code4(theta, kd, ku):
    """The polynomial of degree 6 with value 1 at 0, and value and two derivatives of code1 at +-1."""
    if abs(theta) >= 1:
        return code1(theta, kd, ku)
    powers = np.arange(1, 7)
    rows, right = [], []
    for sign, kappa in ((1.0, ku), (-1.0, kd)):
        log = np.log(kappa)
        rows += [sign**powers, powers * sign ** (powers - 1), powers * (powers - 1) * sign ** (powers - 2.0)]
        right += [kappa - 1, sign * log * kappa, log**2 * kappa]
    return 1 + np.linalg.solve(np.array(rows), np.array(right)) @ theta**powers


POINTS = [-2.3, -1.0, -0.999, -0.5, -0.2, -1e-9, 0.0, 0.3, 0.5, 0.7, 0.9999, 1.0, 1.7]


@pytest.mark.parametrize("kind", ["combine", "talk", "code1", "code4"])
def test_log_normal_factors(kind):
    transcribed = {"combine": combine, "talk": talk, "code1": code1, "code4": code4}[kind]
    theta = np.array(POINTS)
    for kd, ku in ((0.9, 1.3), (1 / 1.05, 1.05), (1.1, 1.2), (0.7, 0.95)):
        found = np.exp(LOG_FACTORS[kind](theta, np.log(kd), np.log(ku)))
        np.testing.assert_allclose(found, [transcribed(t, kd, ku) for t in POINTS], rtol=1e-13)


def test_numbers_of_the_log_normals():
    """FORMULAS section 8."""
    at = np.array([0.5, -0.5])
    of = {k: np.exp(LOG_FACTORS[k](at, np.log(0.9), np.log(1.3))) for k in ("combine", "talk")}
    np.testing.assert_allclose(of["combine"], [1.1402, 0.9487], atol=5e-5)
    np.testing.assert_allclose(of["talk"], [1.1272, 0.9363], atol=5e-5)


@pytest.mark.parametrize(("kind", "joints"), [("combine", (-0.5, 0.0, 0.5)), ("code4", (-1.0, 1.0))])
def test_log_normals_are_continuous_to_the_second_derivative(kind, joints):
    first = jax.grad(lambda t: LOG_FACTORS[kind](t, jnp.log(0.8), jnp.log(1.4)))
    second = jax.grad(first)
    for joint in joints:
        for derivative in (first, second):
            assert float(derivative(joint - 1e-9)) == pytest.approx(float(derivative(joint + 1e-9)), abs=1e-6)


# -- shapes ---------------------------------------------------------------------------------------------


def morphed(nominal, shapes, theta):
    """hist-mode 1: ``shapes`` are (up, down, scale) of each nuisance; FORMULAS section 2."""
    q = min([1.0] + [scale for _, _, scale in shapes])
    f, factor = nominal.copy(), 1.0
    for (up, down, scale), t in zip(shapes, theta, strict=True):
        ku, kd = up.sum() / nominal.sum(), down.sum() / nominal.sum()
        u, v = up / ku - nominal, down / kd - nominal
        x = scale * t
        f = f + x / 2 * ((u - v) + smooth(x / q) * (u + v))
        if abs(ku - 1) >= 1e-3 or abs(kd - 1) >= 1e-3:
            factor *= combine(t, kd**scale, ku**scale)
    return np.maximum(f, 1e-9) * factor


def morphed_raw(nominal, shapes, theta):
    """hist-mode 2: the same polynomial on the templates as they are."""
    q = min([1.0] + [scale for _, _, scale in shapes])
    f = nominal.copy()
    for (up, down, scale), t in zip(shapes, theta, strict=True):
        x = scale * t
        u, v = up - nominal, down - nominal
        f = f + x / 2 * ((u - v) + smooth(x / q) * (u + v))
    return f


def shape_inputs(kind):
    nominal = np.array([30.0, 20.0, 10.0, 0.5])
    tiny = nominal + np.array([1.0, -1.0, 0.01, 0.0])
    shapes = [
        (nominal * [1.1, 1.2, 0.9, 1.3], nominal * [0.95, 0.85, 1.05, 0.4], 0.5),
        (nominal * [1.05, 0.9, 1.2, 1.1], nominal * [0.9, 1.1, 0.95, 0.2], 1.0),
        # Integrals within 1e-3 of the nominal one: no log-normal.
        (tiny, nominal * 2 - tiny, 1.0),
        # Up and down on the same side.
        (nominal * [1.3, 1.0, 1.0, 1.9], nominal * [1.2, 1.0, 0.9, 1.0], 0.8),
    ]
    process = Process("p", nominal)
    for k, (up, down, scale) in enumerate(shapes):
        process.add_shape(nuisance(f"s{k}"), up, down, kind=kind, scale=scale)
    return nominal, shapes, Model().add_proc(process).prepare()


@pytest.mark.parametrize(("kind", "transcribed"), [("shape", morphed), ("raw", morphed_raw)])
def test_vertical_shapes(kind, transcribed):
    nominal, shapes, model = shape_inputs(kind)
    rng = np.random.default_rng(0)
    points = [np.zeros(4), np.ones(4), -np.ones(4), np.eye(4)[0] * 2, *rng.normal(0, 1.5, (40, 4))]
    found = model.batch_pred(np.array(points))
    expected = np.array([transcribed(nominal, shapes, p) for p in points])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    if kind == "shape":
        assert np.any(expected[:, 3] < 2e-9), "the floor was reached by none of the points"
    else:
        assert np.any(expected < 0.0), "negative yields are left as they are"


def test_templates_at_one_sigma_are_met_exactly():
    nominal, up, down = np.array([30.0, 20.0]), np.array([36.0, 19.0]), np.array([25.0, 22.0])
    theta = nuisance("theta")
    model = Model().add_proc(Process("p", nominal).add_shape(theta, up, down)).prepare()
    np.testing.assert_allclose(model.pred({theta: 1.0}), up, rtol=1e-14)
    np.testing.assert_allclose(model.pred({theta: -1.0}), down, rtol=1e-14)


# -- Monte Carlo statistics -----------------------------------------------------------------------------


def bins_of(d, g, *, delta=0.0, held=None):
    ones = jnp.ones_like(d)
    return lite.Bins(
        counts=d,
        valid=ones,
        globs=g,
        has_parameter=ones,
        held=0.0 * ones if held is None else ones,
        held_at=0.0 * ones if held is None else held,
        delta=delta * ones,
        data_variance=None,
        any_parameter=True,
    )


def bin_term(x, v, t, d, g):
    nu = v + x * t
    if nu <= 0.0:
        # A bin without data may be emptied, to rounding.
        return np.inf if d > 0 or nu < -1e-12 * v else 0.5 * (x - g) ** 2
    return nu - (d * np.log(nu / d) + d if d > 0 else 0.0) + 0.5 * (x - g) ** 2


def lite_inputs():
    rng = np.random.default_rng(4)
    n = 60
    v = 10.0 ** rng.uniform(-1, 4, n)
    t = v * 10.0 ** rng.uniform(-3, 0.3, n)
    d = rng.poisson(np.maximum(v + 0.5 * t, 0)).astype(float)
    d[:12] = 0.0
    return v, t, d, rng.normal(0.0, 0.7, n)


def test_lite_in_closed_form_is_the_minimum():
    v, t, d, g = lite_inputs()
    found = lite.solve(jnp.asarray(v), jnp.asarray(t**2), bins_of(jnp.asarray(d), jnp.asarray(g)))
    for i in range(len(v)):
        at = (v[i], t[i], d[i], g[i])
        low = -v[i] / t[i]
        best = minimize_scalar(
            bin_term, args=at, bounds=(low, g[i] + 10), method="bounded", options={"xatol": 1e-10}
        )
        value = bin_term(float(found.x[i]), *at)
        assert value <= best.fun + 1e-9 * max(1.0, abs(best.fun))
        assert float(found.nu[i]) == pytest.approx(v[i] + float(found.x[i]) * t[i], rel=1e-9, abs=1e-9)
        if d[i] > 0:
            # The root of the quadratic of FORMULAS section 4, by bisection of the derivative.
            root = brentq(
                lambda x, at=at: slope_of(x, *at), low + 1e-13 * abs(low) + 1e-300, g[i] + t[i] * d[i] + 10
            )
            assert float(found.x[i]) == pytest.approx(root, rel=1e-8, abs=1e-8)
        else:
            assert float(found.x[i]) == pytest.approx(max(low, g[i] - t[i]), rel=1e-12)


def slope_of(x, v, t, d, g):
    return t * (1.0 - d / max(v + x * t, 1e-300)) + x - g


def test_lite_without_errors_is_the_global_observable():
    v, d, g = jnp.array([3.0, 2.0]), jnp.array([4.0, 0.0]), jnp.array([0.3, -0.2])
    found = lite.solve(v, jnp.zeros(2), bins_of(d, g))
    np.testing.assert_allclose(found.x, g)
    np.testing.assert_allclose(found.nu, v)


# -- the whole ------------------------------------------------------------------------------------------


def component(numbers, k):
    return np.resize(numbers, k + 1)[k]


def log_gaussians(layout, model, values, globs):
    """Sum of the log densities of all constraints, by scipy."""
    total, kinds = 0.0, {}
    for process in model._specification.processes:
        for contrib in process.contribs.values():
            for effect in process.resolved_effects(contrib):
                for variable in getattr(effect, "variables", None) or (effect.variable,):
                    kinds[variable.name] = variable.constraint
    where = {int(p): i for i, p in enumerate(layout.constrained)}
    correlated = [layout.positions(v)[0] for v in ("a", "b", "jes", "lumi")] if "a" in kinds else []
    for variable in layout.variables:
        for k, p in enumerate(variable.indices):
            kind = kinds[variable.name]
            if kind is None or p in correlated:
                continue
            if isinstance(kind, Gaussian):
                total += norm.logpdf(globs[where[p]], values[p], component(kind.width, k))
            elif isinstance(kind, Poisson):
                rate, count = values[p] * component(kind.tau, k), globs[where[p]]
                total += count * np.log(rate) - rate - gammaln(count + 1)
    if correlated:
        rho = np.eye(4)
        rho[0, 1] = rho[1, 0] = 0.5
        rho[1, 2] = rho[2, 1] = 0.2
        rho[2, 3] = rho[3, 2] = -0.3
        width = np.array([1.0, 1.0, 1.0, 0.05])
        shift = [globs[where[p]] - values[p] for p in correlated]
        total += multivariate_normal.logpdf(shift, np.zeros(4), rho * np.outer(width, width))
    bins = slice(len(layout.constrained), None)
    return total + norm.logpdf(globs[bins], values[layout.n_params :]).sum()


@pytest.mark.parametrize("name", ["lite_process", "locals"])
def test_the_likelihood_is_the_sum_of_its_terms(name):
    small = cached(name)
    model, layout = small.model, small.model.layout
    rng = np.random.default_rng(6)
    for _ in range(4):
        values = random_values(small, rng)
        expected = -poisson.logpmf(small.obs, model.pred(values)).sum()
        expected -= log_gaussians(layout, model, values, small.globs)
        if name == "lite_process":
            mu = values[layout.positions("mu")]
            expected += 0.1 * np.sum((mu - 1.0) ** 2) + 0.01 * (values[0] - values[1]) ** 2
            expected += 1e-6 * small.obs.sum() * small.globs[0] * values[0]
        assert model.nll(values, small.obs, small.globs) == pytest.approx(expected, rel=1e-12)


# -- precision and guards -------------------------------------------------------------------------------


def decimal_nll(nu, d):
    """nu - d log nu, in 50 digits."""
    return Decimal(nu) - Decimal(d) * Decimal(nu).ln()


def test_differences_are_exact_to_1e9_at_1e9_events():
    with localcontext() as context:
        context.prec = 50
        for d in (1e9, 999_999_937.0, 3.0, 1e12):
            for shift in (0.0, 1e-8, -1e-6, 3e-5, -1e-3, 0.2):
                nu = d * (1.0 + shift)
                exact = decimal_nll(nu, d) - decimal_nll(d, d)
                found = float(poisson_deviance(nu, d))
                assert abs(Decimal(found) - exact) < max(1e-9, 1e-18 * d, 4e-15 * abs(float(exact)))


def test_a_model_of_1e9_events_keeps_that_precision():
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("p", [1e9, 4e8]).scale_by(mu)).prepare()
    d = [1_000_020_000.0, 399_990_000.0]
    with localcontext() as context:
        context.prec = 50
        for a, b in ((1.0, 1.00001), (1.0, 0.999), (1.00002, 1.000021)):
            exact = sum(
                decimal_nll(n * a, k) - decimal_nll(n * b, k) for n, k in zip([1e9, 4e8], d, strict=True)
            )
            found = model.nll([a], d) - model.nll([b], d)
            # nu = n mu itself is rounded to 1e-7 events, times the slope 1 - d/nu.
            slack = sum(1e-7 * abs(1 - k / (n * b)) for n, k in zip([1e9, 4e8], d, strict=True))
            assert abs(Decimal(found) - exact) < 1e-9 + slack


def test_the_constant_of_the_data():
    """log(d!) from exact integers; -log Pois(d | d) = d - d log d + log(d!)."""
    with localcontext() as context:
        context.prec = 60
        for d in (0, 1, 2, 7, 15, 16, 17, 100, 3000):
            n = Decimal(d)
            exact = n - (n * n.ln() if d else 0) + Decimal(math.factorial(d)).ln()
            assert float(poisson_constant(float(d))) == pytest.approx(float(exact), rel=1e-13, abs=1e-15)
        # Stirling's series by hand for 1e9: (log(2 pi d))/2 + 1/(12 d) is exact to 1e-27.
        pi = Decimal("3.14159265358979323846264338327950288419716939937510")
        exact = (2 * pi * Decimal(10**9)).ln() / 2 + Decimal(1) / (12 * Decimal(10**9))
        assert float(poisson_constant(1e9)) == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize("d", [0.0, 0.4, 1.0, 5.0, 1e6])
def test_below_zero_it_is_finite_and_twice_differentiable(d):
    edge = 1e-9 * max(d, 1.0)
    around = np.array([-1e6, -3.0, -edge, 0.0, 0.5 * edge, edge * (1 - 1e-9), edge * (1 + 1e-9), 2 * edge])
    counts = np.full(len(around), d)
    value, slope = poisson_deviance(around, counts), poisson_slope(around, counts)
    curve = poisson_curvature(around, counts)
    assert np.all(np.isfinite([value, slope, curve]))
    # Both sides of the threshold.
    np.testing.assert_allclose(value[5], value[6], rtol=1e-8, atol=1e-16)
    np.testing.assert_allclose(slope[5], slope[6], rtol=1e-7)
    np.testing.assert_allclose(curve[5], curve[6], rtol=1e-7, atol=2e-8 / edge if d == 0 else 0)
    # Never better than a legal point, and convex.
    assert np.all(np.asarray(curve) >= 0.0)
    assert np.all(np.diff(np.asarray(value)[np.argsort(around)][:4]) < 0.0 if d else True)
    # 1 + z of tiny nu/d has lost digits to rounding in the derivative of the value, not in the slope.
    grad = jax.vmap(jax.grad(poisson_deviance))(jnp.asarray(around), jnp.asarray(counts))
    np.testing.assert_allclose(slope, grad, rtol=1e-6, atol=1e-9)
    hess = jax.vmap(jax.grad(poisson_slope))(jnp.asarray(around), jnp.asarray(counts))
    np.testing.assert_allclose(curve, hess, rtol=1e-12, atol=1e-6 / edge)


def test_an_empty_bin_has_its_minimum_at_zero():
    slope = poisson_slope(np.array([-1e-3, -1e-12, 0.0, 1e-12]), np.zeros(4))
    np.testing.assert_array_equal(np.sign(slope), [-1, -1, 0, 1])
    low = float(poisson_deviance(0.0, 0.0))
    assert 0.0 <= low < 1e-9
    assert low <= float(poisson_deviance(-1e9, 0.0))


def signal_only(**options):
    mu = Variable("mu", 1.0, lower_bound=0.0)
    sig = Process("sig", [5.0, 3.0, 2.0], sumw2=[1.0, 0.5, 0.3]).scale_by(mu)
    sig.add_lnN(nuisance("theta"), 1.1)
    bkg = Process("bkg", [50.0, 0.0, 40.0], sumw2=[9.0, 0.0, 0.0])
    return Model().add_proc(sig).add_proc(bkg).set_mc_stat(**options).prepare()


@pytest.mark.parametrize("scaling", ["process", pytest.param("total", marks=pytest.mark.slow)])
def test_nothing_is_nan_where_all_factors_vanish(scaling):
    """The second bin is empty at mu = 0, the third has no error there."""
    model = signal_only(scaling=scaling)
    prepared, obs = model.prepared, np.array([45.0, 0.0, 38.0])

    @jax.jit
    def derivatives(values):
        def nll(v):
            return functional.nll(prepared, v, obs)

        return nll(values), jax.grad(nll)(values), jax.hessian(nll)(values)

    for values in ([0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.3, 0.2, -0.1, 0.4], [1.0, 0.0, 0.1, 0.2, -0.3]):
        for found in derivatives(jnp.array(values)):
            assert np.all(np.isfinite(found))
    fit = model.fit(obs)
    assert fit.success
    assert np.all(np.isfinite(fit.errors))
    held = model.fit(obs, fixed={"mu": 0.0})
    assert held.success
    assert np.isfinite(held.fun)
    assert held.fun >= fit.fun - 1e-12
    # With data where nothing is expected the likelihood is tiny, but a number.
    assert np.isfinite(model.nll([0.0, 0.0], [45.0, 2.0, 38.0]))
