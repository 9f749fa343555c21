"""Batches against single fits by scipy, and what goes in and out of them."""

from __future__ import annotations

import dataclasses
import json

import jax
import numpy as np
import pytest
from small_models import fitted
from two_signals import BACKGROUND, OBS, SIGNALS, make, profiled

from smoothfit import functional
from smoothfit.errors import UnknownNameError
from smoothfit.fitters import batch
from smoothfit.model import Model, Process, Variable

TOYS = np.array([[118.0, 85.0, 61.0], [100.0, 99.0, 40.0], [131.0, 90.0, 70.0]])


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def found(model):
    return model.batch_fit(TOYS, errors=True)


def test_every_member_is_a_fit(found):
    expected = [profiled({}, obs)[1] for obs in TOYS]
    np.testing.assert_allclose(found.x, expected, atol=3e-5)
    assert found.success.all()
    assert len(found) == 3
    np.testing.assert_array_equal(found["mu_2"], found.x[:, 1])


def test_errors_and_nll_are_those_of_single_fits(model, found):
    for i, obs in enumerate(TOYS):
        single = model.fit(obs)
        assert found.fun[i] == pytest.approx(single.fun, abs=1e-10)
        np.testing.assert_allclose(found.errors[i], single.errors, rtol=1e-6)
    assert model.batch_fit(TOYS[:1]).errors is None


def test_members_may_differ_in_what_is_held(model):
    values = np.array([0.3, 1.4])
    found = model.batch_fit(OBS, fixed={"mu_1": values, "theta": 0.2})
    expected = [profiled({0: v, 3: 0.2})[1] for v in values]
    np.testing.assert_allclose(found.x, expected, atol=3e-5)
    assert found.fixed.tolist() == [True, False, False, True]
    pattern = model.batch_fit(OBS, fixed={"mu_[12]": [[0.3, 1.0], [1.4, 0.9]]})
    np.testing.assert_array_equal(pattern.x[:, :2], [[0.3, 1.0], [1.4, 0.9]])


def test_members_may_differ_in_global_observables(model):
    globs = np.array([[0.0, 0.0], [0.5, -1.0]])
    found = model.batch_fit(TOYS[:2], globs=globs)
    for i in range(2):
        np.testing.assert_allclose(found.x[i], model.fit(TOYS[i], globs=globs[i]).x, atol=1e-7)
    shared = model.batch_fit(TOYS[:2], globs=globs[1])
    np.testing.assert_allclose(shared.x[1], found.x[1], atol=1e-12)
    assert not np.allclose(shared.x[0], found.x[0], atol=1e-3)


def test_members_may_differ_in_starts_and_templates(model):
    starts = np.array([[0.1, 0.1, 0.0, 0.0], [3.0, 2.0, 1.0, -1.0]])
    found = model.batch_fit(OBS, init=starts)
    np.testing.assert_allclose(found.x[0], found.x[1], atol=1e-7)
    shifts = (0.9, 1.0, 1.2)
    replaced = [model.replaced("bkg", "main", yields=BACKGROUND * s) for s in shifts]
    found = model.batch_fit(TOYS, prepared=replaced)
    for i, shift in enumerate(shifts):
        other = Model().add_proc(Process("bkg", BACKGROUND * shift).add_lnN(theta := nuisance(), 1.1))
        lumi = nuisance("lumi")
        for k in range(2):
            mu = Variable(f"mu_{k + 1}", 1.0, lower_bound=0.0 if k == 0 else None)
            other.add_proc(Process(f"s{k}", SIGNALS[k]).scale_by(mu).add_lnN(lumi, 1.05))
        single = other.prepare().fit(TOYS[i])
        for name in ("mu_1", "mu_2", "lumi", theta.name):
            assert found[name][i] == pytest.approx(single[name].value, abs=1e-7)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *replaced)
    np.testing.assert_array_equal(model.batch_fit(TOYS, prepared=stacked).x, found.x)


@pytest.mark.parametrize("errors", [pytest.param(False, marks=pytest.mark.slow), True])
def test_many_members_with_templates_of_their_own_go_in_lockstep(model, errors):
    shifts = np.linspace(0.8, 1.3, 20)
    replaced = [model.replaced("bkg", "main", yields=BACKGROUND * s) for s in shifts]
    assert batch.in_lockstep(model.prepared, len(shifts))
    found = model.batch_fit(OBS, prepared=replaced, errors=errors)
    assert found.success.all()
    for i in (0, 7, 19):
        single = functional.fit(replaced[i], OBS)
        np.testing.assert_allclose(found.x[i], np.asarray(single.values), atol=1e-7)
        if errors:
            np.testing.assert_allclose(found.errors[i], np.sqrt(np.diagonal(single.covariance)), rtol=1e-6)


