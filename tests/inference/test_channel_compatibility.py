"""Compatibility of channels against models split by hand, Combine's numbers, pyhf with Minuit, and chi2."""

from __future__ import annotations

import copy
import functools
import json

import numpy as np
import pytest
from scipy import stats

from smoothfit import read_datacard, read_pyhf
from smoothfit.constraints import Gaussian
from smoothfit.effects import LnN
from smoothfit.errors import InvalidTypeError, InvalidValueError, UnknownNameError
from smoothfit.inference import inputs
from smoothfit.inference.ensembles import Ensemble
from smoothfit.model import ChannelContrib, Model, Process, Variable
from smoothfit.status import Status

CHANNELS = ("ee", "mm", "em")
OBS = np.array([58.0, 41.0, 92.0, 74.0, 23.0, 110.0, 90.0])


def built(by_channel):
    """A process in three channels, on which everything acts in every way; and a control region."""
    lumi, rate, tilt = (Variable(name, 0.0, nuisance=True) for name in ("lumi", "rate", "tilt"))
    model, sig = Model(), Process("sig", signal=True)
    for i, name in enumerate(CHANNELS):
        bins = 1 if name == "em" else 2
        contrib = ChannelContrib(name, np.full(bins, 12.0 + 4 * i), sumw2=np.full(bins, 1.5))
        if by_channel is None:
            sig.add_contrib(contrib)
        else:
            sig.add_contrib(contrib.scale_by(by_channel[name]))
        bkg = Process(f"bkg_{name}", np.full(bins, 40.0 + 20 * (i == 1) - 20 * (i == 2)), channel=name)
        model.add_proc(bkg.add_lnN(rate, 1.08))
    control = Process("control", [100.0, 95.0], channel="cr")
    control.add_shape(tilt, [108.0, 93.0], [91.0, 96.0], kind="raw")
    return model.add_proc(sig.add_lnN(lumi, 1.03)).add_proc(control.add_lnN(rate, 1.08)), sig


@functools.cache
def joint():
    model, sig = built(None)
    sig.scale_by(Variable("mu", 1.0, lower_bound=0.0, upper_bound=8.0, label=r"\mu"))
    model.poi = "mu"
    return model.prepare()


def by_hand(groups):
    """The same with a variable a group, built anew."""
    own = {name: Variable(f"mu_{name}", 1.0, lower_bound=0.0, upper_bound=8.0) for name in groups}
    by_channel = {channel: own[name] for name, channels in groups.items() for channel in channels}
    return built(by_channel)[0].prepare()


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param(None, marks=pytest.mark.slow),
        pytest.param({"same": "(ee|mm|cr)"}, marks=pytest.mark.slow),
        {"e": ["em", "ee"], "mu": "mm"},
    ],
)
def test_it_is_that_of_a_model_split_by_hand(groups):
    expected = {
        None: {"ee": ["ee"], "mm": ["mm"], "em": ["em"]},
        "same": {"same": ["ee", "mm"], "em": ["em"]},
        "e": {"e": ["em", "ee"], "mu": ["mm"]},
    }[next(iter(groups)) if groups else None]
    split = by_hand(expected)
    apart, together = split.fit(OBS), joint().fit(OBS)
    found = joint().channel_compatibility(OBS, groups=groups, minos=True)
    assert found.groups == tuple(expected)
    assert [set(names) for names in found.channels] == [set(names) for names in expected.values()]
    assert found.observed == pytest.approx(2.0 * (together.fun - apart.fun), abs=1e-7)
    assert found.ndof == len(expected) - 1
    assert found.p_value == pytest.approx(stats.chi2.sf(found.observed, found.ndof), abs=1e-12)
    assert found.values == pytest.approx([apart[f"mu_{name}"].value for name in expected], abs=1e-5)
    assert found.errors == pytest.approx([apart[f"mu_{name}"].error for name in expected], rel=1e-5)
    assert (found.joint_value, found.joint_error) == pytest.approx(
        (together["mu"].value, together["mu"].error), rel=1e-6
    )
    for i, name in enumerate(expected):
        up, down, *_ = split.minos_bounds(f"mu_{name}", apart)
        assert found.bounds[:, i] == pytest.approx([up, down], rel=1e-5)
    assert found.bounds[:, -1] == pytest.approx(joint().minos_bounds("mu", together)[:2], rel=1e-6)


def test_the_model_stays_as_it_is():
    before = joint().fit(OBS)
    joint().channel_compatibility(OBS)
    assert joint().parameters == ("mu", "rate", "lumi", "tilt")
    assert joint().fit(OBS).fun == before.fun


