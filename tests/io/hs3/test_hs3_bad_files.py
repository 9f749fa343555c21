"""Bad HS3 files: the error, and the words that it must contain; and anything at all, anywhere."""

from __future__ import annotations

import copy
import json
import time
import warnings

import pytest
from hs3_files import SIGNAL, channel, file, modifier, one, sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smoothfit import read_hs3
from smoothfit.errors import FileFormatError, InputFileError, SmoothfitError

NORMSYS = {"hi": 1.3, "lo": 0.9}
HISTOSYS = {"hi": {"contents": [56.0, 21.0]}, "lo": {"contents": [47.0, 17.0]}}


def whole():
    """A file with something of everything."""
    background = sample(
        "bkg",
        [50.0, 20.0],
        modifier("normsys", "a", NORMSYS, constraint="Gauss"),
        modifier("histosys", "b", HISTOSYS, constraint="Gauss", interpolation={"type": "add", "in": "poly1"}),
        {"type": "staterror", "name": "stat", "constraint": "Gauss", "parameters": ["s0", "s1"]},
        {"type": "shapesys", "name": "sys", "data": {"vals": [5.0, 4.0]}, "parameters": ["y0", "y1"]},
        {"type": "custom", "name": "f"},
        modifier("normfactor", "k", constraint_name="K"),
        errors=[3.0, 2.0],
    )
    rate = {"name": "R", "type": "poisson_dist", "x": "nom_l", "mean": "rate"}
    return file(
        [channel(copy.deepcopy(SIGNAL), copy.deepcopy(background))],
        [[57.0, 22.0]],
        values={"mu": 1.0, "k": 1.0, "l": 1.0, "t": 0.5, "nom_k": 1.0, "nom_l": 10.0},
        const=("nom_k", "nom_l"),
        ranges={"mu": (0.0, 10.0), "k": (0.0, 3.0)},
        extra=[
            {"name": "K", "type": "gaussian_dist", "x": "nom_k", "mean": "k", "sigma": 0.1},
            rate,
            {"name": "aux", "type": "product_dist", "factors": ["R"]},
        ],
        functions=[
            {"name": "rate", "type": "product", "factors": ["l", 10.0]},
            {"name": "f", "type": "generic_function", "expression": "l*exp(0.1*t)+g"},
            {"name": "g", "type": "sum", "summands": [0.0, "t"]},
        ],
        aux=["aux"],
        analyses=[
            {
                "name": "an",
                "likelihood": "main",
                "domains": ["default_domain"],
                "init": "default_values",
                "parameters_of_interest": ["mu"],
            }
        ],
    )


def test_the_whole_one_is_read():
    model, _ = read_hs3(whole())
    assert set(model.parameters) == {"mu", "a", "b", "s0", "s1", "y0", "y1", "l", "t", "k"}
    assert [note.why for note in model.receipt.ignored] == [
        "Poisson is taken, HistFactory's default",
        "taken as absolute uncertainties; shapesys= says otherwise",
    ]


MISSING = object()


def changed(path, value):
    """The whole file with what is at ``path`` replaced, added or removed."""
    result = whole()
    *parents, last = path.split("/")
    target = result
    for key in parents:
        target = target[int(key) if isinstance(target, list) else key]
    if value is MISSING:
        del target[int(last) if isinstance(target, list) else last]
    elif isinstance(target, list):
        target[int(last) : int(last) + 1] = [value]
    else:
        target[last] = value
    return result


