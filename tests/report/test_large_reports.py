"""Reports of models as large as real ones: their size, and that a browser takes them."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from report_models import OBS, differential

from benchmarks.workloads import build

pytestmark = pytest.mark.slow

LIMIT = 5_000_000


def _rows(page, name):
    return page.locator(f'[data-table="{name}"] tbody tr').count()


def test_500_nuisances(open_page, tmp_path):
    """All sections, with impacts on both parameters of interest."""
    model = differential(nuisances=500)
    fit = model.fit(OBS)
    path = fit.report(tmp_path / "large.html")
    assert path.stat().st_size < LIMIT
    page = open_page(path)
    assert page.said == []
    assert len(page.asked) == 1
    assert _rows(page, "pulls") == 300
    impacts = page.locator('[data-table="impacts"]')
    impacts.get_by_role("button", name="Show all").click()
    assert _rows(page, "impacts") == len(fit.names) - 2
    impacts.get_by_label("Search").fill("nuisance_499")
    assert _rows(page, "impacts") == 1


@pytest.mark.reference
def test_the_workload_with_all_results(shared, open_page, tmp_path):
    """W3: 6 parameters of interest, 261 parameters, 192 bins; limit, goodness of fit and breakdown, too."""
    spec = importlib.util.spec_from_file_location("workload_models", shared / "workloads" / "models.py")
    workloads = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = workloads
    spec.loader.exec_module(workloads)
    model = build(workloads.w3()).prepare()
    obs = np.random.default_rng(1).poisson(model.pred({})).astype(float)
    fit = model.fit(obs)
    records = [model.upper_limit("mu0", obs), model.goodness_of_fit(obs), model.breakdown(model.pois, fit)]
    path = fit.report(tmp_path / "w3.html", records=records)
    assert path.stat().st_size < LIMIT
    page = open_page(path)
    assert page.said == []
    assert len(page.asked) == 1
    assert _rows(page, "parameters") == 261
    assert _rows(page, "impacts") == 255
    assert page.locator("#scans img").count() == 6
    assert page.locator("#yields img").count() == 4
