"""Morphing: at basis points, against quadratics written out by hand, derivatives, events, formats."""

from __future__ import annotations

import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from smoothfit import functional
from smoothfit.eft import (
    Dim6EFTMorphing,
    Quadratic,
    choose_basis,
    condition_number,
    fit_quadratic,
    from_combine,
    from_eft2obs,
    from_quadratic,
    monomial_names,
    monomials,
    n_monomials,
    propose_basis,
    templates_from_events,
)
from smoothfit.errors import MorphingWarning, SingularBasisError
from smoothfit.model import ChannelContrib, Model, Process, Variable


def random_quadratic(n, n_bins, seed=0, linear_only=False):
    """sm (bin,), linear (n, bin) and quadratic (n, n, bin) terms, i <= j; positive for all coefficients."""
    rng = np.random.default_rng([seed, n])
    vectors = rng.normal(size=(n_bins, 1 + n, 1 + n)) + 2.0 * np.eye(1 + n)
    matrices = 10.0 * np.einsum("bik,bjk->bij", vectors, vectors)
    square = np.zeros((n, n, n_bins))
    if not linear_only:
        for i, j in itertools.combinations_with_replacement(range(n), 2):
            square[i, j] = matrices[:, 1 + i, 1 + j] * (1.0 if i == j else 2.0)
    return matrices[:, 0, 0], 2.0 * matrices[:, 0, 1:].T, square


def by_hand(terms, c):
    """The value (bin,), term by term."""
    sm, linear, square = terms
    total = sm.copy()
    for i, first in enumerate(c):
        total = total + linear[i] * first
        for j in range(i, len(c)):
            total = total + square[i, j] * first * c[j]
    return total


