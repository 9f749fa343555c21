"""Combinations: equal to the joint model built by hand, and to the sum of parts that share nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smoothfit import combine, functional, load, read_datacard, read_pyhf, save
from smoothfit.constraints import Gaussian, NoConstraint
from smoothfit.eft import Dim6EFTMorphing
from smoothfit.model import ChannelContrib, Model, Process, Variable

few = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
gradient = jax.jit(jax.grad(functional.nll, argnums=1))


# -- parts that share nothing: likelihoods multiply ------------------------------------------------


def all_renamed(model, suffix):
    layout = model.layout
    names = {name: name + suffix for v in layout.variables for name in dict.fromkeys((v.name, *v.sub_names))}
    return {
        **names,
        "processes": {p.name: p.name + suffix for p in layout.processes},
        "channels": {c.name: c.name + suffix for c in layout.channels},
    }


PAIRS = [
    pytest.param("lite_process", "full", marks=pytest.mark.slow),
    ("arrays", "lite_total"),
    pytest.param("threshold", "locals", marks=pytest.mark.slow),
    pytest.param("covariance", "lite_gamma", marks=pytest.mark.slow),
    pytest.param("effects", "slots", marks=pytest.mark.slow),
    pytest.param("widths", "counting", marks=pytest.mark.slow),
    pytest.param("gaussian_data", "gaussian_data", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_models_that_share_nothing_the_nll_is_the_sum(first, second):
    parts = [small_models.cached(first), small_models.make(second, seed=3)]
    rules = [all_renamed(part.model, s) for part, s in zip(parts, "ab", strict=True)]
    model, obs = combine(*((p.model, p.obs) for p in parts), rename=rules)
    rng = np.random.default_rng(5)
    for _ in range(3):
        values, globs, expected, slopes = {}, {}, 0.0, {}
        for part, suffix in zip(parts, "ab", strict=True):
            layout = part.model.layout
            at = small_models.random_values(part, rng)
            expected += part.model.nll(at, part.obs, part.globs)
            slope = gradient(part.model.prepared, at, part.obs, part.globs)
            names = [renamed(name, layout, suffix) for name in layout.names]
            values |= dict(zip(names, at, strict=True))
            slopes |= dict(zip(names, np.asarray(slope), strict=True))
            with_glob = [names[i] for i in layout.constrained] + names[layout.n_params :]
            globs |= dict(zip(with_glob, part.globs, strict=True))
        at, aux = ordered(model, values), model_globs(model, globs)
        assert model.nll(at, obs, aux) == pytest.approx(expected, rel=1e-12)
        found = gradient(model.prepared, at, obs, aux)
        for name, slope in zip(model.layout.names, np.asarray(found), strict=True):
            assert slope == pytest.approx(slopes[name], rel=1e-9, abs=1e-9), name


def renamed(name, layout, suffix):
    """The new name of a parameter, and of a bin parameter by what it is made of."""
    if name in layout.parameters:
        variable = next(v for v in layout.variables if name in v.sub_names)
        default = f"{variable.name}["
        own = {n for v in layout.variables for n in (v.name, *v.sub_names)}
        assert name in own
        return name + suffix if not name.startswith(default) or name in own else name
    channel, _, rest = name.removeprefix("mcstat_").partition("_bin")
    number, _, process = rest.partition("_")
    new = f"mcstat_{channel}{suffix}_bin{number}"
    if not process:
        return new
    base, bracket, index = process.partition("[")
    plain = any(p.name == base for p in layout.processes)
    return f"{new}_{base}{suffix}{bracket}{index}" if plain else f"{new}_{process}"


def ordered(model, values):
    return np.array([values[name] for name in model.layout.names])


def model_globs(model, globs):
    layout = model.layout
    names = [layout.names[i] for i in layout.constrained] + list(layout.bin_parameters)
    return np.array([globs[name] for name in names])


# -- against the joint model by hand ---------------------------------------------------------------

TEMPLATE = st.lists(st.floats(0.5, 100.0), min_size=3, max_size=3).map(np.array)
THETA = st.floats(-2.0, 2.0)
SHIFT = jnp.array([0.5, 1.0, 1.5])
BASIS = np.array([[0.0], [1.0], [-1.0]])


def make(channels, templates):
    """Signal, an EFT process and a background, by the same calls whatever channels it is asked for."""
    mu, norm = Variable("mu", 1.0, lower_bound=0.0), Variable("norm", [1.0, 1.0], sub_names=["n_a", "n_b"])
    jes, lumi = Variable("jes", 0.0, nuisance=True), Variable("lumi", 1.0, constraint=Gaussian(width=0.1))
    tilt, c = Variable("tilt", 0.0, constraint=Gaussian(width=0.2)), Variable("c", [0.2])
    sig, bkg, eft = Process("sig", signal=True), Process("bkg"), Process("eft")
    for channel in channels:
        scale = 1.0 + "ABC".index(channel)
        a, b = templates[0] * scale, templates[1] * scale + 20.0
        contrib = ChannelContrib(channel, a, 0.2 * a).add_lnN(jes, (0.9, 1.2)).scale_by(lumi)
        sig.add_contrib(contrib.scale_by(mu))
        background = ChannelContrib(channel, b, 0.1 * b).scale_by_fn(lambda t: jnp.exp(t * SHIFT), tilt)
        bkg.add_contrib(background.add_shape(jes, b * [1.1, 1.2, 0.9], b * [0.95, 0.9, 1.1]))
        if channel != "C":
            bkg[channel].scale_by_fn([lambda n: n[0], lambda n: n[1]]["AB".index(channel)], norm)
            morphed = np.array([b + k * a + k**2 * a for k in (0.0, 1.0, -1.0)])
            eft.add_contrib(ChannelContrib(channel, morphed).scale_by_fn(Dim6EFTMorphing(c, BASIS), c))
    model = Model().add_proc(sig).add_proc(bkg)
    if eft.contribs:
        model.add_proc(eft).add_constraint(lambda n: -0.5 * jnp.sum((n - 1.0) ** 2), norm)
    model.correlate_nuisances(jes, tilt, 0.4)
    if "C" in channels:
        model.set_mc_stat("lite", scaling="total", channels=["C"])
    return model.describe_channel(channels[0], edges=[0.0, 1.0, 2.0, 4.0])


@few
@given(
    st.lists(TEMPLATE, min_size=2, max_size=2),
    st.lists(THETA, min_size=10, max_size=10),
    st.booleans(),
)
def test_the_joint_model_by_hand(templates, theta, other_way):
    joint = make("ABC", templates).prepare()
    parts = [make("AB", templates).prepare(), make("C", templates)]
    model = combine(*(parts[::-1] if other_way else parts))
    if not other_way:
        assert model.parameters == joint.parameters
        assert model.bin_parameters == joint.bin_parameters
    moves = dict(zip(sorted(joint.layout.names), np.resize(theta, len(joint.layout.names)), strict=True))
    start = dict(zip(joint.layout.names, [*joint.layout.start, *joint.layout.bin_centre], strict=True))
    values = {name: start[name] + 0.2 * moves[name] for name in moves}
    data = {"A": [40.0, 55.0, 31.0], "B": [80.0, 90.0, 77.0], "C": [99.0, 120.0, 130.0]}
    at, own = ordered(model, values), ordered(joint, values)
    assert model.nll(at, data) == pytest.approx(joint.nll(own, data), rel=1e-12)
    slopes = [
        dict(zip(m.layout.names, np.asarray(gradient(m.prepared, x, m.data_from_dict(data))), strict=True))
        for m, x in ((model, at), (joint, own))
    ]
    for name, slope in slopes[1].items():
        assert slopes[0][name] == pytest.approx(slope, rel=1e-10, abs=1e-10), name


def test_a_fit_of_the_joint_model():
    templates = [np.array([20.0, 30.0, 10.0]), np.array([60.0, 30.0, 20.0])]
    data = {"A": [110.0, 75.0, 61.0], "B": [180.0, 190.0, 97.0], "C": [299.0, 220.0, 130.0]}
    joint = make("ABC", templates).prepare().fit(data)
    other = combine(make("AB", templates), make("C", templates)).fit(data)
    assert other.fun == pytest.approx(joint.fun, rel=1e-12)
    for name in joint.names:
        assert other[name].value == pytest.approx(joint[name].value, abs=1e-8)
        assert other[name].error == pytest.approx(joint[name].error, rel=1e-7)


# -- terms of (values, data, globs) ----------------------------------------------------------------


def with_term(channel, yields, weight):
    """A term that uses positions of this model's values, data and globs, looked up when it is traced."""
    mu, theta = Variable("mu", 1.0), Variable(f"theta_{channel}", 0.0, nuisance=True)
    own = Variable(f"own_{channel}", [1.0, 1.0], constraint=Gaussian(width=[0.1, 0.2]))
    process = Process("sig", yields, channel=channel, sumw2=[1.0, 2.0]).scale_by(mu).add_lnN(theta, 1.1)
    rest = Process(f"rest_{channel}", [20.0, 30.0], channel=channel).scale_by(own, axis="bin")
    model = Model().add_proc(process).add_proc(rest).set_mc_stat("none" if weight > 1 else "lite")

    def term(values, data, globs):
        assert data.shape == (2,)
        assert values.shape == (4,)
        assert globs.shape == ((3,) if weight > 1 else (5,))
        pull = values[mu.sub_idxes[0]] - 1.0 + 0.1 * values[own.sub_idxes].sum()
        return -weight * pull**2 - 1e-3 * data[0] * values[theta.sub_idxes[0]] - 0.1 * globs[-1] * values[0]

    model.prepare()
    # Afterwards: mu.sub_idxes is known. The trace reads it again, whoever was prepared last.
    return model.add_constraint(term).prepare(), mu, own, weight


