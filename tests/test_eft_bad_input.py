"""Bad input that the EFT and data-driven helpers refuse: calls, exception types, words of the message."""

from __future__ import annotations

import numpy as np
import pytest

from smoothfit.data_driven import abcd, free_shape, rate_parameter
from smoothfit.eft import (
    Dim6EFTMorphing,
    choose_basis,
    condition_number,
    fit_quadratic,
    from_combine,
    from_eft2obs,
    from_quadratic,
    propose_basis,
    templates_from_events,
)
from smoothfit.errors import (
    DuplicateNameError,
    FileFormatError,
    InvalidTypeError,
    InvalidValueError,
    ShapeMismatchError,
    SingularBasisError,
    SmoothfitError,
    UnknownNameError,
)
from smoothfit.model import ChannelContrib, Process, Variable

NAN, INF = float("nan"), float("inf")
LINE = [[t, 2.0 * t] for t in (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)]


def one():
    return Variable("ctG", [0.0])


def two():
    return Variable("c", [0.0, 0.0], sub_names=["ctG", "cHG"])


def events(points=((0.0,), (1.0,), (-1.0,)), weights=None, values=(1.0, 2.0), edges=(0.0, 3.0), **options):
    weights = np.ones((len(points), 2)) if weights is None else weights
    return templates_from_events(points, weights, values, edges, **options)


def quadratic(**changes):
    given = {"sm": [1.0, 1.0], "linear": {"a": [0.1, 0.1]}, "quadratic": {("a", "a"): [0.2, 0.2]}}
    given.update(changes)
    return from_quadratic(
        given["sm"], given["linear"], given["quadratic"], operators=changes.get("operators")
    )


def combine(**changes):
    item = {"channel": "SR", "process": "sig", "parameters": ["sm[1]", "c[0,-1,1]"], "scaling": [[1, 0, 1]]}
    item.update(changes)
    return from_combine([{key: value for key, value in item.items() if value is not None}])


def eft2obs(**changes):
    data = {"nbins": 2, "terms": [[["a"], [0.1, 0.2], [0.0, 0.0]], [["a", "a"], [0.1, 0.2], [0.0, 0.0]]]}
    data.update(changes)
    return from_eft2obs({key: value for key, value in data.items() if value is not None})


def counts(**changes):
    return {"B": [5.0, 6.0], "C": [7.0, 8.0], "D": [9.0, 10.0], **changes}


def process():
    return Process("top", [5.0, 6.0, 7.0], channel="SR").add_contrib(ChannelContrib("CR", [9.0]))


