"""Kinds of shape against direct transcriptions, their joints, and their derivatives in a model."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smoothfit import functional
from smoothfit.likelihood import objective
from smoothfit.model import Model, Process, Variable

NOMINAL = np.array([30.0, 20.0, 10.0, 0.5, 0.0])
# (up, down, scale): different integrals, different scales, a template of 0 where the nominal is not.
SHAPES = [
    (NOMINAL * [1.1, 1.2, 0.9, 1.3, 1.0], NOMINAL * [0.95, 0.85, 1.05, 0.4, 1.0], 0.5),
    (NOMINAL * [1.05, 0.9, 1.2, 1.1, 1.0], NOMINAL * [0.9, 1.1, 0.95, 0.0, 1.0], 1.0),
]


def smooth(t):
    return (3 * t**5 - 10 * t**3 + 15 * t) / 8 if abs(t) < 1 else np.sign(t)


def lnn(theta, kd, ku):
    """FORMULAS section 2, asymmetric log-normal."""
    up, down = np.log(ku), -np.log(kd)
    slope = (up + down) / 2 + smooth(2 * theta) * (up - down) / 2
    return np.exp(theta * slope)


def shape_n(nominal, shapes, theta):
    """FORMULAS section 2: the hist-mode-1 sum on log f, rescaled to the nominal integral."""
    q = min([1.0] + [s for _, _, s in shapes])
    change, factor = np.zeros(len(nominal)), 1.0
    for (up, down, s), t in zip(shapes, theta, strict=True):
        ku, kd = up.sum() / nominal.sum(), down.sum() / nominal.sum()
        logs = []
        for template in (up / ku, down / kd):
            usable = (template > 0) & (nominal > 0)
            logs.append(
                np.array(
                    [np.log(a / b) if u else 0.0 for a, b, u in zip(template, nominal, usable, strict=True)]
                )
            )
        u, v = logs
        x = s * t
        change += x / 2 * ((u - v) + smooth(x / q) * (u + v))
        if abs(ku - 1) >= 1e-3 or abs(kd - 1) >= 1e-3:
            factor *= lnn(t, kd**s, ku**s)
    f = nominal * np.exp(change)
    return f * nominal.sum() / f.sum() * factor


def linear(nominal, shapes, theta):
    """pyhf's code0."""
    f = nominal.copy()
    for (up, down, s), t in zip(shapes, theta, strict=True):
        f += s * t * (up - nominal) if t >= 0 else -s * t * (down - nominal)
    return f


def quadratic(nominal, shapes, theta):
    """HistFactory's parabola, going on straight from the value and slope that it has at +-1."""
    f = nominal.copy()
    for (up, down, s), t in zip(shapes, theta, strict=True):
        a, b, x = (up + down) / 2 - nominal, (up - down) / 2, s * t
        if x > 1:
            f += (a + b) + (b + 2 * a) * (x - 1)
        elif x < -1:
            f += (a - b) + (b - 2 * a) * (x + 1)
        else:
            f += a * x**2 + b * x
    return f


def density(nominal, shapes, theta):
    """FORMULAS section 2 without autoMCStats: of unit integral, floored at 1e-9, normalised again."""
    q = min([1.0] + [s for _, _, s in shapes])
    total = nominal.sum()
    f, factor = nominal / total, total
    for (up, down, s), t in zip(shapes, theta, strict=True):
        u, v = up / up.sum() - nominal / total, down / down.sum() - nominal / total
        x = s * t
        f = f + x / 2 * ((u - v) + smooth(x / q) * (u + v))
        ku, kd = up.sum() / total, down.sum() / total
        if abs(ku - 1) >= 1e-3 or abs(kd - 1) >= 1e-3:
            factor *= lnn(t, kd**s, ku**s)
    f = np.maximum(f, 1e-9)
    return f / f.sum() * factor


FORMULAS = {"shapeN": shape_n, "linear": linear, "quadratic": quadratic, "density": density}


def build(kind):
    process = Process("p", NOMINAL)
    for k, (up, down, scale) in enumerate(SHAPES):
        process.add_shape(Variable(f"s{k}", 0.0, nuisance=True), up, down, kind=kind, scale=scale)
    return Model().add_proc(process).prepare()


@pytest.fixture(scope="module", params=list(FORMULAS))
def made(request):
    return request.param, build(request.param)


def test_value(made):
    kind, model = made
    rng = np.random.default_rng(2)
    for _ in range(40):
        theta = rng.uniform(-3, 3, 2)
        np.testing.assert_allclose(
            model.pred(theta), FORMULAS[kind](NOMINAL, SHAPES, theta), rtol=1e-12, atol=1e-12
        )
    np.testing.assert_allclose(model.pred([0.0, 0.0]), NOMINAL, rtol=1e-15, atol=lifted(kind))


def lifted(kind):
    """The events that the floor of a density gives an empty bin, and takes from the others."""
    return 1.01e-9 * NOMINAL.sum() if kind == "density" else 0.0


def test_what_the_templates_say_at_one():
    """At theta = 1/scale the morphed yields are the template, where one nuisance is alone."""
    up, down, scale = SHAPES[0]
    for kind in FORMULAS:
        process = Process("p", NOMINAL).add_shape(
            Variable("s", 0.0, nuisance=True), up, down, kind=kind, scale=scale
        )
        model = Model().add_proc(process).prepare()
        np.testing.assert_allclose(model.pred([1 / scale]), up, rtol=1e-13, atol=1.1 * lifted(kind))
        np.testing.assert_allclose(model.pred([-1 / scale]), down, rtol=1e-13, atol=lifted(kind))


