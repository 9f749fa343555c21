"""What a fit says of itself: degenerate models, how well minima are determined, retries."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm, poisson

from smoothfit import Model, Process, Variable, functional
from smoothfit.errors import FitError
from smoothfit.fitters import FITTERS, compiled_solve
from smoothfit.inference import batching, inputs, kinks, retries, second_looks
from smoothfit.status import Status


def templates(*rows, **constrained):
    """Processes of one channel, scaled by free parameters p0, p1, ..."""
    model = Model()
    for i, row in enumerate(rows):
        model.add_proc(Process(f"t{i}", row).scale_by(Variable(f"p{i}", 1.0)))
    return model.prepare()


def failed(model, obs, **options):
    with pytest.raises(FitError) as caught:
        model.fit(obs, **options)
    result = caught.value.result
    assert result.status == Status.NOT_POSITIVE_DEFINITE
    assert np.isnan(result.errors).any()
    assert result.condition_number == np.inf or result.condition_number > 1e10
    return result


def test_two_normalisations_of_one_template():
    result = failed(templates([50.0, 40.0], [25.0, 20.0]), [80.0, 65.0])
    (direction,) = result.flat_directions
    assert direction.names == ("p0", "p1")
    np.testing.assert_allclose(direction.weights, np.array([1.0, -2.0]) / np.sqrt(5.0), atol=1e-6)
    assert "do not determine 0.45*p0 - 0.89*p1: fix or constrain" in result.message
    assert "ended alike" in result.message
    assert "condition number" in repr(result)
    written = json.loads(result.to_json())
    assert written["flat_directions"][0] == pytest.approx(direction.to_dict())
    assert written["condition_number"] is None
    assert [a["status"] for a in written["attempts"]] == ["NOT_POSITIVE_DEFINITE"] * 5


def test_a_template_that_is_the_difference_of_two_others():
    a, b = np.array([50.0, 40.0, 70.0, 20.0]), np.array([25.0, 30.0, 20.0, 10.0])
    result = failed(templates(a, b, a - b), [100.0, 80.0, 140.0, 40.0])
    (direction,) = result.flat_directions
    assert direction.names == ("p0", "p1", "p2")
    np.testing.assert_allclose(direction.weights, np.array([1.0, -1.0, -1.0]) / np.sqrt(3.0), atol=1e-6)


def test_a_parameter_without_effect():
    result = failed(templates([50.0, 40.0], [0.0, 0.0]), [80.0, 65.0])
    assert [d.names for d in result.flat_directions] == [("p1",)]
    assert "do not determine p1: fix or constrain it." in result.message
    # What the data do determine is there.
    assert result["p0"].value == pytest.approx(145.0 / 90.0, rel=1e-6)


def test_a_free_factor_of_the_only_bin_with_signal():
    """The bin's factor is minimised over, and named all the same: 10 dmu + 100 df = 0."""
    factor = Variable("f", [1.0, 1.0, 1.0], lower_bound=0.0)
    model = Model().add_proc(Process("sig", [10.0, 0.0, 0.0]).scale_by(Variable("mu", 1.0)))
    model.add_proc(Process("bkg", [100.0, 80.0, 60.0]).scale_by(factor, axis="bin"))
    result = failed(model.prepare(), [120.0, 65.0, 60.0])
    (direction,) = result.flat_directions
    assert direction.names == ("mu", "f[0]")
    assert direction.weights[1] / direction.weights[0] == pytest.approx(-0.1)


@pytest.fixture(scope="module")
def correlated():
    """Two nuisances that are nearly one."""
    a, b = Variable("a", 0.0, nuisance=True), Variable("b", 0.0, nuisance=True)
    model = Model().add_proc(Process("p", [100.0, 80.0]).add_lnN(a, 1.01))
    model.add_proc(Process("q", [50.0, 90.0]).add_lnN(b, 1.02))
    return model.correlate_nuisances(a, b, 0.999999).prepare()


def test_nearly_equal_nuisances_are_determined(correlated):
    result = correlated.fit([150.0, 160.0])
    assert result.success
    hessian = np.asarray(functional.hessian(correlated.prepared, result.x, result.obs))
    d = np.sqrt(np.diag(hessian))
    expected = np.linalg.eigvalsh(hessian / np.outer(d, d))
    np.testing.assert_allclose(result.eigenvalues, expected, rtol=1e-8)
    # Of the constraint alone 1 - rho and 1 + rho; the data hardly add to it.
    assert expected[0] == pytest.approx(1e-6, rel=0.2)
    assert result.condition_number == pytest.approx(2e6, rel=0.2)
    assert result.flat_directions == ()
    np.testing.assert_allclose(result.weakest_direction.weights, np.sqrt(0.5), rtol=1e-3)
    # Ill-conditioned it is, for a table, from 1e7 only.
    assert "Ill-conditioned" not in repr(result)
    covariance = np.array([[1.0, 1.0 - 1e-9], [1.0 - 1e-9, 1.0]])
    worse = replace(result, hess_inv=covariance)
    assert worse.condition_number == pytest.approx(2e9, rel=1e-5)
    assert "Ill-conditioned: condition number 2e+09" in repr(worse)


