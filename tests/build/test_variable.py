"""Variables: defaults, arrays, bounds, constraints."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from smoothfit.build import Variable
from smoothfit.constraints import Gaussian, NoConstraint, Poisson
from smoothfit.errors import NotPreparedError


def test_scalar():
    mu = Variable("mu", 1, lower_bound=0)
    assert (mu.name, mu.size, mu.is_scalar, mu.sub_names) == ("mu", 1, True, ("mu",))
    assert mu.value.dtype == np.float64
    assert mu.value.tolist() == [1.0]
    assert mu.lower.tolist() == [0.0]
    assert mu.upper.tolist() == [np.inf]
    assert not mu.nuisance
    assert mu.constraint is None
    assert np.isnan(mu.glob).all()
    assert mu.fixed.tolist() == [False]
    assert (mu.label, mu.unit, mu.group) == (None, None, None)
    assert repr(mu) == "Variable('mu', 1.0, lower_bound=0.0)"


def test_array():
    mu = Variable("mu", [1.0, 2.0], lower_bound=[None, 0.0], upper_bound=5, fixed=[True, False])
    assert (mu.size, mu.is_scalar, mu.sub_names) == (2, False, ("mu[0]", "mu[1]"))
    assert mu.lower.tolist() == [-np.inf, 0.0]
    assert mu.upper.tolist() == [5.0, 5.0]
    assert mu.fixed.tolist() == [True, False]
    assert repr(mu) == (
        "Variable('mu', [1.0, 2.0], lower_bound=[None, 0.0], upper_bound=5.0, fixed=[True, False])"
    )


def test_array_of_one_is_no_scalar():
    gamma = Variable("gamma", [1.0])
    assert (gamma.is_scalar, gamma.size, gamma.sub_names) == (False, 1, ("gamma[0]",))


def test_sub_names():
    mu = Variable("mu", [1.0, 1.0], sub_names=["mu_1", "mu_2"], label=r"$\mu$", unit="fb", group="signal")
    assert mu.sub_names == ("mu_1", "mu_2")
    assert (mu.label, mu.unit, mu.group) == (r"$\mu$", "fb", "signal")
    assert eval(repr(mu)).label == mu.label
    assert repr(mu) == (
        "Variable('mu', [1.0, 1.0], sub_names=['mu_1', 'mu_2'], label='$\\\\mu$', unit='fb', group='signal')"
    )
    assert Variable("mu", 1.0, sub_names=["signal strength"]).sub_names == ("signal strength",)


def test_long_array_has_a_short_repr():
    assert repr(Variable("gamma", np.ones(100))) == "Variable('gamma', [1.0, 1.0, 1.0, ..., 1.0])"


def test_value_is_a_read_only_copy():
    start = np.array([1.0, 2.0])
    mu = Variable("mu", start)
    start[0] = 7.0
    assert mu.value.tolist() == [1.0, 2.0]
    for array in (mu.value, mu.lower, mu.upper, mu.fixed, mu.glob):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    for name in ("value", "name", "constraint", "fixed"):
        with pytest.raises(AttributeError):
            setattr(mu, name, 3.0)


def test_narrow_floats_are_converted():
    assert Variable("mu", np.float32(0.5)).value.dtype == np.float64


def test_nuisance_is_a_unit_gaussian_around_the_value():
    theta = Variable("theta", [0.0, 0.5], nuisance=True)
    assert theta.nuisance
    assert isinstance(theta.constraint, Gaussian)
    assert np.asarray(theta.constraint.mean).tolist() == [0.0, 0.5]
    assert np.asarray(theta.constraint.width).tolist() == [1.0, 1.0]
    assert theta.glob.tolist() == [0.0, 0.5]
    assert repr(theta) == "Variable('theta', [0.0, 0.5], nuisance=True)"


def test_constraint_makes_a_nuisance():
    lumi = Variable("lumi", 1.0, constraint=Gaussian(width=0.017))
    assert lumi.nuisance
    assert lumi.glob.tolist() == [1.0]
    assert np.asarray(lumi.constraint.width).tolist() == [0.017]


def test_constraint_wins_over_nuisance():
    lumi = Variable("lumi", 1.0, nuisance=True, constraint=Gaussian(mean=0.9, width=0.1))
    assert lumi.glob.tolist() == [0.9]


def test_poisson_constraint():
    gamma = Variable("gamma", [1.0, 1.0], constraint=Poisson(tau=[25.0, 4.0]))
    assert gamma.glob.tolist() == [25.0, 4.0]
    assert Variable("gamma", [1.0, 1.0], constraint=Poisson(tau=9)).glob.tolist() == [9.0, 9.0]


@pytest.mark.parametrize("nuisance", [False, True])
def test_no_constraint(nuisance):
    free = Variable("free", 1.0, nuisance=nuisance, constraint=NoConstraint())
    assert free.constraint is None
    assert free.nuisance is nuisance
    assert np.isnan(free.glob).all()


def test_identity():
    a, b = Variable("mu", 1.0), Variable("mu", 1.0)
    assert a != b
    assert {a: 1}[a] == 1
    assert len({a, b}) == 2


def test_equal_bounds_are_allowed():
    assert Variable("mu", 1.0, lower_bound=1.0, upper_bound=1.0).upper.tolist() == [1.0]


def test_sub_idxes():
    mu = Variable("mu", [1.0, 1.0])
    with pytest.raises(NotPreparedError, match=r"'mu'.*prepare\(\)"):
        _ = mu.sub_idxes
    mu._set_sub_idxes([3, 4])
    assert mu.sub_idxes.tolist() == [3, 4]
    assert mu.sub_idxes.dtype == np.int64


def test_copies():
    theta = copy.deepcopy(Variable("theta", 0.0, nuisance=True))
    assert theta.glob.tolist() == [0.0]