@pytest.mark.slow
def test_a_term_of_everything_sees_its_own_model_only():
    first, second = with_term("A", [10.0, 20.0], 1.0), with_term("B", [30.0, 5.0], 2.0)
    (a, mu_a, own_a, _), (b, mu_b, own_b, _) = first, second
    before = [(variable, variable.sub_idxes.tolist()) for variable in (mu_a, own_a, mu_b, own_b)]
    obs = {"A": [33.0, 51.0], "B": [55.0, 31.0]}
    separate = a.nll({"mu": 1.3, "theta_A": 0.7}, {"A": obs["A"]}) + b.nll(
        {"mu": 1.3, "own_B": [0.9, 1.2]}, {"B": obs["B"]}
    )
    model = combine(a, b)
    both = {"mu": 1.3, "theta_A": 0.7, "own_B": [0.9, 1.2]}
    assert model.nll(both, obs) == pytest.approx(separate, rel=1e-12)
    assert [(v, v.sub_idxes.tolist()) for v, _ in before] == before
    # Prepared again, with more in it, and combined again: it still sees what it was written for.
    extra = Process("extra", [1.0, 1.0], channel="A").add_lnN(Variable("late", 0.0, nuisance=True), 1.1)
    model.add_proc(extra).prepare()
    alone = Model().add_proc(Process("x", [7.0], channel="X").scale_by(Variable("free", 1.0)))
    wider = combine(alone, model)
    assert wider.nll(both, {**obs, "X": [7.0]}) == pytest.approx(
        model.nll(both, obs) + alone.prepare().nll({}, {"X": [7.0]}), rel=1e-12
    )
    fitted = wider.fit({**obs, "X": [7.0]})
    assert fitted.success


