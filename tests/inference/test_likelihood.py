"""The likelihood as a function for others: numbers, derivatives, traces, clear errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from small_models import MODELS, cached, make, random_values

from smoothfit import Likelihood, errors
from smoothfit.inference.protocol import density as densities
from smoothfit.likelihood import derived
from smoothfit.model import Model, Process, Variable
from smoothfit.preparation import groups

QUICK = ("effects", "lite_process", "slots")
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
MODES = ("free", "profiled")


def likelihood_of(name, **options):
    small = cached(name)
    return small, small.model.likelihood(small.obs, globs=small.globs, **options)


# -- the same function ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_it_is_the_nll_of_the_model(name):
    small, likelihood = likelihood_of(name)
    model = small.model
    assert likelihood.names == (*model.parameters, *model.bin_parameters)
    np.testing.assert_array_equal(likelihood.start[: len(model.parameters)], model.layout.start)
    for seed in range(3):
        values = random_values(small, np.random.default_rng(seed))
        expected = model.nll(values, small.obs, small.globs)
        assert float(likelihood.nll(values)) == pytest.approx(expected, rel=1e-13)
        np.testing.assert_array_equal(likelihood.to_model(values), values)
        np.testing.assert_array_equal(likelihood.from_model(values), values)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EVERY)
def test_gradients_are_differences(name, mode):
    small, likelihood = likelihood_of(name, bin_parameters=mode)
    values = np.asarray(likelihood.from_model(random_values(small, np.random.default_rng(5))))
    nll = jax.jit(jax.value_and_grad(likelihood.nll))

    def difference(k, step):
        shift = step * np.eye(len(values))[k]
        return (float(nll(values + shift)[0]) - float(nll(values - shift)[0])) / (2.0 * step)

    # Richardson's extrapolation leaves an error of step^4.
    expected = [(4.0 * difference(k, 1e-4) - difference(k, 2e-4)) / 3.0 for k in range(len(values))]
    np.testing.assert_allclose(nll(values)[1], expected, atol=3e-7 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in (
            "lite_process",
            "lite_total",
            "lite_gamma",
            "full",
            "threshold",
            "gaussian_data",
            "covariance",
        )
    ],
)
def test_profiled_is_the_lowest_by_bin_parameters(name):
    small, profiled = likelihood_of(name, bin_parameters="profiled")
    _, free = likelihood_of(name)
    layout = small.model.layout
    n = layout.n_params
    assert len(profiled) == n
    assert len(free) > n
    values = random_values(small, np.random.default_rng(1))[:n]
    lowest, full = float(profiled.nll(values)), np.asarray(profiled.to_model(values))
    assert float(free.nll(full)) == pytest.approx(lowest, rel=1e-13)
    # An independent minimiser, from where the model starts, ends there.
    nll = jax.jit(jax.value_and_grad(lambda x: free.nll(jnp.concatenate([values, x]))))
    found = optimize.minimize(
        lambda x: tuple(map(np.asarray, nll(x))),
        layout.bin_centre,
        jac=True,
        method="L-BFGS-B",
        bounds=[(1e-9 if counting else None, None) for counting in layout.bin_counting],
        options={"ftol": 1e-15, "gtol": 1e-9},
    )
    assert found.fun == pytest.approx(lowest, abs=1e-8)
    np.testing.assert_allclose(found.x, full[n:], atol=1e-4)


def test_what_is_held_is_no_part_of_the_vector():
    small = cached("lite_process")
    model = small.model
    first = model.bin_parameters[0]
    fixed = {"scale": 1.1, "aux": 0.9, first: 0.4}
    values = random_values(small, np.random.default_rng(2))
    at = [model.index("scale"), model.index("aux"), model.layout.positions(first)[0]]
    values[at] = list(fixed.values())
    for mode in MODES:
        likelihood = model.likelihood(small.obs, globs=small.globs, fixed=fixed, bin_parameters=mode)
        assert set(likelihood.names).isdisjoint(fixed)
        full = np.asarray(likelihood.to_model(likelihood.from_model(values)))
        np.testing.assert_array_equal(full[at], values[at])
        assert float(likelihood.nll(likelihood.from_model(values))) == pytest.approx(
            model.nll(full, small.obs, small.globs), rel=1e-13
        )


def test_variables_held_by_default_are_held():
    sig = Process("sig", [5.0, 6.0]).scale_by(Variable("mu", 1.0)).scale_by(Variable("k", 1.2, fixed=True))
    model = Model().add_proc(sig).add_proc(Process("bkg", [10.0, 10.0])).prepare()
    likelihood = model.likelihood([16.0, 17.0])
    assert likelihood.names == ("mu",)
    np.testing.assert_array_equal(likelihood.to_model([0.7]), [0.7, 1.2])


@pytest.mark.parametrize("mode", MODES)
def test_large_models(monkeypatch, mode):
    """Worked through channel by channel, nothing derived beforehand, no Hessian: the same function."""
    small, expected = likelihood_of("widths", bin_parameters=mode)
    monkeypatch.setattr(groups, "MATRIX_FREE", 0)
    monkeypatch.setattr(groups, "_FEWER", 2.0)
    monkeypatch.setattr(derived, "_KEPT", 0)
    model = make("widths").model
    assert model.prepared.plan.groups.matrix_free
    likelihood = model.likelihood(small.obs, globs=small.globs, bin_parameters=mode)
    values = np.asarray(expected.from_model(random_values(small, np.random.default_rng(4))))
    for one, other in zip(*(jax.value_and_grad(f.nll)(values) for f in (likelihood, expected)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(likelihood.to_model(values), expected.to_model(values), rtol=1e-12)


# -- other data, jit, vmap -------------------------------------------------------------------------------


def test_other_data_and_global_observables():
    small, likelihood = likelihood_of("lite_total")
    model = small.model
    values = random_values(small, np.random.default_rng(3))
    toys, globs = (np.asarray(f(model.layout.start, 4, seed=1)) for f in (model.toy_pred, model.toy_glob))
    n = len(model.layout.constrained)
    expected = [model.nll(values, o, g) for o, g in zip(toys, globs, strict=True)]
    found = jax.vmap(likelihood.nll, (None, 0, 0))(values, jnp.asarray(toys), jnp.asarray(globs))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    one_by_one = [likelihood.nll(values, o, g) for o, g in zip(toys, globs, strict=True)]
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-13)
    # Without data of their own, counts and globs are those that the likelihood was made with, bins' included.
    assert float(likelihood.nll(values, toys[0])) == pytest.approx(
        model.nll(values, toys[0], small.globs), rel=1e-13
    )
    mixed = np.concatenate([globs[0][:n], small.globs[n:]])
    expected = model.nll(values, small.obs, mixed)
    assert float(likelihood.nll(values, None, jnp.asarray(globs[0][:n]))) == pytest.approx(
        expected, rel=1e-13
    )
    as_dict = {c.name: toys[0][c.bins] for c in model.layout.channels}
    assert float(likelihood.nll(values, as_dict)) == float(likelihood.nll(values, toys[0]))


def test_models_of_one_structure_are_compiled_once():
    first, second = make("counting", 0), make("counting", 1)
    one = first.model.likelihood(first.obs)
    u = np.array([0.2])
    before = one.nll([1.1]), one.log_density(u)
    counted = [f.count_traces() for f in (densities.nll, densities.log_density)]
    again = first.model.prepare().likelihood(second.obs, globs=first.globs)
    other = second.model.likelihood(second.obs)
    assert float(again.nll([1.1])) != float(before[0])
    assert float(other.log_density(u)) != float(before[1])
    assert [f.count_traces() for f in (densities.nll, densities.log_density)] == counted


def test_as_an_argument_it_is_traced_once_for_all_data():
    small = cached("widths")
    traces = []

    @jax.jit
    def slope(likelihood, values):
        traces.append(likelihood.names)
        return jax.grad(likelihood.log_density)(values)

    found = []
    for seed in (1, 2):
        obs = np.asarray(small.model.toy_pred({}, 1, seed=seed))[0]
        likelihood = small.model.likelihood(obs)
        u = likelihood.to_unconstrained(likelihood.start)
        found.append(slope(likelihood, u))
        np.testing.assert_allclose(found[-1], jax.grad(likelihood.log_density)(u), rtol=1e-10, atol=1e-10)
    assert len(traces) == 1
    assert traces[0] == likelihood.names
    assert not np.array_equal(*found)
    # A method is a function that JAX knows again.
    assert jax.jit(likelihood.nll) == jax.jit(likelihood.nll) or hash(likelihood.nll) == hash(likelihood.nll)
    copy = jax.tree.unflatten(jax.tree.structure(likelihood), jax.tree.leaves(likelihood))
    assert copy.names == likelihood.names
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(likelihood))


def test_another_choice_of_free_parameters_is_another_program():
    small = cached("widths")
    double = jax.jit(lambda likelihood, values: likelihood.values_to_dict(2.0 * values))
    free = small.model.likelihood(small.obs, bin_parameters="profiled")
    held = small.model.likelihood(small.obs, bin_parameters="profiled", fixed={"mu": 1.0})
    assert {k: float(v) for k, v in double(free, jnp.ones(2)).items()} == {"mu": 2.0, "theta": 2.0}
    assert {k: float(v) for k, v in double(held, jnp.ones(1)).items()} == {"theta": 2.0}
    other = small.model.likelihood(small.obs, bin_parameters="profiled", fixed={"theta": 1.0})
    assert list(double(other, jnp.ones(1))) == ["mu"]


# -- names -----------------------------------------------------------------------------------------------


def test_dicts_and_vectors():
    _, likelihood = likelihood_of("arrays", bin_parameters="profiled")
    names = likelihood.names
    values = likelihood.values_from_dict({"mu": [1.5, 0.5], "tilt[1]": 0.3, "theta": -1.0, "bins": 1.1})
    expected = dict(zip(names, np.asarray(likelihood.start), strict=True))
    expected |= {
        "mu_1": 1.5,
        "mu_2": 0.5,
        "tilt[1]": 0.3,
        "theta": -1.0,
        **{f"bins[{i}]": 1.1 for i in range(3)},
    }
    assert likelihood.values_to_dict(values) == pytest.approx(expected)
    samples = np.arange(6.0 * len(likelihood)).reshape(2, 3, -1)
    np.testing.assert_array_equal(likelihood.values_to_dict(samples)[names[1]], samples[..., 1])
    np.testing.assert_array_equal(likelihood.to_model(samples)[1, 2], likelihood.to_model(samples[1, 2]))
    traced = jax.jit(lambda mu: likelihood.nll(likelihood.values_from_dict({"mu": mu})))
    expected = likelihood.nll(likelihood.values_from_dict({"mu": [1.5, 0.5]}))
    assert float(traced(jnp.array([1.5, 0.5]))) == pytest.approx(float(expected), rel=1e-12)


def test_representation():
    _, likelihood = likelihood_of("widths", bin_parameters="profiled")
    assert repr(likelihood) == "Likelihood(2 free parameters; 11 bins; bin parameters profiled)"
    assert isinstance(likelihood, Likelihood)
    assert len(likelihood) == 2


# -- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda m, o: m.likelihood(o, bin_parameters=True), errors.InvalidValueError, "'free', 'profiled'"),
        (lambda m, o: m.likelihood(o[:3]), errors.ShapeMismatchError, "11 bins"),
        (lambda m, o: m.likelihood(o, fixed={"nu": 1.0}), errors.UnknownNameError, "'nu'"),
        (lambda m, o: m.likelihood(o).nll([1.0]), errors.ShapeMismatchError, r"expected \(13,\)"),
        (lambda m, o: m.likelihood(o).log_density(np.ones((2, 13))), errors.ShapeMismatchError, r"\(13,\)"),
        (lambda m, o: m.likelihood(o).from_model(np.ones(2)), errors.ShapeMismatchError, "best_fit.x"),
        (lambda m, o: m.likelihood(o).values_to_dict(1.0), errors.ShapeMismatchError, r"\(\.\.\., 13\)"),
        (lambda m, o: m.likelihood(o).values_from_dict([1.0]), errors.InvalidTypeError, "expected a dict"),
        (lambda m, o: m.likelihood(o).values_from_dict({"no": 1.0}), errors.UnknownNameError, "'no'"),
        (
            lambda m, o: m.likelihood(o).values_from_dict({"mu": [1.0, 2.0]}),
            errors.ShapeMismatchError,
            "'mu'",
        ),
        (lambda m, o: m.likelihood(o).values_from_dict({"mu": "x"}), errors.InvalidTypeError, "'mu'"),
        (
            lambda m, o: m.likelihood(o, fixed={"mu": 1.0}).values_from_dict({"mu": 1.0}),
            errors.InvalidValueError,
            "'mu' is not free",
        ),
        (lambda m, o: m.likelihood(o).nll(np.ones(13), o[:2]), errors.ShapeMismatchError, "11 bins"),
        (lambda m, o: m.likelihood(o).nll(np.ones(13), -o), errors.InvalidValueError, "negative"),
        (lambda m, o: m.likelihood(o).nll(np.ones(13), jnp.ones((2, 11))), errors.ShapeMismatchError, "vmap"),
        (
            lambda m, o: m.likelihood(o).nll(np.ones(13), None, jnp.ones(2)),
            errors.ShapeMismatchError,
            "1 global observables of parameters and 11 of bins",
        ),
        (lambda m, o: m.likelihood(o, priors=[1.0]), errors.InvalidTypeError, "priors must be a dict"),
        (
            lambda m, o: m.likelihood(o, priors={"mu": 1.0}),
            errors.InvalidTypeError,
            "'mu' must be a function",
        ),
        (lambda m, o: m.likelihood(o, priors={"nu": abs}), errors.UnknownNameError, "'nu'"),
        (lambda m, o: m.likelihood(o, priors={"theta": abs}), errors.InvalidValueError, "has a constraint"),
        (
            lambda m, o: m.likelihood(o, priors={m.bin_parameters[0]: abs}),
            errors.InvalidValueError,
            "has a constraint",
        ),
        (
            lambda m, o: m.likelihood(o, priors={"mu": abs}, fixed={"mu": 1.0}),
            errors.InvalidValueError,
            "'mu' is held",
        ),
        (
            lambda m, o: m.likelihood(o, priors={"mu": lambda mu: jnp.log(mu - 2.0)}),
            errors.UserFunctionError,
            "prior of 'mu' is not finite at 1.0",
        ),
        (
            lambda m, o: m.likelihood(o, priors={"mu": lambda mu: 0.0 if mu > 0 else -1.0}),
            errors.UserFunctionError,
            "cannot be traced",
        ),
    ],
)
def test_bad_input_is_refused(ask, error, message):
    small = cached("widths")
    with pytest.raises(error, match=message):
        ask(small.model, small.obs)


def test_a_stale_model_is_refused():
    process = Process("p", [5.0]).scale_by(Variable("mu", 1.0))
    model = Model().add_proc(process)
    with pytest.raises(errors.NotPreparedError):
        model.likelihood([5.0])
    model.prepare()
    process.scale_by(Variable("nu", 1.0))
    with pytest.raises(errors.StaleModelError):
        model.likelihood([5.0])