def test_at_a_limit_the_others_are_what_counts():
    """mu is held at 0 by its limit; the eigenvalues are those of the rest of the Hessian."""
    mu, theta, norm = (
        Variable("mu", 1.0, lower_bound=0.0),
        Variable("theta", 0.0, nuisance=True),
        Variable("n", 1.0),
    )
    model = Model().add_proc(Process("sig", [9.0, 1.0]).scale_by(mu).add_lnN(theta, 1.1))
    model.add_proc(Process("bkg", [50.0, 60.0]).scale_by(norm).add_lnN(theta, 1.2))
    result = model.prepare().fit([40.0, 70.0])
    assert result.parameters_at_limit == ("mu",)
    at = [model.parameters.index(n) for n in ("theta", "n")]
    hessian = np.asarray(functional.hessian(model.prepared, result.x, result.obs))[np.ix_(at, at)]
    d = np.sqrt(np.diag(hessian))
    np.testing.assert_allclose(result.eigenvalues, np.linalg.eigvalsh(hessian / np.outer(d, d)), rtol=1e-8)
    # The gradient by mu pushes against the limit, and is none of the distance to the minimum.
    assert result.gradient[0] > 0.1
    assert result.projected_gradient[0] == 0.0
    assert result.gradient_norm < 1e-6
    far = replace(result, gradient=np.array([0.0, 0.5, 0.0])[np.argsort(np.argsort([0, *at]))])
    moved = float(far.projected_gradient[at[0]] / d[0] + far.projected_gradient[at[1]] / d[1])
    assert far.gradient_norm == pytest.approx(moved)


# -- retries ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def steep():
    """One log-normal on the only background: from theta = 1e4 the likelihood is not finite."""
    theta = Variable("theta", 0.0, nuisance=True)
    model = Model().add_proc(Process("sig", [10.0, 2.0]).scale_by(Variable("mu", 1.0, lower_bound=0.0)))
    return model.add_proc(Process("bkg", [50.0, 60.0]).add_lnN(theta, 1.3)).prepare()


OBS = np.array([66.0, 58.0])


def test_a_bad_start_is_left_for_the_models_own(steep):
    good = steep.fit(OBS)
    assert good.attempts == ()
    result = steep.fit(OBS, init={"theta": 1e4})
    assert result.success
    np.testing.assert_allclose(result.x, good.x, atol=1e-7)
    assert [a.status for a in result.attempts] == [Status.NOT_FINITE, Status.CONVERGED]
    assert result.attempts[1].what == "from the model's start values"
    assert "The first attempt ended NOT_FINITE; one retry, the last one from the model's" in result.message
    assert json.loads(result.to_json())["attempts"][1]["fitter"] == "newton"


@pytest.fixture(scope="module")
def one_sided():
    """More events both ways: two minima, the lower one where the effect is larger."""
    theta = Variable("theta", 0.0, nuisance=True)
    return Model().add_proc(Process("bkg", [400.0]).add_lnN(theta, (1.1, 1.2))).prepare()


def test_of_two_minima_that_of_the_models_own_start_is_taken_if_it_is_lower(one_sided):
    obs = np.array([480.0])
    theta = np.linspace(-3.0, 3.0, 6001)
    scanned = np.array([one_sided.nll(np.array([t]), obs) for t in theta])
    interior = np.flatnonzero((scanned[1:-1] < scanned[:-2]) & (scanned[1:-1] < scanned[2:])) + 1
    assert len(interior) == 2
    higher, lower = sorted(interior, key=lambda i: -scanned[i])
    start = {"theta": theta[higher]}

    asked = one_sided.fit(obs, init=start, fitter="newton")
    np.testing.assert_allclose(asked.x, theta[higher], atol=1e-3)
    assert asked.attempts == ()

    result = one_sided.fit(obs, init=start)
    np.testing.assert_allclose(result.x, theta[lower], atol=1e-3)
    assert result.fun <= scanned.min()
    assert [a.what for a in result.attempts] == ["from the given start", "from the model's start values"]
    assert f"is {asked.fun - result.fun:.3g} higher" in result.message
    # The other way round nothing is to be said.
    assert one_sided.fit(obs, init=result.x).attempts == ()


