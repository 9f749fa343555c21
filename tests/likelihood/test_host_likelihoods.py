"""Likelihoods that call back into Python: derivatives, fits, failures, against the same in JAX."""

from __future__ import annotations

import math
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from joint import EVENTS, OBS, best_fit, joint, of_peak, shared

from smoothfit import FitResult, fitters, functional, host_likelihood
from smoothfit.errors import FitError, UserFunctionError
from smoothfit.host import differences
from smoothfit.model import Model, Process, Variable
from smoothfit.status import Status


def of_events(values):
    """The NLL of the peak in scipy, of (mass, width, scale)."""
    return of_peak(np.concatenate([[0.0], values]), EVENTS)


def slope(values):
    """Its gradient by hand."""
    mass, width, scale = values
    factor = 1.0 + 0.001 * scale
    pull = (EVENTS - mass * factor) / width
    by_place = -pull.sum() / width
    return np.array([factor * by_place, (len(EVENTS) - np.sum(pull**2)) / width, 0.001 * mass * by_place])


def curvature(values):
    """Its Hessian by hand."""
    mass, width, scale = values
    factor, n = 1.0 + 0.001 * scale, len(EVENTS)
    pull = (EVENTS - mass * factor) / width
    place, per_event = n / width**2, pull.sum() / width
    mixed = 2.0 * pull.sum() / width**2
    own = np.array([factor, 0.001 * mass])
    found = np.empty((3, 3))
    found[np.ix_([0, 2], [0, 2])] = place * np.outer(own, own) - 0.001 * per_event * np.array(
        [[0, 1], [1, 0]]
    )
    found[1, [0, 2]] = found[[0, 2], 1] = mixed * own
    found[1, 1] = (3.0 * np.sum(pull**2) - n) / width**2
    return found


KINDS = {
    "neither": {},
    "steps": {"step": [0.002, 0.001, 0.01]},
    "gradient": {"gradient": slope},
    "gradient, steps": {"gradient": slope, "step": 1e-3},
    "hessian": {"hessian": curvature},
    "both": {"gradient": slope, "hessian": curvature},
}


class Counted:
    """A function that counts its calls."""

    def __init__(self, fn=of_events):
        self.fn, self.calls, self.running = fn, 0, 0

    def __call__(self, values):
        assert isinstance(values, np.ndarray)
        self.running += 1
        assert self.running == 1
        self.calls += 1
        found = self.fn(values)
        self.running -= 1
        return found


# -- derivatives -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("x", [[125.1, 1.6, 0.3], [124.0, 2.5, -1.0]])
def test_derivatives_are_exact_or_by_differences(kind, x):
    host, x = host_likelihood(of_events, 3, **KINDS[kind]), jnp.array(x)
    error = 1.0 / np.sqrt(np.diag(curvature(x)))
    assert float(host(x)) == of_events(x)
    np.testing.assert_allclose(jax.grad(host)(x) * error, slope(x) * error, rtol=1e-7, atol=1e-7)
    scaled = jax.hessian(host)(x) * np.outer(error, error)
    np.testing.assert_allclose(scaled, curvature(x) * np.outer(error, error), rtol=0.0, atol=1e-4)
    np.testing.assert_allclose(jax.jacrev(jax.grad(host))(x), jax.hessian(host)(x), rtol=1e-12)


