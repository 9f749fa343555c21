"""Neyman constructions without toys: against the paper's tables, and against direct transcriptions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from smoothfit.errors import InvalidValueError
from smoothfit.inference.neyman import exact

# G. Feldman and R. Cousins, Phys. Rev. D57 (1998) 3873, table IV: b = 3.0, 90%.
POISSON = {
    1: (0.00, 1.88),
    2: (0.00, 3.04),
    3: (0.00, 4.42),
    4: (0.00, 5.60),
    5: (0.00, 6.99),
    6: (0.15, 8.47),
    7: (0.89, 9.53),
    8: (1.51, 10.99),
    9: (1.88, 12.30),
    10: (2.63, 13.50),
}
# The same, table X: a Gaussian bounded at 0, at 68.27%, 90%, 95% and 99%.
LEVELS = (0.6827, 0.90, 0.95, 0.99)
GAUSSIAN = {
    -3.0: ((0.00, 0.04), (0.00, 0.26), (0.00, 0.42), (0.00, 0.80)),
    -2.0: ((0.00, 0.07), (0.00, 0.40), (0.00, 0.62), (0.00, 1.10)),
    -1.0: ((0.00, 0.27), (0.00, 0.81), (0.00, 1.10), (0.00, 1.68)),
    0.0: ((0.00, 1.00), (0.00, 1.64), (0.00, 1.96), (0.00, 2.58)),
    1.0: ((0.24, 2.00), (0.00, 2.64), (0.00, 2.96), (0.00, 3.58)),
    2.0: ((1.00, 3.00), (0.58, 3.64), (0.35, 3.96), (0.00, 4.58)),
    3.0: ((2.00, 4.00), (1.37, 4.64), (1.14, 4.96), (0.67, 5.58)),
}


def accepted_counts(mu, background, cl, most=80):
    """As the paper says it: counts in the order of their ratios, until the sum is not below the level."""
    n = np.arange(most)
    p = stats.poisson.pmf(n, mu + background)
    ratio = p / stats.poisson.pmf(n, np.maximum(n, background))
    order = np.argsort(-ratio, kind="stable")
    last = int(np.searchsorted(np.cumsum(p[order]), cl))
    return set(order[: last + 1].tolist())


@pytest.mark.parametrize("n", POISSON)
def test_poisson_intervals_are_those_of_the_paper(n):
    # The table is a grid of 0.005, rounded to 0.01.
    assert exact.poisson_interval(n, 3.0, 0.9) == pytest.approx(POISSON[n], abs=0.0101)


def test_no_event_is_the_construction_and_not_the_table():
    # The table has 1.08, made monotonic in the background.
    assert exact.poisson_interval(0, 3.0, 0.9) == pytest.approx((0.0, 0.95), abs=0.005)


@pytest.mark.parametrize(
    ("n", "background", "cl"), [(0, 3.0, 0.9), (4, 0.0, 0.6827), (7, 2.3, 0.95), (3, 6.0, 0.9)]
)
def test_poisson_intervals_by_ordering_counts(n, background, cl):
    lower, upper = exact.poisson_interval(n, background, cl)
    means = np.arange(0.0, upper + 1.0, 0.01)
    inside = np.array([n in accepted_counts(mu, background, cl) for mu in means])
    assert means[inside][0] == pytest.approx(lower, abs=0.0101)
    assert means[inside][-1] == pytest.approx(upper, abs=0.0101)
    # Gaps too.
    regions = exact.poisson_regions(n, background, cl)
    edges = np.min(np.abs(means[:, None] - regions.ravel()[None, :]), axis=1)
    ours = np.any((means[:, None] >= regions[:, 0]) & (means[:, None] <= regions[:, 1]), axis=1)
    assert np.array_equal(ours[edges > 1e-6], inside[edges > 1e-6])


def test_regions_with_a_gap_are_all_there():
    found = {
        (n, b): exact.poisson_regions(n, b, cl)
        for cl in (0.5, 0.6827)
        for n in range(6)
        for b in (0.5, 1.5, 2.5, 3.5)
    }
    several = {key: regions for key, regions in found.items() if len(regions) > 1}
    assert several
    for regions in found.values():
        assert np.all(np.diff(regions.ravel()) > 0.0)


def test_belts_hold_what_intervals_do():
    mu = np.linspace(0.0, 15.0, 151)
    belt = exact.poisson_belt(mu, 3.0, 0.9)
    for k in (0, 5, 50, 150):
        counts = accepted_counts(mu[k], 3.0, 0.9)
        # At a mean of 0 all counts up to the background tie: the paper takes any of them first.
        assert (belt.lower[k], belt.upper[k]) == (min(counts), max(counts))
    assert belt.at(6) == pytest.approx(POISSON[6], abs=0.11)
    assert np.isnan(belt.at(200)).all()
    assert "Belt of n for mu at 90%" in repr(belt)
    assert belt.to_dict()["lower"][0] == 0.0
    assert list(belt.to_pandas().columns) == ["mu", "lower", "upper"]


@pytest.mark.parametrize("x", GAUSSIAN)
def test_gaussian_intervals_are_those_of_the_paper(x):
    for cl, expected in zip(LEVELS, GAUSSIAN[x], strict=True):
        assert exact.gaussian_interval(x, cl) == pytest.approx(expected, abs=0.0101)


@pytest.mark.parametrize(("mu", "x"), [(0.3, -1.2), (0.7, 1.9), (2.0, 0.4), (0.2, -0.1), (0.0, 0.8)])
def test_gaussian_p_values_are_integrals(mu, x):
    def ratio(y):
        return stats.norm.logpdf(y, mu) - stats.norm.logpdf(y, np.maximum(y, 0.0))

    y = np.linspace(-30.0, 12.0, 2_000_001)
    density = stats.norm.pdf(y, mu) * (ratio(y) <= ratio(np.array(x)))
    assert float(exact.gaussian_p_value(mu, x)) == pytest.approx(integrate.trapezoid(density, y), abs=2e-5)
    assert float(exact.gaussian_p_value(3.0 * mu, 3.0 * x, sigma=3.0)) == pytest.approx(
        float(exact.gaussian_p_value(mu, x)), abs=1e-12
    )


def test_gaussian_belts_have_the_content_of_their_level():
    belt = exact.gaussian_belt([0.0, 0.4, 1.0, 6.0], 0.9, sigma=2.0)
    content = stats.norm.cdf(belt.upper, belt.values, 2.0) - stats.norm.cdf(belt.lower, belt.values, 2.0)
    assert content == pytest.approx(np.full(4, 0.9), abs=1e-9)
    for value, lower, upper in zip(belt.values[1:], belt.lower[1:], belt.upper[1:], strict=True):
        # An end of the belt is where an end of the interval is the value.
        assert exact.gaussian_interval(lower, 0.9, 2.0)[1] == pytest.approx(value, abs=1e-6)
        assert exact.gaussian_interval(upper, 0.9, 2.0)[0] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: exact.poisson_interval(-1, 3.0, 0.9), "n must be a number >= 0, got -1"),
        (lambda: exact.poisson_interval(1.5, 3.0, 0.9), "whole number"),
        (lambda: exact.poisson_interval(1, -3.0, 0.9), "background must be a number >= 0"),
        (lambda: exact.poisson_interval(1, 3.0, 90), "cl must be between 0 and 1, got 90"),
        (lambda: exact.poisson_p_value([-1.0], 1, 3.0), "mu must be finite and not negative"),
        (lambda: exact.gaussian_interval("x", 0.9), "x must be a number, got 'x'"),
        (lambda: exact.gaussian_interval(1.0, 0.9, sigma=0.0), "sigma must be a number >="),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(InvalidValueError, match=words):
        call()
