"""What is traced and compiled once, what is stored, and that jit and vmap change nothing."""

from __future__ import annotations

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import MODELS, cached, make

from benchmarks.memory import kept, many_shapes
from smoothfit import errors, fitters, functional
from smoothfit.constraints import Gaussian
from smoothfit.model import ChannelContrib, Model, Process, Variable


class Traced:
    """A jitted function of a prepared model that counts how often it is traced."""

    def __init__(self, fn):
        self.count = 0

        def counting(*arguments):
            self.count += 1
            return fn(*arguments)

        self.call = jax.jit(counting)

    def __call__(self, *arguments):
        return self.call(*arguments)


@pytest.mark.parametrize("name", list(MODELS))
def test_other_numbers_in_the_same_structure_trace_nothing(name):
    """Builders, functions and arrays are made anew, with other numbers."""
    nll = Traced(lambda prepared, values, obs: functional.nll(prepared, values, obs))
    first, second = make(name, 0), make(name, 1)
    one = float(nll(first.model.prepared, first.model.layout.start, first.obs))
    other = float(nll(second.model.prepared, second.model.layout.start, second.obs))
    assert nll.count == 1
    assert one != other
    assert other == pytest.approx(second.model.nll(second.model.layout.start, second.obs), rel=1e-12)


def test_fits_of_models_made_anew_compile_nothing():
    first, second = make("arrays", 0), make("arrays", 1)
    one = first.model.fit(first.obs, globs=first.globs)
    size = fitters.count_traces()
    first.model.prepare()
    again = first.model.fit(first.obs, globs=first.globs)
    np.testing.assert_array_equal(again.x, one.x)
    other = second.model.fit(second.obs, globs=second.globs, fixed={"slope": 0.2})
    first.model.profile({"slope": 0.15}, one)
    first.model.fit(second.obs, init={"mu_1": 2.0})
    assert fitters.count_traces() == size
    assert not np.array_equal(other.x, one.x)


def with_function(fn, captured=1.0):
    mu = Variable("mu", 1.0)
    del captured
    return Model().add_proc(Process("p", [5.0, 6.0]).scale_by_fn(fn, mu)).prepare().prepared


def test_another_literal_is_another_program():
    expected = Traced(functional.expected)
    values = jnp.array([1.5])
    np.testing.assert_allclose(expected(with_function(lambda m: m * 2.0), values), [15.0, 18.0])
    np.testing.assert_allclose(expected(with_function(lambda x: x * 2.0), values), [15.0, 18.0])
    assert expected.count == 1
    np.testing.assert_allclose(expected(with_function(lambda m: m * 3.0), values), [22.5, 27.0])
    assert expected.count == 2
    np.testing.assert_allclose(
        expected(with_function(lambda m: m * 3.0000000000000004), values), [22.5, 27.0]
    )
    assert expected.count == 3


def test_captured_arrays_are_numbers_not_programs():
    expected = Traced(functional.expected)

    def capturing(array):
        return with_function(lambda m: m * jnp.asarray(array))

    values = jnp.array([2.0])
    np.testing.assert_allclose(expected(capturing(np.array([1.0, 2.0])), values), [10.0, 24.0])
    np.testing.assert_allclose(expected(capturing(np.array([3.0, 4.0])), values), [30.0, 48.0])
    assert expected.count == 1


def test_an_array_changed_in_place_is_seen_when_preparing_again():
    factor = np.array([1.0, 2.0])
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("p", [5.0, 6.0]).scale_by_fn(lambda m: m * factor, mu)).prepare()
    np.testing.assert_allclose(model.pred({mu: 1.0}), [5.0, 12.0])
    factor[:] = [3.0, 4.0]
    np.testing.assert_allclose(model.pred({mu: 1.0}), [5.0, 12.0])
    model.prepare()
    np.testing.assert_allclose(model.pred({mu: 1.0}), [15.0, 24.0])


def test_yields_given_are_copied():
    yields = np.array([5.0, 6.0])
    model = Model().add_proc(Process("p", yields).scale_by(Variable("mu", 1.0)))
    yields[:] = 0.0
    np.testing.assert_allclose(model.prepare().pred([1.0]), [5.0, 6.0])


