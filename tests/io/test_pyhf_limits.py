"""CLs, limits and q0 of every pyhf workspace of the reference data that names a POI, against pyhf.

pyhf's fits are asked for as precise as they can be. Where they fail, or end higher than ours, pyhf's own
likelihood at our parameters proves that; nothing is compared with their p-values then.
"""

from __future__ import annotations

import functools
import json
import logging
from typing import NamedTuple

import numpy as np
import pyhf
import pytest
from pyhf_twin import Twin
from scipy.optimize import brentq
from scipy.stats import norm
from test_pyhf_agreement import DATA, FOUND, REGION_C

pytestmark = [
    pytest.mark.reference,
    pytest.mark.agreement,
    pytest.mark.filterwarnings("ignore::smoothfit.errors.AsymptoticWarning"),
]

QUICK = {
    "pyhf-repo/docs/examples/json/2-bin_1-channel.json",
    "pyhf-repo/tests/test_export/workspace_no_parameter_bounds.json",
    "pyhf-tutorial-atlas/book/data/2-bin_1-channel.json",
}
# A signal without a background: pyhf's likelihood of no signal is infinite, and it makes no Asimov data.
WITHOUT_BACKGROUND = {
    "pyhf-repo/tests/test_export/workspace_no_parameter_bounds.json",
    "pyhf-repo/tests/test_export/workspace_no_parameter_inits.json",
}
# Of these the parameter that is named as the one of interest cannot be 0, or is an array.
NOT_TESTABLE = {"pyhf-repo/tests/test_modifiers/issue1720_greedy_staterror.json"}
HIGHER = 1e-7
"""-2 log L by which a fit of theirs is higher than ours, and no minimum."""


@functools.cache
def twin_of(name: str, patch: str = "") -> Twin:
    twin = Twin(DATA / name, json.loads(patch) if patch else None)
    # Making one has set another backend.
    pyhf.set_backend("jax", pyhf.optimize.scipy_optimizer(maxiter=100_000, tolerance=1e-13))
    return twin


def _has_poi(name: str) -> bool:
    """Whether the parameter that the first measurement names is one of a modifier."""
    content = json.loads((DATA / name).read_text(encoding="utf-8"))
    used = {m["name"] for c in content["channels"] for s in c["samples"] for m in s["modifiers"]}
    return content["measurements"][0]["config"]["poi"] in used


NAMES = [name for name in FOUND if name not in NOT_TESTABLE and _has_poi(name)]
PARAMETERS = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in NAMES]


class Theirs(NamedTuple):
    """What pyhf says of a tested value."""

    cls: float
    expected: np.ndarray
    roots: tuple[float, float]
    """Of q and of q_A."""
    p0: float
    excess: float
    """-2 log L of the worst of their fits to the data above ours."""


def _statistic(twin: Twin) -> str:
    """With a parameter that may be negative pyhf's qtilde is none: arXiv:1007.1727 eq. 14 is not done."""
    return "qtilde" if twin.bounds[twin.config.poi_index][0] >= 0.0 else "q"


@pytest.fixture(autouse=True, scope="module")
def quiet():
    logging.getLogger("pyhf").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("pyhf").setLevel(logging.NOTSET)
    pyhf.set_backend("numpy")


def our_fits(twin: Twin, value: float) -> list[np.ndarray]:
    """Our fits to the data with the POI free, at a value and at 0: as pyhf's parameters."""
    model = twin.ours
    free = model.fit(twin.obs)
    fits = [free, *(model.fit(twin.obs, fixed={model.poi: v}, init=free.x) for v in (value, 0.0))]
    # They are those that the test of the value takes.
    taken = {fit.what: fit.fun for fit in model.hypotest(model.poi, value, twin.obs, statistic="t").fits}
    for fit, where in zip(fits, ("free", f"= {value:g}", "= 0"), strict=True):
        assert fit.fun == pytest.approx(taken[f"data: {model.poi} {where}"], abs=1e-8)
    return [twin.parameters(fit.x[: len(twin.init)]) for fit in fits]