def test_a_fitter_that_was_asked_for_is_tried_once(steep):
    result = steep.fit(OBS, init={"theta": 1e4}, fitter="newton", strict=False)
    assert result.status == Status.NOT_FINITE
    assert result.attempts == ()


def problem(model, obs):
    layout = model.layout
    held, _ = inputs.fixed(layout, model.prepared, None)
    return inputs.data(layout, obs, layout.globs), held


def test_the_last_resort_is_another_fitter(steep, monkeypatch):
    def stops_short(*arguments):
        return replace(jax.device_get(compiled_solve(*arguments)), status=np.array(1), edm=np.array(0.3))

    data, held = problem(steep, OBS)
    start = steep.layout.start
    first = stops_short(steep.prepared, data, held, start)
    monkeypatch.setitem(FITTERS, "newton", stops_short)
    solution, attempts = retries.retry(steep.prepared, steep.layout, data, held, start, first)
    assert solution.status == Status.CONVERGED
    assert [a.fitter for a in attempts] == ["newton"] * (len(attempts) - 1) + ["trust-constr"]
    assert "from drawn start 4" in [a.what for a in attempts]
    # Its EDM may be 1e-6, which is 1.4e-3 errors.
    good = steep.fit(OBS)
    np.testing.assert_array_less(np.abs(solution.values - good.x) / good.errors, 2e-3)


def test_a_minimum_above_a_point_that_was_passed_is_not_the_lowest(steep):
    data, held = problem(steep, OBS)
    start = steep.layout.start
    best = jax.device_get(compiled_solve(steep.prepared, data, held, start))
    lower = replace(best, nll=best.nll - 1e-3, status=np.array(int(Status.NOT_CONVERGED)))
    solution, attempts = retries.retry(steep.prepared, steep.layout, data, held, start, lower)
    assert solution.status == Status.NOT_CONVERGED
    assert solution.nll == lower.nll
    assert Status.CONVERGED in [a.status for a in attempts]
    # Not so if that point was none that data can have.
    illegal = replace(lower, status=np.array(int(Status.ILLEGAL_EXPECTATION)))
    solution, attempts = retries.retry(steep.prepared, steep.layout, data, held, start, illegal)
    assert solution.status == Status.CONVERGED
    assert len(attempts) == 2


def test_failed_members_of_a_batch(steep):
    """Three toys, one of them from a hopeless start."""
    layout = steep.layout
    counts = np.array([OBS, OBS + 5.0, OBS - 9.0])
    starts = np.tile(layout.start, (3, 1))
    starts[1, steep.index("theta")] = 1e4
    data, held = problem(steep, OBS)
    shared = batching.Held(
        np.zeros(len(layout.names), bool), np.concatenate([layout.start, layout.bin_centre])
    )
    options = {"counts": counts, "globs": layout.globs, "fixed": shared, "start": starts, "errors": True}
    members = batching.refit(steep._context(), **options)
    assert members.success.tolist() == [True, False, True]

    def problem_of(i):
        of_member = replace(data, counts=counts[i])
        return of_member, held, starts[i], compiled_solve(steep.prepared, of_member, held, starts[i])

    mended, attempts = retries.retry_failed(steep.prepared, layout, members, problem_of)
    assert mended.success.all()
    assert list(attempts) == [1]
    expected = steep.fit(counts[1])
    np.testing.assert_allclose(mended.x[1], expected.x, atol=1e-7)
    np.testing.assert_allclose(mended.errors[1], expected.errors, rtol=1e-6)
    np.testing.assert_array_equal(mended.x[[0, 2]], members.x[[0, 2]])


# -- kinks -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kinked():
    """Both variations of `bend` raise the background; of `side`, one, so that its kink is no minimum."""
    bend, side = Variable("bend", 0.0, nuisance=True), Variable("side", 0.0, nuisance=True)
    bkg = Process("bkg", [100.0, 80.0]).add_lnN(bend, (1.1, 1.3), interpolation="code1")
    bkg.add_lnN(side, (0.9, 1.3), interpolation="code1")
    model = Model().add_proc(bkg).add_proc(Process("sig", [30.0, 5.0]).scale_by(Variable("mu", 1.0)))
    return model.prepare()


