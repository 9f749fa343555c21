"""The objective of large models, worked through by groups, against automatic differentiation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import MODELS, make, random_values

from smoothfit import ChannelContrib, Model, Process, Variable, functional
from smoothfit._compilation import compiled
from smoothfit.likelihood import group_response, grouped, objective
from smoothfit.likelihood.block_matrix import BlockMatrix
from smoothfit.preparation import groups

# Each costs a compilation of many derivatives.
QUICK = ("slots",)


@compiled
def by_groups(prepared, data, z, directions):
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))
    found = grouped.evaluate(problem, z)
    covariance = jnp.linalg.inv(found.hessian.dense() + jnp.eye(z.shape[0]))
    variances = jnp.concatenate(group_response.eliminated_variances(problem, z, covariance))
    products = jax.vmap(found.hessian.times)(directions)
    return found, products, found.hessian.dense(), found.hessian.main_diagonal(), covariance, variances


@compiled
def by_jax(prepared, data, z):
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))

    def eliminated(z):
        found = group_response.own(problem, z)[1]
        return jnp.concatenate([found.lite, found.local])

    pushed = jax.vmap(
        lambda e: jax.jvp(jax.value_and_grad(lambda z: objective.value(problem, z)), (z,), (e,))
    )
    (value, gradient), (_, hessian) = pushed(jnp.eye(z.shape[0]))
    return value[0], gradient[0], hessian, jax.jacfwd(eliminated)(z)


def assert_close(found, expected, relative=1e-9):
    scale = max(float(np.max(np.abs(expected), initial=0.0)), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * scale)


def grouped_model(monkeypatch, name, *, by_channel=True):
    monkeypatch.setattr(groups, "LARGE", 0)
    if by_channel:
        monkeypatch.setattr(groups, "_FEWER", 2.0)
    return make(name)


@compiled
def whole(prepared, data, z, covariance):
    """The evaluation of smaller models, which other tests hold against JAX."""
    problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))
    found = objective.evaluate(problem, z)
    following = objective.eliminated(problem, found.y, found.reaction)
    rows = jnp.concatenate([following.lite_by_dense, following.local_by_dense])
    return found, jnp.einsum("bk,kl,bl->b", rows, covariance, rows)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]
)
def test_groups_equal_the_whole(monkeypatch, name):
    small = grouped_model(monkeypatch, name)
    prepared = small.model.prepared
    data = functional.data_of(prepared, small.obs, small.globs)
    dense = np.asarray(prepared.plan.dense.values).astype(int)
    rng = np.random.default_rng(11)
    for size in (0.0, 0.6):
        z = jnp.asarray(random_values(small, rng, size)[dense])
        directions = jnp.asarray(rng.normal(size=(3, len(dense))))
        found, products, matrix, diagonal, covariance, variances = by_groups(prepared, data, z, directions)
        expected, expected_variances = whole(prepared, data, z, covariance)
        np.testing.assert_allclose(found.value, expected.value, rtol=1e-13)
        assert_close(found.gradient, expected.gradient, 1e-12)
        assert_close(matrix, expected.hessian, 1e-12)
        assert_close(products, directions @ expected.hessian, 1e-12)
        assert_close(diagonal, np.diagonal(expected.hessian), 1e-12)
        assert_close(variances, expected_variances, 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("by_channel", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_groups_equal_automatic_differentiation(monkeypatch, name, by_channel):
    small = grouped_model(monkeypatch, name, by_channel=by_channel)
    prepared = small.model.prepared
    data = functional.data_of(prepared, small.obs, small.globs)
    dense = np.asarray(prepared.plan.dense.values).astype(int)
    rng = np.random.default_rng(11)
    for size in (0.0, 0.6):
        z = jnp.asarray(random_values(small, rng, size)[dense])
        directions = jnp.asarray(rng.normal(size=(3, len(dense))))
        found, products, matrix, diagonal, covariance, variances = by_groups(prepared, data, z, directions)
        value, gradient, hessian, by_dense = by_jax(prepared, data, z)
        np.testing.assert_allclose(found.value, value, rtol=1e-12)
        assert_close(found.gradient, gradient)
        assert_close(matrix, hessian)
        assert_close(products, directions @ hessian)
        assert_close(diagonal, np.diagonal(hessian))
        assert_close(variances, np.einsum("bk,kl,bl->b", by_dense, covariance, by_dense))


def test_densities_in_groups(monkeypatch):
    """Rows that are normalised again after flooring, where bins are floored and where none is."""
    monkeypatch.setattr(groups, "LARGE", 0)
    monkeypatch.setattr(groups, "_FEWER", 2.0)
    yields = np.array([30.0, 20.0, 10.0, 0.5, 3.0])
    change = np.array([1.2, 1.1, 1.0, 0.3, 0.2])
    common = Variable("common", 0.0, nuisance=True)
    process = Process("p").scale_by(Variable("mu", 1.0))
    for channel in ("a", "b"):
        contrib = ChannelContrib(channel, yields, yields / 3).add_lnN(common, 1.1)
        own = Variable(f"own_{channel}", 0.0, nuisance=True)
        contrib.add_shape(common, yields * change, yields / change, kind="density")
        contrib.add_shape(own, yields * change, yields * 0.8, kind="density", scale=0.6)
        process.add_contrib(contrib)
    model = Model().add_proc(process).prepare()
    data = functional.data_of(model.prepared, np.round(model.pred({})) + 2.0, None)
    directions = jnp.asarray(np.random.default_rng(1).normal(size=(2, 4)))
    for z in ([1.1, 0.3, 0.2, 0.1], [0.9, 1.9, 1.3, -0.2]):
        z = jnp.asarray(z)
        found, products, matrix, *_ = by_groups(model.prepared, data, z, directions)
        value, gradient, hessian, _ = by_jax(model.prepared, data, z)
        np.testing.assert_allclose(found.value, value, rtol=1e-12)
        assert_close(found.gradient, gradient)
        assert_close(matrix, hessian)
        assert_close(products, directions @ hessian)


def test_a_block_matrix_is_the_sum_of_its_parts():
    rng = np.random.default_rng(0)
    members = np.array([[0, 2, 5], [3, 4, 6]])
    blocks = rng.normal(size=(2, 3, 3))
    blocks += np.swapaxes(blocks, 1, 2)
    more = rng.normal(size=(2, 2))
    more += more.T
    rows = rng.normal(size=(1, 6))
    matrix = BlockMatrix(
        members=jnp.asarray(members),
        blocks=jnp.asarray(blocks),
        diagonal=jnp.arange(6.0),
        more=((jnp.array([1, 5]), jnp.asarray(more)),),
        row_of=jnp.array([4]),
        rows=jnp.asarray(rows),
    )
    expected = np.zeros((7, 7))
    for at, block in zip(members, blocks, strict=True):
        expected[np.ix_(at, at)] += block
    expected = expected[:6, :6] + np.diag(np.arange(6.0))
    expected[np.ix_([1, 5], [1, 5])] += more
    expected[4] += rows[0]
    expected[:, 4] += rows[0]
    expected[4, 4] -= rows[0, 4]
    vector = rng.normal(size=6)
    np.testing.assert_allclose(matrix.dense(), expected, atol=1e-14)
    np.testing.assert_allclose(matrix.times(jnp.asarray(vector)), expected @ vector, atol=1e-13)
    np.testing.assert_allclose(matrix.main_diagonal(), np.diagonal(expected), atol=1e-14)


def wide_model(n_channels=40, n_bins=200, per_channel=10):
    """Every channel has nuisances of its own: 400 in all, 10 in any one bin."""
    rng = np.random.default_rng(6)
    sig, bkg = Process("sig"), Process("bkg")
    for c in range(n_channels):
        yields = rng.uniform(5.0, 9.0, n_bins)
        sig.add_contrib(ChannelContrib(f"c{c}", rng.uniform(1.0, 2.0, n_bins)))
        contrib = ChannelContrib(f"c{c}", yields, 0.1 * yields)
        for k in range(per_channel):
            change = 1.0 + rng.uniform(-0.1, 0.1, n_bins)
            contrib.add_shape(Variable(f"s{c}_{k}", 0.0, nuisance=True), yields * change, yields / change)
        bkg.add_contrib(contrib)
    return Model().add_proc(sig.scale_by(Variable("mu", 1.0))).add_proc(bkg).prepare()


def test_memory_follows_what_acts_where(monkeypatch):
    monkeypatch.setattr(groups, "LARGE", 0)
    model = wide_model()
    prepared, layout = model.prepared, model.layout
    assert prepared.plan.groups.members.values.shape == (40, 11)

    def used(prepared, data, z):
        problem = objective.pose(prepared, data, functional.nothing_fixed(prepared))
        found = grouped.evaluate(problem, z)
        return found.value, found.gradient, found.hessian.times(z)

    data = functional.data_of(prepared, np.full(layout.n_bins, 9.0))
    program = jax.jit(used).lower(prepared, data, jnp.asarray(layout.start)).compile()
    found = program.memory_analysis().temp_size_in_bytes
    jacobian = 8 * layout.n_bins * layout.n_params
    # Templates and what is made of them are counted in the bins alone: 12 rows and blocks in each.
    assert found < 0.5 * jacobian
    assert found < 30 * 8 * 12 * layout.n_bins
