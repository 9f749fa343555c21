"""Every pyhf workspace of the reference data, against pyhf itself: -2 log L, and best fits.

``pytest -m agreement -s tests/io`` shows the table; with ``-m "agreement and slow"`` that of the large ones.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pyhf
import pytest
from files_of_tests import shared_path
from pyhf_twin import Twin

from smoothfit.io import read_pyhf

pytestmark = [pytest.mark.reference, pytest.mark.agreement]

# Their fits by pyhf take minutes; the comparison of likelihoods is quick.
LARGE = {
    "converter-ridolfi/test/big_model/bottom-squarks.json",
    "pyhf-tutorial-atlas/book/data/bkg_only.json",
    "pyhf_inference_tools/analyses/directstaus/likelihoods/combined_BkgOnly.json",
    "pyhf_inference_tools/analyses/sbottom/likelihoods/SRA_BkgOnly.json",
}
REGION_C = "converter-ridolfi/test/big_model/bottom-squarks.json"


def _is_workspace(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    keys = ("channels", "observations", "measurements")
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in keys)


DATA = shared_path("data")
FOUND = sorted(str(path.relative_to(DATA)) for path in DATA.rglob("*.json") if _is_workspace(path))
FITTED = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in FOUND]


@functools.cache
def twin_of(name: str) -> Twin:
    return Twin(DATA / name)


@functools.cache
def difference_of(name: str) -> float:
    return twin_of(name).largest_difference(20)


@functools.cache
def our_fit(name: str):
    twin = twin_of(name)
    return twin.ours.fit(twin.obs, strict=False)


@functools.cache
def their_fits(name: str) -> dict[str, float]:
    """-2 log L at the minima that pyhf's optimizers find; NaN where they fail."""
    twin = twin_of(name)
    # Gradients by jax where there are many parameters.
    backend = "jax" if len(twin.init) > 15 else "numpy"
    found = {}
    for which, optimizer in (
        ("SLSQP", pyhf.optimize.scipy_optimizer(maxiter=10000)),
        ("minuit", pyhf.optimize.minuit_optimizer(maxiter=1000000, tolerance=1e-3)),
    ):
        pyhf.set_backend(backend, optimizer)
        try:
            with np.errstate(all="ignore"):
                best = np.asarray(pyhf.infer.mle.fit(twin.data, twin.theirs))
        except pyhf.exceptions.FailedMinimization:
            best = None
        finally:
            pyhf.set_backend("numpy")
        found[which] = np.nan if best is None else twin.their_twice_nll(best)
    return found


def test_none_is_dropped():
    # 24 in the data of the first release; LARGE names are among them.
    assert len(FOUND) >= 24
    assert set(FOUND) >= LARGE


@pytest.mark.parametrize("name", FOUND)
def test_likelihood(name):
    assert difference_of(name) < 1e-9


@pytest.mark.parametrize("name", FOUND)
def test_fit_converges_inside_its_bounds(name):
    twin, fit = twin_of(name), our_fit(name)
    assert fit.success, fit.message
    best = twin.parameters(fit.x[: len(twin.init)])
    assert np.all(best >= twin.bounds[:, 0])
    assert np.all(best <= twin.bounds[:, 1])
    np.testing.assert_array_equal(best[twin.fixed], twin.init[twin.fixed])
    # The value of the fit is that of the likelihood there, by pyhf's own account.
    assert 2.0 * fit.fun == pytest.approx(twin.their_twice_nll(best), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", FITTED)
def test_best_fit_is_at_least_as_low(name):
    ours = 2.0 * our_fit(name).fun
    for which, theirs in their_fits(name).items():
        assert np.isnan(theirs) or ours <= theirs + 1e-8, which


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_region_c_converges_where_minuit_does_not(value):
    twin = twin_of(REGION_C)
    fit = twin.ours.fit(twin.obs, fixed={twin.ours.poi: value})
    assert fit.success
    # Published background-only fit: references.json, cabinetry-tutorials, HEPData sbottom RegionC.
    if value == 0.0:
        assert 2.0 * fit.fun <= 106.162823 + 1e-6


@pytest.mark.parametrize("large", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_table(large):
    titles = ("par", "max diff", "ours", "SLSQP - ours", "minuit - ours")
    lines = ["{:78} {:>4} {:>9} {:>16} {:>13} {:>13}".format("workspace", *titles)]
    for name in FOUND:
        if (name in LARGE) != large:
            continue
        ours, theirs = 2.0 * our_fit(name).fun, their_fits(name)
        lines.append(
            f"{name[-78:]:78} {len(twin_of(name).init):4} {difference_of(name):9.1e} {ours:16.9f} "
            f"{theirs['SLSQP'] - ours:13.2e} {theirs['minuit'] - ours:13.2e}"
        )
    print("", *lines, sep="\n")
    assert len(lines) == 1 + (len(LARGE) if large else len(FOUND) - len(LARGE))


def test_models_without_data_are_refused():
    specification = DATA / "pyhf-repo" / "tests" / "test_modifiers" / "spec.json"
    with pytest.raises(ValueError, match="'observations' is missing"):
        read_pyhf(specification)
