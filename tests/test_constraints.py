"""Every kind of constraint: its term against scipy.stats, its derivatives, fits against scipy.optimize."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from smoothfit import fitters, functional
from smoothfit.constraints import (
    AsymmetricGaussian,
    Constraint,
    Gamma,
    Gaussian,
    LogDensity,
    LogNormal,
    NoConstraint,
    Poisson,
    Uniform,
    is_local,
)
from smoothfit.likelihood import objective
from smoothfit.likelihood.constraint_terms import TERMS
from smoothfit.model import Model, Process, Variable

SCALES = np.array([0.1, 0.2])


def student(alpha, glob):
    """A t distribution of 5 degrees of freedom; SCALES is captured."""
    z = (alpha - glob) / SCALES
    constant = jax.scipy.special.gammaln(3.0) - jax.scipy.special.gammaln(2.5) - 0.5 * jnp.log(5.0 * jnp.pi)
    return constant - jnp.log(SCALES) - 3.0 * jnp.log1p(z * z / 5.0)


def logistic(alpha):
    """A logistic density around 1.05 of scale 0.1."""
    z = (alpha - 1.05) / 0.1
    return -z - 2.0 * jnp.log1p(jnp.exp(-z)) - jnp.log(0.1)


def constraints():
    """One of each kind, with its number of components."""
    return {
        "gauss": (Gaussian(mean=1.02, width=0.1), 1),
        "asym": (AsymmetricGaussian([0.2, 0.1], 0.3, mean=[0.98, 1.01]), 2),
        "logn": (LogNormal(kappa=[1.2, 1.05], mean=[0.9, 1.1]), 2),
        "pois": (Poisson(tau=20.0, count=25.0), 1),
        "none": (Poisson(tau=[3.0, 2.0], count=0), 2),
        "gam": (Gamma(width=[0.3, 0.15]), 2),
        "flat": (Uniform(0.5, 1.75), 1),
        "stud": (LogDensity(student, glob=[1.0, 1.1]), 2),
        "logi": (LogDensity(logistic), 1),
    }


def log_density(name, alpha, globs):
    """log C(B | alpha), normalised, by scipy: sum over components."""
    if name == "gauss":
        found = stats.norm.logpdf(globs, alpha, 0.1)
    elif name == "asym":
        down, up = np.array([0.2, 0.1]), 0.3
        # Half of a Gaussian to either side, each of the same height.
        share = np.where(alpha < globs, down, up) / (down + up)
        found = np.log(2.0 * share) + stats.norm.logpdf(alpha, globs, np.where(alpha < globs, down, up))
    elif name == "logn":
        found = stats.lognorm.logpdf(globs, np.log([1.2, 1.05]), scale=alpha)
    elif name == "pois":
        found = stats.poisson.logpmf(globs, 20.0 * alpha)
    elif name == "none":
        found = stats.poisson.logpmf(globs, np.array([3.0, 2.0]) * alpha)
    elif name == "gam":
        found = stats.gamma.logpdf(alpha, globs, scale=np.array([0.3, 0.15]) ** 2)
    elif name == "flat":
        found = stats.uniform.logpdf(alpha, 0.5, 1.25)
    elif name == "stud":
        found = stats.t.logpdf(alpha, 5, loc=globs, scale=SCALES)
    else:
        found = stats.logistic.logpdf(alpha, 1.05, 0.1)
    return np.sum(found)


BASE = np.array([[400.0, 300.0, 500.0]])
FREE = np.array([100.0, 20.0, 10.0])


@functools.cache
def everything():
    """A model in which every variable scales a process of its own."""
    model = Model().add_proc(Process("free", FREE).scale_by(Variable("mu", 1.0, lower_bound=0.0)))
    rng = np.random.default_rng(11)
    for name, (constraint, size) in constraints().items():
        value = np.full(size, 1.0) if size > 1 else 1.0
        variable = Variable(
            name, value, constraint=constraint, lower_bound=None if name in ("flat", "gauss") else 0.0
        )
        process = Process(name, rng.uniform(5, 60, (size, 3)) if size > 1 else rng.uniform(5, 60, 3))
        model.add_proc(process.scale_by(variable))
    return model.prepare()


def templates(model):
    """(param, bin): what each parameter multiplies."""
    n = model.layout.n_params
    return np.array([model.pred(row) for row in np.eye(n)])


def split_by_variable(model, values, globs):
    """name -> (alpha, globs) of the constrained variables."""
    layout = model.layout
    everywhere = np.full(layout.n_params, np.nan)
    everywhere[layout.constrained] = globs
    return {
        v.name: (values[list(v.indices)], everywhere[list(v.indices)])
        for v in layout.variables
        if v.constraint is not None
    }


def by_hand(model, values, obs, globs):
    """The negative log-likelihood with scipy's densities."""
    total = -stats.poisson.logpmf(obs, values @ templates(model)).sum()
    for name, (alpha, glob) in split_by_variable(model, values, globs).items():
        total -= log_density(name, alpha, glob)
    return total


