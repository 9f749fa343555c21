"""Templates up and down, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.constraints import Gaussian
from smoothfit.errors import InvalidTypeError, InvalidValueError, UnknownNameError
from smoothfit.model import ChannelContrib, Model, Process, Variable

NOMINAL = np.array([50.0, 40.0])
UP, DOWN = np.array([56.0, 41.0]), np.array([45.0, 38.0])
ROWS = np.array([[8.0, 4.0], [2.0, 6.0]])
COVARIANCE = np.moveaxis(np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.4, -0.1], [-0.1, 0.9]]]), 0, -1)


@pytest.fixture(scope="module")
def model():
    jes, lumi, norm = (Variable(n, 0.0, nuisance=True) for n in ("jes", "lumi", "norm"))
    narrow = Variable("narrow", 1.0, constraint=Gaussian(mean=1.0, width=0.2), upper_bound=1.1)
    mu = Variable("mu", [1.0, 1.0], sub_names=["mu_1", "mu_2"])
    bkg = Process("bkg", NOMINAL, sumw2=[5.0, 3.0], channel="SR").add_lnN(lumi, (0.9, 1.2))
    # Raw, so that at one standard deviation the templates come back as they were given.
    bkg["SR"].add_shape(jes, UP, DOWN, kind="raw")
    bkg.add_contrib(ChannelContrib("CR", [200.0]).add_lnN(norm, 1.1))
    sigs = Process("sigs", ROWS, channel="SR", sumw2=COVARIANCE).scale_by(mu).scale_by(narrow)
    return Model().add_proc(bkg).add_proc(sigs).prepare()


def test_templates_come_back(model):
    found = model.variations("jes")
    assert found.affected == (("bkg", "SR"),)
    nominal, up, down, error = found.sides("bkg", "SR")
    np.testing.assert_allclose([nominal, up, down], [NOMINAL, UP, DOWN], rtol=1e-14)
    np.testing.assert_allclose(error, np.sqrt([5.0, 3.0]), rtol=1e-14)
    assert np.all(np.isnan(found.sides("bkg", "CR")[3]))
    assert (found.up_value, found.down_value) == (1.0, -1.0)


def test_elsewhere_and_to_given_values(model):
    found = model.variations("lumi", at={"jes": 1.0}, to=(2.0, -1.0))
    np.testing.assert_allclose(found.up["bkg"][found.channel("SR").bins], 1.2**2 * UP, rtol=1e-12)
    np.testing.assert_allclose(found.down["bkg"][found.channel("SR").bins], 0.9 * UP, rtol=1e-12)
    # The errors scale with the templates.
    np.testing.assert_allclose(found.sides("bkg", "SR")[3], np.sqrt([5.0, 3.0]) * UP / NOMINAL, rtol=1e-12)


def test_errors_of_an_array_process_are_those_of_its_sum(model):
    factors = np.array([2.0, 0.5])
    found = model.variations("narrow", at={"mu_1": 2.0, "mu_2": 0.5})
    bins = found.channel("SR").bins
    expected = [np.sqrt(factors @ COVARIANCE[:, :, b] @ factors) for b in range(2)]
    np.testing.assert_allclose(found.error["sigs"][bins], expected, rtol=1e-12)
    np.testing.assert_allclose(found.nominal["sigs"][bins], factors @ ROWS, rtol=1e-12)


def test_a_bound_that_is_nearer_ends_it(model):
    found = model.variations("narrow")
    assert (found.up_value, found.down_value) == (1.1, pytest.approx(0.8))
    assert model.variations("mu_1", to=(2.0, 0.0)).affected == (("sigs", "SR"),)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.variations("mu_1"), InvalidValueError, r"'mu_1' is free.*to=\(up, down\)"),
        (lambda m: m.variations("mu"), InvalidValueError, r"2 components; name one of: mu_1, mu_2"),
        (lambda m: m.variations("jes", to=1.0), InvalidTypeError, "two numbers"),
        (lambda m: m.variations("jes", to=(1.0, np.nan)), InvalidValueError, "finite"),
        (lambda m: m.variations("none"), UnknownNameError, "none"),
        (lambda m: m.variations("jes").sides("no", "SR"), UnknownNameError, "no process 'no'"),
        (lambda m: m.variations("jes").sides("bkg", "VR"), UnknownNameError, "no channel 'VR'"),
    ],
)
def test_refused(call, error, words, model):
    with pytest.raises(error, match=words):
        call(model)