BASES = [
    ("morphing: a name", lambda: Dim6EFTMorphing("c", [[0.0]]), InvalidTypeError, ["Variable", "'c'"]),
    (
        "morphing: two of three points",
        lambda: Dim6EFTMorphing(one(), [[0.0], [1.0]]),
        ShapeMismatchError,
        ["'ctG'", "(2, 1)", "(3, 1)", "n(n+1)/2"],
    ),
    (
        "morphing: four of three points",
        lambda: Dim6EFTMorphing(one(), [[0.0], [1.0], [2.0], [3.0]]),
        ShapeMismatchError,
        ["(4, 1)", "(3, 1)"],
    ),
    (
        "morphing: quadratic points, linear only",
        lambda: Dim6EFTMorphing(one(), [[0.0], [1.0], [2.0]], linear_only=True),
        ShapeMismatchError,
        ["(3, 1)", "(2, 1)", "1 + n"],
    ),
    (
        "morphing: a flat basis",
        lambda: Dim6EFTMorphing(one(), [0.0, 1.0, -1.0]),
        ShapeMismatchError,
        ["(3,)", "(point, operator)"],
    ),
    (
        "morphing: points of another number of operators",
        lambda: Dim6EFTMorphing(two(), [[0.0], [1.0], [2.0]]),
        ShapeMismatchError,
        ["(3, 1)", "(6, 2)"],
    ),
    (
        "morphing: NaN",
        lambda: Dim6EFTMorphing(one(), [[0.0], [NAN], [1.0]]),
        InvalidValueError,
        ["finite", "(1, 0)"],
    ),
    ("morphing: text", lambda: Dim6EFTMorphing(one(), [["0"], ["1"], ["2"]]), InvalidTypeError, ["'ctG'"]),
    (
        "morphing: a point twice",
        lambda: Dim6EFTMorphing(one(), [[0.0], [1.0], [1.0]]),
        SingularBasisError,
        ["condition number", "1 point given before", "propose_basis(1, [0.5], centre=[0.5])"],
    ),
    (
        "morphing: points on a line",
        lambda: Dim6EFTMorphing(two(), LINE),
        SingularBasisError,
        ["do not determine", "propose_basis(2, [2, 4]"],
    ),
    (
        "morphing: an idle operator, linear",
        lambda: Dim6EFTMorphing(two(), [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], linear_only=True),
        SingularBasisError,
        ["cHG never varied", "linear function", "linear_only=True"],
    ),
    ("propose: no operators", lambda: propose_basis(0), InvalidValueError, ["1 to 30", "0"]),
    ("propose: too many", lambda: propose_basis(31), InvalidValueError, ["31"]),
    ("propose: a fraction", lambda: propose_basis(2.0), InvalidTypeError, ["whole number", "2.0"]),
    ("propose: True", lambda: propose_basis(True), InvalidTypeError, ["True"]),
    ("propose: scale 0", lambda: propose_basis(2, [1.0, 0.0]), InvalidValueError, ["scale", "positive"]),
    ("propose: scale NaN", lambda: propose_basis(2, NAN), InvalidValueError, ["scale", "finite"]),
    ("propose: three scales", lambda: propose_basis(2, [1.0] * 3), ShapeMismatchError, ["(3,)", "2 oper"]),
    ("propose: centre", lambda: propose_basis(2, centre=INF), InvalidValueError, ["centre", "finite"]),
    ("choose: too few", lambda: choose_basis([[0.0], [1.0]]), ShapeMismatchError, ["2 points", "3"]),
    ("condition: too few", lambda: condition_number([[0.0]]), ShapeMismatchError, ["1 point", "M", "3"]),
    ("condition: empty", lambda: condition_number(np.zeros((0, 2))), ShapeMismatchError, ["(0, 2)"]),
]

