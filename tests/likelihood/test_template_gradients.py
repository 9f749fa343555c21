"""Gradients of the NLL and of fitted parameters by everything a model is made of.

The witness is the finite difference of a minimum found by Newton steps in numpy on the likelihood with all
its parameters: neither the fit's derivatives nor its rounding enter.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from small_models import cached, fitted, make

from smoothfit import functional
from smoothfit.model import Model, Process, Variable


@jax.jit
def explicit(prepared, values, obs, globs):
    """NLL, gradient and Hessian by all parameters and bin parameters, nothing eliminated."""

    def nll(v):
        return functional.nll(prepared, v, obs, globs)

    return nll(values), jax.grad(nll)(values), jax.hessian(nll)(values)


def outcome(prepared, obs, globs, where):
    """The NLL at fixed values, that at the minimum, two fitted parameters, and an error."""
    nll = functional.nll(prepared, where, obs, globs)
    fit = functional.fit(prepared, obs, globs=globs)
    return jnp.stack([nll, fit.nll, fit.values[0], fit.values[-1], jnp.sqrt(fit.covariance[0, 0])])


def witness(prepared, obs, globs, where):
    """The same by full Newton steps in numpy on all parameters, exact to rounding."""
    x = np.array(where)
    for _ in range(4):
        _, gradient, hessian = explicit(prepared, jnp.asarray(x), obs, globs)
        x = x - np.linalg.solve(hessian, gradient)
    lowest, _, hessian = explicit(prepared, jnp.asarray(x), obs, globs)
    nll = explicit(prepared, where, obs, globs)[0]
    n = prepared.plan.n_params
    return np.array([nll, lowest, x[0], x[n - 1], np.sqrt(np.linalg.inv(hessian)[0, 0])])


def compare(moved, n, where, *, both_modes=True, relative=1e-6, step=1e-3):
    """Reverse and forward derivatives of the outcome of ``moved(s)`` at s = 0, against differences.

    ``moved`` gives (prepared, obs, globs) from n changes s.
    """

    def found(s):
        return outcome(*moved(s), where)

    zero = jnp.zeros(n)
    reverse = np.asarray(jax.jit(jax.jacrev(found))(zero))
    assert np.all(np.max(np.abs(reverse), axis=0) > 0.0), "something has no effect"
    scale = np.max(np.abs(reverse), axis=1)
    if both_modes:
        forward = np.asarray(jax.jit(jax.jacfwd(found))(zero))
        np.testing.assert_allclose(forward / scale[:, None], reverse / scale[:, None], rtol=0, atol=1e-9)
    at = jax.jit(moved)
    for k in range(n):

        def value(step, k=k):
            return witness(*at(zero.at[k].set(step)), where)

        # Central differences of sixth order.
        expected = 45 * (value(step) - value(-step)) - 9 * (value(2 * step) - value(-2 * step))
        expected = (expected + value(3 * step) - value(-3 * step)) / (60 * step)
        np.testing.assert_allclose(
            reverse[:, k] / scale, expected / scale, rtol=0, atol=relative, err_msg=str(k)
        )


def replaced_templates(prepared, **changes):
    return dataclasses.replace(prepared, templates=dataclasses.replace(prepared.templates, **changes))


def contrib(model, process, channel):
    return next(p for p in model._specification.processes if p.name == process)[channel]


def shape(model, name):
    return next(
        e for e in contrib(model, "bkg", "A").effects if hasattr(e, "kind") and e.variable.name == name
    )


def named(model, s):
    """Yields, up, down and kappas of two contributions at once, moved by s (7,)."""
    bkg, sig = contrib(model, "bkg", "A").yields[0], contrib(model, "sig", "B").yields[0]
    tilt = jnp.array([1.0, 0.5, -1.0, 2.0])
    return model.replaced(
        {
            ("bkg", "A"): {
                "yields": bkg * (1.0 + s[0] * tilt),
                "up": {"jes": shape(model, "jes").up[0] * (1.0 + s[1] * tilt)},
                "down": {"raw": shape(model, "raw").down[0] * (1.0 + s[2] * tilt)},
                "kappa": {"lnN_combine": (0.9 * (1.0 + s[3]), 1.2), "lnN_code4": (0.9, 1.2 * (1.0 + s[4]))},
            },
            ("sig", "B"): {
                "yields": sig * (1.0 + s[5] * tilt[:2]),
                "kappa": {"lnN_talk": 1.1 * (1.0 + s[6])},
            },
        }
    )


def test_replaced_templates_are_those_of_a_model_built_with_them():
    """The whole prepared model, leaf by leaf, against a model made anew with other numbers."""
    one, other = make("widths", 0).model, make("widths", 1).model
    changes = {}
    for process in other._specification.processes:
        for name, given in process.contribs.items():
            changes[process.name, name] = {"yields": given.yields[0], "sumw2": given.sumw2[0]}
            for effect in given.effects:
                changes[process.name, name]["up"] = {effect.variable.name: effect.up[0]}
                changes[process.name, name]["down"] = {effect.variable.name: effect.down[0]}
    found = one.replaced(changes)
    for a, b in zip(jax.tree.leaves(found.templates), jax.tree.leaves(other.prepared.templates), strict=True):
        np.testing.assert_array_equal(a, b)
    # What is not named stays as it is, and the model itself does not change.
    np.testing.assert_array_equal(one.replaced({}).templates.nominal, one.prepared.templates.nominal)
    assert not np.array_equal(found.templates.nominal, one.prepared.templates.nominal)


def test_the_likelihood_by_named_templates():
    small = cached("effects")
    values = jnp.asarray(small.model.layout.start + 0.1)

    @jax.jit
    def nll(s):
        return functional.nll(named(small.model, s), values, small.obs, small.globs)

    zero = jnp.zeros(7)
    reverse, forward = jax.grad(nll)(zero), jax.jacfwd(nll)(zero)
    np.testing.assert_allclose(forward, reverse, rtol=1e-10)
    step = 1e-3
    for k in range(7):
        value = [float(nll(zero.at[k].set(j * step))) for j in (-2, -1, 1, 2)]
        expected = (8 * (value[2] - value[1]) - (value[3] - value[0])) / (12 * step)
        assert float(reverse[k]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_a_fit_by_named_templates():
    small, fit = fitted("effects")
    compare(lambda s: (named(small.model, s), small.obs, small.globs), 7, fit.x)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lite_process", marks=pytest.mark.slow),
        pytest.param("lite_total", marks=pytest.mark.slow),
        pytest.param("locals", marks=pytest.mark.slow),
        pytest.param("full", marks=pytest.mark.slow),
        pytest.param("lite_gamma", marks=pytest.mark.slow),
        pytest.param("threshold", marks=pytest.mark.slow),
        pytest.param("slots", marks=pytest.mark.slow),
        pytest.param("gaussian_data", marks=pytest.mark.slow),
        pytest.param("covariance", marks=pytest.mark.slow),
    ],
)
def test_by_every_leaf(name):
    """A random direction of each kind of leaf (yields, sumw2, kappas, captured arrays, width, tau,
    correlation ...), of the counts and of the global observables.
    """
    small, fit = fitted(name)
    prepared = small.model.prepared
    rng = np.random.default_rng(2)
    fields = {}
    for f in dataclasses.fields(prepared.templates):
        held = getattr(prepared.templates, f.name)
        if not jax.tree.leaves(held) or f.name == "globs" or (f.name == "tau" and np.all(held == 1.0)):
            continue
        if f.name == "correlation":
            tilt = rng.normal(size=held.shape)
            fields[f.name] = (tilt + tilt.T) * (1 - np.eye(len(held))) * 0.1
        else:
            # Relative changes: what is zero, and padding, stays so.
            fields[f.name] = jax.tree.map(lambda a: np.asarray(a) * rng.uniform(-1, 1, a.shape), held)
    names = list(fields)
    d_obs, d_globs = small.obs * rng.uniform(-1, 1, len(small.obs)), rng.uniform(-1, 1, len(small.globs))

    def moved(s):
        changes = {
            n: jax.tree.map(lambda a, d, k=k: a + s[k] * d, getattr(prepared.templates, n), fields[n])
            for k, n in enumerate(names)
        }
        return (
            replaced_templates(prepared, **changes),
            small.obs + s[-2] * d_obs,
            small.globs + s[-1] * d_globs,
        )

    # Forward mode costs another compilation.
    compare(moved, len(names) + 2, fit.x, both_modes=name not in ("lite_process", "full"))


def test_by_a_held_value():
    """The profile likelihood's slope is the gradient of the NLL (envelope theorem)."""
    small = cached("counting")

    def profiled(value):
        return functional.profile(small.model.prepared, 0, value, small.obs).nll

    slope = float(jax.grad(profiled)(0.7))
    assert slope == pytest.approx(float(jax.jacfwd(profiled)(0.7)), rel=1e-12)
    values = jnp.array([0.7])
    expected = jax.grad(lambda v: functional.nll(small.model.prepared, v, small.obs))(values)
    assert slope == pytest.approx(float(expected[0]), rel=1e-12)


