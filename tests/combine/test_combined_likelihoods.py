"""Likelihoods of other programs in combinations, and in copies with other systematics."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from smoothfit import combine, functional
from smoothfit.errors import InvalidValueError, UnknownNameError
from smoothfit.model import Model, Process, Variable
from smoothfit.systematics import prune

EVENTS = {"A": np.array([0.9, 1.3, 1.2]), "B": np.array([1.6, 0.8])}
OBS = {"A": [112.0], "B": [45.0]}
AT = {"mu": 1.1, "width": 0.6, "theta": 0.3}


def unbinned(values, events):
    """A Gaussian around mu."""
    return 0.5 * jnp.sum(((events - values[0]) / values[1]) ** 2) + len(events) * jnp.log(values[1])


def measured(channel, name="events", width="width"):
    """A channel and events of the same mu; width and theta are constrained, width by the events alone."""
    mu, theta = Variable("mu", 1.0, lower_bound=0.0), Variable("theta", 0.0, nuisance=True)
    spread = Variable(width, 0.5, lower_bound=0.05)
    yields = {"A": [100.0], "B": [40.0]}[channel]
    process = Process(f"p_{channel}", yields, channel=channel).scale_by(mu).add_lnN(theta, 1.1)
    model = Model().add_proc(process)
    return model.add_likelihood(unbinned, [mu, spread], EVENTS[channel], name=name).prepare()


def own(channel):
    """Its NLL by hand."""
    events = EVENTS[channel]
    return 0.5 * np.sum(((events - 1.1) / 0.6) ** 2) + len(events) * np.log(0.6)


def test_likelihoods_of_both_are_in_the_combination():
    a, b = measured("A", "first"), measured("B", "second")
    both = combine(a, b)
    assert both.parameters == ("mu", "width", "theta")
    separate = a.nll(AT, {"A": OBS["A"]}) + b.nll(AT, {"B": OBS["B"]})
    # The constraint of theta is one.
    constraint = 0.5 * 0.3**2 + 0.5 * np.log(2.0 * np.pi)
    assert both.nll(AT, OBS) == pytest.approx(separate - constraint, abs=1e-10)
    assert list(both.layout.likelihoods) == ["first", "second"]
    assert both.fit(OBS).success


def test_names_of_likelihoods_and_of_their_parameters_can_be_changed():
    a, b = measured("A"), measured("B")
    both = combine(a, b, rename=[None, {"width": "width_B", "likelihoods": {"events": "events_B"}}])
    assert both.parameters == ("mu", "width", "width_B", "theta")
    assert list(both.layout.likelihoods) == ["events", "events_B"]
    moved = both.replaced(likelihoods={"events_B": EVENTS["B"] + 0.5})
    x = both.values_from_dict({**AT, "width_B": 0.6})
    change = functional.nll(moved, x, both.data_from_dict(OBS)) - both.nll(x, OBS)
    pulls = [np.sum(((EVENTS["B"] + shift - 1.1) / 0.6) ** 2) for shift in (0.5, 0.0)]
    assert float(change) == pytest.approx(0.5 * (pulls[0] - pulls[1]), abs=1e-10)
    with pytest.raises(UnknownNameError, match=r"no likelihood 'other'.*events"):
        combine(a, b, rename=[{"likelihoods": {"other": "x"}}, None])


def test_a_combination_can_be_given_a_likelihood_and_variables_of_its_parts():
    a, b = measured("A", "first"), measured("B", "second")
    mu = a.specification.variables()[0]
    both = combine(a, b)
    before = both.nll(AT, OBS)
    both.add_likelihood(lambda values, data: 7.0 * values[0], [mu], name="third").prepare()
    assert both.parameters == ("mu", "width", "theta")
    assert both.nll(AT, OBS) == pytest.approx(before + 7.7, abs=1e-10)
    again = combine(both, Model().add_proc(Process("x", [5.0], channel="X").scale_by(Variable("free", 1.0))))
    expected = before + 7.7 - stats.poisson.logpmf(5, 5.0)
    assert again.nll({**AT, "free": 1.0}, {**OBS, "X": [5.0]}) == pytest.approx(expected, abs=1e-10)


def test_copies_with_other_systematics_keep_a_nuisance_that_a_likelihood_depends_on():
    """It may lose all its processes, and is a parameter all the same; one of a penalty may not."""
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    model = Model().add_proc(Process("p", [100.0]).scale_by(mu).add_lnN(theta, 1.0001))
    model.add_likelihood(lambda values, data: 3.0 * (values[0] - 0.5) ** 2, [theta], name="other").prepare()
    pruned, changes = prune(model, norm=0.01, shape=0.01)
    assert changes.vanished == ()
    assert pruned.parameters == ("mu", "theta")
    expected = 3.0 * 0.5**2 - stats.norm.logpdf(0.0) - stats.poisson.logpmf(100, 100.0)
    assert pruned.nll({"mu": 1.0, "theta": 0.0}, [100.0]) == pytest.approx(expected, abs=1e-9)
    penalised = Model().add_proc(Process("p", [100.0]).scale_by(mu).add_lnN(theta, 1.0001))
    penalised.add_constraint(lambda t: -(t**2), theta).prepare()
    with pytest.raises(InvalidValueError, match="'theta'"):
        prune(penalised, norm=0.01, shape=0.01)