def some_values(model, rng, size=0.3):
    """Parameters within their bounds, global observables that are legal."""
    layout = model.layout
    width = np.where(np.isfinite(layout.widths), layout.widths, 0.3)
    values = np.clip(layout.start + size * width * rng.normal(size=len(width)), 0.52, 1.7)
    globs = layout.globs.copy()
    for v in layout.variables:
        at = np.flatnonzero(np.isin(layout.constrained, v.indices))
        if v.name in ("pois", "none"):
            globs[at] = rng.poisson(globs[at] + 1.0)
        elif v.name == "gam":
            globs[at] *= rng.uniform(0.8, 1.2, len(at))
        elif len(at):
            globs[at] *= rng.uniform(0.95, 1.05, len(at))
    return values, globs


def test_the_likelihood_has_every_constraint_with_its_constants():
    model, rng = everything(), np.random.default_rng(1)
    obs = rng.poisson(model.pred({})).astype(float)
    differences = []
    for size in np.repeat([0.0, 0.3, 1.0, 2.0], 10):
        values, globs = some_values(model, rng, size)
        differences.append(model.nll(values, obs, globs) - by_hand(model, values, obs, globs))
    np.testing.assert_allclose(differences, 0.0, atol=1e-10)


@pytest.mark.parametrize(
    "name", [n for n in constraints() if n not in ("stud", "logi", "gauss", "pois", "none")]
)
def test_terms_far_from_the_centre(name):
    """-log C of one variable, on a grid that reaches into the tails."""
    constraint, size = constraints()[name]
    full = Variable("x", np.ones(size), constraint=constraint).constraint
    term = TERMS[full.kind]
    glob = np.full(size, np.nan) if full.glob is None else np.asarray(full.glob)
    low, high = (0.51, 1.74) if name == "flat" else (1e-3, 6.0) if name in ("logn", "gam") else (-3.0, 6.0)
    for alpha in np.linspace(low, high, 60):
        at = np.full(size, alpha)
        found = float(jnp.sum(term.value(at, glob, *full.numbers) + term.constant(glob, *full.numbers)))
        assert found == pytest.approx(-log_density(name, at, glob), rel=1e-11, abs=1e-11)


@jax.jit
def both(prepared, data, z):
    """The evaluation that fits use, and automatic derivatives of the value alone."""
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))

    def value(z):
        return objective.value(problem, z)

    found = objective.evaluate(problem, z)
    return found.gradient, found.hessian, jax.grad(value)(z), jax.hessian(value)(z)


def test_derivatives_are_those_of_the_public_likelihood():
    model, rng = everything(), np.random.default_rng(2)
    prepared = model.prepared
    hessian_of = jax.jit(jax.hessian(functional.nll, argnums=1))
    for size in (0.0, 0.5, 2.0):
        values, globs = some_values(model, rng, size)
        obs = rng.poisson(model.pred(values)).astype(float)
        found = both(prepared, functional.data_of(prepared, obs, globs), values)
        np.testing.assert_allclose(found[0], found[2], rtol=1e-9, atol=1e-8)
        np.testing.assert_allclose(found[1], found[3], rtol=1e-9, atol=1e-7)
        public = hessian_of(prepared, values, obs, globs)
        np.testing.assert_allclose(found[1], public, rtol=1e-9, atol=1e-7)


