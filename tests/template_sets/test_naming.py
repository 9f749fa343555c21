"""How names are read: templates, their fields, and names with several readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothfit.errors import InvalidTypeError, InvalidValueError
from smoothfit.template_sets.naming import read_naming
from smoothfit.template_sets.sorting import Filters, read_filters, sort_names

USUAL = "{process}_{systematic}{Up|Down}"


def varied(naming, name):
    return [tuple(reading) for reading in read_naming(naming).varied.readings(name)]


def test_every_reading_is_found():
    assert varied(USUAL, "a_b_cUp") == [("", "a", "b_c", "up"), ("", "a_b", "c", "up")]
    assert varied(USUAL, "a_bDown") == [("", "a", "b", "down")]
    assert varied(USUAL, "a_b") == []
    assert varied(USUAL, "_bUp") == []
    assert varied(USUAL, "a_Up") == []
    assert varied("{channel}/{process}_{systematic}{Up|Down}", "SR/a_bUp") == [("SR", "a", "b", "up")]
    # Fields have no slashes.
    assert varied(USUAL, "SR/a_bUp") == []


def test_other_orders_and_words():
    assert varied("{systematic}_{direction}/{process}", "jes_Up/tt") == [("", "tt", "jes", "up")]
    assert varied("h_{channel}_{process}__{systematic}_{low|high}", "h_SR_tt__jes_high") == [
        ("SR", "tt", "jes", "down")
    ]
    naming = read_naming(USUAL)
    for reading in naming.varied.readings("a_b_cUp"):
        assert naming.varied.name(reading) == "a_b_cUp"


@pytest.mark.parametrize(
    ("naming", "nominal"),
    [
        (USUAL, "{process}"),
        ("{channel}/{process}_{systematic}_{direction}", "{channel}/{process}"),
        ("{process}_{systematic}{Up|Down}_{channel}", "{process}_{channel}"),
        ("{process}__{systematic}{Up|Down}_hist", "{process}_hist"),
        ("{systematic}{Up|Down}/{channel}/{process}", "{channel}/{process}"),
        ("{process}", "{process}"),
    ],
)
def test_the_nominal_template(naming, nominal):
    assert read_naming(naming).nominal.text == nominal


@pytest.mark.parametrize(
    ("naming", "nominal", "words"),
    [
        ("{process}_{sys}{Up|Down}", None, "'{sys}'"),
        ("{systematic}{Up|Down}", None, "no {process}"),
        ("{process}_{systematic}", None, "no {direction}"),
        ("{process}_{Up|Down}", None, "no {systematic}"),
        ("{process}_{process}", None, "twice"),
        ("{process}_{systematic}{Up|Up}", None, "twice the direction 'Up'"),
        ("{process}_{systematic}{Up|Down", None, "belongs to no field"),
        ("{systematic}_{process}_{Up|Down}", None, "nominal=..."),
        (USUAL, "{channel}/{process}", "same fields"),
        (USUAL, "{process}{direction}", "has a direction"),
    ],
)
def test_templates_that_are_none(naming, nominal, words):
    with pytest.raises(InvalidValueError) as error:
        read_naming(naming, nominal)
    assert words in str(error.value)


def test_a_template_is_text():
    with pytest.raises(InvalidTypeError, match="template"):
        read_naming(3)


def sort(names, naming=USUAL, data="data_obs", **filters):
    known = {"channels": None, "processes": None, "systematics": None, "ignore": ()} | filters
    return sort_names(names, read_naming(naming), read_filters(**known), data)


def pairs(process, systematic):
    return [f"{process}_{systematic}{side}" for side in ("Up", "Down")]


def test_a_usual_set():
    found = sort(["data_obs", "sig", "tt_2l", *pairs("tt_2l", "jes_eff"), *pairs("sig", "lumi")])
    assert found.data == {"": "data_obs"}
    assert list(found.nominal) == [("", "sig"), ("", "tt_2l")]
    assert found.varied["", "tt_2l", "jes_eff"] == {"up": "tt_2l_jes_effUp", "down": "tt_2l_jes_effDown"}
    assert not found.notes


def test_the_systematic_that_others_have_decides():
    names = ["tt", "tt_2l", "sig", *pairs("tt_2l", "jes"), *pairs("sig", "jes")]
    found = sort(names)
    assert ("", "tt_2l", "jes") in found.varied
    assert ("", "tt", "2l_jes") not in found.varied
    assert found.notes[0].what.startswith("'tt_2l_jesUp' read as systematic 'jes'")
    assert "'2l_jes' of process 'tt'" in found.notes[0].why


def test_two_readings_are_an_error():
    names = ["tt", "tt_2l", *pairs("tt_2l", "jes")]
    with pytest.raises(InvalidValueError) as error:
        sort(names)
    for words in ("'tt_2l_jesUp'", "'2l_jes' of process 'tt'", "'jes' of process 'tt_2l'", "systematics="):
        assert words in str(error.value)
    assert ("", "tt_2l", "jes") in sort(names, systematics=["jes"]).varied
    assert ("", "tt", "2l_jes") in sort(names, systematics=["2l_jes"]).varied
    # Where others have both, nothing is decided.
    with pytest.raises(InvalidValueError, match="tt_2l_jesUp"):
        sort([*names, "sig", *pairs("sig", "jes"), *pairs("sig", "2l_jes")])


def test_channels_and_processes_may_have_to_be_named():
    naming = "{channel}_{process}_{systematic}{Up|Down}"
    names = ["SR_low_tt", *pairs("SR_low_tt", "jes")]
    with pytest.raises(InvalidValueError, match="channels="):
        sort(names, naming)
    found = sort(names, naming, channels=["SR_low"], systematics=["jes"])
    assert list(found.nominal) == [("SR_low", "tt")]
    assert list(found.varied) == [("SR_low", "tt", "jes")]


def test_a_process_that_looks_like_a_variation():
    names = ["W_PileUp", "W"]
    # One-sided: the builder says so.
    assert sort(names).varied == {("", "W", "Pile"): {"up": "W_PileUp"}}
    assert list(sort(names, processes=["W", "W_PileUp"]).nominal) == [("", "W_PileUp"), ("", "W")]


def test_nothing_is_left_out_silently():
    with pytest.raises(InvalidValueError, match=r"1 name cannot be read by.*'cutflow'"):
        sort(["SR/tt", "cutflow"], "{channel}/{process}_{systematic}{Up|Down}")
    with pytest.raises(InvalidValueError, match=r"without a nominal histogram: 'tt_jesUp', 'tt_jesDown'"):
        sort(["sig", *pairs("tt", "jes")])
    with pytest.raises(InvalidValueError, match="variation of the data"):
        sort(["sig", "data_obs", *pairs("data_obs", "jes")])
    with pytest.raises(InvalidValueError, match="cannot be read"):
        sort(["sig", "other"], processes=["sig"])
    with pytest.raises(InvalidValueError, match="cannot be read"):
        sort(["s" * 400], data=None)


def test_what_is_ignored_is_noted():
    found = sort(["sig", "sig_old", "x/y"], ignore=["*_old", "x/*"])
    assert list(found.nominal) == [("", "sig")]
    assert [(note.what, note.why) for note in found.notes] == [
        ("'sig_old'", "ignore has '*_old'"),
        ("'x/y'", "ignore has 'x/*'"),
    ]
    assert sort(["sig", "a"], ignore="a").nominal == found.nominal


@pytest.mark.parametrize(
    "given", [{"ignore": 3}, {"ignore": [3]}, {"processes": "sig"}, {"systematics": [1]}]
)
def test_lists_of_names(given):
    with pytest.raises(InvalidTypeError):
        sort(["sig"], **given)


def test_names_without_variations():
    found = sort(["SR/sig", "CR/sig"], "{channel}/{process}")
    assert list(found.nominal) == [("SR", "sig"), ("CR", "sig")]
    assert Filters().systematics is None


NAMES = st.text("abUpDown_{}", min_size=1, max_size=8)


@given(st.sets(NAMES, min_size=1, max_size=4), st.sets(NAMES, max_size=4), st.randoms())
def test_what_was_named_is_found(processes, systematics, random):
    """Where slashes part them, all names are read as they were made, in whatever order they come."""
    made = [f"SR/{process}/nominal" for process in processes]
    made += [f"SR/{p}/{s}/{side}" for p in processes for s in systematics for side in ("Up", "Down")]
    random.shuffle(made)
    naming = read_naming("{channel}/{process}/{systematic}/{Up|Down}", "{channel}/{process}/nominal")
    found = sort_names(made, naming, Filters(), None)
    assert {process for _, process in found.nominal} == processes
    assert set(found.varied) == {("SR", p, s) for p in processes for s in systematics}
    for (channel, process, systematic), sides in found.varied.items():
        assert sides["up"] == f"{channel}/{process}/{systematic}/Up"
        assert sides["down"] == f"{channel}/{process}/{systematic}/Down"


@given(st.lists(NAMES, max_size=8, unique=True), st.sampled_from([USUAL, "{process}{systematic}{Up|Down}"]))
def test_any_names_are_sorted_or_refused(names, naming):
    """Every name is in the result once, or the set is refused by a typed error."""
    try:
        found = sort(names, naming)
    except InvalidValueError:
        return
    sides = [name for pair in found.varied.values() for name in pair.values()]
    assert sorted([*found.nominal.values(), *found.data.values(), *sides]) == sorted(names)
