"""Fits from several starts: minima known in closed form are found, told apart and reported."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import poisson

from smoothfit.eft import from_quadratic
from smoothfit.errors import FitError, InvalidValueError
from smoothfit.fitters import compiled_solve, count_traces
from smoothfit.model import Model, Variable

SM, LINEAR, SQUARE = 100.0, 10.0, 20.0


def one_operator(sm, linear, square, **bounds):
    """A model of nu = sm + linear c + square c^2, one or more bins."""
    c = Variable("c", 0.1, **bounds)
    quadratic = from_quadratic(sm, {"c": linear}, {("c", "c"): square})
    return Model().add_proc(quadratic.process("eft", c)).prepare()


@pytest.fixture(scope="module")
def single():
    return one_operator([SM], [LINEAR], [SQUARE])


def test_both_solutions_of_one_quadratic(single):
    """nu(c) = n has the roots c and -l/q - c; either has the error sqrt(n)/|nu'|."""
    truth = 1.5
    count = SM + LINEAR * truth + SQUARE * truth**2
    best_fit = single.fit([count], starts=10, seed=1)
    other = -LINEAR / SQUARE - truth
    minima = best_fit.minima
    # Equally low: the one that the given start leads to is the result.
    assert best_fit["c"].value == pytest.approx(truth, abs=1e-9)
    np.testing.assert_allclose(minima.values[:, 0], [truth, other], atol=1e-9)
    np.testing.assert_allclose(minima.delta_nll, 0.0, atol=1e-9)
    error = np.sqrt(count) / (LINEAR + 2.0 * SQUARE * truth)
    np.testing.assert_allclose(minima.errors[:, 0], error, rtol=1e-6)
    assert minima.starts.sum() == minima.n_starts == 10
    assert minima.starts.min() >= 1
    assert best_fit.fun == pytest.approx(-poisson.logpmf(count, count), abs=1e-9)


def test_what_is_printed_and_written(single):
    best_fit = single.fit([160.0], starts=10, seed=1)
    assert best_fit.message.endswith("2 different minima from 10 starts.")
    assert "NLL - lowest" in repr(best_fit)
    assert "-2.00 ± 0.18" in repr(best_fit)
    assert "-2.00" in best_fit._repr_html_()
    written = json.loads(best_fit.to_json())["minima"]
    assert [one["values"]["c"]["value"] for one in written["minima"]] == pytest.approx([1.5, -2.0])
    assert written["seed"] == "1"
    assert json.loads(best_fit.minima.to_json()) == written
    again = single.fit([160.0], starts=10, seed=int(written["seed"]))
    np.testing.assert_array_equal(again.minima.values, best_fit.minima.values)
    assert len(best_fit.minima) == 2
    assert single.fit([160.0]).minima is None
    # Fresh entropy is recorded.
    assert single.fit([160.0], starts=2).minima.seed != single.fit([160.0], starts=2).minima.seed


def test_one_minimum_says_nothing(single):
    """Below the lowest value of the quadratic there is but its vertex, where nu' = 0."""
    best_fit = single.fit([90.0], starts=8, seed=2)
    assert len(best_fit.minima) == 1
    assert best_fit["c"].value == pytest.approx(-LINEAR / SQUARE / 2.0, abs=1e-6)
    assert "minim" not in best_fit.message
    assert "Minima" not in repr(best_fit)


def test_far_apart_minima_are_found():
    """A precise measurement: the second solution is more than 200 errors away."""
    model = one_operator([1e4], [1.9e4], [1e4])
    truth = 0.02
    count = 1e4 + 1.9e4 * truth + 1e4 * truth**2
    best_fit = model.fit([count], starts=30, seed=3)
    np.testing.assert_allclose(best_fit.minima.values[:, 0], [truth, -1.9 - truth], atol=1e-8)
    assert 1.9 / best_fit["c"].error > 200.0


def test_the_lowest_is_the_result_wherever_the_fit_starts():
    """Two bins tell the solutions apart; the witness is scipy's minimum from a grid of starts."""
    sm, linear, square = np.array([100.0, 50.0]), np.array([20.0, -6.0]), np.array([30.0, 20.0])
    model = one_operator(sm, linear, square)
    obs = np.array([180.0, 100.0])

    def nll(c):
        return -np.sum(poisson.logpmf(obs, sm + linear * c + square * c**2))

    ends = [minimize(nll, x, method="BFGS", options={"gtol": 1e-9}) for x in np.linspace(-4, 4, 9)]
    expected = sorted({round(float(end.x[0]), 5): float(end.fun) for end in ends}.items(), key=lambda p: p[1])
    assert len(expected) == 2
    for start in (-3.0, 3.0):
        best_fit = model.fit(obs, init={"c": start}, starts=12, seed=4)
        assert best_fit["c"].value == pytest.approx(expected[0][0], abs=1e-4)
        assert best_fit.fun == pytest.approx(expected[0][1], abs=1e-8)
        assert best_fit.minima.delta_nll[1] == pytest.approx(expected[1][1] - expected[0][1], abs=1e-7)
    bounds = model.minos_bounds("c", best_fit)
    assert bounds.down < best_fit["c"].value < bounds.up