QUADRATICS = [
    (
        "fit: fewer than M points",
        lambda: fit_quadratic([[0.0], [1.0]], [[1.0], [2.0]]),
        ShapeMismatchError,
        ["fit_quadratic", "2 points", "1 operator", "3"],
    ),
    (
        "fit: yields of other points",
        lambda: fit_quadratic([[0.0], [1.0], [2.0]], [[1.0], [2.0]]),
        ShapeMismatchError,
        ["(2, 1)", "(3, bin)"],
    ),
    (
        "fit: yields without bins",
        lambda: fit_quadratic([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0]),
        ShapeMismatchError,
        ["(3,)", "(3, bin)"],
    ),
    (
        "fit: NaN",
        lambda: fit_quadratic([[0.0], [1.0], [2.0]], [[1.0], [NAN], [3.0]]),
        InvalidValueError,
        ["values", "finite"],
    ),
    (
        "fit: singular",
        lambda: fit_quadratic(LINE, np.ones((6, 1)), operators=["a", "b"]),
        SingularBasisError,
        ["fit_quadratic", "condition number"],
    ),
    (
        "fit: names",
        lambda: fit_quadratic([[0.0], [1.0], [2.0]], np.ones((3, 1)), operators=["a", "b"]),
        ShapeMismatchError,
        ["2 names", "1 operator"],
    ),
    (
        "terms: an unknown operator",
        lambda: quadratic(operators=["b"]),
        UnknownNameError,
        ["linear", "'a'", "they are: b"],
    ),
    (
        "terms: an unknown pair",
        lambda: quadratic(quadratic={("a", "b"): [0.1, 0.1]}, operators=["a"]),
        UnknownNameError,
        ["quadratic", "'b'"],
    ),
    (
        "terms: a pair twice",
        lambda: quadratic(quadratic={("a", "b"): [0.1, 0.1], ("b", "a"): [0.1, 0.1]}),
        DuplicateNameError,
        ["b a", "twice"],
    ),
    (
        "terms: a key that is no pair",
        lambda: quadratic(quadratic={"aa": [0.1, 0.1]}),
        InvalidTypeError,
        ["pair", "'aa'"],
    ),
    ("terms: a list", lambda: quadratic(linear=[0.1, 0.1]), InvalidTypeError, ["linear", "dict"]),
    ("terms: bins", lambda: quadratic(linear={"a": [0.1]}), ShapeMismatchError, ["'a'", "(1,)", "(2,)"]),
    ("terms: two axes", lambda: quadratic(sm=[[1.0, 1.0]]), ShapeMismatchError, ["sm", "(1, 2)"]),
    ("terms: NaN", lambda: quadratic(linear={"a": [0.1, NAN]}), InvalidValueError, ["'a'", "finite"]),
    ("terms: none", lambda: quadratic(linear={}, quadratic=None), ShapeMismatchError, ["operators", "empty"]),
    (
        "times other bins",
        lambda: quadratic() * [1.0, 2.0, 3.0],
        ShapeMismatchError,
        ["nominal", "(3,)", "2 bins"],
    ),
    (
        "expand without its own",
        lambda: quadratic().expand(["b"]),
        UnknownNameError,
        ["'a'", "they are: b"],
    ),
    (
        "process of another variable",
        lambda: quadratic().process("eft", two()),
        ShapeMismatchError,
        ["'c'", "(3, 1)", "(6, 2)"],
    ),
    (
        "templates of other points",
        lambda: quadratic().templates([[1.0, 2.0]]),
        ShapeMismatchError,
        ["2 coefficients", "expected 1"],
    ),
]

EVENTS = [
    ("events: few points", lambda: events(points=[[0.0], [1.0]]), ShapeMismatchError, ["2 points", "3"]),
    (
        "events: weights of other points",
        lambda: events(weights=np.ones((2, 2))),
        ShapeMismatchError,
        ["(2, 2)", "(3, event)"],
    ),
    (
        "events: values of other events",
        lambda: events(values=[1.0]),
        ShapeMismatchError,
        ["values", "(1,)", "2 events"],
    ),
    (
        "events: NaN weights",
        lambda: events(weights=np.full((3, 2), NAN)),
        InvalidValueError,
        ["weights", "finite"],
    ),
    ("events: NaN values", lambda: events(values=[1.0, NAN]), InvalidValueError, ["values", "finite"]),
    ("events: text", lambda: events(weights=np.full((3, 2), "1")), InvalidTypeError, ["weights"]),
    ("events: falling edges", lambda: events(edges=[1.0, 0.0]), InvalidValueError, ["edges", "rising"]),
    ("events: one edge", lambda: events(edges=[1.0]), InvalidValueError, ["edges", "two"]),
    ("events: a bin too far", lambda: events(edges=2), InvalidValueError, ["2 bins", "-1", "to 1"]),
    (
        "events: half a bin",
        lambda: events(values=[0.5, 1.0], edges=2),
        InvalidValueError,
        ["whole numbers"],
    ),
    (
        "events: basis of two",
        lambda: events(basis=[[0.0], [1.0]]),
        ShapeMismatchError,
        ["basis", "(2, 1)", "(3, 1)"],
    ),
    (
        "events: singular basis",
        lambda: events(basis=[[0.0], [1.0], [1.0]]),
        SingularBasisError,
        ["basis", "condition number"],
    ),
]

