"""Functions as programs: every derivative, reverse and forward, batched; and what is no program."""

from __future__ import annotations

import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import smoothfit
from smoothfit import Model, Process, Variable, programs
from smoothfit.effects import Quantile
from smoothfit.errors import (
    FileFormatError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    UserFunctionError,
)
from smoothfit.io.saved import save
from smoothfit.io.saved.container import pack
from smoothfit.io.saved.functions import Recorder

CAPTURED = np.linspace(0.5, 2.0, 4)


def user(a, b):
    """(4,) of a number and three."""
    bent = jnp.where(CAPTURED > 1.0, a**3, a)
    return jnp.exp(-a * CAPTURED) * jnp.sin(b).sum() + b.prod() * CAPTURED**2 * bent


AT = (0.3, jnp.array([0.1, 0.5, 0.7]))


@pytest.fixture(scope="module")
def recorded():
    return Recorder().record(user, [[(), (3,)]], label="user", owner="test")


TRANSFORMS = {
    "value": lambda f: f,
    "forward": lambda f: jax.jacfwd(f, (0, 1)),
    "reverse": lambda f: jax.jacrev(f, (0, 1)),
    "forward over reverse": lambda f: jax.hessian(f, (0, 1)),
    "reverse over reverse": lambda f: jax.jacrev(jax.jacrev(f, 1), 0),
    "reverse over forward": lambda f: jax.jacrev(jax.jacfwd(f, 1), 1),
    "third, forward": lambda f: jax.jacfwd(jax.jacfwd(jax.jacfwd(f, 1), 0), 1),
    "third, mixed": lambda f: jax.jacfwd(jax.jacrev(jax.jacrev(f, 1), 0), 1),
    "linearised": lambda f: lambda a, b: jax.linearize(f, a, b)[1](1.0, b),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_derivatives_are_those_of_the_function(recorded, name):
    transform = TRANSFORMS[name]
    ours, theirs = (jax.jit(transform(f))(*AT) for f in (recorded, user))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_batches_within_batches_of_hessians(recorded):
    grids = jnp.linspace(0.0, 1.0, 3), jnp.linspace(0.1, 0.4, 15).reshape(5, 3)
    twice = lambda f: jax.vmap(jax.vmap(jax.hessian(f, 1), (None, 0)), (0, None))  # noqa: E731
    ours, theirs = (jax.jit(twice(f))(*grids) for f in (recorded, user))
    assert ours.shape == (3, 5, 4, 3, 3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_a_derivative_of_a_batch_is_a_batch_of_derivatives(recorded):
    batch = jnp.linspace(0.1, 0.4, 15).reshape(5, 3)
    total = lambda f: jax.grad(lambda b: jax.vmap(f, (None, 0))(0.2, b).sum())  # noqa: E731
    ours, theirs = (jax.jit(total(f))(batch) for f in (recorded, user))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_beyond_the_third_derivative_it_says_so(recorded):
    fourth = jax.jacfwd(jax.jacfwd(jax.jacfwd(jax.jacfwd(recorded))))
    with pytest.raises(UserFunctionError, match="'user' of a saved model has derivatives up to order 3"):
        jax.eval_shape(fourth, *AT)


def test_other_shapes_are_refused(recorded):
    with pytest.raises(ShapeMismatchError, match=r"takes arguments of shape \[\(\), \(3,\)\], got"):
        recorded(jnp.ones(2), jnp.ones(3))


def test_traces_of_different_programs_differ_and_of_the_same_agree():
    one, other, again = (
        Recorder().record(f, [[()]], label="f", owner="test", order=1)
        for f in (lambda x: x**2, lambda x: x**3, lambda x: x**2)
    )
    keys = [programs.trace(f, [()], label="f", owner="o")[0].key for f in (one, other, again)]
    assert keys[0] == keys[2] != keys[1]
    assert one.identity == again.identity != other.identity


def test_functions_that_differ_in_captured_arrays_share_their_programs():
    recorder = Recorder()
    made = [
        recorder.record(lambda x, w=w: x * jnp.asarray(w), [[()]], label="f", owner="o")
        for w in (CAPTURED, 2.0 * CAPTURED)
    ]
    assert made[0].variants[0].programs is made[1].variants[0].programs
    np.testing.assert_array_equal(made[1](3.0), 6.0 * CAPTURED)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), float), x, vmap_method="sequential"),
        lambda x: (jax.debug.callback(print, x), x)[1],
        lambda x: jax.experimental.io_callback(np.sin, jax.ShapeDtypeStruct((), float), x),
    ],
)
def test_callbacks_are_refused_when_saving(tmp_path, function):
    with pytest.raises(UserFunctionError, match="cannot be saved as a program"):
        Recorder().record(function, [[()]], label="f", owner="scale_by_fn")