@pytest.mark.parametrize("change", [jax.jacfwd, pytest.param(jax.jacrev, marks=pytest.mark.slow)])
def test_others_move_with_a_held_value(change):
    """Two correlated yields in two bins: (s, b) with s held, whose profiled b solves a quadratic equation."""
    mu, norm = Variable("mu", 1.0), Variable("norm", 1.0)
    model = Model().add_proc(Process("sig", [12.0, 6.0]).scale_by(mu))
    model = model.add_proc(Process("bkg", [50.0, 40.0]).scale_by(norm)).prepare()
    obs = np.array([58.0, 49.0])

    def profiled(value):
        return functional.profile(model.prepared, 0, value, obs).values

    def by_hand(value):
        """sum_i b_i (1 - n_i / (value s_i + norm b_i)) = 0"""
        s, b = value * np.array([12.0, 6.0]), np.array([50.0, 40.0])
        return optimize.brentq(lambda x: np.sum(b * (1.0 - obs / (s + x * b))), 0.1, 3.0, xtol=1e-15)

    first = change(profiled)(0.7)
    expected = (by_hand(0.701) - by_hand(0.699)) / 0.002
    np.testing.assert_allclose(first, [1.0, expected], rtol=1e-6)
    second = jax.jacfwd(change(profiled))(0.7)
    expected = (by_hand(0.71) - 2.0 * by_hand(0.7) + by_hand(0.69)) / 1e-4
    np.testing.assert_allclose(second, [0.0, expected], rtol=1e-4, atol=1e-12)