@pytest.mark.parametrize("sigma", [1e-7, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_steps_are_found_whatever_the_units(sigma, offset):
    """Also where the NLL is large, and rounding with it."""
    host = host_likelihood(lambda x: 0.5 * (x[0] / sigma - 2.0) ** 2 + 0.1 * (x[0] / sigma) ** 3 + offset, 1)
    x = jnp.array([1.5 * sigma])
    assert float(jax.grad(host)(x)[0]) * sigma == pytest.approx(-0.5 + 0.3 * 1.5**2, abs=1e-5)
    assert float(jax.hessian(host)(x)[0, 0]) * sigma**2 == pytest.approx(1.0 + 0.6 * 1.5, rel=1e-4)


def test_a_parameter_without_effect_has_no_slope():
    host = host_likelihood(lambda x: (x[0] - 1.0) ** 2, 2)
    assert jax.grad(host)(jnp.array([1.5, 3.0])).tolist() == pytest.approx([1.0, 0.0], abs=1e-8)


def test_differences_do_not_ask_twice_for_a_place():
    counted = Counted()
    host = host_likelihood(counted, 3, step=0.01)
    jax.jit(lambda x: (host(x), jax.grad(host)(x), jax.hessian(host)(x)))(jnp.array([125.0, 1.6, 0.0]))
    # The centre, four places a parameter, four a pair of them.
    assert counted.calls == 1 + 4 * 3 + 4 * 3


def test_vmap_and_threads_call_one_at_a_time():
    counted = Counted()
    host = host_likelihood(counted, 3, gradient=slope)
    points = jnp.array([125.1, 1.6, 0.3]) + 0.01 * jnp.arange(8.0)[:, None]
    expected = [of_events(x) for x in np.asarray(points)]
    fn = jax.jit(jax.vmap(jax.value_and_grad(host)))
    value, gradient = fn(points)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(gradient, [slope(x) for x in np.asarray(points)], rtol=1e-12)
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(fn(points + i))) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4


def test_third_derivatives_are_nan():
    host = host_likelihood(of_events, 3, step=0.01)
    assert np.isnan(jax.jacfwd(jax.hessian(host))(jnp.array([125.0, 1.6, 0.0]))).all()


# -- fits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["neither", pytest.param("both", marks=pytest.mark.slow)])
def test_a_fit_is_that_of_the_same_likelihood_in_jax(kind):
    model = joint(host_likelihood(of_events, 3, **KINDS[kind]), None)
    result = model.fit(OBS)
    assert np.max(np.abs(result.x - best_fit().x) / best_fit().errors) < 1e-6
    np.testing.assert_allclose(result.errors, best_fit().errors, rtol=1e-6)
    assert result.fun == pytest.approx(best_fit().fun, abs=1e-10)
    sides = [m.minos_bounds("mass", b, OBS)[:2] for m, b in ((model, result), (shared(), best_fit()))]
    np.testing.assert_allclose(*sides, rtol=1e-9)


@pytest.mark.slow
def test_what_is_asked_is_that_of_the_same_likelihood_in_jax():
    model = joint(host_likelihood(of_events, 3, **KINDS["neither"]), None)
    result = model.fit(OBS)
    toys = shared().toy_pred(best_fit().x, 30, seed=3)
    found, expected = model.batch_fit(toys), shared().batch_fit(toys)
    assert found.success.all()
    assert np.max(np.abs(found.x - expected.x) / best_fit().errors) < 1e-5
    for ask in (
        lambda m, b: m.scan("mass", [125.0, 125.5], b, OBS).delta_nll,
        lambda m, b: m.impacts("mu", b, OBS).up,
        lambda m, b: m.upper_limit("mu", OBS).expected,
        lambda m, b: m.goodness_of_fit(OBS, toys=20, seed=1).toys,
        lambda m, b: m.breakdown("mass", b, OBS).shares,
    ):
        np.testing.assert_allclose(ask(model, result), ask(shared(), best_fit()), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_a_fit_can_be_differentiated_its_covariance_cannot(mode):
    """By the data of the bins: values need second derivatives, the covariance third ones."""
    model = joint(host_likelihood(of_events, 3, **KINDS["both"]), None)

    def fitted(model):
        return mode(lambda obs: functional.fit(model.prepared, obs).values)(jnp.asarray(OBS))

    np.testing.assert_allclose(fitted(model), fitted(shared()), rtol=1e-6, atol=1e-9)
    assert np.isnan(
        mode(lambda obs: functional.fit(model.prepared, obs).covariance[1, 1])(jnp.asarray(OBS))
    ).all()


def test_preparing_again_compiles_nothing():
    model = joint(host_likelihood(of_events, 3, **KINDS["both"]), None)
    model.fit(OBS)
    size = fitters.count_traces()
    model.prepare().fit(OBS)
    assert fitters.count_traces() == size


def test_two_functions_that_look_the_same_are_two():
    """Made by one lambda, of one name: programs are told apart all the same."""

    def made(at):
        return host_likelihood(lambda x: 50.0 * (x[0] - at) ** 2, 1, step=1e-3)

    fitted = []
    for at in (1.0, 2.0):
        mu = Variable("mu", 1.0)
        model = Model().add_proc(Process("p", [1.0]).scale_by(mu)).add_likelihood(made(at), [mu]).prepare()
        fitted.append(model.fit([1.0])["mu"].value)
    assert fitted[1] - fitted[0] > 0.9


# -- failures --------------------------------------------------------------------------------------


def narrow(values):
    """Raises beyond 3: a fit that starts near there steps back."""
    return 50.0 * (values[0] - 1.0) ** 2 - 0.01 * math.log(3.0 - values[0])


def counting(host, start=1.0):
    mu = Variable("mu", start)
    return Model().add_proc(Process("p", [5.0]).scale_by(mu)).add_likelihood(host, [mu], name="host")


def test_a_fit_steps_back_from_where_it_raises():
    host = host_likelihood(narrow, 1)
    found = counting(host, 2.9).prepare().fit([500.0])

    def jax_narrow(values, data):
        return 50.0 * (values[0] - 1.0) ** 2 - 0.01 * jnp.log(3.0 - values[0])

    expected = counting(jax_narrow, 2.9).prepare().fit([500.0])
    assert found["mu"].value == pytest.approx(expected["mu"].value, abs=1e-6)
    assert isinstance(found, FitResult)


def test_a_raise_at_the_start_is_an_error_that_shows_it():
    def broken(values):
        raise RuntimeError("no workspace")

    with pytest.raises(UserFunctionError, match=r"'host'.*start values.*RuntimeError: no workspace"):
        counting(host_likelihood(broken, 1)).prepare()


@pytest.mark.parametrize("result", [None, [1.0, 2.0], "1.0", 1j])
def test_a_result_that_is_no_number_is_an_error_at_the_start(result):
    with pytest.raises(UserFunctionError, match="one real number"):
        counting(host_likelihood(lambda x: result, 1)).prepare()


@pytest.mark.parametrize("kind", ["gradient", "hessian"])
def test_derivatives_of_another_shape_end_a_fit_with_a_status(kind):
    fn = {"gradient": lambda x: np.zeros(2), "hessian": lambda x: np.zeros(1)}[kind]
    host = host_likelihood(lambda x: (x[0] - 1.0) ** 2, 1, **{kind: fn})
    if kind == "gradient":
        with pytest.raises(UserFunctionError, match=r"shape \(2,\), expected \(1,\)"):
            counting(host).prepare()
        return
    with pytest.raises(FitError) as failed:
        counting(host).prepare().fit([5.0])
    assert failed.value.result.status != Status.CONVERGED
    assert "expected (1, 1)" in str(host.last_error)


def test_a_function_that_fails_from_some_call_on_ends_a_fit_with_a_status():
    state = {"alive": True}

    def dying(values):
        if not state["alive"]:
            raise RuntimeError("gone")
        return 0.5 * (values[0] - 1.0) ** 2

    host = host_likelihood(dying, 1)
    model = counting(host).prepare()
    state["alive"] = False
    result = model.fit([7.0], strict=False, init={"mu": 1.3})
    assert not result.success
    assert str(host.last_error) == "gone"
    batch = model.batch_fit(np.array([[7.0], [8.0]]), init={"mu": 1.4})
    assert not batch.success.any()


def test_steps_shrink_where_the_function_is_not_defined():
    """The logarithm begins at 0, and the first step would pass it."""
    x = np.array([1e-4])

    def of_log(values):
        return 3.0 * values[0] - np.log(values[0]) if values[0] > 0.0 else float("nan")

    found = differences.steps(of_log, x)
    assert 0.0 < 2.0 * found[0] < x[0]
    assert differences.gradient(of_log, x, found)[0] == pytest.approx(3.0 - 1e4, rel=1e-6)