def test_gradients_against_finite_differences_also_by_the_constraints_numbers():
    model, rng = everything(), np.random.default_rng(3)
    prepared = model.prepared
    values, globs = some_values(model, rng, 0.5)
    obs = rng.poisson(model.pred(values)).astype(float)
    of = jax.jit(functional.nll)
    by_prepared, by_values, by_globs = jax.jit(jax.grad(functional.nll, argnums=(0, 1, 3)))(
        prepared, values, obs, globs
    )

    def slope(call, x, step=1e-5):
        return (call(x + step) - call(x - step)) / (2 * step)

    for i in range(len(values)):
        unit = np.eye(len(values))[i]
        expected = slope(lambda t, u=unit: float(of(prepared, values + t * u, obs, globs)), 0.0)
        assert float(by_values[i]) == pytest.approx(expected, rel=1e-6, abs=1e-5)
    for i in range(len(globs)):
        unit = np.eye(len(globs))[i]
        if globs[i] > 0.0:
            expected = slope(lambda t, u=unit: float(of(prepared, values, obs, globs + t * u)), 0.0)
            assert float(by_globs[i]) == pytest.approx(expected, rel=1e-6, abs=1e-5)
    leaves, tree = jax.tree.flatten(prepared.templates.constraint_numbers)
    found = jax.tree.leaves(by_prepared.templates.constraint_numbers)
    assert sum(leaf.size for leaf in leaves) == 2 * 2 + 2 + 2 + 2
    for k, leaf in enumerate(leaves):
        for j in range(leaf.size):

            def moved(t, k=k, j=j, leaf=leaf):
                other = [*leaves[:k], leaf.at[j].add(t), *leaves[k + 1 :]]
                numbers = jax.tree.unflatten(tree, other)
                changed = replace_templates(prepared, constraint_numbers=numbers)
                return float(of(changed, values, obs, globs))

            assert float(found[k][j]) == pytest.approx(slope(moved, 0.0), rel=1e-6, abs=1e-5)
    # SCALES, which the density captured (once a use of it), is a template as well.
    captured = prepared.templates.density_captured
    gradients = by_prepared.templates.density_captured[0]
    assert len(captured[0]) >= 1
    for k, leaf in enumerate(captured[0]):
        for j in range(2):

            def with_other(t, k=k, j=j, leaf=leaf):
                own = (*captured[0][:k], leaf.at[j].add(t), *captured[0][k + 1 :])
                changed = replace_templates(prepared, density_captured=(own, *captured[1:]))
                return float(of(changed, values, obs, globs))

            assert float(gradients[k][j]) == pytest.approx(slope(with_other, 0.0), rel=1e-6, abs=1e-5)
            assert float(gradients[k][j]) != 0.0


def replace_templates(prepared, **changes):
    templates_ = dataclasses.replace(prepared.templates, **changes)
    return dataclasses.replace(prepared, templates=templates_)


def test_a_fit_with_every_kind_is_scipys_minimum():
    model, rng = everything(), np.random.default_rng(4)
    values, globs = some_values(model, rng, 0.5)
    obs = rng.poisson(model.pred(values)).astype(float)
    fit = model.fit(obs, globs=globs)
    a = templates(model)
    layout = model.layout

    def nll(x):
        nu = x @ a
        total = np.sum(nu - obs * np.log(nu))
        for name, (alpha, glob) in split_by_variable(model, x, globs).items():
            with np.errstate(divide="ignore"):
                total -= log_density(name, alpha, glob)
        return total

    inside = [(max(lo, 1e-9), hi) for lo, hi in zip(layout.lower, layout.upper, strict=True)]
    # Several rounds, as each ends where differences drown in rounding.
    x = layout.start
    for _ in range(3):
        x = optimize.minimize(nll, x, method="L-BFGS-B", bounds=inside, options={"ftol": 1e-15}).x
    error = np.where(fit.errors > 0, fit.errors, 1.0)
    # The slope of the transcription vanishes at the fit, in units of each parameter's error.
    slopes = np.array(
        [(nll(fit.x + t) - nll(fit.x - t)) / 2e-4 for t in 1e-4 * np.diag(error)[~fit.at_limit]]
    )
    np.testing.assert_allclose(slopes, 0.0, atol=1e-6)
    assert nll(x) >= nll(np.maximum(fit.x, 1e-9)) - 1e-7
    np.testing.assert_allclose((fit.x - x) / error, 0.0, atol=5e-3)
    assert fit.fun == pytest.approx(by_hand(model, np.maximum(fit.x, 1e-300), obs, globs), abs=1e-8)


@pytest.mark.parametrize("kappa", [1.05, 1.5, 4.0])
def test_a_log_normal_is_smooth_where_it_is_continued(kappa):
    term = TERMS["lognormal"].value
    edge = 2.0 * 1e-9
    for derivative in (term, jax.grad(term), jax.grad(jax.grad(term))):
        below, above = (float(derivative(x, 2.0, kappa)) for x in (edge * (1 - 1e-9), edge * (1 + 1e-9)))
        assert below == pytest.approx(above, rel=1e-6)
    far = [float(jax.grad(term)(x, 2.0, kappa)) for x in (-1.0, 0.0)]
    assert far[0] < far[1] < 0.0