@pytest.mark.parametrize(
    ("kind", "orders"),
    # The straight lines of "linear" promise the value only, the parabola value and slope.
    [("linear", 1), ("quadratic", 2), ("shapeN", 3)],
)
def test_continuity_at_the_joints(kind, orders):
    model = build(kind)

    def yields(t):
        return functional.expected(model.prepared, jnp.stack([t, 0.3 * jnp.ones_like(t)]))

    chain = [yields, jax.jacfwd(yields), jax.jacfwd(jax.jacfwd(yields))]
    both_sides = jax.jit(jax.vmap(lambda t: jnp.stack([f(t) for f in chain])))
    joints = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
    jumps = np.abs(both_sides(joints + 1e-9) - both_sides(joints - 1e-9)).max(axis=(0, 2))
    assert np.all(jumps[:orders] < 1e-6)
    assert orders == 3 or jumps[orders] > 1e-2


def test_derivatives():
    """Processes of every kind with a nuisance in common, and a signal strength."""
    shared, own = Variable("shared", 0.0, nuisance=True), Variable("own", 0.0, nuisance=True)
    own_density = Variable("own_density", 0.0, nuisance=True)
    yields = NOMINAL + 2.0
    first = Process("first", yields).scale_by(Variable("mu", 1.0))
    first.add_shape(shared, yields * [1.1, 1.2, 0.9, 1.3, 1.0], yields * 0.9, kind="shapeN", scale=0.5)
    first.add_shape(own, yields * [1.0, 0.9, 1.2, 1.3, 1.2], yields * 1.1, kind="shapeN")
    second = Process("second", yields[::-1] * 3, sumw2=yields)
    second.add_shape(shared, yields[::-1] * 3.3, yields[::-1] * 2.5)
    straight = Variable("straight", 0.0, nuisance=True)
    second.add_shape(straight, yields[::-1] * 2.8, yields[::-1] * 3.1, kind="quadratic", scale=0.7)
    third = Process("third", yields)
    third.add_shape(shared, yields * 1.2, yields * 0.7, kind="linear")
    third.add_shape(straight, yields * 0.9, yields * 1.2, kind="linear")
    # Beyond theta = 1.5 its last bins are floored.
    fourth, lopsided = Process("fourth", yields, sumw2=yields / 3), np.array([1.2, 1.1, 1.0, 0.3, 0.2])
    fourth.add_shape(straight, yields * lopsided, yields / lopsided, kind="density")
    fourth.add_shape(own_density, yields * lopsided, yields * 0.8, kind="density", scale=0.6)
    fourth.scale_by(Variable("mu_4", 1.0)).add_lnN(straight, 1.1)
    model = Model().add_proc(first).add_proc(second).add_proc(third).add_proc(fourth).prepare()
    data = functional.data_of(model.prepared, np.round(model.pred({})) + 2.0, None)

    @jax.jit
    def both(prepared, z):
        problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))

        def value(z):
            return objective.value(problem, z)

        found = objective.evaluate(problem, z)
        return (found.value, found.gradient, found.hessian), (
            value(z),
            jax.grad(value)(z),
            jax.hessian(value)(z),
        )

    for z in (
        [1.2, 0.4, -0.3, 0.6, 0.2, 0.9],
        [0.8, -2.6, 1.7, -2.1, 1.1, 1.2],
        [1.0, 0.3, 0.2, 1.9, 1.5, 0.8],
    ):
        named = dict(zip(["mu", "shared", "own", "straight", "own_density", "mu_4"], z, strict=True))
        z = model.values_from_dict(named)
        lowest = density(
            yields,
            [(yields * lopsided, yields / lopsided, 1.0), (yields * lopsided, yields * 0.8, 0.6)],
            [named["straight"], named["own_density"]],
        ).min()
        assert (lowest < 1e-6) == (z[model.index("straight")] > 1.5)
        for found, witness in zip(*both(model.prepared, jnp.asarray(z)), strict=True):
            np.testing.assert_allclose(
                found, witness, rtol=0, atol=1e-10 * max(1.0, float(np.abs(witness).max()))
            )


def test_templates_of_logarithms_can_be_replaced():
    model = build("shapeN")
    other = NOMINAL * [1.3, 1.0, 0.7, 1.0, 1.0]
    changed = model.replaced("p", "main", up={"s0": other}, yields=NOMINAL + 1.0)
    shapes = [(other, SHAPES[0][1], 0.5), SHAPES[1]]
    expected = shape_n(NOMINAL + 1.0, shapes, [0.7, -0.4])
    np.testing.assert_allclose(functional.expected(changed, jnp.array([0.7, -0.4])), expected, rtol=1e-12)


def test_a_uniform_variable_makes_a_shape_a_shape_u():
    """Combine's shapeU: nothing but a variable without a Gaussian constraint, within bounds."""
    flat = Variable("flat", 0.0, lower_bound=-1.0, upper_bound=1.0)
    model = (
        Model()
        .add_proc(Process("p", NOMINAL[:4]).add_shape(flat, SHAPES[0][0][:4], SHAPES[0][1][:4]))
        .prepare()
    )
    obs = model.pred({flat: 0.5})
    found = model.nll({flat: 0.5}, obs)
    # The Poisson terms alone: no constraint pulls the variable back.
    assert found == pytest.approx(
        float(np.sum(obs - obs * np.log(obs) + jax.scipy.special.gammaln(obs + 1))), rel=1e-12
    )