# -- the factors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "linear_only"), [*((n, False) for n in range(1, 11)), (1, True), (10, True)])
def test_each_basis_point_gives_its_template(n, linear_only):
    rng = np.random.default_rng(n)
    scale, centre = 10.0 ** rng.uniform(-2, 2, n), rng.normal(size=n)
    basis = propose_basis(n, scale, centre=centre, linear_only=linear_only)
    assert len(basis) == (1 + n if linear_only else 1 + n + n * (n + 1) // 2)
    terms = random_quadratic(n, 3, linear_only=linear_only)
    templates = np.array([by_hand(terms, c) for c in basis])
    morphing = Dim6EFTMorphing(Variable("c", np.zeros(n)), basis, linear_only=linear_only)
    factors = np.asarray(jax.jit(jax.vmap(morphing))(jnp.asarray(basis)))[:, :, 0]
    np.testing.assert_allclose(factors, np.eye(len(basis)), atol=1e-12)
    np.testing.assert_allclose(factors @ templates, templates, rtol=1e-10)


def test_ten_operators_in_a_model():
    basis = propose_basis(10)
    terms = random_quadratic(10, 4)
    c = Variable("c", np.zeros(10))
    templates = np.array([by_hand(terms, point) for point in basis])
    assert templates.shape == (66, 4)
    eft = Process("eft", templates).scale_by_fn(Dim6EFTMorphing(c, basis), c)
    model = Model().add_proc(eft).prepare()
    np.testing.assert_allclose(model.batch_pred(basis), templates, rtol=1e-10)
    points = np.random.default_rng(3).uniform(-2, 2, (100, 10))
    np.testing.assert_allclose(
        model.batch_pred(points), [by_hand(terms, point) for point in points], rtol=1e-10
    )


@pytest.mark.parametrize(("n", "linear_only"), [(1, False), (2, False), (3, False), (3, True)])
def test_against_a_quadratic_by_hand_at_100_points(n, linear_only):
    terms = random_quadratic(n, 5, seed=1, linear_only=linear_only)
    rng = np.random.default_rng(7)
    count = n_monomials(n, linear_only=linear_only)
    basis = rng.uniform(-2, 2, (count, n))
    morphing = Dim6EFTMorphing(Variable("c", np.zeros(n)), basis, linear_only=linear_only)
    templates = np.array([by_hand(terms, c) for c in basis])
    points = rng.uniform(-3, 3, (100, n))
    found = np.asarray(jax.jit(jax.vmap(morphing))(jnp.asarray(points)))[:, :, 0] @ templates
    rtol = 1e-15 * 100 * morphing.condition_number
    np.testing.assert_allclose(found, [by_hand(terms, c) for c in points], rtol=rtol, atol=1e-9)


def test_a_scalar_variable():
    morphing = Dim6EFTMorphing(Variable("c", 0.0), [[0.0], [1.0], [-1.0]])
    # The parabola through its values at 0, 1 and -1: Lagrange's polynomials.
    x = 0.3
    expected = [1 - x**2, x * (x + 1) / 2, x * (x - 1) / 2]
    np.testing.assert_allclose(np.ravel(morphing(x)), expected, rtol=1e-14)


def two_operators(basis):
    """A prepared model, its variable and data."""
    c = Variable("c", [0.3, -0.2])
    terms = random_quadratic(2, 3, seed=2)
    templates = np.array([by_hand(terms, point) for point in propose_basis(2)])
    process = Process("eft", templates).scale_by_fn(Dim6EFTMorphing(c, basis), c)
    return Model().add_proc(process).prepare(), c


def test_gradients_by_coefficients_and_by_the_basis():
    basis = propose_basis(2)
    model, c = two_operators(basis)
    at, weights = jnp.array([0.7, -1.1]), jnp.array([1.0, -0.5, 0.3])

    def value(prepared, values):
        return weights @ functional.expected(prepared, values)

    by_prepared, by_values = jax.jit(jax.grad(value, argnums=(0, 1)))(model.prepared, at)
    for i in range(2):
        step = 1e-5 * np.eye(2)[i]
        up, down = (float(weights @ model.pred({c: np.asarray(at) + sign * step})) for sign in (1, -1))
        assert by_values[i] == pytest.approx((up - down) / 2e-5, rel=1e-7)
    # Among what the function captured is the basis, as it was given.
    (leaves,) = model.prepared.templates.captured
    (place,) = [k for k, leaf in enumerate(leaves) if leaf is not None and leaf.shape == basis.shape]
    np.testing.assert_array_equal(leaves[place], basis)
    slope = by_prepared.templates.captured[0][place]
    for k, i in [(0, 0), (2, 1), (5, 0)]:
        shifted = []
        for sign in (1, -1):
            other = basis.copy()
            other[k, i] += sign * 1e-5
            # A basis beside the templates: the model made anew, its own frame included.
            shifted.append(float(weights @ two_operators(other)[0].pred(np.asarray(at))))
        assert slope[k, i] == pytest.approx((shifted[0] - shifted[1]) / 2e-5, rel=1e-6, abs=1e-7)


def test_monomials_and_their_names():
    assert monomial_names(["a", "b", "d"]) == ("1", "a", "b", "d", "a*a", "a*b", "a*d", "b*b", "b*d", "d*d")
    assert monomial_names(["a", "b"], linear_only=True) == ("1", "a", "b")
    np.testing.assert_array_equal(monomials(jnp.array([2.0, 3.0, 5.0])), [1, 2, 3, 5, 4, 6, 10, 9, 15, 25])


# -- choice of the basis -------------------------------------------------------------------------


def test_the_condition_number_is_that_of_the_monomials_over_the_unit_range():
    points = np.array([[0.0, 0.0], [1.0, 0.2], [-1.0, 0.3], [0.1, 1.0], [0.3, -1.0], [0.8, 0.9], [-0.5, 0.7]])
    matrix = [[1.0, a, b, a * a, a * b, b * b] for a, b in points]
    singular = np.linalg.svd(np.array(matrix), compute_uv=False)
    assert condition_number(points) == pytest.approx(singular[0] / singular[-1], rel=1e-12)
    moved = points * [1e-4, 300.0] + [7.0, -2.0]
    assert condition_number(moved) == pytest.approx(condition_number(points), rel=1e-9)


@pytest.mark.parametrize("n", range(1, 11))
def test_proposed_bases_are_well_conditioned(n):
    basis = propose_basis(n)
    assert condition_number(basis) < 60.0
    np.testing.assert_array_equal(basis[0], np.zeros(n))
    assert np.max(np.count_nonzero(basis, axis=1)) <= 2
    assert condition_number(propose_basis(n, linear_only=True), linear_only=True) < 60.0


def test_choose_basis_finds_a_basis_among_copies_and_combinations():
    rng = np.random.default_rng(4)
    good = propose_basis(3, [1.0, 5.0, 0.1])
    useless = np.repeat(0.01 * rng.normal(size=(1, 3)) * [1.0, 5.0, 0.1], 30, axis=0)
    chosen = choose_basis(np.concatenate([useless, good, useless]))
    assert chosen.shape == (10, 3)
    assert condition_number(chosen) < 3.0 * condition_number(good)


def test_a_singular_basis_is_refused_and_a_better_one_proposed():
    c = Variable("c", [0.0, 0.0], sub_names=["ctG", "cHG"])
    # All on one line through the origin: the squares and the product are the same.
    basis = [[t, 3.0 * t] for t in (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)]
    with pytest.raises(SingularBasisError, match=r"condition number .*propose_basis\(2, \[2, 6\]") as caught:
        Dim6EFTMorphing(c, basis)
    assert caught.value.condition_number > 1e12
    assert Dim6EFTMorphing(c, caught.value.proposed).condition_number < 10.0
    with pytest.raises(SingularBasisError, match="cHG never varied"):
        Dim6EFTMorphing(c, [[t, 1.0] for t in (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)])


def test_a_nearly_singular_basis_warns():
    with pytest.warns(MorphingWarning, match=r"hardly determine.*propose_basis\(1") as caught:
        morphing = Dim6EFTMorphing(Variable("c", [0.0]), [[0.0], [1.0], [1.0 + 1e-9]])
    assert 1e8 < morphing.condition_number < 1e12
    assert caught[0].filename == __file__


# -- quadratics ----------------------------------------------------------------------------------


def test_fit_quadratic_to_more_points_than_needed():
    terms = random_quadratic(3, 4, seed=3)
    rng = np.random.default_rng(8)
    points = 50.0 + rng.normal(size=(40, 3)) * [0.1, 1.0, 10.0]
    yields = np.array([by_hand(terms, c) for c in points])
    fitted = fit_quadratic(points, yields, operators=["a", "b", "d"])
    for c in rng.normal(size=(100, 3)) * [0.1, 1.0, 10.0] + 50.0:
        np.testing.assert_allclose(fitted(c), by_hand(terms, c), rtol=1e-9)


def test_fit_quadratic_is_the_least_squares_fit():
    rng = np.random.default_rng(9)
    c = rng.uniform(-2, 2, 12)
    noisy = 5.0 + c + 0.5 * c**2 + rng.normal(size=12)
    fitted = fit_quadratic(c[:, None], noisy[:, None])
    np.testing.assert_allclose(fitted.terms[:, 0], np.polyfit(c, noisy, 2)[::-1], rtol=1e-10)
    linear = fit_quadratic(c[:, None], noisy[:, None], linear_only=True)
    np.testing.assert_allclose(linear.terms[:, 0], np.polyfit(c, noisy, 1)[::-1], rtol=1e-10)


def as_dicts(terms, names):
    sm, linear, square = terms
    pairs = itertools.combinations_with_replacement(range(len(names)), 2)
    return (
        sm,
        {name: linear[i] for i, name in enumerate(names)},
        {(names[j], names[i]): square[i, j] for i, j in pairs},
    )


def test_from_quadratic_by_hand_and_as_a_process():
    terms = random_quadratic(3, 4, seed=5)
    quadratic = from_quadratic(*as_dicts(terms, "abd"))
    assert quadratic.operators == ("a", "b", "d")
    c = Variable("c", [0.0, 0.0, 0.0])
    model = Model().add_proc(quadratic.process("eft", c)).prepare()
    points = np.random.default_rng(1).uniform(-2, 2, (100, 3))
    expected = np.array([by_hand(terms, point) for point in points])
    np.testing.assert_allclose([quadratic(point) for point in points], expected, rtol=1e-12)
    np.testing.assert_allclose(quadratic.templates(points), expected, rtol=1e-12)
    np.testing.assert_allclose(model.batch_pred(points), expected, rtol=1e-10)
    wide = quadratic.expand(["x", "d", "b", "a"])
    for x, (a, b, d) in zip((0.0, 3.0), points[:2], strict=True):
        np.testing.assert_allclose(wide([x, d, b, a]), by_hand(terms, (a, b, d)), rtol=1e-12)


def test_a_relative_quadratic_scales_a_template_bin_by_bin():
    ratio = from_quadratic([1.0, 1.0, 1.0], {"c": [0.1, 0.2, -0.3]}, {("c", "c"): [0.05, 0.1, 0.2]})
    c, jes = Variable("c", [0.0]), Variable("jes", 0.0, nuisance=True)
    nominal, up = np.array([100.0, 50.0, 10.0]), np.array([104.0, 51.0, 9.5])
    process = Process("ttH", nominal).scale_by_fn(ratio, c).add_shape(jes, up, 2 * nominal - up, kind="raw")
    model = Model().add_proc(process).prepare()
    factor = 1.0 + 1.5 * np.array([0.1, 0.2, -0.3]) + 2.25 * np.array([0.05, 0.1, 0.2])
    np.testing.assert_allclose(model.pred({c: [1.5], jes: 1.0}), up * factor, rtol=1e-12)
    np.testing.assert_allclose((ratio * nominal)([1.5]), nominal * factor, rtol=1e-12)


def test_linear_only_quadratics():
    line = from_quadratic([1.0, 2.0], {"a": [0.5, 0.1], "b": [0.0, 1.0]})
    assert line.linear_only
    np.testing.assert_allclose(line([2.0, 3.0]), [2.0, 5.2], rtol=1e-14)
    c = Variable("c", [0.0, 0.0])
    process = (line * [10.0, 20.0]).process("eft", c)
    assert process.n_sub == 3
    np.testing.assert_allclose(Model().add_proc(process).prepare().pred({c: [2.0, 3.0]}), [20.0, 104.0])


@pytest.mark.parametrize("seed", range(5))
def test_where_a_quadratic_is_negative(seed):
    """Bounded from below or not: the point reported is negative, and positive ones are not reported."""
    rng = np.random.default_rng(seed)
    sm, linear, square = random_quadratic(2, 4, seed=seed)
    linear[:, 1] = 2.5 * np.sqrt(sm[1] * np.array([square[0, 0, 1], square[1, 1, 1]]))
    square[0, 1, 1] = 0.0
    square[1, 1, 2] *= -1.0
    linear[:, 3], square[:, :, 3] = rng.normal(size=2), 0.0
    with pytest.warns(MorphingWarning, match=r"in 3 bins \(1, 2, 3\)"):
        quadratic = from_quadratic(*as_dicts((sm, linear, square), "ab"))
    found = {one.bin: one for one in quadratic.negative_bins()}
    assert sorted(found) == [1, 2, 3]
    for index, one in found.items():
        assert one.value < 0.0
        value = by_hand((sm, linear, square), one.coefficients)[index]
        assert value == pytest.approx(one.value, rel=1e-9, abs=1e-12 * sm[index])
    lowest = minimize(lambda c: by_hand((sm, linear, square), c)[1], [0.1, 0.1], tol=1e-12)
    np.testing.assert_allclose(found[1].coefficients, lowest.x, rtol=1e-4, atol=1e-4)


def test_a_square_of_an_amplitude_is_not_reported_for_rounding():
    """(1 + a c)^2 touches 0: semi-definite exactly, and a little off by rounding."""
    a = np.random.default_rng(2).normal(size=50)
    assert not from_quadratic(np.ones(50), {"c": 2.0 * a}, {("c", "c"): a**2}).negative_bins()


# -- events --------------------------------------------------------------------------------------


def events(n, n_events, seed=0):
    """Amplitudes (event, 1 + n) of each event, whose weights are their squares; and a value of each."""
    rng = np.random.default_rng(seed)
    amplitudes = rng.normal(size=(n_events, 1 + n)) * 0.3
    amplitudes[:, 0] = rng.uniform(0.5, 1.0, n_events)
    return amplitudes, rng.uniform(-10.0, 110.0, n_events)


def weights_at(points, amplitudes):
    return (amplitudes[:, :1].T + np.asarray(points) @ amplitudes[:, 1:].T) ** 2


EDGES = np.array([0.0, 30.0, 50.0, 100.0])


def test_templates_of_events_and_their_covariance():
    amplitudes, values = events(2, 400)
    values[0], values[1] = 100.0, 30.0
    points = propose_basis(2)
    weights = weights_at(points, amplitudes)
    found = templates_from_events(points, weights, values, EDGES)
    np.testing.assert_array_equal(found.basis, points)
    for k in range(6):
        np.testing.assert_allclose(
            found.templates[k], np.histogram(values, EDGES, weights=weights[k])[0], rtol=1e-12
        )
        for m in range(6):
            product = np.histogram(values, EDGES, weights=weights[k] * weights[m])[0]
            np.testing.assert_allclose(found.covariance[k, m], product, rtol=1e-12)
    assert found.residual < 1e-12
    index = np.where(values < 0, -1, np.digitize(values, [30.0, 50.0, 100.000001]))
    index = np.where(index == 3, -1, index)
    again = templates_from_events(points, weights, index, 3)
    np.testing.assert_array_equal(again.covariance, found.covariance)


def test_more_weights_than_needed_are_fitted_event_by_event():
    amplitudes, values = events(2, 300, seed=1)
    points = np.random.default_rng(5).uniform(-2, 2, (25, 2))
    found = templates_from_events(points, weights_at(points, amplitudes), values, EDGES)
    assert all(np.any(np.all(points == c, axis=1)) for c in found.basis)
    direct = templates_from_events(found.basis, weights_at(found.basis, amplitudes), values, EDGES)
    np.testing.assert_allclose(found.templates, direct.templates, rtol=1e-10)
    np.testing.assert_allclose(found.covariance, direct.covariance, rtol=1e-9)
    elsewhere = propose_basis(2, 3.0)
    asked = templates_from_events(points, weights_at(points, amplitudes), values, EDGES, basis=elsewhere)
    direct = templates_from_events(elsewhere, weights_at(elsewhere, amplitudes), values, EDGES)
    np.testing.assert_allclose(asked.covariance, direct.covariance, rtol=1e-9)


def test_weights_that_are_not_quadratic_are_noticed():
    amplitudes, values = events(1, 100, seed=2)
    points = np.linspace(-1, 1, 8)[:, None]
    weights = weights_at(points, amplitudes)
    with pytest.warns(MorphingWarning, match="a quadratic misses"):
        templates_from_events(points, weights**2, values, EDGES)
    with pytest.warns(MorphingWarning, match="a linear function misses"):
        found = templates_from_events(points, weights, values, EDGES, linear_only=True)
    fit = np.polynomial.polynomial.polyfit(points[:, 0], weights, 1)
    inside = (values >= EDGES[0]) & (values <= EDGES[-1])
    missed = weights - np.polynomial.polynomial.polyval(points[:, 0], fit).T
    expected = np.sqrt(np.sum(missed[:, inside] ** 2) / np.sum(weights[:, inside] ** 2))
    assert found.residual == pytest.approx(expected, rel=1e-10)


def test_the_error_of_the_morphed_sum_is_that_of_toys_of_events():
    """f^T V f against the variance over samples in which each event comes Poisson(1) times."""
    amplitudes, values = events(2, 200, seed=3)
    points = propose_basis(2)
    found = templates_from_events(points, weights_at(points, amplitudes), values, EDGES)
    morphing = Dim6EFTMorphing(Variable("c", [0.0, 0.0]), points)
    n_toys = 4000
    times = np.random.default_rng(11).poisson(1.0, (n_toys, 200))
    for c in ([0.0, 0.0], [0.5, -0.4], [2.0, 1.0], [-1.0, 3.0]):
        f = np.asarray(morphing(c))[:, 0]
        variance = np.einsum("k,klb,l->b", f, found.covariance, f)
        # Independent of basis and templates: the weights at c themselves.
        weights = weights_at([c], amplitudes)[0]
        for b in range(3):
            inside = (values >= EDGES[b]) & (values < EDGES[b + 1])
            toys = times[:, inside] @ weights[inside]
            spread = np.var(toys, ddof=1)
            # Statistical error of a variance, from the fourth moment.
            error = np.sqrt((np.mean((toys - toys.mean()) ** 4) - spread**2) / n_toys)
            assert abs(variance[b] - spread) < 4.0 * error
    # Independent errors of the templates would be wrong by far more.
    f = np.asarray(morphing([2.0, 1.0]))[:, 0]
    independent = np.einsum("k,kkb,k->b", f, found.covariance, f)
    assert np.all(independent > 1.5 * np.einsum("k,klb,l->b", f, found.covariance, f))


# -- formats -------------------------------------------------------------------------------------


def test_combine_scaling_is_its_matrix_formula():
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(3, 3, 3))
    matrices = np.einsum("bik,bjk->bij", vectors, vectors)
    item = {
        "channel": "SR",
        "process": "ttH",
        "parameters": ["sm[1.5]", "ctG[0.1,-2,2]", "cHG[-1,1e30]"],
        "scaling": matrices[:, *np.triu_indices(3)].tolist(),
    }
    # A second entry without a constant, which knows one parameter by name only.
    other = {"channel": "CR", "process": "ttH", "parameters": ["cHG"], "scaling": [[2.0]]}
    read = from_combine([item, other])
    assert read.variable.sub_names == ("ctG", "cHG")
    np.testing.assert_array_equal(read.variable.lower, [-2.0, -1.0])
    np.testing.assert_array_equal(read.variable.upper, [2.0, np.inf])
    for c in rng.normal(size=(20, 2)):
        p = np.array([1.5, *c])
        np.testing.assert_allclose(read["SR", "ttH"](c), [p @ m @ p for m in matrices], rtol=1e-12)
        np.testing.assert_allclose(read["CR", "ttH"](c), [2.0 * c[1] ** 2], rtol=1e-12)