def excess(name: str, value: float) -> float:
    """-2 log L of the worst of three of their fits above ours, by their likelihood; infinite if one fails."""
    twin, worst = twin_of(name), -np.inf
    asks = [
        lambda: pyhf.infer.mle.fit(twin.data, twin.theirs),
        *(lambda v=v: pyhf.infer.mle.fixed_poi_fit(v, twin.data, twin.theirs) for v in (value, 0.0)),
    ]
    for ask, ours in zip(asks, our_fits(twin, value), strict=True):
        try:
            with np.errstate(all="ignore"):
                theirs = twin.their_twice_nll(np.asarray(ask()))
        except pyhf.exceptions.FailedMinimization:
            theirs = np.inf
        lowest = twin.their_twice_nll(ours)
        # Ours is never the higher one.
        assert not theirs < lowest - 1e-8 * max(abs(lowest), 1.0)
        worst = max(worst, theirs - lowest)
    return worst


def theirs(name: str, value: float) -> Theirs:
    twin = twin_of(name)
    statistic = _statistic(twin)
    with np.errstate(all="ignore"):
        observed, expected, calculator = pyhf.infer.hypotest(
            value,
            twin.data,
            twin.theirs,
            test_stat=statistic,
            return_expected_set=True,
            return_calculator=True,
        )
        p0 = pyhf.infer.hypotest(0.0, twin.data, twin.theirs, test_stat="q0")
        q = getattr(pyhf.infer.test_statistics, {"q": "qmu", "qtilde": "qmu_tilde"}[statistic])
        fixed = twin.config.suggested_fixed()
        root = np.sqrt(q(value, twin.data, twin.theirs, twin.init.tolist(), twin.bounds.tolist(), fixed))
    return Theirs(
        float(observed),
        np.array(expected, dtype=float),
        (float(root), float(calculator.sqrtqmuA_v)),
        float(p0),
        excess(name, value),
    )


def values_of(name: str) -> list[float]:
    twin = twin_of(name)
    limit = twin.ours.upper_limit(twin.ours.poi, twin.obs, statistic=_statistic(twin))
    found = [v for v in (limit.observed, *limit.expected[1:3]) if np.isfinite(v)] or [limit.expected[0]]
    return [*dict.fromkeys(found)][:2]


@functools.cache
def compared(name: str) -> list[tuple[float, Theirs]]:
    return [(value, theirs(name, value)) for value in values_of(name)]


def test_which_are_compared():
    assert set(NAMES) >= QUICK | WITHOUT_BACKGROUND | {REGION_C}
    # Of the first release: 24 workspaces, of which these name a parameter that they have.
    assert len(NAMES) >= 18


@pytest.mark.parametrize("name", [p for p in PARAMETERS if p.values[0] not in WITHOUT_BACKGROUND])
def test_cls(name):
    twin, valid = twin_of(name), 0
    for value, found in compared(name):
        ours = twin.ours.hypotest(twin.ours.poi, value, twin.obs, statistic=_statistic(twin))
        np.testing.assert_allclose(ours.expected, found.expected, atol=1e-5)
        assert np.sqrt(ours.q_asimov) == pytest.approx(found.roots[1], abs=1e-5)
        if found.excess < HIGHER:
            valid += 1
            assert ours.cls == pytest.approx(found.cls, abs=1e-5)
            assert np.sqrt(ours.q) == pytest.approx(found.roots[0], abs=1e-5)
        else:
            # Theirs ended higher: the test of excess() has shown it by their likelihood.
            assert name == REGION_C
    assert valid or name == REGION_C


@pytest.mark.parametrize("name", [p for p in PARAMETERS if p.values[0] not in WITHOUT_BACKGROUND])
def test_q0(name):
    twin = twin_of(name)
    ours = twin.ours.significance(twin.ours.poi, twin.obs)
    (_, found), *_ = compared(name)
    if found.excess < HIGHER:
        assert ours.p_value == pytest.approx(found.p0, abs=1e-5)
    else:
        assert name == REGION_C


@pytest.mark.parametrize(
    "name", [p for p in PARAMETERS if p.values[0] not in WITHOUT_BACKGROUND | {REGION_C}]
)
def test_limits(name):
    """pyhf's CLs is above 5% at our limits less 1e-4 of them, and below at as much more."""
    twin = twin_of(name)
    statistic = _statistic(twin)
    limit = twin.ours.upper_limit(twin.ours.poi, twin.obs, statistic=statistic)

    def cls(value):
        with np.errstate(all="ignore"):
            options = {"test_stat": statistic, "return_expected_set": True}
            observed, expected = pyhf.infer.hypotest(value, twin.data, twin.theirs, **options)
        return np.array([observed, *expected], dtype=float)

    upper = twin.bounds[twin.config.poi_index][1]
    for k, value in enumerate([limit.observed, *limit.expected]):
        if np.isnan(value):
            # It is beyond the bound: there CLs is still above.
            assert cls(upper)[k] > 0.05
        else:
            assert cls(value * (1.0 - 1e-4))[k] > 0.05 > cls(min(value * (1.0 + 1e-4), upper))[k]


