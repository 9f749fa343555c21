"""Limits and significances of published counting cards, from fits of the library, against Combine's."""

from __future__ import annotations

import pytest
from real_cards import DATA, needs_data

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


def where(name):
    return next(DATA.glob(f"combine-benchmarks/**/{name}.txt"))


def read(path):
    """The model of a card, and its data."""
    return read_datacard(path, **RANGE)


@needs_data
@pytest.mark.parametrize("name", PROFILED)
def test_profiled_limits(name):
    model, obs = read(where(name))
    # The calculator of these numbers takes the two-sided level: 3.84 at 95%.
    limit = model.upper_limit("r", obs, cl=0.975, rule="clsb", statistic="q")
    assert limit.observed == pytest.approx(PROFILED[name], rel=6e-3)


@needs_data
@pytest.mark.parametrize("name", SIGNIFICANCES)
def test_significances(name):
    model, obs = read(where(name))
    assert model.significance("r", obs).observed == pytest.approx(SIGNIFICANCES[name], rel=6e-3)


@needs_data
@pytest.mark.parametrize("name", GAMMA)
def test_limits_with_gamma_densities(name):
    model, obs = read(where(name))
    assert model.upper_limit("r", obs).observed == pytest.approx(GAMMA[name], rel=6e-3)


@needs_data
def test_observed_and_expected_limits():
    model, obs = read(TUTORIALS / "counting/realistic-counting-experiment.txt")
    # Combine's bands are quantiles, 2.5% and not -2 sigma.
    limit = model.upper_limit("r", obs, quantiles=(0.025, 0.16, 0.5, 0.84, 0.975))
    found = (limit.observed, *limit.expected)
    assert found == pytest.approx(REALISTIC, rel=1e-3)
    assert found == pytest.approx(REALISTIC_QUOTED, rel=6e-3)