def test_eft2obs_in_both_layouts():
    values = {("a",): [0.2, 0.4], ("a", "a"): [0.05, 0.1], ("a", "b"): [0.02, 0.0], ("b", "b"): [0.3, 0.2]}
    new = {"nbins": 2, "terms": [[list(t), v, [0.0, 0.0]] for t, v in values.items()], "sm_vals": [1.0, 2.0]}
    old = {"nbins": 2, "bins": [[[v[i], 0.0, *t] for t, v in values.items() if v[i]] for i in range(2)]}
    for data in (new, old):
        quadratic = from_eft2obs(data, operators=["b", "a"])
        for b, a in ([0.0, 0.0], [1.0, -2.0], [0.3, 0.8]):
            expected = [
                1 + 0.2 * a + 0.05 * a**2 + 0.02 * a * b + 0.3 * b**2,
                1 + 0.4 * a + 0.1 * a**2 + 0.2 * b**2,
            ]
            np.testing.assert_allclose(quadratic([b, a]), expected, rtol=1e-12)


def test_scaling_of_several_channels_in_one_model():
    items = [
        {"channel": ch, "process": "ttH", "parameters": ["sm[1]", "c[0,-5,5]"], "scaling": [row, row]}
        for ch, row in (("SR", [1.0, 0.1, 0.2]), ("CR", [1.0, 0.3, 0.5]))
    ]
    read = from_combine(items, "coefficients")
    process = Process("ttH")
    for channel in ("SR", "CR"):
        contrib = ChannelContrib(channel, [10.0, 20.0])
        process.add_contrib(contrib.scale_by_fn(read[channel, "ttH"], read.variable))
    model = Model().add_proc(process).prepare()
    expected = [10 * 2.2, 20 * 2.2, 10 * 4.2, 20 * 4.2]
    np.testing.assert_allclose(model.pred({"coefficients": [2.0]}), expected, rtol=1e-12)
    np.testing.assert_allclose(model.pred({"c": 2.0}), expected, rtol=1e-12)


def test_no_warnings_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dim6EFTMorphing(Variable("c", np.zeros(4)), propose_basis(4, 1e-3, centre=2.0))
        assert isinstance(from_quadratic([1.0], {"a": [0.1]}, {("a", "a"): [0.1]}), Quadratic)
