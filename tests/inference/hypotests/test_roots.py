"""The search for a crossing, on functions whose root is known."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.inference.hypotests.roots import Ending, Search


def run(function, low, high, guess, first=None):
    search = Search(low, high, guess)
    at = [low if first is None else first]
    while (new := search.next(np.array(at), np.array([function(x) for x in at]))) is not None:
        assert low <= new <= high
        assert new not in at
        at = sorted([*at, new])
    return search, len(at)


CURVES = {
    "line": (lambda x: 3.0 * x - 6.0, 2.0),
    "root": (lambda x: np.sqrt(x) - 1.5, 2.25),
    "steep": (lambda x: np.expm1(x - 4.0) * 50.0, 4.0),
    "parabola": (lambda x: x * x - 1e-4, 1e-2),
    "saturating": (lambda x: np.tanh(x - 7.0), 7.0),
    "far": (lambda x: x - 9.9, 9.9),
    "flat, then steep": (lambda x: max(x - 8.0, 0.0) ** 3 - 0.1, 8.0 + 0.1 ** (1.0 / 3.0)),
    "at the end": (lambda x: x - 10.0, 10.0),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("guess", [1e-3, 1.0, 10.0])
def test_crossings(name, guess):
    function, root = CURVES[name]
    search, evaluations = run(function, 0.0, 10.0, guess)
    assert search.ending is Ending.FOUND
    assert abs(function(search.value)) <= 1e-8
    assert search.value == pytest.approx(root, abs=1e-5 * max(root, 1.0))
    assert evaluations < 30


def test_few_evaluations_where_the_guess_is_good():
    assert run(lambda x: x + 0.02 * x * x - 2.0, 0.0, np.inf, 1.8)[1] <= 6


def test_a_jump_is_closed_in_on():
    search, evaluations = run(lambda x: -1.0 if x < np.pi else 1.0, 0.0, 10.0, 1.0)
    assert search.ending is Ending.FOUND
    assert search.value == pytest.approx(np.pi, rel=1e-12)
    assert evaluations < 80


def test_ends_of_the_range():
    assert run(lambda x: -1.0 - 1.0 / (1.0 + x), 0.0, 10.0, 1.0)[0].ending is Ending.BELOW
    assert run(lambda x: 1.0 + x, 0.0, 10.0, 1.0)[0].ending is Ending.ABOVE
    assert np.isnan(run(lambda x: 1.0 + x, 0.0, 10.0, 1.0)[0].value)


def test_no_end():
    search, _ = run(lambda x: -1.0, 0.0, np.inf, 1.0)
    assert search.ending in (Ending.BELOW, Ending.NOT_FOUND)
    assert np.isnan(search.value)


def test_downwards_from_above():
    search, _ = run(lambda x: x + 3.0, -np.inf, 10.0, 1.0, first=0.0)
    assert search.value == pytest.approx(-3.0)


@pytest.mark.parametrize("hole", [(3.0, 4.0), (5.2, 5.8), (1.9, 2.2)])
def test_holes_are_avoided(hole):
    search, _ = run(lambda x: np.nan if hole[0] < x < hole[1] else x * x - 25.0, 0.0, 10.0, 2.0)
    assert search.ending is Ending.FOUND
    assert search.value == pytest.approx(5.0)


def test_beyond_a_hole_nothing_is_said():
    search, _ = run(lambda x: np.nan if x > 2.0 else x - 5.0, 0.0, 10.0, 4.0)
    assert search.ending is Ending.NOT_FOUND
    assert np.isnan(search.value)


def test_nothing_known():
    assert run(lambda x: np.nan, 0.0, 10.0, 1.0)[0].ending is Ending.NOT_FOUND
