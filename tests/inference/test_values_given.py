"""Values of parameters as vectors, dicts and fits; what is no values is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit import Model, Process, Variable
from smoothfit.errors import InvalidTypeError, InvalidValueError

OBS = [60.0, 63.0]


@pytest.fixture(scope="module")
def fitted():
    mu = Variable("mu", 1.0, lower_bound=0.0)
    norm = Variable("norm", 0.0, nuisance=True, group="theory")
    sig = Process("sig", [12.0, 6.0], sumw2=[1.0, 1.0], signal=True).scale_by(mu)
    model = Model().add_proc(sig).add_proc(Process("bkg", [50.0, 60.0]).add_lnN(norm, 1.1)).prepare()
    return model, model.fit(OBS)


def test_a_fit_stands_for_its_values(fitted):
    model, best_fit = fitted
    as_dict = dict(zip(best_fit.names, best_fit.x.tolist(), strict=True))
    for given in (best_fit.x, as_dict):
        np.testing.assert_array_equal(model.pred(best_fit), model.pred(given))
        assert model.nll(best_fit, OBS) == model.nll(given, OBS)
        for one, other in zip(model.asimov(best_fit), model.asimov(given), strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(model.toy_pred(best_fit, 3, seed=1), model.toy_pred(given, 3, seed=1))
    assert float(model.nll(best_fit, OBS)) == pytest.approx(best_fit.fun, abs=1e-10)
    assert model.fit(OBS, init=best_fit).steps <= 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m, f: m.pred("mu"), InvalidTypeError, "values: expected real numbers, got 'mu'"),
        (
            lambda m, f: m.frozen("norm", at="start"),
            InvalidTypeError,
            "at: expected real numbers, got 'start'",
        ),
        (
            lambda m, f: m.fit(f),
            InvalidTypeError,
            "obs: expected real numbers, got an object of type FitResult",
        ),
        (
            lambda m, f: m.fit(OBS, fixed=["mu"]),
            InvalidTypeError,
            r"a dict {variable: value}, got list \['mu'\]",
        ),
        (lambda m, f: m.profile("mu", f), InvalidTypeError, "profile: expected a dict .*, got 'mu'"),
        (
            lambda m, f: m.fit(OBS, fixed={"mu": f}),
            InvalidValueError,
            "is not a number: an object of type FitResult",
        ),
    ],
)
def test_what_is_no_values(fitted, call, error, words):
    with pytest.raises(error, match=words):
        call(*fitted)


def test_a_fit_of_another_model_is_refused(fitted):
    _, best_fit = fitted
    other = Model().add_proc(Process("p", [5.0]).scale_by(Variable("a", 1.0))).prepare()
    with pytest.raises(InvalidValueError, match="made with another model"):
        other.pred(best_fit)