def test_a_term_of_everything_is_not_called_with_anything_else():
    a, *_ = with_term("A", [10.0, 20.0], 1.0)
    b, *_ = with_term("B", [30.0, 5.0], 2.0)
    term = combine(a, b).specification.terms[0]
    assert (term.seen.channels, term.order) == (("A",), ("mu", "theta_A", "own_A[0]", "own_A[1]"))
    assert term.seen.globs == ("theta_A", "own_A[0]", "own_A[1]", "mcstat_A_bin0", "mcstat_A_bin1")
    with pytest.raises(ValueError, match=r"of shapes \(\(4,\), \(2,\), \(5,\)\), it got \(\(7,\)"):
        term.fn(np.ones(7), np.ones(4), np.ones(8))


def test_only_variables_of_such_a_term_are_kept_from_elimination():
    a, *_ = with_term("A", [10.0, 20.0], 2.0)
    own = Variable("own", [1.0] * 2, constraint=Gaussian(width=0.1))
    b = Model().add_proc(Process("bkg", [10.0, 20.0], channel="B").scale_by(own, axis="bin"))
    b.add_proc(Process("sig", [1.0, 2.0], channel="B").scale_by(Variable("mu", 1.0)))
    layout, plan = (model := combine(a, b)).layout, model.prepared.plan
    column = np.asarray(plan.column.values)
    dense = {layout.parameters[i] for i in np.flatnonzero(column < plan.n_dense)}
    assert {"own_A[0]", "own_A[1]"} <= dense
    assert not {"own[0]", "own[1]"} & dense


