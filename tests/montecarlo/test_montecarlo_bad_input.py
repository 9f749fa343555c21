"""Bad input about Monte Carlo statistics, the data term and masks: calls, errors, words of the message."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.errors import (
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    SmoothfitError,
    UnknownNameError,
)
from smoothfit.model import ChannelContrib, Model, Process, Variable


def model(sumw2=True):
    mu = Variable("mu", 1.0)
    sig = Process("sig", [10.0, 20.0], sumw2=[1.0, 2.0] if sumw2 else None, channel="SR").scale_by(mu)
    bkg = Process("bkg", [80.0, 70.0], channel="SR")
    bkg.add_contrib(ChannelContrib("CR", [300.0]))
    return Model().add_proc(sig).add_proc(bkg)


def pair():
    return Process("pair", [[1.0, 2.0], [3.0, 4.0]], channel="SR")


def shared(change=()):
    """A covariance (2, 2, 2) with some entries changed."""
    covariance = np.repeat(np.array([[2.0, 1.0], [1.0, 3.0]])[:, :, None], 2, axis=2)
    for at, value in change:
        covariance[at] = value
    return covariance


def with_shared(**options):
    return Model().add_proc(pair().register_sumw2(shared())).set_mc_stat(**options)


CASES = [
    (lambda: model().set_mc_stat("threshold"), InvalidValueError, ["set_mc_stat", "threshold=...", "10"]),
    (lambda: model().set_mc_stat("threshold", threshold=float("nan")), InvalidValueError, ["finite", "nan"]),
    (lambda: model().set_mc_stat("threshold", threshold="10"), InvalidValueError, ["threshold", "'10'"]),
    (lambda: model().set_mc_stat("lite", threshold=3), InvalidValueError, ["'lite'", "no threshold", "full"]),
    (lambda: model().set_mc_stat("lite", constraint="flat"), InvalidValueError, ["'flat'", "'poisson'"]),
    (lambda: model().set_mc_stat("full", scaling="total"), InvalidValueError, ["'total'", "'full'"]),
    (lambda: model().set_mc_stat("lite-gamma", scaling="total"), InvalidValueError, ["'lite-gamma'"]),
    (
        lambda: model().set_mc_stat("threshold", threshold=1, include_signal="yes"),
        InvalidTypeError,
        ["include_signal", "'yes'"],
    ),
    (
        lambda: model(sumw2=False).set_mc_stat("threshold", threshold=10).prepare(),
        InvalidValueError,
        ["'threshold'", "needs variances", "any channel", "register_sumw2"],
    ),
    (
        lambda: model().set_mc_stat("full", channels=["CR"]).prepare(),
        InvalidValueError,
        ["'full'", "needs variances", "channel 'CR'", "register_sumw2"],
    ),
    (
        lambda: pair().register_sumw2(np.ones((2, 2, 3))),
        ShapeMismatchError,
        ["'SR' of 'pair'", "(2, 2, 3)", "(2, 2, 2)"],
    ),
    (
        lambda: Process("one", [1.0, 2.0]).register_sumw2(np.ones((2, 2, 2))),
        ShapeMismatchError,
        ["'one'", "(2, 2, 2)", "(1, 1, 2)"],
    ),
    (
        lambda: pair().register_sumw2(shared([((0, 1, 0), 0.5)])),
        InvalidValueError,
        ["'SR' of 'pair'", "not symmetric"],
    ),
    (
        lambda: pair().register_sumw2(shared([((0, 1, 1), 9.0), ((1, 0, 1), 9.0)])),
        InvalidValueError,
        ["'SR' of 'pair'", "not positive semi-definite", "bin 1"],
    ),
    (lambda: pair().register_sumw2(shared([((0, 0, 0), np.nan)])), InvalidValueError, ["sumw2", "finite"]),
    (lambda: with_shared(mode="full").prepare(), InvalidValueError, ["'pair'", "covariance", "mode='full'"]),
    (
        lambda: with_shared(mode="lite", scaling="total").prepare(),
        InvalidValueError,
        ["'pair'", "covariance", "scaling='total'", "scaling='process'"],
    ),
    (lambda: model().mask_channels("VR").prepare(), UnknownNameError, ["mask_channels", "'VR'", "SR, CR"]),
    (
        lambda: model().mask_channels("SR", "CR").prepare(),
        InvalidValueError,
        ["mask_channels", "all channels"],
    ),
    (lambda: model().mask_channels(3), InvalidTypeError, ["mask_channels", "names", "3"]),
    (lambda: model().set_data_term("normal"), InvalidValueError, ["set_data_term", "'normal'", "'gaussian'"]),
    (lambda: model().set_data_term("poisson", [1.0] * 3), InvalidValueError, ["Poisson", "no variances"]),
    (
        lambda: model().set_data_term("gaussian", [1.0, 0.0, 2.0]),
        InvalidValueError,
        ["variances", "positive"],
    ),
    (lambda: model().set_data_term("gaussian", "many"), InvalidTypeError, ["variances", "numbers"]),
    (
        lambda: model().set_data_term("gaussian", [1.0, 2.0]).prepare(),
        ShapeMismatchError,
        ["2 variances", "3 bins"],
    ),
    (
        lambda: model().set_data_term("gaussian", {"SR": [1.0, 2.0]}).prepare(),
        UnknownNameError,
        ["'CR'", "missing", "SR, CR"],
    ),
    (
        lambda: model().set_data_term("gaussian", {"SR": [1.0], "CR": [2.0]}).prepare(),
        ShapeMismatchError,
        ["1 variances", "'SR'", "2 bins"],
    ),
    (
        lambda: (
            model().set_mc_stat("lite-gamma").prepare().fit([90.0, 90.0, 300.0], fixed={"mcstat_SR_bin0": -1})
        ),
        InvalidValueError,
        ["fixed", "mcstat_SR_bin0", "-1", "bounds [0, inf]"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[2][:2]))
def test_refused(case):
    call, kind, words = case
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, SmoothfitError)
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert "\n" not in message