def test_roots_of_their_cls():
    name = "pyhf-repo/docs/examples/json/2-bin_1-channel.json"
    twin = twin_of(name)
    ours = twin.ours.upper_limit(twin.ours.poi, twin.obs)

    def excess_of(value, k):
        observed, expected = pyhf.infer.hypotest(
            value, twin.data, twin.theirs, test_stat="qtilde", return_expected_set=True
        )
        return float([observed, *expected][k]) - 0.05

    found = [brentq(excess_of, 0.1, 9.9, args=(k,), rtol=1e-9) for k in range(6)]
    np.testing.assert_allclose([ours.observed, *ours.expected], found, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(WITHOUT_BACKGROUND))
def test_without_background(name):
    """pyhf has no fit without a signal. Ours are valid, and as low as theirs by their likelihood."""
    twin = twin_of(name)
    with pytest.raises(pyhf.exceptions.FailedMinimization), np.errstate(all="ignore"):
        pyhf.infer.hypotest(3.0, twin.data, twin.theirs, test_stat="q")
    limit = twin.ours.upper_limit(twin.ours.poi, twin.obs)
    assert limit.status == "found"
    free, held, null = (twin.their_twice_nll(x) for x in our_fits(twin, limit.observed))
    assert null == np.inf
    with np.errstate(all="ignore"):
        at_limit = pyhf.infer.mle.fixed_poi_fit(limit.observed, twin.data, twin.theirs)
    assert held <= twin.their_twice_nll(np.asarray(at_limit)) + 1e-8
    # q from their likelihood at our fits; no data without a signal come near 1000: CLb is 1.
    with np.errstate(all="ignore"):
        tail = 0.5 * (1.0 - np.asarray(pyhf.tensorlib.erf(np.sqrt(0.5 * (held - free)))))
    assert tail == pytest.approx(0.05, abs=1e-5)


def cls_by_their_likelihood(twin: Twin, value: float) -> tuple[float, np.ndarray]:
    """CLs and the expected ones from pyhf's likelihood, at the parameters of our fits."""
    model, n = twin.ours, len(twin.init)
    free, held, null = our_fits(twin, value)
    root = np.sqrt(max(twin.their_twice_nll(held) - twin.their_twice_nll(free), 0.0))
    # Their Asimov data: the expectation and the auxiliary data at these parameters, where they are best.
    data = np.asarray(twin.theirs.expected_data(null))
    counts, globs = model.asimov(twin.values(null))
    ours = model.fit(counts, globs=globs, fixed={model.poi: value}, init=twin.values(held))
    rise = [-2.0 * float(twin.theirs.logpdf(x, data)[0]) for x in (twin.parameters(ours.x[:n]), null)]
    a = np.sqrt(rise[0] - rise[1])
    expected = norm.sf(a - np.arange(-2.0, 3.0)) / norm.cdf(np.arange(-2.0, 3.0))
    if root <= a:
        return float(norm.sf(root) / norm.cdf(a - root)), expected
    return float(norm.sf((root**2 + a**2) / (2 * a)) / norm.sf((root**2 - a**2) / (2 * a))), expected


@pytest.mark.slow
@pytest.mark.parametrize("upper", [10.0, 100.0])
def test_region_c_by_their_likelihood(upper):
    """Beyond the bound of 10 that is usual; pyhf's fits fail there, its likelihood does not."""
    poi = {"name": "mu_SIG", "inits": [1.0], "bounds": [[0.0, upper]]}
    patch = [{"op": "add", "path": "/measurements/0/config/parameters/-", "value": poi}]
    twin = twin_of(REGION_C, json.dumps(patch))
    limit = twin.ours.upper_limit("mu_SIG", twin.obs)
    assert limit.status == ("found" if upper == 100.0 else "not reached")
    values = np.array([limit.observed, *limit.expected])
    assert np.isfinite(values).sum() == (6 if upper == 100.0 else 1)
    for k in np.flatnonzero(np.isfinite(values)):
        observed, expected = cls_by_their_likelihood(twin, values[k])
        assert (observed, *expected)[k] == pytest.approx(0.05, abs=1e-6)
