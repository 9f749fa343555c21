"""Limits beyond the bounds that a file gives, and on the lowest of its minima."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from files_of_tests import shared_path

from smoothfit import read_pyhf
from smoothfit.errors import AsymptoticWarning
from smoothfit.inference.batch_fits import batch_fit
from smoothfit.inference.fitting import fit
from smoothfit.inference.hypotests.poi import poi_of
from smoothfit.inference.hypotests.ranges import widened
from smoothfit.model import Model, Process, Variable

SBOTTOM = shared_path("data/converter-ridolfi/test/big_model/bottom-squarks.json")


@pytest.mark.skipif(not SBOTTOM.exists(), reason="the reference data are not there")
def test_the_limit_is_on_the_lowest_of_several_minima():
    model, obs = read_pyhf(SBOTTOM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AsymptoticWarning)
        assert model.upper_limit(model.poi, obs).status == "not reached"
        limit = model.upper_limit(model.poi, obs, range=(0.0, 60.0))
    assert limit.status == "found"
    assert limit.expected_status == ("found",) * 5
    # From the values at the start the fit at the limit ends in a minimum that is 0.03 higher.
    at_limit = next(
        fit for fit in limit.fits if fit.what.startswith(f"data: {model.poi} = {limit.observed:g}")
    )
    context = model._context()
    wide = widened(context, poi_of(context, model.poi, None, "test"), (0.0, 60.0))
    held = {model.poi: limit.observed}
    # The lowest of fits that begin at drawn nuisances.
    found = batch_fit(wide, obs, fixed=held, init=model.sample_prior(100, seed=1))
    assert at_limit.fun == pytest.approx(np.nanmin(found.fun), abs=1e-6)
    assert fit(wide, obs, fixed=held, fitter="newton").fun > at_limit.fun + 0.02


def test_a_range_beyond_the_bounds_is_that_of_a_model_with_such_bounds():
    def counting(upper):
        mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=upper)
        model = Model().add_proc(Process("sig", [2.0, 1.0]).scale_by(mu))
        return model.add_proc(Process("bkg", [50.0, 40.0])).prepare()

    obs = [56.0, 41.0]
    narrow, wide = counting(2.0), counting(40.0)
    assert narrow.upper_limit("mu", obs).status == "not reached"
    found, other = narrow.upper_limit("mu", obs, range=(0.0, 40.0)), wide.upper_limit("mu", obs)
    assert found.observed == pytest.approx(other.observed, rel=1e-6)
    assert found.expected == pytest.approx(other.expected, rel=1e-6)
    assert found.best == pytest.approx(other.best, abs=1e-6)
    # The model itself keeps its bounds.
    assert narrow.fit(obs)["mu"].value == 2.0
    assert np.all(narrow.layout.upper == 2.0)