# -- names -----------------------------------------------------------------------------------------


def counting(channel="SR", *, name="lumi", poi="mu", **lumi):
    mu, nuisance = Variable(poi, 1.0), Variable(name, 0.0, **({"nuisance": True} | lumi))
    sig = Process("sig", [9.0], channel=channel).scale_by(mu).add_lnN(nuisance, 1.1)
    return Model().add_proc(sig).add_proc(Process("bkg", [50.0], channel=channel))


def test_variables_of_the_models_are_keys_of_the_combination():
    mu, c = Variable("mu", 1.0), Variable("c", [0.5, 0.5])
    a = Model().add_proc(Process("p", [9.0], channel="A").scale_by(mu))
    b = Model().add_proc(Process("q", [9.0, 8.0], channel="B").scale_by(c, axis="bin"))
    model = combine(a, b, rename=[{mu: "mu_a"}, {"c": "d", "c[1]": "last"}])
    assert model.parameters == ("mu_a", "d[0]", "last")
    values = model.values_from_dict({mu: 2.0, c: [3.0, 4.0]})
    assert values.tolist() == [2.0, 3.0, 4.0]
    assert model.index(mu) == 0
    assert model.specification.own(mu).name == "mu_a"
    best_fit = model.fit([9.9, 9.0, 8.0], fixed={c: 1.0})
    assert best_fit[mu].value == pytest.approx(1.1, abs=1e-6)
    assert best_fit["d[0]"].value == 1.0
    model.add_constraint(lambda x: -jnp.sum(x**2), c).prepare()
    assert model.nll(values, [1.0, 1.0, 1.0]) - combine(a, b).nll(
        [2.0, 3.0, 4.0], [1.0] * 3
    ) == pytest.approx(25)
    assert combine(model, counting()).values_from_dict({c: 7.0})[1:3].tolist() == [7.0, 7.0]


def test_one_object_under_two_names_is_no_key():
    mu = Variable("mu", 1.0)
    a, b = (Model().add_proc(Process(c, [9.0], channel=c).scale_by(mu)) for c in "AB")
    assert combine(a, b).parameters == ("mu",)
    apart = combine(a, b, rename=[None, {"mu": "mu_b"}])
    assert apart.parameters == ("mu", "mu_b")
    with pytest.raises(KeyError, match="'mu' is not used in this model"):
        apart.values_from_dict({mu: 1.0})


