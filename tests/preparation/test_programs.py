"""The identity of a traced function: equal for equal meaning, derivative rules included."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from smoothfit.programs import trace


def squared(slope):
    """x^2, with a derivative that is said to be ``slope`` x."""

    @jax.custom_jvp
    def call(x):
        return jnp.sum(x * x)

    @call.defjvp
    def _(primals, tangents):
        return call(*primals), slope * jnp.sum(primals[0] * tangents[0])

    return call


def key(fn, shape=(3,)):
    return trace(fn, [shape], label="fn", owner="a test")[0].key


def test_a_rule_of_the_users_is_part_of_the_identity():
    assert key(squared(2.0)) == key(squared(2.0))
    assert key(squared(2.0)) != key(squared(3.0))
    inside = [key(lambda x, rule=rule: jnp.exp(jax.jit(squared(rule))(x))) for rule in (2.0, 3.0)]
    assert inside[0] != inside[1]


def test_rules_of_jax_itself_keep_the_identity_of_a_function_made_anew():
    flags = jnp.array([1, 0, 2])

    def made():
        return lambda x: jnp.sum(jax.nn.relu(x) * flags + jax.scipy.special.xlogy(x, x))

    assert key(made()) == key(made())


def test_held_arguments_come_after_what_was_captured():
    scale = jnp.array(2.0)
    program, captured = trace(lambda x, y: scale * x @ y, [(2,), (2,)], label="fn", owner="a test")
    x, y = jnp.array([1.0, 2.0]), jnp.array([3.0, 5.0])
    assert float(program(captured, x, y)) == float(program((*captured, y), x)) == 26.0
    assert jax.grad(lambda y: program((*captured, y), x))(y).tolist() == [2.0, 4.0]