FORMATS = [
    ("combine: a dict", lambda: from_combine({"channel": "SR"}), FileFormatError, ["list", "dict"]),
    ("combine: empty", lambda: from_combine([]), FileFormatError, ["list"]),
    ("combine: a number", lambda: from_combine([3]), FileFormatError, ["scaling 0", "dict"]),
    ("combine: no channel", lambda: combine(channel=None), FileFormatError, ["'channel'"]),
    ("combine: process 3", lambda: combine(process=3), FileFormatError, ["'process'", "str"]),
    (
        "combine: a formula",
        lambda: combine(parameters=["expr::x('@0*@0', c)", "c[0,-1,1]"]),
        FileFormatError,
        ["SR/sig", "expr::x", "formulas"],
    ),
    (
        "combine: a range of words",
        lambda: combine(parameters=["sm[1]", "c[a,b]"]),
        FileFormatError,
        ["c[a,b]", "numbers"],
    ),
    (
        "combine: a range that is none",
        lambda: combine(parameters=["sm[1]", "c[3,-1,1]"]),
        FileFormatError,
        ["c[3,-1,1]", "value,low,high"],
    ),
    (
        "combine: too few terms",
        lambda: combine(scaling=[[1.0, 0.0]]),
        FileFormatError,
        ["2 terms", "2 parameters", "3"],
    ),
    ("combine: ragged", lambda: combine(scaling=[[1.0], [1.0, 2.0]]), FileFormatError, ["lengths"]),
    ("combine: text", lambda: combine(scaling=[["a", "b", "c"]]), FileFormatError, ["numbers"]),
    ("combine: NaN", lambda: combine(scaling=[[1.0, NAN, 1.0]]), FileFormatError, ["finite"]),
    ("combine: constants", lambda: combine(parameters=["a[1]", "b[1]"]), FileFormatError, ["constant"]),
    (
        "combine: twice",
        lambda: from_combine([{"channel": "SR", "process": "s", "parameters": ["c"], "scaling": [[1]]}] * 2),
        DuplicateNameError,
        ["SR/s", "twice"],
    ),
    ("combine: unknown", lambda: combine()["CR", "sig"], UnknownNameError, ["CR", "SR/sig"]),
    ("eft2obs: a list", lambda: from_eft2obs([]), FileFormatError, ["dict", "list"]),
    ("eft2obs: no bins", lambda: eft2obs(nbins=None), FileFormatError, ["'nbins'"]),
    ("eft2obs: neither layout", lambda: eft2obs(terms=None), FileFormatError, ["'bins'"]),
    ("eft2obs: a term", lambda: eft2obs(terms=[3]), FileFormatError, ["term 0"]),
    (
        "eft2obs: three parameters",
        lambda: eft2obs(terms=[[["a", "a", "a"], [1.0, 1.0], [0.0, 0.0]]]),
        FileFormatError,
        ["one or two parameters"],
    ),
    (
        "eft2obs: bins",
        lambda: eft2obs(terms=[[["a"], [1.0], [0.0]]]),
        FileFormatError,
        ["the term a", "1 of 2 bins"],
    ),
    (
        "eft2obs: twice",
        lambda: eft2obs(terms=[[["a"], [1.0, 1.0], [0.0, 0.0]]] * 2),
        DuplicateNameError,
        ["term a", "twice"],
    ),
    (
        "eft2obs: other bins in the older layout",
        lambda: from_eft2obs({"nbins": 2, "bins": [[[0.1, 0.0, "a"]]]}),
        FileFormatError,
        ["'bins'", "1", "2"],
    ),
    (
        "eft2obs: operators",
        lambda: from_eft2obs({"nbins": 1, "terms": [[["a"], [1.0], [0.0]]]}, operators=["b"]),
        UnknownNameError,
        ["'a'", "b"],
    ),
]