def test_a_gamma_is_smooth_where_it_is_continued():
    term = TERMS["gamma"].value
    assert np.isfinite(float(jax.grad(jax.grad(term))(-0.5, 12.0, 0.3)))
    assert float(jax.grad(term)(-0.5, 12.0, 0.3)) < 0.0


def test_the_mode_of_a_gamma_is_below_its_mean():
    """FORMULAS section 3: mean 1, mode 1 - sigma^2."""
    full = Variable("x", 1.0, constraint=Gamma(width=0.4)).constraint
    density = stats.gamma(float(full.glob[0]), scale=0.16)
    assert density.mean() == pytest.approx(1.0)
    assert density.std() == pytest.approx(0.4)
    mode = optimize.minimize_scalar(
        lambda x: -density.logpdf(x), bounds=(0.1, 2.0), options={"xatol": 1e-9}
    ).x
    assert float(full.prefit().centre[0]) == pytest.approx(mode, abs=1e-6)
    assert float(full.prefit().centre[0]) == pytest.approx(1.0 - 0.16)


def test_prefit_numbers():
    layout = everything().layout
    at = {v.name: list(v.indices) for v in layout.variables}
    centre, below, above = layout.prefit
    expected = {
        "gauss": ([1.02], [0.1], [0.1]),
        "asym": ([0.98, 1.01], [0.2, 0.1], [0.3, 0.3]),
        # B/kappa and B kappa are one standard deviation away.
        "logn": ([0.9, 1.1], [0.9 - 0.9 / 1.2, 1.1 - 1.1 / 1.05], [0.9 * 0.2, 1.1 * 0.05]),
        "pois": ([1.25], [5.0 / 20.0], [5.0 / 20.0]),
        "none": ([0.0, 0.0], [1 / 3, 1 / 2], [1 / 3, 1 / 2]),
        "gam": ([0.91, 1 - 0.15**2], [0.3, 0.15], [0.3, 0.15]),
        "flat": ([1.125], [stats.uniform(0.5, 1.25).std()], [stats.uniform(0.5, 1.25).std()]),
        # Curvature of a t distribution at its centre: (nu + 1)/(nu scale^2).
        "stud": ([1.0, 1.1], SCALES * np.sqrt(5 / 6), SCALES * np.sqrt(5 / 6)),
        # Of a logistic density: 1/(2 scale^2).
        "logi": ([1.05], [0.1 * np.sqrt(2.0)], [0.1 * np.sqrt(2.0)]),
    }
    for name, columns in expected.items():
        for found, wanted in zip((centre, below, above), columns, strict=True):
            np.testing.assert_allclose(found[at[name]], wanted, rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(layout.widths[at[name]], 0.5 * np.add(*columns[1:]), rtol=1e-9)
    assert np.isnan(layout.widths[at["mu"]]).all()


def test_a_density_finds_its_mode_far_from_the_start_and_at_a_bound():
    def prefit(fn, start, **options):
        variable = Variable("x", start, constraint=LogDensity(fn), **options)
        layout = Model().add_proc(Process("p", [10.0]).scale_by(variable)).prepare().layout
        return [float(column[0]) for column in layout.prefit]

    # log-density of log(x) around log(50): far from concave at the start.
    centre, below, above = prefit(lambda x: -0.5 * (jnp.log(x / 50.0) / 0.2) ** 2, 1.0, lower_bound=1e-3)
    assert centre == pytest.approx(50.0, rel=1e-9)
    assert below == above == pytest.approx(10.0, rel=1e-9)
    centre, below, _ = prefit(lambda x: -0.5 * (x + 1.0) ** 2 / 0.25, 1.0, lower_bound=0.0)
    assert (centre, below) == (0.0, 0.5)


def test_given_widths_of_a_density_are_used():
    flat_top = LogDensity(lambda x: -((x - 1.0) ** 4), width=0.7)
    model = Model().add_proc(Process("p", [10.0]).scale_by(Variable("x", 1.0, constraint=flat_top))).prepare()
    assert model.layout.widths.tolist() == [0.7]


def test_scalar_kinds_compile_once_whatever_their_numbers():
    """Constraints of other numbers are other leaves: nothing is traced anew."""

    def fitted(width, scale):
        scales = np.array([scale])
        a = Variable("a", 1.0, constraint=AsymmetricGaussian(width, 2 * width))
        b = Variable("b", [1.0], constraint=LogDensity(lambda x: -0.5 * ((x - 1.0) / scales) ** 2))
        model = Model().add_proc(Process("p", [90.0, 40.0]).scale_by(a))
        return model.add_proc(Process("q", [9.0, 60.0]).scale_by(b)).prepare().fit([105.0, 95.0])

    first = fitted(0.1, 0.2)
    before = fitters.count_traces()
    second = fitted(0.2, 0.1)
    assert fitters.count_traces() == before
    assert abs(first.x[0] - second.x[0]) > 1e-3


def test_a_uniform_constraint_sets_the_bounds():
    flat = Variable("x", [0.0, 0.5], constraint=Uniform(-1.0, [1.0, 2.0]))
    assert flat.lower.tolist() == [-1.0, -1.0]
    assert flat.upper.tolist() == [1.0, 2.0]
    inside = Variable("x", 0.0, constraint=Uniform(-1.0, 1.0), lower_bound=-0.5)
    assert (inside.lower[0], inside.upper[0]) == (-0.5, 1.0)
    assert np.isnan(flat.glob).all()


def test_what_is_eliminated_in_closed_form():
    """A bin's own parameter is local with a Gaussian or Poisson constraint, and dense with others."""
    expected = {"gauss": True, "pois": True, "none": True}
    for name, (constraint, _) in constraints().items():
        assert is_local(constraint) is expected.get(name, False), name
    assert is_local(None)
    for constraint, n_dense in ((Gaussian(width=0.1), 1), (AsymmetricGaussian(0.1, 0.1), 4)):
        own = Variable("own", [1.0, 1.0, 1.0], constraint=constraint)
        model = Model().add_proc(Process("bkg", [50.0, 60.0, 70.0]).scale_by(own, axis="bin"))
        sig = Process("sig", [10.0, 5.0, 1.0]).scale_by(Variable("mu", 1.0))
        assert model.add_proc(sig).prepare().prepared.plan.n_dense == n_dense


def test_an_asymmetric_gaussian_of_equal_widths_is_a_gaussian():
    found = []
    for constraint in (Gaussian(width=0.1), AsymmetricGaussian(0.1, 0.1)):
        own = Variable("own", [1.0, 1.0, 1.0], constraint=constraint)
        model = Model().add_proc(Process("bkg", [50.0, 60.0, 70.0]).scale_by(own, axis="bin"))
        sig = Process("sig", [10.0, 5.0, 1.0]).scale_by(Variable("mu", 1.0))
        found.append(model.add_proc(sig).prepare().fit([66.0, 61.0, 80.0]))
    np.testing.assert_allclose(found[0].x, found[1].x, rtol=1e-8)
    np.testing.assert_allclose(found[0].hess_inv, found[1].hess_inv, rtol=1e-7)
    assert found[0].fun == pytest.approx(found[1].fun, rel=1e-13)


def test_pulls_use_the_width_of_the_side():
    model = everything()
    layout = model.layout
    obs = np.round(model.pred({}))
    for asym, side in ((0.5, 1), (1.5, 2)):
        fit = model.fit(obs, globs={"asym": asym})
        pulls = model.pulls(fit)
        assert pulls.names == model.nuisances
        for name, pull, error in zip(pulls.names, pulls.pull, pulls.error, strict=True):
            p = layout.positions(name)[0]
            width = layout.prefit[side][p] if name.startswith("asym") else pull_width(layout, p, fit.x[p])
            assert pull == pytest.approx((fit.x[p] - layout.prefit.centre[p]) / width, rel=1e-12)
            assert error == pytest.approx(fit.errors[p] / width, rel=1e-12)


def pull_width(layout, p, value):
    return layout.prefit.below[p] if value < layout.prefit.centre[p] else layout.prefit.above[p]


def test_the_summary_names_the_kinds():
    table = everything().summary().tables[1]
    kinds = {row[0]: row[2] for row in table.rows}
    assert kinds == {
        "mu": "free",
        "gauss": "Gaussian",
        "asym": "AsymmetricGaussian",
        "logn": "LogNormal",
        "pois": "Poisson",
        "none": "Poisson",
        "gam": "Gamma",
        "flat": "Uniform",
        "stud": "LogDensity",
        "logi": "LogDensity",
    }


def test_the_prefit_band_uses_the_widths():
    model = everything()
    a, widths = templates(model), np.nan_to_num(model.layout.widths)
    np.testing.assert_allclose(model.yields({}).total_error, np.sqrt(widths**2 @ a**2), rtol=1e-10)


def test_no_constraint_says_nothing():
    assert Variable("x", 1.0, constraint=NoConstraint()).constraint is None
    assert np.isnan(Constraint().prefit().centre)