def test_at_an_active_limit_the_parameter_does_not_move():
    mu, norm = Variable("mu", 1.0, lower_bound=0.0), Variable("norm", 1.0)
    sig = Process("sig", [30.0, 1.0]).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [100.0, 200.0]).scale_by(norm)).prepare()
    obs = [70.0, 200.0]

    def fit(yields):
        return functional.fit(model.replaced("bkg", "main", yields=yields), obs).values

    bkg = jnp.array([100.0, 200.0])
    found = fit(bkg)
    np.testing.assert_allclose(found, [0.0, 270.0 / 300.0], rtol=1e-9)
    # norm = sum(obs)/sum(bkg) there.
    expected = [[0.0, 0.0], [-270.0 / 300.0**2] * 2]
    np.testing.assert_allclose(jax.jacrev(fit)(bkg), expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(jax.jacfwd(fit)(bkg), expected, rtol=1e-9, atol=1e-15)


def test_by_the_whole_prepared_model():
    small, fit = fitted("lite_process")

    def nll(prepared):
        return functional.nll(prepared, fit.x, small.obs, small.globs)

    gradient = jax.jit(jax.grad(nll))(small.model.prepared)
    assert jax.tree.structure(gradient) == jax.tree.structure(small.model.prepared)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    # d NLL/d N = (1 - d/nu) dnu/dN, summed over a process's bins: scaling its yields alone.
    nominal = small.model.prepared.templates.nominal
    step = 1e-4

    def scaled(s):
        return float(nll(replaced_templates(small.model.prepared, nominal=nominal * (1.0 + s))))

    difference = (8 * (scaled(step) - scaled(-step)) - scaled(2 * step) + scaled(-2 * step)) / (12 * step)
    assert float(jnp.sum(gradient.templates.nominal * nominal)) == pytest.approx(difference, rel=1e-6)


def test_a_failed_fit_has_no_gradient():
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    model = Model().add_proc(Process("p", [5.0, 6.0]).scale_by(a).scale_by(b)).prepare()

    def fit(yields):
        return functional.fit(model.replaced("p", "main", yields=yields), [7.0, 8.0]).values[0]

    assert np.all(np.isnan(jax.jacfwd(fit)(jnp.array([5.0, 6.0]))))