def test_a_model_closed_over_by_a_jitted_function_is_still_usable_after():
    """Nothing made while tracing may be kept."""
    mu = Variable("mu", 1.0)
    model = Model().add_proc(Process("p", [5.0, 6.0], sumw2=[1.0, 1.0]).scale_by(mu)).prepare()
    inside = jax.jit(lambda v: functional.nll(model.prepared, v, [5.0, 6.0]))(jnp.array([1.1]))
    assert model.nll([1.1], [5.0, 6.0]) == pytest.approx(float(inside), rel=1e-14)
    assert float(jax.grad(lambda v: functional.expected(model.prepared, v)[0])(jnp.array([1.1]))[0]) == 5.0
    assert model.fit([5.0, 6.0]).success


def test_a_model_made_while_tracing_is_still_usable_after():
    made = []

    def nll(yields):
        mu = Variable("mu", 1.0)
        signal = Process("p", [5.0, 6.0], sumw2=[1.0, 1.0]).scale_by(mu)
        made.append(Model().add_proc(signal).prepare())
        return functional.nll(made[-1].replaced("p", "main", yields=yields), jnp.array([1.1]), [5.0, 6.0])

    yields = jnp.array([5.0, 6.0])
    inside = jax.jit(nll)(yields)
    assert made[0].nll([1.1], [5.0, 6.0]) == pytest.approx(float(inside), rel=1e-14)
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(made[0].prepared))


def test_numbers_that_are_traced_belong_in_replaced():
    def by_yields(yields):
        return Model().add_proc(Process("p", yields))

    with pytest.raises(errors.InvalidTypeError, match=r"'p': yields cannot be traced.*model.replaced"):
        jax.grad(by_yields)(jnp.array([5.0, 6.0]))

    def by_captured(x):
        mu = Variable("mu", 1.0)
        return Model().add_proc(Process("p", [5.0]).scale_by_fn(lambda value: x * value, mu)).prepare()

    @jax.jit
    def by_function(x):
        mu = Variable("mu", 1.0)
        return x * Model().add_proc(Process("p", [5.0]).scale_by_fn(jnp.exp, mu)).prepare().layout.start

    with pytest.raises(errors.UserFunctionError, match=r"while JAX is tracing; .*model.replaced"):
        by_function(2.0)
    for change in (jax.jit, jax.grad):
        with pytest.raises(errors.UserFunctionError, match=r"captures what JAX is tracing; .*model.replaced"):
            change(by_captured)(2.0)


# -- storage --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((100, 20, 10, 2000), id="small"),
        pytest.param((1000, 50, 20, 5000), id="1000-shapes", marks=pytest.mark.slow),
    ],
)
def test_memory_follows_what_the_model_contains(sizes):
    model, handed = many_shapes(*sizes)
    gc.collect()
    assert kept(model.prepared) <= 1.3 * handed


def test_a_wide_and_a_narrow_channel_do_not_pad_each_other():
    rng = np.random.default_rng(0)
    wide, narrow = rng.uniform(5, 10, 3000), rng.uniform(5, 10, 7)
    model, handed = Model(), 0
    for i in range(12):
        process = Process(f"p{i}", wide, channel="wide").add_contrib(ChannelContrib("narrow", narrow))
        model.add_proc(process)
        handed += 8 * (3000 + 7)
    model.prepare()
    assert kept(model.prepared.templates) <= 1.3 * handed
    np.testing.assert_allclose(model.pred([]), np.concatenate([12 * wide, 12 * narrow]), rtol=1e-13)


# -- locality -------------------------------------------------------------------------------------------


def test_bin_local_parameters_are_found():
    small = cached("locals")
    plan = small.model.prepared.plan
    assert plan.n_params == 12
    assert plan.n_dense == 3
    found = np.asarray(plan.local.at.values).astype(int)
    expected = np.concatenate([small.model.index(v) for v in ("gauss", "poisson", "free")])
    np.testing.assert_array_equal(np.sort(found), np.sort(expected))


def test_shared_between_channels_is_not_local():
    plan = cached("arrays").model.prepared.plan
    assert plan.local is None
    assert plan.n_dense == plan.n_params