def test_a_minimum_on_a_kink(kinked):
    """The witness: scipy's minimum of the same NLL without `bend`, and larger values on both sides of 0."""
    obs = np.array([100.0, 55.0])
    assert kinked.fit(obs, fitter="newton", strict=False).status == Status.NOT_CONVERGED
    with pytest.raises(FitError, match="on a kink of the likelihood in bend, which has no error"):
        kinked.fit(obs)
    result = kinked.fit(obs, strict=False)
    assert result.status == Status.ON_KINK
    assert not result.success

    at = {name: kinked.index(name) for name in ("bend", "side", "mu")}
    assert result["bend"].value == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(result["bend"].error)

    def nll(bend, side, mu):
        factor = (1.3**bend if bend > 0 else 1.1**-bend) * (1.3**side if side > 0 else 0.9**-side)
        nu = factor * np.array([100.0, 80.0]) + mu * np.array([30.0, 5.0])
        return -np.sum(poisson.logpmf(obs, nu)) - norm.logpdf(bend) - norm.logpdf(side)

    def lowest(bend):
        options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000}
        return minimize(lambda x: nll(bend, *x), [-0.5, 0.0], method="Nelder-Mead", options=options)

    best = lowest(0.0)
    assert result.fun == pytest.approx(best.fun, abs=1e-8)
    np.testing.assert_allclose([result.x[at["side"]], result.x[at["mu"]]], best.x, atol=1e-5)
    assert min(lowest(-0.01).fun, lowest(0.01).fun) > best.fun
    held = kinked.fit(obs, fixed={"bend": 0.0})
    np.testing.assert_allclose(result.errors[at["mu"]], held["mu"].error, rtol=1e-6)
    assert result.attempts[-1].status == Status.ON_KINK


@pytest.fixture(scope="module")
def floored():
    """The yields of two bins are morphed below 0, each by two nuisances, and floored there."""
    model, mu = Model(), Variable("mu", 1.0, lower_bound=0.0)
    one, other = (Variable(name, 0.0, nuisance=True) for name in ("one", "other"))
    low = Process("low", [1.0, 0.8, 30.0])
    low.add_shape(one, up=[2.6, 0.9, 30.0], down=[-0.6, 0.7, 30.0], kind="floored")
    low.add_shape(other, up=[1.9, 2.1, 31.0], down=[0.1, -0.5, 29.0], kind="floored")
    model.add_proc(low).add_proc(Process("flat", [3.0, 3.0, 5.0]))
    return model.add_proc(Process("sig", [2.0, 1.0, 0.5]).scale_by(mu)).prepare()


@pytest.mark.parametrize("obs", [[1.0, 6.0, 33.0], [0.0, 5.0, 30.0], [0.0, 0.0, 30.0], [1.0, 1.0, 33.0]])
def test_a_minimum_on_a_kink_of_two_parameters(floored, obs):
    """Where a yield is floored is an oblique line: neither parameter turns there by itself.

    The witness: no point of a fine grid around is lower, and of many directions, the NLL rises along each.
    """
    result = floored.fit(np.array(obs), strict=False)
    assert result.status in (Status.CONVERGED, Status.ON_KINK)
    steps = np.random.default_rng(3).standard_normal((400, 3))
    lower, upper = (np.asarray(b) for b in (floored.layout.lower, floored.layout.upper))
    for size in (1e-4, 1e-2, 0.3):
        near = np.clip(result.x + size * steps, lower, upper)
        values = np.array([floored.nll(x, np.array(obs)) for x in near])
        assert values.min() >= result.fun - 1e-9


def test_some_of_these_are_on_a_kink(floored):
    found = [floored.fit(np.array(obs), strict=False) for obs in ([1.0, 6.0, 33.0], [0.0, 0.0, 30.0])]
    assert Status.ON_KINK in [one.status for one in found]


def test_a_fit_beside_its_kinks_is_an_ordinary_one(kinked):
    result = kinked.fit([150.0, 100.0])
    assert result.success
    assert result.attempts == ()


def test_no_kink_where_a_smooth_fit_stopped_short(steep):
    data, held = problem(steep, OBS)
    solution = jax.device_get(compiled_solve(steep.prepared, data, held, steep.layout.start))
    assert kinks.on_kink(steep.prepared, data, held, solution) is None


def test_large_models_look_at_two_other_places_at_most(one_sided, monkeypatch):
    looked = []

    def counted(*arguments, **options):
        looked.append(arguments)
        return compiled_solve(*arguments, **options)

    monkeypatch.setattr(second_looks, "compiled_solve", counted)
    one_sided.fit([480.0], init={"theta": 2.0})
    small = len(looked)
    assert small >= 3
    monkeypatch.setattr(second_looks, "_LARGE", 0)
    looked.clear()
    one_sided.fit([480.0], init={"theta": 2.0})
    assert len(looked) <= 2
