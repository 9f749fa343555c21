"""What must not matter does not: order, splitting, padding, and how things were declared."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smoothfit import functional
from smoothfit.model import ChannelContrib, Model, Process, Variable

hessian = jax.jit(functional.hessian)
few = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TEMPLATE = st.lists(st.floats(0.5, 100.0), min_size=3, max_size=3).map(np.array)
THETA = st.floats(-2.5, 2.5)


MC_STAT = {
    "process": {"mode": "lite", "scaling": "process"},
    "total": {"mode": "lite", "scaling": "total"},
    "lite-gamma": {"mode": "lite-gamma"},
    "full": {"mode": "full", "threshold": 20.0},
    "threshold": {"mode": "threshold", "threshold": 100.0},
}


def build(templates, *, order=(0, 1, 2), channels=("A", "B"), effects=(0, 1, 2), scaling="process"):
    """Three processes in two channels; ``order`` and so on are the orders of declaration."""
    mu = Variable("mu", 1.0)
    jes, lumi, norm = (Variable(n, 0.0, nuisance=True) for n in ("jes", "lumi", "norm"))
    made = {}
    for i in range(3):
        process = Process(f"p{i}")
        for channel in channels:
            yields = templates[i] * (1.0 if channel == "A" else 0.5)
            contrib = ChannelContrib(channel, yields, 0.3 * yields)

            def shape(contrib=contrib, yields=yields):
                contrib.add_shape(jes, yields * [1.1, 1.2, 0.9], yields * [0.95, 0.9, 1.1])

            for effect in effects:
                [
                    shape,
                    lambda c=contrib: c.add_lnN(lumi, 1.05),
                    lambda c=contrib: c.add_lnN(norm, (0.8, 1.1)),
                ][effect]()
            process.add_contrib(contrib)
        made[i] = process.scale_by(mu) if i == 0 else process
    model = Model()
    for i in order:
        model.add_proc(made[i])
    return model.set_mc_stat(**MC_STAT[scaling]).prepare()


def by_name(model, theta):
    """Values by name: the order of parameters may differ. Bin parameters move by a tenth and more."""
    values = dict(zip(("mu", "jes", "lumi", "norm"), theta, strict=True))
    for name, centre in zip(model.bin_parameters, model.layout.bin_centre, strict=True):
        values[name] = centre + 0.1 * (sum(map(ord, name)) % 7 - 3)
    names = list(model.parameters) + list(model.bin_parameters)
    return np.array([values[n] for n in names])


@few
@given(
    st.lists(TEMPLATE, min_size=3, max_size=3),
    st.tuples(st.floats(0.1, 3.0), THETA, THETA, THETA),
    st.permutations((0, 1, 2)),
    st.permutations(("A", "B")),
    st.permutations((0, 1, 2)),
    st.sampled_from(list(MC_STAT)),
)
def test_the_order_of_declaration_does_not_matter(templates, theta, order, channels, effects, scaling):
    one = build(templates, scaling=scaling)
    other = build(templates, order=order, channels=channels, effects=effects, scaling=scaling)
    expected, found = (
        one.split(one.pred(by_name(one, theta))),
        other.split(other.pred(by_name(other, theta))),
    )
    for channel in "AB":
        np.testing.assert_allclose(found[channel], expected[channel], rtol=1e-12)
    data = {"A": [30.0, 20.0, 11.0], "B": [9.0, 17.0, 3.0]}
    assert other.nll(by_name(other, theta), data) == pytest.approx(
        one.nll(by_name(one, theta), data), rel=1e-12
    )


@pytest.mark.parametrize(
    "scaling",
    [m if m in ("lite-gamma", "full") else pytest.param(m, marks=pytest.mark.slow) for m in MC_STAT],
)
def test_the_order_of_declaration_does_not_matter_to_a_fit(scaling):
    templates = np.random.default_rng(3).uniform(5, 50, (3, 3))
    data = {"A": [70.0, 80.0, 60.0], "B": [39.0, 37.0, 33.0]}
    one = build(templates, scaling=scaling).fit(data)
    reordered = build(templates, order=(2, 0, 1), channels=("B", "A"), effects=(2, 1, 0), scaling=scaling)
    other = reordered.fit(data)
    for name in one.names:
        assert other[name].value == pytest.approx(one[name].value, abs=1e-8)
        assert other[name].error == pytest.approx(one[name].error, rel=1e-7)
    assert other.fun == pytest.approx(one.fun, rel=1e-12)


def split_model(parts, scaling, sumw2):
    """One process of 40, 60 events in ``parts`` equal parts, beside a signal."""
    mu, theta = Variable("mu", 1.0), Variable("theta", 0.0, nuisance=True)
    model = Model().add_proc(Process("sig", [5.0, 9.0], sumw2=[1.0, 1.0] if sumw2 else None).scale_by(mu))
    nominal, variance = np.array([40.0, 60.0]) / parts, np.array([25.0, 16.0]) / parts
    for i in range(parts):
        process = Process(f"bkg{i}", nominal, sumw2=variance if sumw2 else None)
        process.add_shape(theta, nominal * [1.1, 1.3], nominal * [0.9, 0.8])
        model.add_proc(process)
    return model.set_mc_stat(scaling=scaling).prepare()


@pytest.mark.parametrize(
    ("scaling", "sumw2"),
    [
        pytest.param("process", False, marks=pytest.mark.slow),
        pytest.param("total", True, marks=pytest.mark.slow),
        ("process", True),
    ],
)
def test_splitting_a_process_does_not_matter(scaling, sumw2):
    """Variances of independent halves add: two halves of the sample have sumw2/2 each."""
    whole, halves = split_model(1, scaling, sumw2), split_model(3, scaling, sumw2)
    rng = np.random.default_rng(1)
    data = [52.0, 60.0]
    for _ in range(5):
        values = np.concatenate([[rng.uniform(0.5, 2)], rng.normal(0, 1, 1 + 2 * sumw2)])
        assert halves.nll(values, data) == pytest.approx(whole.nll(values, data), rel=1e-12)
    np.testing.assert_allclose(halves.fit(data).x, whole.fit(data).x, atol=1e-8)


def test_a_process_and_its_fraction_with_the_same_events_keep_the_relative_error():
    """Scaling all of a sample by a factor scales its errors with it: w -> w/2 has sumw2/4."""
    mu = Variable("mu", 1.0)
    halved = Process("p", [20.0, 30.0], sumw2=[25.0 / 4, 4.0]).scale_by(mu)
    model = Model().add_proc(halved).prepare()
    other_mu = Variable("mu", 1.0)
    whole = Model().add_proc(Process("p", [40.0, 60.0], sumw2=[25.0, 16.0]).scale_by(other_mu)).prepare()
    values = np.array([1.4, 0.3, -0.8])
    half_values = values * [2.0, 1.0, 1.0]
    assert model.nll(half_values, [55.0, 80.0]) == pytest.approx(whole.nll(values, [55.0, 80.0]), rel=1e-12)


@few
@given(st.integers(1, 7), st.integers(1, 7))
def test_the_widths_of_channels_do_not_matter(first, second):
    """The likelihood of two channels is the sum of theirs, whatever padding they need together."""
    rng = np.random.default_rng(first * 10 + second)
    parts = {"A": rng.uniform(5, 50, first), "B": rng.uniform(5, 50, second)}
    data = {c: rng.poisson(y).astype(float) for c, y in parts.items()}

    def single(channels):
        mu = Variable("mu", 1.0)
        process = Process("p").scale_by(mu)
        for c in channels:
            process.add_contrib(ChannelContrib(c, parts[c], 0.2 * parts[c]))
        model = Model().add_proc(process).prepare()
        x = np.concatenate([np.linspace(-1, 1, len(parts[c])) for c in channels])
        return model.nll(np.concatenate([[1.3], x]), {c: data[c] for c in channels})

    assert single("AB") == pytest.approx(single("A") + single("B"), rel=1e-12)


def test_one_nuisance_of_a_process_or_of_each_of_its_channels():
    def model(shared):
        theta, mu = Variable("theta", 0.0, nuisance=True), Variable("mu", 1.0)
        process = Process("p", [5.0, 6.0], channel="A").add_contrib(ChannelContrib("B", [7.0]))
        if shared:
            process.add_lnN(theta, (0.9, 1.2)).scale_by(mu)
        else:
            for channel in "AB":
                process[channel].add_lnN(theta, (0.9, 1.2)).scale_by(mu)
        return Model().add_proc(process).prepare()

    for values in ({"mu": 1.3, "theta": 0.4}, {"mu": 0.3, "theta": -1.7}):
        np.testing.assert_allclose(model(True).pred(values), model(False).pred(values), rtol=1e-13)


def test_an_array_process_is_the_sum_of_plain_ones():
    rng = np.random.default_rng(5)
    yields, variances = rng.uniform(5, 30, (3, 4)), rng.uniform(1, 9, (3, 4))
    mu = Variable("mu", [1.0, 1.0, 1.0])
    stacked = Model().add_proc(Process("p", yields, sumw2=variances).scale_by(mu)).prepare()
    plain = Model()
    for k in range(3):
        plain.add_proc(Process(f"p{k}", yields[k], sumw2=variances[k]).scale_by(Variable(f"mu[{k}]", 1.0)))
    plain.prepare()
    assert plain.parameters == stacked.parameters
    values = np.concatenate([[0.7, 1.1, 1.9], rng.normal(size=4)])
    data = rng.poisson(stacked.pred(values)).astype(float)
    assert plain.nll(values, data) == pytest.approx(stacked.nll(values, data), rel=1e-13)
    np.testing.assert_allclose(plain.pred(values), stacked.pred(values), rtol=1e-13)


@pytest.mark.parametrize(
    "scaling", [m if m == "lite-gamma" else pytest.param(m, marks=pytest.mark.slow) for m in MC_STAT]
)
def test_a_masked_channel_does_not_matter(scaling):
    """Its data and its bin parameters are gone, as if it had never been there; it is still predicted."""
    templates = np.random.default_rng(4).uniform(5, 50, (3, 3))
    alone = build(templates, channels=("A",), scaling=scaling)
    masked = build(templates, scaling=scaling).mask_channels("B").prepare()
    assert masked.bin_parameters == alone.bin_parameters
    data = [70.0, 80.0, 60.0]
    values = by_name(alone, (1.2, 0.4, -0.3, 0.8))
    for of_masked in ([39.0, 37.0, 33.0], [0.0, 1e6, 3.0]):
        both = {"A": data, "B": of_masked}
        assert masked.nll(values, both) == pytest.approx(alone.nll(values, data), rel=1e-13)
        found, expected = masked.fit(both), alone.fit(data)
        np.testing.assert_allclose(found.x, expected.x, atol=1e-9)
        np.testing.assert_allclose(found.errors, expected.errors, rtol=1e-9)
    in_full = build(templates, scaling="process").mask_channels().set_mc_stat("none").prepare()
    np.testing.assert_allclose(
        masked.pred(values[:4], channel="B"), in_full.pred(values[:4], channel="B"), rtol=1e-13
    )


@few
@given(st.lists(TEMPLATE, min_size=3, max_size=3), st.floats(0.1, 50.0))
def test_scaling_yields_and_data_scales_the_information(templates, factor):
    """The Poisson terms of s N and s d have s times the information of N and d; priors keep theirs."""

    def information(scale):
        model = build([scale * t for t in templates]).set_mc_stat("none").prepare()
        data = model.pred({"mu": 1.3, "jes": 0.2})
        at = model.values_from_dict({"mu": 1.1, "jes": -0.4, "lumi": 0.3})
        found = np.asarray(hessian(model.prepared, at, data))
        prior = np.diag([0.0, 1.0, 1.0, 1.0])
        return found - prior

    one, scaled = information(1.0), information(factor)
    np.testing.assert_allclose(scaled, factor * one, rtol=0, atol=1e-9 * np.abs(scaled).max())
