"""Names, options, chains, missing packages, and what is compiled how often."""

from __future__ import annotations

import subprocess
import sys

import jax
import numpy as np
import pytest
from models import INSIDE, OTHERS, limited, parts

from smoothfit.errors import InvalidTypeError, InvalidValueError, MissingPackageError
from smoothfit.fitters import FITTERS, Jaxopt, Minuit, Optimistix, TrustConstr, chain, choose
from smoothfit.fitters.chaining import Chain
from smoothfit.prepared import Data
from smoothfit.status import Status


@pytest.mark.parametrize("name", OTHERS)
def test_names_and_objects(name):
    assert choose(name) == (name, FITTERS[name])
    assert choose(FITTERS[name])[0] == name
    assert FITTERS[name] == type(FITTERS[name])()


@pytest.mark.parametrize(
    ("fitter", "error", "words"),
    [
        ("simplex", InvalidValueError, ["simplex", "optimistix"]),
        (Jaxopt, InvalidTypeError, ["Jaxopt()"]),
        (7, InvalidValueError, ["7"]),
    ],
)
def test_no_fitter(fitter, error, words):
    with pytest.raises(error) as caught:
        choose(fitter)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Jaxopt(method="BFGS"), "BFGS"),
        (lambda: Jaxopt(max_steps=0), "max_steps"),
        (lambda: Jaxopt(tolerance=-1.0), "tolerance"),
        (lambda: Optimistix(max_steps=2.5), "max_steps"),
        (lambda: Optimistix(tolerance=float("nan")), "tolerance"),
        (lambda: Minuit(strategy=3), "strategy"),
        (lambda: Minuit(tolerance=0.0), "tolerance"),
        (lambda: TrustConstr(max_steps=True), "max_steps"),
        (lambda: chain(), "chain"),
        (lambda: chain("newton", "simplex"), "simplex"),
    ],
)
def test_options_that_mean_nothing(make, word):
    with pytest.raises(InvalidValueError, match=word):
        make()


def test_lbfgs_refuses_limits():
    with pytest.raises(InvalidValueError, match="2 free parameters have some"):
        limited().fit(INSIDE, fitter=Jaxopt(method="LBFGS"))


def test_lbfgs_where_limits_are_held():
    model = limited()
    held = {"mu": 1.0, "norm": 1.0}
    native = model.fit(INSIDE, fixed=held)
    for method in ("LBFGS", "auto", "LBFGSB"):
        fit = model.fit(INSIDE, fixed=held, fitter=Jaxopt(method=method))
        np.testing.assert_allclose(fit.x, native.x, atol=1e-4)


@pytest.mark.parametrize("fitter", [Jaxopt(max_steps=77), Optimistix(max_steps=77), Minuit(max_steps=77)])
def test_a_package_that_is_missing(fitter, monkeypatch):
    package = {"minuit": "iminuit"}.get(fitter.name, fitter.name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError) as caught:
        limited().fit(INSIDE, fitter=fitter)
    assert package in str(caught.value)
    assert "pip install" in str(caught.value)


def test_jaxopt_is_imported_in_silence():
    code = "from smoothfit.fitters.jaxopt import _package; print(_package().LBFGSB.__name__)"
    command = [sys.executable, "-W", "error::DeprecationWarning:jaxopt", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "LBFGSB", done.stderr
    assert done.stderr == ""


COMPILED: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, _, **__: COMPILED.append(event) if event.endswith("backend_compile_duration") else None
)


@pytest.mark.parametrize("fitter", OTHERS)
def test_other_data_compile_nothing(fitter):
    model = limited()
    model.fit(INSIDE, fitter=fitter)
    model.fit(INSIDE, fixed={"theta": 0.1}, fitter=fitter)
    count = len(COMPILED)
    one = model.fit(INSIDE + 1.0, init=[2.0, 1.1, 0.1], fitter=fitter)
    model.fit(INSIDE + 2.0, fixed={"theta": 0.3}, fitter=FITTERS[fitter])
    assert len(COMPILED) == count
    assert one.success
    # The counter counts.
    jax.jit(lambda x: x + len(COMPILED))(1.0)
    assert len(COMPILED) > count


@pytest.mark.parametrize("fitter", [Jaxopt(), pytest.param(Optimistix(), marks=pytest.mark.slow)])
def test_a_batch_of_fits(fitter):
    """Inside vmap, one of them at its limit."""
    model = limited()
    prepared, data, fixed, _ = parts(model, INSIDE)
    counts = np.array([INSIDE, INSIDE + 3.0, INSIDE - [15.0, 42.0, 0.0, 0.0]])

    @jax.jit
    def fit_all(counts):
        def one(counts):
            return fitter(
                prepared, Data(counts=counts, globs=data.globs, bin_globs=data.bin_globs), fixed, start
            )

        return jax.vmap(one)(counts)

    start = model.layout.start
    found = fit_all(counts)
    np.testing.assert_array_equal(found.status, 0)
    for i, one in enumerate(counts):
        native = model.fit(one)
        np.testing.assert_allclose(found.values[i], native.x, atol=1e-3 * native.errors.max())
    np.testing.assert_array_equal(found.at_limit[:, 0], [0.0, 0.0, 1.0])


def test_a_chain_goes_on_where_the_first_ended():
    model = limited()
    cut = TrustConstr(max_steps=2)
    starts = []

    def spy(prepared, data, fixed, start):
        starts.append(np.array(start))
        return FITTERS["newton"](prepared, data, fixed, start)

    far = [20.0, 3.0, 3.0]
    short = model.fit(INSIDE, init=far, fitter=cut, strict=False)
    both = model.fit(INSIDE, init=far, fitter=chain(cut, spy))
    assert not short.success
    assert both.fitter == "trust-constr, then spy"
    np.testing.assert_array_equal(starts[0], short.x)
    assert both.steps > short.steps
    assert both.fun == pytest.approx(model.fit(INSIDE).fun, abs=1e-9)


def test_a_chain_keeps_what_converged():
    model = limited()
    arguments = parts(model, INSIDE)[:3]

    def failing(prepared, data, fixed, start):
        end = TrustConstr(max_steps=1)(prepared, data, fixed, np.array([20.0, 3.0, 3.0]))
        assert int(end.status) != Status.CONVERGED
        return end

    good = FITTERS["newton"](*arguments, model.layout.start)
    kept = Chain((FITTERS["newton"], failing), "both")(*arguments, model.layout.start)
    np.testing.assert_array_equal(kept.values, good.values)
    assert int(kept.status) == Status.CONVERGED
    lost = Chain((failing, failing), "none")(*arguments, model.layout.start)
    assert int(lost.status) != Status.CONVERGED
