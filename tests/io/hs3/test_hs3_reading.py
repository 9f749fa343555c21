"""Each part of an HS3 file, against its formula in numpy and scipy, or against pyhf's twin of the file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from files_of_tests import shared_path
from hs3_files import COUNTS, MU, SIGNAL, channel, file, gauss, modifier, one, poisson, sample

from smoothfit import read_hs3, read_pyhf
from smoothfit.errors import FileFormatError, InvalidTypeError, InvalidValueError, UnknownNameError
from smoothfit.io.opening import file_kind, read_model

SIG, BKG, D = np.array([5.0, 3.0]), np.array([50.0, 20.0]), np.array(COUNTS)
HISTFACTORY = shared_path("data", "hs3-pyhs3", "tests", "test_histfactory")
PDF = shared_path("data", "hs3-pyhs3", "tests", "test_pdf")


def nll(content, values, **options):
    model, obs = read_hs3(content, **options)
    return float(model.nll(model.values_from_dict(values), obs))


def of_bkg(factor=1.0, *, shift=0.0, mu=1.0):
    """The Poisson terms with a factor on the background, or events added to it."""
    return poisson(D, mu * SIG + (BKG + shift) * factor)


def code4(theta, low, high):
    """The polynomial of sixth order with value, slope and curvature of the exponentials at +-1."""
    if abs(theta) >= 1.0:
        return high**theta if theta > 0 else low**-theta
    of_log = (lambda k: k - 1.0, lambda k: k * math.log(k), lambda k: k * math.log(k) ** 2)
    right = [of(side) for of in of_log for side in (high, low)]
    signs = [1.0, 1.0, 1.0, -1.0, 1.0, 1.0]
    rows = [[_derivative(k, d, s) for k in range(1, 7)] for d in range(3) for s in (1.0, -1.0)]
    a = np.linalg.solve(rows, np.multiply(right, signs))
    return 1.0 + sum(a[k - 1] * theta**k for k in range(1, 7))


def _derivative(k, d, at):
    """Of x^k, d times, at a place."""
    return 0.0 if d > k else math.factorial(k) / math.factorial(k - d) * at ** (k - d)


def poly6(theta, nominal, low, high):
    """The change of a template: S theta + A theta^2 (15 + theta^2 (3 theta^2 - 10)) inside +-1."""
    if theta >= 1.0:
        return theta * (high - nominal)
    if theta <= -1.0:
        return theta * (nominal - low)
    s, a = 0.5 * (high - low), (high + low - 2.0 * nominal) / 16.0
    return theta * (s + theta * a * (15.0 + theta**2 * (3.0 * theta**2 - 10.0)))


NORMSYS = {"hi": 1.3, "lo": 0.9}
HI, LO = np.array([56.0, 21.0]), np.array([47.0, 17.0])
HISTOSYS = {"hi": {"contents": HI.tolist()}, "lo": {"contents": LO.tolist()}}
EXP, POLY6_EXP = {"type": "mult", "in": "exp", "out": None}, {"type": "mult", "in": "poly6", "out": "exp"}
LINEAR, PARABOLA = {"type": "add", "in": "poly1", "out": None}, {"type": "add", "in": "poly2", "out": "poly1"}
POLY6 = {"type": "add", "in": "poly6", "out": "poly1"}


@pytest.mark.parametrize("theta", [-1.7, -0.4, 0.0, 0.6, 2.2])
@pytest.mark.parametrize(
    "given", [EXP, "log", "code1", 1, {"type": "mult", "in": "exp", "out": "exp"}], ids=str
)
def test_normsys_of_exponentials(theta, given):
    content = one(modifier("normsys", "a", NORMSYS, constraint="Gauss", interpolation=given))
    factor = 1.3**theta if theta > 0 else 0.9**-theta
    assert nll(content, {"a": theta, "mu": 1.1}) == pytest.approx(
        of_bkg(factor, mu=1.1) + gauss(theta, 0.0, 1.0), rel=1e-13
    )


@pytest.mark.parametrize("theta", [-1.7, -0.4, 0.6, 2.2])
@pytest.mark.parametrize("given", [None, POLY6_EXP, "code4", 4], ids=str)
def test_normsys_of_a_polynomial(theta, given):
    fields = {} if given is None else {"interpolation": given}
    content = one(modifier("normsys", "a", NORMSYS, constraint="Gauss", **fields))
    expected = of_bkg(code4(theta, 0.9, 1.3)) + gauss(theta, 0.0, 1.0)
    assert nll(content, {"a": theta}) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("theta", [-1.7, -0.4, 0.6, 2.2])
@pytest.mark.parametrize("given", [None, POLY6, "poly6", "code4p", 4], ids=str)
def test_histosys_of_a_polynomial(theta, given):
    fields = {} if given is None else {"interpolation": given}
    content = one(modifier("histosys", "a", HISTOSYS, constraint="Gauss", **fields))
    shift = np.array([poly6(theta, *sides) for sides in zip(BKG, LO, HI, strict=True)])
    assert nll(content, {"a": theta}) == pytest.approx(
        of_bkg(shift=shift) + gauss(theta, 0.0, 1.0), rel=1e-13
    )


@pytest.mark.parametrize("theta", [-1.7, -0.4, 0.6, 2.2])
@pytest.mark.parametrize("given", [LINEAR, PARABOLA, "lin", "parabolic", 0, 2], ids=str)
def test_histosys_of_lines_and_parabolas(theta, given):
    content = one(modifier("histosys", "a", HISTOSYS, constraint="Gauss", interpolation=given))
    s, d = 0.5 * (HI + LO) - BKG, 0.5 * (HI - LO)
    if given in (LINEAR, "lin", 0):
        shift = theta * (HI - BKG) if theta > 0 else theta * (BKG - LO)
    elif abs(theta) <= 1.0:
        shift = s * theta**2 + d * theta
    else:
        shift = (2 * s + d) * (theta - 1) + HI - BKG if theta > 0 else -(2 * s - d) * (theta + 1) + LO - BKG
    assert nll(content, {"a": theta}) == pytest.approx(
        of_bkg(shift=shift) + gauss(theta, 0.0, 1.0), rel=1e-13
    )


def test_the_interpolation_of_a_channel():
    content = one(
        modifier("normsys", "a", NORMSYS, constraint="Gauss"), fields={"default_interpolation": EXP}
    )
    assert nll(content, {"a": 0.4}) == pytest.approx(of_bkg(1.3**0.4) + gauss(0.4, 0.0, 1.0), rel=1e-13)


# -- constraints ---------------------------------------------------------------------------------

GAMMAS = {"parameters": ["g0", "g1"]}
VALS = {"vals": [5.0, 4.0]}
ERRORS = np.array([3.0, 2.0])


@pytest.mark.parametrize(
    ("options", "tau"),
    [
        ({}, (BKG / [5.0, 4.0]) ** 2),
        ({"shapesys": "absolute"}, (BKG / [5.0, 4.0]) ** 2),
        ({"shapesys": "relative"}, 1.0 / np.square([5.0, 4.0])),
    ],
    ids=str,
)
def test_shapesys(options, tau):
    content = one({"type": "shapesys", "name": "s", "data": VALS, "constraint": "Poisson", **GAMMAS})
    g = np.array([1.1, 0.8])
    expected = poisson(D, SIG + g * BKG) + poisson(tau, g * tau)
    assert nll(content, {"g0": 1.1, "g1": 0.8}, **options) == pytest.approx(expected, rel=1e-13)


def test_shapesys_of_a_file_by_root_is_relative_and_the_receipt_says_so():
    content = one({"type": "shapesys", "name": "s", "data": VALS, "constraint": "Poisson", **GAMMAS})
    content["metadata"]["packages"] = [{"name": "ROOT", "version": "6.35.01"}]
    assert nll(content, {"g0": 1.1}) == nll(content, {"g0": 1.1}, shapesys="relative")
    notes = read_hs3(content)[0].receipt.ignored
    assert [note.why for note in notes] == ["taken as relative uncertainties; shapesys= says otherwise"]


def test_shapesys_of_gaussians_and_an_empty_bin():
    content = one(
        {"type": "shapesys", "name": "s", "data": {"vals": [5.0, 0.0]}, "constraint": "Gauss", **GAMMAS}
    )
    expected = poisson(D, SIG + BKG * [1.1, 1.0]) + gauss(1.1, 1.0, 0.1) + gauss(1.0, 1.0, 1.0)
    assert nll(content, {"g0": 1.1}) == pytest.approx(expected, rel=1e-13)
    assert read_hs3(content)[0].fit(COUNTS)["g1"].value == 1.0


@pytest.mark.parametrize("kind", ["Gauss", "Poisson", None])
def test_staterror(kind):
    """Relative errors of the sum of those that have it; Poisson by default."""
    stat = {"type": "staterror", "name": "stat", **GAMMAS} | ({"constraint": kind} if kind else {})
    other = sample("top", [10.0, 4.0], stat, errors=[1.0, 1.5])
    background = sample("bkg", BKG, stat, errors=ERRORS)
    content = file([channel(SIGNAL, background, other)], [COUNTS])
    g = np.array([1.05, 0.9])
    total = BKG + np.array([10.0, 4.0])
    delta = np.sqrt(ERRORS**2 + np.square([1.0, 1.5])) / total
    tau = delta**-2.0
    term = gauss(g, 1.0, delta) if kind == "Gauss" else poisson(tau, g * tau)
    expected = poisson(D, SIG + g * total) + term
    assert nll(content, {"g0": 1.05, "g1": 0.9}) == pytest.approx(expected, rel=1e-12)


def test_staterror_options_of_a_channel():
    stat = {"type": "staterror", "name": "stat"}
    options = {"staterror": {"constraint_type": "Gauss", "relThreshold": 0.07}}
    content = one(stat, errors=ERRORS, fields=options)
    model, obs = read_hs3(content)
    assert model.parameters == ("mu", "gamma_stat_SR_bin_0", "gamma_stat_SR_bin_1")
    values = {"gamma_stat_SR_bin_1": 0.9}
    expected = poisson(D, SIG + BKG * [1.0, 0.9]) + gauss([1.0, 0.9], 1.0, [0.06, 0.1])
    assert float(model.nll(values, obs)) == pytest.approx(expected, rel=1e-13)
    # 3/50 is below the threshold, 2/20 is not.
    assert model.fit(obs)["gamma_stat_SR_bin_0"].value == 1.0


def test_shapefactor():
    content = one({"type": "shapefactor", "name": "f", **GAMMAS})
    assert nll(content, {"g0": 1.1, "g1": 0.7}) == pytest.approx(
        poisson(D, SIG + BKG * [1.1, 0.7]), rel=1e-13
    )


NOM = {"nom": 0.3, "mu": 1.0}
NAMED = {
    "gaussian": (
        {"type": "gaussian_dist", "x": "nom", "mean": "k", "sigma": 0.2},
        lambda k: gauss(0.3, k, 0.2),
    ),
    "normal, the other way round": (
        {"type": "normal_dist", "x": "k", "mean": "nom", "sigma": 0.2},
        lambda k: gauss(0.3, k, 0.2),
    ),
    "numbers": ({"type": "gaussian_dist", "x": 0.9, "mean": "k", "sigma": 0.2}, lambda k: gauss(0.9, k, 0.2)),
    "poisson": ({"type": "poisson_dist", "x": 12.0, "mean": "rate"}, lambda k: poisson(12.0, 10.0 * k)),
    "poisson alone": ({"type": "poisson_dist", "x": 2.0, "mean": "k"}, lambda k: poisson(2.0, k)),
    "log-normal": (
        {"type": "lognormal_dist", "x": 1.1, "mu": "logk", "sigma": 0.2},
        lambda k: gauss(math.log(1.1), math.log(k), 0.2) + math.log(1.1),
    ),
    "uniform": ({"type": "uniform_dist", "x": "k"}, lambda k: math.log(4.0)),
}
FUNCTIONS = [
    {"name": "rate", "type": "product", "factors": ["k", 10.0]},
    {"name": "logk", "type": "generic_function", "expression": "log(k)"},
]


def constrained(name, how):
    distribution, _ = NAMED[name]
    options = {
        "values": NOM | {"k": 1.2},
        "const": ("nom",),
        "extra": [{"name": "K", **distribution}],
        "functions": FUNCTIONS,
        "ranges": {"k": (0.5, 4.5)},
    }
    if how == "modifier":
        return one(modifier("normfactor", "k", constraint_name="K"), **options)
    if how == "both":
        return one(modifier("normfactor", "k", constraint="K"), **options, aux=["K"])
    if how == "product":
        extra = [*options.pop("extra"), {"name": "all", "type": "product_dist", "factors": ["SR", "K"]}]
        content = one(modifier("normfactor", "k"), **options, extra=extra)
        content["likelihoods"][0]["distributions"] = ["all"]
        return content
    return one(modifier("normfactor", "k"), **options, aux=["K"])


@pytest.mark.parametrize("how", ["auxiliary", "modifier", "both", "product"])
@pytest.mark.parametrize("name", NAMED)
def test_named_constraints(name, how):
    """Wherever a distribution is named, and how often, it is one term."""
    expected = of_bkg(1.3) + NAMED[name][1](1.3)
    assert nll(constrained(name, how), {"k": 1.3}) == pytest.approx(expected, rel=1e-13)


def test_an_observed_value_that_is_not_held():
    content = constrained("gaussian", "auxiliary")
    for parameter in content["parameter_points"][0]["parameters"]:
        parameter["const"] = False
    assert nll(content, {"k": 1.3}) == pytest.approx(of_bkg(1.3) + gauss(0.3, 1.3, 0.2), rel=1e-13)


@pytest.mark.parametrize("form", ["inline", "point", "unbinned"])
def test_constraints_with_data(form):
    content = constrained("gaussian", "auxiliary")
    likelihood = content["likelihoods"][0]
    del likelihood["aux_distributions"]
    likelihood["distributions"].append("K")
    likelihood["data"].append(0.7 if form == "inline" else "aux")
    axes = [{"name": "nom", "min": -5.0, "max": 5.0}]
    entry = {"type": "point", "value": 0.7} if form == "point" else {"type": "unbinned", "entries": [[0.7]]}
    content["data"].append({"name": "aux", "axes": axes, **entry})
    assert nll(content, {"k": 1.3}) == pytest.approx(of_bkg(1.3) + gauss(0.7, 1.3, 0.2), rel=1e-13)


def test_correlated_constraints():
    covariance = np.array([[0.04, 0.015], [0.015, 0.09]])
    extra = {
        "name": "both",
        "type": "multivariate_normal_dist",
        "x": [1.0, "nom"],
        "mean": ["k", "l"],
        "covariances": covariance.tolist(),
    }
    content = one(
        modifier("normfactor", "k"),
        modifier("normfactor", "l"),
        values={"k": 1.0, "l": 1.0, "nom": 0.8},
        const=("nom",),
        extra=[extra],
        aux=["both"],
    )
    from scipy import stats

    term = -stats.multivariate_normal.logpdf([1.0, 0.8], [1.1, 0.9], covariance)
    assert nll(content, {"k": 1.1, "l": 0.9}) == pytest.approx(of_bkg(1.1 * 0.9) + term, rel=1e-12)


def test_a_modifier_without_a_word_is_gaussian_unless_something_else_constrains_it():
    a = modifier("normsys", "a", NORMSYS, interpolation=EXP)
    assert nll(one(a), {"a": 0.4}) == pytest.approx(of_bkg(1.3**0.4) + gauss(0.4, 0.0, 1.0), rel=1e-13)
    extra = [{"name": "K", "type": "gaussian_dist", "x": 0.1, "mean": "a", "sigma": 2.0}]
    content = one(a, extra=extra, aux=["K"])
    assert nll(content, {"a": 0.4}) == pytest.approx(of_bkg(1.3**0.4) + gauss(0.4, 0.1, 2.0), rel=1e-13)
    content = one({**a, "constraint": None})
    assert nll(content, {"a": 0.4}) == pytest.approx(of_bkg(1.3**0.4), rel=1e-13)


def test_two_constraints_on_one_parameter_are_refused():
    extra = [{"name": "K", "type": "gaussian_dist", "x": 0.1, "mean": "a", "sigma": 2.0}]
    content = one(modifier("normsys", "a", NORMSYS, constraint="Gauss"), extra=extra, aux=["K"])
    with pytest.raises(FileFormatError, match=r"unsupported.*a second constraint on 'a'.*/distributions/1"):
        read_hs3(content)


# -- functions and elementary distributions ------------------------------------------------------

EXPRESSIONS = {
    "a+2*b-3/c": lambda a, b, c: a + 2 * b - 3 / c,
    "pow(a,2)*exp(-b)+max(a,min(b,c))": lambda a, b, c: a**2 * math.exp(-b) + max(a, min(b, c)),
    "ifelse(a > b && c != 0, sqrt(a), log(c)+PI)": lambda a, b, c: (
        math.sqrt(a) if a > b else math.log(c) + math.pi
    ),
    "EULER^a + sin(b)*cos(c) + (a === 1.5)": lambda a, b, c: (
        math.e**a + math.sin(b) * math.cos(c) + (a == 1.5)
    ),
    "inner*a": lambda a, b, c: (b + c) * a,
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions(expression):
    functions = [
        {"name": "f", "type": "generic_function", "expression": expression},
        {"name": "inner", "type": "sum", "summands": ["b", "c"]},
    ]
    content = one(
        {"type": "custom", "name": "f"}, functions=functions, values={"a": 1.5, "b": 0.7, "c": 2.5, "mu": 1.0}
    )
    assert nll(content, {}) == pytest.approx(of_bkg(EXPRESSIONS[expression](1.5, 0.7, 2.5)), rel=1e-13)


def test_interpolation0d():
    function = {
        "name": "f",
        "type": "interpolation0d",
        "nom": 1.0,
        "vars": ["a", "b"],
        "interpolationCodes": [1, 4],
        "high": [1.3, 1.2],
        "low": [0.9, 0.95],
    }
    extra = [{"name": f"K{v}", "type": "gaussian_dist", "x": v, "mean": 0.0, "sigma": 1.0} for v in "ab"]
    content = one(
        {"type": "custom", "name": "f"},
        functions=[function],
        values={"a": 0.0, "b": 0.0},
        extra=extra,
        aux=["Ka", "Kb"],
    )
    content["parameter_points"][0]["parameters"].append({"name": "mu", "value": 1.0})
    expected = of_bkg(1.3**0.4 * code4(-0.6, 0.95, 1.2)) + gauss([0.4, -0.6], 0.0, 1.0)
    assert nll(content, {"a": 0.4, "b": -0.6}) == pytest.approx(expected, rel=1e-13)


def counting(mean, functions, values, **options):
    content = file([], [], functions=functions, values=values, **options)
    content["distributions"].append({"name": "pdf", "type": "poisson_dist", "x": "n", "mean": mean})
    axes = [{"name": "n", "min": 0.0, "max": 20.0}]
    content["data"] = [{"name": "obs", "type": "unbinned", "axes": axes, "entries": [[10.0]]}]
    content["likelihoods"] = [{"name": "main", "distributions": ["pdf"], "data": ["obs"]}]
    return content


def test_a_rate_that_is_a_sum_of_products_is_processes():
    functions = [
        {"name": "rate", "type": "sum", "summands": ["signal", "background", 2.0]},
        {"name": "signal", "type": "product", "factors": ["r", 3.0, "eff"]},
        {"name": "background", "type": "generic_function", "expression": "5*exp(0.1*t)"},
    ]
    values = {"r": 1.0, "eff": 0.9, "t": 0.0}
    model, obs = read_hs3(counting("rate", functions, values))
    assert model.processes == ("signal", "background", "number")
    np.testing.assert_array_equal(obs, [10.0])
    expected = poisson(10.0, 1.5 * 3.0 * 0.8 + 5.0 * math.exp(0.1) + 2.0)
    assert float(model.nll({"r": 1.5, "eff": 0.8, "t": 1.0}, obs)) == pytest.approx(expected, rel=1e-13)


def test_process_normalization():
    function = {
        "name": "rate",
        "type": "CMS::process_normalization",
        "expression": "rate",
        "nominalValue": 7.0,
        "thetaList": ["a"],
        "logKappa": [math.log(1.1)],
        "asymmThetaList": ["b"],
        "logAsymmKappa": [[math.log(0.9), math.log(1.3)]],
        "otherFactorList": ["r"],
    }
    content = counting("rate", [function], {"r": 1.0, "a": 0.0, "b": 0.0})
    # 1.1402 of the asymmetric log-normal at +0.5: FORMULAS of the documentation, section 2.
    got = read_hs3(content)[0].pred({"r": 2.0, "a": 1.0, "b": 0.5})[0]
    assert got == pytest.approx(7.0 * 2.0 * 1.1 * 1.1402, rel=3e-5)
    theta = 1.0
    assert read_hs3(content)[0].pred({"b": -theta})[0] == pytest.approx(7.0 * 0.9, rel=1e-13)


def histogram(name, contents):
    axes = [{"name": "m", "min": 0.0, "max": 100.0, "nbins": len(contents)}]
    return {"name": name, "type": "histogram_dist", "data": {"axes": axes, "contents": contents}}


def test_a_mixture_of_histograms():
    """Expected events times densities; ROOT writes shapes of Combine so."""
    sig, bkg = np.array([1.0, 3.0, 4.0]), np.array([50.0, 30.0, 20.0])
    functions = [{"name": "n_sig", "type": "product", "factors": ["r", 7.0]}]
    content = file([], [], functions=functions, values={"r": 1.0, "n_bkg": 90.0, "c": 2.0}, const=("c",))
    mixture = {
        "name": "pdf",
        "type": "mixture_dist",
        "summands": ["sig", "bkg", "flat"],
        "coefficients": ["n_sig", "n_bkg", "c"],
        "extended": True,
    }
    flat = histogram("flat", [1.0, 1.0, 1.0])
    content["distributions"] = [mixture, histogram("sig", sig.tolist()), histogram("bkg", bkg.tolist()), flat]
    counts = [51.0, 35.0, 30.0]
    content["data"] = [{"name": "obs", "type": "binned", "contents": counts}]
    content["likelihoods"] = [{"name": "main", "distributions": ["pdf"], "data": ["obs"]}]
    model, obs = read_hs3(content)
    assert model.processes == ("sig", "bkg", "flat")
    assert model.parameters == ("r", "n_bkg")
    expected = poisson(counts, 1.4 * 7.0 * sig / 8.0 + 95.0 * bkg / 100.0 + 2.0 / 3.0)
    assert float(model.nll({"r": 1.4, "n_bkg": 95.0}, obs)) == pytest.approx(expected, rel=1e-13)
    content["distributions"].append(
        {"name": "one", "type": "bincounts_extended_dist", "rate": "n_bkg", "dist": "bkg"}
    )
    content["likelihoods"][0]["distributions"] = ["one"]
    expected = poisson(counts, 95.0 * bkg / 100.0)
    assert nll(content, {"n_bkg": 95.0}) == pytest.approx(expected, rel=1e-13)


# -- files of others -----------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.parametrize("name", ["correlated", "uncorrelated"])
def test_pairs_of_one_model_agree(name):
    """The same model as an HS3 file and as a pyhf workspace."""
    base = f"simplemodel_{name}-background"
    ours, obs = read_hs3(HISTFACTORY / f"{base}_hs3.json")
    theirs, obs_pyhf = read_pyhf(HISTFACTORY / f"{base}_hifa.json")
    np.testing.assert_array_equal(obs, obs_pyhf)
    assert ours.poi == theirs.poi == "mu"
    names = {
        "correlated": {"alpha_correlated_bkg_uncertainty": "correlated_bkg_uncertainty"},
        "uncorrelated": {
            "uncorr_bkguncrt_0": "uncorr_bkguncrt[0]",
            "uncorr_bkguncrt_1": "uncorr_bkguncrt[1]",
        },
    }[name] | {"mu": "mu"}
    assert set(ours.parameters) == {*names, "Lumi"}
    random = np.random.default_rng(5)
    for _ in range(20):
        point = {key: 1.0 + 0.3 * random.standard_normal() for key in names}
        other = {names[key]: value for key, value in point.items()}
        assert float(ours.nll(point, obs)) == pytest.approx(float(theirs.nll(other, obs)), abs=1e-10)
    best, best_pyhf = ours.fit(obs), theirs.fit(obs)
    assert best.fun == pytest.approx(best_pyhf.fun, abs=1e-9)
    # Nothing but what was not chosen.
    why = {note.why for note in ours.receipt.ignored}
    assert why <= {
        "another one was chosen",
        "nothing that was read uses it",
        "taken as absolute uncertainties; shapesys= says otherwise",
    }


@pytest.mark.reference
def test_an_analysis_by_name():
    path = HISTFACTORY / "simplemodel_correlated-background_hs3.json"
    for chosen in ("simPdf_asimovData", 0):
        model, obs = read_hs3(path, chosen)
        np.testing.assert_array_equal(obs, [62.0, 63.0])
        assert model.poi == "mu"
    np.testing.assert_array_equal(read_hs3(path)[1], [51.0, 48.0])
    with pytest.raises(UnknownNameError, match=r"other.*simPdf_obsData"):
        read_hs3(path, "other")
    with pytest.raises(UnknownNameError, match="analysis 2"):
        read_hs3(path, 2)


@pytest.mark.reference
def test_a_counting_model_of_combine():
    """It has no likelihood; with one that pairs its distribution and data it is a counting experiment."""
    path = PDF / "combine_long_exercise_part1_nosys.json"
    with pytest.raises(FileFormatError, match=r"nosys\.json: unsupported: /likelihoods: nothing says which"):
        read_hs3(path)
    content = json.loads(path.read_text())
    content["likelihoods"] = [{"name": "s", "distributions": ["model_s"], "data": ["data_obs"]}]
    model, obs = read_hs3(content)
    assert model.parameters == ("r",)
    backgrounds = 4.43803 + 3.18309 + 3.7804 + 1.63396
    for r in (0.0, 1.0, 3.5):
        expected = poisson(10.0, backgrounds + 0.711064 * r)
        assert float(model.nll({"r": r}, obs)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["nondefault_points_domains", "rf501_simultaneouspdf"])
def test_what_is_no_binned_likelihood(name):
    with pytest.raises(FileFormatError, match=f"{name}.*unsupported: /likelihoods"):
        read_hs3(PDF / f"{name}.json")


@pytest.mark.reference
def test_unbinned_distributions_are_named():
    content = json.loads((PDF / "rf501_simultaneouspdf.json").read_text())
    content["data"] = [{"name": "d", "type": "unbinned", "axes": [{"name": "x"}], "entries": [[0.1], [0.2]]}]
    content["likelihoods"] = [{"name": "l", "distributions": ["model"], "data": ["d"]}]
    with pytest.raises(FileFormatError, match="unsupported: /data/0: unbinned data"):
        read_hs3(content)
    content["data"][0]["entries"] = [[0.1]]
    with pytest.raises(FileFormatError, match="unsupported: /data/0: data of 'model' that are not binned"):
        read_hs3(content)
    content["data"][0] = {"name": "d", "type": "binned", "contents": [1.0]}
    with pytest.raises(FileFormatError, match=r"unsupported: /distributions/0: a mixture.*not predicted"):
        read_hs3(content)
    content["distributions"][0] |= {"coefficients": ["f", "f"], "extended": True}
    with pytest.raises(FileFormatError, match="unsupported: /distributions/1: 'gx' of type 'gaussian_dist'"):
        read_hs3(content)


# -- points, domains, analyses -------------------------------------------------------------------


def with_analysis(**fields):
    content = one(
        modifier("normsys", "a", NORMSYS, constraint="Gauss"),
        values={"mu": 1.0, "a": 0.0},
        ranges={"mu": (0.0, 10.0), "a": (-5.0, 5.0)},
        analyses=[{"name": "an", "likelihood": "main", **fields}],
    )
    content["parameter_points"].append(
        {
            "name": "other",
            "parameters": [{"name": "mu", "value": 2.0}, {"name": "a", "value": 0.5, "const": True}],
        }
    )
    content["domains"].append(
        {"name": "wide", "type": "product_domain", "axes": [{"name": "mu", "min": -3.0, "max": 30.0}]}
    )
    return content


def test_points_and_domains_of_an_analysis():
    model, obs = read_hs3(with_analysis(init="other", domain="wide", parameters_of_interest=["mu", "a"]))
    assert model.poi == "mu"
    assert dict(zip(model.parameters, model.layout.start.tolist(), strict=True)) == {"mu": 2.0, "a": 0.5}
    assert model.layout.lower[0] == -3.0
    assert model.layout.upper.tolist() == [30.0, 5.0]
    assert model.fit(obs)["a"].value == 0.5
    notes = {(note.where, note.what) for note in model.receipt.ignored}
    assert notes == {
        ("/analyses/0/parameters_of_interest", "'a'"),
        ("/parameter_points/0", "'default_values'"),
    }


def test_a_parameter_of_interest_that_is_none():
    model, _ = read_hs3(with_analysis(parameters_of_interest=["xsec"]))
    assert model.poi is None
    assert ("'xsec'", "the model has no such parameter") in {(n.what, n.why) for n in model.receipt.ignored}


def test_a_function_by_its_result():
    functions = [{"name": "f", "type": "sum", "summands": ["a", 0.5]}]
    content = one(modifier("normfactor", "f.value"), functions=functions, values={"a": 1.0, "mu": 1.0})
    assert nll(content, {"a": 0.7}) == pytest.approx(of_bkg(1.2), rel=1e-13)


def test_default_point_and_domain():
    model, _ = read_hs3(with_analysis())
    assert model.poi is None
    assert model.layout.start.tolist() == [1.0, 0.0]
    assert model.layout.upper.tolist() == [10.0, 5.0]


def test_priors():
    content = with_analysis(prior="prior")
    content["distributions"].append({"name": "prior", "type": "product_dist", "factors": ["P"]})
    content["distributions"].append(
        {"name": "P", "type": "gaussian_dist", "x": "mu", "mean": 1.5, "sigma": 0.4}
    )
    without, with_it = nll(content, {"mu": 1.2}), nll(content, {"mu": 1.2}, priors=True)
    assert with_it - without == pytest.approx(gauss(1.5, 1.2, 0.4), abs=1e-12)
    notes = {note.where for note in read_hs3(content)[0].receipt.ignored}
    assert "/analyses/0/prior" in notes
    assert "/analyses/0/prior" not in {n.where for n in read_hs3(content, priors=True)[0].receipt.ignored}


def test_everything_that_has_no_effect_is_in_the_receipt():
    content = one(modifier("normfactor", "k", colour="red"), values={"mu": 1.0, "k": 1.0, "unused": 3.0})
    content["misc"] = {"ROOT_internal": {}}
    content["colours"] = []
    content["functions"] = [{"name": "f", "type": "sum", "summands": []}]
    content["distributions"].append({"name": "argus", "type": "argus_dist"})
    notes = {(note.where, note.what) for note in read_hs3(content)[0].receipt.ignored}
    assert notes == {
        ("/distributions/0/samples/1/modifiers/0", "'colour'"),
        ("/distributions/1", "'argus'"),
        ("/functions/0", "'f'"),
        ("/parameter_points", "the value of 'unused'"),
        ("/misc", "'ROOT_internal'"),
        ("/colours", "the whole section"),
    }


def test_files_are_told_apart(tmp_path):
    content = one(modifier("normsys", "a", NORMSYS, constraint="Gauss"))
    path = tmp_path / "file"
    path.write_text(json.dumps(content))
    assert file_kind(path) == "hs3"
    model, obs = read_model(path)
    assert model.receipt.kind == "HS3 file"
    assert model.receipt.source == str(path)
    np.testing.assert_array_equal(obs, COUNTS)
    with pytest.raises(InvalidValueError, match="'mass' is no option of a hs3 file"):
        read_model(path, mass=125.0)


def test_wrong_arguments():
    content = one(MU)
    with pytest.raises(InvalidTypeError, match="path or a dict"):
        read_hs3(3)
    with pytest.raises(InvalidTypeError, match="name or a position"):
        read_hs3(content, 1.5)
    with pytest.raises(InvalidValueError, match="'absolute'"):
        read_hs3(content, shapesys="squared")
    with pytest.raises(InvalidTypeError, match="priors"):
        read_hs3(content, priors=1)
