"""The definitions of the test statistics, on numbers and on arrays."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.errors import InvalidValueError
from smoothfit.inference.hypotests.statistics import STATISTICS, Nlls, statistic_of

# A parabola of the NLL, 0.5 (mu - best)^2: everything has a closed form.
BEST = np.array([-0.7, 0.0, 0.4, 1.0, 1.9])
MU = 1.0


def parabola(best, tested=MU):
    return Nlls(tested, best, 3.0 + 0.5 * (tested - best) ** 2, 3.0 + 0.0 * best, 3.0 + 0.5 * best**2)


EXPECTED = {
    "t": (MU - BEST) ** 2,
    "q": np.where(BEST > MU, 0.0, (MU - BEST) ** 2),
    # arXiv:1007.1727, eq. 16: mu^2 - 2 mu best below 0, in units of the error.
    "qtilde": np.array([1.0 + 2.0 * 0.7, 1.0, 0.36, 0.0, 0.0]),
    "ttilde": np.array([1.0 + 2.0 * 0.7, 1.0, 0.36, 0.0, 0.81]),
    "q0": np.where(BEST < 0.0, 0.0, BEST**2),
    "lep": MU**2 - 2.0 * MU * BEST,
    "tevatron": MU**2 - 2.0 * MU * BEST,
}


def test_each_has_its_value():
    assert set(EXPECTED) == set(STATISTICS)


@pytest.mark.parametrize("name", EXPECTED)
def test_values(name):
    np.testing.assert_allclose(STATISTICS[name](parabola(BEST)), EXPECTED[name], atol=1e-12)


@pytest.mark.parametrize("name", EXPECTED)
def test_numbers_as_arrays(name):
    found = [float(STATISTICS[name](parabola(np.float64(best)))) for best in BEST]
    np.testing.assert_array_equal(found, STATISTICS[name](parabola(BEST)))


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_not_needed_may_be_missing(name):
    """Fits that a statistic does not ask for change nothing; those that it asks for do."""
    statistic, full = STATISTICS[name], parabola(BEST)
    missing = full._replace(
        at_tested=np.where(statistic.needs_tested(BEST, MU), full.at_tested, np.nan),
        at_null=np.where(statistic.needs_null(BEST), full.at_null, np.nan),
        free=full.free if statistic.free else full.free * np.nan,
    )
    np.testing.assert_array_equal(statistic(missing), statistic(full))
    needed = {
        "at_tested": statistic.needs_tested(BEST, MU),
        "at_null": statistic.needs_null(BEST),
    }
    for field, where in needed.items():
        lost = statistic(full._replace(**{field: np.full(len(BEST), np.nan)}))
        # q0 below 0 is known without any fit.
        known = (BEST < 0.0) if name == "q0" else np.zeros(len(BEST), dtype=bool)
        np.testing.assert_array_equal(np.isnan(lost), where & ~known, err_msg=field)


def test_a_failed_free_fit_is_no_number():
    lost = parabola(BEST)._replace(free=np.nan * BEST, best=np.nan * BEST)
    for name in ("q", "qtilde", "t", "ttilde", "q0"):
        assert np.all(np.isnan(STATISTICS[name](lost))), name


def test_imprecise_fits_are_not_negative():
    below = Nlls(1.0, 1.0, 3.0 - 1e-9, 3.0, 3.5)
    assert STATISTICS["qtilde"](below) == 0.0
    # Ratios may be negative: the data agree better with mu than with 0.
    assert STATISTICS["tevatron"](below) == pytest.approx(-1.0)


@pytest.mark.parametrize("name", ["qmu", "", None, 3, "Q"])
def test_unknown_names(name):
    with pytest.raises(InvalidValueError, match="statistic must be one of qtilde, q, t"):
        statistic_of(name, "hypotest")


def test_names_that_a_call_does_not_take():
    with pytest.raises(InvalidValueError, match="upper_limit: statistic must be one of q, qtilde, got 'q0'"):
        statistic_of("q0", "upper_limit", ("q", "qtilde"))
