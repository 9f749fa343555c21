"""Losses against the model's own methods with Asimov data, also for differences of whole fits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from soft_witnesses import differences

from smoothfit import Model, Process, Variable
from smoothfit.differentiable import cls_loss, error_loss, limit_loss, significance_loss
from smoothfit.errors import InvalidTypeError, InvalidValueError, ShapeMismatchError

SIGNAL, BACKGROUND = np.array([3.0, 8.0, 12.0]), np.array([90.0, 60.0, 25.0])
TILT = np.array([-0.1, 0.02, 0.12])


def templates(u):
    """Signal, background and its shape, all moved by numbers (4,)."""
    nominal, tilt = BACKGROUND * (1.0 + u[1] * TILT + u[2]), TILT * (1.0 + u[3])
    return SIGNAL * (1.0 + u[0]), nominal, nominal * (1.0 + tilt), nominal * (1.0 - 0.8 * tilt)


def built(u, upper=20.0):
    """A model with a shape, normalisations with and without a constraint, and Monte Carlo statistics."""
    signal, background, up, down = (np.asarray(one) for one in templates(u))
    mu = Variable("mu", min(1.0, upper), lower_bound=0.0, upper_bound=upper)
    shape, lumi = (Variable(name, 0.0, nuisance=True) for name in ("shape", "lumi"))
    norm, fake = Variable("norm", 1.0, lower_bound=0.0), Variable("fake", 0.3, fixed=True)
    sig = Process("sig", signal, sumw2=signal / 20.0).scale_by(mu).add_lnN(lumi, 1.05)
    bkg = Process("bkg", background, sumw2=background / 8.0).scale_by(norm).add_lnN(lumi, 1.05)
    bkg.add_shape(shape, up, down)
    flat = Process("flat", np.full(3, 10.0)).scale_by(fake)
    return Model().add_proc(sig).add_proc(bkg).add_proc(flat).prepare()


ORIGIN, HERE = np.zeros(4), np.array([0.1, 0.2, -0.1, 0.15])
MODEL = built(ORIGIN)
MU, NORM, FAKE = (MODEL.index(name) for name in ("mu", "norm", "fake"))


def replaced(u):
    signal, background, up, down = templates(u)
    return MODEL.replaced(
        {
            ("sig", "main"): {"yields": signal, "sumw2": signal / 20.0},
            ("bkg", "main"): {
                "yields": background,
                "sumw2": background / 8.0,
                "up": {"shape": up},
                "down": {"shape": down},
            },
        }
    )


def asked(model, mu, call):
    """A method's answer to the Asimov data of mu."""
    obs, globs = model.asimov({"mu": mu})
    return call(model, obs, globs)


LOSSES = {
    "cls": (
        lambda prepared: cls_loss(prepared, MU, 0.8),
        lambda model: asked(
            model, 0.0, lambda m, obs, globs: m.hypotest("mu", 0.8, obs, globs=globs).expected[2]
        ),
    ),
    "significance": (
        lambda prepared: significance_loss(prepared, MU, 1.2),
        lambda model: asked(
            model,
            1.2,
            lambda m, obs, globs: -m.significance("mu", obs, globs=globs, expected_signal=1.2).expected[2],
        ),
    ),
    "limit": (
        lambda prepared: limit_loss(prepared, MU, cl=0.9),
        lambda model: asked(
            model, 0.0, lambda m, obs, globs: m.upper_limit("mu", obs, globs=globs, cl=0.9).expected[2]
        ),
    ),
    "error": (
        lambda prepared: error_loss(prepared, MU),
        lambda model: asked(model, 1.0, lambda m, obs, globs: m.fit(obs, globs=globs)["mu"].error),
    ),
}
"""name -> (loss of a prepared model, the same by a method)."""
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("limit", "error")]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "limit" else n for n in LOSSES]
)
def test_the_number_is_that_of_the_model(name):
    loss, method = LOSSES[name]
    assert float(loss(replaced(HERE))) == pytest.approx(method(built(HERE)), rel=1e-8)