def test_correlate():
    a, b, c = counting("A"), counting("B"), counting("C")
    rename = [{"lumi": "l_a"}, {"lumi": "l_b"}, {"lumi": "l_c"}]
    model = combine(a, b, c, rename=rename, correlate=[("l_a", "l_b", 0.5), ("l_b", "l_c", 0.2)])
    np.testing.assert_allclose(
        model.prepared.templates.correlation, [[1, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 1]], atol=1e-15
    )
    matrix = [[1, 0.5, 0.1], [0.5, 1, 0.2], [0.1, 0.2, 1]]
    model = combine(a, b, c, rename=rename, correlate=[(["l_a", "l_b", "l_c"], matrix)])
    np.testing.assert_allclose(model.prepared.templates.correlation, matrix, atol=1e-15)
    one = combine(a, b, c, rename=rename, correlate=[("l_a", "l_b", 1.0), ("l_c", "l_b", 1.0)])
    assert one.parameters == ("mu", "l_c")
    plain = combine(a, b, c)
    data = {"A": [61.0], "B": [52.0], "C": [70.0]}
    assert one.nll([1.1, 0.4], data) == pytest.approx(plain.nll([1.1, 0.4], data), rel=1e-14)


def test_a_chosen_variable_takes_the_place_of_two_that_differ():
    a, b = counting("A"), counting("B", constraint=Gaussian(width=2.0))
    lumi = Variable("lumi", 0.1, nuisance=True, upper_bound=3.0)
    model = combine(a, b, variables=[lumi])
    assert model.layout.upper.tolist() == [np.inf, 3.0]
    assert model.nll({}, [59.0, 59.0]) == pytest.approx(
        combine(a, counting("B")).nll({"lumi": 0.1}, [59.0, 59.0], {"lumi": 0.1}), rel=1e-14
    )


def test_settings_of_channels_stay_with_their_model():
    def model(channel, mode, **options):
        mu = Variable("mu", 1.0)
        sig = Process("sig", [5.0, 6.0], channel=channel, sumw2=[1.0, 2.0]).scale_by(mu)
        plain = Process("plain", [5.0], channel=f"{channel}_plain")
        return Model().add_proc(sig).add_proc(plain).set_mc_stat(mode, **options)

    a = model("A", "full").mask_channels("A_plain").describe_channel("A", label="mass")
    b = model("B", "threshold", threshold=10.0)
    b.poi = "mu"
    made = combine(a, b, model("C", "none"))
    assert {info.channel: info.mode for info in made.layout.mc_stat} == {
        "A": "full",
        "A_plain": "masked",
        "B": "threshold",
        "B_plain": "lite",
        "C": "none",
        "C_plain": "none",
    }
    assert made.poi == "mu"
    assert {c.name: c.label for c in made.layout.channels}["A"] == "mass"
    separate = a.prepare().nll({"mu": 1.2}, [9.0, 7.0, 5.0]) + b.prepare().nll({"mu": 1.2}, [4.0, 7.0, 5.0])
    both = {"A": [9.0, 7.0], "A_plain": [5.0], "B": [4.0, 7.0], "B_plain": [5.0]}
    assert combine(a, b).nll({"mu": 1.2}, both) == pytest.approx(separate, rel=1e-13)


def test_gaussian_data():
    a = counting("A").set_data_term("gaussian", [25.0])
    b = counting("B").set_data_term("gaussian", {"B": [16.0]})
    model = combine(a, b)
    nu = 59.0
    expected = sum(
        0.5 * (nu - d) ** 2 / v + 0.5 * np.log(2 * np.pi * v) for d, v in ((61.0, 25.0), (50.0, 16.0))
    )
    assert model.nll({}, [61.0, 50.0]) == pytest.approx(expected + 0.5 * np.log(2 * np.pi), rel=1e-13)


def test_what_is_hidden_stays_hidden():
    a = counting("A", poi="r").prepare().blind(pois="r", channels="A")
    model = combine(a, counting("B"), rename=[{"r": "mu", "channels": {"A": "SR"}}, None])
    assert model._blinded == {"mu", "SR"}


def test_a_free_nuisance_stays_free():
    a = counting("A", nuisance=True, constraint=NoConstraint())
    assert combine(a, counting("B", name="other")).layout.variable("lumi").constraint is None


# -- files -----------------------------------------------------------------------------------------

