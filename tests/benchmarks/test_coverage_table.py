"""The table of coverage: what it is made of, and where it goes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import coverage


def test_a_table_of_few_toys():
    name = "one count, mu + 3"
    lines = coverage._lines(name, coverage.measure(name, 0.001))
    assert lines[0] == f"| {name} | meant | mu = 0.5 | mu = 3 | mu = 8 |"
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["Minos", "CLs", "Feldman-Cousins"]
    assert all(line.count("|") == lines[0].count("|") for line in lines if line)


def test_an_interval_of_the_truth_alone():
    """Accepted or not: with one count, the reference toys are those at the truth."""
    model = coverage.counting()
    for n, accepted in ((3.0, True), (30.0, False)):
        lower, upper = coverage.profiled(1.0, 1)(model, np.array([n]), model.layout.globs)
        assert (lower <= 1.0 <= upper) is accepted


@pytest.mark.parametrize("name", coverage.MODELS)
def test_the_models_are_built(name):
    make, truths, _ = coverage.MODELS[name]
    model = make()
    assert model.layout.bounds[0][model.index("mu")] == 0.0
    assert np.all(model.pred({"mu": max(truths)}) > 0.0)