@pytest.fixture(scope="module")
def double():
    """nu = 100 + 20 a^2 + 3 b^2 and 100 + a^2 + 30 b^2: both fixed up to their signs."""
    c = Variable("c", [0.1, 0.2], sub_names=["a", "b"])
    square = {("a", "a"): [20.0, 1.0], ("b", "b"): [3.0, 30.0]}
    quadratic = from_quadratic([100.0, 100.0], {}, square)
    return Model().add_proc(quadratic.process("eft", c)).prepare()


def test_all_four_signs_of_two_operators(double):
    obs = double.pred({"a": 1.5, "b": 2.0})
    best_fit = double.fit(obs, starts=40, seed=5)
    np.testing.assert_allclose(np.abs(best_fit.minima.values), [[1.5, 2.0]] * 4, atol=1e-8)
    assert {tuple(np.sign(v)) for v in best_fit.minima.values} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    np.testing.assert_array_equal(best_fit.minima.values[0], best_fit.x)
    # What is held takes no part.
    held = double.fit(obs, fixed={"b": -2.0}, starts=20, seed=5)
    np.testing.assert_allclose(held.minima.values, [[1.5, -2.0], [-1.5, -2.0]], atol=1e-8)
    np.testing.assert_array_equal(held.minima.errors[:, 1], 0.0)


def test_no_more_compilations_than_a_fit(double):
    obs = double.pred({"a": 1.0, "b": 2.0})
    double.fit(obs)
    before = count_traces()
    double.fit(obs, starts=5, seed=1)
    double.fit(obs, starts=17, seed=2)
    assert count_traces() == before


def test_starts_stay_inside_bounds():
    model = one_operator([SM], [0.0], [SQUARE], lower_bound=-0.5, upper_bound=4.0)
    seen = []

    def watching(prepared, data, fixed, start):
        seen.append(float(start[0]))
        return compiled_solve(prepared, data, fixed, start)

    best_fit = model.fit([SM + SQUARE * 2.25], starts=40, seed=6, fitter=watching)
    assert -0.5 <= min(seen) < 0.5
    assert 3.0 < max(seen) <= 4.0
    # The mirrored solution is out of bounds: the NLL falls towards the bound, where it has a minimum.
    assert best_fit["c"].value == pytest.approx(1.5, abs=1e-8)
    np.testing.assert_allclose(best_fit.minima.values[:, 0], [1.5, -0.5], atol=1e-8)
    assert best_fit.minima.delta_nll[1] == pytest.approx(
        poisson.logpmf(145, 145) - poisson.logpmf(145, SM + SQUARE * 0.25), abs=1e-8
    )


def failing(which):
    """The native fitter, which claims not to have converged at these calls."""
    calls = []

    def fitter(prepared, data, fixed, start):
        calls.append(start)
        solution = compiled_solve(prepared, data, fixed, start)
        status = 1 if which(len(calls) - 1) else solution.status
        return dataclasses.replace(solution, status=np.array(status))

    return fitter


def test_failed_starts_are_reported(single):
    best_fit = single.fit([160.0], starts=9, seed=1, fitter=failing(lambda k: k % 3 == 1))
    assert best_fit.success
    assert best_fit.minima.failed == {"NOT_CONVERGED": 3}
    assert "3 of them found none (3 NOT_CONVERGED)" in best_fit.message
    assert best_fit.minima.starts.sum() == 6
    # The given start fails, another one does not.
    rescued = single.fit([160.0], starts=5, seed=1, fitter=failing(lambda k: k == 0))
    assert rescued.success
    assert rescued["c"].value in (pytest.approx(1.5), pytest.approx(-2.0))


def test_if_all_fail_the_fit_fails(single):
    with pytest.raises(FitError, match="3 of them found none") as caught:
        single.fit([160.0], starts=3, seed=1, fitter=failing(lambda k: True))
    assert len(caught.value.result.minima) == 0
    assert "0 different minima" in repr(caught.value.result)
    flagged = single.fit([160.0], starts=3, seed=1, fitter=failing(lambda k: True), strict=False)
    assert not flagged.success


def test_blinded_minima_stay_hidden():
    model = one_operator([SM], [LINEAR], [SQUARE]).blind(pois="c")
    best_fit = model.fit([160.0], starts=10, seed=1)
    for text in (repr(best_fit), best_fit.to_json(), repr(best_fit.minima), best_fit.minima.to_json()):
        assert "blinded" in text
        assert "1.5" not in text
        assert "2.0" not in text


def test_nuisances_follow():
    """A free coefficient with a constrained normalisation, profiled at each minimum."""
    c, lumi = Variable("c", 0.1), Variable("lumi", 0.0, nuisance=True)
    quadratic = from_quadratic([SM], {"c": [LINEAR]}, {("c", "c"): [SQUARE]})
    process = quadratic.process("eft", c).add_lnN(lumi, 1.05)
    best_fit = Model().add_proc(process).prepare().fit([160.0], starts=10, seed=1)
    np.testing.assert_allclose(best_fit.minima.values, [[1.5, 0.0], [-2.0, 0.0]], atol=1e-7)


@pytest.mark.parametrize("starts", [0, -1, 1.5, True, "3", None])
def test_numbers_of_starts_that_are_none(single, starts):
    with pytest.raises(InvalidValueError, match="starts must be a whole number, 1 or more"):
        single.fit([160.0], starts=starts)


def test_a_bad_seed(single):
    with pytest.raises(InvalidValueError, match="seed"):
        single.fit([160.0], starts=3, seed=-1)