CARD = """
bin {channel}
observation {n}
bin {channel} {channel}
process sig bkg
process 0 1
rate 3.0 10.0
lumi lnN 1.02 1.02
norm lnN - 0.8/1.3
exp group = lumi norm
useless lnN - -
"""


def card(folder, channel, n):
    path = folder / f"{channel}.txt"
    path.write_text(CARD.format(channel=channel, n=n))
    return read_datacard(path)


def test_two_cards_are_the_card_of_both(tmp_path):
    model, obs = combine(card(tmp_path, "SR", 14), card(tmp_path, "CR", 9))
    path = tmp_path / "both.txt"
    path.write_text(
        "bin SR CR\nobservation 14 9\nbin SR SR CR CR\nprocess sig bkg sig bkg\nprocess 0 1 0 1\n"
        "rate 3 10 3 10\nlumi lnN 1.02 1.02 1.02 1.02\nnorm lnN - 0.8/1.3 - 0.8/1.3\n"
    )
    joint, data = read_datacard(path)
    assert model.parameters == joint.parameters
    assert model.poi == "r"
    for point in ([1.0, 0.0, 0.0], [0.5, 1.2, -0.7]):
        assert model.nll(point, obs) == pytest.approx(joint.nll(point, data), rel=1e-14)
    receipt = model.receipt.to_dict()
    assert receipt["groups"] == {"exp": ["lumi", "norm"]}
    assert receipt["read"]["variables of several models"] == 3
    assert receipt["read"]["processes of several models"] == 2
    assert [note["what"] for note in receipt["ignored"]] == ["useless lnN"] * 2
    assert all("SR.txt" in n["where"] or "CR.txt" in n["where"] for n in receipt["ignored"])


def test_a_combination_is_saved_with_what_its_terms_see(tmp_path):
    (a, *_), (b, *_) = with_term("A", [10.0, 20.0], 1.0), with_term("B", [30.0, 5.0], 2.0)
    model, obs = combine((a, [33.0, 51.0]), (b, [55.0, 31.0]))
    path = tmp_path / "both.smoothfit"
    save(model, path, obs=obs)
    again = load(path)
    assert [term.seen for term in again.specification.terms] == [t.seen for t in model.specification.terms]
    rng = np.random.default_rng(2)
    for _ in range(3):
        at = model.layout.start + 0.2 * rng.normal(size=model.layout.n_params)
        assert again.nll(at, obs) == pytest.approx(model.nll(at, obs), rel=1e-12)


def test_a_workspace_and_a_card(tmp_path):
    modifiers = [
        {"name": "r", "type": "normfactor", "data": None},
        {"name": "lumi", "type": "normsys", "data": {"hi": 1.02, "lo": 1 / 1.02}},
        {"name": "stat", "type": "staterror", "data": [1.0, 2.0]},
    ]
    sample = {"name": "sig", "data": [5.0, 9.0], "modifiers": modifiers}
    workspace = {
        "channels": [{"name": "VR", "samples": [sample]}],
        "observations": [{"name": "VR", "data": [6.0, 9.0]}],
        "measurements": [{"name": "m", "config": {"poi": "r", "parameters": []}}],
        "version": "1.0.0",
    }
    a, b = read_pyhf(workspace), card(tmp_path, "SR", 14)
    with pytest.raises(ValueError, match=r"variable 'r' is not the same in both: bounds \[0\] to \[10\]"):
        combine(a, b)
    chosen = [Variable("r", 1.0, lower_bound=0.0), Variable("lumi", 0.0, nuisance=True)]
    model, obs = combine(a, b, variables=chosen)
    at = {"r": 1.3, "lumi": 0.4, "stat": [0.9, 1.1]}
    apart = a[0].nll(at, a[1]) + b[0].nll({"r": 1.3, "lumi": 0.4}, b[1])
    # The constraint of lumi counts in both alone, and once together.
    shared = 0.5 * 0.4**2 + 0.5 * np.log(2 * np.pi)
    assert model.nll(at, obs) == pytest.approx(apart - shared, rel=1e-12)
    assert model.fit(obs).success