def nuisance(name="theta"):
    return Variable(name, 0.0, nuisance=True)


def test_array_variables_bins_and_channels():
    small, _ = fitted("locals")
    toys = small.model.toy_pred({}, 2, seed=3)
    found = small.model.batch_fit(toys)
    assert found["gauss"].shape == (2, 3)
    np.testing.assert_array_equal(found["gauss[1]"], found["gauss"][:, 1])
    parts = small.model.batch_fit(small.model.split(toys))
    np.testing.assert_array_equal(parts.x, found.x)


def test_failed_members_are_nan_flagged_and_counted():
    """Two normalisations of one process: only their product is known, unless one is held."""
    a, b = Variable("a", 1.0), Variable("b", 1.0)
    model = Model().add_proc(Process("p", [100.0, 50.0]).scale_by(a).scale_by(b)).prepare()
    found = model.batch_fit([[100.0, 50.0], [90.0, 60.0]], fixed={"b": [1.0, 2.0]})
    assert found.success.all()
    assert found["a"] == pytest.approx([1.0, 0.5])
    lost = model.batch_fit([[100.0, 50.0], [90.0, 60.0]], errors=True)
    assert not lost.success.any()
    assert np.isnan(lost.x).all()
    assert np.isnan(lost.fun).all()
    assert np.isnan(lost.errors).all()
    assert lost.message == "0 of 2 fits converged; the others: 2 NOT_POSITIVE_DEFINITE."
    assert "nan" in repr(lost)


def test_a_mixed_batch(found):
    status = np.array([0, 3, 0])
    x, fun = found.x.copy(), found.fun.copy()
    x[1], fun[1] = np.nan, np.nan
    mixed = dataclasses.replace(found, status=status, x=x, fun=fun)
    assert mixed.message == "2 of 3 fits converged; the others: 1 NOT_FINITE."
    content = json.loads(mixed.to_json())
    assert (content["members"], content["converged"]) == (3, 2)
    assert content["statuses"] == {"CONVERGED": 2, "NOT_FINITE": 1}
    assert content["parameters"]["mu_1"] == [x[0, 0], None, x[2, 0]]
    # Mean and standard deviation are of those that converged.
    values = x[[0, 2], 0]
    row = next(line for line in repr(mixed).splitlines() if line.startswith("mu_1")).split()
    assert float(row[1]) == pytest.approx(values.mean(), abs=0.01)
    assert float(row[4]) == pytest.approx(values.std(ddof=1), rel=0.05)


def test_blinded_parameters_are_nowhere(found):
    hidden = dataclasses.replace(found, blinded=frozenset({"mu_1"}))
    secret = [*found.x[:, 0], *found.errors[:, 0], found.x[:, 0].mean()]
    for text in (repr(hidden), hidden._repr_html_(), hidden.to_json()):
        assert "blinded" in text
        assert not any(f"{number:.4g}" in text for number in secret)
    assert set(hidden._columns()["mu_1"]) == set(hidden._columns()["mu_1 error"]) == {"blinded"}


def test_toys_of_an_asimov_set_scatter_as_the_errors(model):
    """300 toys around the nominal: mean and width of mu_2 within four of their own errors."""
    toys = model.toy_pred({}, 300, seed=1)
    globs = model.toy_glob({}, 300, seed=1)
    found = model.batch_fit(toys, globs=globs)
    asimov, _ = model.asimov({})
    error = model.fit(asimov)["mu_2"].error
    values = found["mu_2"][found.success]
    assert len(values) >= 299
    assert abs(values.mean() - 1.0) < 4.0 * error / np.sqrt(300)
    assert abs(values.std() / error - 1.0) < 4.0 / np.sqrt(600)


def test_frozen_by_name_pattern_and_group(model):
    best_fit = model.fit(OBS)
    assert model.frozen("mu_1", "th.*", at=best_fit) == {
        "mu_1": best_fit["mu_1"].value,
        "theta": best_fit["theta"].value,
    }
    assert model.frozen(groups=["theory", "experiment"]) == {"lumi": 0.0, "theta": 0.0}
    assert model.frozen(groups="theory", at={"theta": 0.7}) == {"theta": 0.7}
    held = model.fit(OBS, fixed=model.frozen(groups="experiment", at=best_fit))
    assert held.fun == pytest.approx(best_fit.fun, abs=1e-9)
    assert held["mu_1"].error < best_fit["mu_1"].error
    with pytest.raises(UnknownNameError, match=r"no group is named 'jets'; they are: experiment, theory"):
        model.frozen(groups="jets")