SIG = "distributions/0/samples/0"
BKG = "distributions/0/samples/1"
A, B, STAT, SYS, CUSTOM = (f"{BKG}/modifiers/{k}" for k in range(5))
CASES = {
    "no metadata": (changed("metadata", MISSING), ["/metadata", "'hs3_version'", "missing"]),
    "version 1": (changed("metadata/hs3_version", "1.0"), ["unsupported", "/metadata/hs3_version", "0.x"]),
    "a pyhf workspace": ({"channels": [], "metadata": {}}, ["pyhf workspace", "read_pyhf"]),
    "distributions an object": (changed("distributions", {}), ["/distributions", "a list is expected"]),
    "a distribution without name": (changed("distributions/1/name", MISSING), ["/distributions/1", "'name'"]),
    "a name twice": (changed("distributions/1/name", "SR"), ["/distributions/1", "'SR'", "/distributions/0"]),
    "a type of its own": (
        changed("distributions/0/type", "crystalball_dist"),
        ["unsupported", "/distributions/0", "'crystalball_dist'"],
    ),
    "a type that is a number": (changed("distributions/0/type", 7), ["/distributions/0/type", "7"]),
    "no samples": (changed("distributions/0/samples", []), ["/distributions/0", "no samples"]),
    "samples of different lengths": (
        changed(f"{SIG}/data/contents", [5.0]),
        [f"/{BKG}", "'bkg' has 2 bins", "'sig' has 1"],
    ),
    "a sample twice": (changed(f"{BKG}/name", "sig"), [f"/{SIG}", "'sig'", "twice"]),
    "no contents": (changed(f"{SIG}/data/contents", MISSING), [f"/{SIG}/data", "'contents'", "missing"]),
    "contents with a text": (changed(f"{SIG}/data/contents/1", "3"), [f"/{SIG}/data/contents[1]", "number"]),
    "contents infinite": (changed(f"{SIG}/data/contents/1", 1e999), [f"/{SIG}/data/contents[1]", "finite"]),
    "errors too short": (changed(f"{BKG}/data/errors", [3.0]), [f"/{BKG}/data/errors", "expected 2"]),
    "errors negative": (changed(f"{BKG}/data/errors", [3.0, -1.0]), [f"/{BKG}/data/errors", "negative"]),
    "errors missing": (changed(f"{BKG}/data/errors", MISSING), [f"/{BKG}/data", "'errors'", "staterror"]),
    "a modifier of its own": (changed(f"{A}/type", "lnN"), ["unsupported", f"/{A}", "'lnN'", "normsys"]),
    "a normsys without hi": (changed(f"{A}/data/hi", MISSING), [f"/{A}/data", "'hi'", "missing"]),
    "a normsys of 0": (changed(f"{A}/data/lo", 0.0), [f"/{A}/data/lo", "positive"]),
    "an unknown constraint": (changed(f"{A}/constraint", "Cauchy"), ["unsupported", f"/{A}", "'Cauchy'"]),
    "a constraint that is a number": (changed(f"{A}/constraint", 1), [f"/{A}/constraint", "name or null"]),
    "an interpolation of its own": (
        changed(f"{B}/interpolation", {"type": "mult", "in": "exp", "out": None}),
        ["unsupported", f"/{B}/interpolation", "histosys", "'poly6'"],
    ),
    "a code2 of pyhf": (
        changed(f"{B}/interpolation", "code2"),
        ["unsupported", f"/{B}/interpolation", "code2"],
    ),
    "templates too long": (
        changed(f"{B}/data/hi/contents", [1.0, 2.0, 3.0]),
        [f"/{B}/data/hi/contents", "expected 2"],
    ),
    "parameters too few": (
        changed(f"{STAT}/parameters", ["s0"]),
        [f"/{STAT}/parameters", "1 name", "2 bins"],
    ),
    "parameters alike": (changed(f"{STAT}/parameters", ["s0", "s0"]), [f"/{STAT}/parameters", "its own"]),
    "vals missing": (changed(f"{SYS}/data", MISSING), [f"/{SYS}", "'vals'", "missing"]),
    "one constraint for two bins": (
        changed(f"{SYS}/constraint", "K"),
        ["unsupported", f"/{SYS}", "a list, 'constraints'"],
    ),
    "constraints too few": (
        changed(f"{SYS}/constraints", ["K"]),
        [f"/{SYS}/constraints", "1 name for 2 bins"],
    ),
    "a constraint that is not there": (
        changed(f"{BKG}/modifiers/5/constraint_name", "Q"),
        [f"/{BKG}/modifiers/5", "'Q'", "/distributions"],
    ),
    "a function that is not there": (
        changed("functions/1/type", "spline"),
        ["unsupported", "/functions/1", "'spline'"],
    ),
    "a function of itself": (
        changed("functions/2/summands", ["f"]),
        ["refers to itself"],
    ),
    "a formula with an attribute": (
        changed("functions/1/expression", "().__class__"),
        ["/functions/1", "character"],
    ),
    "a formula with a call": (
        changed("functions/1/expression", "__import__('os')"),
        ["/functions/1", "character"],
    ),
    "a formula with @": (changed("functions/1/expression", "@0"), ["/functions/1/expression", "'@'"]),
    "a formula too long": (
        changed("functions/1/expression", "t+" * 6000 + "t"),
        ["/functions/1", "too long"],
    ),
    "a huge power": (changed("functions/1/expression", "9^9^9^9^t"), ["f"]),
    "an axis of other bins": (
        changed("distributions/0/axes/0/nbins", 10**9),
        ["/data/0/axes", "1000000000 bins", "2"],
    ),
    "an axis without bins": (
        changed("distributions/0/axes/0/nbins", MISSING),
        ["unsupported", "/data/0/axes/0", "edges"],
    ),
    "edges that fall": (
        changed("distributions/0/axes/0/edges", [0.0, 2.0, 1.0]),
        ["/data/0/axes/0", "increase"],
    ),
    "data that are not there": (
        changed("likelihoods/0/data", ["x"]),
        ["/likelihoods/0/data/0", "'x'", "/data"],
    ),
    "data too many": (
        changed("likelihoods/0/data", ["data_SR", 0]),
        ["/likelihoods/0", "1 distribution and 2"],
    ),
    "counts too few": (changed("data/0/contents", [57.0]), ["/data/0/axes", "1"]),
    "counts negative": (changed("data/0/contents", [57.0, -1.0]), ["/data/0", "negative"]),
    "data of another type": (changed("data/0/type", "combined"), ["unsupported", "/data/0", "'combined'"]),
    "unbinned data": (
        changed("data/0", {"name": "data_SR", "type": "unbinned", "axes": [], "entries": [[], []]}),
        ["unsupported", "/data/0", "unbinned"],
    ),
    "counts with errors": (
        changed("data/0/uncertainty", {"type": "gaussian_uncertainty"}),
        ["unsupported", "/data/0/uncertainty"],
    ),
    "no likelihoods": (changed("likelihoods", []), ["unsupported", "/likelihoods", "add a likelihood"]),
    "a likelihood of nothing": (
        changed("likelihoods/0", {"name": "main", "distributions": [], "data": []}),
        ["unsupported", "/likelihoods/0", "without a binned channel"],
    ),
    "a distribution that is not there": (
        changed("likelihoods/0/distributions", ["CR"]),
        ["/likelihoods/0/distributions", "'CR'", "'SR'"],
    ),
    "a product of itself": (changed("distributions/3/factors", ["aux"]), ["nested deeper", "circle"]),
    "a sigma of 0": (changed("distributions/1/sigma", 0.0), ["/distributions/1/sigma", "positive"]),
    "a sigma that varies": (
        changed("distributions/1/sigma", "mu"),
        ["unsupported", "/distributions/1/sigma"],
    ),
    "a constraint of nothing": (
        changed("distributions/1/mean", 3.0),
        ["unsupported", f"/{BKG}/modifiers/5", "'K'", "does not constrain 'k'"],
    ),
    "a value of no number": (
        changed("parameter_points/0/parameters/0/value", None),
        ["/parameter_points/0/parameters/0/value", "number"],
    ),
    "a value twice": (
        changed("parameter_points/0/parameters/1/name", "mu"),
        ["/parameter_points/0/parameters/1", "'mu'", "already"],
    ),
    "a value outside its range": (
        changed("parameter_points/0/parameters/0/value", 11.0),
        ["'mu'", "11", "[0, 10]"],
    ),
    "const a number": (
        changed("parameter_points/0/parameters/0/const", 1),
        ["/parameter_points/0/parameters/0/const", "true or false"],
    ),
    "no value at all": (
        changed("parameter_points/0/parameters/2", {"name": "q", "value": 0.0}),
        ["/parameter_points", "'l'", "no value"],
    ),
    "a range the wrong way round": (
        changed("domains/0/axes/0/min", 20.0),
        ["/domains/0/axes/0", "20", "swap"],
    ),
    "a domain of another type": (
        changed("domains/0/type", "simplex_domain"),
        ["unsupported", "/domains/0", "simplex_domain"],
    ),
    "an analysis of no likelihood": (
        changed("analyses/0/likelihood", "x"),
        ["/analyses/0/likelihood", "'x'", "'main'"],
    ),
    "an init that is not there": (changed("analyses/0/init", "x"), ["/analyses/0/init", "'x'"]),
    "parameters of interest a name": (
        changed("analyses/0/parameters_of_interest", "mu"),
        ["/analyses/0/parameters_of_interest", "list"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_with_its_path(name):
    document, words = CASES[name]
    with pytest.raises(FileFormatError) as caught:
        read_hs3(document)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


TEXTS = {
    "truncated": ('{"metadata": {"hs3_version"', ["not valid JSON", "line 1"]),
    "NaN": ('{"metadata": {"hs3_version": "0.2"}, "data": [NaN]}', ["NaN", "line 1"]),
    "a key twice": ('{"data": [], "data": []}', ["'data'", "twice"]),
    "nested deeply": ('{"distributions": ' + "[" * 90 + "]" * 90 + "}", ["nested too deeply"]),
    "a list": ("[1]", ["object"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name, tmp_path):
    text, words = TEXTS[name]
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(FileFormatError) as caught:
        read_hs3(path)
    for word in [*words, str(path)]:
        assert word in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.json"):
        read_hs3(tmp_path / "nowhere.json")


@pytest.mark.parametrize(("kind", "key"), [("sum", "summands"), ("product", "factors")])
def test_functions_that_double_with_every_level_end_soon(kind, key):
    functions = [{"name": "f0", "type": kind, key: ["mu", "mu"]}]
    functions += [{"name": f"f{k}", "type": kind, key: [f"f{k - 1}"] * 2} for k in range(1, 36)]
    began = time.process_time()
    with pytest.raises(FileFormatError, match="too long"):
        read_hs3(one({"type": "custom", "name": "f35"}, functions=functions))
    assert time.process_time() - began < 20.0


def test_products_that_double_with_every_level_end_soon():
    products = [{"name": n, "type": "product_dist", "factors": ["SR"]} for n in ("a0", "b0")]
    for k in range(1, 38):
        products += [
            {"name": f"{n}{k}", "type": "product_dist", "factors": [f"a{k - 1}", f"b{k - 1}"]} for n in "ab"
        ]
    content = one(modifier("normfactor", "k"), values={"k": 1.0, "mu": 1.0}, extra=products)
    content["likelihoods"][0]["distributions"] = ["a37"]
    began = time.process_time()
    assert read_hs3(content)[0].channels == ("SR",)
    assert time.process_time() - began < 20.0


# -- anything at all -----------------------------------------------------------------------------

VALUES = [
    None,
    True,
    -3,
    0,
    0.5,
    1e308,
    10**400,
    "x",
    "mu",
    "K",
    "rate",
    "",
    [],
    {},
    [[]],
    {"name": "x"},
    ["mu"],
]


def places(document, path=()):
    yield path
    if isinstance(document, dict | list):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(value, (*path, key))


PLACES = [path for path in places(whole()) if path]


def put(document, path, value):
    target = document
    for key in path[:-1]:
        try:
            target = target[key]
        except (KeyError, IndexError, TypeError):
            return document
    if isinstance(target, dict) or (isinstance(target, list) and isinstance(path[-1], int)):
        if value is MISSING:
            if isinstance(target, dict) or path[-1] < len(target):
                target.pop(path[-1], None) if isinstance(target, dict) else target.pop(path[-1])
        elif isinstance(target, dict) or path[-1] < len(target):
            target[path[-1]] = copy.deepcopy(value)
    return document


@st.composite
def mutated(draw):
    document = whole()
    for _ in range(draw(st.integers(1, 3))):
        value = draw(st.one_of(st.sampled_from([*VALUES, MISSING]), st.floats(), st.text(max_size=8)))
        document = put(document, draw(st.sampled_from(PLACES)), value)
    return document


def read_or_refused(document):
    began, message = time.process_time(), "HS3"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read_hs3(document)
        except SmoothfitError as error:
            message = str(error)
    assert "HS3" in message
    assert time.process_time() - began < 20.0


@settings(max_examples=60, deadline=None)
@given(mutated())
def test_mutated_files_become_models_or_errors(document):
    read_or_refused(document)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_many_mutated_files(document):
    read_or_refused(document)


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES, ids=lambda v: repr(v)[:12])
def test_whatever_stands_anywhere(value):
    for path in PLACES:
        read_or_refused(put(whole(), path, value))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["distributions", "likelihoods", "metadata", "name"]), inner, max_size=3
            )
        ),
        max_leaves=12,
    )
)
def test_any_json(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SmoothfitError, match=r"any\.json"):
        read_hs3(path)