OPERATIONS = {
    "cholesky": lambda x: jnp.linalg.cholesky(jnp.eye(3) + jnp.outer(x, x)),
    "eigenvalues": lambda x: jnp.linalg.eigvalsh(jnp.diag(x) + jnp.outer(x, x)),
    "loop": lambda x: jax.lax.fori_loop(0, 3, lambda i, y: jnp.sin(y) + x[i], x),
    "condition": lambda x: jax.lax.cond(x[0] > 0.0, jnp.sin, jnp.cos, x),
    "interpolation": lambda x: jnp.interp(x, jnp.arange(4.0), jnp.arange(4.0) ** 2),
    "sorted": lambda x: jnp.cumsum(jnp.sort(x)),
    "special": lambda x: jax.scipy.special.gammaln(1.0 + x**2) + jax.scipy.special.ndtr(x),
    "scanned": lambda x: jax.lax.scan(lambda c, y: (c * y, c + y), 1.0, x)[1],
    "convolved": lambda x: jnp.convolve(x, jnp.array([1.0, 2.0])),
    "custom derivative": lambda x: jax.nn.relu(x - 0.2) + jax.numpy.logaddexp(x, 1.0),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_jax_has_survives(name):
    fn, x = OPERATIONS[name], jnp.array([0.3, 0.9, 1.7])
    found = Recorder().record(fn, [[(3,)]], label=name, owner="o", order=1)
    both = jax.jit(lambda f, x: (f(x), jax.jacrev(f)(x)), static_argnums=0)
    for ours, theirs in zip(both(found, x), both(fn, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_an_elementwise_function_takes_any_shape():
    fn = lambda x: jnp.arctanh(x) + x**2  # noqa: E731
    found = Recorder().record(fn, [[()]], label="f", owner="o", elementwise=True, order=1)
    p = jnp.linspace(0.1, 0.9, 6).reshape(2, 3)
    np.testing.assert_allclose(found(p), fn(p), rtol=1e-14)
    slopes = [jax.jit(jax.vmap(jax.vmap(jax.grad(f))))(p) for f in (found, fn)]
    np.testing.assert_allclose(*slopes, rtol=1e-12)


@pytest.mark.slow
def test_a_quantile_of_saved_functions_is_the_quantile(tmp_path):
    given = Quantile(cdf=lambda x: jax.nn.sigmoid((x - 1.0) / 0.1))
    theta = Variable("theta", 0.0, nuisance=True)
    model = Model().add_proc(Process("p", [100.0]).add_effect(given, theta)).prepare()
    save(model, tmp_path / "m.smoothfit")
    (process,) = smoothfit.load(tmp_path / "m.smoothfit").specification.processes
    again = process.effects[0].effect
    grid = np.linspace(-9.0, 9.0, 37)
    np.testing.assert_allclose(again(grid), given(grid), rtol=1e-12)
    for order in (jax.grad, lambda f: jax.grad(jax.grad(f))):
        ours, theirs = (jax.jit(jax.vmap(order(f)))(jnp.asarray(grid)) for f in (again, given))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


# -- by import -------------------------------------------------------------------------------------


@pytest.fixture
def module():
    """A module with a function, as an installed package has it."""
    found = types.ModuleType("smoothfit_test_analysis")
    exec("def double(x):\n    return 2.0 * x\n", vars(found))
    found.double.__module__ = found.__name__
    sys.modules[found.__name__] = found
    yield found
    del sys.modules[found.__name__]


def test_a_function_by_import_needs_leave(tmp_path, module):
    path, mu = tmp_path / "m.smoothfit", Variable("mu", 1.5)
    model = Model().add_proc(Process("p", [10.0]).scale_by_fn(module.double, mu)).prepare()
    save(model, path, functions="import")
    with pytest.raises(FileFormatError, match=r"load with allow_imports=\['smoothfit_test_analysis'\]"):
        smoothfit.load(path)
    again = smoothfit.load(path, allow_imports=[module.__name__])
    assert float(again.pred({})[0]) == 30.0
    assert again.specification.processes[0].effects[0].fn is module.double
    assert smoothfit.io.saved.model_hash(again) == smoothfit.io.saved.model_hash(model)
    del module.double
    with pytest.raises(FileFormatError, match="has no function 'double'"):
        smoothfit.load(path, allow_imports=[module.__name__])
    with pytest.raises(InvalidTypeError, match="names of modules"):
        smoothfit.load(path, allow_imports=[3])


def test_a_lambda_cannot_be_imported(tmp_path):
    model = Model().add_proc(Process("p", [10.0]).scale_by_fn(lambda m: m, Variable("mu", 1.0))).prepare()
    with pytest.raises(UserFunctionError, match="cannot be found by import"):
        save(model, tmp_path / "m.smoothfit", functions="import")


def test_what_reading_would_refuse_is_not_written():
    large = np.arange(1 << 21)
    with pytest.raises(UserFunctionError, match="characters; at most"):
        Recorder().record(lambda x: x + jnp.asarray(large)[0], [[()]], label="f", owner="o", order=0)
    with pytest.raises(InvalidValueError, match="20001 members"):
        pack({"model.json": b"{}", **{f"functions/{i}_along0.mlir": b"" for i in range(20_000)}})