def test_held_parameters_and_global_observables():
    globs = np.array([0.5, -0.3, 0.2, *np.linspace(-1.0, 1.0, joint().layout.n_bin_params)])
    held = {"tilt": 0.4}
    found = joint().channel_compatibility(OBS, globs=globs, fixed=held)
    split = by_hand({name: [name] for name in CHANNELS})
    names = [joint().parameters[i] for i in joint().layout.constrained] + list(joint().bin_parameters)
    same = dict(zip(names, globs, strict=True))
    apart, together = split.fit(OBS, globs=same, fixed=held), joint().fit(OBS, globs=globs, fixed=held)
    assert found.observed == pytest.approx(2.0 * (together.fun - apart.fun), abs=1e-7)
    # With the parameter itself held: do channels agree with this value?
    at_one = joint().channel_compatibility(OBS, fixed={"mu": 1.0})
    apart, together = split.fit(OBS), joint().fit(OBS, fixed={"mu": 1.0})
    assert at_one.observed == pytest.approx(2.0 * (together.fun - apart.fun), abs=1e-7)
    assert (at_one.ndof, at_one.joint_error) == (3, 0.0)
    assert "1 (held)" in repr(at_one)


def test_it_may_act_in_any_way_on_yields():
    """In an effect, in a function of two variables, and on one channel only."""

    def build(own):
        lumi = Variable("lumi", 0.0, nuisance=True)
        model = Model()
        for name, bkg in (("a", 50.0), ("b", 80.0), ("c", 30.0)):
            sig = Process(f"sig_{name}", [10.0, 20.0], channel=name).add_lnN(lumi, 1.1)
            mu, other = own(name), others[name]
            if name == "c":
                sig.add_effect(LnN(1.5), mu)
            else:
                sig.scale_by_fn(lambda m, o: m**2 + o, mu, other)
            model.add_proc(sig).add_proc(Process(f"bkg_{name}", [bkg, bkg], channel=name))
        return model.prepare()

    others = {n: Variable(f"o_{n}", 0.2, constraint=Gaussian(0.2, 0.05)) for n in "abc"}
    mu = Variable("mu", 1.0, lower_bound=0.1)
    one = build(lambda name: mu)
    each = build(lambda name: Variable(f"mu_{name}", 1.0, lower_bound=0.1))
    obs = [66.0, 77.0, 90.0, 93.0, 45.0, 60.0]
    found = one.channel_compatibility(obs, poi=mu)
    apart = each.fit(obs)
    assert found.observed == pytest.approx(2.0 * (one.fit(obs).fun - apart.fun), abs=1e-6)
    assert found.values == pytest.approx([apart[f"mu_{n}"].value for n in "abc"], abs=1e-4)


@pytest.mark.agreement
@pytest.mark.reference
def test_combines_numbers(shared):
    reference = json.loads((shared / "data/references.json").read_text())["combine-ci"]
    name = "(combine-tutorials) CAT23001/datacard-5-multi-signal.txt ChannelCompatibilityCheck"
    expected = reference[name]
    folder = shared / "data/combine-tutorials/data/tutorials"
    model, obs = read_datacard(folder / "CAT23001/datacard-5-multi-signal.txt")
    found = model.channel_compatibility(obs, minos=True)
    assert found.observed == pytest.approx(expected["chi2-like"], abs=2e-4)
    rows = {"nominal r": (found.joint_value, found.bounds[:, -1])}
    rows |= {f"r in channel {g}": (found.values[i], found.bounds[:, i]) for i, g in enumerate(found.groups)}
    for what, (value, (up, down)) in rows.items():
        # Combine stops at a tolerance of its own: its values end within 3e-4 of an error.
        assert [value, down - value, up - value] == pytest.approx(expected[what], abs=1.5e-3), what