DATA_DRIVEN = [
    ("abcd: a list", lambda: abcd("qcd", [5.0]), InvalidTypeError, ["'qcd'", "dict"]),
    ("abcd: no D", lambda: abcd("qcd", {"B": 1.0, "C": 1.0}), UnknownNameError, ["lack", "D"]),
    ("abcd: E", lambda: abcd("qcd", counts(E=[1.0])), UnknownNameError, ["'E'", "B, C, D"]),
    (
        "abcd: other binnings",
        lambda: abcd("qcd", counts(C=[1.0, 2.0, 3.0])),
        ShapeMismatchError,
        ["one binning", "C has 3 bins", "D has 2 bins"],
    ),
    ("abcd: negative", lambda: abcd("qcd", counts(B=[-1.0, 2.0])), InvalidValueError, ["B", "negative"]),
    ("abcd: NaN", lambda: abcd("qcd", counts(B=[NAN, 2.0])), InvalidValueError, ["B", "finite"]),
    ("abcd: two axes", lambda: abcd("qcd", counts(B=[[1.0, 2.0]])), ShapeMismatchError, ["B", "(1, 2)"]),
    (
        "abcd: nothing in D",
        lambda: abcd("qcd", counts(D=[4.0, 0.0])),
        InvalidValueError,
        ["D", "bin 1", "undefined"],
    ),
    ("abcd: no name", lambda: abcd("", counts()), InvalidValueError, ["abcd", "empty"]),
    (
        "abcd: channels alike",
        lambda: abcd("qcd", counts(), channels={"A": "SR", "B": "SR"}),
        DuplicateNameError,
        ["four different"],
    ),
    (
        "abcd: channel of F",
        lambda: abcd("qcd", counts(), channels={"F": "SR"}),
        UnknownNameError,
        ["'F'"],
    ),
    (
        "abcd: kappa 0",
        lambda: abcd("qcd", counts(), non_closure=0.0),
        InvalidValueError,
        ["non_closure", "positive", "1.1"],
    ),
    (
        "abcd: three kappas",
        lambda: abcd("qcd", counts(), non_closure=[1.1, 1.1, 1.1]),
        ShapeMismatchError,
        ["(3,)", "2 bins"],
    ),
    ("rate: a name", lambda: rate_parameter("top", "r"), InvalidTypeError, ["'r'", "Process", "'top'"]),
    ("rate: numbers", lambda: rate_parameter([1, 2], "r"), InvalidTypeError, ["Process", "1"]),
    ("rate: nothing", lambda: rate_parameter([], "r"), InvalidValueError, ["empty"]),
    (
        "rate: no contribution",
        lambda: rate_parameter(Process("top"), "r"),
        InvalidValueError,
        ["'top'", "no contribution"],
    ),
    (
        "rate: channel",
        lambda: rate_parameter(process(), "r", channels=["XR"]),
        UnknownNameError,
        ["'XR'", "'SR', 'CR'"],
    ),
    (
        "rate: channels as text",
        lambda: rate_parameter(process(), "r", channels="SR"),
        InvalidTypeError,
        ["list", "'SR'"],
    ),
    (
        "rate: outside its bounds",
        lambda: rate_parameter(process(), "r", upper_bound=0.5),
        InvalidValueError,
        ["'r'", "[0, 0.5]"],
    ),
    (
        "shape: other binnings",
        lambda: free_shape(process(), "s"),
        ShapeMismatchError,
        ["one binning", "'SR' has 3 bins", "'CR' has 1 bin"],
    ),
    (
        "shape: smoothness 0",
        lambda: free_shape(process(), "s", channels=["SR"], smoothness=0.0),
        InvalidValueError,
        ["smoothness", "positive"],
    ),
    (
        "shape: smoothness of one bin",
        lambda: free_shape(process(), "s", channels=["CR"], smoothness=0.1),
        InvalidValueError,
        ["3 bins", "1 bin"],
    ),
]

CASES = BASES + QUADRATICS + EVENTS + FORMATS + DATA_DRIVEN


@pytest.mark.parametrize(
    ("call", "kind", "words"), [case[1:] for case in CASES], ids=[case[0].replace(" ", "-") for case in CASES]
)
def test_refused(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert isinstance(caught.value, SmoothfitError)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert "\n" not in message


def test_every_case_has_a_name_of_its_own():
    assert len({case[0] for case in CASES}) == len(CASES) >= 90


def test_a_refused_helper_changes_nothing():
    top = process()
    with pytest.raises(ShapeMismatchError):
        free_shape(top, "s")
    with pytest.raises(UnknownNameError):
        rate_parameter(top, "r", channels=["SR", "XR"])
    assert top.effects == ()
    assert top["SR"].effects == ()