def test_a_model_with_nothing_but_local_parameters_fits():
    bins = Variable("bins", [1.0, 1.0, 1.0])
    other = Variable("other", [1.0, 1.0, 1.0], constraint=Gaussian(width=0.1))
    sep = Process("sep", [40.0, 80.0, 90.0], channel="B").scale_by(other, axis="bin")
    bkg = Process("bkg", [50.0, 60.0, 70.0]).scale_by(bins, axis="bin")
    alone = Model().add_proc(bkg).add_proc(sep).prepare()
    # A minimiser needs something to minimise: the fewest are left to it.
    assert alone.prepared.plan.n_dense == 3
    obs = np.array([55.0, 57.0, 77.0, 44.0, 70.0, 95.0])
    fit = alone.fit(obs)
    assert fit.success
    np.testing.assert_allclose(fit["bins"].value, obs[:3] / [50.0, 60.0, 70.0], rtol=1e-9)
    np.testing.assert_allclose(fit["bins"].error, np.sqrt(obs[:3]) / [50.0, 60.0, 70.0], rtol=1e-9)
    # n - d/y + (y - 1)/w^2 = 0, with 1/w^2 = 100.
    n, d = np.array([40.0, 80.0, 90.0]), obs[3:]
    b = n - 100.0
    y = (-b + np.sqrt(b**2 + 400.0 * d)) / 200.0
    np.testing.assert_allclose(fit["other"].value, y, rtol=1e-9)
    np.testing.assert_allclose(fit["other"].error, 1.0 / np.sqrt(d / y**2 + 100.0), rtol=1e-9)


def test_a_model_without_parameters_fits():
    model = Model().add_proc(Process("p", [5.0, 6.0])).prepare()
    fit = model.fit([4.0, 7.0])
    assert fit.success
    assert fit.x.shape == (0,)
    assert fit.fun == pytest.approx(model.nll([], [4.0, 7.0]), rel=1e-14)


# -- jit, vmap -----------------------------------------------------------------------------------------


def test_channels_of_different_widths_are_the_sum_of_their_likelihoods():
    small = cached("widths")
    model, layout = small.model, small.model.layout
    values = np.concatenate([[1.2, 0.4], np.linspace(-1, 1, 11)])
    bins = np.split(values[2:], [7, 8])
    total = 0.0
    for k, channel in enumerate(layout.channels):
        alone = Model().set_mc_stat()
        for process in model._specification.processes:
            source = process[channel.name]
            contrib = ChannelContrib(channel.name, source.yields[0], source.sumw2[0])
            for effect in source.effects:
                contrib.add_shape(effect.variable, effect.up[0], effect.down[0])
            part = Process(process.name).add_contrib(contrib)
            for effect in process.effects:
                part.scale_by(effect.variable)
            alone.add_proc(part)
        alone.prepare()
        total += alone.nll(np.concatenate([values[:2], bins[k]]), small.obs[channel.bins])
    # The nuisance's constraint is counted three times.
    constraint = 0.5 * 0.4**2 + 0.5 * np.log(2 * np.pi)
    assert model.nll(values, small.obs) == pytest.approx(total - 2 * constraint, rel=1e-12)


@pytest.mark.parametrize("name", [pytest.param("widths", marks=pytest.mark.slow), "locals"])
@pytest.mark.slow
def test_jit_changes_nothing(name):
    small = cached(name)
    prepared = small.model.prepared
    values = small.model.layout.start + 0.01
    with jax.disable_jit():
        eager = functional.expected(prepared, values)
    np.testing.assert_allclose(jax.jit(functional.expected)(prepared, values), eager, rtol=1e-13)
    full = np.concatenate([values, np.full(small.model.layout.n_bin_params, 0.1)])
    with jax.disable_jit():
        eager = functional.nll(prepared, full, small.obs)
    assert small.model.nll(full, small.obs) == pytest.approx(float(eager), rel=1e-13)


def test_a_batch_of_fits_is_a_loop_of_fits():
    small = cached("widths")
    prepared = small.model.prepared
    toys = np.asarray(small.model.toy_pred({}, 5, seed=3))
    batch = jax.jit(jax.vmap(lambda obs: functional.fit(prepared, obs)))(toys)
    for k, toy in enumerate(toys):
        one = small.model.fit(toy)
        assert int(batch.status[k]) == 0
        np.testing.assert_allclose(batch.values[k], one.x[:2], atol=1e-8)
        np.testing.assert_allclose(batch.bin_values[k], one.bin_parameters, atol=1e-8)
        assert float(batch.nll[k]) == pytest.approx(one.fun, rel=1e-13)


def test_a_batch_over_templates():
    small = cached("counting")
    model = small.model
    scales = jnp.array([0.9, 1.0, 1.1])

    def fit(scale):
        yields = model._specification.processes[1]["main"].yields[0] * scale
        return functional.fit(model.replaced("bkg", "main", yields=yields), small.obs).values[0]

    np.testing.assert_allclose(jax.vmap(fit)(scales), [fit(s) for s in scales], atol=1e-9)