@pytest.mark.agreement
def test_pyhf_with_minuit():
    pyhf, iminuit = pytest.importorskip("pyhf"), pytest.importorskip("iminuit")

    def channel(name, sig, bkg, error):
        modifiers = [
            {"name": "mu", "type": "normfactor", "data": None},
            {"name": "acc", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}},
        ]
        of_bkg = [
            {"name": "norm", "type": "normsys", "data": {"hi": 1.07, "lo": 0.94}},
            {"name": f"stat_{name}", "type": "staterror", "data": error},
        ]
        return {
            "name": name,
            "samples": [
                {"name": "sig", "data": sig, "modifiers": modifiers},
                {"name": "bkg", "data": bkg, "modifiers": of_bkg},
            ],
        }

    content = {
        "channels": [
            channel("SR1", [8.0, 12.0], [40.0, 33.0], [2.0, 2.5]),
            channel("SR2", [20.0, 6.0], [90.0, 51.0], [5.0, 3.0]),
        ],
        "observations": [{"name": "SR1", "data": [52.0, 44.0]}, {"name": "SR2", "data": [131.0, 62.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    apart = copy.deepcopy(content)
    for one in apart["channels"]:
        one["samples"][0]["modifiers"][0]["name"] = f"mu_{one['name']}"
    apart["measurements"][0]["config"]["poi"] = "mu_SR1"

    def lowest(document):
        read = pyhf.Workspace(document)
        codes = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
        model = read.model(modifier_settings=codes)
        data = read.data(model)
        start = np.array(model.config.suggested_init(), dtype=float)
        minuit = iminuit.Minuit(lambda x: -float(model.logpdf(x, data)[0]), start)
        # Without limits: near one HESSE's errors are those of a transformed parameter.
        minuit.errordef, minuit.strategy, minuit.tol = 0.5, 2, 1e-3
        minuit.migrad()
        minuit.hesse()
        assert minuit.valid
        places = {name: model.config.par_slice(name).start for name in model.config.par_order}
        return minuit, places

    one, _ = lowest(content)
    each, at = lowest(apart)
    model, obs = read_pyhf(content)
    found = model.channel_compatibility(obs)
    assert found.observed == pytest.approx(2.0 * (one.fval - each.fval), abs=2e-5)
    assert found.values == pytest.approx([each.values[at[f"mu_{g}"]] for g in found.groups], abs=2e-3)
    assert found.errors == pytest.approx([each.errors[at[f"mu_{g}"]] for g in found.groups], rel=5e-3)


def test_masked_channels_take_no_part():
    mu, model = Variable("mu", 1.0), Model()
    for name in ("A", "B", "C"):
        sig = Process(f"sig_{name}", [30.0], channel=name).scale_by(mu)
        model.add_proc(sig).add_proc(Process(f"bkg_{name}", [50.0], channel=name))
    model.mask_channels("C").prepare()
    found = model.channel_compatibility([70.0, 95.0, 1000.0])
    assert (found.groups, found.ndof) == (("A", "B"), 1)
    assert found.values == pytest.approx([20.0 / 30.0, 45.0 / 30.0])


def counting(signal):
    """Two channels of many events: the statistic has a closed form to the order of 1/sqrt(events)."""
    mu, model = Variable("mu", 1.0), Model()
    for name in ("A", "B"):
        sig = Process(f"sig_{name}", [signal], channel=name).scale_by(mu)
        model.add_proc(sig).add_proc(Process(f"bkg_{name}", [10.0 * signal], channel=name))
    return model.prepare()


def test_toys_follow_chi2_where_events_are_many():
    found = counting(4000.0).channel_compatibility([44_000.0, 44_300.0], toys=1000, seed=5)
    assert stats.kstest(found.toys, stats.chi2(1).cdf).pvalue > 1e-4
    assert abs(found.p_value - found.asymptotic_p_value) < 4.0 * found.p_value_error
    assert found.fits.toys == 1000
    assert found.toys.min() > -1e-7
    # Closed form: two counts n_A, n_B around n each, given their sum.
    assert found.observed == pytest.approx(300.0**2 / (44_000.0 + 44_300.0), rel=1e-3)


def test_toys_are_those_of_the_seed_and_go_on_until_p_is_known():
    model = counting(40.0)
    few = model.channel_compatibility([430.0, 470.0], toys=64, seed=2)
    more = model.channel_compatibility([430.0, 470.0], toys=64, mc_error=0.03, seed=2)
    assert np.array_equal(few.toys, more.toys[:64])
    assert more.p_value_error <= 0.03 < few.p_value_error
    assert "frequentist toys, seed 2; all" in repr(few)


@pytest.mark.slow
def test_a_minimum_on_a_kink_counts():
    """At mu = 0 the bins' errors, of the signal alone, have a kink: no error there, but a smallest NLL."""
    found = joint().channel_compatibility(OBS, toys=32, seed=1)
    assert (found.fits.on_kink, found.fits.n_failed, found.n_lost) == (1, 0, 0)
    assert "1 ended on a kink, none failed for good" in repr(found)
    # The same toy by hand: nothing near the end of the fit is lower.
    truth = joint().fit(OBS)
    toy = Ensemble(joint()._context(), truth.x, 1).draw(18, 1)
    split = by_hand({name: [name] for name in CHANNELS})
    names = [joint().parameters[i] for i in joint().layout.constrained] + list(joint().bin_parameters)
    globs = inputs.globs(split.layout, dict(zip(names, toy.globs[0], strict=True)))
    apart = split.fit(toy.counts[0], globs=globs, strict=False)
    assert apart.status == Status.ON_KINK
    lower, upper = split.layout.bounds

    def nll(x):
        return float(split.nll(np.clip(x, lower, upper), toy.counts[0], globs))

    nearby = apart.x + np.random.default_rng(1).normal(0.0, 1e-2, (300, len(apart.x)))
    assert min(map(nll, nearby)) > apart.fun - 1e-9
    together = joint().fit(toy.counts[0], globs=toy.globs[0])
    assert found.toys[18] == pytest.approx(2.0 * (together.fun - nll(apart.x)), abs=1e-6)


def test_blinding():
    open_ = joint().channel_compatibility(OBS, toys=4, seed=1)
    secrets = [*open_.values, *open_.errors, open_.joint_value, open_.joint_error]
    for what, hidden_rows in (({"pois": "mu"}, 4), ({"channels": "mm"}, 1)):
        found = joint().blind(**what).channel_compatibility(OBS, toys=4, seed=1)
        joint().unblind()
        shown = repr(found) + found.to_json() + found._repr_html_() + str(found._columns())
        hidden = secrets if hidden_rows == 4 else [open_.values[1], open_.errors[1]]
        for secret in hidden:
            assert f"{secret:.3f}" not in shown
        assert repr(found).count("blinded") == hidden_rows
    assert "blinded" not in repr(open_)


BAD = [
    ({"poi": "nothing"}, UnknownNameError, "No parameter is named 'nothing'"),
    ({"poi": "rate"}, InvalidValueError, "'rate' has a constraint, which would count once a group"),
    ({"poi": "mcstat_ee_bin0"}, InvalidTypeError, "'mcstat_ee_bin0' is no scalar variable"),
    ({"groups": ["ee"]}, InvalidTypeError, r"groups must be a dict \{group: channels\}, got list"),
    ({"groups": {"g": 3}}, InvalidTypeError, "group 'g': channels are given by name or regular expression"),
    ({"groups": {"g": ["zz"]}}, UnknownNameError, "group 'g': no channel of the likelihood matches 'zz'"),
    ({"groups": {"g": "("}}, InvalidValueError, "'\\(' is no regular expression"),
    ({"groups": {"g": "ee", "h": "e.*"}}, InvalidValueError, "channel 'ee' is in two groups"),
    ({"groups": {"g": "cr"}}, InvalidValueError, r"'mu' acts on no channel of group 'g' \(cr\)"),
    ({"groups": {"mm": "ee"}}, InvalidValueError, "group 'mm' has the name of a channel that is not in it"),
    ({"groups": {"g": ".*"}}, InvalidValueError, "acts on 1 group of channels; there is nothing to compare"),
    ({"toys": 0}, InvalidValueError, "the number of toys must be a positive whole number"),
    ({"toy_kind": "bootstrap"}, InvalidValueError, "toy_kind must be one of"),
    ({"minos": 1}, InvalidTypeError, "minos must be True or False"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=message):
        joint().channel_compatibility(OBS, **options)


def test_a_parameter_that_cannot_be_split_is_refused():
    both = Variable("pair", np.ones(2))
    two = Process("two", [[5.0, 3.0], [1.0, 4.0]]).scale_by(both)
    model = Model().add_proc(two).prepare()
    for poi in ("pair", "pair[0]"):
        with pytest.raises(InvalidTypeError, match="is no scalar variable; one of an array"):
            model.channel_compatibility([7.0, 7.0], poi=poi)
    mu, nu = Variable("mu", 1.0), Variable("nu", 1.0)
    for term in ((lambda m: -(m**2), mu), (lambda values, data, globs: 0.0 * values[0],)):
        model = Model()
        for name in ("A", "B"):
            model.add_proc(Process(name, [9.0, 4.0], channel=name).scale_by(mu).scale_by(nu))
        model.add_constraint(*term).prepare()
        with pytest.raises(InvalidValueError, match=r"the term '.*lambda.*' of the likelihood .* 'mu'"):
            model.channel_compatibility([9.0, 4.0, 8.0, 5.0], poi=mu)
    model = Model().add_proc(Process("A", [9.0])).prepare()
    with pytest.raises(InvalidValueError, match="the model has no parameter of interest; name one"):
        model.channel_compatibility([9.0])
