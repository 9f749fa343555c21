"""Limits and significances of published counting cards, from fits of the library, against Combine's."""

from __future__ import annotations

import math

import pytest
from real_cards import DATA, needs_data
from scipy.optimize import brentq
from scipy.stats import norm

from smoothfit import read_datacard

TUTORIALS = DATA / "combine-tutorials/data/tutorials"
RANGE = {"poi_bounds": (0.0, 100.0)}

# Combine's validation suite of 2011-12, with up to 0.5% of bracketing error (references.json of the inputs).
PROFILED = {
    "counting-B5p5-Obs6-Syst1040B": 6.774054302718466,
    "counting-B5p5-Obs1-StatOnly": 2.261529618729873,
    "counting-B5p5-Obs1-Syst30B": 2.3557507287963144,
    "counting-B5p5-Obs1-Syst30C": 3.187973709773897,
    "counting-B5p5-Obs1-Syst30S": 2.4196314403479064,
    "counting-B5p5-Obs1-Syst30U": 2.5178863939878373,
    "counting-B5p5-Obs6-StatOnly": 6.6582419034674984,
    "counting-B5p5-Obs6-Syst30B": 7.09868300840178,
    "counting-B5p5-Obs6-Syst30C": 9.071425715887647,
    "counting-B5p5-Obs6-Syst30S": 7.414764443140449,
    "counting-B5p5-Obs6-Syst30U": 7.9301318332587,
    "counting-Sideband11-alpha0p5-Obs1": 2.396163249118054,
    "counting-Sideband11-alpha0p5-Obs11": 13.835415530453467,
    "counting-Sideband11-alpha0p5-Obs20": 25.000513056942744,
    "counting-Sideband11-alpha0p5-Obs6": 7.2451591067836105,
}
SIGNIFICANCES = {
    "counting-B5p5-Obs20-Syst1040B": 3.1225955192254466,
    "counting-Sideband11-alpha0p5-Obs11": 1.6097287140483296,
    "counting-Sideband11-alpha0p5-Obs20": 3.5412642124650078,
}
GAMMA = {
    "counting-B5p5-Obs6-Syst30B-gmM": 7.307,
    "counting-B5p5-Obs6-Syst30S-gmM": 8.289,
    "counting-B5p5-Obs6-Syst30C-gmM": 11.324,
}
# realistic-counting-experiment.txt: the collector's own numpy and minuit code; Combine's page
# quotes 1.6281 and 0.964, 1.4329, 2.3281, 3.98, 6.6194.
REALISTIC = (1.62673762035733, 0.9689738412125359, 1.4327263605858966)
REALISTIC += (2.3236237739081624, 3.9673221736778976, 6.6036667002856)
REALISTIC_QUOTED = (1.6281, 0.964, 1.4329, 2.3281, 3.98, 6.6194)


# Combine's bands are quantiles, 2.5% and not -2 sigma.
QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)
# Some cards have bounds that a fit sits at, as asymptotic formulae do not foresee.
pytestmark = pytest.mark.filterwarnings("ignore::smoothfit.errors.AsymptoticWarning")


class Witness:
    """Limits from fits alone: the formulae of FORMULAS.md section 7 and scipy's roots, with r not below 0."""

    def __init__(self, path):
        self.model, self.obs = read_datacard(path, **RANGE)
        self.best = self.model.fit(self.obs)
        background = self.model.profile({"r": 0.0}, self.best, self.obs)
        self.asimov, self.globs = self.model.asimov(background.x)
        self.best_asimov = self.model.fit(self.asimov, globs=self.globs, init={"r": 0.01})

    def q(self, r, asimov):
        best = self.best_asimov if asimov else self.best
        if r <= best["r"].value:
            return 0.0
        fixed = self.model.profile({"r": r}, best, self.asimov if asimov else self.obs)
        return max(0.0, 2.0 * (fixed.fun - best.fun))

    def cls(self, r):
        q, q_a = self.q(r, False), self.q(r, True)
        if q <= q_a:
            return norm.sf(math.sqrt(q)) / norm.cdf(math.sqrt(q_a) - math.sqrt(q))
        root = 2.0 * math.sqrt(q_a)
        return norm.sf((q + q_a) / root) / norm.sf((q - q_a) / root)

    def limit(self):
        return brentq(lambda r: self.cls(r) - 0.05, 0.1, 80.0, xtol=1e-8)

    def expected(self, n_sigma):
        def excess(r):
            return norm.sf(math.sqrt(self.q(r, True)) - n_sigma) / norm.cdf(n_sigma) - 0.05

        return brentq(excess, 0.1, 80.0, xtol=1e-8)


def where(name):
    return next(DATA.glob(f"combine-benchmarks/**/{name}.txt"))


@needs_data
@pytest.mark.parametrize("name", PROFILED)
def test_profiled_limits(name):
    model, obs = read_datacard(where(name), **RANGE)
    # The calculator of these numbers takes the two-sided level: 3.84 at 95%.
    found = model.upper_limit("r", obs, statistic="t", rule="clsb", quantiles=[0.5])
    assert found.status == "found"
    assert found.observed == pytest.approx(PROFILED[name], rel=6e-3)


@needs_data
@pytest.mark.parametrize("name", SIGNIFICANCES)
def test_significances(name):
    model, obs = read_datacard(where(name), **RANGE)
    assert model.significance("r", obs).observed == pytest.approx(SIGNIFICANCES[name], rel=6e-3)


@needs_data
@pytest.mark.parametrize("name", GAMMA)
def test_limits_with_gamma_densities(name):
    model, obs = read_datacard(where(name), **RANGE)
    assert model.upper_limit("r", obs).observed == pytest.approx(GAMMA[name], rel=6e-3)


@needs_data
def test_observed_and_expected_limits():
    path = TUTORIALS / "counting/realistic-counting-experiment.txt"
    model, obs = read_datacard(path, **RANGE)
    found = model.upper_limit("r", obs, quantiles=QUANTILES)
    assert (found.observed, *found.expected) == pytest.approx(REALISTIC, rel=1e-3)
    assert (found.observed, *found.expected) == pytest.approx(REALISTIC_QUOTED, rel=6e-3)
    witness = Witness(path)
    expected = (witness.limit(), *(witness.expected(n) for n in norm.ppf(QUANTILES)))
    assert (found.observed, *found.expected) == pytest.approx(expected, rel=1e-6)
