"""Which bins and processes get a parameter in each mode, and what it does to the yields."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.model import ChannelContrib, Model, Process, Variable


def random_templates(seed, n_bins=60):
    """(yields, sumw2) of signal, background, rare: empty, negative and weighted bins among them."""
    rng = np.random.default_rng([seed, 3])
    events = rng.poisson([[8.0], [25.0], [3.0]], (3, n_bins))
    weights = rng.uniform(0.1, 2.5, (3, n_bins))
    yields, sumw2 = events * weights, events * weights**2 * rng.uniform(1.0, 1.6, (3, n_bins))
    negative = rng.random((3, n_bins)) < 0.1
    yields = np.where(negative, -0.3 * yields, yields)
    no_error = rng.random((3, n_bins)) < 0.1
    return yields, np.where(no_error, 0.0, sumw2)


def combine_rule(yields, sumw2, limit, include_signal):
    """FORMULAS section 4, one bin at a time: (kind, bin, process or None, auxiliary count)."""
    found = []
    counted = slice(0, 3) if include_signal else slice(1, 3)
    for b in range(yields.shape[1]):
        n, e2 = yields[counted, b].sum(), sumw2[counted, b].sum()
        if limit < 0 or e2 == 0:
            continue
        if round(n**2 / e2) > limit:
            found.append(("lite", b, None, 0))
            continue
        for i in range(3):
            n_i, e_i = yields[i, b], np.sqrt(sumw2[i, b])
            if e_i == 0 or n_i < 0:
                continue
            m = round(n_i**2 / e_i**2)
            if n_i >= 0.999 * e_i and m <= limit:
                found.append(("poisson", b, i, m))
            else:
                found.append(("gaussian", b, i, 0))
    return found


NAMES = ("sig", "bkg", "rare")


def model_of(yields, sumw2, **mc_stat):
    mu = Variable("mu", 1.0)
    model = Model()
    for i, name in enumerate(NAMES):
        process = Process(name, yields[i], sumw2=sumw2[i], channel="SR", signal=i == 0)
        model.add_proc(process.scale_by(mu) if i == 0 else process)
    return model.set_mc_stat(**mc_stat).prepare()


@pytest.mark.parametrize("include_signal", [False, True])
@pytest.mark.parametrize("limit", [-1, 0, 5, 15])
def test_threshold_is_combines_rule(limit, include_signal):
    yields, sumw2 = random_templates(limit + 2)
    model = model_of(yields, sumw2, mode="threshold", threshold=limit, include_signal=include_signal)
    expected = combine_rule(yields, sumw2, limit, include_signal)
    names = [
        f"mcstat_SR_bin{b}" + ("" if process is None else f"_{NAMES[process]}")
        for _, b, process, _ in expected
    ]
    assert list(model.bin_parameters) == names
    globs = model.layout.globs
    np.testing.assert_array_equal(globs, [count for _, _, _, count in expected])
    at = model.pred({"mu": 1.7})
    if limit == 5:
        assert {kind for kind, *_ in expected} == {"lite", "poisson", "gaussian"}
    c = np.array([1.7, 1.0, 1.0])
    values = {
        "mu": 1.7,
        **{n: 1.3 if k == "poisson" else 0.4 for n, (k, *_) in zip(names, expected, strict=True)},
    }
    shift = np.zeros(yields.shape[1])
    for kind, b, process, _ in expected:
        if kind == "lite":
            shift[b] += 0.4 * np.sqrt(np.sum(c**2 * sumw2[:, b]))
        elif kind == "poisson":
            shift[b] += 0.3 * c[process] * yields[process, b]
        else:
            shift[b] += 0.4 * c[process] * np.sqrt(sumw2[process, b])
    np.testing.assert_allclose(model.pred(values) - at, shift, atol=1e-11)


def test_full_with_a_content_threshold():
    """Poisson below, Gaussian from there on; not positive: Gaussian; without error: none."""
    yields = np.array([[3.0, 9.999, 10.0, -1.0, 0.0, 5.0]] * 3)
    sumw2 = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 0.0]] * 3)
    model = model_of(yields, sumw2, mode="full", threshold=10.0)
    assert len(model.bin_parameters) == 15
    counting = dict(zip(model.bin_parameters, model.layout.bin_counting, strict=True))
    for name in NAMES:
        assert [bool(counting[f"mcstat_SR_bin{b}_{name}"]) for b in range(5)] == [
            True,
            True,
            False,
            False,
            False,
        ]
    tau = dict(zip(model.bin_parameters, model.layout.globs, strict=True))
    assert tau["mcstat_SR_bin1_bkg"] == pytest.approx(9.999**2 / 2.0, rel=1e-14)


def test_what_was_left_out_is_reported():
    yields = np.array([[3.0, 4.0, 6.0], [-9.0, 2.0, 9.0], [1.0, 1.0, 1.0]])
    sumw2 = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    gamma = model_of(yields, sumw2, mode="lite-gamma")
    assert gamma.bin_parameters == ("mcstat_SR_bin1",)
    text = str(gamma.summary())
    assert "lite-gamma" in text
    assert "yield not positive, no parameter" in text
    full = model_of(yields, sumw2, mode="full")
    assert "yield not positive, Gaussian instead of Poisson" in str(full.summary())
    threshold = model_of(yields, sumw2, mode="threshold", threshold=1000)
    assert "yield negative, no parameter" in str(threshold.summary())


def test_modes_by_channel():
    mu = Variable("mu", 1.0)
    process = Process("p", [5.0, 6.0], sumw2=[1.0, 2.0], channel="A").scale_by(mu)
    process.add_contrib(ChannelContrib("B", [7.0], [3.0])).add_contrib(ChannelContrib("C", [8.0], [3.0]))
    model = (
        Model()
        .add_proc(process)
        .set_mc_stat("full", channels=["A"])
        .set_mc_stat("none", channels="C")
        .prepare()
    )
    assert model.bin_parameters == ("mcstat_A_bin0_p", "mcstat_A_bin1_p", "mcstat_B_bin0")
    np.testing.assert_allclose(
        model.pred({"mcstat_A_bin1_p": 1.5, "mcstat_B_bin0": -1.0}), [5.0, 9.0, 7.0 - np.sqrt(3.0), 8.0]
    )