@pytest.mark.parametrize("name", ["cls", "significance", *SLOW])
def test_derivatives_are_differences_of_methods(name):
    loss, method = LOSSES[name]
    gradient = jax.grad(lambda u: loss(replaced(u)))(jnp.asarray(HERE))
    for direction in ([1.0, 0.3, -0.5, 0.7], [-0.4, 1.0, 0.6, -0.2]):
        towards = np.array(direction)
        refitted = differences(lambda t, d=towards: method(built(HERE + t[0] * d)), [0.0], 0.02)
        assert float(gradient @ towards) == pytest.approx(float(refitted[0]), rel=2e-6)


def test_nominal_is_where_the_asimov_data_are():
    values = MODEL.prepared.plan.start.at[jnp.array([MU, NORM, MODEL.index("lumi")])].set(
        jnp.array([2.0, 1.3, 0.6])
    )
    truth = {"norm": 1.3, "lumi": 0.6}
    obs, globs = MODEL.asimov({"mu": 2.0, **truth})
    fit = MODEL.fit(obs, globs=globs)
    found = error_loss(MODEL.prepared, [NORM, MU], nominal=values)
    np.testing.assert_allclose(found, [fit["norm"].error, fit["mu"].error], rtol=1e-8)
    # mu of these values does not count: there is no signal.
    obs, globs = MODEL.asimov({"mu": 0.0, **truth})
    expected = MODEL.hypotest("mu", 0.8, obs, globs=globs).expected[2]
    assert float(cls_loss(MODEL.prepared, MU, 0.8, nominal=values)) == pytest.approx(expected, rel=1e-8)


def test_jit_and_vmap_give_the_same():
    loss = LOSSES["significance"][0]
    points = jnp.stack([jnp.asarray(ORIGIN), jnp.asarray(HERE)])
    together = jax.jit(jax.vmap(lambda u: loss(replaced(u))))(points)
    np.testing.assert_allclose(together, [loss(replaced(u)) for u in points], rtol=1e-10)


def test_no_limit_below_the_upper_bound_is_nan():
    model = built(ORIGIN, upper=0.5)
    assert np.isnan(model.upper_limit("mu", model.asimov({"mu": 0.0})[0]).expected[2])
    assert np.isnan(limit_loss(model.prepared, MU))


def test_a_bound_does_not_make_an_error_smaller():
    beside, on_bound = (MODEL.prepared.plan.start.at[MU].set(mu) for mu in (1e-7, 0.0))
    errors = [error_loss(MODEL.prepared, [MU, NORM], nominal=values) for values in (beside, on_bound)]
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-6)


def test_a_failed_fit_is_nan_and_so_are_its_derivatives():
    def loss(u):
        return significance_loss(replaced(u), MU)

    value, gradient = jax.value_and_grad(loss)(jnp.array([0.0, 0.0, jnp.nan, 0.0]))
    assert np.isnan(value)
    assert np.all(np.isnan(gradient))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda p: cls_loss(p, "mu"), InvalidTypeError, "cls_loss: the position .* 'mu'.*model.index"),
        (lambda p: limit_loss(p, 9), InvalidValueError, "limit_loss: there is no parameter at 9"),
        (lambda p: error_loss(p, [MU, -1]), InvalidValueError, "error_loss: there is no parameter at -1"),
        (lambda p: limit_loss(p, FAKE), InvalidValueError, f"the parameter at {FAKE} is constant"),
        (lambda p: cls_loss(p, MU, 0.0), InvalidValueError, "cls_loss: value must be positive, got 0"),
        (lambda p: cls_loss(p, MU, 21.0), InvalidValueError, r"value = 21 is outside .* \[0, 20\]"),
        (lambda p: significance_loss(p, MU, -1.0), InvalidValueError, "signal must be positive, got -1"),
        (lambda p: limit_loss(p, MU, cl=95), InvalidValueError, "cl must be between 0 and 1, got 95"),
        (lambda p: error_loss(p, []), InvalidValueError, "error_loss: give the position"),
        (lambda p: error_loss(p, MU, nominal=[1.0]), ShapeMismatchError, r"nominal: shape \(1,\)"),
    ],
)
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call(MODEL.prepared)
